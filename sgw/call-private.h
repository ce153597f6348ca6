/* sgw/call-private.h - the inside of a call, for call.c and call-actions.c only. */
#pragma once

#include "sgw/call.h"

#include "lib/base/log.h"
#include "sgw/media-control.h"
#include "sgw/sdp-bridge.h"
#include "sgw/session-fsm.h"

struct SgwCall {
    SgwCallContext context;
    SgwCallState state;
    char *subsession;
    char *id; /* Session-ID */
    char *target;
    char *bc_service; /* of a channel; the one shown now, or asked for */
    char *browser_offer;
    SgwSdpOrigin origin;
    SgwNetworkLeg *leg;
    char *dialog; /* the leg's Call-ID, for the log once the leg is gone */
    SgwMediaControl *media;
    SgwXcCommand play; /* what to send when the answer is there */
    bool autoplay;
    guint complete_timer;
    guint gone_timer; /* the media has gone: its BYE, which says why, is awaited */
    gint64 since_us;
    /* requests of the page that wait */
    SgwW2Request *start;
    SgwW2Request *shutdown;
    SgwW2Request *zap; /* while the network is asked for its channel */
    char *zap_service;
    /* what an event brought along, for the action */
    const char *sdp;
    int status;
    const char *reason;
    const char *cause; /* of network-leg.h */
    unsigned retry_after_s;
    SgwW2Request *incoming;
};

/* --- call-actions.c --- */

/* Takes the step of the table that @event asks for. The last statement of whoever calls it: the call may be
 * freed in it. */
void sgw_call_handle(SgwCall *self, SgwCallEvent event);
/* Answers the request in @slot, if there is one, with an error. */
void sgw_call_fail(SgwCall *self, SgwW2Request **slot, int status, const char *reason);
BaseLogFields sgw_call_fields(const SgwCall *self);
