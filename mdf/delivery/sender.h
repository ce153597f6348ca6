/* mdf/delivery/sender.h - one RTP stream to one peer: moves the programme's shared packets into the peer's
 * SSRC, sequence and timestamp space, and answers NACKs: on an RTX stream of its own if there is one, else
 * with the same bytes once more.
 *
 * The timeline: an RTP timestamp is the monotonic clock in ticks plus a fixed random offset, through
 * seeks, zaps and pauses; sender reports use the same line, so that nothing breaks lip-sync. A record's
 * place on it is its own presentation time plus @shift_us, which the playout keeps (programme timeline ->
 * monotonic clock).
 *
 * Nonce rule: a packet index is given out once, also on the RTX stream; a resend without RTX takes header
 * fields from the ring and the payload from the reel, which never changes, so it is the same bytes under the
 * same nonce. Runs on the peer's worker. Packet path: no lock, no allocation, no log line. Spec: RFC 4588 4
 * (RTX), RFC 2198 (RED). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/proto/rtcp.h"
#include "lib/proto/rtp.h"
#include "lib/reel/block-cache.h"
#include "lib/reel/reel.h"
#include "mdf/delivery/srtp-seal.h"

enum {
    MDF_SENDER_RING = 1024,        /* packets that can be sent again */
    MDF_SENDER_RTX_MAX = 4,        /* payload types with a retransmission format */
    MDF_SENDER_RESEND_SHARE = 4,   /* resent bytes are at most a quarter of the sent ones */
    MDF_SENDER_PLAYOUT_MIN_MS = 0, /* media facts: 0/100 keeps the browser's buffer at 11-13 ms */
    MDF_SENDER_PLAYOUT_MAX_MS = 100,
};

typedef struct MdfSender MdfSender;

typedef struct {
    uint32_t ssrc, rtx_ssrc; /* 0: random; 0: no RTX */
    uint32_t clock_rate;
    ProtoRtpExtensionIds extensions;
    char mid[PROTO_RTP_MID_MAX + 1];
    bool keeps_ring;          /* the peer may ask for resends */
    uint8_t red_payload_type; /* 0: no RED; not together with a ring */
    struct {
        uint8_t payload_type, rtx;
    } rtx[MDF_SENDER_RTX_MAX]; /* unused ones are 0 */
} MdfSenderConfig;

/* First sequence numbers (below 0x8000: an early loss must not look like a roll-over) and timestamp offset
 * are random. */
MdfSender *mdf_sender_new(const MdfSenderConfig *config);
void mdf_sender_free(MdfSender *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSender, mdf_sender_free)

/* Takes the transport-wide numbers of its packets, if agreed on, from @next, which counts on; lent. */
void mdf_sender_share_numbers(MdfSender *self, uint16_t *next);

uint32_t mdf_sender_ssrc(const MdfSender *self);
/* The line itself: the timestamp of this moment. */
uint32_t mdf_sender_line(const MdfSender *self, int64_t monotonic_us);
/* Of a record with presentation time @rtp_ticks, or of programme time @media_us. */
uint32_t mdf_sender_timestamp(const MdfSender *self, uint32_t rtp_ticks, int64_t shift_us);
uint32_t mdf_sender_timestamp_of(const MdfSender *self, int64_t media_us, int64_t shift_us);

/* Writes and seals the next packet into @out (MDF_OUTBOX_PACKET_MAX bytes). A frame start that would not
 * come after the last timestamp is moved just behind it. Returns the length; 0: sealing failed, nothing
 * was used up. */
size_t mdf_sender_write(MdfSender *self,
                        MdfSeal *seal,
                        const ReelRecord *record,
                        uint8_t payload_type,
                        uint32_t timestamp,
                        uint8_t *out);

/* The packet with this sequence number again, as RTX if that was agreed on. Returns 0 if it is not in the
 * ring, was repeated less than
 * @round_trip_us ago, the share is used up, or the reel has dropped it. */
size_t mdf_sender_resend(MdfSender *self,
                         MdfSeal *seal,
                         ReelBlockCache *cache,
                         uint16_t sequence,
                         int64_t now_us,
                         int64_t round_trip_us,
                         uint8_t *out);

typedef struct {
    uint64_t packets, bytes; /* payload bytes, without resends */
    uint64_t resent, resend_refused;
} MdfSenderCounters;
const MdfSenderCounters *mdf_sender_counters(const MdfSender *self);

/* For a sender report of this moment. */
void mdf_sender_info(const MdfSender *self, int64_t now_us, uint64_t ntp, ProtoRtcpSenderInfo *ret_info);
