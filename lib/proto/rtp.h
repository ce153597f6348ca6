/* lib/proto/rtp.h - RTP packets: headers, one-byte header extensions.
 * Spec: RFC 3550 5.1, RFC 8285 4.2. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTO_RTP_FIXED_BYTES = 12,
    PROTO_RTP_HEADER_MAX = 12 + 4 + 32, /* with the extensions below */
    PROTO_RTP_MID_MAX = 16,             /* RFC 8285: a one-byte extension holds 16 */
};

#define PROTO_RTP_URI_MID "urn:ietf:params:rtp-hdrext:sdes:mid"
#define PROTO_RTP_URI_TWCC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define PROTO_RTP_URI_PLAYOUT_DELAY "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
#define PROTO_RTP_URI_ABS_SEND_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

/* Identifiers 1..14 as negotiated; 0: the extension is not used. */
typedef struct {
    uint8_t mid, twcc, playout_delay, abs_send_time;
} ProtoRtpExtensionIds;

/* A header with all that stays the same in one stream, so that a packet costs one copy and a few
 * stores; its length never changes, which keeps the segments of a batch equal. */
typedef struct {
    uint8_t bytes[PROTO_RTP_HEADER_MAX];
    uint8_t length;
    uint8_t twcc_at, abs_send_time_at; /* offsets; 0: absent */
} ProtoRtpTemplate;

/* What differs from packet to packet. */
typedef struct {
    uint8_t payload_type; /* 0..127 */
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint16_t twcc;          /* transport-wide sequence number */
    uint32_t abs_send_time; /* 24 bits, 6.18 seconds */
} ProtoRtpFields;

/* @mid: at most PROTO_RTP_MID_MAX characters, longer ones are left out; may be NULL.
 * @playout_min_ms, @playout_max_ms: 0..40950, steps of 10. */
void proto_rtp_template_init(ProtoRtpTemplate *self,
                             uint32_t ssrc,
                             const ProtoRtpExtensionIds *ids,
                             const char *mid,
                             unsigned playout_min_ms,
                             unsigned playout_max_ms);

/* Writes @self->length bytes. */
void proto_rtp_template_write(const ProtoRtpTemplate *self, const ProtoRtpFields *fields, uint8_t *out);

typedef struct {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    uint16_t extension_profile; /* 0xbede: one-byte; 0: no extension */
    const uint8_t *extension;   /* lent from the packet, after profile and length */
    size_t extension_bytes;
    size_t payload_offset;
    size_t payload_bytes; /* without padding */
} ProtoRtpPacket;

/* False for what is not an RTP packet of version 2 or claims more than @length. */
bool proto_rtp_parse(const uint8_t *data, size_t length, ProtoRtpPacket *ret_packet);

/* The value of one-byte extension @id, lent; NULL if absent. */
const uint8_t *proto_rtp_extension(const ProtoRtpPacket *packet, uint8_t id, size_t *ret_bytes);

static inline void
proto_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void
proto_put32(uint8_t *p, uint32_t v)
{
    proto_put16(p, (uint16_t)(v >> 16));
    proto_put16(p + 2, (uint16_t)v);
}

static inline uint16_t
proto_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
proto_get32(const uint8_t *p)
{
    return (uint32_t)proto_get16(p) << 16 | proto_get16(p + 2);
}
