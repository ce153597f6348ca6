/* lib/reel/programme.h - what a cursor needs of a track, whether it is a film's or a channel's;
 * internal to lib/reel. */
#pragma once

#include "lib/reel/pool.h"
#include "lib/reel/reel-format.h"

typedef struct ReelTrack ReelTrack;

typedef enum {
    REEL_BLOCK_OK,     /* pinned */
    REEL_BLOCK_WAIT,   /* being read */
    REEL_BLOCK_BAD,    /* damaged or unreadable: go past it */
    REEL_BLOCK_FALLEN, /* no longer in the window */
    REEL_BLOCK_EDGE,   /* not yet there */
    REEL_BLOCK_END,    /* behind the last one */
} ReelBlockResult;

typedef struct {
    int64_t due_us;
    uint64_t block;
    uint32_t offset;
} ReelPosition;

typedef enum {
    REEL_FIND_BEFORE, /* the last entry at or before a time, else the first one */
    REEL_FIND_AFTER,  /* the first entry at or after a time */
} ReelFind;

typedef struct {
    /* Pins block @number. Packet path. */
    ReelBlockResult (*acquire)(ReelTrack *track,
                               uint64_t number,
                               uint64_t *ret_handle,
                               const uint8_t **ret_block);
    /* False while more records may come into block @number. */
    bool (*is_sealed)(const ReelTrack *track, uint64_t number);
    /* Sees to it that the blocks after @number, as far as @until_us, are in memory soon. */
    void (*prefetch)(ReelTrack *track, uint64_t number, int64_t until_us);
    /* Due time of the first record of block @number; false if not known. */
    bool (*first_due)(const ReelTrack *track, uint64_t number, int64_t *ret_us);
    bool (*find)(const ReelTrack *track, ReelFind find, int64_t due_us, ReelPosition *ret_position);
    /* Oldest and newest entry, and the last record's due time (a film: its end). */
    bool (*range)(const ReelTrack *track,
                  int64_t *ret_first_us,
                  int64_t *ret_newest_entry_us,
                  int64_t *ret_last_us);
    void (*free)(ReelTrack *track);
} ReelTrackOps;

struct ReelTrack {
    const ReelTrackOps *ops;
    ReelProgramme *programme; /* owner */
    ReelTrackInfo info;
};

struct ReelProgramme {
    _Atomic int refs;
    char *name;
    bool live;
    ReelBlockCache *cache;
    ReelPool *pool;
    unsigned n_tracks;
    ReelTrack *tracks[REEL_TRACKS_MAX];
    _Atomic uint64_t tail_serial;
    _Atomic bool gone;
    _Atomic uint64_t corrupt_blocks;
    _Atomic uint64_t lies; /* of a channel's writer */
    _Atomic bool queued;   /* film: with the helpers, or being served by one: one at a time */
};

ReelProgramme *reel_programme_new(ReelBlockCache *cache, const char *name, bool live);
/* @track: (transfer full). */
void reel_programme_add_track(ReelProgramme *self, ReelTrack *track);

/* The block cache's side of a film. */
ReelPool *reel_block_cache_pool(ReelBlockCache *cache);
/* Queues @film for a helper thread, which calls reel_film_fill. False if the queue is full. Any thread. */
bool reel_block_cache_queue(ReelBlockCache *cache, ReelProgramme *film);
typedef enum {
    REEL_FILL_OK,
    REEL_FILL_STARVED,
    REEL_FILL_CORRUPT,
    REEL_FILL_READ_ERROR,
} ReelFill;
/* Counters of the cache. */
void reel_block_cache_count_fill(ReelBlockCache *cache, ReelFill result);
/* Reads what was asked for, on a helper thread, and gives back the queue's reference. */
void reel_film_fill(ReelProgramme *film);
