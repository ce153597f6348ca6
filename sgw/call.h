/* sgw/call.h - one call: a browser leg (a W2 subsession) and a network leg, joined by the table of
 * session-fsm, with its playback control.
 *
 * Once its answer is there, PLAY goes out by itself (unless the page does not want it), so that the
 * picture comes in the fewest round trips. Spec: docs/w2.md, start. */
#pragma once

#include "sgw/network-leg.h"
#include "sgw/services.h"
#include "sgw/w2-link.h"
#include "sgw/xc-client.h"

#include <glib.h>
#include <stdbool.h>

typedef struct SgwCall SgwCall;

typedef struct {
    const SgwSettings *settings;
    SgwXc *xc;
    SgwW2Link *link;
    /* Makes the network leg; @data is open_leg_data. NULL with @error if there is no network. */
    SgwNetworkLeg *(*open_leg)(const char *target,
                               const char *call_id,
                               const char *sdp,
                               const SgwNetworkLegEvents *events,
                               void *user_data,
                               void *data,
                               GError **error);
    void *open_leg_data;
    /* The call is over: free it, now or later. */
    void (*over)(SgwCall *call, void *user_data);
    void *user_data;
} SgwCallContext;

/* A `start` of the page. @context: copied. @id: the call's Session-ID. @request: (transfer full). NULL: it
 * was refused and answered. */
SgwCall *sgw_call_new(const SgwCallContext *context,
                      const char *id,
                      SgwW2Request *request,
                      const ProtoJsonrtcFrame *frame);
/* A live one is hung up without waiting. */
void sgw_call_free(SgwCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwCall, sgw_call_free)

/* What the page sends in the subsession. @request: (transfer full). */
void sgw_call_restart(SgwCall *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame);
void sgw_call_complete(SgwCall *self);
void sgw_call_shutdown(SgwCall *self, SgwW2Request *request);
void sgw_call_media(SgwCall *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame);
/* The viewer has gone: hang up; `over` follows. */
void sgw_call_drop(SgwCall *self, const char *reason);

/* Hangs up and tells the page why; `over` follows. @cause: of network-leg.h, or NULL; @reason: text. */
void sgw_call_give_up(SgwCall *self, int status, const char *cause, const char *reason);
/* The viewer is registered over @flow now. */
void sgw_call_move(SgwCall *self, NetSipFlow *flow);

const char *sgw_call_subsession(const SgwCall *self);
const char *sgw_call_id(const SgwCall *self);     /* Session-ID */
const char *sgw_call_target(const SgwCall *self); /* content or channel id */
const char *sgw_call_dialog(const SgwCall *self); /* SIP Call-ID; NULL if there is none */
bool sgw_call_is_ending(const SgwCall *self);
