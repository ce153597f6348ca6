#include "lib/net/sip-transport.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/sip-flow.h"
#include "lib/net/sip-via.h"

#define DATAGRAM_BYTES 65536
#define DATAGRAMS_AT_ONCE 32 /* then other sources get their turn */
#define ACCEPT_PAUSE_MS 1000 /* when descriptors have run out */

typedef struct {
    NetSipTransport *transport;
    NetSipTransportKind kind;
    GSocket *socket;
    GSource *source;
    NetSipTimer pause;
    char *host;
    uint16_t port;
    const char *reference_point;
} NetSipListener;

static void watch_listener(NetSipListener *self);

/* --- Sockets --------------------------------------------------------------------------------- */

static GSocketAddress *
make_address(const char *host, uint16_t port, GError **error)
{
    g_autoptr(GInetAddress) inet = NULL;

    if (g_ascii_strcasecmp(host, "localhost") == 0)
        host = "127.0.0.1";
    inet = g_inet_address_new_from_string(host);
    if (!inet) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "'%s' is no IP address", host);
        return NULL;
    }

    return g_inet_socket_address_new(inet, port);
}

static GSocket *
make_socket(NetSipTransportKind kind, GSocketAddress *address, GError **error)
{
    g_autoptr(GError) why = NULL;
    GSocket *socket = g_socket_new(g_socket_address_get_family(address),
                                   kind == NET_SIP_UDP ? G_SOCKET_TYPE_DATAGRAM : G_SOCKET_TYPE_STREAM,
                                   G_SOCKET_PROTOCOL_DEFAULT, &why);

    if (!socket) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "no socket for SIP: %s", why->message);
        return NULL;
    }
    g_socket_set_blocking(socket, FALSE);

    return socket;
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static void
listener_free(gpointer data)
{
    NetSipListener *self = data;

    if (self->source) {
        g_source_destroy(self->source);
        g_source_unref(self->source);
    }
    net_sip_timers_stop(self->transport->timers, &self->pause);
    if (self->socket)
        g_socket_close(self->socket, NULL);
    g_clear_object(&self->socket);
    g_free(self->host);
    g_free(self);
}

static void
set_defaults(NetSipTransportConfig *config)
{
    if (!config->max_connections)
        config->max_connections = 4096;
    if (!config->idle_timeout_s)
        config->idle_timeout_s = 180;
    if (!config->keepalive_s)
        config->keepalive_s = 60;
    if (!config->connect_timeout_s)
        config->connect_timeout_s = 5;
    if (!config->max_queued_bytes)
        config->max_queued_bytes = 1024 * 1024;
}

NetSipTransport *
net_sip_transport_new(const NetSipTransportConfig *config,
                      NetSipTimers *timers,
                      const NetSipTransportEvents *events,
                      void *user_data)
{
    NetSipTransport *self = g_new0(NetSipTransport, 1);

    if (config)
        self->config = *config;
    set_defaults(&self->config);
    self->peers = g_strdupv((char **)self->config.peers);
    self->config.peers = NULL; /* was borrowed */
    self->timers = timers;
    self->events = events;
    self->user_data = user_data;
    self->listeners = g_ptr_array_new_with_free_func(listener_free);
    self->flows = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)net_sip_flow_unref, NULL);
    self->shared = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->datagram = g_malloc(DATAGRAM_BYTES);

    return self;
}

void
net_sip_transport_free(NetSipTransport *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->listeners);
    for (;;) {
        GHashTableIter iter;
        gpointer flow = NULL;

        g_hash_table_iter_init(&iter, self->flows);
        if (!g_hash_table_iter_next(&iter, &flow, NULL))
            break;
        net_sip_flow_shut(flow);
    }
    g_hash_table_unref(self->flows);
    g_hash_table_unref(self->shared);
    g_strfreev(self->peers);
    g_free(self->datagram);
    g_free(self);
}

void
net_sip_transport_forget(NetSipTransport *self, NetSipFlow *flow)
{
    if (g_hash_table_lookup(self->shared, flow->peer) == flow)
        g_hash_table_remove(self->shared, flow->peer);
    g_hash_table_remove(self->flows, flow);
}

static void
remember(NetSipTransport *self, NetSipFlow *flow)
{
    g_hash_table_add(self->flows, net_sip_flow_ref(flow));
    if (flow->kind == NET_SIP_TCP && flow->origin != NET_SIP_FLOW_OWN)
        g_hash_table_replace(self->shared, g_strdup(flow->peer), flow);
    base_metric_set(base_gauge("imstv_sip_flows", NULL, "SIP connections and sockets"),
                    g_hash_table_size(self->flows));
}

static bool
has_room(const NetSipTransport *self)
{
    return g_hash_table_size(self->flows) < self->config.max_connections;
}

/* --- Listeners ------------------------------------------------------------------------------- */

static void
on_pause_over(void *user_data)
{
    watch_listener(user_data);
}

static void
pause_listener(NetSipListener *self)
{
    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    net_sip_timers_start(self->transport->timers, &self->pause, ACCEPT_PAUSE_MS, on_pause_over, self);
}

/* Who may speak to a server that believes its peers is configured, not found out. */
static bool
is_peer(const NetSipTransport *self, GSocketAddress *remote)
{
    g_autofree char *host = NULL;

    if (!self->peers || !self->peers[0])
        return true;
    host = g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
    if (g_strv_contains((const char *const *)self->peers, host))
        return true;
    base_metric_add(base_counter("imstv_sip_strangers_total", NULL,
                                 "connections and datagrams of hosts that are no peers"),
                    1);
    return false;
}

static gboolean
on_accept(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    NetSipListener *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) accepted = g_socket_accept(socket, NULL, &error);
    g_autoptr(GSocketAddress) remote = accepted ? g_socket_get_remote_address(accepted, NULL) : NULL;
    g_autoptr(NetSipFlow) flow = NULL;

    (void)condition;
    if (!accepted && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        pause_listener(self);
    if (!remote || !is_peer(self->transport, remote))
        return G_SOURCE_CONTINUE;
    if (!has_room(self->transport)) {
        base_metric_add(base_counter("imstv_sip_connections_refused_total", NULL, "over the cap"), 1);
        return G_SOURCE_CONTINUE;
    }
    g_socket_set_blocking(accepted, FALSE);
    flow = net_sip_flow_new(self->transport, NET_SIP_TCP, NET_SIP_FLOW_ACCEPTED, g_steal_pointer(&accepted),
                            remote, self->reference_point);
    remember(self->transport, flow);
    net_sip_flow_start(flow);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_datagrams(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    NetSipListener *self = user_data;

    (void)condition;
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        g_autoptr(GSocketAddress) from = NULL;
        char *buffer = self->transport->datagram;
        gssize length = g_socket_receive_from(socket, &from, buffer, DATAGRAM_BYTES, NULL, NULL);
        g_autoptr(NetSipFlow) flow = NULL;

        if (length < 0 || !from)
            break;
        if (!is_peer(self->transport, from))
            continue;
        flow = net_sip_flow_new(self->transport, NET_SIP_UDP, NET_SIP_FLOW_DATAGRAM, g_object_ref(socket),
                                from, self->reference_point);
        net_sip_flow_take_datagram(flow, buffer, (size_t)length);
    }

    return G_SOURCE_CONTINUE;
}

static void
watch_listener(NetSipListener *self)
{
    GSocketSourceFunc callback = self->kind == NET_SIP_TCP ? on_accept : on_datagrams;

    self->source = g_socket_create_source(self->socket, G_IO_IN, NULL);
    g_source_set_callback(self->source, G_SOURCE_FUNC(callback), self, NULL);
    g_source_attach(self->source, NULL);
}

static bool
bind_listener(NetSipListener *self, GSocketAddress *address, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GSocketAddress) bound = NULL;

    if (self->kind == NET_SIP_TCP)
        g_socket_set_listen_backlog(self->socket, 512);
    if (!g_socket_bind(self->socket, address, self->kind == NET_SIP_TCP, &why) ||
        (self->kind == NET_SIP_TCP && !g_socket_listen(self->socket, &why))) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot listen for SIP on %s port %u: %s",
                    self->host, self->port, why->message);
        return false;
    }
    bound = g_socket_get_local_address(self->socket, NULL);
    self->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));

    return true;
}

bool
net_sip_transport_listen(NetSipTransport *self,
                         NetSipTransportKind kind,
                         const char *host,
                         uint16_t port,
                         const char *reference_point,
                         uint16_t *ret_port,
                         GError **error)
{
    g_autoptr(GSocketAddress) address = make_address(host, port, error);
    NetSipListener *listener;

    if (!address)
        return false;
    listener = g_new0(NetSipListener, 1);
    listener->transport = self;
    listener->kind = kind;
    listener->host = g_strdup(host);
    listener->port = port;
    listener->reference_point = g_intern_string(reference_point);
    listener->socket = make_socket(kind, address, error);
    if (!listener->socket || !bind_listener(listener, address, error)) {
        listener_free(listener);
        return false;
    }
    watch_listener(listener);
    g_ptr_array_add(self->listeners, listener);
    if (ret_port)
        *ret_port = listener->port;

    return true;
}

/* The listener of that name, else the first of its kind. */
static NetSipListener *
listener_of(const NetSipTransport *self, NetSipTransportKind kind, const char *reference_point)
{
    NetSipListener *first = NULL;

    for (guint i = 0; i < self->listeners->len; i++) {
        NetSipListener *listener = g_ptr_array_index(self->listeners, i);

        if (listener->kind != kind)
            continue;
        if (g_strcmp0(listener->reference_point, reference_point) == 0)
            return listener;
        if (!first)
            first = listener;
    }

    return first;
}

/* --- Opening --------------------------------------------------------------------------------- */

/* The local port must be known before the connection is: the Contact names it. */
static bool
bind_and_connect(GSocket *socket,
                 NetSipTransportKind kind,
                 const char *local_host,
                 uint16_t local_port,
                 GSocketAddress *remote,
                 bool *ret_connecting,
                 GError **error)
{
    bool v6 = g_socket_address_get_family(remote) == G_SOCKET_FAMILY_IPV6;
    GInetAddress *to = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote));
    const char *any =
        g_inet_address_get_is_loopback(to) ? (v6 ? "::1" : "127.0.0.1") : (v6 ? "::" : "0.0.0.0");
    g_autoptr(GSocketAddress) local = make_address(local_host ? local_host : any, local_port, error);
    g_autoptr(GError) why = NULL;

    if (!local)
        return false;
    /* A port that we had may still be in TIME_WAIT. */
    if (g_socket_bind(socket, local, local_port != 0, &why)) {
        *ret_connecting = kind == NET_SIP_TCP;
        /* A UDP socket stays unconnected: refusals by ICMP are no news to SIP, its timers are. */
        if (kind == NET_SIP_UDP || g_socket_connect(socket, remote, NULL, &why) ||
            g_error_matches(why, G_IO_ERROR, G_IO_ERROR_PENDING))
            return true;
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot connect for SIP: %s", why->message);

    return false;
}

static NetSipFlow *
open_flow(NetSipTransport *self,
          NetSipTransportKind kind,
          NetSipFlowOrigin origin,
          GSocketAddress *remote,
          const char *local_host,
          uint16_t local_port,
          const char *reference_point,
          GError **error)
{
    g_autoptr(GSocket) socket = NULL;
    bool connecting = false;
    NetSipFlow *flow;

    if (!has_room(self)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "%u SIP connections are open, no more are allowed",
                    self->config.max_connections);
        return NULL;
    }
    socket = make_socket(kind, remote, error);
    if (!socket || !bind_and_connect(socket, kind, local_host, local_port, remote, &connecting, error))
        return NULL;
    flow = net_sip_flow_new(self, kind, origin, g_steal_pointer(&socket), remote, reference_point);
    if (connecting)
        flow->state = NET_SIP_FLOW_CONNECTING;
    remember(self, flow);
    net_sip_flow_start(flow);

    return flow;
}

NetSipFlow *
net_sip_transport_open(NetSipTransport *self,
                       NetSipTransportKind kind,
                       const char *host,
                       uint16_t port,
                       const char *local_host,
                       const char *reference_point,
                       GError **error)
{
    g_autoptr(GSocketAddress) remote = make_address(host, port, error);

    if (!remote)
        return NULL;

    return open_flow(self, kind, NET_SIP_FLOW_OWN, remote, local_host, 0, reference_point, error);
}

NetSipFlow *
net_sip_transport_reopen(NetSipTransport *self,
                         NetSipTransportKind kind,
                         const char *host,
                         uint16_t port,
                         const char *local_host,
                         uint16_t local_port,
                         const char *reference_point,
                         GError **error)
{
    g_autoptr(GSocketAddress) remote = make_address(host, port, error);
    NetSipFlow *flow = NULL;

    if (!remote)
        return NULL;
    if (local_port)
        flow = open_flow(self, kind, NET_SIP_FLOW_OWN, remote, local_host, local_port, reference_point, NULL);

    return flow ? flow
                : open_flow(self, kind, NET_SIP_FLOW_OWN, remote, local_host, 0, reference_point, error);
}

static NetSipFlow *
reach_udp(NetSipTransport *self, GSocketAddress *remote, const char *reference_point, GError **error)
{
    NetSipListener *listener = listener_of(self, NET_SIP_UDP, reference_point);

    if (!listener)
        return open_flow(self, NET_SIP_UDP, NET_SIP_FLOW_OWN, remote, NULL, 0, reference_point, error);

    return net_sip_flow_new(self, NET_SIP_UDP, NET_SIP_FLOW_DATAGRAM, g_object_ref(listener->socket), remote,
                            reference_point ? reference_point : listener->reference_point);
}

NetSipFlow *
net_sip_transport_reach(NetSipTransport *self,
                        NetSipTransportKind kind,
                        const char *host,
                        uint16_t port,
                        const char *reference_point,
                        GError **error)
{
    g_autoptr(GSocketAddress) remote = make_address(host, port, error);
    NetSipListener *listener = listener_of(self, kind, reference_point);
    g_autofree char *peer = NULL;
    NetSipFlow *flow;

    if (!remote)
        return NULL;
    if (kind == NET_SIP_UDP)
        return reach_udp(self, remote, reference_point, error);
    peer = net_sip_host_port(g_ascii_strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host, port);
    flow = g_hash_table_lookup(self->shared, peer);
    if (flow && net_sip_flow_is_open(flow))
        return net_sip_flow_ref(flow);
    if (!reference_point && listener)
        reference_point = listener->reference_point;
    flow = open_flow(self, kind, NET_SIP_FLOW_SHARED, remote, NULL, 0, reference_point, error);
    if (!flow)
        return NULL;
    if (listener) {
        g_free(flow->contact_host);
        flow->contact_host = g_strdup(listener->host);
        flow->contact_port = listener->port;
    }

    return flow;
}

static bool
transport_of(const NetSipUri *uri, NetSipTransportKind *ret_kind)
{
    const char *transport = net_sip_uri_param(uri, "transport");

    if (strcmp(net_sip_uri_scheme(uri), "sip") != 0)
        return false;
    if (!transport || g_ascii_strcasecmp(transport, "udp") == 0)
        *ret_kind = NET_SIP_UDP;
    else if (g_ascii_strcasecmp(transport, "tcp") == 0)
        *ret_kind = NET_SIP_TCP;
    else
        return false;

    return true;
}

NetSipFlow *
net_sip_flow_towards(NetSipTransport *transport, const char *hop, const char *reference_point, GError **error)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(hop, error);
    NetSipTransportKind kind = NET_SIP_UDP;
    uint16_t port;

    if (!uri)
        return NULL;
    if (!transport_of(uri, &kind) || !net_sip_uri_host(uri)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "cannot send to '%s': only sip: over udp and tcp", hop);
        return NULL;
    }
    port = net_sip_uri_port(uri) ? net_sip_uri_port(uri) : 5060;

    return net_sip_transport_reach(transport, kind, net_sip_uri_host(uri), port, reference_point, error);
}
