/* lib/reel/queue.h - a bounded queue of words between any number of threads, without a lock: workers
 * ask helper threads for blocks through it. After D. Vyukov's bounded MPMC queue. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ReelQueue ReelQueue;

/* @capacity: a power of two. */
ReelQueue *reel_queue_new(unsigned capacity);
void reel_queue_free(ReelQueue *self);
/* False if full. */
bool reel_queue_push(ReelQueue *self, uint64_t value);
/* False if empty. */
bool reel_queue_pop(ReelQueue *self, uint64_t *ret_value);
