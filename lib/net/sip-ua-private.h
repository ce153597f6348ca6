/* lib/net/sip-ua-private.h - what sessions and subscriptions need of the user agent. For sip-*.c only. */
#pragma once

#include "lib/net/sip-dialog.h"
#include "lib/net/sip-transaction.h"
#include "lib/net/sip-ua.h"

/* Whoever owns a dialog: found by Call-ID and our tag. */
typedef struct {
    /* A request in the dialog, not ACK. */
    void (*request)(void *usage, NetSipServerTxn *txn);
    void (*ack)(void *usage, const NetSipMsg *ack); /* may be NULL */
    void (*flow_lost)(void *usage, NetSipFlow *flow, const GError *error);
    const char *(*reference_point)(void *usage); /* may return NULL */
} NetSipUsageOps;

/* @challenge: (transfer full) */
void net_sip_ua_raise_challenge(NetSipUa *self, NetSipChallenge *challenge);
bool net_sip_ua_wants_challenges(const NetSipUa *self);

NetSipLayer *net_sip_ua_layer(NetSipUa *self);
const NetSipUaConfig *net_sip_ua_config(const NetSipUa *self);
void net_sip_ua_add_usage(
    NetSipUa *self, const char *call_id, const char *local_tag, const NetSipUsageOps *ops, void *usage);
void net_sip_ua_remove_usage(NetSipUa *self, const char *call_id, const char *local_tag);
/* True while @usage itself is what those two stand for. */
bool net_sip_ua_has_usage(NetSipUa *self, const char *call_id, const char *local_tag, const void *usage);
/* The usage lives on without an owner until its last message is through. */
void net_sip_ua_add_orphan(NetSipUa *self, void *usage, void (*destroy)(void *usage));
void net_sip_ua_remove_orphan(NetSipUa *self, void *usage);

/* The flow for @message: @preferred while it is open and its owner's own, else its next hop's.
 * Errors: UNAVAILABLE, INVALID_ARGUMENT. (transfer full) */
NetSipFlow *net_sip_ua_route(NetSipUa *self, NetSipFlow *preferred, const NetSipMsg *message, GError **error);
/* Adds what a request outside a dialog lacks, see sip-ua.h. */
void net_sip_ua_complete(NetSipUa *self, NetSipFlow *flow, NetSipMsg *request);
/* Adds User-Agent or Server. */
void net_sip_ua_sign(const NetSipUa *self, NetSipMsg *message);
/* Our Contact URI for @flow with the user part of header @from_header. (transfer full) */
char *net_sip_ua_contact(NetSipFlow *flow, const NetSipMsg *message, const char *from_header);

/* --- Requests of any method, with challenges and retry ---------------------------------------- */

typedef struct {
    void (*provisional)(const NetSipMsg *response, void *user_data); /* may be NULL */
    /* INVITE: repeated for repeated 2xx, until released. */
    void (*final)(const NetSipMsg *response, void *user_data);
    void (*failed)(const GError *error, void *user_data);
} NetSipRequestOps;

/* @dialog: whose CSeq is used for retries, may be NULL. @request: (transfer full), complete
 * but for Via. A missing @flow is found by routing. Never calls back from within. The request is freed
 * by net_sip_request_abandon; not by itself. */
NetSipRequest *net_sip_request_start(NetSipUa *ua,
                                     NetSipFlow *flow,
                                     NetSipDialog *dialog,
                                     NetSipMsg *request,
                                     const NetSipRequestOps *ops,
                                     void *user_data);
NetSipFlow *net_sip_request_flow(const NetSipRequest *self); /* NULL if none was found */
void net_sip_request_cancel(NetSipRequest *self, const char *reason);
/* Sends @request in the dialog, with @done as in net_sip_ua_request. */
NetSipRequest *net_sip_request_in_dialog(NetSipUa *ua,
                                         NetSipFlow *flow,
                                         NetSipDialog *dialog,
                                         NetSipMsg *request,
                                         NetSipResponseFunc done,
                                         void *user_data);

/* --- Incoming --------------------------------------------------------------------------------- */

NetSipIncoming *net_sip_incoming_new(NetSipUa *ua, NetSipServerTxn *txn);
NetSipServerTxn *net_sip_incoming_txn(const NetSipIncoming *self);
/* Called with each response before it is sent, to add headers; and when @incoming is gone
 * unanswered (@response NULL). Cleared with NULL. */
typedef void (*NetSipRespondHook)(NetSipIncoming *incoming, NetSipMsg *response, void *user_data);
void net_sip_incoming_set_hook(NetSipIncoming *self, NetSipRespondHook hook, void *user_data);

/* --- Made by the UA --------------------------------------------------------------------------- */

/* NULL if the request makes no dialog or its session timer is refused; it is answered then. */
NetSipSession *net_sip_session_new_uas(NetSipUa *ua, NetSipServerTxn *txn);
NetSipNotifier *net_sip_notifier_new(NetSipUa *ua, NetSipServerTxn *txn);
