#include "sgw/w2-server.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "sgw/address-limits.h"
#include "sgw/page-server.h"

#define OWNER_TIME_US (10 * G_USEC_PER_SEC) /* for a new socket to become somebody's */
#define RECEIVE_BUFFER 8192

struct SgwW2Server {
    SgwAddressLimits *limits;
    char **allowed_origins;
    const SgwW2SocketEvents *events;
    void *user_data;
    GMainLoop *loop; /* what lws wants to be given; never run here */
    struct lws_context *context;
    struct lws_vhost *vhost;
    SgwPageServer *page;
    GHashTable *sockets; /* set of SgwW2Socket */
    lws_retry_bo_t idle_policy;
    BaseMetric *open_connections;
    BaseMetric *open_sockets;
    BaseMetric *refused;
};

/* --- connections --- */

static void
connection_opened(SgwW2Server *self, struct lws *wsi)
{
    char text[64] = "";

    lws_get_peer_simple(wsi, text, sizeof text);
    sgw_address_limits_add(self->limits, wsi, text);
    base_metric_set(self->open_connections, sgw_address_limits_count(self->limits));
}

static void
connection_closed(SgwW2Server *self, struct lws *wsi)
{
    sgw_address_limits_remove(self->limits, wsi);
    base_metric_set(self->open_connections, sgw_address_limits_count(self->limits));
}

/* Returns not 0 to hang up at once. */
static int
admit_connection(SgwW2Server *self, const struct lws_filter_network_conn_args *args)
{
    char text[64] = "";

    lws_get_peer_simple_fd(args->accept_fd, text, sizeof text);
    if (sgw_address_limits_admit(self->limits, text))
        return 0;
    base_metric_add(self->refused, 1);
    base_warning(NULL, "too many connections from %s or in all, refused", text);
    return 1;
}

/* --- WebSocket callbacks; each returns not 0 to close --- */

static bool
get_header(struct lws *wsi, enum lws_token_indexes token, char *ret_value, int size)
{
    ret_value[0] = '\0';
    return lws_hdr_copy(wsi, ret_value, size, token) > 0;
}

/* A page may open W2 if it came from this port, or from a place that the operator has named. */
static bool
origin_is_allowed(SgwW2Server *self, struct lws *wsi, const char *origin)
{
    char host[256];
    const char *authority = strstr(origin, "://");

    if (self->allowed_origins && g_strv_contains((const char *const *)self->allowed_origins, origin))
        return true;
    return authority && get_header(wsi, WSI_TOKEN_HOST, host, sizeof host) &&
           g_ascii_strcasecmp(authority + 3, host) == 0;
}

/* The upgrade's head is there, nothing has been answered. */
static int
ws_filter(SgwW2Server *self, struct lws *wsi, SgwW2Socket **slot)
{
    char path[64];
    char origin[512];
    bool has_origin = get_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin);

    get_header(wsi, WSI_TOKEN_GET_URI, path, sizeof path);
    if (!g_str_equal(path, "/w2") || (has_origin && !origin_is_allowed(self, wsi, origin))) {
        base_metric_add(self->refused, 1);
        base_info(NULL, "WebSocket to '%s' from origin '%s' refused", path, origin);
        return -1;
    }
    *slot = sgw_w2_socket_new(wsi, self->events, self->user_data);
    if (has_origin)
        sgw_w2_socket_take_cookie(*slot);
    return 0;
}

static void
ws_established(SgwW2Server *self, struct lws *wsi, SgwW2Socket *socket)
{
    g_hash_table_add(self->sockets, socket);
    lws_set_timer_usecs(wsi, OWNER_TIME_US);
    base_metric_set(self->open_sockets, g_hash_table_size(self->sockets));
}

static void
ws_gone(SgwW2Server *self, SgwW2Socket **slot)
{
    SgwW2Socket *socket = *slot;

    *slot = NULL;
    if (!socket)
        return;
    if (g_hash_table_remove(self->sockets, socket))
        self->events->closed(socket, self->user_data);
    base_metric_set(self->open_sockets, g_hash_table_size(self->sockets));
    sgw_w2_socket_free(socket);
}

static SgwW2Server *
server_of(struct lws *wsi)
{
    return wsi && lws_get_context(wsi) ? lws_context_user(lws_get_context(wsi)) : NULL;
}

static int
on_w2(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    SgwW2Server *self = server_of(wsi);
    SgwW2Socket **slot = user;

    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return ws_filter(self, wsi, slot);
    case LWS_CALLBACK_ADD_HEADERS:
        return slot && *slot ? sgw_w2_socket_add_headers(*slot, in) : 0;
    case LWS_CALLBACK_ESTABLISHED:
        ws_established(self, wsi, *slot);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return *slot ? sgw_w2_socket_receive(*slot, in, length) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE: /* may come once more after CLOSED */
        return *slot ? sgw_w2_socket_writable(*slot) : -1;
    case LWS_CALLBACK_TIMER:
        return *slot ? sgw_w2_socket_check_owner(*slot) : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_WSI_DESTROY:
        if (slot)
            ws_gone(self, slot);
        if (reason == LWS_CALLBACK_WSI_DESTROY)
            connection_closed(self, wsi);
        return 0;
    default:
        return 0;
    }
}

/* --- HTTP callbacks --- */

static int
http_begin(SgwW2Server *self, struct lws *wsi, SgwPageRequest **slot)
{
    g_clear_pointer(slot, sgw_page_request_free);
    *slot = sgw_page_request_new(self->page, wsi);
    return *slot ? 0 : -1;
}

static int
http_writable(struct lws *wsi, SgwPageRequest **slot)
{
    int done = *slot ? sgw_page_request_writable(*slot) : 0;

    if (done <= 0)
        return done;
    g_clear_pointer(slot, sgw_page_request_free);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int
on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    SgwW2Server *self = server_of(wsi);
    SgwPageRequest **slot = user;

    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return admit_connection(self, user);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        connection_opened(self, wsi);
        return 0;
    case LWS_CALLBACK_HTTP:
        return http_begin(self, wsi, slot);
    case LWS_CALLBACK_HTTP_BODY:
        if (*slot)
            sgw_page_request_body(*slot, in, length);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        if (*slot)
            sgw_page_request_body_complete(*slot);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_writable(wsi, slot);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* to HTTP/2 in clear, for one: lws has it, we do not */
        return g_ascii_strcasecmp(in, "websocket") == 0 ? 0 : -1;
    case LWS_CALLBACK_RAW_ADOPT: /* what lws makes of CONNECT: a tunnel without any time limit */
    case LWS_CALLBACK_RAW_RX:
        return -1;
    case LWS_CALLBACK_TIMER:
        return *slot && sgw_page_request_waits_for_body(*slot) ? -1 : 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* a WebSocket without our sub-protocol */
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_WSI_DESTROY:
        if (slot)
            g_clear_pointer(slot, sgw_page_request_free);
        if (reason == LWS_CALLBACK_WSI_DESTROY)
            connection_closed(self, wsi);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_http, .per_session_data_size = sizeof(void *)},
    {.name = "jsonrtc.imstv",
     .callback = on_w2,
     .per_session_data_size = sizeof(void *),
     .rx_buffer_size = RECEIVE_BUFFER},
    {.name = "webrtc.oracle.com", /* what the published JSONrtc SDK asks for */
     .callback = on_w2,
     .per_session_data_size = sizeof(void *),
     .rx_buffer_size = RECEIVE_BUFFER},
    {.name = NULL},
};

static void
on_lws_log(int level, const char *line)
{
    int length = (int)strcspn(line, "\n");

    if (level & LLL_ERR)
        base_warning(NULL, "libwebsockets: %.*s", length, line);
    else
        base_debug(NULL, "libwebsockets: %.*s", length, line);
}

static bool
open_context(SgwW2Server *self, const SgwW2ServerConfig *config, GError **error)
{
    void *loops[] = {self->loop};
    struct lws_context_creation_info info = {
        .port = config->port,
        .iface = config->listen,
        .protocols = protocols,
        .foreign_loops = loops,
        .user = self,
        .timeout_secs = config->handshake_timeout_s,
        .timeout_secs_ah_idle = config->handshake_timeout_s,
        .keepalive_timeout = 15,
        .alpn = "http/1.1",
        .retry_and_idle_policy = &self->idle_policy,
        .max_http_header_data = 8192,
        .max_http_header_pool2 = 1024,
        .pt_serv_buf_size = RECEIVE_BUFFER + 4096,
        .options = LWS_SERVER_OPTION_GLIB | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
    };

    self->context = lws_create_context(&info);
    if (self->context)
        self->vhost = lws_create_vhost(self->context, &info);
    if (!self->vhost || lws_get_vhost_listen_port(self->vhost) <= 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
                    "port %u on %s cannot be had for the page: another program uses it, or libwebsockets' "
                    "GLib module (libwebsockets-evlib-glib) is missing",
                    config->port, config->listen);
        return false;
    }
    return true;
}

static bool
check_address(const char *address, GError **error)
{
    struct in_addr parsed;

    if (inet_pton(AF_INET, address, &parsed) == 1)
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "'%s' is no IPv4 address", address);
    return false;
}

static void
set_up_metrics(SgwW2Server *self)
{
    self->open_connections = base_gauge("imstv_sgw_connections", NULL, "connections on the page's port");
    self->open_sockets = base_gauge("imstv_sgw_websockets", NULL, "open W2 WebSockets");
    self->refused =
        base_counter("imstv_sgw_connections_refused_total", NULL, "connections and upgrades refused");
}

SgwW2Server *
sgw_w2_server_new(const SgwW2ServerConfig *config,
                  const SgwW2SocketEvents *events,
                  void *user_data,
                  GError **error)
{
    g_autoptr(SgwW2Server) self = NULL;

    if (!check_address(config->listen, error))
        return NULL;
    self = g_new0(SgwW2Server, 1);
    self->limits = sgw_address_limits_new(config->max_connections, config->max_connections_per_address);
    self->allowed_origins = g_strdupv((char **)config->allowed_origins);
    self->events = events;
    self->user_data = user_data;
    self->loop = g_main_loop_new(g_main_context_get_thread_default(), FALSE);
    self->page = sgw_page_server_new(config->web_dir, config->home_domain, config->api_upstream,
                                     config->whep_upstream);
    self->sockets = g_hash_table_new(NULL, NULL);
    self->idle_policy.secs_since_valid_ping = (uint16_t)config->idle_ping_s;
    self->idle_policy.secs_since_valid_hangup = (uint16_t)(config->idle_ping_s + config->idle_ping_s / 2 + 1);
    set_up_metrics(self);
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    if (!open_context(self, config, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
sgw_w2_server_free(SgwW2Server *self)
{
    if (!self)
        return;
    if (self->context)
        lws_context_destroy(self->context);
    /* lws takes its sources off the loop only when the loop turns once more */
    for (int i = 0; i < 16 && g_main_context_iteration(g_main_loop_get_context(self->loop), FALSE); i++)
        ;
    g_hash_table_unref(self->sockets);
    sgw_address_limits_free(self->limits);
    sgw_page_server_free(self->page);
    g_main_loop_unref(self->loop);
    g_strfreev(self->allowed_origins);
    g_free(self);
}

uint16_t
sgw_w2_server_port(const SgwW2Server *self)
{
    return (uint16_t)lws_get_vhost_listen_port(self->vhost);
}
