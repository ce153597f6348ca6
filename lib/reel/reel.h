/* lib/reel/reel.h - a programme as logs of ready-made RTP payloads, one log per track.
 *
 * A record is one RTP payload with its times and flags. Records lie in blocks of 64 KiB, in memory
 * exactly as on disk (docs/reel.md); blocks form segments that begin on a key frame. A programme is
 * a set of tracks on one timeline, read through cursors (cursor.h):
 *   film     complete, from files, through the block cache; the timeline begins at 0
 *   channel  grows, in memory; the timeline is CLOCK_MONOTONIC, the oldest segments fall off
 * A ReelProgramme may be used and referenced from any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define REEL_PAYLOAD_MAX 1150
#define REEL_BLOCK_SIZE 65536u
#define REEL_TRACKS_MAX 16u

typedef enum {
    REEL_VIDEO = 1,
    REEL_AUDIO = 2,
} ReelKind;

typedef enum {
    REEL_CODEC_H264 = 1,
    REEL_CODEC_OPUS = 2,
    REEL_CODEC_VP8 = 3,
    REEL_CODEC_VP9 = 4,
    REEL_CODEC_AV1 = 5,
} ReelCodec;

/* "H264", "opus", ... as in an rtpmap; NULL if unknown. */
const char *reel_codec_name(ReelCodec codec);

typedef enum {
    REEL_FLAG_FRAME_START = 1 << 0,   /* first payload of an access unit */
    REEL_FLAG_MARKER = 1 << 1,        /* last payload of an access unit: the RTP marker of video */
    REEL_FLAG_KEY = 1 << 2,           /* belongs to a key frame (all its payloads, SPS and PPS too) */
    REEL_FLAG_DISCARDABLE = 1 << 3,   /* no other frame needs this one */
    REEL_FLAG_DISCONTINUITY = 1 << 4, /* first record after the source was interrupted or replaced */
} ReelFlags;
/* Where a viewer may start: (flags & REEL_ENTRY) == REEL_ENTRY. True for every record of audio. */
#define REEL_ENTRY (REEL_FLAG_FRAME_START | REEL_FLAG_KEY)

typedef struct {
    ReelKind kind;
    ReelCodec codec;
    uint32_t clock_rate;    /* RTP clock: 90000, 48000 */
    uint16_t channels;      /* audio */
    uint16_t width, height; /* video; 0 while unknown */
    uint32_t bitrate_kbps;  /* average; 0 while unknown */
    char language[16];      /* BCP 47, "" if unknown */
    char profile[16];       /* H.264: profile-level-id as six hex digits, "" if unknown */
} ReelTrackInfo;

/* A soft reference to a record: 16 bytes, no ownership, may be kept as long as the block cache lives.
 * The record can be had back as long as its block has not been reused: for a film until other blocks
 * push it out of the cache, for a channel until it fell off the window. */
typedef struct {
    uint64_t generation; /* 0: refers to nothing */
    uint32_t block;      /* slot of the pool */
    uint32_t offset;     /* of the record in the block */
} ReelRef;

typedef struct {
    const uint8_t *payload; /* see reel_cursor_peek for how long it stays */
    uint16_t length;        /* 1..REEL_PAYLOAD_MAX */
    uint16_t flags;         /* ReelFlags */
    uint32_t track;         /* index in the programme */
    uint32_t rtp_ticks;     /* presentation time on the programme's timeline in the track's clock, mod 2^32 */
    int64_t due_us;         /* when to send, on the programme's timeline */
    ReelRef ref;
} ReelRecord;

typedef struct ReelProgramme ReelProgramme;

ReelProgramme *reel_programme_ref(ReelProgramme *self);
void reel_programme_unref(ReelProgramme *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelProgramme, reel_programme_unref)

/* "asset:big-buck-bunny", "channel:one"; lent. */
const char *reel_programme_name(const ReelProgramme *self);
bool reel_programme_is_live(const ReelProgramme *self);
/* Tracks never change while the programme lives; a channel without sound just has an empty audio track. */
unsigned reel_programme_n_tracks(const ReelProgramme *self);
const ReelTrackInfo *reel_programme_track(const ReelProgramme *self, unsigned track);
/* The first track of that kind and codec (@codec 0: any), or -1. */
int reel_programme_find_track(const ReelProgramme *self, ReelKind kind, ReelCodec codec);

/* The part of the timeline that can be reached: a film 0..duration, a channel oldest..newest entry.
 * False if there is nothing yet. */
bool reel_programme_range(const ReelProgramme *self, int64_t *ret_first_us, int64_t *ret_last_us);
/* Changes when a channel's tail has grown; one relaxed load, so that idle viewers cost nothing. */
uint64_t reel_programme_tail_serial(const ReelProgramme *self);
/* True when a channel was removed: no more records will come. */
bool reel_programme_is_gone(const ReelProgramme *self);
/* Blocks of this programme that failed their checksum or could not be read. */
uint64_t reel_programme_corrupt_blocks(const ReelProgramme *self);
