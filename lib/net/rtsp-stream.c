#include "lib/net/rtsp-stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/base/trace.h"

#define READ_BYTES 16384
#define CONNECT_TIMEOUT_S 3
#define DEAD_PEER_MS 10000

typedef struct {
    NetRtspStream *stream; /* borrowed */
    unsigned cseq;
    GSource *deadline;
    NetRtspDone done;
    void *user_data;
} Outstanding;

struct NetRtspStream {
    grefcount refs; /* the owner and whoever is calling out */
    GSocket *socket;
    bool connecting, closed;
    bool overflowing; /* about to be closed: its timer is not to be touched */
    char *peer;
    GMainContext *context;
    GSource *in, *out, *timer;
    GByteArray *received;
    GString *unsent;
    unsigned next_cseq;
    GHashTable *outstanding; /* CSeq -> Outstanding */
    unsigned idle_timeout_s, receive_timeout_s;
    const NetRtspStreamEvents *events;
    void *user_data;
};

static void watch_output(NetRtspStream *self);

void
net_rtsp_socket_options(GSocket *socket)
{
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_keepalive(socket, TRUE);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_PEER_MS, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, DEAD_PEER_MS / 1000, NULL);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 3, NULL);
}

static void
source_clear(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
outstanding_free(gpointer data)
{
    Outstanding *self = data;

    source_clear(&self->deadline);
    g_free(self);
}

static void
stream_unref(NetRtspStream *self)
{
    if (!g_ref_count_dec(&self->refs))
        return;
    g_hash_table_unref(self->outstanding);
    g_byte_array_unref(self->received);
    g_string_free(self->unsent, TRUE);
    g_object_unref(self->socket);
    g_main_context_unref(self->context);
    g_free(self->peer);
    g_free(self);
}

static void
shut(NetRtspStream *self)
{
    self->closed = true;
    source_clear(&self->in);
    source_clear(&self->out);
    source_clear(&self->timer);
    g_socket_close(self->socket, NULL);
}

/* Each callback may send or forget: take one, call it, look again. */
static void
fail_outstanding(NetRtspStream *self, const GError *error)
{
    GHashTableIter iter;
    gpointer value;

    for (;;) {
        g_hash_table_iter_init(&iter, self->outstanding);
        if (!g_hash_table_iter_next(&iter, NULL, &value))
            return;
        g_hash_table_iter_steal(&iter);
        Outstanding *outstanding = value;
        if (outstanding->done)
            outstanding->done(outstanding->user_data, NULL, error);
        outstanding_free(outstanding);
    }
}

/* @error: (transfer full) */
static void
fail(NetRtspStream *self, GError *error)
{
    g_autoptr(GError) reason = g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "RTSP connection with %s: %s",
                                           self->peer, error ? error->message : "closed by the peer");

    g_clear_error(&error);
    if (self->closed)
        return;
    shut(self);
    g_ref_count_inc(&self->refs);
    fail_outstanding(self, reason);
    self->events->closed(self->user_data, reason);
    stream_unref(self);
}

/* ---- timers ---- */

static gboolean
on_timer(gpointer user_data)
{
    NetRtspStream *self = user_data;

    fail(self, g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "%s",
                           self->connecting      ? "no answer to the connection request"
                           : self->received->len ? "a message was not finished in time"
                                                 : "nothing heard for too long"));
    return G_SOURCE_REMOVE;
}

static void
set_timer(NetRtspStream *self, unsigned seconds)
{
    if (self->overflowing)
        return;
    g_source_set_ready_time(self->timer,
                            seconds ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : -1);
}

static gboolean
on_ready_time(GSource *source, GSourceFunc callback, gpointer user_data)
{
    (void)source;
    return callback(user_data);
}

static GSourceFuncs timer_funcs = {.dispatch = on_ready_time};

static GSource *
timer_new(NetRtspStream *self)
{
    GSource *timer = g_source_new(&timer_funcs, sizeof(GSource));

    g_source_set_callback(timer, on_timer, self, NULL);
    g_source_attach(timer, self->context);
    return timer;
}

static gboolean
on_deadline(gpointer user_data)
{
    Outstanding *outstanding = user_data;
    g_autoptr(GError) error = g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "RTSP: no answer from %s in time",
                                          outstanding->stream->peer);

    g_hash_table_steal(outstanding->stream->outstanding, GUINT_TO_POINTER(outstanding->cseq));
    if (outstanding->done)
        outstanding->done(outstanding->user_data, NULL, error);
    outstanding_free(outstanding);
    return G_SOURCE_REMOVE;
}

/* ---- sending ---- */

static void
trace(NetRtspStream *self, bool sent, const ProtoRtspMsg *message, const GString *text)
{
    g_autofree char *summary = NULL;

    if (!base_trace_enabled())
        return;
    summary = g_strndup(text->str, strcspn(text->str, "\r\n"));
    base_trace("Xc", sent, self->peer, proto_rtsp_header(message, "Session-ID"), summary, text->str,
               (gssize)text->len);
}

static void
flush(NetRtspStream *self)
{
    while (!self->connecting && self->unsent->len) {
        g_autoptr(GError) error = NULL;
        gssize n = g_socket_send(self->socket, self->unsent->str, self->unsent->len, NULL, &error);
        if (n < 0) {
            if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
                /* The reading side finds the same and reports it from the main loop. */
                g_string_truncate(self->unsent, 0);
                return;
            }
            watch_output(self);
            return;
        }
        g_string_erase(self->unsent, 0, n);
    }
}

static gboolean
on_overflow(gpointer user_data)
{
    fail(user_data, g_error_new(BASE_ERROR, BASE_ERROR_TOO_LARGE, "the peer does not read"));
    return G_SOURCE_REMOVE;
}

static void
transmit(NetRtspStream *self, const ProtoRtspMsg *message)
{
    g_autoptr(GString) text = proto_rtsp_build(message);

    if (self->closed || self->overflowing)
        return;
    trace(self, true, message, text);
    if (self->unsent->len + text->len > NET_RTSP_MAX_UNSENT_BYTES) {
        /* not from here: the caller is in the middle of something */
        self->overflowing = true;
        g_source_set_callback(self->timer, on_overflow, self, NULL);
        g_source_set_ready_time(self->timer, 0);
        return;
    }
    g_string_append_len(self->unsent, text->str, (gssize)text->len);
    flush(self);
}

unsigned
net_rtsp_stream_send(
    NetRtspStream *self, ProtoRtspMsg *request, unsigned deadline_ms, NetRtspDone done, void *user_data)
{
    Outstanding *outstanding = g_new0(Outstanding, 1);

    outstanding->stream = self;
    outstanding->cseq = self->next_cseq++;
    outstanding->done = done;
    outstanding->user_data = user_data;
    outstanding->deadline = g_timeout_source_new(deadline_ms);
    g_source_set_callback(outstanding->deadline, on_deadline, outstanding, NULL);
    g_source_attach(outstanding->deadline, self->context);
    g_hash_table_insert(self->outstanding, GUINT_TO_POINTER(outstanding->cseq), outstanding);
    proto_rtsp_set_header_printf(request, "CSeq", "%u", outstanding->cseq);
    transmit(self, request);
    return outstanding->cseq;
}

void
net_rtsp_stream_forget(NetRtspStream *self, unsigned cseq)
{
    g_hash_table_remove(self->outstanding, GUINT_TO_POINTER(cseq));
}

void
net_rtsp_stream_respond(NetRtspStream *self, const ProtoRtspMsg *request, ProtoRtspMsg *response)
{
    static const char *const copied[] = {"CSeq", "Session", "Session-ID"};

    for (size_t i = 0; i < G_N_ELEMENTS(copied); i++) {
        const char *value = proto_rtsp_header(request, copied[i]);
        if (value && !proto_rtsp_header(response, copied[i]))
            proto_rtsp_set_header(response, copied[i], value);
    }
    transmit(self, response);
}

/* ---- receiving ---- */

static bool
parse_cseq(const ProtoRtspMsg *message, guint64 *ret_cseq)
{
    const char *value = proto_rtsp_header(message, "CSeq");

    return value && g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, ret_cseq, NULL);
}

static void
take_response(NetRtspStream *self, const ProtoRtspMsg *response)
{
    gpointer value;
    guint64 cseq;

    if (response->status < 200 || !parse_cseq(response, &cseq))
        return;
    if (!g_hash_table_steal_extended(self->outstanding, GUINT_TO_POINTER((guint)cseq), NULL, &value))
        return; /* late: its deadline has passed */
    Outstanding *outstanding = value;
    if (outstanding->done)
        outstanding->done(outstanding->user_data, response, NULL);
    outstanding_free(outstanding);
}

/* @message: (transfer full) */
static void
take_message(NetRtspStream *self, ProtoRtspMsg *message, size_t used)
{
    g_autoptr(ProtoRtspMsg) taken = message;
    guint64 cseq;

    if (base_trace_enabled()) {
        g_autoptr(GString) text = g_string_new_len((const char *)self->received->data, (gssize)used);
        trace(self, false, taken, text);
    }
    g_byte_array_remove_range(self->received, 0, (guint)used);
    if (!taken->method) {
        take_response(self, taken);
    } else if (!parse_cseq(taken, &cseq)) {
        g_autoptr(ProtoRtspMsg) bad = proto_rtsp_response_new(400, NULL);
        transmit(self, bad);
    } else {
        self->events->request(self->user_data, g_steal_pointer(&taken));
    }
}

/* What is behind an unreadable message cannot be found again: one last answer, then the end. */
static void
refuse(NetRtspStream *self, GError *error)
{
    g_autoptr(ProtoRtspMsg) bad = proto_rtsp_response_new((unsigned)base_error_rtsp_status(error), NULL);

    proto_rtsp_set_header(bad, "Connection", "close");
    transmit(self, bad);
    fail(self, error);
}

static void
parse_received(NetRtspStream *self)
{
    while (!self->closed) {
        ProtoRtspMsg *message = NULL;
        GError *error = NULL;
        size_t used = 0;
        switch (proto_rtsp_parse((const char *)self->received->data, self->received->len, &message, &used,
                                 &error)) {
        case PROTO_RTSP_MESSAGE:
            take_message(self, message, used);
            break;
        case PROTO_RTSP_INCOMPLETE:
            if (used)
                g_byte_array_remove_range(self->received, 0, (guint)used);
            return;
        case PROTO_RTSP_INVALID:
            refuse(self, error);
            return;
        }
    }
}

/* The time for a message runs from its first octet: sending one octet at a time gains nothing. */
static void
restart_timer(NetRtspStream *self, bool was_waiting)
{
    if (self->received->len == 0)
        set_timer(self, self->idle_timeout_s);
    else if (!was_waiting)
        set_timer(self, self->receive_timeout_s);
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    NetRtspStream *self = user_data;
    bool was_waiting = self->received->len > 0;
    guint8 buffer[READ_BYTES];
    GError *error = NULL;
    gssize n = g_socket_receive(socket, (char *)buffer, sizeof buffer, NULL, &error);

    (void)condition;
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
        g_error_free(error);
        return G_SOURCE_CONTINUE;
    }
    g_ref_count_inc(&self->refs);
    if (n <= 0) {
        fail(self, error);
    } else {
        g_byte_array_append(self->received, buffer, (guint)n);
        parse_received(self);
        if (!self->closed)
            restart_timer(self, was_waiting);
    }
    stream_unref(self);
    return G_SOURCE_CONTINUE;
}

static void
watch_input(NetRtspStream *self)
{
    self->in = g_socket_create_source(self->socket, G_IO_IN, NULL);
    g_source_set_callback(self->in, G_SOURCE_FUNC(on_readable), self, NULL);
    g_source_attach(self->in, self->context);
}

static void
take_connection(NetRtspStream *self)
{
    GError *error = NULL;

    if (!g_socket_check_connect_result(self->socket, &error)) {
        fail(self, error);
        return;
    }
    self->connecting = false;
    set_timer(self, self->idle_timeout_s);
    watch_input(self);
    self->events->connected(self->user_data);
}

static gboolean
on_writable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    NetRtspStream *self = user_data;

    (void)socket;
    (void)condition;
    source_clear(&self->out);
    g_ref_count_inc(&self->refs);
    if (self->connecting)
        take_connection(self);
    if (!self->closed)
        flush(self);
    stream_unref(self);
    return G_SOURCE_REMOVE;
}

static void
watch_output(NetRtspStream *self)
{
    if (self->out)
        return;
    self->out = g_socket_create_source(self->socket, G_IO_OUT, NULL);
    g_source_set_callback(self->out, G_SOURCE_FUNC(on_writable), self, NULL);
    g_source_attach(self->out, self->context);
}

/* ---- lifecycle ---- */

NetRtspStream *
net_rtsp_stream_new(GSocket *socket,
                    bool outgoing,
                    const char *peer,
                    unsigned idle_timeout_s,
                    unsigned receive_timeout_s,
                    const NetRtspStreamEvents *events,
                    void *user_data)
{
    NetRtspStream *self = g_new0(NetRtspStream, 1);

    g_ref_count_init(&self->refs);
    self->socket = g_object_ref(socket);
    self->connecting = outgoing;
    self->peer = g_strdup(peer);
    self->context = g_main_context_ref_thread_default();
    self->received = g_byte_array_new();
    self->unsent = g_string_new(NULL);
    self->next_cseq = 1;
    self->outstanding = g_hash_table_new_full(NULL, NULL, NULL, outstanding_free);
    self->idle_timeout_s = idle_timeout_s;
    self->receive_timeout_s = receive_timeout_s;
    self->events = events;
    self->user_data = user_data;
    self->timer = timer_new(self);
    set_timer(self, outgoing ? CONNECT_TIMEOUT_S : idle_timeout_s);
    if (outgoing)
        watch_output(self);
    else
        watch_input(self);
    return self;
}

void
net_rtsp_stream_free(NetRtspStream *self)
{
    if (!self)
        return;
    if (!self->closed)
        shut(self);
    g_hash_table_remove_all(self->outstanding);
    stream_unref(self);
}

const char *
net_rtsp_stream_peer(const NetRtspStream *self)
{
    return self->peer;
}

bool
net_rtsp_stream_is_open(const NetRtspStream *self)
{
    return !self->closed && !self->connecting;
}
