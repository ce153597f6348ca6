/* lib/net/sip-dialog.h - the state of one dialog and the requests built from it. For sip-*.c only.
 * Spec: RFC 3261 12. */
#pragma once

#include "lib/net/sip-msg.h"

typedef struct {
    int references;
    char *call_id;
    char *local, *remote; /* From and To as we write them, tags included */
    char *local_tag, *remote_tag;
    char *target;      /* remote Contact URI */
    GPtrArray *routes; /* Route values, first hop first */
    uint32_t local_cseq;
    uint32_t remote_cseq; /* valid if has_remote_cseq */
    bool has_remote_cseq;
    char *session_id;
    const char *reference_point; /* interned, may be NULL */
} NetSipDialog;

/* We sent @request and got @response (101..299 with a To tag); NULL if that makes no dialog. */
NetSipDialog *net_sip_dialog_new_uac(const NetSipMsg *request, const NetSipMsg *response);
/* We got @request (it has a Contact) and answer with @local_tag. NULL if that makes no dialog. */
NetSipDialog *net_sip_dialog_new_uas(const NetSipMsg *request, const char *local_tag);
/* We sent SUBSCRIBE @request, and @notify came before its answer. */
NetSipDialog *net_sip_dialog_new_notified(const NetSipMsg *request, const NetSipMsg *notify);
NetSipDialog *net_sip_dialog_ref(NetSipDialog *self);
void net_sip_dialog_free(NetSipDialog *self); /* gives up one reference */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipDialog, net_sip_dialog_free)

/* The next request (ACK: @cseq of its INVITE, else 0). @contact: our URI, may be NULL. (transfer full) */
NetSipMsg *net_sip_dialog_request(NetSipDialog *self, const char *method, uint32_t cseq, const char *contact);
/* Checks the order of a request from the far end; false if it is out of order (500). */
bool net_sip_dialog_take_request(NetSipDialog *self, const NetSipMsg *request);
/* Target refresh by a request or a 2xx of ours. */
void net_sip_dialog_update_target(NetSipDialog *self, const NetSipMsg *message);
