/* lib/net/sip-transaction.h - SIP transactions: the machines of RFC 3261 17 as corrected by RFC 6026.
 *
 * The layer owns transport and timers. Transactions are found by a hash of their branch, the next timer by
 * a heap, so cost does not grow with their number. Main thread only.
 * Caps: transactions (503 with Retry-After above). Counters: imstv_sip_transactions*.
 * Spec: RFC 3261 9 (CANCEL), 17, 18; RFC 6026; RFC 3581. */
#pragma once

#include "lib/net/sip-timer.h"
#include "lib/net/sip-transport.h"

#define NET_SIP_T1_MS 500
#define NET_SIP_T2_MS 4000
#define NET_SIP_T4_MS 5000

typedef struct NetSipLayer NetSipLayer;
typedef struct NetSipServerTxn NetSipServerTxn;
typedef struct NetSipClientTxn NetSipClientTxn;

typedef struct {
    /* Before anything is kept of a new request (not ACK, not CANCEL): 0 takes it, a status refuses it without
     * a transaction; 503 gets a Retry-After. May be NULL. */
    int (*admit)(NetSipFlow *flow, const NetSipMsg *request, void *user_data);
    /* A new request (not ACK, not CANCEL). 100 went out if it is an INVITE. Keep a reference to answer it
     * later; a transaction that nobody answers is answered with 500 when the last reference goes. */
    void (*request)(NetSipServerTxn *txn, void *user_data);
    /* An ACK that belongs to no refused INVITE: for a 2xx. */
    void (*ack)(NetSipFlow *flow, const NetSipMsg *ack, void *user_data);
    /* A response that belongs to no client transaction. May be NULL. */
    void (*stray)(NetSipFlow *flow, const NetSipMsg *response, void *user_data);
    /* The name of a received request in traces; NULL result: that of the flow. May be NULL. */
    const char *(*reference_point)(NetSipFlow *flow, const NetSipMsg *request, void *user_data);
    /* As in sip-transport.h; `flow_lost` comes after the transactions on it have failed. May be NULL. */
    void (*flow_connected)(NetSipFlow *flow, void *user_data);
    void (*flow_lost)(NetSipFlow *flow, const GError *error, void *user_data);
} NetSipLayerEvents;

/* @clock: NULL for the machine's. @max_transactions: 0 for 20000. @events: borrowed with @user_data. */
NetSipLayer *net_sip_layer_new(const BaseClock *clock,
                               const NetSipTransportConfig *transport,
                               guint max_transactions,
                               const NetSipLayerEvents *events,
                               void *user_data);
void net_sip_layer_free(NetSipLayer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipLayer, net_sip_layer_free)
NetSipTransport *net_sip_layer_transport(NetSipLayer *self);
NetSipTimers *net_sip_layer_timers(NetSipLayer *self);
guint net_sip_layer_count(const NetSipLayer *self); /* live transactions */

/* --- Server ----------------------------------------------------------------------------------- */

NetSipServerTxn *net_sip_server_txn_ref(NetSipServerTxn *self);
void net_sip_server_txn_unref(NetSipServerTxn *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipServerTxn, net_sip_server_txn_unref)
/* Lent while a reference is held. */
const NetSipMsg *net_sip_server_txn_request(const NetSipServerTxn *self);
NetSipFlow *net_sip_server_txn_flow(const NetSipServerTxn *self);
/* The To tag that this side puts into its responses. */
const char *net_sip_server_txn_tag(const NetSipServerTxn *self);
/* Sends a response; a To tag is added where one is missing. A second final response is dropped, but for
 * further 2xx to an INVITE. @response: lent. */
void net_sip_server_txn_respond(NetSipServerTxn *self, const NetSipMsg *response);
void net_sip_server_txn_reply(NetSipServerTxn *self, int status, const char *reason);
bool net_sip_server_txn_is_answered(const NetSipServerTxn *self); /* finally */
/* INVITE: called when a CANCEL has come (its 200 is sent) and there is no final response yet. */
void net_sip_server_txn_set_cancelled(NetSipServerTxn *self,
                                      void (*cancelled)(NetSipServerTxn *txn,
                                                        const NetSipMsg *cancel,
                                                        void *user_data),
                                      void *user_data);

/* --- Client ----------------------------------------------------------------------------------- */

typedef struct {
    /* Any response, without the Via that we added; 2xx to an INVITE may come several times. */
    void (*response)(NetSipClientTxn *txn, const NetSipMsg *response, void *user_data);
    /* No final response will come. */
    void (*failed)(NetSipClientTxn *txn, const GError *error, void *user_data);
} NetSipClientEvents;

/* Puts a Via with a fresh branch on top and sends. @request: (transfer full). Never calls back from within; a
 * failure to send is reported as `failed`. Give it back with net_sip_client_txn_release. */
NetSipClientTxn *net_sip_client_txn_start(NetSipLayer *layer,
                                          NetSipFlow *flow,
                                          NetSipMsg *request,
                                          const NetSipClientEvents *events,
                                          void *user_data);
/* No further event; what is under way takes its course. NULL is fine. */
void net_sip_client_txn_release(NetSipClientTxn *self);
/* INVITE: sends CANCEL as soon as that is allowed. @reason: a Reason header's value or NULL. */
void net_sip_client_txn_cancel(NetSipClientTxn *self, const char *reason);
const NetSipMsg *net_sip_client_txn_request(const NetSipClientTxn *self); /* as sent */
NetSipFlow *net_sip_client_txn_flow(const NetSipClientTxn *self);

/* Sends an ACK for a 2xx, outside any transaction: a Via with a fresh branch is put on it. @ack: lent,
 * changed. */
bool net_sip_layer_send_ack(NetSipLayer *self, NetSipFlow *flow, NetSipMsg *ack);
