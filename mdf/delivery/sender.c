#include "mdf/delivery/sender.h"

#include <string.h>

#include "lib/base/id.h"
#include "mdf/delivery/redundancy.h"

enum {
    RESEND_BUDGET_MAX = 256 * 1024, /* bytes; saved up in quiet times */
    RESEND_BUDGET_START = 32 * 1024,
};

/* What cannot be had back from the reel; 20 bytes, for there are 1024 to a viewer. Roll-over counter and
 * sequence number follow from the place in the ring, payload and marker are in the reel. */
typedef struct {
    uint64_t generation; /* of the reel's block; 0: nothing */
    uint32_t offset;     /* in the block */
    uint32_t timestamp;
    uint16_t resent_ms; /* modulo 2^16 */
    uint8_t payload_type;
    bool resent;
} __attribute__((packed, aligned(4))) Sent;

G_STATIC_ASSERT(sizeof(Sent) == 20);

/* One SSRC: what its packets are numbered by. */
typedef struct {
    ProtoRtpTemplate header;
    uint32_t ssrc;
    uint16_t *numbers;   /* transport-wide; NULL: none */
    uint64_t next_index; /* roll-over counter and sequence number in one, RFC 3711 3.3.1 */
} Line;

struct MdfSender {
    Line media, repair; /* repair.ssrc 0: no RTX */
    MdfSenderConfig config;
    uint32_t offset;
    uint32_t last_timestamp;
    bool started;
    int64_t resend_budget; /* bytes */
    Sent *ring;
    MdfRedundancy *red; /* NULL: each packet once */
    MdfSenderCounters counters;
};

static void
init_line(Line *line, uint32_t ssrc, uint16_t random, const MdfSenderConfig *config)
{
    line->ssrc = ssrc;
    line->next_index = random & 0x7fff;
    proto_rtp_template_init(&line->header, ssrc, &config->extensions, config->mid, MDF_SENDER_PLAYOUT_MIN_MS,
                            MDF_SENDER_PLAYOUT_MAX_MS);
}

MdfSender *
mdf_sender_new(const MdfSenderConfig *config)
{
    MdfSender *self = g_new0(MdfSender, 1);
    struct {
        uint32_t ssrc, offset;
        uint16_t sequence, rtx_sequence;
    } random;

    base_random_bytes(&random, sizeof random);
    self->config = *config;
    self->offset = random.offset;
    self->resend_budget = RESEND_BUDGET_START;
    init_line(&self->media, config->ssrc ? config->ssrc : random.ssrc, random.sequence, config);
    init_line(&self->repair, config->rtx_ssrc, random.rtx_sequence, config);
    if (config->keeps_ring) {
        self->ring = g_new0(Sent, MDF_SENDER_RING);
    } else if (config->red_payload_type) {
        self->red = g_new0(MdfRedundancy, 1);
        self->red->payload_type = config->red_payload_type;
    }

    return self;
}

void
mdf_sender_free(MdfSender *self)
{
    if (!self)
        return;
    g_free(self->ring);
    g_free(self->red);
    g_free(self);
}

void
mdf_sender_share_numbers(MdfSender *self, uint16_t *next)
{
    if (self->config.extensions.twcc)
        self->media.numbers = self->repair.numbers = next;
}

uint32_t
mdf_sender_ssrc(const MdfSender *self)
{
    return self->media.ssrc;
}

/* Microseconds in ticks, rounded down, without overflow for any time that a clock can show. */
static uint32_t
to_ticks(const MdfSender *self, int64_t us)
{
    int64_t seconds = us / G_USEC_PER_SEC, rest = us % G_USEC_PER_SEC;

    if (rest < 0) {
        seconds--;
        rest += G_USEC_PER_SEC;
    }

    return (uint32_t)((uint64_t)seconds * self->config.clock_rate +
                      (uint64_t)rest * self->config.clock_rate / G_USEC_PER_SEC);
}

uint32_t
mdf_sender_line(const MdfSender *self, int64_t monotonic_us)
{
    return self->offset + to_ticks(self, monotonic_us);
}

uint32_t
mdf_sender_timestamp(const MdfSender *self, uint32_t rtp_ticks, int64_t shift_us)
{
    return self->offset + to_ticks(self, shift_us) + rtp_ticks;
}

uint32_t
mdf_sender_timestamp_of(const MdfSender *self, int64_t media_us, int64_t shift_us)
{
    return mdf_sender_timestamp(self, to_ticks(self, media_us), shift_us);
}

/* The packet with @index on @line; of @record are read: payload, length, flags. */
static size_t
write_packet(
    const Line *line, MdfSeal *seal, uint64_t index, const Sent *sent, const ReelRecord *record, uint8_t *out)
{
    const ProtoRtpFields fields = {
        .payload_type = sent->payload_type,
        .marker = record->flags & REEL_FLAG_MARKER,
        .sequence = (uint16_t)index,
        .timestamp = sent->timestamp,
        .twcc = line->numbers ? (*line->numbers)++ : 0,
    };
    const MdfSealPacket what = {
        .ssrc = line->ssrc,
        .rollover = (uint32_t)(index >> 16),
        .sequence = (uint16_t)index,
        .payload = record->payload,
        .payload_length = record->length,
    };

    proto_rtp_template_write(&line->header, &fields, out);

    return mdf_seal(seal, out, line->header.length, &what);
}

/* As RED, if there is something to repeat. */
static size_t
write_redundant(MdfSender *self, MdfSeal *seal, Sent *sent, const ReelRecord *record, uint8_t *out)
{
    uint8_t payload[MDF_REDUNDANCY_PAYLOAD_MAX];
    ReelRecord wrapped = *record;
    size_t length = mdf_redundancy_wrap(self->red, sent->payload_type, sent->timestamp, record->payload,
                                        record->length, payload);

    if (length > 0) {
        sent->payload_type = self->red->payload_type;
        wrapped.payload = payload;
        wrapped.length = (uint16_t)length;
    }

    return write_packet(&self->media, seal, self->media.next_index, sent, &wrapped, out);
}

size_t
mdf_sender_write(MdfSender *self,
                 MdfSeal *seal,
                 const ReelRecord *record,
                 uint8_t payload_type,
                 uint32_t timestamp,
                 uint8_t *out)
{
    Sent sent = {
        .generation = record->ref.generation,
        .offset = record->ref.offset,
        .timestamp = timestamp,
        .payload_type = payload_type,
    };
    size_t length;

    if (self->started && (record->flags & REEL_FLAG_FRAME_START)) {
        if ((int32_t)(timestamp - self->last_timestamp) <= 0)
            sent.timestamp = self->last_timestamp + 1;
    } else if (self->started) {
        sent.timestamp = self->last_timestamp; /* one frame, one timestamp */
    }

    length = self->red ? write_redundant(self, seal, &sent, record, out)
                       : write_packet(&self->media, seal, self->media.next_index, &sent, record, out);
    if (length == 0)
        return 0;

    self->started = true;
    self->last_timestamp = sent.timestamp;
    if (self->ring)
        self->ring[self->media.next_index % MDF_SENDER_RING] = sent;
    self->media.next_index++;
    self->counters.packets++;
    self->counters.bytes += record->length;
    self->resend_budget =
        MIN(self->resend_budget + (int64_t)length / MDF_SENDER_RESEND_SHARE, RESEND_BUDGET_MAX);

    return length;
}

/* The ring's packet with this sequence number, which was sent at most a ring ago; NULL: long gone, or
 * never sent. */
static Sent *
find_sent(const MdfSender *self, uint16_t sequence, uint64_t *ret_index)
{
    uint16_t back = (uint16_t)((uint16_t)(self->media.next_index - 1) - sequence);
    Sent *sent;

    if (!self->ring || back >= MDF_SENDER_RING || self->media.next_index <= back)
        return NULL;
    *ret_index = self->media.next_index - 1 - back;
    sent = &self->ring[*ret_index % MDF_SENDER_RING];

    return sent->generation != 0 ? sent : NULL;
}

static uint8_t
rtx_payload_type(const MdfSender *self, uint8_t payload_type)
{
    for (unsigned i = 0; self->repair.ssrc && i < MDF_SENDER_RTX_MAX; i++)
        if (self->config.rtx[i].rtx && self->config.rtx[i].payload_type == payload_type)
            return self->config.rtx[i].rtx;

    return 0;
}

/* Once per round trip. (A packet that stays in the ring for over a minute may be refused once more.) */
static bool
may_resend(const MdfSender *self, const Sent *sent, int64_t now_us, int64_t round_trip_us)
{
    uint16_t since_ms = (uint16_t)(now_us / 1000 - sent->resent_ms);

    /* With a new transport-wide number it would be other bytes under the same nonce. */
    if (self->media.numbers && !rtx_payload_type(self, sent->payload_type))
        return false;

    return self->resend_budget > 0 && (!sent->resent || since_ms * 1000LL >= round_trip_us);
}

/* RFC 4588 4: a packet of its own, whose payload begins with the sequence number of the lost one. */
static size_t
write_repair(MdfSender *self,
             MdfSeal *seal,
             uint16_t sequence,
             const Sent *sent,
             const ReelRecord *record,
             uint8_t *out)
{
    uint8_t payload[2 + REEL_PAYLOAD_MAX];
    ReelRecord wrapped = *record;
    Sent repair = *sent;
    size_t length;

    proto_put16(payload, sequence);
    memcpy(payload + 2, record->payload, record->length);
    wrapped.payload = payload;
    wrapped.length = (uint16_t)(2 + record->length);
    repair.payload_type = rtx_payload_type(self, sent->payload_type);
    length = write_packet(&self->repair, seal, self->repair.next_index, &repair, &wrapped, out);
    self->repair.next_index += length > 0;

    return length;
}

size_t
mdf_sender_resend(MdfSender *self,
                  MdfSeal *seal,
                  ReelBlockCache *cache,
                  uint16_t sequence,
                  int64_t now_us,
                  int64_t round_trip_us,
                  uint8_t *out)
{
    uint64_t index;
    Sent *sent = find_sent(self, sequence, &index);
    ReelRecord record = {0};
    size_t written = 0;

    if (sent && may_resend(self, sent, now_us, round_trip_us)) {
        record.ref = (ReelRef){.generation = sent->generation, .offset = sent->offset};
        record.payload = reel_ref_pin(cache, &record.ref, &record.length, &record.flags, &record.rtp_ticks);
    }
    if (!record.payload) {
        self->counters.resend_refused++;
        return 0;
    }
    written = rtx_payload_type(self, sent->payload_type)
                  ? write_repair(self, seal, sequence, sent, &record, out)
                  : write_packet(&self->media, seal, index, sent, &record, out);
    reel_ref_unpin(cache, &record.ref);
    sent->resent = true;
    sent->resent_ms = (uint16_t)(now_us / 1000);
    self->resend_budget -= (int64_t)written;
    self->counters.resent++;

    return written;
}

const MdfSenderCounters *
mdf_sender_counters(const MdfSender *self)
{
    return &self->counters;
}

void
mdf_sender_info(const MdfSender *self, int64_t now_us, uint64_t ntp, ProtoRtcpSenderInfo *ret_info)
{
    *ret_info = (ProtoRtcpSenderInfo){
        .ssrc = self->media.ssrc,
        .ntp = ntp,
        .rtp_timestamp = mdf_sender_line(self, now_us),
        .packets = (uint32_t)self->counters.packets,
        .bytes = (uint32_t)self->counters.bytes,
    };
}
