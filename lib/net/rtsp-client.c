/* The SGW's side of Xc: one connection per SGW-MCF pair. */
#include <gio/gio.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/rtsp-conn.h"
#include "lib/net/rtsp-stream.h"

#define MAX_REQUESTS 4096
#define FIRST_BACKOFF_MS 100
#define LAST_BACKOFF_MS 5000

typedef struct {
    NetRtspClient *client; /* borrowed */
    unsigned id;
    char *session; /* "" for none: the key of its queue */
    ProtoRtspMsg *message;
    gint64 deadline_us;
    GSource *timer; /* while it waits: deadline, or the idle call that refuses it */
    bool sent;
    unsigned cseq;
    NetRtspDone done;
    void *user_data;
} Request;

struct NetRtspClient {
    GSocketAddress *address;
    char *peer;
    GMainContext *context;
    const NetRtspClientEvents *events;
    void *user_data;
    NetRtspStream *stream; /* NULL: not connected */
    bool connected;
    GSource *retry;
    unsigned backoff_ms;
    GError *last_error; /* of the last attempt to connect */
    unsigned next_id;
    GHashTable *requests; /* id -> Request, owned */
    GHashTable *queues;   /* session -> GQueue of Request, in order; the head may be on the wire */
};

static void ensure_connection(NetRtspClient *self);
static void send_head(NetRtspClient *self, const char *session);

static void
source_clear(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
request_free(gpointer data)
{
    Request *self = data;

    source_clear(&self->timer);
    proto_rtsp_msg_free(self->message);
    g_free(self->session);
    g_free(self);
}

static void
unqueue(NetRtspClient *self, Request *request)
{
    GQueue *queue = g_hash_table_lookup(self->queues, request->session);

    if (!queue)
        return;
    g_queue_remove(queue, request);
    if (g_queue_is_empty(queue))
        g_hash_table_remove(self->queues, request->session);
}

/* Takes the request out, starts the next of its session, then tells. */
static void
finish(NetRtspClient *self, Request *request, const ProtoRtspMsg *response, const GError *error)
{
    unqueue(self, request);
    g_hash_table_steal(self->requests, GUINT_TO_POINTER(request->id));
    send_head(self, request->session);
    request->done(request->user_data, response, error);
    request_free(request);
}

static void
on_response(void *user_data, const ProtoRtspMsg *response, const GError *error)
{
    Request *request = user_data;

    finish(request->client, request, response, error);
}

static void
send_head(NetRtspClient *self, const char *session)
{
    GQueue *queue = g_hash_table_lookup(self->queues, session);
    Request *head = queue ? g_queue_peek_head(queue) : NULL;
    gint64 left_ms;

    if (!head || head->sent || !self->stream || !net_rtsp_stream_is_open(self->stream))
        return;
    left_ms = (head->deadline_us - g_get_monotonic_time()) / 1000;
    source_clear(&head->timer);
    head->sent = true;
    head->cseq =
        net_rtsp_stream_send(self->stream, head->message, (unsigned)MAX(left_ms, 0), on_response, head);
}

/* Its deadline came while it was still waiting. */
static gboolean
on_waited_too_long(gpointer user_data)
{
    Request *request = user_data;
    NetRtspClient *self = request->client;
    g_autoptr(GError) error = NULL;

    if (self->connected)
        error = g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "RTSP: no answer from %s in time", self->peer);
    else
        error = g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "%s",
                            self->last_error ? self->last_error->message : "RTSP: not connected in time");
    finish(self, request, NULL, error);
    return G_SOURCE_REMOVE;
}

static gboolean
on_refused(gpointer user_data)
{
    Request *request = user_data;
    g_autoptr(GError) error = g_error_new(BASE_ERROR, BASE_ERROR_BUSY, "RTSP: too many requests wait for %s",
                                          request->client->peer);

    finish(request->client, request, NULL, error);
    return G_SOURCE_REMOVE;
}

/* ---- the connection ---- */

static void
on_connected(void *user_data)
{
    NetRtspClient *self = user_data;
    g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key;

    self->connected = true;
    self->backoff_ms = FIRST_BACKOFF_MS;
    g_clear_error(&self->last_error);
    if (self->events->state)
        self->events->state(self->user_data, true, NULL);
    g_hash_table_iter_init(&iter, self->queues);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(sessions, g_strdup(key));
    for (guint i = 0; i < sessions->len; i++)
        send_head(self, g_ptr_array_index(sessions, i));
}

static unsigned
status_for(NetRtspClient *self, const ProtoRtspMsg *request)
{
    g_autofree char *session = proto_rtsp_session(request);

    if (strcmp(request->method, "ANNOUNCE") == 0)
        return self->events->announce(self->user_data, request, session);
    if (strcmp(request->method, "OPTIONS") == 0)
        return 200;
    if (strcmp(request->method, "GET_PARAMETER") == 0)
        return request->body->len ? 451 : 200;
    return 501;
}

static void
on_request(void *user_data, ProtoRtspMsg *message)
{
    NetRtspClient *self = user_data;
    g_autoptr(ProtoRtspMsg) request = message;
    g_autoptr(ProtoRtspMsg) response = proto_rtsp_response_new(status_for(self, request), NULL);

    if (strcmp(request->method, "OPTIONS") == 0)
        proto_rtsp_set_header(response, "Public", "OPTIONS, ANNOUNCE, GET_PARAMETER");
    if (self->stream)
        net_rtsp_stream_respond(self->stream, request, response);
}

static gboolean
on_retry(gpointer user_data)
{
    NetRtspClient *self = user_data;

    g_clear_pointer(&self->retry, g_source_unref);
    if (g_hash_table_size(self->queues) > 0)
        ensure_connection(self);
    return G_SOURCE_REMOVE;
}

static void
retry_later(NetRtspClient *self)
{
    if (self->retry || g_hash_table_size(self->queues) == 0)
        return;
    self->retry = g_timeout_source_new(self->backoff_ms);
    g_source_set_callback(self->retry, on_retry, self, NULL);
    g_source_attach(self->retry, self->context);
    self->backoff_ms = MIN(self->backoff_ms * 2, LAST_BACKOFF_MS);
}

static void
on_closed(void *user_data, const GError *error)
{
    NetRtspClient *self = user_data;
    bool was_connected = self->connected;

    self->connected = false;
    g_clear_pointer(&self->stream, net_rtsp_stream_free);
    g_clear_error(&self->last_error);
    self->last_error = g_error_copy(error);
    retry_later(self);
    if (was_connected && self->events->state)
        self->events->state(self->user_data, false, error);
}

static const NetRtspStreamEvents stream_events = {
    .connected = on_connected,
    .request = on_request,
    .closed = on_closed,
};

static void
ensure_connection(NetRtspClient *self)
{
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GError) error = NULL;

    if (self->stream || self->retry)
        return;
    socket = g_socket_new(g_socket_address_get_family(self->address), G_SOCKET_TYPE_STREAM,
                          G_SOCKET_PROTOCOL_TCP, &error);
    if (socket) {
        net_rtsp_socket_options(socket);
        if (g_socket_connect(socket, self->address, NULL, &error) ||
            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PENDING)) {
            self->stream = net_rtsp_stream_new(socket, true, self->peer, 0, 0, &stream_events, self);
            return;
        }
    }
    g_clear_error(&self->last_error);
    self->last_error = g_steal_pointer(&error);
    retry_later(self);
}

/* ---- operations ---- */

static Request *
request_new(
    NetRtspClient *self, ProtoRtspMsg *message, unsigned deadline_ms, NetRtspDone done, void *user_data)
{
    Request *request = g_new0(Request, 1);

    request->client = self;
    request->id = self->next_id++;
    request->session = proto_rtsp_session(message);
    if (!request->session)
        request->session = g_strdup("");
    request->message = message;
    request->deadline_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    request->done = done;
    request->user_data = user_data;
    if (self->next_id == 0)
        self->next_id = 1;
    g_hash_table_insert(self->requests, GUINT_TO_POINTER(request->id), request);
    return request;
}

static void
set_timer(Request *request, unsigned ms, GSourceFunc callback)
{
    request->timer = g_timeout_source_new(ms);
    g_source_set_callback(request->timer, callback, request, NULL);
    g_source_attach(request->timer, request->client->context);
}

static void
enqueue(NetRtspClient *self, Request *request)
{
    GQueue *queue = g_hash_table_lookup(self->queues, request->session);

    if (!queue) {
        queue = g_queue_new();
        g_hash_table_insert(self->queues, g_strdup(request->session), queue);
    }
    g_queue_push_tail(queue, request);
}

unsigned
net_rtsp_client_send(
    NetRtspClient *self, ProtoRtspMsg *message, unsigned deadline_ms, NetRtspDone done, void *user_data)
{
    bool full = g_hash_table_size(self->requests) >= MAX_REQUESTS;
    Request *request = request_new(self, message, deadline_ms, done, user_data);
    unsigned id = request->id;

    if (full) {
        set_timer(request, 0, on_refused);
        return id;
    }
    set_timer(request, deadline_ms, on_waited_too_long);
    enqueue(self, request);
    ensure_connection(self);
    send_head(self, request->session);
    return id;
}

void
net_rtsp_client_cancel(NetRtspClient *self, unsigned id)
{
    Request *request = g_hash_table_lookup(self->requests, GUINT_TO_POINTER(id));

    if (!request)
        return;
    if (request->sent && self->stream)
        net_rtsp_stream_forget(self->stream, request->cseq);
    unqueue(self, request);
    g_hash_table_steal(self->requests, GUINT_TO_POINTER(id));
    send_head(self, request->session);
    request_free(request);
}

const char *
net_rtsp_client_peer(const NetRtspClient *self)
{
    return self->peer;
}

static void
queue_free(gpointer data)
{
    g_queue_free(data);
}

NetRtspClient *
net_rtsp_client_new(
    const char *address, uint16_t port, const NetRtspClientEvents *events, void *user_data, GError **error)
{
    GSocketAddress *socket_address = g_inet_socket_address_new_from_string(address, port);
    NetRtspClient *self;

    g_assert(events && events->announce);
    if (!socket_address) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "RTSP: \"%.64s\" is no IP address",
                    address);
        return NULL;
    }
    self = g_new0(NetRtspClient, 1);
    self->address = socket_address;
    self->peer = g_strdup_printf(strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
    self->context = g_main_context_ref_thread_default();
    self->events = events;
    self->user_data = user_data;
    self->backoff_ms = FIRST_BACKOFF_MS;
    self->next_id = 1;
    self->requests = g_hash_table_new_full(NULL, NULL, NULL, request_free);
    self->queues = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, queue_free);
    return self;
}

NetRtspClient *
net_rtsp_client_new_for_uri(const char *text,
                            const NetRtspClientEvents *events,
                            void *user_data,
                            GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    int port;

    if (!uri || g_strcmp0(g_uri_get_scheme(uri), "rtsp") != 0 || !g_uri_get_host(uri)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "\"%.128s\" is no rtsp:// URI", text);
        return NULL;
    }
    port = g_uri_get_port(uri);
    return net_rtsp_client_new(g_uri_get_host(uri), (uint16_t)(port > 0 ? port : 554), events, user_data,
                               error);
}

void
net_rtsp_client_free(NetRtspClient *self)
{
    if (!self)
        return;
    net_rtsp_stream_free(self->stream);
    source_clear(&self->retry);
    g_hash_table_unref(self->queues);
    g_hash_table_unref(self->requests);
    g_clear_error(&self->last_error);
    g_main_context_unref(self->context);
    g_object_unref(self->address);
    g_free(self->peer);
    g_free(self);
}
