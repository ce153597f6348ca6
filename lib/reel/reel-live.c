#include "lib/reel/reel-live.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/reel/programme.h"

#define SEGMENT_US (4 * G_USEC_PER_SEC) /* the window falls off in such steps */
#define BLOCKS_PER_SECOND_MAX 80u       /* 40 Mbit/s; beyond, the window shortens */
#define KEY_SPACING_US (200 * 1000)     /* of a stream of key frames only these are indexed */
#define DUE_MAX_US ((int64_t)1 << 60)   /* keeps sums of times from overflowing */

typedef struct {
    _Atomic int64_t due_us;
    _Atomic uint64_t block;
    _Atomic uint32_t offset;
} LiveKey;

typedef struct {
    ReelTrack track;
    uint64_t reel_id;
    int64_t window_us;

    /* Read by workers. */
    uint64_t ring_mask;
    _Atomic uint64_t *ring;       /* handle of block number n in n & ring_mask */
    _Atomic int64_t *dues;        /* its first due time */
    _Atomic uint64_t first, next; /* the window is [first, next); next - 1 grows */
    uint64_t keys_mask;
    LiveKey *keys;
    _Atomic uint64_t n_keys; /* ever */
    _Atomic int64_t last_due_us;
    _Atomic uint64_t records, bytes, dropped;

    /* The appending thread's. */
    bool *starts_segment; /* ring */
    uint8_t *block;       /* that grows; NULL before the first */
    uint64_t handle;
    uint32_t used;
    uint64_t segment;
    int64_t segment_due_us, key_due_us;
    bool needs_entry;   /* video: drop until a key frame */
    bool discontinuity; /* to be put on the next record */
} LiveTrack;

static inline int64_t
block_due(const LiveTrack *self, uint64_t number)
{
    return atomic_load_explicit(&self->dues[number & self->ring_mask], memory_order_relaxed);
}

/* --- readers --- */

static ReelBlockResult
live_acquire(ReelTrack *track, uint64_t number, uint64_t *ret_handle, const uint8_t **ret_block)
{
    LiveTrack *self = (LiveTrack *)track;
    uint64_t handle;
    const uint8_t *block;

    if (number >= atomic_load_explicit(&self->next, memory_order_acquire))
        return reel_programme_is_gone(track->programme) ? REEL_BLOCK_END : REEL_BLOCK_EDGE;
    if (number < atomic_load_explicit(&self->first, memory_order_acquire))
        return REEL_BLOCK_FALLEN;
    handle = atomic_load_explicit(&self->ring[number & self->ring_mask], memory_order_acquire);
    block = reel_pool_pin(track->programme->pool, handle);
    if (!block)
        return REEL_BLOCK_FALLEN;
    if (((const ReelBlockHeader *)block)->number != number) { /* the ring went round meanwhile */
        reel_pool_unpin(track->programme->pool, handle);
        return REEL_BLOCK_FALLEN;
    }
    *ret_handle = handle;
    *ret_block = block;
    return REEL_BLOCK_OK;
}

static bool
live_is_sealed(const ReelTrack *track, uint64_t number)
{
    const LiveTrack *self = (const LiveTrack *)track;

    return number + 1 < atomic_load_explicit(&self->next, memory_order_acquire);
}

static void
live_prefetch(ReelTrack *track, uint64_t number, int64_t until_us)
{
    (void)track;
    (void)number;
    (void)until_us;
}

static bool
live_first_due(const ReelTrack *track, uint64_t number, int64_t *ret_us)
{
    const LiveTrack *self = (const LiveTrack *)track;

    if (number < atomic_load_explicit(&self->first, memory_order_acquire) ||
        number >= atomic_load_explicit(&self->next, memory_order_acquire))
        return false;
    *ret_us = block_due(self, number);
    return true;
}

static void
load_key(const LiveTrack *self, uint64_t at, ReelPosition *ret_position)
{
    const LiveKey *key = &self->keys[at & self->keys_mask];

    ret_position->due_us = atomic_load_explicit(&key->due_us, memory_order_acquire);
    ret_position->block = atomic_load_explicit(&key->block, memory_order_acquire);
    ret_position->offset = atomic_load_explicit(&key->offset, memory_order_acquire);
}

/* True while entry @at cannot have been overwritten. Margin: the appender is writing one ahead. */
static bool
key_is_stable(const LiveTrack *self, uint64_t at)
{
    return at + self->keys_mask > atomic_load_explicit(&self->n_keys, memory_order_acquire);
}

/* First index in [@low, @high) whose key's block is in the window. */
static uint64_t
first_key(const LiveTrack *self, uint64_t low, uint64_t high)
{
    uint64_t first_block = atomic_load_explicit(&self->first, memory_order_acquire);
    ReelPosition key;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        load_key(self, middle, &key);
        if (key.block < first_block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* First index in [@low, @high) due after @due_us. */
static uint64_t
first_key_after(const LiveTrack *self, uint64_t low, uint64_t high, int64_t due_us)
{
    ReelPosition key;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        load_key(self, middle, &key);
        if (key.due_us <= due_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
key_range(const LiveTrack *self, uint64_t *ret_low, uint64_t *ret_high)
{
    uint64_t high = atomic_load_explicit(&self->n_keys, memory_order_acquire);
    uint64_t oldest = high > self->keys_mask - 1 ? high - (self->keys_mask - 1) : 0;

    *ret_low = first_key(self, oldest, high);
    *ret_high = high;
    return *ret_low < high;
}

static bool
live_find(const ReelTrack *track, ReelFind find, int64_t due_us, ReelPosition *ret_position)
{
    const LiveTrack *self = (const LiveTrack *)track;
    uint64_t low, high, at;

    for (int attempt = 0; attempt < 8; attempt++) {
        if (!key_range(self, &low, &high))
            return false;
        if (find == REEL_FIND_BEFORE) {
            at = first_key_after(self, low, high, due_us);
            at = at > low ? at - 1 : low;
        } else {
            at = due_us == INT64_MIN ? low : first_key_after(self, low, high, due_us - 1);
        }
        if (at >= high)
            return false;
        load_key(self, at, ret_position);
        if (key_is_stable(self, low))
            return true;
    }
    return false; /* lapped eight times: the writer lies about time */
}

static bool
live_range(const ReelTrack *track, int64_t *ret_first_us, int64_t *ret_newest_entry_us, int64_t *ret_last_us)
{
    const LiveTrack *self = (const LiveTrack *)track;
    ReelPosition oldest, newest;

    if (!live_find(track, REEL_FIND_AFTER, INT64_MIN, &oldest) ||
        !live_find(track, REEL_FIND_BEFORE, INT64_MAX, &newest))
        return false;
    *ret_first_us = oldest.due_us;
    *ret_newest_entry_us = newest.due_us;
    *ret_last_us = atomic_load_explicit(&self->last_due_us, memory_order_acquire);
    return true;
}

/* --- the appending thread --- */

/* Lets go of the oldest segment; the growing block stays. */
static bool
drop_segment(LiveTrack *self)
{
    uint64_t first = atomic_load_explicit(&self->first, memory_order_relaxed);
    uint64_t next = atomic_load_explicit(&self->next, memory_order_relaxed);
    uint64_t end = first + 1;

    if (first + 1 >= next)
        return false;
    while (end + 1 < next && !self->starts_segment[end & self->ring_mask])
        end++;
    atomic_store_explicit(&self->first, end, memory_order_release);
    for (uint64_t number = first; number < end; number++)
        reel_pool_drop(self->track.programme->pool,
                       atomic_load_explicit(&self->ring[number & self->ring_mask], memory_order_relaxed),
                       true);
    return true;
}

/* The oldest segment goes when what remains is still a whole window. */
static void
trim_window(LiveTrack *self, int64_t now_due_us)
{
    for (;;) {
        uint64_t second = atomic_load_explicit(&self->first, memory_order_relaxed) + 1;
        uint64_t next = atomic_load_explicit(&self->next, memory_order_relaxed);
        while (second < next && !self->starts_segment[second & self->ring_mask])
            second++;
        if (second >= next || now_due_us - block_due(self, second) < self->window_us || !drop_segment(self))
            return;
    }
}

static bool
begin_block(LiveTrack *self, const ReelRecord *record, bool starts_segment)
{
    ReelPool *pool = self->track.programme->pool;
    uint64_t number = atomic_load_explicit(&self->next, memory_order_relaxed);
    uint32_t slot;

    self->block = NULL;
    if (number - atomic_load_explicit(&self->first, memory_order_relaxed) > self->ring_mask)
        drop_segment(self);
    while ((slot = reel_pool_take(pool, true)) == REEL_NO_SLOT)
        if (!drop_segment(self))
            return false;
    if (starts_segment) {
        self->segment++;
        self->segment_due_us = record->due_us;
    }
    self->block = reel_pool_memory(pool, slot);
    self->used = sizeof(ReelBlockHeader);
    reel_block_begin(self->block, number, self->segment, self->reel_id, starts_segment);
    self->starts_segment[number & self->ring_mask] = starts_segment;
    self->handle = reel_pool_publish(pool, slot, self->used, NULL);
    atomic_store_explicit(&self->dues[number & self->ring_mask], record->due_us, memory_order_relaxed);
    atomic_store_explicit(&self->ring[number & self->ring_mask], self->handle, memory_order_release);
    atomic_store_explicit(&self->next, number + 1, memory_order_release);
    trim_window(self, record->due_us);
    return true;
}

static void
add_key(LiveTrack *self, const ReelRecord *record, uint32_t offset)
{
    uint64_t n_keys = atomic_load_explicit(&self->n_keys, memory_order_relaxed);
    LiveKey *key = &self->keys[n_keys & self->keys_mask];

    atomic_store_explicit(&key->due_us, record->due_us, memory_order_release);
    atomic_store_explicit(&key->block, atomic_load_explicit(&self->next, memory_order_relaxed) - 1,
                          memory_order_release);
    atomic_store_explicit(&key->offset, offset, memory_order_release);
    atomic_store_explicit(&self->n_keys, n_keys + 1, memory_order_release);
    self->key_due_us = record->due_us;
}

/* Room for @record in the growing block, or a new one. */
static bool
make_room(LiveTrack *self, const ReelRecord *record, bool entry)
{
    bool cut = self->block == NULL || (entry && record->due_us - self->segment_due_us >= SEGMENT_US);

    if (!cut && REEL_BLOCK_SIZE - self->used >= reel_record_size(record->length))
        return true;
    return begin_block(self, record, cut);
}

static bool
append(LiveTrack *self, const ReelRecord *given)
{
    ReelRecord record = *given;
    bool audio = self->track.info.kind == REEL_AUDIO, entry;
    int64_t last_due_us = atomic_load_explicit(&self->last_due_us, memory_order_relaxed);
    uint32_t offset;

    if (audio)
        record.flags |= REEL_ENTRY;
    entry = (record.flags & REEL_ENTRY) == REEL_ENTRY;
    if (self->needs_entry && !entry)
        return false;
    record.due_us = MAX(record.due_us, last_due_us);
    if (self->discontinuity)
        record.flags |= REEL_FLAG_DISCONTINUITY;
    if (!make_room(self, &record, entry)) {
        self->needs_entry = self->discontinuity = true;
        return false;
    }
    offset = self->used;
    self->used = reel_block_put(self->block, offset, &record);
    if (entry && (self->key_due_us == INT64_MIN || record.due_us - self->key_due_us >= KEY_SPACING_US))
        add_key(self, &record, offset);
    self->needs_entry = self->discontinuity = false;
    atomic_store_explicit(&self->last_due_us, record.due_us, memory_order_release);
    reel_pool_set_used(self->track.programme->pool, self->handle, self->used);
    return true;
}

bool
reel_live_append(ReelProgramme *self, unsigned track, const ReelRecord *record)
{
    LiveTrack *live;

    if (track >= self->n_tracks)
        return false;
    live = (LiveTrack *)self->tracks[track];
    if (record->length == 0 || record->length > REEL_PAYLOAD_MAX || record->due_us < 0 ||
        record->due_us > DUE_MAX_US || !append(live, record)) {
        atomic_fetch_add_explicit(&live->dropped, 1, memory_order_relaxed);
        return false;
    }
    atomic_fetch_add_explicit(&live->records, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&live->bytes, record->length, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->tail_serial, 1, memory_order_release);
    return true;
}

void
reel_live_interrupt(ReelProgramme *self)
{
    for (unsigned i = 0; i < self->n_tracks; i++) {
        LiveTrack *live = (LiveTrack *)self->tracks[i];
        live->needs_entry = true;
        live->discontinuity = atomic_load_explicit(&live->last_due_us, memory_order_relaxed) != INT64_MIN;
    }
}

void
reel_live_end(ReelProgramme *self)
{
    atomic_store_explicit(&self->gone, true, memory_order_release);
    atomic_fetch_add(&self->tail_serial, 1);
}

void
reel_live_stats(const ReelProgramme *self, unsigned track, ReelLiveStats *ret_stats)
{
    const LiveTrack *live = (const LiveTrack *)self->tracks[track];

    *ret_stats = (ReelLiveStats){.records = atomic_load(&live->records),
                                 .bytes = atomic_load(&live->bytes),
                                 .dropped = atomic_load(&live->dropped),
                                 .lies = atomic_load(&self->lies),
                                 .last_due_us = atomic_load(&live->last_due_us)};
    ret_stats->blocks = atomic_load(&live->next) - atomic_load(&live->first);
}

/* --- the archive's thread --- */

ReelLiveCopy
reel_live_copy_block(ReelProgramme *self, unsigned track, uint64_t number, uint8_t *buffer)
{
    ReelTrack *live = self->tracks[track];
    const uint8_t *block;
    uint64_t handle;
    uint32_t used;

    if (!live_is_sealed(live, number) && !reel_programme_is_gone(self))
        return REEL_LIVE_COPY_NOT_YET;
    if (live_acquire(live, number, &handle, &block) != REEL_BLOCK_OK)
        return REEL_LIVE_COPY_GONE;
    used = reel_pool_used(self->pool, handle);
    memcpy(buffer, block, used);
    memset(buffer + used, 0, REEL_BLOCK_SIZE - used);
    reel_pool_unpin(self->pool, handle);
    reel_block_seal(buffer, used);
    return REEL_LIVE_COPY_OK;
}

void
reel_live_blocks(ReelProgramme *self, unsigned track, uint64_t *ret_first, uint64_t *ret_next)
{
    LiveTrack *live = (LiveTrack *)self->tracks[track];

    *ret_first = atomic_load_explicit(&live->first, memory_order_acquire);
    *ret_next = atomic_load_explicit(&live->next, memory_order_acquire);
}

/* --- lifecycle --- */

static void
live_free(ReelTrack *track)
{
    LiveTrack *self = (LiveTrack *)track;

    for (uint64_t number = atomic_load(&self->first); number < atomic_load(&self->next); number++)
        reel_pool_drop(track->programme->pool, atomic_load(&self->ring[number & self->ring_mask]), true);
    g_free(self->ring);
    g_free(self->dues);
    g_free(self->starts_segment);
    g_free(self->keys);
    g_free(self);
}

static const ReelTrackOps live_ops = {.acquire = live_acquire,
                                      .is_sealed = live_is_sealed,
                                      .prefetch = live_prefetch,
                                      .first_due = live_first_due,
                                      .find = live_find,
                                      .range = live_range,
                                      .free = live_free};

static uint64_t
power_of_two(uint64_t at_least)
{
    uint64_t n = 64;

    while (n < at_least)
        n *= 2;
    return n;
}

static LiveTrack *
track_new(const ReelTrackInfo *info, unsigned window_s)
{
    LiveTrack *self = g_new0(LiveTrack, 1);
    uint64_t n_blocks = power_of_two((uint64_t)window_s * BLOCKS_PER_SECOND_MAX);
    uint64_t n_keys = power_of_two((uint64_t)(window_s + 8) * G_USEC_PER_SEC / KEY_SPACING_US);

    self->track.ops = &live_ops;
    self->track.info = *info;
    base_random_bytes(&self->reel_id, sizeof(self->reel_id));
    self->window_us = (int64_t)window_s * G_USEC_PER_SEC;
    self->ring_mask = n_blocks - 1;
    self->ring = g_new0(_Atomic uint64_t, n_blocks);
    self->dues = g_new0(_Atomic int64_t, n_blocks);
    self->starts_segment = g_new0(bool, n_blocks);
    self->keys_mask = n_keys - 1;
    self->keys = g_new0(LiveKey, n_keys);
    self->needs_entry = true;
    self->key_due_us = INT64_MIN;
    atomic_init(&self->last_due_us, INT64_MIN);
    return self;
}

ReelProgramme *
reel_live_new(ReelBlockCache *cache,
              const char *name,
              const ReelTrackInfo *tracks,
              unsigned n_tracks,
              unsigned window_s)
{
    ReelProgramme *self = reel_programme_new(cache, name, true);

    for (unsigned i = 0; i < n_tracks; i++)
        reel_programme_add_track(self, &track_new(&tracks[i], window_s)->track);
    return self;
}
