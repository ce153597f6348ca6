/* lib/reel/cursor.h - a viewer's place in a programme: one position per chosen track, merged by due
 * time.
 *
 * A cursor belongs to one thread at a time and never blocks, locks or allocates after it was made.
 * It pins the block that each of its tracks stands in. Usual loop of a worker:
 *
 *   while (reel_cursor_peek(cursor, now_us, &record, &wake_us) == REEL_NEXT_RECORD
 *          && record.due_us + offset_us <= now_us) {
 *       send(&record);
 *       reel_cursor_advance(cursor);
 *   }
 */
#pragma once

#include "lib/reel/block-cache.h"
#include "lib/reel/reel.h"

typedef struct ReelCursor ReelCursor;

typedef enum {
    REEL_NEXT_RECORD, /* *ret_record is the next record */
    REEL_NEXT_WAIT,   /* a block is being read from disk: peek again at *ret_wake_us (monotonic) */
    REEL_NEXT_EDGE,   /* live edge: nothing yet; peek again at *ret_wake_us or when the tail serial changed */
    REEL_NEXT_GAP, /* said once: the cursor fell off the window, or damaged video was skipped; video goes on
                      with the key frame due at ret_record->due_us (after damage: in its own time,
                      sound is not interrupted). Peek again. */
    REEL_NEXT_END, /* end of the film, or the channel was removed */
} ReelNext;

/* Makes a cursor on @programme (referenced) that follows @tracks, at most four. It stands at the first
 * key frame of a film; of a channel at the newest key frame that is due, found by the first peek.
 * Errors: INVALID_ARGUMENT for a track that does not exist, twice the same, or none at all. */
ReelCursor *
reel_cursor_new(ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks, GError **error);
void reel_cursor_free(ReelCursor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelCursor, reel_cursor_free)

ReelProgramme *reel_cursor_programme(const ReelCursor *self); /* lent */
ReelBlockCache *reel_cursor_cache(const ReelCursor *self);    /* lent; for reel_ref_pin */

/* The next record in order of due time, without moving. The payload stays valid until the next call
 * of advance, seek, seek_live or switch; afterwards use reel_ref_pin. Repeated calls are cheap.
 * @now_us: the monotonic clock; the base of *ret_wake_us (EDGE and WAIT only, else untouched).
 * @ret_record: also gets due_us with GAP. */
ReelNext reel_cursor_peek(ReelCursor *self, int64_t now_us, ReelRecord *ret_record, int64_t *ret_wake_us);
/* Goes past the record that peek has just returned; does nothing before such a peek. */
void reel_cursor_advance(ReelCursor *self);

/* Moves to the last key frame at or before @media_us (the first one if there is none before); the
 * other tracks begin with their first record due at or after it. Time beyond the end of a film means
 * its last key frame, beyond the live edge the newest one. Costs a search of the index; blocks are
 * fetched by the next peeks. *ret_us is where it stands: due time of that key frame, exactly.
 * Without a video track the audio begins at @media_us. False: nothing there yet (empty channel), it then
 * starts with the first key frame that comes. */
bool reel_cursor_seek(ReelCursor *self, int64_t media_us, int64_t *ret_us);
/* Moves to the newest key frame of a channel that is due by @now_us (later ones are already there, but
 * would have to be sent ahead of time and run into the edge again and again); of a film: the first. */
bool reel_cursor_seek_live(ReelCursor *self, int64_t now_us, int64_t *ret_us);
/* Moves on by whole key frames (trick play): to the first key frame due at or after @media_us
 * (@direction 1) or the last one at or before it (-1). False: there is none. */
bool reel_cursor_seek_key(ReelCursor *self, int64_t media_us, int direction, int64_t *ret_us);

/* Goes to another programme (zap, ad): as a new cursor would stand, without allocation. On error
 * nothing has changed. */
bool reel_cursor_switch(
    ReelCursor *self, ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks, GError **error);

/* Due time of the newest record that can be had now on any chosen track; false if there is none.
 * For channels: how far behind the edge the viewer is. */
bool reel_cursor_edge(const ReelCursor *self, int64_t *ret_us);

/* Times this cursor fell off a window, and damaged blocks it skipped. */
unsigned reel_cursor_fall_offs(const ReelCursor *self);
unsigned reel_cursor_skipped_blocks(const ReelCursor *self);
