/* sgw/network-leg.h - the network's side of a call, as an interface: a Gm terminal now (leg-gm), an ISC
 * application server later, a fake in tests.
 *
 * SDP here is what IMS sees (with the iptv_rtsp line). Events never come from within an operation. */
#pragma once

#include <glib.h>

typedef struct SgwNetworkLeg SgwNetworkLeg;

typedef struct {
    /* 2xx to the offer or to a re-offer, to be acknowledged. @sdp: lent. */
    void (*answered)(SgwNetworkLeg *leg, const char *sdp, void *user_data);
    /* A re-offer was refused; the leg goes on as before. */
    void (*reoffer_refused)(SgwNetworkLeg *leg, int status, const char *reason, void *user_data);
    /* Over: refused, hung up by the far end, lost, or our own end is through. @status: as of SIP (200 for a
     * BYE without a reason); @retry_after_s: 0 if none. The leg is to be freed; may be done in here. */
    void (*ended)(
        SgwNetworkLeg *leg, int status, const char *reason, unsigned retry_after_s, void *user_data);
} SgwNetworkLegEvents;

typedef struct {
    void (*acknowledge)(SgwNetworkLeg *leg);
    /* @target: may differ from the first one's content only in its SDP. */
    void (*reoffer)(SgwNetworkLeg *leg, const char *sdp);
    /* CANCEL or BYE; `ended` follows. @reason: text for a Reason header, NULL for none. */
    void (*end)(SgwNetworkLeg *leg, int cause, const char *reason);
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
