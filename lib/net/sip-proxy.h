/* lib/net/sip-proxy.h - a stateful proxy on top of a user agent: the embedded core, later the WAS.
 *
 * The owner sees each request that belongs to no dialog of the UA itself, decides, changes a copy and
 * forwards it along one or more branches. Here: loose routing, response contexts, forking with CANCEL of the
 * losers, best final response, Timer C, ACKs of 2xx. Responses 503 pass as they are, with their Retry-After.
 * Spec: RFC 3261 16. */
#pragma once

#include "lib/net/sip-transaction.h"
#include "lib/net/sip-ua.h"

typedef struct {
    /* As in NetSipLayerEvents; may be NULL. */
    int (*admit)(NetSipFlow *flow, const NetSipMsg *request, void *user_data);
    /* A request for none of the UA's dialogs. True: taken; answer it, or keep a reference by forwarding it.
     */
    bool (*request)(NetSipServerTxn *txn, void *user_data);
    /* An ACK for a 2xx that somebody else sent. */
    void (*ack)(NetSipFlow *flow, const NetSipMsg *ack, void *user_data);
    /* Name of a received request in traces; may be NULL, may return NULL. */
    const char *(*reference_point)(NetSipFlow *flow, const NetSipMsg *request, void *user_data);
} NetSipProxyFilter;

void net_sip_ua_set_filter(NetSipUa *self, const NetSipProxyFilter *filter, void *user_data);

/* Takes off the Route headers on top that name us. @is_us: true for a URI of ours; it sees each one that
 * goes. */
void net_sip_proxy_pop_routes(NetSipMsg *request,
                              bool (*is_us)(const NetSipUri *uri, void *user_data),
                              void *user_data);
/* Max-Forwards less one (70 if missing). False if it was 0: answer 483. */
bool net_sip_proxy_count_hop(NetSipMsg *request);

typedef struct NetSipProxy NetSipProxy;

/* Starts a response context. It frees itself when all is through; there is no other end to it.
 * @edit: may be NULL; sees every response before it goes back. */
NetSipProxy *net_sip_proxy_new(NetSipUa *ua,
                               NetSipServerTxn *txn,
                               void (*edit)(NetSipMsg *response, void *user_data),
                               void *user_data);
/* One branch. @request: (transfer full), complete but for our Via. @flow: NULL to find it by Route or
 * Request-URI. Call net_sip_proxy_go after the last one. */
void net_sip_proxy_add(NetSipProxy *self, NetSipMsg *request, NetSipFlow *flow);
void net_sip_proxy_go(NetSipProxy *self);
/* One branch in one call. */
void net_sip_proxy_forward(NetSipUa *ua, NetSipServerTxn *txn, NetSipMsg *request, NetSipFlow *flow);
/* An ACK for a 2xx, stateless. @ack: (transfer full) */
void net_sip_proxy_forward_ack(NetSipUa *ua, NetSipMsg *ack, NetSipFlow *flow);
