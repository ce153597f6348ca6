#include "sgw/w2-server.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/proto/jsonrtc.h"
#include "sgw/page-server.h"

#define MAX_QUEUED_BYTES (1024 * 1024)
#define MAX_MESSAGES_PER_SECOND 500 /* bursts after a reconnect included */
#define MESSAGE_TIME_US (10 * G_USEC_PER_SEC)
#define OWNER_TIME_US (10 * G_USEC_PER_SEC) /* for a new socket to become somebody's */
#define RECEIVE_BUFFER 8192
#define COOKIE_NAME "imstv-w2"

struct SgwW2Server {
    SgwW2ServerConfig limits; /* numbers only */
    char **allowed_origins;
    const SgwW2ServerEvents *events;
    void *user_data;
    GMainLoop *loop; /* what lws wants to be given; never run here */
    struct lws_context *context;
    struct lws_vhost *vhost;
    SgwPageServer *page;
    GHashTable *connections; /* struct lws * -> Address */
    GHashTable *addresses;   /* text -> Address */
    GHashTable *sockets;     /* set of SgwW2Socket */
    lws_retry_bo_t idle_policy;
    BaseMetric *open_connections;
    BaseMetric *open_sockets;
    BaseMetric *refused;
};

typedef struct {
    char *text;
    unsigned connections;
} Address;

struct SgwW2Socket {
    SgwW2Server *server;
    struct lws *wsi;
    char peer[64];
    char browser[33]; /* "" for a client that is none */
    bool sets_cookie;
    void *owner;
    GString *message; /* of which fragments have come */
    gint64 message_since_us;
    gint64 second_us; /* begin of the second in which `messages` came */
    unsigned messages;
    GQueue queue; /* char * */
    size_t queued_bytes;
    unsigned close_code; /* not 0: closing */
    char *close_reason;
};

/* --- addresses --- */

static void
address_free(void *pointer)
{
    Address *self = pointer;

    g_free(self->text);
    g_free(self);
}

static bool
is_admissible(SgwW2Server *self, const char *text)
{
    const Address *address = g_hash_table_lookup(self->addresses, text);

    return g_hash_table_size(self->connections) < self->limits.max_connections &&
           (!address || address->connections < self->limits.max_connections_per_address);
}

static void
connection_opened(SgwW2Server *self, struct lws *wsi)
{
    char text[64] = "";
    Address *address = NULL;

    lws_get_peer_simple(wsi, text, sizeof text);
    address = g_hash_table_lookup(self->addresses, text);
    if (!address) {
        address = g_new0(Address, 1);
        address->text = g_strdup(text);
        g_hash_table_insert(self->addresses, address->text, address);
    }
    if (g_hash_table_insert(self->connections, wsi, address))
        address->connections++;
    base_metric_set(self->open_connections, g_hash_table_size(self->connections));
}

static void
connection_closed(SgwW2Server *self, struct lws *wsi)
{
    Address *address = g_hash_table_lookup(self->connections, wsi);

    if (!address)
        return;
    g_hash_table_remove(self->connections, wsi);
    if (--address->connections == 0)
        g_hash_table_remove(self->addresses, address->text);
    base_metric_set(self->open_connections, g_hash_table_size(self->connections));
}

/* Returns not 0 to hang up at once. */
static int
admit_connection(SgwW2Server *self, const struct lws_filter_network_conn_args *args)
{
    char text[64] = "";

    lws_get_peer_simple_fd(args->accept_fd, text, sizeof text);
    if (is_admissible(self, text))
        return 0;
    base_metric_add(self->refused, 1);
    base_warning(NULL, "too many connections from %s or in all, refused", text);
    return 1;
}

/* --- sockets --- */

static SgwW2Socket *
socket_new(SgwW2Server *server, struct lws *wsi)
{
    SgwW2Socket *self = g_new0(SgwW2Socket, 1);

    self->server = server;
    self->wsi = wsi;
    self->message = g_string_new(NULL);
    g_queue_init(&self->queue);
    lws_get_peer_simple(wsi, self->peer, sizeof self->peer);
    return self;
}

static void
socket_free(SgwW2Socket *self)
{
    g_string_free(self->message, TRUE);
    g_queue_clear_full(&self->queue, g_free);
    g_free(self->close_reason);
    g_free(self);
}

void
sgw_w2_socket_send(SgwW2Socket *self, const char *text)
{
    size_t length = strlen(text);

    if (self->close_code)
        return;
    if (self->queued_bytes + length > MAX_QUEUED_BYTES) {
        g_queue_clear_full(&self->queue, g_free);
        sgw_w2_socket_close(self, 1008, "reads too slowly");
        return;
    }
    self->queued_bytes += length;
    g_queue_push_tail(&self->queue, g_strdup(text));
    lws_callback_on_writable(self->wsi);
}

void
sgw_w2_socket_close(SgwW2Socket *self, unsigned code, const char *reason)
{
    if (self->close_code)
        return;
    self->close_code = code;
    self->close_reason = g_strndup(reason, 100);
    lws_callback_on_writable(self->wsi);
}

const char *
sgw_w2_socket_peer(const SgwW2Socket *self)
{
    return self->peer;
}

const char *
sgw_w2_socket_browser(const SgwW2Socket *self)
{
    return *self->browser ? self->browser : NULL;
}

void
sgw_w2_socket_set_owner(SgwW2Socket *self, void *owner)
{
    self->owner = owner;
}

void *
sgw_w2_socket_owner(const SgwW2Socket *self)
{
    return self->owner;
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

static void
take_cookie(SgwW2Socket *self, struct lws *wsi)
{
    char cookies[2048];
    g_auto(GStrv) parts = NULL;

    if (get_header(wsi, WSI_TOKEN_HTTP_COOKIE, cookies, sizeof cookies))
        parts = g_strsplit(cookies, ";", 32);
    for (char **part = parts; part && *part; part++) {
        const char *value = g_strstrip(*part);
        if (g_str_has_prefix(value, COOKIE_NAME "=") && base_id_is_valid(value + strlen(COOKIE_NAME "=")))
            g_strlcpy(self->browser, value + strlen(COOKIE_NAME "="), sizeof self->browser);
    }
    if (!*self->browser) {
        g_autofree char *fresh = base_id_new();
        g_strlcpy(self->browser, fresh, sizeof self->browser);
        self->sets_cookie = true;
    }
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
    *slot = socket_new(self, wsi);
    if (has_origin)
        take_cookie(*slot, wsi);
    return 0;
}

static int
ws_add_headers(SgwW2Socket *socket, struct lws *wsi, struct lws_process_html_args *args)
{
    g_autofree char *cookie = NULL;
    unsigned char *at = (unsigned char *)args->p;

    if (!socket || !socket->sets_cookie)
        return 0;
    cookie = g_strdup_printf(COOKIE_NAME "=%s; Path=/w2; HttpOnly; SameSite=Strict", socket->browser);
    if (lws_add_http_header_by_name(wsi, (const unsigned char *)"set-cookie:", (const unsigned char *)cookie,
                                    (int)strlen(cookie), &at, at + args->max_len))
        return -1;
    args->p = (char *)at;
    return 0;
}

static void
ws_established(SgwW2Server *self, SgwW2Socket *socket)
{
    g_hash_table_add(self->sockets, socket);
    lws_set_timer_usecs(socket->wsi, OWNER_TIME_US);
    base_metric_set(self->open_sockets, g_hash_table_size(self->sockets));
    self->events->opened(socket, self->user_data);
}

static int
hang_up(SgwW2Socket *socket, enum lws_close_status code, const char *reason)
{
    base_info(NULL, "WebSocket of %s closed: %s", socket->peer, reason);
    lws_close_reason(socket->wsi, code, (unsigned char *)reason, strlen(reason));
    return -1;
}

static bool
comes_too_fast(SgwW2Socket *socket, gint64 now_us)
{
    if (now_us - socket->second_us >= G_USEC_PER_SEC) {
        socket->second_us = now_us;
        socket->messages = 0;
    }
    return ++socket->messages > MAX_MESSAGES_PER_SECOND;
}

/* One piece of a message: a fragment, or as much of one as fits the buffer. */
static int
ws_receive(SgwW2Server *self, SgwW2Socket *socket, const char *data, size_t length)
{
    gint64 now_us = g_get_monotonic_time();
    bool complete = lws_is_final_fragment(socket->wsi) && lws_remaining_packet_payload(socket->wsi) == 0;

    if (socket->close_code)
        return 0;
    if (lws_frame_is_binary(socket->wsi))
        return hang_up(socket, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
    if (comes_too_fast(socket, now_us))
        return hang_up(socket, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    if (lws_is_first_fragment(socket->wsi)) {
        g_string_truncate(socket->message, 0);
        socket->message_since_us = now_us;
    }
    if (socket->message->len + length > PROTO_JSONRTC_MAX_BYTES)
        return hang_up(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "at most 64 KiB");
    g_string_append_len(socket->message, data, (gssize)length);
    if (!complete && now_us - socket->message_since_us > MESSAGE_TIME_US)
        return hang_up(socket, LWS_CLOSE_STATUS_POLICY_VIOLATION, "message takes too long");
    if (complete)
        self->events->text(socket, socket->message->str, socket->message->len, self->user_data);
    return 0;
}

static int
ws_writable(SgwW2Socket *socket)
{
    g_autofree char *text = g_queue_pop_head(&socket->queue);
    g_autofree unsigned char *buffer = NULL;
    size_t length = 0;

    if (!text && socket->close_code) {
        lws_close_reason(socket->wsi, (enum lws_close_status)socket->close_code,
                         (unsigned char *)socket->close_reason, strlen(socket->close_reason));
        return -1;
    }
    if (!text)
        return 0;
    length = strlen(text);
    socket->queued_bytes -= MIN(length, socket->queued_bytes);
    buffer = g_malloc(LWS_PRE + length);
    memcpy(buffer + LWS_PRE, text, length);
    if (lws_write(socket->wsi, buffer + LWS_PRE, length, LWS_WRITE_TEXT) < (int)length)
        return -1;
    if (!g_queue_is_empty(&socket->queue) || socket->close_code)
        lws_callback_on_writable(socket->wsi);
    return 0;
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
    socket_free(socket);
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
        return slot ? ws_add_headers(*slot, wsi, in) : 0;
    case LWS_CALLBACK_ESTABLISHED:
        ws_established(self, *slot);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return *slot ? ws_receive(self, *slot, in, length) : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE: /* may come once more after CLOSED */
        return *slot ? ws_writable(*slot) : -1;
    case LWS_CALLBACK_TIMER:
        return *slot && !(*slot)->owner ? hang_up(*slot, LWS_CLOSE_STATUS_POLICY_VIOLATION, "no connect") : 0;
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
                  const SgwW2ServerEvents *events,
                  void *user_data,
                  GError **error)
{
    g_autoptr(SgwW2Server) self = NULL;

    if (!check_address(config->listen, error))
        return NULL;
    self = g_new0(SgwW2Server, 1);
    self->limits = *config;
    self->allowed_origins = g_strdupv((char **)config->allowed_origins);
    self->events = events;
    self->user_data = user_data;
    self->loop = g_main_loop_new(g_main_context_get_thread_default(), FALSE);
    self->page = sgw_page_server_new(config->web_dir, config->api_upstream, config->whep_upstream);
    self->connections = g_hash_table_new(NULL, NULL);
    self->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, address_free);
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
    g_hash_table_unref(self->connections);
    g_hash_table_unref(self->addresses);
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
