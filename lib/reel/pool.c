#include "lib/reel/pool.h"

#include <pthread.h>
#include <sys/mman.h>

#include "lib/base/error.h"

typedef enum {
    SLOT_FREE,
    SLOT_TAKEN,
    SLOT_PUBLISHED,
} SlotState;

typedef struct {
    _Alignas(64) _Atomic uint64_t generation;
    _Atomic uint32_t pins;
    _Atomic uint32_t used;
    _Atomic bool touched;
    SlotState state; /* this and the rest: under the mutex */
    _Atomic uint64_t *owner;
} Slot;

struct ReelPool {
    uint8_t *arena;
    uint32_t n_slots, n_free, n_live, max_live;
    uint32_t *free_slots;
    uint32_t hand; /* of the clock that finds blocks unused for long */
    uint64_t counter;
    uint64_t evictions, starved;
    Slot *slots;
    pthread_mutex_t mutex; /* not GMutex: ThreadSanitizer knows this one */
};

static inline uint32_t
slot_of(uint64_t handle)
{
    return (uint32_t)(handle & ((1u << REEL_HANDLE_SLOT_BITS) - 1));
}

ReelPool *
reel_pool_new(uint64_t memory_bytes, GError **error)
{
    uint64_t n_slots = memory_bytes / REEL_BLOCK_SIZE;
    ReelPool *self;
    void *arena;

    if (n_slots < 64 || n_slots > (1u << REEL_HANDLE_SLOT_BITS)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "a block cache of %" G_GUINT64_FORMAT " bytes: 4 MiB to 1 TiB are possible",
                    memory_bytes);
        return NULL;
    }
    arena = mmap(NULL, n_slots * REEL_BLOCK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
                    "no memory for a block cache of %" G_GUINT64_FORMAT " MiB", memory_bytes >> 20);
        return NULL;
    }
    self = g_new0(ReelPool, 1);
    self->arena = arena;
    self->n_slots = self->n_free = (uint32_t)n_slots;
    self->max_live = self->n_slots / 4 * 3;
    self->slots = g_aligned_alloc0(n_slots, sizeof(Slot), 64);
    self->free_slots = g_new(uint32_t, n_slots);
    for (uint32_t i = 0; i < self->n_slots; i++)
        self->free_slots[i] = self->n_slots - 1 - i;
    pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void
reel_pool_free(ReelPool *self)
{
    if (!self)
        return;
    for (uint32_t i = 0; i < self->n_slots; i++)
        g_assert(atomic_load(&self->slots[i].pins) == 0); /* a cursor outlived the cache */
    munmap(self->arena, (size_t)self->n_slots * REEL_BLOCK_SIZE);
    g_aligned_free(self->slots);
    g_free(self->free_slots);
    pthread_mutex_destroy(&self->mutex);
    g_free(self);
}

/* The newest free slot that nobody still reads in. */
static uint32_t
pop_free(ReelPool *self)
{
    for (uint32_t i = self->n_free; i > 0; i--) {
        uint32_t slot = self->free_slots[i - 1];
        if (atomic_load(&self->slots[slot].pins) == 0) {
            self->free_slots[i - 1] = self->free_slots[--self->n_free];
            return slot;
        }
    }
    return REEL_NO_SLOT;
}

/* First the generation, then the pins: a reader does it the other way round, so one of the two sees
 * the other. */
static bool
evict(Slot *slot)
{
    uint64_t handle = atomic_load(&slot->generation);

    atomic_store(&slot->generation, 0);
    if (atomic_load(&slot->pins) != 0) {
        atomic_store(&slot->generation, handle);
        return false;
    }
    atomic_compare_exchange_strong(slot->owner, &(uint64_t){handle}, 0);
    slot->owner = NULL;
    return true;
}

static uint32_t
evict_one(ReelPool *self)
{
    for (uint32_t tried = 0; tried < 2 * self->n_slots; tried++) {
        uint32_t at = self->hand;
        Slot *slot = &self->slots[at];
        self->hand = (self->hand + 1) % self->n_slots;
        if (slot->state != SLOT_PUBLISHED || !slot->owner || atomic_load(&slot->pins) != 0)
            continue;
        if (atomic_exchange(&slot->touched, false))
            continue;
        if (evict(slot)) {
            self->evictions++;
            return at;
        }
    }
    return REEL_NO_SLOT;
}

uint32_t
reel_pool_take(ReelPool *self, bool live)
{
    uint32_t slot = REEL_NO_SLOT;

    pthread_mutex_lock(&self->mutex);
    if (!live || self->n_live < self->max_live) {
        slot = pop_free(self);
        if (slot == REEL_NO_SLOT)
            slot = evict_one(self);
    }
    if (slot == REEL_NO_SLOT) {
        self->starved++;
    } else {
        self->slots[slot].state = SLOT_TAKEN;
        self->n_live += live;
    }
    pthread_mutex_unlock(&self->mutex);
    return slot;
}

uint8_t *
reel_pool_memory(ReelPool *self, uint32_t slot)
{
    return self->arena + (size_t)slot * REEL_BLOCK_SIZE;
}

uint64_t
reel_pool_publish(ReelPool *self, uint32_t slot, uint32_t used, _Atomic uint64_t *owner)
{
    Slot *s = &self->slots[slot];
    uint64_t handle;

    pthread_mutex_lock(&self->mutex);
    handle = (++self->counter << REEL_HANDLE_SLOT_BITS) | slot;
    s->state = SLOT_PUBLISHED;
    s->owner = owner;
    atomic_store(&s->used, used);
    atomic_store(&s->touched, true);
    atomic_store(&s->generation, handle);
    if (owner)
        atomic_store(owner, handle);
    pthread_mutex_unlock(&self->mutex);
    return handle;
}

static void
push_free(ReelPool *self, uint32_t slot, bool live)
{
    self->slots[slot].state = SLOT_FREE;
    self->slots[slot].owner = NULL;
    self->free_slots[self->n_free++] = slot;
    self->n_live -= live;
}

void
reel_pool_give_back(ReelPool *self, uint32_t slot, bool live)
{
    pthread_mutex_lock(&self->mutex);
    push_free(self, slot, live);
    pthread_mutex_unlock(&self->mutex);
}

void
reel_pool_drop(ReelPool *self, uint64_t handle, bool live)
{
    uint32_t slot = slot_of(handle);

    pthread_mutex_lock(&self->mutex);
    if (handle != 0 && slot < self->n_slots && atomic_load(&self->slots[slot].generation) == handle) {
        atomic_store(&self->slots[slot].generation, 0);
        push_free(self, slot, live);
    }
    pthread_mutex_unlock(&self->mutex);
}

const uint8_t *
reel_pool_pin(ReelPool *self, uint64_t handle)
{
    uint32_t at = slot_of(handle);
    Slot *slot;

    if (handle == 0 || at >= self->n_slots)
        return NULL;
    slot = &self->slots[at];
    atomic_fetch_add(&slot->pins, 1);
    if (atomic_load(&slot->generation) != handle) {
        atomic_fetch_sub(&slot->pins, 1);
        return NULL;
    }
    if (!atomic_load_explicit(&slot->touched, memory_order_relaxed))
        atomic_store_explicit(&slot->touched, true, memory_order_relaxed);
    return reel_pool_memory(self, at);
}

void
reel_pool_unpin(ReelPool *self, uint64_t handle)
{
    atomic_fetch_sub(&self->slots[slot_of(handle)].pins, 1);
}

uint32_t
reel_pool_used(const ReelPool *self, uint64_t handle)
{
    return atomic_load_explicit(&self->slots[slot_of(handle)].used, memory_order_acquire);
}

void
reel_pool_set_used(ReelPool *self, uint64_t handle, uint32_t used)
{
    atomic_store_explicit(&self->slots[slot_of(handle)].used, used, memory_order_release);
}

void
reel_pool_stats(const ReelPool *self, ReelBlockCacheStats *ret_stats)
{
    ReelPool *pool = (ReelPool *)self;

    pthread_mutex_lock(&pool->mutex);
    ret_stats->blocks = self->n_slots;
    ret_stats->used_blocks = self->n_slots - self->n_free;
    ret_stats->live_blocks = self->n_live;
    ret_stats->evictions = self->evictions;
    ret_stats->starved = self->starved;
    pthread_mutex_unlock(&pool->mutex);
}
