/* lib/net/sip-msg-private.h - what the parser and the accessors of NetSipMsg need of its container. */
#pragma once

#include "lib/net/sip-msg.h"

NetSipMsg *net_sip_msg_alloc(void);
void net_sip_msg_set_start_line(
    NetSipMsg *self, const char *method, const char *uri, int status, const char *reason);
void net_sip_msg_set_raw_body(NetSipMsg *self, const char *body, size_t length);
guint net_sip_msg_header_total(const NetSipMsg *self);

typedef enum {
    NET_SIP_SLOT_FROM_TAG,
    NET_SIP_SLOT_TO_TAG,
    NET_SIP_SLOT_SESSION_ID,
    NET_SIP_SLOT_CONTENT_TYPE,
} NetSipMsgSlot;

/* Keeps a computed value with the message so that it can be lent. @value: (transfer full), may be NULL. */
const char *net_sip_msg_lend(const NetSipMsg *self, NetSipMsgSlot slot, char *value);
