/* lib/reel/reel-pipe.h - how a channel's input process hands records to the MDF: a ring of bytes in
 * shared memory (docs/reel.md), made and sealed by the reader, one writing and one reading process.
 *
 * The reader believes nothing: the memory cannot be shrunk (sealed), what it needs to know it keeps
 * for itself, each record is copied out first and checked afterwards. */
#pragma once

#include "lib/reel/reel.h"

typedef struct ReelPipe ReelPipe;

/* The reading end: makes the memfd. @capacity_bytes: a power of two, 64 KiB..256 MiB.
 * Errors: UNAVAILABLE. */
ReelPipe *
reel_pipe_new(const ReelTrackInfo *tracks, unsigned n_tracks, size_t capacity_bytes, GError **error);
/* The writing end of @fd (borrowed). Errors: PROTOCOL. */
ReelPipe *reel_pipe_attach(int fd, GError **error);
void reel_pipe_free(ReelPipe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelPipe, reel_pipe_free)

int reel_pipe_fd(const ReelPipe *self); /* reading end: to be given to the writer */
unsigned reel_pipe_n_tracks(const ReelPipe *self);
const ReelTrackInfo *reel_pipe_track(const ReelPipe *self, unsigned track);

/* Writing end; one thread at a time. False: full, or not a record. */
bool reel_pipe_write(ReelPipe *self, unsigned track, const ReelRecord *record);

typedef enum {
    REEL_PIPE_RECORD,
    REEL_PIPE_EMPTY,
    REEL_PIPE_LIE, /* nonsense in the ring: what was in it is thrown away */
} ReelPipeResult;
/* Reading end. @ret_record's payload stays until the next call; its track, length and flags are legal. */
ReelPipeResult reel_pipe_read(ReelPipe *self, ReelRecord *ret_record);
