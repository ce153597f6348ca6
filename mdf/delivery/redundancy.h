/* mdf/delivery/redundancy.h - RED for sound: each packet carries the one before it once more, so that a
 * single loss is heard by nobody. Browsers send no NACK for sound, and Opus' own FEC holds no copy of what
 * it takes for silence or noise.
 * Pure. Runs on its sender's worker; no allocation.
 * Spec: RFC 2198 3. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    MDF_REDUNDANCY_BLOCK_MAX = 480, /* bytes of a packet that is worth repeating: 192 kbit/s of 20 ms */
    MDF_REDUNDANCY_PAYLOAD_MAX = 1150,
};

typedef struct {
    uint8_t payload_type; /* of RED itself, as negotiated */
    uint8_t previous_type;
    uint16_t previous_bytes; /* 0: there is none */
    uint32_t previous_timestamp;
    uint8_t previous[MDF_REDUNDANCY_BLOCK_MAX];
} MdfRedundancy;

/* Wraps the next packet and the one before it into @out, and remembers it for the one after. Returns the
 * length of the RED payload; 0: nothing to repeat (the first, after a pause, too long), send it as it is. */
size_t mdf_redundancy_wrap(MdfRedundancy *self,
                           uint8_t payload_type,
                           uint32_t timestamp,
                           const uint8_t *payload,
                           size_t length,
                           uint8_t out[MDF_REDUNDANCY_PAYLOAD_MAX]);
