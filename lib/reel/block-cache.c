#include "lib/reel/block-cache.h"

#include <semaphore.h>

#include "lib/base/error.h"
#include "lib/reel/programme.h"
#include "lib/reel/queue.h"

#define HELPERS_MAX 64u
#define FILMS_WAITING_MAX 4096u

struct ReelBlockCache {
    ReelPool *pool;
    ReelQueue *films; /* that want blocks; each holds a reference to its programme */
    sem_t waiting;
    _Atomic bool stop;
    GThread *helpers[HELPERS_MAX];
    unsigned n_helpers;
    _Atomic uint64_t fills, corrupt, read_errors;
};

static void *
run_helper(void *data)
{
    ReelBlockCache *self = data;
    uint64_t film;

    for (;;) {
        while (sem_wait(&self->waiting) != 0)
            ; /* a signal: wait on */
        if (atomic_load(&self->stop))
            return NULL;
        if (reel_queue_pop(self->films, &film))
            reel_film_fill((ReelProgramme *)(uintptr_t)film);
    }
}

ReelBlockCache *
reel_block_cache_new(uint64_t memory_bytes, unsigned helper_threads, GError **error)
{
    g_autoptr(ReelBlockCache) self = g_new0(ReelBlockCache, 1);

    sem_init(&self->waiting, 0, 0);
    self->films = reel_queue_new(FILMS_WAITING_MAX);
    if (helper_threads < 1 || helper_threads > HELPERS_MAX) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%u helper threads: 1 to %u are possible",
                    helper_threads, HELPERS_MAX);
        return NULL;
    }
    self->pool = reel_pool_new(memory_bytes, error);
    if (!self->pool)
        return NULL;
    for (; self->n_helpers < helper_threads; self->n_helpers++)
        self->helpers[self->n_helpers] = g_thread_new("block-cache", run_helper, self);
    return g_steal_pointer(&self);
}

void
reel_block_cache_free(ReelBlockCache *self)
{
    if (!self)
        return;
    atomic_store(&self->stop, true);
    for (unsigned i = 0; i < self->n_helpers; i++)
        sem_post(&self->waiting);
    for (unsigned i = 0; i < self->n_helpers; i++)
        g_thread_join(self->helpers[i]);
    for (uint64_t film; reel_queue_pop(self->films, &film);)
        reel_film_fill((ReelProgramme *)(uintptr_t)film); /* gives back its reference */
    reel_pool_free(self->pool);
    reel_queue_free(self->films);
    sem_destroy(&self->waiting);
    g_free(self);
}

ReelPool *
reel_block_cache_pool(ReelBlockCache *cache)
{
    return cache->pool;
}

bool
reel_block_cache_queue(ReelBlockCache *cache, ReelProgramme *film)
{
    if (!reel_queue_push(cache->films, (uintptr_t)film))
        return false;
    sem_post(&cache->waiting);
    return true;
}

void
reel_block_cache_count_fill(ReelBlockCache *cache, ReelFill result)
{
    switch (result) {
    case REEL_FILL_OK:
        atomic_fetch_add(&cache->fills, 1);
        break;
    case REEL_FILL_CORRUPT:
        atomic_fetch_add(&cache->corrupt, 1);
        break;
    case REEL_FILL_READ_ERROR:
        atomic_fetch_add(&cache->read_errors, 1);
        break;
    case REEL_FILL_STARVED:
        break; /* counted by the pool */
    }
}

const uint8_t *
reel_ref_pin(
    ReelBlockCache *cache, const ReelRef *ref, uint16_t *ret_length, uint16_t *ret_flags, uint32_t *ret_ticks)
{
    const uint8_t *block = reel_pool_pin(cache->pool, ref->generation);
    const ReelRecordHeader *record;

    if (!block)
        return NULL;
    record = (const ReelRecordHeader *)(block + ref->offset);
    *ret_length = record->length;
    *ret_flags = record->flags;
    *ret_ticks = record->rtp_ticks;
    return (const uint8_t *)(record + 1);
}

void
reel_ref_unpin(ReelBlockCache *cache, const ReelRef *ref)
{
    reel_pool_unpin(cache->pool, ref->generation);
}

void
reel_block_cache_stats(const ReelBlockCache *self, ReelBlockCacheStats *ret_stats)
{
    *ret_stats = (ReelBlockCacheStats){.fills = atomic_load(&self->fills),
                                       .corrupt = atomic_load(&self->corrupt),
                                       .read_errors = atomic_load(&self->read_errors)};
    reel_pool_stats(self->pool, ret_stats);
}
