#include "lib/net/http-api.h"

#include <libsoup/soup.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/http-exchange.h"
#include "lib/net/http-routes.h"
#include "lib/net/http-text.h"

#define DEFAULT_MAX_CONNECTIONS 1024
#define DEFAULT_IDLE_S 60
#define DEFAULT_RECEIVE_S 10
#define DEFAULT_ANSWER_S 30
#define BACKLOG 128
#define MAX_QUERY_BYTES 8192
#define MAX_DISCARDED_BYTES (1024 * 1024) /* of a body that is refused: more cuts the connection */

struct NetHttpApi {
    SoupServer *server;
    NetHttpApiOptions options;
    char *reference_point;
    GArray *entries;       /* of NetHttpRouteEntry */
    GHashTable *exchanges; /* that wait for an answer */
    GHashTable *arrivals;  /* messages that exist */
};

/* A message on its way in: from the connection's (or the last answer's) end to the handler. */
typedef struct {
    NetHttpApi *api; /* NULL once the server is gone */
    SoupServerMessage *message;
    GByteArray *body;
    size_t max_body_bytes;
    size_t received_bytes;
    guint timer;
} Arrival;

/* ---- arrivals: caps and times ---- */

static void
arrival_free(gpointer data)
{
    Arrival *self = data;

    if (self->api)
        g_hash_table_remove(self->api->arrivals, self);
    if (self->timer)
        g_source_remove(self->timer);
    g_byte_array_unref(self->body);
    g_free(self);
}

static void
cut(Arrival *self)
{
    GSocket *socket = soup_server_message_get_socket(self->message);

    if (socket)
        g_socket_shutdown(socket, TRUE, TRUE, NULL);
}

static gboolean
on_arrival_timer(gpointer user_data)
{
    Arrival *self = user_data;

    self->timer = 0;
    base_metric_add(
        base_counter("imstv_net_http_cut_total", "why=\"slow\"", "Connections closed by the server"), 1);
    cut(self);
    return G_SOURCE_REMOVE;
}

static void
set_timer(Arrival *self, unsigned seconds)
{
    if (self->timer)
        g_source_remove(self->timer);
    self->timer = seconds ? g_timeout_add_seconds(seconds, on_arrival_timer, self) : 0;
}

static size_t
body_cap(NetHttpApi *self, SoupServerMessage *message)
{
    g_autoptr(GHashTable) params = NULL;
    g_autofree char *allow = NULL;
    const NetHttpRouteEntry *entry =
        net_http_route_find(self->entries, soup_server_message_get_method(message),
                            g_uri_get_path(soup_server_message_get_uri(message)), &params, &allow);

    return entry ? entry->route->max_body_bytes : 0;
}

static void
on_got_headers(SoupServerMessage *message, Arrival *self)
{
    if (!self->api)
        return;
    soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
    self->max_body_bytes = body_cap(self->api, message);
    set_timer(self, self->api->options.receive_s);
}

static void
on_got_chunk(SoupServerMessage *message G_GNUC_UNUSED, GBytes *chunk, Arrival *self)
{
    gsize length = 0;
    const void *data = g_bytes_get_data(chunk, &length);

    self->received_bytes += length;
    if (self->received_bytes <= self->max_body_bytes)
        g_byte_array_append(self->body, data, (guint)length);
    else if (self->received_bytes > self->max_body_bytes + MAX_DISCARDED_BYTES)
        cut(self);
}

static void
on_got_body(SoupServerMessage *message G_GNUC_UNUSED, Arrival *self)
{
    set_timer(self, 0);
}

static void
on_request_started(SoupServer *server G_GNUC_UNUSED, SoupServerMessage *message, NetHttpApi *self)
{
    Arrival *arrival = g_new0(Arrival, 1);

    arrival->api = self;
    arrival->message = message;
    arrival->body = g_byte_array_new();
    g_hash_table_add(self->arrivals, arrival);
    g_object_set_data_full(G_OBJECT(message), "imstv-arrival", arrival, arrival_free);

    g_signal_connect(message, "got-headers", G_CALLBACK(on_got_headers), arrival);
    g_signal_connect(message, "got-chunk", G_CALLBACK(on_got_chunk), arrival);
    g_signal_connect(message, "got-body", G_CALLBACK(on_got_body), arrival);
    set_timer(arrival, self->options.idle_s);

    if (g_hash_table_size(self->arrivals) > self->options.max_connections) {
        base_metric_add(
            base_counter("imstv_net_http_cut_total", "why=\"full\"", "Connections closed by the server"), 1);
        cut(arrival);
    }
}

/* ---- requests ---- */

static GHashTable *
parse_query(const char *query)
{
    if (!query || strlen(query) > MAX_QUERY_BYTES)
        return NULL;
    return g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
}

static char *
peer_of(SoupServerMessage *message)
{
    GSocketAddress *address = soup_server_message_get_remote_address(message);

    if (!address || !G_IS_INET_SOCKET_ADDRESS(address))
        return g_strdup("-");
    return g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
}

static void
exchange_free(gpointer data)
{
    NetHttpExchange *exchange = data;

    if (exchange->timer)
        g_source_remove(exchange->timer);
    g_clear_object(&exchange->message);
    g_clear_pointer(&exchange->query, g_hash_table_unref);
    g_hash_table_unref(exchange->params);
    g_byte_array_unref(exchange->body);
    g_free(exchange->reference_point);
    g_free(exchange->path);
    g_free(exchange->peer);
    g_free(exchange);
}

void
net_http_api_forget(NetHttpApi *self, NetHttpExchange *exchange)
{
    if (self)
        g_hash_table_remove(self->exchanges, exchange);
    exchange_free(exchange);
}

static gboolean
on_answer_timer(gpointer user_data)
{
    NetHttpExchange *exchange = user_data;

    exchange->timer = 0;
    net_http_exchange_time_out(exchange);
    return G_SOURCE_REMOVE;
}

static NetHttpExchange *
exchange_new(NetHttpApi *self,
             SoupServerMessage *message,
             const NetHttpRouteEntry *entry,
             GHashTable *params,
             GByteArray *body)
{
    GUri *uri = soup_server_message_get_uri(message);
    NetHttpExchange *exchange = g_new0(NetHttpExchange, 1);

    exchange->api = self;
    exchange->reference_point = g_strdup(self->reference_point);
    exchange->message = g_object_ref(message);
    exchange->route = entry->route;
    exchange->path = g_uri_unescape_string(g_uri_get_path(uri), NULL);
    exchange->params = params;
    exchange->query = parse_query(g_uri_get_query(uri));
    exchange->peer = peer_of(message);
    exchange->body = g_byte_array_ref(body);
    g_byte_array_append(body, (const guint8 *)"", 1);
    g_byte_array_set_size(body, body->len - 1);

    g_hash_table_add(self->exchanges, exchange);
    exchange->timer = g_timeout_add_seconds(self->options.answer_s, on_answer_timer, exchange);
    return exchange;
}

static void
trace_request(NetHttpApi *self, SoupServerMessage *message, const GByteArray *body)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    g_autofree char *target = net_http_target(soup_server_message_get_uri(message));
    g_autofree char *peer = peer_of(message);

    net_http_trace(self->reference_point, false, peer, soup_message_headers_get_one(headers, "Session-ID"),
                   &(NetHttpText){.method = soup_server_message_get_method(message),
                                  .target = target,
                                  .headers = headers,
                                  .body = body->data,
                                  .body_bytes = body->len});
}

/* The request as a whole is refused before a handler sees it; 0: it is fine. */
static int
check_request(SoupServerMessage *message, const NetHttpRoute *route, const Arrival *arrival)
{
    const char *type =
        soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Content-Type");

    if (arrival->received_bytes > route->max_body_bytes)
        return 413;
    if (route->body_type && arrival->received_bytes > 0 && !net_http_is_type(type, route->body_type))
        return 415;
    return 0;
}

static void
refuse_unrouted(NetHttpApi *self, SoupServerMessage *message, const char *allow)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
    bool cors = net_http_route_has_cors(self->entries, g_uri_get_path(soup_server_message_get_uri(message)));

    if (!allow) {
        net_http_exchange_refuse(message, 404, "nothing is served at this path");
        return;
    }
    soup_message_headers_replace(headers, "Allow", allow);
    if (!cors || !g_str_equal(soup_server_message_get_method(message), "OPTIONS")) {
        net_http_exchange_refuse(message, 405, "the path does not have this method");
        return;
    }
    net_http_exchange_add_cors(message);
    soup_message_headers_replace(headers, "Access-Control-Allow-Methods", allow);
    soup_message_headers_replace(headers, "Access-Control-Allow-Headers",
                                 "Authorization, Content-Type, If-Match, If-None-Match, Session-ID");
    soup_message_headers_replace(headers, "Access-Control-Max-Age", "600");
    soup_server_message_set_status(message, 204, NULL);
}

static void
dispatch(NetHttpApi *self, SoupServerMessage *message, const NetHttpRouteEntry *entry, GHashTable *params)
{
    Arrival *arrival = g_object_get_data(G_OBJECT(message), "imstv-arrival");
    int refused = check_request(message, entry->route, arrival);
    NetHttpExchange *exchange;

    if (refused) {
        g_hash_table_unref(params);
        net_http_exchange_refuse(message, refused,
                                 refused == 413 ? "the body is too large for this request"
                                                : "the body has the wrong Content-Type");
        return;
    }
    exchange = exchange_new(self, message, entry, params, arrival->body);

    entry->route->handler(exchange, entry->user_data);
    /* answered already? the exchange may be gone, the message is not */
    if (soup_server_message_get_status(message) != 0 || !g_hash_table_contains(self->exchanges, exchange))
        return;
    exchange->paused = true;
    soup_server_message_pause(message);
}

static void
on_request(SoupServer *server G_GNUC_UNUSED,
           SoupServerMessage *message,
           const char *path G_GNUC_UNUSED,
           GHashTable *query G_GNUC_UNUSED,
           gpointer user_data)
{
    NetHttpApi *self = user_data;
    Arrival *arrival = g_object_get_data(G_OBJECT(message), "imstv-arrival");
    g_autofree char *allow = NULL;
    GHashTable *params = NULL;
    const NetHttpRouteEntry *entry =
        net_http_route_find(self->entries, soup_server_message_get_method(message),
                            g_uri_get_path(soup_server_message_get_uri(message)), &params, &allow);

    trace_request(self, message, arrival->body);
    if (entry)
        dispatch(self, message, entry, params);
    else
        refuse_unrouted(self, message, allow);
}

/* ---- the server ---- */

NetHttpApi *
net_http_api_new(const NetHttpApiOptions *options)
{
    NetHttpApi *self = g_new0(NetHttpApi, 1);

    if (options)
        self->options = *options;
    self->reference_point = g_strdup(self->options.reference_point ? self->options.reference_point : "HTTP");
    self->options.reference_point = NULL;
    if (!self->options.max_connections)
        self->options.max_connections = DEFAULT_MAX_CONNECTIONS;
    if (!self->options.idle_s)
        self->options.idle_s = DEFAULT_IDLE_S;
    if (!self->options.receive_s)
        self->options.receive_s = DEFAULT_RECEIVE_S;
    if (!self->options.answer_s)
        self->options.answer_s = DEFAULT_ANSWER_S;

    self->entries = g_array_new(FALSE, FALSE, sizeof(NetHttpRouteEntry));
    g_array_set_clear_func(self->entries, net_http_route_entry_clear);
    self->exchanges = g_hash_table_new(NULL, NULL);
    self->arrivals = g_hash_table_new(NULL, NULL);
    self->server = soup_server_new("server-header", NULL, NULL);
    g_signal_connect(self->server, "request-started", G_CALLBACK(on_request_started), self);
    soup_server_add_handler(self->server, NULL, on_request, self, NULL);

    return self;
}

void
net_http_api_free(NetHttpApi *self)
{
    GHashTableIter iter;
    gpointer item;

    if (!self)
        return;

    g_hash_table_iter_init(&iter, self->exchanges);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        NetHttpExchange *exchange = item;

        exchange->api = NULL;
        g_clear_handle_id(&exchange->timer, g_source_remove);
        g_clear_object(&exchange->message);
    }
    g_signal_handlers_disconnect_by_data(self->server, self);
    soup_server_remove_handler(self->server, NULL);
    soup_server_disconnect(self->server);
    g_object_unref(self->server);

    g_hash_table_iter_init(&iter, self->arrivals);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        set_timer(item, 0);
        ((Arrival *)item)->api = NULL;
    }

    g_hash_table_unref(self->arrivals);
    g_hash_table_unref(self->exchanges);
    g_array_unref(self->entries);
    g_free(self->reference_point);
    g_free(self);
}

void
net_http_api_add_routes(NetHttpApi *self, const NetHttpRoute *routes, size_t n_routes, void *user_data)
{
    for (size_t i = 0; i < n_routes; i++) {
        NetHttpRouteEntry entry = net_http_route_entry_make(&routes[i], user_data);

        g_array_append_val(self->entries, entry);
    }
}

static GSocket *
open_listener(GSocketAddress *address, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_TCP, error);

    if (!socket)
        return NULL;
    g_socket_set_listen_backlog(socket, BACKLOG);
    if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

bool
net_http_api_listen(NetHttpApi *self, const char *address, uint16_t port, uint16_t *ret_port, GError **error)
{
    g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new_from_string(address, port);
    g_autoptr(GSocketAddress) got = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GError) cause = NULL;

    if (!wanted) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "\"%s\" is no IP address to listen on",
                    address);
        return false;
    }
    socket = open_listener(wanted, &cause);
    if (!socket || !soup_server_listen_socket(self->server, socket, 0, &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot listen for HTTP on %s port %u: %s",
                    address, port, cause->message);
        return false;
    }
    got = g_socket_get_local_address(socket, NULL);
    if (ret_port)
        *ret_port = got ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got)) : port;
    return true;
}
