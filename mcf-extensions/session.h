/* mcf-extensions/session.h - one viewer's session: what joins the SIP dialog (y2), the RTSP session (Xc) and
 * the viewer on an MDF (Xp).
 *
 * It knows the viewer on the MDF, the channels that are granted, and the time since the viewer's gateway was
 * last heard. It is made and freed by the y2 side: the dialog's life is the session's. */
#pragma once

#include "lib/base/log.h"
#include "lib/proto/sdp-iptv.h"
#include "mcf-extensions/mdf-pool.h"
#include "mcf-extensions/xp-client.h"

#include <glib.h>
#include <stdbool.h>

typedef struct McfSession McfSession;

typedef struct {
    /* An MDF took the viewer. @answer: SDP, media lines only; lent. */
    void (*answered)(McfSession *session, const char *answer, void *user_data);
    /* No MDF did. @retry_after_s: -1: not said. */
    void (*refused)(McfSession *session, const GError *error, int retry_after_s, void *user_data);
    /* The gateway is to be told: PROTO_RTSP_NOTICE_x; @npt_s NAN: none. */
    void (*notice)(McfSession *session, unsigned code, double npt_s, void *user_data);
    /* It cannot go on: to be ended on y2 and freed. @cause: SIP status for a Reason header. */
    void (*over)(McfSession *session, int cause, const char *reason, void *user_data);
} McfSessionEvents;

typedef struct {
    McfXpClient *xp;         /* borrowed, outlives the session */
    McfMdfPool *pool;        /* borrowed, the same */
    const char *session_id;  /* RFC 7989 */
    const char *call_id;     /* SIP Call-ID on y2, for the log; may be NULL */
    const char *content;     /* "asset:ID" or "channel:ID" */
    const char *offer;       /* SDP, media lines only */
    const char *events_base; /* URL under which the MDF's events are taken; the session's event id is added */
    unsigned rtsp_timeout_s;
} McfSessionConfig;

/* @config: copied. @events: borrowed with @user_data. */
McfSession *mcf_session_new(const McfSessionConfig *config, const McfSessionEvents *events, void *user_data);
/* Ends the viewer on the MDF; outstanding requests are answered with UNAVAILABLE. */
void mcf_session_free(McfSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfSession, mcf_session_free)

/* Asks the MDFs, one after the other; `answered` or `refused` follows, not from inside. */
void mcf_session_set_up(McfSession *self);

const char *mcf_session_rtsp_id(const McfSession *self);  /* 128 random bits, a secret of the viewer */
const char *mcf_session_event_id(const McfSession *self); /* 128 random bits, for the MDF */
const char *mcf_session_id(const McfSession *self);       /* RFC 7989 */
const char *mcf_session_content(const McfSession *self);
const char *mcf_session_mdf(const McfSession *self); /* base URL; NULL before `answered` */
unsigned mcf_session_timeout_s(const McfSession *self);

/* For lines of the log about it; lent. */
BaseLogFields mcf_session_log(const McfSession *self);

/* The channels that the SCF granted. @granted: (transfer full), cleared here. */
void mcf_session_set_granted(McfSession *self, ProtoBc *granted);
bool mcf_session_grants(const McfSession *self, const char *bc_service, const char *home_domain);

/* The gateway was heard; from now on it has the RTSP timeout for the next sign of life. */
void mcf_session_touch(McfSession *self);

/* Requests about the viewer. @done runs once, not from inside; UNAVAILABLE if there is none on an MDF. */
void mcf_session_play(McfSession *self, double npt_s, double scale, McfXpDone done, void *user_data);
void mcf_session_pause(McfSession *self, McfXpDone done, void *user_data);
void mcf_session_state(McfSession *self, McfXpDone done, void *user_data);
/* @channel: name without domain; it becomes the session's content. Rights are the caller's business. */
void mcf_session_zap(McfSession *self, const char *channel, McfXpDone done, void *user_data);
void mcf_session_reoffer(McfSession *self, const char *offer, McfXpDone done, void *user_data);

/* What the MDF POSTed. @npt_s: NAN: none. @reason: of `closed`, may be NULL. */
void mcf_session_take_event(McfSession *self, const char *event, double npt_s, const char *reason);
/* The MDF and its viewers are gone. */
void mcf_session_mdf_lost(McfSession *self);
