#include "lib/proto/rtcp.h"

#include <string.h>

#include "lib/proto/rtp.h"

enum {
    HEADER_BYTES = 4,
    REPORT_BYTES = 24,
    SENDER_INFO_BYTES = 24, /* SSRC, NTP, RTP, packets, bytes */
    FEEDBACK_HEAD_BYTES = 8,
    NACK_BYTES = 4,
    FIR_BYTES = 8,
    TRANSPORT_HEAD_BYTES = FEEDBACK_HEAD_BYTES + 8,
    REFERENCE_US = 64000,
    DELTA_US = 250,
};

bool
proto_rtcp_next(const uint8_t *data, size_t length, size_t *offset, ProtoRtcpPacket *ret_packet)
{
    const uint8_t *p = data + *offset;
    size_t left = *offset < length ? length - *offset : 0, bytes, padding = 0;

    if (left < HEADER_BYTES || p[0] >> 6 != 2)
        return false;
    bytes = ((size_t)proto_get16(p + 2) + 1) * 4;
    if (bytes > left)
        return false;
    if (p[0] & 0x20)
        padding = p[bytes - 1];
    if (padding > bytes - HEADER_BYTES)
        return false;

    *ret_packet = (ProtoRtcpPacket){
        .type = p[1],
        .count = p[0] & 0x1f,
        .body = p + HEADER_BYTES,
        .length = bytes - HEADER_BYTES - padding,
    };
    *offset += bytes;

    return true;
}

bool
proto_rtcp_report(const ProtoRtcpPacket *packet, unsigned index, ProtoRtcpReport *ret_report)
{
    size_t at = (packet->type == PROTO_RTCP_SR ? SENDER_INFO_BYTES : 4) + (size_t)index * REPORT_BYTES;
    const uint8_t *p = packet->body + at;
    int32_t lost;

    if ((packet->type != PROTO_RTCP_SR && packet->type != PROTO_RTCP_RR) || index >= packet->count ||
        at + REPORT_BYTES > packet->length)
        return false;

    lost = (int32_t)(proto_get32(p + 4) & 0xffffff);
    *ret_report = (ProtoRtcpReport){
        .ssrc = proto_get32(p),
        .fraction_lost = p[4],
        .cumulative_lost = lost >= 0x800000 ? lost - 0x1000000 : lost,
        .highest_sequence = proto_get32(p + 8),
        .jitter_ticks = proto_get32(p + 12),
        .last_sr = proto_get32(p + 16),
        .delay_since_last_sr = proto_get32(p + 20),
    };

    return true;
}

bool
proto_rtcp_feedback_media(const ProtoRtcpPacket *packet, uint32_t *ret_ssrc)
{
    if ((packet->type != PROTO_RTCP_RTPFB && packet->type != PROTO_RTCP_PSFB) ||
        packet->length < FEEDBACK_HEAD_BYTES)
        return false;
    *ret_ssrc = proto_get32(packet->body + 4);

    return true;
}

/* Entry @index of the feedback control information, @bytes each. */
static const uint8_t *
feedback_entry(const ProtoRtcpPacket *packet, uint8_t type, uint8_t format, unsigned index, size_t bytes)
{
    size_t at = FEEDBACK_HEAD_BYTES + (size_t)index * bytes;

    if (packet->type != type || packet->count != format || at + bytes > packet->length)
        return NULL;

    return packet->body + at;
}

bool
proto_rtcp_nack(const ProtoRtcpPacket *packet,
                unsigned index,
                uint16_t *ret_sequence,
                uint16_t *ret_following)
{
    const uint8_t *p = feedback_entry(packet, PROTO_RTCP_RTPFB, PROTO_RTCP_RTPFB_NACK, index, NACK_BYTES);

    if (!p)
        return false;
    *ret_sequence = proto_get16(p);
    *ret_following = proto_get16(p + 2);

    return true;
}

bool
proto_rtcp_fir(const ProtoRtcpPacket *packet, unsigned index, uint32_t *ret_ssrc, uint8_t *ret_command)
{
    const uint8_t *p = feedback_entry(packet, PROTO_RTCP_PSFB, PROTO_RTCP_PSFB_FIR, index, FIR_BYTES);

    if (!p)
        return false;
    *ret_ssrc = proto_get32(p);
    *ret_command = p[4];

    return true;
}

/* ---- transport-wide feedback ---- */

/* How many packets a chunk tells of: a run of one symbol, 14 symbols of one bit, 7 of two. */
static unsigned
chunk_symbols(uint16_t chunk)
{
    if (!(chunk & 0x8000))
        return chunk & 0x1fff;

    return chunk & 0x4000 ? 7 : 14;
}

/* 0: not received, 1: a delta of one byte, 2: of two, 3: reserved. */
static unsigned
chunk_symbol(uint16_t chunk, unsigned index)
{
    if (!(chunk & 0x8000))
        return chunk >> 13 & 3;

    return chunk & 0x4000 ? chunk >> (12 - 2 * index) & 3 : chunk >> (13 - index) & 1;
}

bool
proto_rtcp_transport_begin(const ProtoRtcpPacket *packet, ProtoRtcpTransport *ret_walk)
{
    const uint8_t *head = packet->body + FEEDBACK_HEAD_BYTES, *end = packet->body + packet->length, *p;
    unsigned told = 0, left;

    if (packet->type != PROTO_RTCP_RTPFB || packet->count != PROTO_RTCP_RTPFB_TWCC ||
        packet->length < TRANSPORT_HEAD_BYTES)
        return false;
    left = proto_get16(head + 2);
    if (left > PROTO_RTCP_TRANSPORT_MAX)
        return false;
    for (p = packet->body + TRANSPORT_HEAD_BYTES; told < left; p += 2) {
        if (end - p < 2 || chunk_symbols(proto_get16(p)) == 0)
            return false;
        told += chunk_symbols(proto_get16(p));
    }

    *ret_walk = (ProtoRtcpTransport){
        .chunk = packet->body + TRANSPORT_HEAD_BYTES,
        .delta = p,
        .end = end,
        .sequence = proto_get16(head),
        .left = left,
        .arrival_us = (int64_t)(proto_get32(head + 4) >> 8) * REFERENCE_US,
    };

    return true;
}

static bool
take_delta(ProtoRtcpTransport *walk, unsigned bytes)
{
    if (bytes > 2 || walk->end - walk->delta < (ptrdiff_t)bytes)
        return false;
    if (bytes == 1)
        walk->arrival_us += *walk->delta * DELTA_US;
    else if (bytes == 2)
        walk->arrival_us += (int16_t)proto_get16(walk->delta) * DELTA_US;
    walk->delta += bytes;

    return true;
}

bool
proto_rtcp_transport_next(ProtoRtcpTransport *walk,
                          uint16_t *ret_sequence,
                          bool *ret_received,
                          int64_t *ret_arrival_us)
{
    uint16_t chunk;
    unsigned symbol;

    if (walk->left == 0)
        return false;
    chunk = proto_get16(walk->chunk);
    symbol = chunk_symbol(chunk, walk->in_chunk);
    if (!take_delta(walk, symbol)) {
        walk->left = 0;
        return false;
    }
    if (++walk->in_chunk == chunk_symbols(chunk)) {
        walk->in_chunk = 0;
        walk->chunk += 2;
    }
    walk->left--;
    *ret_sequence = walk->sequence++;
    *ret_received = symbol != 0;
    *ret_arrival_us = walk->arrival_us;

    return true;
}

/* ---- building ---- */

static void
write_header(uint8_t *p, uint8_t count, uint8_t type, size_t bytes)
{
    p[0] = (uint8_t)(0x80 | count);
    p[1] = type;
    proto_put16(p + 2, (uint16_t)(bytes / 4 - 1));
}

size_t
proto_rtcp_build_sender_report(const ProtoRtcpSenderInfo *info, const char *cname, uint8_t *out, size_t size)
{
    size_t name = MIN(strlen(cname), PROTO_RTCP_CNAME_MAX);
    size_t report = HEADER_BYTES + SENDER_INFO_BYTES;
    size_t sdes = (HEADER_BYTES + 4 + 2 + name + 1 + 3) & ~(size_t)3; /* at least one zero ends the list */
    uint8_t *p = out + report;

    if (report + sdes > size)
        return 0;
    memset(out, 0, report + sdes);

    write_header(out, 0, PROTO_RTCP_SR, report);
    proto_put32(out + 4, info->ssrc);
    proto_put32(out + 8, (uint32_t)(info->ntp >> 32));
    proto_put32(out + 12, (uint32_t)info->ntp);
    proto_put32(out + 16, info->rtp_timestamp);
    proto_put32(out + 20, info->packets);
    proto_put32(out + 24, info->bytes);

    write_header(p, 1, PROTO_RTCP_SDES, sdes);
    proto_put32(p + 4, info->ssrc);
    p[8] = 1; /* CNAME */
    p[9] = (uint8_t)name;
    memcpy(p + 10, cname, name);

    return report + sdes;
}
