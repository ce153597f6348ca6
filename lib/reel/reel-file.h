/* lib/reel/reel-file.h - writes one track into one file; internal to lib/reel (films and archive).
 *
 * The file is complete, and its header valid, only after reel_file_finish. */
#pragma once

#include "lib/reel/reel.h"

typedef struct ReelFile ReelFile;

/* @first_block: number of the first block that will come. @reel_id: as in the blocks.
 * Errors: UNAVAILABLE. */
ReelFile *
reel_file_new(const char *path, ReelKind kind, uint64_t reel_id, uint64_t first_block, GError **error);
/* Deletes an unfinished file. */
void reel_file_free(ReelFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelFile, reel_file_free)

/* @block: sealed, REEL_BLOCK_SIZE bytes, the next number.
 * Errors: UNAVAILABLE (disk full ...), TOO_LARGE. */
bool reel_file_append(ReelFile *self, const uint8_t *block, GError **error);
/* Writes index and header, makes the file durable. @end_us: of the last access unit.
 * Errors: as append; NOT_ACCEPTABLE without a block. */
bool reel_file_finish(ReelFile *self, const ReelTrackInfo *info, int64_t end_us, GError **error);
