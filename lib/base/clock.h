/* lib/base/clock.h - the monotonic clock, replaceable in tests. Units: microseconds. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BaseClock BaseClock;

/* The machine's monotonic clock; never freed. */
const BaseClock *base_clock_monotonic(void);

/* A clock that stands still until it is told to move. Free with base_clock_fake_free. */
BaseClock *base_clock_fake_new(int64_t start_us);
void base_clock_fake_advance(BaseClock *self, int64_t us);
void base_clock_fake_free(BaseClock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaseClock, base_clock_fake_free)

int64_t base_clock_now_us(const BaseClock *self);
