#include "mcf-extensions/xc-server.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/net/rtsp-conn.h"
#include "mcf-extensions/xc-handler.h"

#define ANNOUNCE_DEADLINE_MS 5000

typedef struct {
    McfSession *session;
    uint64_t connection; /* 0: not used yet */
    char *address;
} Binding;

struct McfXcServer {
    NetRtspServer *rtsp;
    char *announced, *notice_header, *home_domain;
    GHashTable *bindings; /* RTSP session id -> Binding */
};

/* One request on its way through Xp. It does not need the session any more once it has begun. */
typedef struct {
    NetRtspRequest *rtsp;
    McfXcRequest request;
    BaseLogFields about; /* strings owned */
} Command;

static void
binding_free(gpointer data)
{
    Binding *self = data;

    g_free(self->address);
    g_free(self);
}

/* ---- commands ---- */

static void
count(const ProtoRtspMsg *message, unsigned status)
{
    static const char *const known[] = {"PLAY", "PAUSE", "GET_PARAMETER", "SET_PARAMETER", "OPTIONS"};
    const char *method = "other";
    g_autofree char *labels = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (strcmp(known[i], message->method) == 0)
            method = known[i];
    labels = g_strdup_printf("method=\"%s\",class=\"%uxx\"", method, status / 100);
    base_metric_add(base_counter("imstv_mcf_xc_requests_total", labels, "requests on Xc by outcome"), 1);
}

/* @response: (transfer full) */
static void
respond(NetRtspRequest *rtsp, ProtoRtspMsg *response)
{
    count(net_rtsp_request_message(rtsp), response->status);
    net_rtsp_request_respond(rtsp, response);
}

static void
on_done(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    Command *command = user_data;
    const char *method = net_rtsp_request_message(command->rtsp)->method;
    ProtoRtspMsg *response;

    if (error)
        response = mcf_xc_answer_error(&command->request, error, retry_after_s);
    else if (command->request.command == MCF_XC_GET)
        response = mcf_xc_answer_state(&command->request, reply);
    else
        response = mcf_xc_answer_outcome(&command->request, reply);
    if (error)
        base_warning(&command->about, "%s failed: %s", method, error->message);
    else if (command->request.command != MCF_XC_GET)
        base_info(&command->about, "%s done: %s from %.3f s", method, reply->state, reply->npt_start_s);
    respond(command->rtsp, response);
    mcf_xc_request_clear(&command->request);
    g_free((char *)command->about.session);
    g_free((char *)command->about.call_id);
    g_free((char *)command->about.channel);
    g_free(command);
}

/* @request: (transfer full), cleared here. */
static Command *
command_new(McfSession *session, NetRtspRequest *rtsp, McfXcRequest *request)
{
    const BaseLogFields about = mcf_session_log(session);
    Command *command = g_new0(Command, 1);

    command->rtsp = rtsp;
    command->request = *request;
    memset(request, 0, sizeof *request);
    command->about.session = g_strdup(about.session);
    command->about.call_id = g_strdup(about.call_id);
    command->about.channel = g_strdup(about.channel);
    return command;
}

static void
run_zap(McfXcServer *self, McfSession *session, NetRtspRequest *rtsp, McfXcRequest *request)
{
    const BaseLogFields about = mcf_session_log(session);
    g_autofree char *channel = proto_bc_service_name(request->bc_service);

    if (!mcf_session_grants(session, request->bc_service, self->home_domain)) {
        base_info(&about, "zap to %.64s refused: not in the granted list", request->bc_service);
        respond(rtsp, proto_rtsp_response_new(403, NULL));
        return;
    }
    mcf_session_zap(session, channel, on_done, command_new(session, rtsp, request));
}

static void
run(McfXcServer *self, McfSession *session, NetRtspRequest *rtsp, McfXcRequest *request)
{
    switch (request->command) {
    case MCF_XC_ANSWER: {
        ProtoRtspMsg *response = mcf_xc_answer(request, net_rtsp_request_message(rtsp));
        /* the timeout is said where RFC 2326 12.37 has it */
        if (strcmp(net_rtsp_request_message(rtsp)->method, "SETUP") == 0)
            proto_rtsp_set_header_printf(response, "Session", "%s;timeout=%u", mcf_session_rtsp_id(session),
                                         mcf_session_timeout_s(session));
        respond(rtsp, response);
        return;
    }
    case MCF_XC_PLAY: {
        double npt_s = request->npt_s, scale = request->scale;
        mcf_session_play(session, npt_s, scale, on_done, command_new(session, rtsp, request));
        return;
    }
    case MCF_XC_PAUSE:
        mcf_session_pause(session, on_done, command_new(session, rtsp, request));
        return;
    case MCF_XC_GET:
        mcf_session_state(session, on_done, command_new(session, rtsp, request));
        return;
    case MCF_XC_ZAP:
        run_zap(self, session, rtsp, request);
        return;
    }
}

/* ---- which session ---- */

/* An id that was guessed or overheard is of no use on another connection. */
static bool
bind_to_connection(McfXcServer *self, Binding *binding, const NetRtspRequest *rtsp)
{
    uint64_t connection = net_rtsp_request_connection(rtsp);
    const char *address = net_rtsp_request_peer_address(rtsp);

    if (binding->connection == connection)
        return true;
    if (binding->connection && net_rtsp_server_has_connection(self->rtsp, binding->connection))
        return false;
    if (binding->address && strcmp(binding->address, address) != 0)
        return false;
    binding->connection = connection;
    g_free(binding->address);
    binding->address = g_strdup(address);
    return true;
}

static McfSession *
find_session(McfXcServer *self, const NetRtspRequest *rtsp)
{
    const char *id = net_rtsp_request_session(rtsp);
    Binding *binding = id ? g_hash_table_lookup(self->bindings, id) : NULL;

    if (!binding || !bind_to_connection(self, binding, rtsp))
        return NULL;
    return binding->session;
}

static void
on_request(void *user_data, NetRtspRequest *rtsp)
{
    McfXcServer *self = user_data;
    g_auto(McfXcRequest) request = {0};
    McfSession *session;

    mcf_xc_decide(net_rtsp_request_message(rtsp), &request);
    if (!request.needs_session) {
        respond(rtsp, mcf_xc_answer(&request, net_rtsp_request_message(rtsp)));
        return;
    }
    session = find_session(self, rtsp);
    if (!session) {
        respond(rtsp, proto_rtsp_response_new(454, NULL));
        return;
    }
    mcf_session_touch(session);
    run(self, session, rtsp, &request);
}

static const NetRtspServerEvents server_events = {.request = on_request};

/* ---- lifecycle ---- */

McfXcServer *
mcf_xc_server_new(const McfXcConfig *config, GError **error)
{
    g_autoptr(McfXcServer) self = g_new0(McfXcServer, 1);

    self->announced = g_strdup(*config->announced ? config->announced : config->listen);
    self->notice_header = g_strdup(config->notice_header);
    self->home_domain = g_strdup(config->home_domain);
    self->bindings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, binding_free);
    self->rtsp = net_rtsp_server_new(config->listen, config->port, NULL, &server_events, self, error);
    return self->rtsp ? g_steal_pointer(&self) : NULL;
}

void
mcf_xc_server_free(McfXcServer *self)
{
    if (!self)
        return;
    net_rtsp_server_free(self->rtsp);
    g_hash_table_unref(self->bindings);
    g_free(self->announced);
    g_free(self->notice_header);
    g_free(self->home_domain);
    g_free(self);
}

const char *
mcf_xc_server_address(const McfXcServer *self)
{
    return self->announced;
}

uint16_t
mcf_xc_server_port(const McfXcServer *self)
{
    return net_rtsp_server_port(self->rtsp);
}

char *
mcf_xc_server_uri(const McfXcServer *self, const McfSession *session)
{
    g_autofree char *path = g_strdelimit(g_strdup(mcf_session_content(session)), ":", '/');

    return g_strdup_printf(strchr(self->announced, ':') ? "rtsp://[%s]:%u/%s" : "rtsp://%s:%u/%s",
                           self->announced, mcf_xc_server_port(self), path);
}

void
mcf_xc_server_add(McfXcServer *self, McfSession *session)
{
    Binding *binding = g_new0(Binding, 1);

    binding->session = session;
    g_hash_table_insert(self->bindings, g_strdup(mcf_session_rtsp_id(session)), binding);
}

void
mcf_xc_server_remove(McfXcServer *self, McfSession *session)
{
    g_hash_table_remove(self->bindings, mcf_session_rtsp_id(session));
}

void
mcf_xc_server_announce(McfXcServer *self, McfSession *session, unsigned code, double npt_s)
{
    Binding *binding = g_hash_table_lookup(self->bindings, mcf_session_rtsp_id(session));
    g_autofree char *uri = mcf_xc_server_uri(self, session);
    ProtoRtspMsg *announce;

    if (!binding || !binding->connection)
        return;
    announce = mcf_xc_announce(uri, mcf_session_rtsp_id(session), self->notice_header, code, npt_s,
                               g_get_real_time() / G_USEC_PER_SEC);
    proto_rtsp_set_header(announce, "Session-ID", mcf_session_id(session));
    net_rtsp_server_send(self->rtsp, binding->connection, announce, ANNOUNCE_DEADLINE_MS, NULL, NULL);
}
