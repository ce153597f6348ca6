/* lib/reel/block-cache.h - the memory that all viewers read from: blocks of films, filled ahead of the
 * cursors by helper threads with pread and verified on fill, and blocks of channels' windows.
 *
 * One arena of fixed size for the whole process. It is type-stable: a slot is reused, never freed, so
 * a soft reference (ReelRef) can be tried at any time. A slot is pinned by counting up and then
 * comparing the generation; whoever reuses a slot first changes the generation and then looks at the
 * pins. Packet code takes no lock and makes no allocation. */
#pragma once

#include "lib/reel/reel.h"

typedef struct ReelBlockCache ReelBlockCache;

/* @memory_bytes: size of the arena, at least 64 blocks; touched only as it is used.
 * @helper_threads: 1..64; a film keeps at most one of them busy.
 * Errors: INVALID_ARGUMENT; UNAVAILABLE if the memory cannot be had. */
ReelBlockCache *reel_block_cache_new(uint64_t memory_bytes, unsigned helper_threads, GError **error);
/* All programmes and cursors must be gone. */
void reel_block_cache_free(ReelBlockCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelBlockCache, reel_block_cache_free)

/* Opens a film: every *.reel file of @folder in order of name. Reads headers and indices only.
 * @name: what reel_programme_name says, "asset:ID".
 * Errors: NOT_FOUND; PROTOCOL if a file is damaged, incomplete or of another version. */
ReelProgramme *
reel_programme_open(ReelBlockCache *cache, const char *name, const char *folder, GError **error);

/* Gets a record back for a resend. Returns its payload, which stays until reel_ref_unpin, or NULL if
 * the block is gone. Thread: any. Cost: two atomic operations. */
const uint8_t *reel_ref_pin(ReelBlockCache *cache,
                            const ReelRef *ref,
                            uint16_t *ret_length,
                            uint16_t *ret_flags,
                            uint32_t *ret_ticks);
void reel_ref_unpin(ReelBlockCache *cache, const ReelRef *ref);

typedef struct {
    uint64_t blocks, used_blocks, live_blocks;
    uint64_t fills, evictions;
    uint64_t corrupt; /* checksum or structure wrong */
    uint64_t read_errors;
    uint64_t starved; /* a fill or a channel found every slot pinned or taken */
} ReelBlockCacheStats;
void reel_block_cache_stats(const ReelBlockCache *self, ReelBlockCacheStats *ret_stats);
