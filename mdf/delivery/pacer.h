/* mdf/delivery/pacer.h - spreads key frames and catch-up bursts of one viewer: a token bucket in bytes.
 * Ordinary frames pass untouched. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MDF_PACER_BURST_BYTES = 48 * 1024,   /* at once: an ordinary frame never waits */
    MDF_PACER_RATE_KBPS_MIN = 24 * 1000, /* 100 kB, a big key frame, within 20 ms after the burst */
    MDF_PACER_RATE_FACTOR = 6,           /* of the programme's bitrate, if that is more */
};

typedef struct {
    int64_t credit_bytes;
    int64_t updated_us;
    int64_t rate_bytes_per_s;
} MdfPacer;

static inline void
mdf_pacer_init(MdfPacer *self, uint32_t programme_kbps, int64_t now_us)
{
    int64_t kbps = MAX((int64_t)programme_kbps * MDF_PACER_RATE_FACTOR, MDF_PACER_RATE_KBPS_MIN);

    *self = (MdfPacer){MDF_PACER_BURST_BYTES, now_us, kbps * 1000 / 8};
}

/* 0: send now; else when to come back. */
static inline int64_t
mdf_pacer_wait_until(MdfPacer *self, int64_t now_us)
{
    int64_t elapsed_us = MIN(now_us - self->updated_us, G_USEC_PER_SEC);

    self->credit_bytes =
        MIN(self->credit_bytes + elapsed_us * self->rate_bytes_per_s / G_USEC_PER_SEC, MDF_PACER_BURST_BYTES);
    self->updated_us = now_us;
    if (self->credit_bytes > 0)
        return 0;

    return now_us + 1000 - self->credit_bytes * G_USEC_PER_SEC / self->rate_bytes_per_s;
}

static inline void
mdf_pacer_spend(MdfPacer *self, size_t bytes)
{
    self->credit_bytes -= (int64_t)bytes;
}
