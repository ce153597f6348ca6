/* mdf/delivery/playout.h - what one viewer watches: a cursor on a programme, and when each record is due.
 * Decides play, pause, seek, zap, end, and repeats from a key frame; sends nothing itself.
 *
 * Programme time + shift = monotonic clock. A film's shift is set when it begins, seeks or goes on; at the
 * live edge it is 0. Whenever the cursor has to stand on a key frame that lies in the past (joining a
 * channel, a key-frame request, going on after one) the records up to now go out as a paced burst, video
 * only, with timestamps of the moment they are sent: the picture is there at once and latency is not kept.
 * Runs on the peer's worker. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/reel/cursor.h"
#include "mdf/delivery/engine.h"
#include "mdf/delivery/tracks.h"

#define MDF_PLAYOUT_START_WAIT_US (2 * G_USEC_PER_SEC)
#define MDF_PLAYOUT_KEY_INTERVAL_US G_USEC_PER_SEC

typedef struct MdfPlayout MdfPlayout;

typedef struct {
    /* One record, now. @late_us: how far behind its place on the timeline (in a burst), for its timestamp;
     * the same for all records of a frame. Returns the bytes sent. */
    size_t (*send)(const ReelRecord *record,
                   ReelKind kind,
                   uint8_t payload_type,
                   int64_t shift_us,
                   int64_t late_us,
                   void *user_data);
    /* The last play or zap has begun (or could not: @error); once for each. At the latest after
     * MDF_PLAYOUT_START_WAIT_US, also if the peer is not there or the medium is slow. */
    void (*started)(const GError *error, void *user_data);
    void (*ended)(void *user_data);
    void (*gone)(void *user_data); /* a channel was removed */
} MdfPlayoutEvents;

/* @events: borrowed with @user_data. */
MdfPlayout *mdf_playout_new(const MdfPayloadTypes *types, const MdfPlayoutEvents *events, void *user_data);
void mdf_playout_free(MdfPlayout *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfPlayout, mdf_playout_free)

/* Changes the programme. Plays it from the live edge or the first key frame if something was playing,
 * stays paused there otherwise. `started` follows if true is returned, at once if paused.
 * Errors: NOT_ACCEPTABLE, UNAVAILABLE. On error nothing has changed. */
bool mdf_playout_set_programme(MdfPlayout *self, ReelProgramme *programme, int64_t now_us, GError **error);

/* @npt_s: NAN: go on; see engine.h. `started` follows if true is returned.
 * Errors: INVALID_ARGUMENT beyond the end; UNAVAILABLE. */
bool mdf_playout_play(MdfPlayout *self, double npt_s, int64_t now_us, GError **error);
void mdf_playout_pause(MdfPlayout *self, int64_t now_us);

/* Where records can be had back from, for resends; lent. */
ReelBlockCache *mdf_playout_cache(const MdfPlayout *self);

/* The transport is up: records may go out. */
void mdf_playout_set_ready(MdfPlayout *self, int64_t now_us);
/* The peer lost the picture. */
void mdf_playout_request_key(MdfPlayout *self, int64_t now_us);

/* Sends what is due. Returns when to be called again (INT64_MAX: nothing to wait for). */
int64_t mdf_playout_run(MdfPlayout *self, int64_t now_us);

typedef struct {
    MdfViewerState state; /* CONNECTED: nothing played yet */
    bool live;
    bool has_video;
    int64_t position_us; /* programme time on the screen */
    int64_t start_us;    /* the key frame that the last start showed first */
    int64_t duration_us; /* -1: live */
    int64_t shift_us;
} MdfPlayoutStatus;
void mdf_playout_status(const MdfPlayout *self, int64_t now_us, MdfPlayoutStatus *ret_status);
