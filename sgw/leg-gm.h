/* sgw/leg-gm.h - a call's network leg as an IMS terminal on Gm. */
#pragma once

#include "sgw/gm-build.h"
#include "sgw/network-leg.h"

/* Sends the INVITE on @flow. @target: URI. @call_id: Session-ID, 32 hex digits. @events: borrowed with
 * @user_data. */
SgwNetworkLeg *sgw_leg_gm_new(const SgwServices *services,
                              const SgwGmIdentity *identity,
                              NetSipFlow *flow,
                              const char *target,
                              const char *call_id,
                              const char *sdp,
                              const SgwNetworkLegEvents *events,
                              void *user_data);
