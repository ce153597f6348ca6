#include "lib/base/clock.h"

#include <stdbool.h>

struct BaseClock {
    bool fake;
    int64_t now_us;
};

static const BaseClock monotonic = {.fake = false};

const BaseClock *
base_clock_monotonic(void)
{
    return &monotonic;
}

BaseClock *
base_clock_fake_new(int64_t start_us)
{
    BaseClock *self = g_new0(BaseClock, 1);

    self->fake = true;
    self->now_us = start_us;
    return self;
}

void
base_clock_fake_advance(BaseClock *self, int64_t us)
{
    g_assert(self->fake && us >= 0);
    self->now_us += us;
}

void
base_clock_fake_free(BaseClock *self)
{
    g_assert(self == NULL || self->fake);
    g_free(self);
}

int64_t
base_clock_now_us(const BaseClock *self)
{
    return self->fake ? self->now_us : g_get_monotonic_time();
}
