#include "lib/reel/queue.h"

#include <stdatomic.h>

typedef struct {
    _Atomic uint64_t turn; /* whose turn the cell is: position to write, position + 1 to read */
    uint64_t value;
} Cell;

struct ReelQueue {
    uint64_t mask;
    Cell *cells;
    _Alignas(64) _Atomic uint64_t tail;
    _Alignas(64) _Atomic uint64_t head;
};

ReelQueue *
reel_queue_new(unsigned capacity)
{
    ReelQueue *self;

    g_assert(capacity >= 2 && (capacity & (capacity - 1)) == 0);
    self = g_aligned_alloc0(1, sizeof(*self), 64);
    self->mask = capacity - 1;
    self->cells = g_new0(Cell, capacity);
    for (unsigned i = 0; i < capacity; i++)
        atomic_init(&self->cells[i].turn, i);
    return self;
}

void
reel_queue_free(ReelQueue *self)
{
    if (!self)
        return;
    g_free(self->cells);
    g_aligned_free(self);
}

bool
reel_queue_push(ReelQueue *self, uint64_t value)
{
    uint64_t at = atomic_load_explicit(&self->tail, memory_order_relaxed);

    for (;;) {
        Cell *cell = &self->cells[at & self->mask];
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn < at)
            return false;
        if (turn > at) {
            at = atomic_load_explicit(&self->tail, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&self->tail, &at, at + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            cell->value = value;
            atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
            return true;
        }
    }
}

bool
reel_queue_pop(ReelQueue *self, uint64_t *ret_value)
{
    uint64_t at = atomic_load_explicit(&self->head, memory_order_relaxed);

    for (;;) {
        Cell *cell = &self->cells[at & self->mask];
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn < at + 1)
            return false;
        if (turn > at + 1) {
            at = atomic_load_explicit(&self->head, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&self->head, &at, at + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *ret_value = cell->value;
            atomic_store_explicit(&cell->turn, at + self->mask + 1, memory_order_release);
            return true;
        }
    }
}
