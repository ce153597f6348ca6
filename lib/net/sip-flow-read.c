/* A flow's way in: connecting, reading, framing. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "lib/net/sip-flow.h"
#include "lib/net/sip-framing.h"

#define READ_BYTES 16384

/* --- Receiving ------------------------------------------------------------------------------- */

static void
report_malformed(NetSipFlow *self, const char *data, size_t length, int status, const GError *error)
{
    g_autoptr(NetSipMsg) partial = net_sip_msg_salvage(data, length);

    base_metric_add(base_counter("imstv_sip_malformed_total", NULL, "SIP messages refused by the parser"), 1);
    if (base_trace_enabled())
        base_trace(self->reference_point, false, self->peer, NULL, error->message, data,
                   (gssize)MIN(length, 4096));
    self->transport->events->malformed(self, partial, status, error, self->transport->user_data);
}

static void
take_message(NetSipFlow *self, const char *data, size_t length)
{
    g_autoptr(GError) error = NULL;
    int status = 400;
    g_autoptr(NetSipMsg) message = net_sip_msg_parse(data, length, &status, &error);

    if (!message) {
        report_malformed(self, data, length, status, error);
        return;
    }
    self->proven = true;
    base_metric_add(base_counter("imstv_sip_messages_total", "direction=\"in\"", "SIP messages"), 1);
    self->transport->events->received(self, message, self->transport->user_data);
}

void
net_sip_flow_take_datagram(NetSipFlow *self, const char *data, size_t length)
{
    size_t used = 0;

    while (used < length && (data[used] == '\r' || data[used] == '\n'))
        used++;
    if (used < length)
        take_message(self, data + used, length - used);
}

/* The stream cannot be understood any further: answer what can be answered, then close. */
static void
give_up(NetSipFlow *self, const char *data, size_t length, int status)
{
    g_autoptr(GError) error =
        g_error_new(BASE_ERROR, status == 400 ? BASE_ERROR_PROTOCOL : BASE_ERROR_TOO_LARGE,
                    "SIP stream from %s cannot be framed (%d)", self->peer, status);

    report_malformed(self, data, length, status, error);
    if (!net_sip_flow_is_open(self))
        return;
    if (g_queue_is_empty(&self->out)) {
        net_sip_flow_fail_with(self, BASE_ERROR_PROTOCOL, "stream cannot be framed");
    } else {
        /* Let the answer go out; nothing more is read. */
        net_sip_flow_clear_source(&self->in_source);
        self->state = NET_SIP_FLOW_DRAINING;
        net_sip_flow_restart_timer(self);
    }
}

/* False if the flow is over. */
static bool
take_frames(NetSipFlow *self)
{
    size_t used = 0;

    while (net_sip_flow_is_open(self)) {
        const char *data = (const char *)self->in->data + used;
        size_t left = self->in->len - used, length = 0;
        int status = 400;
        NetSipFrame frame = net_sip_frame_next(data, left, &length, &status);

        if (frame == NET_SIP_FRAME_NEED_MORE)
            break;
        if (frame == NET_SIP_FRAME_BROKEN) {
            give_up(self, data, left, status);
            return false;
        }
        used += length;
        if (frame == NET_SIP_FRAME_PING)
            net_sip_flow_enqueue(self, g_bytes_new_static("\r\n", 2), NULL);
        else if (frame == NET_SIP_FRAME_MESSAGE)
            take_message(self, data, length);
    }
    if (used > 0)
        g_byte_array_remove_range(self->in, 0, (guint)used);

    return net_sip_flow_is_open(self);
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    g_autoptr(NetSipFlow) self = net_sip_flow_ref(user_data);
    char buffer[READ_BYTES];
    g_autoptr(GError) error = NULL;
    gssize length = g_socket_receive(socket, buffer, sizeof buffer, NULL, &error);

    (void)condition;
    if (length < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return G_SOURCE_CONTINUE;
    if (length <= 0) {
        net_sip_flow_fail_with(self, BASE_ERROR_UNAVAILABLE, error ? error->message : "closed by the peer");
        return G_SOURCE_CONTINUE;
    }
    g_byte_array_append(self->in, (const guint8 *)buffer, (guint)length);
    if (take_frames(self) && self->origin == NET_SIP_FLOW_ACCEPTED)
        net_sip_flow_restart_timer(self);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_own_datagram(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    g_autoptr(NetSipFlow) self = net_sip_flow_ref(user_data);
    g_autoptr(GSocketAddress) from = NULL;
    char *buffer = self->transport->datagram;
    gssize length = g_socket_receive_from(socket, &from, buffer, 65536, NULL, NULL);
    g_autofree char *host = NULL;
    uint16_t port = 0;

    (void)condition;
    if (length <= 0 || !from)
        return G_SOURCE_CONTINUE;
    net_sip_flow_take_address(from, &host, &port);
    if (port == self->remote_port && strcmp(host, self->remote_host) == 0)
        net_sip_flow_take_datagram(self, buffer, (size_t)length);

    return G_SOURCE_CONTINUE;
}

static void
watch_readable(NetSipFlow *self)
{
    GSocketSourceFunc callback = self->kind == NET_SIP_TCP ? on_readable : on_own_datagram;

    self->in_source = g_socket_create_source(self->socket, G_IO_IN, NULL);
    g_source_set_callback(self->in_source, G_SOURCE_FUNC(callback), self, NULL);
    g_source_attach(self->in_source, NULL);
}

static gboolean
on_connected(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    g_autoptr(NetSipFlow) self = net_sip_flow_ref(user_data);
    g_autoptr(GError) error = NULL;

    (void)condition;
    net_sip_flow_clear_source(&self->out_source);
    if (!g_socket_check_connect_result(socket, &error)) {
        net_sip_flow_fail_with(self, BASE_ERROR_UNAVAILABLE, error->message);
        return G_SOURCE_REMOVE;
    }
    self->state = NET_SIP_FLOW_OPEN;
    watch_readable(self);
    net_sip_flow_restart_timer(self);
    if (net_sip_flow_flush(self) && net_sip_flow_is_open(self) && !g_queue_is_empty(&self->out))
        net_sip_flow_watch_writable(self);
    if (net_sip_flow_is_open(self) && self->transport->events->connected)
        self->transport->events->connected(self, self->transport->user_data);

    return G_SOURCE_REMOVE;
}

void
net_sip_flow_start(NetSipFlow *self)
{
    net_sip_flow_restart_timer(self);
    if (self->state != NET_SIP_FLOW_CONNECTING) {
        watch_readable(self);
        return;
    }
    self->out_source = g_socket_create_source(self->socket, G_IO_OUT, NULL);
    g_source_set_callback(self->out_source, G_SOURCE_FUNC(on_connected), self, NULL);
    g_source_attach(self->out_source, NULL);
}
