/* tests/unit/input/ts-shift.h - moves the times in a transport stream, as a source does whose clock wraps or
 * jumps. Spec: ISO/IEC 13818-1 2.4.3. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PACKET 188u
#define TS_WRAP ((INT64_C(1) << 33))

/* Adds @ticks (90 kHz) to PCR, PTS and DTS of one packet, modulo 2^33. */
static inline int64_t
ts_get_stamp(const uint8_t *at)
{
    return (int64_t)(at[0] >> 1 & 7) << 30 | (int64_t)at[1] << 22 | (int64_t)(at[2] >> 1) << 15 |
           (int64_t)at[3] << 7 | at[4] >> 1;
}

static inline void
ts_put_stamp(uint8_t *at, int64_t ticks)
{
    at[0] = (uint8_t)((at[0] & 0xf1) | (ticks >> 30 & 7) << 1);
    at[1] = (uint8_t)(ticks >> 22);
    at[2] = (uint8_t)((ticks >> 15 & 0x7f) << 1 | 1);
    at[3] = (uint8_t)(ticks >> 7);
    at[4] = (uint8_t)((ticks & 0x7f) << 1 | 1);
}

static inline int64_t
ts_add(int64_t ticks, int64_t shift)
{
    return ((ticks + shift) % TS_WRAP + TS_WRAP) % TS_WRAP;
}

static inline void
ts_shift_pcr(uint8_t *packet, int64_t shift)
{
    uint8_t *pcr = packet + 6;
    int64_t base;

    if ((packet[3] & 0x20) == 0 || packet[4] < 7 || (packet[5] & 0x10) == 0)
        return;
    base = (int64_t)pcr[0] << 25 | (int64_t)pcr[1] << 17 | (int64_t)pcr[2] << 9 | (int64_t)pcr[3] << 1 |
           pcr[4] >> 7;
    base = ts_add(base, shift);
    pcr[0] = (uint8_t)(base >> 25);
    pcr[1] = (uint8_t)(base >> 17);
    pcr[2] = (uint8_t)(base >> 9);
    pcr[3] = (uint8_t)(base >> 1);
    pcr[4] = (uint8_t)((base & 1) << 7 | (pcr[4] & 0x7f));
}

static inline void
ts_shift_packet(uint8_t *packet, int64_t shift)
{
    size_t payload = 4 + ((packet[3] & 0x20) ? 1u + packet[4] : 0);
    uint8_t *pes = packet + payload;

    ts_shift_pcr(packet, shift);
    if ((packet[1] & 0x40) == 0 || (packet[3] & 0x10) == 0 || payload + 19 > TS_PACKET || pes[0] != 0 ||
        pes[1] != 0 || pes[2] != 1 || pes[3] < 0xbd)
        return; /* no PES header begins here */
    if (pes[7] & 0x80)
        ts_put_stamp(pes + 9, ts_add(ts_get_stamp(pes + 9), shift));
    if ((pes[7] & 0xc0) == 0xc0)
        ts_put_stamp(pes + 14, ts_add(ts_get_stamp(pes + 14), shift));
}
