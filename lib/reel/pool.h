/* lib/reel/pool.h - the arena of blocks behind the block cache; internal to lib/reel.
 *
 * A slot has a generation ("handle", never used twice, 0 while the slot is nobody's) and a count of
 * pins. Packet code pins by handle without a lock; who takes slots holds the pool's mutex. */
#pragma once

#include "lib/reel/block-cache.h"

#include <stdatomic.h>

#define REEL_HANDLE_SLOT_BITS 24
#define REEL_NO_SLOT UINT32_MAX

typedef struct ReelPool ReelPool;

ReelPool *reel_pool_new(uint64_t memory_bytes, GError **error);
void reel_pool_free(ReelPool *self);

/* Takes a free slot, or one of a film that nobody stands in. REEL_NO_SLOT if there is none.
 * @live: for a channel's window; channels get at most three quarters of the arena. */
uint32_t reel_pool_take(ReelPool *self, bool live);
uint8_t *reel_pool_memory(ReelPool *self, uint32_t slot);
/* Makes a taken slot readable; @used: bytes to read so far. Returns its handle.
 * @owner: word that is set back from the handle to 0 when the block is evicted; NULL: never evicted. */
uint64_t reel_pool_publish(ReelPool *self, uint32_t slot, uint32_t used, _Atomic uint64_t *owner);
/* Gives back a slot that was taken but not published. */
void reel_pool_give_back(ReelPool *self, uint32_t slot, bool live);
/* Ends a published block; who has pinned it may read on. Nothing happens if the handle is old. */
void reel_pool_drop(ReelPool *self, uint64_t handle, bool live);

/* Packet path. NULL: the block is gone. */
const uint8_t *reel_pool_pin(ReelPool *self, uint64_t handle);
void reel_pool_unpin(ReelPool *self, uint64_t handle);
/* Bytes published in a pinned block. */
uint32_t reel_pool_used(const ReelPool *self, uint64_t handle);
void reel_pool_set_used(ReelPool *self, uint64_t handle, uint32_t used);

void reel_pool_stats(const ReelPool *self, ReelBlockCacheStats *ret_stats);
