/* lib/proto/rtcp.h - RTCP packets: reports, feedback. Bytes <-> structs.
 * Spec: RFC 3550 6, RFC 4585 6, RFC 5104 4.3.1, RFC 5506 (reduced size),
 * draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROTO_RTCP_SR = 200,
    PROTO_RTCP_RR = 201,
    PROTO_RTCP_SDES = 202,
    PROTO_RTCP_BYE = 203,
    PROTO_RTCP_RTPFB = 205,
    PROTO_RTCP_PSFB = 206,
    PROTO_RTCP_RTPFB_NACK = 1,
    PROTO_RTCP_RTPFB_TWCC = 15,
    PROTO_RTCP_PSFB_PLI = 1,
    PROTO_RTCP_PSFB_FIR = 4,
    PROTO_RTCP_CNAME_MAX = 64,
    PROTO_RTCP_TRANSPORT_MAX = 2048, /* packets told of in one transport-wide feedback */
};

/* One packet of a compound; @body is lent, what follows the four bytes of the common header, without
 * padding. */
typedef struct {
    uint8_t type;
    uint8_t count; /* report blocks, or the feedback message type */
    const uint8_t *body;
    size_t length;
} ProtoRtcpPacket;

/* Takes the packet at *@offset and moves it on; false at the end or at the first malformed one. */
bool proto_rtcp_next(const uint8_t *data, size_t length, size_t *offset, ProtoRtcpPacket *ret_packet);

typedef struct {
    uint32_t ssrc; /* the stream it speaks of */
    uint8_t fraction_lost;
    int32_t cumulative_lost;
    uint32_t highest_sequence;
    uint32_t jitter_ticks;
    uint32_t last_sr, delay_since_last_sr; /* 16.16 seconds */
} ProtoRtcpReport;

/* Report block @index of an SR or RR. */
bool proto_rtcp_report(const ProtoRtcpPacket *packet, unsigned index, ProtoRtcpReport *ret_report);

/* True for a feedback packet (RTPFB, PSFB); the SSRC it is about (0 in a FIR). */
bool proto_rtcp_feedback_media(const ProtoRtcpPacket *packet, uint32_t *ret_ssrc);

/* Entry @index of a generic NACK: the lost packet, and a bit for each of the 16 that follow it. */
bool proto_rtcp_nack(const ProtoRtcpPacket *packet,
                     unsigned index,
                     uint16_t *ret_sequence,
                     uint16_t *ret_following);

/* Entry @index of a FIR. */
bool proto_rtcp_fir(const ProtoRtcpPacket *packet, unsigned index, uint32_t *ret_ssrc, uint8_t *ret_command);

/* A walk through transport-wide feedback: what became of each packet, in order. */
typedef struct {
    const uint8_t *chunk, *delta, *end;
    uint16_t sequence; /* next */
    unsigned left;     /* packets */
    unsigned in_chunk; /* of them told by the current chunk */
    int64_t arrival_us;
} ProtoRtcpTransport;

/* False for another packet, one that ends before its chunks do, or that tells of too many. */
bool proto_rtcp_transport_begin(const ProtoRtcpPacket *packet, ProtoRtcpTransport *ret_walk);
/* *ret_arrival_us: on the peer's clock, modulo 12 days; valid if received. False at the end or where the
 * packet is malformed. */
bool proto_rtcp_transport_next(ProtoRtcpTransport *walk,
                               uint16_t *ret_sequence,
                               bool *ret_received,
                               int64_t *ret_arrival_us);

typedef struct {
    uint32_t ssrc;
    uint64_t ntp; /* 32.32 seconds since 1900 */
    uint32_t rtp_timestamp;
    uint32_t packets, bytes; /* sent; payload bytes */
} ProtoRtcpSenderInfo;

/* SR and SDES with @cname (at most PROTO_RTCP_CNAME_MAX characters), as a compound.
 * Returns its length; 0 if @size is too small. */
size_t
proto_rtcp_build_sender_report(const ProtoRtcpSenderInfo *info, const char *cname, uint8_t *out, size_t size);
