/* sgw/network-leg.h - the network's side of a call, as an interface: a Gm terminal now (leg-gm), an ISC
 * application server later, a fake in tests.
 *
 * SDP here is what IMS sees (with the iptv_rtsp line). Events never come from within an operation. */
#pragma once

#include "lib/net/sip-ua.h"

#include <glib.h>

typedef struct SgwNetworkLeg SgwNetworkLeg;

/* Causes, for the page. */
#define SGW_CAUSE_FULL "full"                 /* no media server has room, or they are restarting */
#define SGW_CAUSE_NETWORK_LOST "network-lost" /* the core cannot be reached any more */
#define SGW_CAUSE_CONTENT_GONE "content-gone" /* what was watched is not on offer any more */
#define SGW_CAUSE_MEDIA_LOST "media-lost"     /* the media server, or its control, is gone */

/* Why a leg is over. */
typedef struct {
    int status;         /* as of SIP; 200 for a BYE without a reason */
    const char *reason; /* text for operators */
    const char
        *cause; /* what the page tells its viewer: a word of docs/w2.md, causes; NULL: the status says it */
    unsigned retry_after_s; /* 0: none */
} SgwLegEnd;

typedef struct {
    /* 2xx to the offer or to a re-offer, to be acknowledged. @sdp: lent. */
    void (*answered)(SgwNetworkLeg *leg, const char *sdp, void *user_data);
    /* A re-offer was refused; the leg goes on as before. */
    void (*reoffer_refused)(SgwNetworkLeg *leg, int status, const char *reason, void *user_data);
    /* Over: refused, hung up by the far end, lost, or our own end is through. The leg is to be freed; may be
     * done in here. @end: lent. */
    void (*ended)(SgwNetworkLeg *leg, const SgwLegEnd *end, void *user_data);
} SgwNetworkLegEvents;

typedef struct {
    void (*acknowledge)(SgwNetworkLeg *leg);
    /* @target: may differ from the first one's content only in its SDP. */
    void (*reoffer)(SgwNetworkLeg *leg, const char *sdp);
    /* CANCEL or BYE; `ended` follows. @reason: text for a Reason header, NULL for none. */
    void (*end)(SgwNetworkLeg *leg, int cause, const char *reason);
    /* The viewer is registered over @flow now: the dialog goes on there. */
    void (*move)(SgwNetworkLeg *leg, NetSipFlow *flow);
    void (*free)(SgwNetworkLeg *leg);
    /* The protocol's own name of the dialog (Call-ID), for logs and challenges. */
    const char *(*call_id)(const SgwNetworkLeg *leg);
} SgwNetworkLegOps;

/* The first member of each implementation. */
struct SgwNetworkLeg {
    const SgwNetworkLegOps *ops;
    const SgwNetworkLegEvents *events;
    void *user_data;
};
