/* lib/reel/reel-writer.h - writes a programme: into files (films), or into memory shared with the
 * MDF (channels).
 *
 * Films: a folder gets one file per track, NN-video.reel or NN-audio.reel, complete only after
 * reel_writer_finish. Channels: see reel-pipe in docs/reel.md; a full pipe drops records and counts.
 * Thread: each track from one thread at a time; different tracks may come from different threads. */
#pragma once

#include "lib/reel/reel.h"

typedef struct ReelWriter ReelWriter;

/* Files in @folder, which must exist. Never fails here; the first track does. */
ReelWriter *reel_writer_new_files(const char *folder);
/* The writing end of a live pipe. @fd: the memfd (borrowed; may be closed after the call).
 * Errors: PROTOCOL if it is not a pipe of ours. */
ReelWriter *reel_writer_new_live(int fd, GError **error);
/* Unfinished files are deleted. */
void reel_writer_free(ReelWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelWriter, reel_writer_free)

/* Returns the number of the track (0, 1, ...) or -1. Live: the tracks are fixed by the MDF, this finds
 * the one of that kind and codec (NOT_FOUND if there is none).
 * @info: copied; bitrate and size may be completed with reel_writer_update_track before finish.
 * Thread: any.
 * Errors: UNAVAILABLE (file), TOO_LARGE (tracks). */
int reel_writer_add_track(ReelWriter *self, const ReelTrackInfo *info, GError **error);
void reel_writer_update_track(ReelWriter *self, int track, const ReelTrackInfo *info);

/* Appends one payload of 1..REEL_PAYLOAD_MAX bytes; of @record are read: payload, length, flags,
 * rtp_ticks, due_us. Due times of a track must not go back: an earlier one is raised to the last one.
 * Video before its first key frame is dropped. Returns false if it was not written (wrong length,
 * disk full, pipe full): the reason comes from finish, the count from the stats. */
bool reel_writer_append(ReelWriter *self, int track, const ReelRecord *record);

/* Films: writes indices and headers and makes them durable. @ret_duration_us: may be NULL; end of the
 * longest track. Live: nothing to do.
 * Errors: UNAVAILABLE (disk full, with the reason), NOT_ACCEPTABLE if a track has no record. */
bool reel_writer_finish(ReelWriter *self, int64_t *ret_duration_us, GError **error);

typedef struct {
    uint64_t records, bytes, key_frames;
    uint64_t dropped; /* not written, for whatever reason */
    int64_t first_due_us, last_due_us;
} ReelWriterStats;
void reel_writer_stats(const ReelWriter *self, int track, ReelWriterStats *ret_stats);
