/* sgw/sdp-bridge.h - the browser's SDP and the one that IMS sees. Pure.
 *
 * On Gm the iptv_rtsp line stands in front (index 0), so the browser's lines move by one; everything else
 * of theirs, BUNDLE, ICE, DTLS and candidates, passes as it is. A browser that has gathered nothing yet
 * says c=0.0.0.0 and port 9 by itself. Spec: protocol of seed 001; RFC 8829, 8839; TS 183 063 (bc_service).
 */
#pragma once

#include "lib/proto/sdp-iptv.h"

#include <glib.h>
#include <stdint.h>

/* The o= line that our side of the dialog keeps over all its offers. */
typedef struct {
    uint64_t id;
    uint64_t version; /* raised by each offer */
    const char *address;
} SgwSdpOrigin;

/* @bc_service: "two:imstv.test"; NULL for a film. @origin: its version is raised. (transfer full)
 * Errors: PROTOCOL, TOO_LARGE, NOT_ACCEPTABLE (no ICE, no DTLS, RTP/AVP only). */
char *
sgw_sdp_offer_to_ims(const char *browser_sdp, const char *bc_service, SgwSdpOrigin *origin, GError **error);

/* The answer for the browser; @ret_line: what the iptv_rtsp line said, to be cleared by the caller.
 * (transfer full) Errors: PROTOCOL (also without h-uri or h-session), NOT_FOUND (no such line). */
char *sgw_sdp_answer_to_browser(const char *ims_sdp, ProtoIptvRtsp *ret_line, GError **error);
