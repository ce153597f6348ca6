/* mcf-extensions/xc-handler.h - decides what an RTSP request on Xc asks for, and builds the answers. Pure: it
 * knows the rules of Xc, not the sessions.
 * Spec: RFC 2326 10, TS 183 063 Xc; zapping by SET_PARAMETER bc_service is ours. */
#pragma once

#include "lib/proto/rtsp.h"
#include "mcf-extensions/xp-client.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    MCF_XC_ANSWER, /* nothing to do: answer `status` */
    MCF_XC_PLAY,   /* `npt_s` (NAN: where it stands, or the live edge), `scale` */
    MCF_XC_PAUSE,
    MCF_XC_GET, /* `parameters` are known ones */
    MCF_XC_ZAP, /* `bc_service`, not checked against any list */
} McfXcCommand;

typedef struct {
    McfXcCommand command;
    unsigned status;
    const char *detail; /* lent by the message: what goes with the status; NULL */
    bool needs_session; /* the request is about a session; false: OPTIONS, and what is refused anyway */
    double npt_s;
    double scale;
    char **parameters;
    char *bc_service;
} McfXcRequest;
void mcf_xc_request_clear(McfXcRequest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(McfXcRequest, mcf_xc_request_clear)

/* @ret_request: initialised here. Never fails: what does not conform is an ANSWER with its status. */
void mcf_xc_decide(const ProtoRtspMsg *message, McfXcRequest *ret_request);

/* The answer of an ANSWER. (transfer full) */
ProtoRtspMsg *mcf_xc_answer(const McfXcRequest *request, const ProtoRtspMsg *message);
/* To PLAY, PAUSE and zap: what was really done. */
ProtoRtspMsg *mcf_xc_answer_outcome(const McfXcRequest *request, const McfXpReply *outcome);
/* To GET: the values of the parameters that were asked for; a live channel has no duration. With the
 * anchor of the position, where something plays. */
ProtoRtspMsg *mcf_xc_answer_state(const McfXcRequest *request, const McfXpReply *state);
/* A failure of Xp in RTSP's terms. @retry_after_s: -1: none. */
ProtoRtspMsg *mcf_xc_answer_error(const McfXcRequest *request, const GError *error, int retry_after_s);

/* ANNOUNCE to the SGW. @header: "Notice" or "x-notice". @npt_s: NAN: none. @now_s: seconds since 1970. */
ProtoRtspMsg *mcf_xc_announce(
    const char *uri, const char *rtsp_session, const char *header, unsigned code, double npt_s, gint64 now_s);
