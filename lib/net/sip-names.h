/* lib/net/sip-names.h - header names: usual capitals, compact forms, which are lists. For sip-*.c only.
 * Spec: RFC 3261 7.3.3 and 20, the IANA registry of SIP header fields. */
#pragma once

#include <glib.h>

typedef enum {
    NET_SIP_HEADER_ANY,       /* one value, repeatable */
    NET_SIP_HEADER_SINGLE,    /* one value, once in a message */
    NET_SIP_HEADER_TOKENS,    /* comma list, written on one line */
    NET_SIP_HEADER_ADDRESSES, /* comma list, each element on a line of its own */
} NetSipHeaderKind;

typedef struct {
    const char *name;
    char compact; /* 0: none */
    NetSipHeaderKind kind;
} NetSipHeaderInfo;

/* NULL for names that we do not know (NET_SIP_HEADER_ANY). Compact forms are known by their letter. */
const NetSipHeaderInfo *net_sip_header_info(const char *name);
