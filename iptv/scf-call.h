/* iptv/scf-call.h - one call through the service control function: a back-to-back user agent between the
 * viewer (ISC) and a media control function (y2).
 *
 * The viewer's requests are checked and carried over, the answers come back; either side's end ends the
 * other. A media control function that fails before it has answered is replaced by the next one of the
 * settings. */
#pragma once

#include "iptv/scf-request.h"
#include "lib/net/sip-ua.h"

typedef struct IptvScfCall IptvScfCall;

typedef struct {
    /* Both legs are over; free the call. Never from within iptv_scf_call_new. */
    void (*over)(IptvScfCall *call, void *user_data);
} IptvScfCallEvents;

/* Starts the leg to the media control function.
 * @session: the viewer's leg (transfer full). @request: (transfer full), content moved out.
 * @rules, @events: borrowed with @user_data. */
IptvScfCall *iptv_scf_call_new(const IptvScfRules *rules,
                               NetSipUa *ua,
                               NetSipSession *session,
                               IptvScfRequest *request,
                               const IptvScfCallEvents *events,
                               void *user_data);
/* Hangs up both legs if they are alive. */
void iptv_scf_call_free(IptvScfCall *self);
/* Ends both legs; `over` follows. @reason: value of a Reason header; may be NULL. */
void iptv_scf_call_end(IptvScfCall *self, const char *reason);
