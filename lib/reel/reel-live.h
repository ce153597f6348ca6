/* lib/reel/reel-live.h - a channel's window: a programme in memory that grows at one end and falls off
 * at the other.
 *
 * One thread appends (the live reader's); any number of workers read through cursors. */
#pragma once

#include "lib/reel/block-cache.h"

/* @tracks: @n_tracks descriptions, copied. Blocks come out of @cache. */
ReelProgramme *reel_live_new(ReelBlockCache *cache,
                             const char *name,
                             const ReelTrackInfo *tracks,
                             unsigned n_tracks,
                             unsigned window_s);

/* Appends; of @record are read: payload, length, flags, rtp_ticks, due_us. Anything may stand in them: wrong
 * lengths and tracks are refused, due times that go back are raised. Video begins with an entry.
 * Returns false if it was dropped. */
bool reel_live_append(ReelProgramme *self, unsigned track, const ReelRecord *record);

/* The next record of @track is no continuation of the last one: it gets a discontinuity flag, and video is
 * dropped until a key frame. */
void reel_live_interrupt(ReelProgramme *self);
/* No more records will come: cursors reach END. */
void reel_live_end(ReelProgramme *self);

typedef struct {
    uint64_t records, bytes, dropped;
    uint64_t lies;       /* nonsense from the channel's writer, all tracks together */
    uint64_t blocks;     /* in the window */
    int64_t last_due_us; /* INT64_MIN: nothing yet */
} ReelLiveStats;
/* Thread: any. */
void reel_live_stats(const ReelProgramme *self, unsigned track, ReelLiveStats *ret_stats);

/* For the archive: copies block @number of @track into @buffer (REEL_BLOCK_SIZE), sealed. */
typedef enum {
    REEL_LIVE_COPY_OK,
    REEL_LIVE_COPY_NOT_YET, /* still growing */
    REEL_LIVE_COPY_GONE,    /* fell off */
} ReelLiveCopy;
ReelLiveCopy reel_live_copy_block(ReelProgramme *self, unsigned track, uint64_t number, uint8_t *buffer);
/* Blocks of @track in the window: [first, next). */
void reel_live_blocks(ReelProgramme *self, unsigned track, uint64_t *ret_first, uint64_t *ret_next);
