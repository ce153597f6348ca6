/* lib/net/sip-flow.h - the inside of a flow, shared by sip-flow.c and sip-transport.c only. */
#pragma once

#include "lib/base/error.h"
#include "lib/net/sip-timer.h"
#include "lib/net/sip-transport.h"

typedef enum {
    NET_SIP_FLOW_CONNECTING,
    NET_SIP_FLOW_OPEN,
    NET_SIP_FLOW_DRAINING, /* closed by us, what waits still goes out */
    NET_SIP_FLOW_CLOSED,
} NetSipFlowState;

typedef enum {
    NET_SIP_FLOW_ACCEPTED, /* by a TCP listener */
    NET_SIP_FLOW_OWN,      /* net_sip_transport_open */
    NET_SIP_FLOW_SHARED,   /* net_sip_transport_reach */
    NET_SIP_FLOW_DATAGRAM, /* a peer of a UDP listener */
} NetSipFlowOrigin;

struct NetSipTransport {
    NetSipTransportConfig config;
    NetSipTimers *timers;
    const NetSipTransportEvents *events;
    void *user_data;
    GPtrArray *listeners; /* NetSipListener */
    GHashTable *flows;    /* NetSipFlow that have a socket of their own, referenced */
    GHashTable *shared;   /* "host:port" -> NetSipFlow (TCP, not OWN), borrowed */
    char *datagram;       /* receive buffer */
    char **peers;         /* who may send to the listeners; NULL: anybody */
};

struct NetSipFlow {
    int references;
    NetSipTransport *transport; /* NULL once closed */
    NetSipTransportKind kind;
    NetSipFlowOrigin origin;
    NetSipFlowState state;
    GSocket *socket;
    GSocketAddress *remote;
    char *local_host, *remote_host, *peer;
    uint16_t local_port, remote_port;
    char *contact_host; /* where the far end reaches us */
    uint16_t contact_port;
    const char *reference_point;
    void *owner;
    guint transactions; /* server transactions on it */

    GByteArray *in;
    GQueue out; /* GBytes */
    size_t out_offset, out_bytes;
    GSource *in_source, *out_source, *lost_source;
    NetSipTimer timer; /* connecting: timeout; accepted: idle; opened: keep-alive */
    bool proven;       /* a message has come */
    bool hurried;      /* the timer waits for the rest of a message, or for the first */
    GError *lost_error;
};

/* A flow on @socket (transfer full), towards @remote (referenced). (transfer full) */
NetSipFlow *net_sip_flow_new(NetSipTransport *transport,
                             NetSipTransportKind kind,
                             NetSipFlowOrigin origin,
                             GSocket *socket,
                             GSocketAddress *remote,
                             const char *reference_point);
/* Starts reading (and, while connecting, waiting for the connection). */
void net_sip_flow_start(NetSipFlow *self);
/* Closes at once; `lost` follows from the main loop. @error: (transfer full) */
void net_sip_flow_fail(NetSipFlow *self, GError *error);
/* Closes at once and silently. */
void net_sip_flow_shut(NetSipFlow *self);

/* Between the files of a flow. */
void net_sip_flow_fail_with(NetSipFlow *self, BaseErrorCode code, const char *what);
void net_sip_flow_take_address(GSocketAddress *address, char **ret_host, uint16_t *ret_port);
void net_sip_flow_clear_source(GSource **source);
void net_sip_flow_restart_timer(NetSipFlow *self);
/* Writes what waits; false if the connection is broken. */
bool net_sip_flow_flush(NetSipFlow *self);
void net_sip_flow_watch_writable(NetSipFlow *self);
/* @bytes: (transfer full) */
bool net_sip_flow_enqueue(NetSipFlow *self, GBytes *bytes, GError **error);

/* One datagram for a flow. */
void net_sip_flow_take_datagram(NetSipFlow *self, const char *data, size_t length);
/* Removes a flow from the transport's tables (it may be the last reference). */
void net_sip_transport_forget(NetSipTransport *self, NetSipFlow *flow);
