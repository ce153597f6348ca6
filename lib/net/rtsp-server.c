/* The MCF's side of Xc: a listener and its connections. */
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/rtsp-conn.h"
#include "lib/net/rtsp-stream.h"

#define BACKLOG 64
#define ACCEPT_PAUSE_MS 1000 /* out of descriptors: no busy loop */

const NetRtspServerLimits net_rtsp_server_limits_default = {
    .max_connections = 256,
    .max_pending = 1024,
    .max_pending_per_session = 4,
    .idle_timeout_s = 300,
    .receive_timeout_s = 10,
};

typedef struct {
    grefcount refs; /* the server's table and each request */
    uint64_t id;
    NetRtspServer *server; /* NULL: gone */
    NetRtspStream *stream; /* NULL: closed */
    char *address;
    unsigned pending;
    GHashTable *queues; /* session -> GQueue of NetRtspRequest; the head is with the handler */
} Connection;

struct NetRtspServer {
    GSocket *socket;
    uint16_t port;
    GSource *accept, *pause;
    GMainContext *context;
    NetRtspServerLimits limits;
    uint64_t next_id;
    GHashTable *connections; /* &id -> Connection */
    BaseMetric *open, *refused;
    const NetRtspServerEvents *events;
    void *user_data;
};

struct NetRtspRequest {
    Connection *connection;
    ProtoRtspMsg *message;
    char *session; /* NULL: none */
};

static void
source_clear(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
connection_unref(Connection *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    net_rtsp_stream_free(self->stream);
    g_hash_table_unref(self->queues);
    g_free(self->address);
    g_free(self);
}

/* Requests that wait behind another one die with the connection; those with the handler come back. */
static void
drop_waiting(Connection *self)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->queues);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        GQueue *queue = value;
        while (g_queue_get_length(queue) > 1) {
            NetRtspRequest *request = g_queue_pop_tail(queue);
            proto_rtsp_msg_free(request->message);
            g_free(request->session);
            g_free(request);
            connection_unref(self);
        }
    }
}

static void
connection_close(gpointer data)
{
    Connection *self = data;

    base_metric_add(self->server->open, -1);
    self->server = NULL;
    g_clear_pointer(&self->stream, net_rtsp_stream_free);
    drop_waiting(self);
    connection_unref(self);
}

/* ---- requests ---- */

static void
refuse(Connection *self, const ProtoRtspMsg *request, unsigned status)
{
    g_autoptr(ProtoRtspMsg) response = proto_rtsp_response_new(status, NULL);

    base_metric_add(self->server->refused, 1);
    if (status == 503)
        proto_rtsp_set_header(response, "Retry-After", "1");
    net_rtsp_stream_respond(self->stream, request, response);
}

static GQueue *
queue_of(Connection *self, const char *session)
{
    const char *key = session ? session : "";
    GQueue *queue = g_hash_table_lookup(self->queues, key);

    if (!queue) {
        queue = g_queue_new();
        g_hash_table_insert(self->queues, g_strdup(key), queue);
    }
    return queue;
}

static void
on_request(void *user_data, ProtoRtspMsg *message)
{
    Connection *self = user_data;
    NetRtspServer *server = self->server;
    g_autoptr(ProtoRtspMsg) taken = message;
    g_autofree char *session = proto_rtsp_session(taken);
    NetRtspRequest *request;
    GQueue *queue;

    if (self->pending >= server->limits.max_pending) {
        refuse(self, taken, 503);
        return;
    }
    queue = queue_of(self, session);
    if (g_queue_get_length(queue) >= server->limits.max_pending_per_session) {
        refuse(self, taken, 503);
        return;
    }
    request = g_new0(NetRtspRequest, 1);
    request->connection = self;
    request->message = g_steal_pointer(&taken);
    request->session = g_steal_pointer(&session);
    g_ref_count_inc(&self->refs);
    self->pending++;
    g_queue_push_tail(queue, request);
    if (g_queue_get_length(queue) == 1)
        server->events->request(server->user_data, request);
}

static void
dequeue(Connection *connection, NetRtspRequest *request)
{
    const char *key = request->session ? request->session : "";
    GQueue *queue = g_hash_table_lookup(connection->queues, key);
    NetRtspRequest *next;

    g_assert(queue && g_queue_peek_head(queue) == request);
    g_queue_pop_head(queue);
    connection->pending--;
    next = g_queue_peek_head(queue);
    if (!next)
        g_hash_table_remove(connection->queues, key);
    else if (connection->server)
        connection->server->events->request(connection->server->user_data, next);
}

void
net_rtsp_request_respond(NetRtspRequest *self, ProtoRtspMsg *response)
{
    Connection *connection = self->connection;

    if (connection->stream)
        net_rtsp_stream_respond(connection->stream, self->message, response);
    proto_rtsp_msg_free(response);
    dequeue(connection, self);
    proto_rtsp_msg_free(self->message);
    g_free(self->session);
    g_free(self);
    connection_unref(connection);
}

const ProtoRtspMsg *
net_rtsp_request_message(const NetRtspRequest *self)
{
    return self->message;
}

const char *
net_rtsp_request_session(const NetRtspRequest *self)
{
    return self->session;
}

uint64_t
net_rtsp_request_connection(const NetRtspRequest *self)
{
    return self->connection->id;
}

const char *
net_rtsp_request_peer_address(const NetRtspRequest *self)
{
    return self->connection->address;
}

/* ---- connections ---- */

static void
on_closed(void *user_data, const GError *error)
{
    Connection *self = user_data;
    NetRtspServer *server = self->server;
    uint64_t id = self->id;

    (void)error;
    g_hash_table_remove(server->connections, &id);
    if (server->events->closed)
        server->events->closed(server->user_data, id);
}

static const NetRtspStreamEvents stream_events = {
    .request = on_request,
    .closed = on_closed,
};

static void
queue_free(gpointer data)
{
    g_queue_free(data);
}

static void
add_connection(NetRtspServer *server, GSocket *socket)
{
    g_autoptr(GSocketAddress) remote = g_socket_get_remote_address(socket, NULL);
    g_autofree char *peer = NULL;
    Connection *self;

    if (!remote)
        return; /* gone already */
    self = g_new0(Connection, 1);
    g_ref_count_init(&self->refs);
    self->id = server->next_id++;
    self->server = server;
    self->address =
        g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
    self->queues = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
    peer = g_strdup_printf("%s:%u", self->address,
                           g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(remote)));
    net_rtsp_socket_options(socket);
    self->stream = net_rtsp_stream_new(socket, false, peer, server->limits.idle_timeout_s,
                                       server->limits.receive_timeout_s, &stream_events, self);
    g_hash_table_insert(server->connections, &self->id, self);
    base_metric_add(server->open, 1);
}

static void watch_accept(NetRtspServer *self);

static gboolean
on_pause_over(gpointer user_data)
{
    NetRtspServer *self = user_data;

    g_clear_pointer(&self->pause, g_source_unref);
    watch_accept(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_acceptable(GSocket *listener, GIOCondition condition, gpointer user_data)
{
    NetRtspServer *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_accept(listener, NULL, &error);

    (void)condition;
    if (socket) {
        if (g_hash_table_size(self->connections) < self->limits.max_connections)
            add_connection(self, socket);
        else
            base_metric_add(self->refused, 1);
        return G_SOURCE_CONTINUE;
    }
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
        return G_SOURCE_CONTINUE;
    self->pause = g_timeout_source_new(ACCEPT_PAUSE_MS);
    g_source_set_callback(self->pause, on_pause_over, self, NULL);
    g_source_attach(self->pause, self->context);
    g_clear_pointer(&self->accept, g_source_unref);
    return G_SOURCE_REMOVE;
}

static void
watch_accept(NetRtspServer *self)
{
    self->accept = g_socket_create_source(self->socket, G_IO_IN, NULL);
    g_source_set_callback(self->accept, G_SOURCE_FUNC(on_acceptable), self, NULL);
    g_source_attach(self->accept, self->context);
}

/* ---- the server ---- */

static GSocket *
listen_on(const char *address, uint16_t port, GError **error)
{
    g_autoptr(GSocketAddress) local = g_inet_socket_address_new_from_string(address, port);
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GError) cause = NULL;

    if (!local) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "RTSP: \"%.64s\" is no IP address",
                    address);
        return NULL;
    }
    socket =
        g_socket_new(g_socket_address_get_family(local), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &cause);
    if (socket) {
        g_socket_set_blocking(socket, FALSE);
        g_socket_set_listen_backlog(socket, BACKLOG);
        if (g_socket_bind(socket, local, TRUE, &cause) && g_socket_listen(socket, &cause))
            return g_steal_pointer(&socket);
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "RTSP: cannot listen on %s port %u: %s", address,
                port, cause->message);
    return NULL;
}

static uint16_t
local_port(GSocket *socket)
{
    g_autoptr(GSocketAddress) local = g_socket_get_local_address(socket, NULL);

    return local ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local)) : 0;
}

NetRtspServer *
net_rtsp_server_new(const char *address,
                    uint16_t port,
                    const NetRtspServerLimits *limits,
                    const NetRtspServerEvents *events,
                    void *user_data,
                    GError **error)
{
    g_autoptr(GSocket) socket = listen_on(address, port, error);
    NetRtspServer *self;

    g_assert(events && events->request);
    if (!socket)
        return NULL;
    self = g_new0(NetRtspServer, 1);
    self->port = local_port(socket);
    self->socket = g_steal_pointer(&socket);
    self->context = g_main_context_ref_thread_default();
    self->limits = limits ? *limits : net_rtsp_server_limits_default;
    self->next_id = 1;
    self->connections = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, connection_close);
    self->open = base_gauge("imstv_rtsp_connections", NULL, "open RTSP connections");
    self->refused =
        base_counter("imstv_rtsp_refused_total", NULL, "RTSP connections and requests over a cap");
    self->events = events;
    self->user_data = user_data;
    watch_accept(self);
    return self;
}

void
net_rtsp_server_free(NetRtspServer *self)
{
    if (!self)
        return;
    source_clear(&self->accept);
    source_clear(&self->pause);
    g_hash_table_unref(self->connections);
    g_socket_close(self->socket, NULL);
    g_object_unref(self->socket);
    g_main_context_unref(self->context);
    g_free(self);
}

uint16_t
net_rtsp_server_port(const NetRtspServer *self)
{
    return self->port;
}

bool
net_rtsp_server_has_connection(const NetRtspServer *self, uint64_t connection)
{
    return g_hash_table_contains(self->connections, &connection);
}

typedef struct {
    NetRtspDone done;
    void *user_data;
} Unsent;

static gboolean
on_no_connection(gpointer user_data)
{
    g_autofree Unsent *unsent = user_data;
    g_autoptr(GError) error =
        g_error_new_literal(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "RTSP: the connection is gone");

    unsent->done(unsent->user_data, NULL, error);
    return G_SOURCE_REMOVE;
}

static void
tell_no_connection(NetRtspServer *self, NetRtspDone done, void *user_data)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Unsent *unsent = g_new(Unsent, 1);

    *unsent = (Unsent){done, user_data};
    g_source_set_callback(source, on_no_connection, unsent, NULL);
    g_source_attach(source, self->context);
}

void
net_rtsp_server_send(NetRtspServer *self,
                     uint64_t connection,
                     ProtoRtspMsg *request,
                     unsigned deadline_ms,
                     NetRtspDone done,
                     void *user_data)
{
    g_autoptr(ProtoRtspMsg) taken = request;
    Connection *found = g_hash_table_lookup(self->connections, &connection);

    if (found)
        net_rtsp_stream_send(found->stream, taken, deadline_ms, done, user_data);
    else if (done)
        tell_no_connection(self, done, user_data);
}
