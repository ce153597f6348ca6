#include "lib/reel/cursor.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/reel/programme.h"

#define CURSOR_TRACKS_MAX 4u
#define READ_AHEAD_US (1500 * 1000)
#define DISK_POLL_US 2000
#define EDGE_POLL_US 5000
#define OLDEST_MARGIN_US (2 * G_USEC_PER_SEC) /* from the falling end, or it falls off again at once */

typedef struct {
    ReelTrack *track;
    unsigned index;
    uint64_t block;
    uint32_t offset;
    uint64_t handle; /* pinned; 0: none */
    const uint8_t *memory;
    bool check_offset;     /* comes from an index, may point into the middle of a record */
    bool needs_entry;      /* after damage or an untrue index: go on to the next entry */
    bool lost_sound;       /* audio after damage: flag the next record */
    int64_t skip_until_us; /* records due earlier are passed over */
    uint64_t bad_block;    /* counted last; UINT64_MAX: none */
} CursorTrack;

struct ReelCursor {
    ReelProgramme *programme;
    CursorTrack tracks[CURSOR_TRACKS_MAX];
    unsigned n_tracks;
    int leader;  /* the video track that decides where to stand, else track 0 */
    bool placed; /* false: stand at the start or at the live edge with the next peek */
    bool gap;    /* to be said */
    int64_t gap_us;
    CursorTrack *head; /* of the record that peek returned */
    uint32_t head_size;
    unsigned fall_offs, skipped_blocks;
};

/* What a track has to offer next. */
typedef enum {
    HEAD_RECORD,
    HEAD_WAIT,
    HEAD_EDGE,
    HEAD_FALLEN,
    HEAD_GAP,
    HEAD_END,
} Head;

static void
track_unpin(ReelCursor *self, CursorTrack *track)
{
    if (track->handle)
        reel_pool_unpin(self->programme->pool, track->handle);
    track->handle = 0;
    track->memory = NULL;
}

static void
track_place(ReelCursor *self, CursorTrack *track, const ReelPosition *position, int64_t skip_until_us)
{
    track_unpin(self, track);
    track->block = position->block;
    track->offset = position->offset;
    track->check_offset = position->offset != sizeof(ReelBlockHeader);
    track->needs_entry = false;
    track->lost_sound = false;
    track->skip_until_us = skip_until_us;
}

static void
track_next_block(ReelCursor *self, CursorTrack *track)
{
    track_unpin(self, track);
    track->block++;
    track->offset = sizeof(ReelBlockHeader);
    track->check_offset = false;
}

/* An index entry must be the start of a record: found by walking there from the block's start. */
static bool
offset_is_record(const CursorTrack *track, uint32_t used)
{
    uint32_t at = sizeof(ReelBlockHeader);

    while (at < track->offset && at < used)
        at += reel_record_size(((const ReelRecordHeader *)(track->memory + at))->length);
    return at == track->offset && at < used;
}

/* The first entry behind block @bad. An access unit may begin in the damaged block and end behind it. */
static bool
find_entry_behind(const CursorTrack *track, uint64_t bad, ReelPosition *ret_position)
{
    int64_t due_us;

    if (!track->track->ops->first_due(track->track, bad + 1, &due_us))
        return false;
    while (track->track->ops->find(track->track, REEL_FIND_AFTER, due_us, ret_position)) {
        if (ret_position->block > bad)
            return true;
        due_us = ret_position->due_us + 1;
    }
    return false;
}

/* Goes past a damaged block: video to the next key frame, sound to the next block. */
static Head
track_skip_damage(ReelCursor *self, CursorTrack *track)
{
    uint64_t bad = track->block;
    ReelPosition position;

    if (track->bad_block != bad)
        self->skipped_blocks++;
    track->bad_block = bad;
    track_next_block(self, track);
    if (track->track->info.kind == REEL_AUDIO) {
        track->lost_sound = true;
        return HEAD_RECORD;
    }
    track->needs_entry = true;
    if (!find_entry_behind(track, bad, &position))
        return HEAD_RECORD; /* runs out at the end */
    track_place(self, track, &position, INT64_MIN);
    track->needs_entry = true;
    self->gap = true;
    self->gap_us = position.due_us;
    return HEAD_GAP;
}

static Head
track_load(ReelCursor *self, CursorTrack *track)
{
    int64_t first_due_us = 0;

    switch (track->track->ops->acquire(track->track, track->block, &track->handle, &track->memory)) {
    case REEL_BLOCK_OK:
        break;
    case REEL_BLOCK_WAIT:
        return HEAD_WAIT;
    case REEL_BLOCK_BAD:
        return track_skip_damage(self, track);
    case REEL_BLOCK_FALLEN:
        return HEAD_FALLEN;
    case REEL_BLOCK_EDGE:
        return HEAD_EDGE;
    case REEL_BLOCK_END:
        return HEAD_END;
    }
    if (track->track->ops->first_due(track->track, track->block, &first_due_us))
        track->track->ops->prefetch(track->track, track->block, first_due_us + READ_AHEAD_US);
    if (track->check_offset &&
        !offset_is_record(track, reel_pool_used(self->programme->pool, track->handle))) {
        track->offset = sizeof(ReelBlockHeader);
        track->needs_entry = true;
    }
    track->check_offset = false;
    return HEAD_RECORD;
}

static bool
track_wants(const CursorTrack *track, const ReelRecordHeader *record)
{
    if (record->due_us < track->skip_until_us)
        return false;
    return !track->needs_entry || (record->flags & REEL_ENTRY) == REEL_ENTRY;
}

/* Finds the next wanted record; on HEAD_RECORD the track stands on it. */
static Head
track_head(ReelCursor *self, CursorTrack *track, const ReelRecordHeader **ret_record)
{
    for (;;) {
        uint32_t used;
        if (!track->handle) {
            Head head = track_load(self, track);
            if (head != HEAD_RECORD)
                return head;
            if (!track->handle)
                continue; /* went past damage */
        }
        used = reel_pool_used(self->programme->pool, track->handle);
        while (track->offset < used) {
            const ReelRecordHeader *record = (const ReelRecordHeader *)(track->memory + track->offset);
            if (track_wants(track, record)) {
                *ret_record = record;
                return HEAD_RECORD;
            }
            track->offset += reel_record_size(record->length);
        }
        if (!track->track->ops->is_sealed(track->track, track->block))
            return reel_programme_is_gone(self->programme) ? HEAD_END : HEAD_EDGE;
        if (track->offset >=
            reel_pool_used(self->programme->pool, track->handle)) /* it may have grown before */
            track_next_block(self, track);
    }
}

/* --- placing --- */

static CursorTrack *
leader(ReelCursor *self)
{
    return &self->tracks[self->leader];
}

/* Puts all tracks where the leader's @position is. */
static void
place_all(ReelCursor *self, const ReelPosition *position, int64_t due_us)
{
    self->placed = true;
    self->gap = false;
    self->head = NULL;
    for (unsigned i = 0; i < self->n_tracks; i++) {
        CursorTrack *track = &self->tracks[i];
        ReelPosition own;
        if (track == leader(self)) {
            track_place(self, track, position, due_us);
        } else if (track->track->ops->find(track->track, REEL_FIND_BEFORE, due_us, &own)) {
            track_place(self, track, &own, due_us);
        } else { /* nothing there yet: from its first record on */
            track_place(self, track, &(ReelPosition){.offset = sizeof(ReelBlockHeader)}, due_us);
        }
    }
}

static bool
seek_position(ReelCursor *self, ReelFind find, int64_t media_us, int64_t *ret_us)
{
    const ReelTrack *track = leader(self)->track;
    bool exact = track->info.kind == REEL_AUDIO && find == REEL_FIND_BEFORE;
    ReelPosition position;
    int64_t due_us;

    if (!track->ops->find(track, find, media_us, &position))
        return false;
    due_us = exact ? MAX(media_us, position.due_us) : position.due_us; /* sound can begin anywhere */
    if (exact) {
        int64_t first_us, newest_us, last_us;
        if (track->ops->range(track, &first_us, &newest_us, &last_us))
            due_us = CLAMP(due_us, first_us, MAX(first_us, newest_us));
    }
    place_all(self, &position, due_us);
    if (ret_us)
        *ret_us = due_us;
    return true;
}

bool
reel_cursor_seek(ReelCursor *self, int64_t media_us, int64_t *ret_us)
{
    if (seek_position(self, REEL_FIND_BEFORE, media_us, ret_us))
        return true;
    self->placed = false;
    self->head = NULL;
    return false;
}

bool
reel_cursor_seek_live(ReelCursor *self, int64_t now_us, int64_t *ret_us)
{
    return reel_cursor_seek(self, self->programme->live ? now_us : INT64_MIN, ret_us);
}

bool
reel_cursor_seek_key(ReelCursor *self, int64_t media_us, int direction, int64_t *ret_us)
{
    const ReelTrack *track = leader(self)->track;
    ReelPosition position;

    if (direction > 0)
        return seek_position(self, REEL_FIND_AFTER, media_us, ret_us);
    if (!track->ops->find(track, REEL_FIND_BEFORE, media_us, &position) || position.due_us > media_us)
        return false;
    return seek_position(self, REEL_FIND_BEFORE, media_us, ret_us);
}

/* Onto the oldest key frame, but not onto the very end that falls off next. */
static ReelNext
place_after_fall(ReelCursor *self, ReelRecord *ret_record)
{
    const ReelTrack *track = leader(self)->track;
    int64_t first_us, newest_us, last_us, due_us;

    self->fall_offs++;
    if (!track->ops->range(track, &first_us, &newest_us, &last_us) ||
        !seek_position(self, REEL_FIND_AFTER, MIN(first_us + OLDEST_MARGIN_US, newest_us), &due_us)) {
        self->placed = false;
        return REEL_NEXT_EDGE;
    }
    ret_record->due_us = due_us;
    return REEL_NEXT_GAP;
}

/* --- the loop's side --- */

static void
fill_record(const CursorTrack *track, const ReelRecordHeader *record, ReelRecord *ret_record)
{
    *ret_record = (ReelRecord){
        .payload = (const uint8_t *)(record + 1),
        .length = record->length,
        .flags = (uint16_t)(record->flags | (track->lost_sound ? REEL_FLAG_DISCONTINUITY : 0)),
        .track = track->index,
        .rtp_ticks = record->rtp_ticks,
        .due_us = record->due_us,
        .ref = {.generation = track->handle,
                .block = (uint32_t)(track->handle & ((1u << REEL_HANDLE_SLOT_BITS) - 1)),
                .offset = track->offset},
    };
}

/* A record of another track must not overtake what a track that waits for the disk has next. */
static bool
may_overtake(const CursorTrack *waiting, int64_t due_us)
{
    int64_t first_us;

    return waiting->offset == sizeof(ReelBlockHeader) &&
           waiting->track->ops->first_due(waiting->track, waiting->block, &first_us) && first_us > due_us;
}

typedef struct {
    const ReelRecordHeader *record;
    CursorTrack *track;
    CursorTrack *waiting[CURSOR_TRACKS_MAX];
    unsigned n_waiting, n_edge;
    bool fallen;
} Merge;

static void
merge_track(ReelCursor *self, CursorTrack *track, Merge *merge)
{
    const ReelRecordHeader *record;

    switch (track_head(self, track, &record)) {
    case HEAD_RECORD:
        if (!merge->record || record->due_us < merge->record->due_us) {
            merge->record = record;
            merge->track = track;
        }
        break;
    case HEAD_WAIT:
        merge->waiting[merge->n_waiting++] = track;
        break;
    case HEAD_EDGE:
        merge->n_edge++;
        break;
    case HEAD_FALLEN:
        merge->fallen = true;
        break;
    case HEAD_GAP:
    case HEAD_END:
        break;
    }
}

static ReelNext
merge_result(
    ReelCursor *self, const Merge *merge, int64_t now_us, ReelRecord *ret_record, int64_t *ret_wake_us)
{
    for (unsigned i = 0; i < merge->n_waiting; i++) {
        if (!merge->record || !may_overtake(merge->waiting[i], merge->record->due_us)) {
            *ret_wake_us = now_us + DISK_POLL_US;
            return REEL_NEXT_WAIT;
        }
    }
    if (!merge->record && merge->n_edge > 0) {
        *ret_wake_us = now_us + EDGE_POLL_US;
        return REEL_NEXT_EDGE;
    }
    if (!merge->record)
        return REEL_NEXT_END;
    fill_record(merge->track, merge->record, ret_record);
    self->head = merge->track;
    self->head_size = reel_record_size(merge->record->length);
    return REEL_NEXT_RECORD;
}

ReelNext
reel_cursor_peek(ReelCursor *self, int64_t now_us, ReelRecord *ret_record, int64_t *ret_wake_us)
{
    Merge merge = {0};

    self->head = NULL;
    if (!self->placed && !reel_cursor_seek_live(self, now_us, NULL)) {
        *ret_wake_us = now_us + EDGE_POLL_US;
        return self->programme->live && !reel_programme_is_gone(self->programme) ? REEL_NEXT_EDGE
                                                                                 : REEL_NEXT_END;
    }
    for (unsigned i = 0; i < self->n_tracks; i++)
        merge_track(self, &self->tracks[i], &merge);
    if (merge.fallen)
        return place_after_fall(self, ret_record);
    if (self->gap) {
        self->gap = false;
        ret_record->due_us = self->gap_us;
        return REEL_NEXT_GAP;
    }
    return merge_result(self, &merge, now_us, ret_record, ret_wake_us);
}

void
reel_cursor_advance(ReelCursor *self)
{
    if (!self->head)
        return;
    self->head->offset += self->head_size;
    self->head->needs_entry = false;
    self->head->lost_sound = false;
    self->head = NULL;
}

bool
reel_cursor_edge(const ReelCursor *self, int64_t *ret_us)
{
    int64_t edge_us = INT64_MIN;

    for (unsigned i = 0; i < self->n_tracks; i++) {
        const ReelTrack *track = self->tracks[i].track;
        int64_t first_us, newest_us, last_us;
        if (track->ops->range(track, &first_us, &newest_us, &last_us))
            edge_us = MAX(edge_us, last_us);
    }
    if (edge_us == INT64_MIN)
        return false;
    *ret_us = edge_us;
    return true;
}

unsigned
reel_cursor_fall_offs(const ReelCursor *self)
{
    return self->fall_offs;
}

unsigned
reel_cursor_skipped_blocks(const ReelCursor *self)
{
    return self->skipped_blocks;
}

ReelProgramme *
reel_cursor_programme(const ReelCursor *self)
{
    return self->programme;
}

ReelBlockCache *
reel_cursor_cache(const ReelCursor *self)
{
    return self->programme->cache;
}

/* --- lifecycle --- */

static bool
tracks_are_valid(const ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks, GError **error)
{
    bool valid = n_tracks >= 1 && n_tracks <= CURSOR_TRACKS_MAX;

    for (unsigned i = 0; valid && i < n_tracks; i++) {
        valid = tracks[i] < programme->n_tracks;
        for (unsigned j = 0; j < i; j++)
            valid = valid && tracks[i] != tracks[j];
    }
    if (!valid)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "no such choice of tracks in %s",
                    programme->name);
    return valid;
}

static void
leave_programme(ReelCursor *self)
{
    for (unsigned i = 0; i < self->n_tracks; i++)
        track_unpin(self, &self->tracks[i]);
    g_clear_pointer(&self->programme, reel_programme_unref);
}

static void
enter_programme(ReelCursor *self, ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks)
{
    self->programme = reel_programme_ref(programme);
    self->n_tracks = n_tracks;
    self->leader = 0;
    self->placed = self->gap = false;
    self->head = NULL;
    memset(self->tracks, 0, sizeof(self->tracks));
    for (unsigned i = n_tracks; i-- > 0;) {
        self->tracks[i].index = tracks[i];
        self->tracks[i].track = programme->tracks[tracks[i]];
        self->tracks[i].bad_block = UINT64_MAX;
        if (self->tracks[i].track->info.kind == REEL_VIDEO)
            self->leader = (int)i;
    }
}

ReelCursor *
reel_cursor_new(ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks, GError **error)
{
    ReelCursor *self;

    if (!tracks_are_valid(programme, tracks, n_tracks, error))
        return NULL;
    self = g_new0(ReelCursor, 1);
    enter_programme(self, programme, tracks, n_tracks);
    return self;
}

void
reel_cursor_free(ReelCursor *self)
{
    if (!self)
        return;
    leave_programme(self);
    g_free(self);
}

bool
reel_cursor_switch(
    ReelCursor *self, ReelProgramme *programme, const unsigned *tracks, unsigned n_tracks, GError **error)
{
    if (!tracks_are_valid(programme, tracks, n_tracks, error))
        return false;
    reel_programme_ref(programme); /* it may be the same one */
    leave_programme(self);
    enter_programme(self, programme, tracks, n_tracks);
    reel_programme_unref(programme);
    return true;
}
