/* iptv/scf-invite.h - the INVITE on y2 that stands for a viewer's. */
#pragma once

#include "iptv/scf-request.h"
#include "lib/net/sip-ua.h"

/* Request-URI is the media control function; To carries the content id; Route, asserted identity, charging
 * and access information are the viewer's INVITE's; the offer is @request's. (transfer full) Spec: TS 183
 * 063 5.3.3; TS 24.229 5.7.5. */
NetSipMsg *iptv_scf_invite_build(const IptvScfRules *rules,
                                 NetSipSession *viewer,
                                 const IptvScfRequest *request,
                                 const char *mcf_uri);
