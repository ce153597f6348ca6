/* mcf-extensions/xp-client.h - the MCF's side of Xp: typed requests to an MDF (docs/xp.md). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct McfXpClient McfXpClient;
typedef struct McfXpCall McfXpCall;

McfXpClient *mcf_xp_client_new(void);
/* Calls under way are dropped: their callbacks do not run. */
void mcf_xp_client_free(McfXpClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfXpClient, mcf_xp_client_free)

/* What an MDF said; only the fields that its request is about are set. Lent for the callback. */
typedef struct {
    /* create, reoffer */
    const char *location; /* absolute URL; create only */
    const char *answer;   /* SDP */
    /* control, state */
    char state[16];
    bool has_npt_start, has_npt_end, has_anchor;
    double npt_start_s, npt_end_s, scale;
    uint32_t rtp_time;
    double media_time_s;
    /* state */
    double position_s, duration_s; /* duration < 0: live */
    const char *scales;            /* "1.0,2.0" */
    /* status */
    char instance[33]; /* "": not said */
    int64_t viewers, capacity;
} McfXpReply;

/* @reply or @error is NULL. @retry_after_s: of a refusal, -1 if not said.
 * Errors: of the status that the MDF answered; TIMEOUT, UNAVAILABLE; PROTOCOL for an answer that makes no
 * sense. Each function returns a handle that is good for mcf_xp_cancel until then, and calls back
 * once, never from inside. @session_id: RFC 7989, may be NULL. */
typedef void (*McfXpDone)(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s);

/* @base: of an MDF, without a slash at its end. */
McfXpCall *mcf_xp_status(McfXpClient *self, const char *base, McfXpDone done, void *user_data);

typedef struct {
    const char *base;
    const char *source; /* "asset:ID" or "channel:ID" */
    const char *offer;  /* media lines only */
    const char *events_url;
    const char *session_id;
} McfXpOffer;
McfXpCall *mcf_xp_create(McfXpClient *self, const McfXpOffer *offer, McfXpDone done, void *user_data);

/* Requests about a session, by its URL. */
McfXpCall *mcf_xp_reoffer(McfXpClient *self,
                          const char *location,
                          const char *offer,
                          const char *session_id,
                          McfXpDone done,
                          void *user_data);
McfXpCall *mcf_xp_play(McfXpClient *self,
                       const char *location,
                       double npt_s, /* NAN: where it stands, or the live edge */
                       double scale,
                       const char *session_id,
                       McfXpDone done,
                       void *user_data);
McfXpCall *mcf_xp_pause(
    McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data);
McfXpCall *mcf_xp_zap(McfXpClient *self,
                      const char *location,
                      const char *channel,
                      const char *session_id,
                      McfXpDone done,
                      void *user_data);
McfXpCall *mcf_xp_state(
    McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data);
/* @done may be NULL. */
McfXpCall *mcf_xp_delete(
    McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data);

/* Deletes that are under way: a stop waits for them. */
unsigned mcf_xp_client_deleting(const McfXpClient *self);

/* @done will not run; what the MDF does with the request is unknown. */
void mcf_xp_cancel(McfXpCall *call);
/* For create: @done will not run, and a session that comes of it is deleted. */
void mcf_xp_abandon(McfXpCall *call);
