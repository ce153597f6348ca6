/* sgw/xc-client.h - playback control: RTSP to the MCFs, one connection for each MCF, any number of sessions.
 *
 * The RTSP session was made by SIP (h-uri, h-session of the answer); there is no SETUP or TEARDOWN here. It
 * is kept alive by an empty GET_PARAMETER at half of its timeout.
 * Spec: TS 183 063 (Xc), RFC 2326. */
#pragma once

#include "lib/net/rtsp-conn.h"
#include "lib/proto/rtsp.h"
#include "lib/proto/sdp-iptv.h"

#include <glib.h>
#include <stdbool.h>

#define SGW_XC_MAX_WAITING 8 /* commands of one session */

typedef struct SgwXc SgwXc; /* the connections */
typedef struct SgwXcSession SgwXcSession;

SgwXc *sgw_xc_new(void);
/* All sessions must have been freed. */
void sgw_xc_free(SgwXc *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwXc, sgw_xc_free)

typedef struct {
    /* ANNOUNCE. */
    void (*notice)(SgwXcSession *session, const ProtoRtspNotice *notice, void *user_data);
    /* The MCF does not know the session any more (454 to a keep-alive). */
    void (*gone)(SgwXcSession *session, void *user_data);
} SgwXcEvents;

/* @line: of the SDP answer. @call_id: Session-ID, 32 hex digits. @events: borrowed with @user_data.
 * Errors: PROTOCOL if h-uri or h-session is missing or the h-uri names no IP address. */
SgwXcSession *sgw_xc_session_new(SgwXc *xc,
                                 const ProtoIptvRtsp *line,
                                 const char *call_id,
                                 const SgwXcEvents *events,
                                 void *user_data,
                                 GError **error);
/* Commands that wait are given up; their callbacks do not run. Not from within an event. */
void sgw_xc_session_free(SgwXcSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwXcSession, sgw_xc_session_free)
/* True if @line names this same session. */
bool sgw_xc_session_is(const SgwXcSession *self, const ProtoIptvRtsp *line);

typedef enum {
    SGW_XC_PLAY,
    SGW_XC_PAUSE,
    SGW_XC_GET_PARAMETER,
    SGW_XC_ZAP,
} SgwXcMethod;

typedef struct {
    SgwXcMethod method;
    bool has_range; /* PLAY */
    ProtoRtspRange range;
    bool has_scale; /* PLAY */
    double scale;
    const char *const *parameters; /* GET_PARAMETER: names */
    const char *bc_service;        /* ZAP */
} SgwXcCommand;

/* What was really done; lent. */
typedef struct {
    unsigned status;
    const char *reason;
    bool has_range, has_scale, has_anchor;
    ProtoRtspRange range;
    double scale;
    ProtoRtspAnchor anchor;
    const ProtoRtspMsg *response;
} SgwXcOutcome;

/* @outcome: NULL on failure (@error: TIMEOUT, UNAVAILABLE, BUSY). The session may not be freed in it. */
typedef void (*SgwXcDone)(const SgwXcOutcome *outcome, const GError *error, void *user_data);

/* Commands of a session go one after the other. False if SGW_XC_MAX_WAITING wait already. */
bool sgw_xc_command(SgwXcSession *self, const SgwXcCommand *command, SgwXcDone done, void *user_data);
