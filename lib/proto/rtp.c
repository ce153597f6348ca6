#include "lib/proto/rtp.h"

#include <string.h>

enum {
    ONE_BYTE_PROFILE = 0xbede,
    ABS_SEND_TIME_BYTES = 3,
    PLAYOUT_BYTES = 3,
    TWCC_BYTES = 2,
    PLAYOUT_STEP_MS = 10,
};

/* Appends one element and returns the offset of its value. */
static uint8_t
add_extension(ProtoRtpTemplate *self, uint8_t id, const void *value, size_t bytes)
{
    uint8_t at = (uint8_t)(self->length + 1);

    self->bytes[self->length] = (uint8_t)(id << 4 | (bytes - 1));
    if (value)
        memcpy(self->bytes + at, value, bytes);
    self->length = (uint8_t)(at + bytes);

    return at;
}

static void
add_playout_delay(ProtoRtpTemplate *self, uint8_t id, unsigned min_ms, unsigned max_ms)
{
    uint32_t value = MIN(min_ms / PLAYOUT_STEP_MS, 0xfffu) << 12 | MIN(max_ms / PLAYOUT_STEP_MS, 0xfffu);
    uint8_t bytes[PLAYOUT_BYTES] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};

    add_extension(self, id, bytes, sizeof bytes);
}

void
proto_rtp_template_init(ProtoRtpTemplate *self,
                        uint32_t ssrc,
                        const ProtoRtpExtensionIds *ids,
                        const char *mid,
                        unsigned playout_min_ms,
                        unsigned playout_max_ms)
{
    const size_t start = PROTO_RTP_FIXED_BYTES + 4;
    size_t mid_bytes = mid ? strlen(mid) : 0;

    *self = (ProtoRtpTemplate){.bytes = {0x80}, .length = start};
    proto_put32(self->bytes + 8, ssrc);

    if (ids->twcc)
        self->twcc_at = add_extension(self, ids->twcc, NULL, TWCC_BYTES);
    if (ids->abs_send_time)
        self->abs_send_time_at = add_extension(self, ids->abs_send_time, NULL, ABS_SEND_TIME_BYTES);
    if (ids->playout_delay)
        add_playout_delay(self, ids->playout_delay, playout_min_ms, playout_max_ms);
    if (ids->mid && mid_bytes > 0 && mid_bytes <= PROTO_RTP_MID_MAX)
        add_extension(self, ids->mid, mid, mid_bytes);

    if (self->length == start) {
        self->length = PROTO_RTP_FIXED_BYTES;
        return;
    }
    self->length = (uint8_t)((self->length + 3) & ~3); /* padding bytes are zero, RFC 8285 4.2 */
    self->bytes[0] |= 0x10;
    proto_put16(self->bytes + PROTO_RTP_FIXED_BYTES, ONE_BYTE_PROFILE);
    proto_put16(self->bytes + PROTO_RTP_FIXED_BYTES + 2, (uint16_t)((self->length - start) / 4));
}

void
proto_rtp_template_write(const ProtoRtpTemplate *self, const ProtoRtpFields *fields, uint8_t *out)
{
    memcpy(out, self->bytes, self->length);
    out[1] = (uint8_t)((fields->payload_type & 0x7f) | (fields->marker ? 0x80 : 0));
    proto_put16(out + 2, fields->sequence);
    proto_put32(out + 4, fields->timestamp);
    if (self->twcc_at)
        proto_put16(out + self->twcc_at, fields->twcc);
    if (self->abs_send_time_at) {
        out[self->abs_send_time_at] = (uint8_t)(fields->abs_send_time >> 16);
        proto_put16(out + self->abs_send_time_at + 1, (uint16_t)fields->abs_send_time);
    }
}

static bool
parse_extension(const uint8_t *data, size_t length, size_t *at, ProtoRtpPacket *packet)
{
    if (*at + 4 > length)
        return false;
    packet->extension_profile = proto_get16(data + *at);
    packet->extension_bytes = (size_t)proto_get16(data + *at + 2) * 4;
    packet->extension = data + *at + 4;
    *at += 4 + packet->extension_bytes;

    return *at <= length;
}

bool
proto_rtp_parse(const uint8_t *data, size_t length, ProtoRtpPacket *ret_packet)
{
    ProtoRtpPacket packet = {0};
    size_t at, padding = 0;

    if (length < PROTO_RTP_FIXED_BYTES || data[0] >> 6 != 2)
        return false;

    packet.marker = data[1] & 0x80;
    packet.payload_type = data[1] & 0x7f;
    packet.sequence = proto_get16(data + 2);
    packet.timestamp = proto_get32(data + 4);
    packet.ssrc = proto_get32(data + 8);

    at = PROTO_RTP_FIXED_BYTES + 4u * (data[0] & 0x0f);
    if (at > length)
        return false;
    if ((data[0] & 0x10) && !parse_extension(data, length, &at, &packet))
        return false;
    if (data[0] & 0x20)
        padding = data[length - 1];
    if (((data[0] & 0x20) && padding == 0) || at + padding > length)
        return false;

    packet.payload_offset = at;
    packet.payload_bytes = length - at - padding;
    *ret_packet = packet;

    return true;
}

const uint8_t *
proto_rtp_extension(const ProtoRtpPacket *packet, uint8_t id, size_t *ret_bytes)
{
    size_t at = 0;

    if (packet->extension_profile != ONE_BYTE_PROFILE)
        return NULL;

    while (at < packet->extension_bytes) {
        uint8_t head = packet->extension[at++];
        size_t bytes = (head & 0x0fu) + 1;

        if (head == 0)
            continue; /* padding */
        if (head >> 4 == 15 || at + bytes > packet->extension_bytes)
            return NULL;
        if (head >> 4 == id) {
            *ret_bytes = bytes;
            return packet->extension + at;
        }
        at += bytes;
    }

    return NULL;
}
