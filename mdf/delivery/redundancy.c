#include "mdf/delivery/redundancy.h"

#include <string.h>

#include "lib/proto/rtp.h"

enum {
    BLOCK_HEADER_BYTES = 4, /* F, payload type, timestamp offset (14 bits), length (10 bits) */
    LAST_HEADER_BYTES = 1,
    OFFSET_MAX = (1 << 14) - 1,
};

static size_t
write_blocks(const MdfRedundancy *self,
             uint8_t payload_type,
             uint32_t timestamp,
             const uint8_t *payload,
             size_t length,
             uint8_t *out)
{
    uint32_t offset = timestamp - self->previous_timestamp;
    size_t headers = BLOCK_HEADER_BYTES + LAST_HEADER_BYTES;

    if (self->previous_bytes == 0 || offset == 0 || offset > OFFSET_MAX ||
        headers + self->previous_bytes + length > MDF_REDUNDANCY_PAYLOAD_MAX)
        return 0;

    proto_put32(out, 1u << 31 | (uint32_t)self->previous_type << 24 | offset << 10 | self->previous_bytes);
    out[BLOCK_HEADER_BYTES] = payload_type;
    memcpy(out + headers, self->previous, self->previous_bytes);
    memcpy(out + headers + self->previous_bytes, payload, length);

    return headers + self->previous_bytes + length;
}

static void
remember(MdfRedundancy *self, uint8_t payload_type, uint32_t timestamp, const uint8_t *payload, size_t length)
{
    self->previous_bytes = length <= sizeof self->previous ? (uint16_t)length : 0;
    self->previous_type = payload_type;
    self->previous_timestamp = timestamp;
    memcpy(self->previous, payload, self->previous_bytes);
}

size_t
mdf_redundancy_wrap(MdfRedundancy *self,
                    uint8_t payload_type,
                    uint32_t timestamp,
                    const uint8_t *payload,
                    size_t length,
                    uint8_t out[MDF_REDUNDANCY_PAYLOAD_MAX])
{
    size_t wrapped = write_blocks(self, payload_type, timestamp, payload, length, out);

    remember(self, payload_type, timestamp, payload, length);

    return wrapped;
}
