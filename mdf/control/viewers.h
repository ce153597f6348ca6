/* mdf/control/viewers.h - the viewers of this MDF by their secret id: what Xp and the WHEP door have in
 * common. Joins engine (transport, playing), sources (programmes) and events for the MCF. */
#pragma once

#include "lib/reel/reel.h"
#include "mdf/control/xp-handler.h"
#include "mdf/delivery/engine.h"

#include <glib.h>
#include <stdbool.h>

typedef struct MdfViewers MdfViewers;
typedef struct MdfControlled MdfControlled; /* one viewer under control */

typedef struct {
    MdfEngine *engine; /* borrowed, outlives the viewers */
    /* As mdf_sources_prepare and mdf_sources_lookup. */
    void (*prepare)(void *lookup_data, const char *source, void (*ready)(void *user_data), void *user_data);
    ReelProgramme *(*lookup)(void *lookup_data, const char *source, GError **error);
    /* As mdf_sources_has_signal; NULL: all have. */
    bool (*has_signal)(void *lookup_data, const char *source);
    void *lookup_data;
} MdfViewersParts;

/* @parts: copied. */
MdfViewers *mdf_viewers_new(const MdfViewersParts *parts);
/* Closes all viewers; what is pending is answered with UNAVAILABLE. */
void mdf_viewers_free(MdfViewers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfViewers, mdf_viewers_free)

typedef struct {
    const char *source;     /* "asset:ID" or "channel:ID" */
    const char *offer;      /* SDP */
    const char *session_id; /* RFC 7989; NULL: none */
    const char *events_url; /* NULL: nobody is told */
    const char *controller; /* id of the MCF; NULL: none that could go silent */
    bool play;              /* begin at once (WHEP) */
} MdfViewersRequest;

/* Gets content ready for mdf_viewers_add and mdf_viewers_lookup; @ready runs once, at once or later (3 s at
 * most), whether the content exists or not. */
void
mdf_viewers_prepare(MdfViewers *self, const char *source, void (*ready)(void *user_data), void *user_data);

/* @ret_answer: (transfer full). Errors: NOT_FOUND, NOT_ACCEPTABLE, BUSY, UNAVAILABLE, PROTOCOL,
 * INVALID_ARGUMENT. The result is lent until it is closed. */
MdfControlled *
mdf_viewers_add(MdfViewers *self, const MdfViewersRequest *request, char **ret_answer, GError **error);
/* @id: 32 hex digits. NULL if there is none. */
MdfControlled *mdf_viewers_find(MdfViewers *self, const char *id);
/* Looks a programme up without a viewer. (transfer full) */
ReelProgramme *mdf_viewers_lookup(MdfViewers *self, const char *source, GError **error);
MdfEngine *mdf_viewers_engine(MdfViewers *self);

/* @source has begun or ceased to send: the MCFs of its viewers are told `no-signal` or `signal`. */
void mdf_viewers_signal_changed(MdfViewers *self, const char *source);

const char *mdf_controlled_id(const MdfControlled *self);
const char *mdf_controlled_source(const MdfControlled *self);
const char *mdf_controlled_session_id(const MdfControlled *self);
/* Entity tag of the ICE session, with its quotes. Spec: draft-ietf-wish-whep 4.5. */
const char *mdf_controlled_etag(const MdfControlled *self);

/* @done runs once, maybe from inside (commands that need no engine). If the viewer is closed before, it gets
 * NOT_FOUND. */
void
mdf_controlled_command(MdfControlled *self, const MdfXpCommand *command, MdfPlayDone done, void *user_data);
/* A new offer. (transfer full) the answer; a new ETag. Errors: as mdf_viewer_reoffer. */
char *mdf_controlled_reoffer(MdfControlled *self, const char *offer, GError **error);
void mdf_controlled_status(const MdfControlled *self, MdfViewerStatus *ret_status);
/* Ends and frees it; the MCF is not told, it asked for it. */
void mdf_controlled_close(MdfControlled *self);

/* The MCF of that id was heard. Viewers whose MCF is silent for MDF_CONTROLLER_SILENCE_S are closed: it was
 * killed, and nobody can control or end them any more. */
#define MDF_CONTROLLER_SILENCE_S 30
void mdf_viewers_controller_heard(MdfViewers *self, const char *controller);
/* Runs that check now, as of @now_us (monotonic); it also runs by itself every few seconds. */
void mdf_viewers_check_controllers(MdfViewers *self, gint64 now_us);

/* Ends all, telling the MCFs `closed`, `shutdown`. */
void mdf_viewers_shut_down(MdfViewers *self);
/* Events for MCFs that are still under way. */
guint mdf_viewers_events_pending(const MdfViewers *self);
