#include "sgw/xc-client.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"

#define COMMAND_DEADLINE_MS 8000

struct SgwXc {
    GPtrArray *peers; /* Peer */
};

/* The connection to one MCF. It stays when its last session has gone: the next viewer saves the set-up. */
typedef struct {
    NetRtspClient *client;
    GHashTable *sessions; /* h-session -> SgwXcSession */
} Peer;

struct SgwXcSession {
    Peer *peer;
    char *uri;
    char *id;
    char *call_id;
    const SgwXcEvents *events;
    void *user_data;
    GHashTable *pending; /* set of Pending */
    guint keep_alive_timer;
    unsigned keep_alive_id;
    bool keep_alive_waits;
};

typedef struct {
    SgwXcSession *session;
    unsigned id;
    SgwXcDone done;
    void *user_data;
} Pending;

/* --- connections --- */

static unsigned
on_announce(void *user_data, const ProtoRtspMsg *request, const char *session)
{
    Peer *peer = user_data;
    SgwXcSession *found = session ? g_hash_table_lookup(peer->sessions, session) : NULL;
    ProtoRtspNotice notice;

    if (!found)
        return 454;
    if (proto_rtsp_notice_parse(request, &notice))
        found->events->notice(found, &notice, found->user_data);
    return 200;
}

static void
on_state(void *user_data, bool connected, const GError *error)
{
    Peer *peer = user_data;

    if (connected)
        base_info(NULL, "Xc connection to %s is up", net_rtsp_client_peer(peer->client));
    else
        base_warning(NULL, "Xc connection to %s lost: %s; made again with the next request",
                     net_rtsp_client_peer(peer->client), error ? error->message : "closed");
}

static void
peer_free(void *pointer)
{
    Peer *self = pointer;

    net_rtsp_client_free(self->client);
    g_hash_table_unref(self->sessions);
    g_free(self);
}

SgwXc *
sgw_xc_new(void)
{
    SgwXc *self = g_new0(SgwXc, 1);

    self->peers = g_ptr_array_new_with_free_func(peer_free);
    return self;
}

void
sgw_xc_free(SgwXc *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->peers);
    g_free(self);
}

/* The connection for @uri: an open one to the same address, or a new one. */
static Peer *
find_peer(SgwXc *self, const char *uri, GError **error)
{
    static const NetRtspClientEvents events = {.announce = on_announce, .state = on_state};
    Peer *peer = g_new0(Peer, 1);

    peer->client = net_rtsp_client_new_for_uri(uri, &events, peer, error);
    if (!peer->client) {
        g_free(peer);
        return NULL;
    }
    for (guint i = 0; i < self->peers->len; i++) {
        Peer *known = self->peers->pdata[i];
        if (g_str_equal(net_rtsp_client_peer(known->client), net_rtsp_client_peer(peer->client))) {
            net_rtsp_client_free(peer->client); /* it has not connected yet */
            g_free(peer);
            return known;
        }
    }
    peer->sessions = g_hash_table_new(g_str_hash, g_str_equal);
    g_ptr_array_add(self->peers, peer);
    return peer;
}

/* --- requests --- */

static ProtoRtspMsg *
new_request(const SgwXcSession *self, const char *method)
{
    ProtoRtspMsg *request = proto_rtsp_request_new(method, self->uri);

    proto_rtsp_set_header(request, "Session", self->id);
    proto_rtsp_set_header(request, "Session-ID", self->call_id);
    return request;
}

static ProtoRtspMsg *
build_play(const SgwXcSession *self, const SgwXcCommand *command)
{
    ProtoRtspMsg *request = new_request(self, "PLAY");
    char scale[G_ASCII_DTOSTR_BUF_SIZE];

    if (command->has_range) {
        g_autofree char *range = proto_rtsp_range_build(&command->range);
        proto_rtsp_set_header(request, "Range", range);
    }
    if (command->has_scale)
        proto_rtsp_set_header(request, "Scale", g_ascii_formatd(scale, sizeof scale, "%.3f", command->scale));
    return request;
}

static ProtoRtspMsg *
build_request(const SgwXcSession *self, const SgwXcCommand *command)
{
    ProtoRtspMsg *request = NULL;
    g_autofree char *body = NULL;

    switch (command->method) {
    case SGW_XC_PLAY:
        return build_play(self, command);
    case SGW_XC_PAUSE:
        return new_request(self, "PAUSE");
    case SGW_XC_GET_PARAMETER: {
        g_autofree char *names = g_strjoinv("\r\n", (char **)command->parameters);
        request = new_request(self, "GET_PARAMETER");
        body = g_strconcat(names, "\r\n", NULL);
        break;
    }
    case SGW_XC_ZAP:
        request = new_request(self, "SET_PARAMETER");
        body = g_strdup_printf("bc_service: %s\r\n", command->bc_service);
        break;
    }
    proto_rtsp_set_body(request, "text/parameters", body, -1);
    return request;
}

static void
read_outcome(const ProtoRtspMsg *response, SgwXcOutcome *ret_outcome)
{
    const char *range = proto_rtsp_header(response, "Range");
    const char *scale = proto_rtsp_header(response, "Scale");
    const char *anchor = proto_rtsp_header(response, PROTO_RTSP_ANCHOR_HEADER);

    *ret_outcome = (SgwXcOutcome){.status = response->status, .response = response};
    ret_outcome->reason =
        response->reason && *response->reason ? response->reason : proto_rtsp_reason(response->status);
    ret_outcome->has_range = range && proto_rtsp_range_parse(range, &ret_outcome->range, NULL);
    ret_outcome->has_scale = scale && proto_rtsp_number_parse(scale, &ret_outcome->scale);
    ret_outcome->has_anchor = anchor && proto_rtsp_anchor_parse(anchor, &ret_outcome->anchor);
}

static void
on_done(void *user_data, const ProtoRtspMsg *response, const GError *error)
{
    Pending *pending = user_data;
    SgwXcDone done = pending->done;
    void *done_data = pending->user_data;
    SgwXcOutcome outcome;

    g_hash_table_remove(pending->session->pending, pending);
    if (response)
        read_outcome(response, &outcome);
    done(response ? &outcome : NULL, error, done_data);
}

bool
sgw_xc_command(SgwXcSession *self, const SgwXcCommand *command, SgwXcDone done, void *user_data)
{
    Pending *pending = NULL;

    if (g_hash_table_size(self->pending) >= SGW_XC_MAX_WAITING)
        return false;
    pending = g_new0(Pending, 1);
    pending->session = self;
    pending->done = done;
    pending->user_data = user_data;
    g_hash_table_add(self->pending, pending);
    pending->id = net_rtsp_client_send(self->peer->client, build_request(self, command), COMMAND_DEADLINE_MS,
                                       on_done, pending);
    return true;
}

/* --- keep-alive --- */

static void
on_keep_alive_done(void *user_data, const ProtoRtspMsg *response, const GError *error G_GNUC_UNUSED)
{
    SgwXcSession *self = user_data;

    self->keep_alive_waits = false;
    if (response && response->status == 454)
        self->events->gone(self, self->user_data);
}

static gboolean
on_keep_alive_due(gpointer user_data)
{
    SgwXcSession *self = user_data;

    if (!self->keep_alive_waits) {
        self->keep_alive_waits = true;
        self->keep_alive_id = net_rtsp_client_send(self->peer->client, new_request(self, "GET_PARAMETER"),
                                                   COMMAND_DEADLINE_MS, on_keep_alive_done, self);
    }
    return G_SOURCE_CONTINUE;
}

/* --- sessions --- */

/* An h-uri may be relative: then the c= address and port of the line are its base. */
static char *
absolute_uri(const ProtoIptvRtsp *line)
{
    if (g_str_has_prefix(line->h_uri, "rtsp://"))
        return g_strdup(line->h_uri);
    return g_strdup_printf("rtsp://%s:%u/%s", line->address ? line->address : "0.0.0.0", line->port,
                           line->h_uri + (line->h_uri[0] == '/'));
}

SgwXcSession *
sgw_xc_session_new(SgwXc *xc,
                   const ProtoIptvRtsp *line,
                   const char *call_id,
                   const SgwXcEvents *events,
                   void *user_data,
                   GError **error)
{
    SgwXcSession *self = NULL;
    g_autofree char *uri = NULL;
    Peer *peer = NULL;

    if (!line->h_uri || !line->h_session || line->port == 0) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL,
                            "the answer has no playback control (iptv_rtsp with h-uri and h-session)");
        return NULL;
    }
    uri = absolute_uri(line);
    peer = find_peer(xc, uri, error);
    if (!peer)
        return NULL;
    if (g_hash_table_contains(peer->sessions, line->h_session)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL,
                            "the MCF gave one RTSP session to two calls");
        return NULL;
    }
    self = g_new0(SgwXcSession, 1);
    self->peer = peer;
    self->uri = g_steal_pointer(&uri);
    self->id = g_strdup(line->h_session);
    self->call_id = g_strdup(call_id);
    self->events = events;
    self->user_data = user_data;
    self->pending = g_hash_table_new_full(NULL, NULL, g_free, NULL);
    g_hash_table_insert(peer->sessions, self->id, self);
    self->keep_alive_timer = g_timeout_add(MAX(line->timeout_s, 2) * 500, on_keep_alive_due, self);
    return self;
}

void
sgw_xc_session_free(SgwXcSession *self)
{
    GHashTableIter iter;
    void *pending = NULL;

    if (!self)
        return;
    g_hash_table_iter_init(&iter, self->pending);
    while (g_hash_table_iter_next(&iter, &pending, NULL))
        net_rtsp_client_cancel(self->peer->client, ((Pending *)pending)->id);
    if (self->keep_alive_waits)
        net_rtsp_client_cancel(self->peer->client, self->keep_alive_id);
    g_clear_handle_id(&self->keep_alive_timer, g_source_remove);
    g_hash_table_remove(self->peer->sessions, self->id);
    g_hash_table_unref(self->pending);
    g_free(self->uri);
    g_free(self->id);
    g_free(self->call_id);
    g_free(self);
}

bool
sgw_xc_session_is(const SgwXcSession *self, const ProtoIptvRtsp *line)
{
    return g_strcmp0(self->id, line->h_session) == 0;
}
