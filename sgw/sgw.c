#include "sgw/sgw.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/headend-config.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "lib/net/admin.h"
#include "sgw/session.h"
#include "sgw/w2-server.h"
#include "sgw/xc-client.h"

#define STOP_TIMEOUT_MS 2500
#define COMPLETE_TIMEOUT_MS 5000
#define MAX_PLAIN_FAULTS 10

const BaseConfigKey sgw_keys[] = {
    BASE_HEADEND_KEYS,
    {"sgw", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "IPv4 address of the page's port"},
    {"sgw", "port", BASE_CONFIG_INT, "8080", 0, 65535, NULL, "port of page, W2, WHEP and API; 0: any"},
    {"sgw", "web_dir", BASE_CONFIG_STRING, "web", 0, 0, NULL, "folder of the page"},
    {"sgw", "allowed_origins", BASE_CONFIG_LIST, NULL, 0, 0, NULL,
     "origins of pages elsewhere that may open W2, such as https://tv.example.net"},
    {"sgw", "pcscf", BASE_CONFIG_STRING, "127.0.0.1:5060", 0, 0, NULL,
     "address:port of the P-CSCF (IP literal)"},
    {"sgw", "gm_address", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "our IPv4 address on Gm and in SDP"},
    {"sgw", "gm_transport", BASE_CONFIG_ENUM, "tcp", 0, 0, "tcp|udp",
     "transport of a registration's whole life"},
    {"sgw", "gm_auth", BASE_CONFIG_ENUM, "relay", 0, 0, "relay", "who answers digest challenges: the page"},
    {"sgw", "register_expires_s", BASE_CONFIG_INT, "600", 30, 86400, NULL, "registration time asked for"},
    {"sgw", "grace_s", BASE_CONFIG_INT, "30", 1, 3600, NULL, "how long a lost browser keeps its session"},
    {"sgw", "restore_s", BASE_CONFIG_INT, "60", 1, 3600, NULL,
     "how long a viewer whose connection to the core is lost stays, to be registered again"},
    {"sgw", "sdf_psi", BASE_CONFIG_STRING, "iptv-sdf", 0, 0, NULL, "user part of the SDF's address"},
    {"sgw", "bc_psi", BASE_CONFIG_STRING, "iptv-bc", 0, 0, NULL,
     "user part of the broadcast service's address"},
    {"sgw", "content_prefix", BASE_CONFIG_STRING, "iptv-", 0, 0, NULL, "what a film's user part begins with"},
    {"sgw", "api_upstream", BASE_CONFIG_STRING, "http://127.0.0.1:8088", 0, 0, NULL,
     "base URL of the SSF, for /api/v1/assets, /api/v1/channels and /poster/"},
    {"sgw", "whep_upstream", BASE_CONFIG_STRING, "http://127.0.0.1:8190", 0, 0, NULL,
     "base URL of the MDF's WHEP, for /whep/"},
    {"sgw", "max_connections", BASE_CONFIG_INT, "4096", 1, 100000, NULL, "connections on the page's port"},
    {"sgw", "max_connections_per_address", BASE_CONFIG_INT, "256", 1, 100000, NULL,
     "of them from one address"},
    {"sgw", "max_sessions_per_user", BASE_CONFIG_INT, "32", 1, 1000, NULL, "browsers of one user at a time"},
    {"sgw", "admin_port", BASE_CONFIG_INT, "9998", 0, 65535, NULL, "metrics and health on loopback; 0: any"},
};
const size_t sgw_n_keys = G_N_ELEMENTS(sgw_keys);

struct Sgw {
    SgwSettings settings;
    SgwServices services;
    SgwW2Server *server;
    NetAdmin *admin;
    uint16_t admin_port;
    GHashTable *sessions; /* W2 session id -> SgwSession */
    unsigned max_sessions_per_user;
    bool stopping;
    void (*stop_done)(void *user_data);
    void *stop_data;
    guint stop_timer;
    BaseMetric *n_sessions;
    BaseMetric *logins;
    BaseMetric *resumed;
};

/* --- sessions --- */

static gboolean
on_stopped(gpointer user_data)
{
    Sgw *self = user_data;
    void (*done)(void *) = self->stop_done;

    self->stop_timer = 0;
    self->stop_done = NULL;
    if (done)
        done(self->stop_data);
    return G_SOURCE_REMOVE;
}

static void
check_stopped(Sgw *self)
{
    if (!self->stopping || g_hash_table_size(self->sessions) > 0 || !self->stop_done)
        return;
    g_clear_handle_id(&self->stop_timer, g_source_remove);
    self->stop_timer = g_idle_add(on_stopped, self);
}

static void
disown_sockets(SgwSession *session, SgwW2Socket *socket)
{
    if (socket && sgw_w2_socket_owner(socket) == session)
        sgw_w2_socket_set_owner(socket, NULL);
}

static void
on_session_over(SgwSession *session, void *user_data)
{
    Sgw *self = user_data;

    disown_sockets(session, sgw_session_socket(session));
    g_hash_table_remove(self->sessions, sgw_session_id(session));
    base_metric_set(self->n_sessions, g_hash_table_size(self->sessions));
    check_stopped(self);
}

static const SgwSessionEvents session_events = {.over = on_session_over};

/* Makes room for one more browser of @user; those that have been lost go first. Only who has logged in
 * counts: a stranger who knows the name cannot keep its owner out. */
static bool
make_room(const Sgw *self, const char *user)
{
    GHashTableIter iter;
    void *value = NULL;
    SgwSession *lost = NULL;
    unsigned count = 0;

    g_hash_table_iter_init(&iter, self->sessions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (g_strcmp0(sgw_session_user(value), user) != 0 || !sgw_session_is_registered(value))
            continue;
        count++;
        if (!sgw_session_socket(value))
            lost = value;
    }
    if (count >= self->max_sessions_per_user && lost) {
        sgw_session_end(lost, "another browser of this user");
        return true;
    }
    return count < self->max_sessions_per_user;
}

/* --- the first frame of a socket --- */

/* An error outside any session: no numbers. */
static void
refuse_plain(SgwW2Socket *socket, int code, const char *reason, int64_t sequence)
{
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_ERROR, "register", "connect");
    g_autofree char *text = NULL;

    frame->state = PROTO_JSONRTC_FINAL;
    if (sequence > 0)
        frame->correlation_id = g_strdup_printf("c%" G_GINT64_FORMAT, sequence);
    json_object_set_int_member(frame->header, "error_code", code);
    json_object_set_string_member(frame->header, "reason", reason);
    text = proto_jsonrtc_build(frame);
    base_trace("W2", true, sgw_w2_socket_peer(socket), NULL, "error register connect", text, -1);
    sgw_w2_socket_send(socket, text);
}

static void
trace_first(SgwW2Socket *socket, const char *text, const ProtoJsonrtcFrame *frame)
{
    g_autofree char *summary = base_trace_enabled() ? proto_jsonrtc_summary(frame) : NULL;

    if (summary)
        base_trace("W2", false, sgw_w2_socket_peer(socket), NULL, summary, text, -1);
}

static void
reconnect(Sgw *self, SgwW2Socket *socket, const char *text, const ProtoJsonrtcFrame *frame)
{
    SgwSession *session = g_hash_table_lookup(self->sessions, frame->session_id);

    trace_first(socket, text, frame);
    if (session && sgw_session_resume(session, socket, frame)) {
        sgw_w2_socket_set_owner(socket, session);
        base_metric_add(self->resumed, 1);
        return;
    }
    refuse_plain(socket, 404, "this session is gone, connect anew", frame->sequence);
}

static void
connect_anew(Sgw *self, SgwW2Socket *socket, const char *text, const ProtoJsonrtcFrame *frame)
{
    const char *user = proto_jsonrtc_header_string(frame, "initiator");
    SgwSession *session = NULL;

    if (user && !make_room(self, user)) {
        trace_first(socket, text, frame);
        refuse_plain(socket, 503, "this user has too many browsers open", frame->sequence);
        return;
    }
    base_metric_add(self->logins, 1);
    session = sgw_session_new(&self->services, socket, text, frame, &session_events, self);
    sgw_w2_socket_set_owner(socket, session);
    g_hash_table_insert(self->sessions, (char *)sgw_session_id(session), session);
    base_metric_set(self->n_sessions, g_hash_table_size(self->sessions));
}

static void
first_frame(Sgw *self, SgwW2Socket *socket, const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    int64_t sequence = 0;
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_parse(bytes, length, &sequence, &error);
    g_autofree char *text = g_strndup(bytes, length);
    bool is_connect = frame && frame->type == PROTO_JSONRTC_REQUEST &&
                      g_str_equal(frame->package_type, "register") && g_str_equal(frame->action, "connect");

    if (length == 4 && memcmp(bytes, "ping", 4) == 0)
        sgw_w2_socket_send(socket, "pong");
    else if (!frame)
        refuse_plain(socket, 400, error->message, sequence);
    else if (frame->type == PROTO_JSONRTC_ACKNOWLEDGEMENT)
        base_debug(NULL, "acknowledgement for a session that is over");
    else if (!is_connect)
        refuse_plain(socket, 401, "not connected", sequence);
    else if (self->stopping)
        refuse_plain(socket, 503, "the gateway stops", sequence);
    else if (frame->session_id)
        reconnect(self, socket, text, frame);
    else
        connect_anew(self, socket, text, frame);
}

static void
on_socket_text(SgwW2Socket *socket, const char *text, size_t length, void *user_data)
{
    SgwSession *session = sgw_w2_socket_owner(socket);

    if (session)
        sgw_session_receive(session, text, length);
    else
        first_frame(user_data, socket, text, length);
}

static void
on_socket_closed(SgwW2Socket *socket, void *user_data G_GNUC_UNUSED)
{
    SgwSession *session = sgw_w2_socket_owner(socket);

    if (session && sgw_session_socket(session) == socket)
        sgw_session_lost(session);
}

/* --- from the network: what comes on a viewer's connection finds its session at the flow --- */

static void
on_sip_request(NetSipUa *ua G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data G_GNUC_UNUSED)
{
    SgwSession *session = net_sip_flow_owner(net_sip_incoming_flow(incoming));

    if (session)
        sgw_session_request(session, incoming);
    else
        net_sip_incoming_reply(incoming, 404, NULL);
}

static void
on_sip_challenge(NetSipUa *ua G_GNUC_UNUSED, NetSipChallenge *challenge, void *user_data G_GNUC_UNUSED)
{
    NetSipFlow *flow = net_sip_challenge_flow(challenge);
    SgwSession *session = flow ? net_sip_flow_owner(flow) : NULL;

    if (session)
        sgw_session_challenge(session, challenge);
    else
        net_sip_challenge_decline(challenge);
}

static void
on_sip_flow_lost(NetSipUa *ua G_GNUC_UNUSED,
                 NetSipFlow *flow,
                 const GError *error,
                 void *user_data G_GNUC_UNUSED)
{
    SgwSession *session = net_sip_flow_owner(flow);

    if (session)
        sgw_session_flow_lost(session, flow, error);
}

/* --- set-up --- */

static bool
read_pcscf(SgwSettings *settings, const char *text, GError **error)
{
    const char *colon = strrchr(text, ':');
    guint64 port = 5060;
    struct in_addr parsed;

    settings->pcscf_host = colon ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
    if (inet_pton(AF_INET, settings->pcscf_host, &parsed) != 1 ||
        (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "[sgw] pcscf: '%s' is not an IPv4 address and a port, such as 127.0.0.1:5060", text);
        return false;
    }
    settings->pcscf_port = (uint16_t)port;
    return true;
}

static bool
read_settings(SgwSettings *settings, const BaseConfig *config, GError **error)
{
    settings->home_domain = g_strdup(base_config_string(config, "headend", "home_domain"));
    settings->gm_transport =
        g_str_equal(base_config_string(config, "sgw", "gm_transport"), "udp") ? NET_SIP_UDP : NET_SIP_TCP;
    settings->local_host = g_strdup(base_config_string(config, "sgw", "gm_address"));
    settings->register_expires_s = (unsigned)base_config_int(config, "sgw", "register_expires_s");
    settings->grace_s = (unsigned)base_config_int(config, "sgw", "grace_s");
    settings->restore_s = (unsigned)base_config_int(config, "sgw", "restore_s");
    settings->sdf_psi = g_strdup(base_config_string(config, "sgw", "sdf_psi"));
    settings->bc_psi = g_strdup(base_config_string(config, "sgw", "bc_psi"));
    settings->content_prefix = g_strdup(base_config_string(config, "sgw", "content_prefix"));
    settings->complete_timeout_ms = COMPLETE_TIMEOUT_MS;
    return read_pcscf(settings, base_config_string(config, "sgw", "pcscf"), error);
}

static void
clear_settings(SgwSettings *settings)
{
    g_free(settings->home_domain);
    g_free(settings->pcscf_host);
    g_free(settings->local_host);
    g_free(settings->sdf_psi);
    g_free(settings->bc_psi);
    g_free(settings->content_prefix);
}

static SgwW2Server *
open_server(Sgw *self, const BaseConfig *config, GError **error)
{
    static const SgwW2SocketEvents events = {
        .text = on_socket_text,
        .closed = on_socket_closed,
    };
    SgwW2ServerConfig server = {
        .listen = base_config_string(config, "sgw", "listen"),
        .port = (uint16_t)base_config_int(config, "sgw", "port"),
        .web_dir = base_config_string(config, "sgw", "web_dir"),
        .home_domain = self->settings.home_domain,
        .api_upstream = base_config_string(config, "sgw", "api_upstream"),
        .whep_upstream = base_config_string(config, "sgw", "whep_upstream"),
        .allowed_origins = base_config_list(config, "sgw", "allowed_origins"),
        .max_connections = (unsigned)base_config_int(config, "sgw", "max_connections"),
        .max_connections_per_address =
            (unsigned)base_config_int(config, "sgw", "max_connections_per_address"),
        .handshake_timeout_s = 10,
        .idle_ping_s = 20,
    };

    return sgw_w2_server_new(&server, &events, self, error);
}

Sgw *
sgw_new(const BaseConfig *config, GError **error)
{
    static const NetSipUaEvents sip_events = {
        .request = on_sip_request,
        .challenge = on_sip_challenge,
        .flow_lost = on_sip_flow_lost,
    };
    g_autoptr(Sgw) self = g_new0(Sgw, 1);

    self->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sgw_session_free);
    self->n_sessions =
        base_gauge("imstv_sgw_sessions", NULL, "viewers, lost ones within their grace period included");
    self->logins = base_counter("imstv_sgw_connects_total", NULL, "connects that were no reconnects");
    self->resumed = base_counter("imstv_sgw_reconnects_total", NULL, "sessions resumed by reconnect");
    self->max_sessions_per_user = (unsigned)base_config_int(config, "sgw", "max_sessions_per_user");
    if (!read_settings(&self->settings, config, error))
        return NULL;
    self->services.settings = &self->settings;
    self->services.ua = net_sip_ua_new(
        &(NetSipUaConfig){.name = "imstv-sgw/" IMSTV_VERSION, .session_expires_s = 1800}, &sip_events, self);
    self->services.xa = net_http_client_new("Xa");
    self->services.xc = sgw_xc_new();
    self->admin =
        net_admin_new((uint16_t)base_config_int(config, "sgw", "admin_port"), &self->admin_port, error);
    if (!self->admin || !(self->server = open_server(self, config, error)))
        return NULL;
    net_admin_set_ready(self->admin, NULL);
    return g_steal_pointer(&self);
}

void
sgw_free(Sgw *self)
{
    if (!self)
        return;
    self->stopping = true;
    self->stop_done = NULL;
    g_clear_handle_id(&self->stop_timer, g_source_remove);
    sgw_w2_server_free(self->server);
    g_hash_table_unref(self->sessions);
    sgw_xc_free(self->services.xc);
    net_http_client_free(self->services.xa);
    net_sip_ua_free(self->services.ua);
    net_admin_free(self->admin);
    clear_settings(&self->settings);
    g_free(self);
}

uint16_t
sgw_port(const Sgw *self)
{
    return sgw_w2_server_port(self->server);
}

uint16_t
sgw_admin_port(const Sgw *self)
{
    return self->admin_port;
}

void
sgw_stop(Sgw *self, void (*done)(void *user_data), void *user_data)
{
    g_autoptr(GList) sessions = g_hash_table_get_values(self->sessions);

    self->stopping = true;
    self->stop_done = done;
    self->stop_data = user_data;
    net_admin_set_ready(self->admin, "stopping");
    self->stop_timer = g_timeout_add(STOP_TIMEOUT_MS, on_stopped, self);
    for (GList *l = sessions; l; l = l->next)
        sgw_session_end(l->data, "the gateway stops");
    check_stopped(self);
}
