#include "lib/net/sip-flow.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "lib/net/sip-via.h"

#define MESSAGE_TIMEOUT_S 30u
#define USER_TIMEOUT_MS 20000u /* sent but not acknowledged by the peer's TCP */

static void on_timer(void *user_data);

/* --- Addresses ------------------------------------------------------------------------------- */

void
net_sip_flow_take_address(GSocketAddress *address, char **ret_host, uint16_t *ret_port)
{
    GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS(address);

    *ret_host = g_inet_address_to_string(g_inet_socket_address_get_address(inet));
    *ret_port = g_inet_socket_address_get_port(inet);
}

static void
take_addresses(NetSipFlow *self)
{
    g_autoptr(GSocketAddress) local = g_socket_get_local_address(self->socket, NULL);

    if (local)
        net_sip_flow_take_address(local, &self->local_host, &self->local_port);
    else
        self->local_host = g_strdup("0.0.0.0");
    net_sip_flow_take_address(self->remote, &self->remote_host, &self->remote_port);
    self->peer = net_sip_host_port(self->remote_host, self->remote_port);
    self->contact_host = g_strdup(self->local_host);
    self->contact_port = self->local_port;
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipFlow *
net_sip_flow_new(NetSipTransport *transport,
                 NetSipTransportKind kind,
                 NetSipFlowOrigin origin,
                 GSocket *socket,
                 GSocketAddress *remote,
                 const char *reference_point)
{
    NetSipFlow *self = g_new0(NetSipFlow, 1);

    self->references = 1;
    self->transport = transport;
    self->kind = kind;
    self->origin = origin;
    self->state = NET_SIP_FLOW_OPEN;
    self->socket = socket;
    self->remote = g_object_ref(remote);
    self->reference_point = g_intern_string(reference_point);
    g_queue_init(&self->out);
    take_addresses(self);
    if (kind == NET_SIP_TCP) {
        self->in = g_byte_array_new();
        g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
        g_socket_set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, (gint)USER_TIMEOUT_MS, NULL);
    }

    return self;
}

NetSipFlow *
net_sip_flow_ref(NetSipFlow *self)
{
    self->references++;
    return self;
}

void
net_sip_flow_clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_source_unref(*source);
    *source = NULL;
}

/* Stops all activity; the socket is closed unless it belongs to a listener. */
static void
detach(NetSipFlow *self)
{
    if (self->state == NET_SIP_FLOW_CLOSED)
        return;
    self->state = NET_SIP_FLOW_CLOSED;
    net_sip_flow_clear_source(&self->in_source);
    net_sip_flow_clear_source(&self->out_source);
    if (self->transport)
        net_sip_timers_stop(self->transport->timers, &self->timer);
    if (self->origin != NET_SIP_FLOW_DATAGRAM)
        g_socket_close(self->socket, NULL);
    g_queue_clear_full(&self->out, (GDestroyNotify)g_bytes_unref);
    self->out_bytes = 0;
}

void
net_sip_flow_unref(NetSipFlow *self)
{
    if (!self || --self->references > 0)
        return;
    detach(self);
    net_sip_flow_clear_source(&self->lost_source);
    g_clear_error(&self->lost_error);
    g_object_unref(self->socket);
    g_object_unref(self->remote);
    g_free(self->local_host);
    g_free(self->remote_host);
    g_free(self->contact_host);
    g_free(self->peer);
    if (self->in)
        g_byte_array_unref(self->in);
    g_free(self);
}

void
net_sip_flow_shut(NetSipFlow *self)
{
    NetSipTransport *transport = self->transport;

    detach(self);
    net_sip_flow_clear_source(&self->lost_source);
    self->transport = NULL;
    if (transport)
        net_sip_transport_forget(transport, self);
}

static gboolean
on_lost(gpointer user_data)
{
    g_autoptr(NetSipFlow) self = net_sip_flow_ref(user_data);
    NetSipTransport *transport = self->transport;

    net_sip_flow_clear_source(&self->lost_source);
    self->transport = NULL;
    net_sip_transport_forget(transport, self);
    transport->events->lost(self, self->lost_error, transport->user_data);

    return G_SOURCE_REMOVE;
}

void
net_sip_flow_fail(NetSipFlow *self, GError *error)
{
    bool silent = self->state == NET_SIP_FLOW_DRAINING || self->origin == NET_SIP_FLOW_DATAGRAM;

    if (self->state == NET_SIP_FLOW_CLOSED) {
        g_error_free(error);
        return;
    }
    if (silent) {
        g_error_free(error);
        net_sip_flow_shut(self);
        return;
    }
    detach(self);
    self->lost_error = error;
    self->lost_source = g_idle_source_new();
    g_source_set_priority(self->lost_source, G_PRIORITY_DEFAULT);
    g_source_set_callback(self->lost_source, on_lost, self, NULL);
    g_source_attach(self->lost_source, NULL);
}

void
net_sip_flow_fail_with(NetSipFlow *self, BaseErrorCode code, const char *what)
{
    net_sip_flow_fail(self,
                      g_error_new(BASE_ERROR, (gint)code, "SIP connection with %s: %s", self->peer, what));
}

/* --- Timers ---------------------------------------------------------------------------------- */

/* A stranger may not keep a connection by a byte now and then: the first message, and the rest of one that
 * has begun, have their time. */
static bool
must_hurry(const NetSipFlow *self)
{
    return self->origin == NET_SIP_FLOW_ACCEPTED && (!self->proven || self->in->len > 0);
}

static guint
timeout_s(const NetSipFlow *self)
{
    const NetSipTransportConfig *config = &self->transport->config;

    if (self->state == NET_SIP_FLOW_CONNECTING || self->state == NET_SIP_FLOW_DRAINING)
        return config->connect_timeout_s;
    if (self->origin != NET_SIP_FLOW_ACCEPTED)
        return config->keepalive_s;

    return must_hurry(self) ? MIN(config->idle_timeout_s, MESSAGE_TIMEOUT_S) : config->idle_timeout_s;
}

void
net_sip_flow_restart_timer(NetSipFlow *self)
{
    bool hurry = must_hurry(self);

    if (self->kind == NET_SIP_UDP || (hurry && self->hurried && self->state == NET_SIP_FLOW_OPEN))
        return;
    self->hurried = hurry;
    net_sip_timers_start(self->transport->timers, &self->timer, timeout_s(self) * (int64_t)1000, on_timer,
                         self);
}

/* --- Sending --------------------------------------------------------------------------------- */

/* True if all went out or the socket is full; false if the connection is broken. */
bool
net_sip_flow_flush(NetSipFlow *self)
{
    while (!g_queue_is_empty(&self->out)) {
        GBytes *head = g_queue_peek_head(&self->out);
        gsize length = 0;
        const char *data = g_bytes_get_data(head, &length);
        g_autoptr(GError) error = NULL;
        gssize sent =
            g_socket_send(self->socket, data + self->out_offset, length - self->out_offset, NULL, &error);

        if (sent < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            return true;
        if (sent < 0) {
            net_sip_flow_fail_with(self, BASE_ERROR_UNAVAILABLE, error->message);
            return false;
        }
        self->out_offset += (size_t)sent;
        self->out_bytes -= (size_t)sent;
        if (self->out_offset == length) {
            g_bytes_unref(g_queue_pop_head(&self->out));
            self->out_offset = 0;
        }
    }
    if (self->state == NET_SIP_FLOW_DRAINING)
        net_sip_flow_shut(self);

    return true;
}

static gboolean
on_writable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    g_autoptr(NetSipFlow) self = net_sip_flow_ref(user_data);

    (void)socket;
    (void)condition;
    if (net_sip_flow_flush(self) && self->state != NET_SIP_FLOW_CLOSED && g_queue_is_empty(&self->out))
        net_sip_flow_clear_source(&self->out_source);

    return G_SOURCE_CONTINUE;
}

void
net_sip_flow_watch_writable(NetSipFlow *self)
{
    if (self->out_source)
        return;
    self->out_source = g_socket_create_source(self->socket, G_IO_OUT, NULL);
    g_source_set_callback(self->out_source, G_SOURCE_FUNC(on_writable), self, NULL);
    g_source_attach(self->out_source, NULL);
}

/* @bytes: (transfer full) */
bool
net_sip_flow_enqueue(NetSipFlow *self, GBytes *bytes, GError **error)
{
    size_t length = g_bytes_get_size(bytes);

    if (self->out_bytes + length > self->transport->config.max_queued_bytes) {
        g_bytes_unref(bytes);
        net_sip_flow_fail_with(self, BASE_ERROR_BUSY, "the peer does not read what is sent to it");
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "too much is waiting for %s", self->peer);
        return false;
    }
    g_queue_push_tail(&self->out, bytes);
    self->out_bytes += length;
    if (self->state == NET_SIP_FLOW_CONNECTING)
        return true;
    if (!self->out_source && !net_sip_flow_flush(self)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "connection with %s is broken", self->peer);
        return false;
    }
    if (self->state == NET_SIP_FLOW_OPEN && !g_queue_is_empty(&self->out))
        net_sip_flow_watch_writable(self);

    return true;
}

static bool
send_datagram(NetSipFlow *self, GBytes *bytes, GError **error)
{
    gsize length = 0;
    const char *data = g_bytes_get_data(bytes, &length);
    g_autoptr(GError) why = NULL;

    if (g_socket_send_to(self->socket, self->remote, data, length, NULL, &why) >= 0 ||
        g_error_matches(why, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) /* as if lost on the way */
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot send to %s: %s", self->peer, why->message);

    return false;
}

void
net_sip_flow_trace(const NetSipFlow *self, const NetSipMsg *message, bool sent)
{
    const char *point = net_sip_msg_reference_point(message);

    if (!base_trace_enabled())
        return;
    g_autoptr(GBytes) bytes = net_sip_msg_to_bytes(message);
    g_autofree char *summary = net_sip_msg_summary(message);
    gsize length = 0;
    const char *text = g_bytes_get_data(bytes, &length);

    base_trace(point ? point : self->reference_point, sent, self->peer, net_sip_msg_session_id(message),
               summary, text, (gssize)length);
}

bool
net_sip_flow_send(NetSipFlow *self, const NetSipMsg *message, GError **error)
{
    GBytes *bytes;

    if (!net_sip_flow_is_open(self)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "connection with %s is closed", self->peer);
        return false;
    }
    net_sip_flow_trace(self, message, true);
    base_metric_add(base_counter("imstv_sip_messages_total", "direction=\"out\"", "SIP messages"), 1);
    bytes = net_sip_msg_to_bytes(message);
    if (self->kind == NET_SIP_TCP) {
        net_sip_flow_restart_timer(self);
        return net_sip_flow_enqueue(self, bytes, error);
    }
    {
        bool ok = send_datagram(self, bytes, error);

        g_bytes_unref(bytes);
        return ok;
    }
}

void
net_sip_flow_close(NetSipFlow *self)
{
    if (!net_sip_flow_is_open(self))
        return;
    if (self->state == NET_SIP_FLOW_CONNECTING || g_queue_is_empty(&self->out)) {
        net_sip_flow_shut(self);
        return;
    }
    self->state = NET_SIP_FLOW_DRAINING;
    net_sip_flow_restart_timer(self);
}

static void
on_timer(void *user_data)
{
    NetSipFlow *self = user_data;

    if (self->state == NET_SIP_FLOW_CONNECTING) {
        net_sip_flow_fail_with(self, BASE_ERROR_TIMEOUT, "no connection in time");
    } else if (self->state == NET_SIP_FLOW_DRAINING) {
        net_sip_flow_shut(self);
    } else if (self->origin == NET_SIP_FLOW_ACCEPTED) {
        net_sip_flow_fail_with(self, BASE_ERROR_TIMEOUT, "idle for too long");
    } else {
        net_sip_flow_restart_timer(self);
        net_sip_flow_enqueue(self, g_bytes_new_static("\r\n\r\n", 4), NULL);
    }
}
