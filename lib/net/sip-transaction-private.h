/* lib/net/sip-transaction-private.h - shared by sip-transaction.c, sip-server-txn.c, sip-client-txn.c. */
#pragma once

#include "lib/net/sip-transaction.h"

struct NetSipLayer {
    NetSipTimers *timers;
    NetSipTransport *transport;
    const NetSipLayerEvents *events;
    void *user_data;
    guint max_transactions;
    GHashTable *servers; /* key -> NetSipServerTxn, referenced */
    GHashTable *clients; /* key -> NetSipClientTxn, referenced */
    bool closing;
};

typedef enum {
    NET_SIP_TXN_TRYING, /* INVITE client: calling */
    NET_SIP_TXN_PROCEEDING,
    NET_SIP_TXN_COMPLETED,
    NET_SIP_TXN_CONFIRMED, /* INVITE server, ACK for a refusal came */
    NET_SIP_TXN_ACCEPTED,  /* INVITE, 2xx (RFC 6026) */
    NET_SIP_TXN_TERMINATED,
} NetSipTxnState;

void net_sip_layer_count_changed(NetSipLayer *self);
bool net_sip_layer_has_room(const NetSipLayer *self);

/* The key of the transaction that a received request belongs to, as if its method were @method.
 * (transfer full) */
char *net_sip_server_key(const NetSipMsg *request, const char *method);
/* A new server transaction in the table. @request: (transfer full). Lent. */
NetSipServerTxn *net_sip_server_txn_new(NetSipLayer *layer, NetSipFlow *flow, NetSipMsg *request, char *key);
/* A retransmitted request, ACK or CANCEL for it. */
void net_sip_server_txn_take_again(NetSipServerTxn *self);
/* True if the ACK was for a refusal and is absorbed. */
bool net_sip_server_txn_take_ack(NetSipServerTxn *self);
void net_sip_server_txn_take_cancel(NetSipServerTxn *self, const NetSipMsg *cancel);
void net_sip_server_txn_terminate(NetSipServerTxn *self);
void net_sip_server_txn_flow_lost(NetSipServerTxn *self, const NetSipFlow *flow);

char *net_sip_client_key(const char *branch, const char *method);
void net_sip_client_txn_take(NetSipClientTxn *self, NetSipMsg *response);
void net_sip_client_txn_terminate(NetSipClientTxn *self);
void net_sip_client_txn_flow_lost(NetSipClientTxn *self, const NetSipFlow *flow, const GError *error);
NetSipClientTxn *net_sip_client_txn_ref(NetSipClientTxn *self);
void net_sip_client_txn_unref(NetSipClientTxn *self);
