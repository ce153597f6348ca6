/* lib/net/sip-transport.h - SIP over UDP and TCP: listeners, flows, framing, keep-alive.
 *
 * A *flow* is where messages go to and come from: a TCP connection (accepted or opened), or one peer
 * address on a UDP socket. Components rarely need more of this header than the flow and its getters;
 * they open flows and listeners through lib/net/sip-ua.h. All calls on the main thread; nothing
 * blocks. Caps: connections, bytes waiting in either direction, idle time; each with a counter.
 * Spec: RFC 3261 18, RFC 5626 3.5.1 and 4.4.1 (CRLF keep-alive). */
#pragma once

#include "lib/base/clock.h"
#include "lib/net/sip-msg.h"

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    NET_SIP_UDP,
    NET_SIP_TCP,
    /* NET_SIP_TLS follows; a TLS flow is a TCP flow whose streams are wrapped. */
} NetSipTransportKind;

typedef struct NetSipTransport NetSipTransport;
typedef struct NetSipFlow NetSipFlow;

/* Shared: the transport holds a reference while the flow is open. */
NetSipFlow *net_sip_flow_ref(NetSipFlow *self);
void net_sip_flow_unref(NetSipFlow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipFlow, net_sip_flow_unref)

NetSipTransportKind net_sip_flow_kind(const NetSipFlow *self);
bool net_sip_flow_is_open(const NetSipFlow *self);           /* false once lost or closed */
const char *net_sip_flow_local_host(const NetSipFlow *self); /* "127.0.0.1" */
uint16_t net_sip_flow_local_port(const NetSipFlow *self);
const char *net_sip_flow_remote_host(const NetSipFlow *self);
uint16_t net_sip_flow_remote_port(const NetSipFlow *self);
const char *net_sip_flow_peer(const NetSipFlow *self); /* "127.0.0.1:5060", for logs and traces */
const char *net_sip_flow_reference_point(const NetSipFlow *self);
void net_sip_flow_set_reference_point(NetSipFlow *self, const char *name);
/* "sip:USER@HOST:PORT;transport=tcp", the address under which the far end of this flow reaches us (of
 * an opened TCP flow: its own local port). @user: may be NULL. (transfer full) */
char *net_sip_flow_contact_uri(const NetSipFlow *self, const char *user);
/* A word of the owner's, e.g. which user the connection belongs to; not touched by this library. */
void net_sip_flow_set_owner(NetSipFlow *self, void *owner);
void *net_sip_flow_owner(const NetSipFlow *self);

typedef struct {
    /* One message. @message: lent. */
    void (*received)(NetSipFlow *flow, NetSipMsg *message, void *user_data);
    /* Bytes that are no message but a recognisable request: @status is to be sent back if @partial
     * (the request as far as it could be read, lent) is not NULL. */
    void (*malformed)(
        NetSipFlow *flow, const NetSipMsg *partial, int status, const GError *error, void *user_data);
    void (*connected)(NetSipFlow *flow, void *user_data); /* opened flows only */
    /* Connection refused, closed, broken or timed out; nothing follows from this flow. */
    void (*lost)(NetSipFlow *flow, const GError *error, void *user_data);
} NetSipTransportEvents;

typedef struct {
    guint max_connections;    /* 0: 4096 */
    guint idle_timeout_s;     /* accepted connections without traffic are closed; 0: 180. A first message, or
                               * the rest of one, has 30 s */
    guint keepalive_s;        /* CRLF on opened TCP flows; 0: 60 (a real core closes at 120 s) */
    guint connect_timeout_s;  /* 0: 5 */
    size_t max_queued_bytes;  /* waiting to be sent per connection; 0: 1 MiB */
    const char *const *peers; /* hosts (IP literals) that may send to our listeners; others are dropped and
                               * counted. Copied. NULL or empty: anybody */
} NetSipTransportConfig;

typedef struct NetSipTimers NetSipTimers;

/* @config: copied; NULL for defaults. @timers: borrowed; see sip-timer.h. @events: borrowed with
 * @user_data. */
NetSipTransport *net_sip_transport_new(const NetSipTransportConfig *config,
                                       NetSipTimers *timers,
                                       const NetSipTransportEvents *events,
                                       void *user_data);
/* Closes everything; no event follows. */
void net_sip_transport_free(NetSipTransport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipTransport, net_sip_transport_free)

/* @host: an IP literal. @port: 0 lets the system choose. @reference_point: name of its flows in
 * traces. @ret_port: the port; may be NULL.
 * Errors: UNAVAILABLE (port in use, ...), INVALID_ARGUMENT. */
bool net_sip_transport_listen(NetSipTransport *self,
                              NetSipTransportKind kind,
                              const char *host,
                              uint16_t port,
                              const char *reference_point,
                              uint16_t *ret_port,
                              GError **error);

/* A new flow of its own to @host:@port: TCP from a new local port, which is known at once; UDP from a new
 * socket. Messages sent before `connected` wait.
 * @host: IP literal or "localhost". @local_host: NULL for the system's choice.
 * Errors: UNAVAILABLE, BUSY (cap), INVALID_ARGUMENT. Later failures arrive as `lost`. (transfer full) */
NetSipFlow *net_sip_transport_open(NetSipTransport *self,
                                   NetSipTransportKind kind,
                                   const char *host,
                                   uint16_t port,
                                   const char *local_host,
                                   const char *reference_point,
                                   GError **error);

/* The same from local port @local_port, where that is free, else from any: whoever knows us by the address of
 * a flow that was lost finds us there again. 0: any. (transfer full) */
NetSipFlow *net_sip_transport_reopen(NetSipTransport *self,
                                     NetSipTransportKind kind,
                                     const char *host,
                                     uint16_t port,
                                     const char *local_host,
                                     uint16_t local_port,
                                     const char *reference_point,
                                     GError **error);

/* A flow for a message to @host:@port: an open TCP connection with that address (accepted, or opened by this
 * function; not one of net_sip_transport_open), the listening UDP socket, or a new connection.
 * Errors: as open. (transfer full) */
NetSipFlow *net_sip_transport_reach(NetSipTransport *self,
                                    NetSipTransportKind kind,
                                    const char *host,
                                    uint16_t port,
                                    const char *reference_point,
                                    GError **error);

/* The same for a hop as a URI: sip:, IP literal or localhost, transport udp (default) or tcp.
 * Errors: as above, PROTOCOL. (transfer full) */
NetSipFlow *net_sip_flow_towards(NetSipTransport *transport,
                                 const char *hop,
                                 const char *reference_point,
                                 GError **error);

/* Errors: UNAVAILABLE (closed), BUSY (too much is waiting; the connection is then closed). */
bool net_sip_flow_send(NetSipFlow *self, const NetSipMsg *message, GError **error);
/* Writes one message of this flow to the trace (sending does it by itself). */
void net_sip_flow_trace(const NetSipFlow *self, const NetSipMsg *message, bool sent);
/* The sent-by of a Via for requests on this flow, "127.0.0.1:5070". (transfer full) */
char *net_sip_flow_sent_by(const NetSipFlow *self);
bool net_sip_flow_is_reliable(const NetSipFlow *self);
/* Requests that came on it and whose transactions live. Not counted on UDP listeners. */
guint net_sip_flow_transactions(const NetSipFlow *self);
void net_sip_flow_count_transaction(NetSipFlow *self, int delta);
/* From net_sip_transport_open: what was agreed on it ends with it. */
bool net_sip_flow_is_own(const NetSipFlow *self);
/* Sends what waits, then closes; no `lost` follows. */
void net_sip_flow_close(NetSipFlow *self);
