#include "mdf/delivery/rtcp-session.h"

#include "lib/base/id.h"

#define NTP_EPOCH_S G_GINT64_CONSTANT(2208988800) /* 1900 to 1970 */
#define RETRY_US (100 * 1000)                     /* nothing sent yet */

enum {
    FAST_REPORTS = 5,
};

void
mdf_rtcp_make_cname(char ret_cname[MDF_RTCP_CNAME_BYTES + 1])
{
    uint8_t random[MDF_RTCP_CNAME_BYTES];

    base_random_bytes(random, sizeof random);
    for (unsigned i = 0; i < sizeof random; i++)
        ret_cname[i] = "abcdefghijklmnopqrstuvwxyz234567"[random[i] & 31];
    ret_cname[MDF_RTCP_CNAME_BYTES] = '\0';
}

void
mdf_rtcp_session_init(MdfRtcpSession *self,
                      MdfSender *const *senders,
                      unsigned n_senders,
                      const char *cname,
                      const MdfRtcpEvents *events,
                      void *user_data,
                      int64_t now_us)
{
    *self = (MdfRtcpSession){.events = events, .user_data = user_data, .next_report_us = now_us};
    for (unsigned i = 0; i < n_senders && i < MDF_RTCP_SENDERS_MAX; i++)
        self->senders[self->n_senders++] = senders[i];
    self->ntp_offset_us = g_get_real_time() + NTP_EPOCH_S * G_USEC_PER_SEC - now_us;
    g_strlcpy(self->cname, cname, sizeof self->cname);
}

static uint64_t
ntp(const MdfRtcpSession *self, int64_t now_us)
{
    uint64_t us = (uint64_t)(now_us + self->ntp_offset_us);

    return (us / G_USEC_PER_SEC) << 32 | ((us % G_USEC_PER_SEC) << 32) / G_USEC_PER_SEC;
}

static MdfSender *
sender_of(const MdfRtcpSession *self, uint32_t ssrc)
{
    for (unsigned i = 0; i < self->n_senders; i++)
        if (mdf_sender_ssrc(self->senders[i]) == ssrc)
            return self->senders[i];

    return NULL;
}

static void
handle_reports(MdfRtcpSession *self, const ProtoRtcpPacket *packet, int64_t now_us)
{
    ProtoRtcpReport report;

    for (unsigned i = 0; proto_rtcp_report(packet, i, &report); i++) {
        uint32_t middle = (uint32_t)(ntp(self, now_us) >> 16);
        uint32_t rtt = middle - report.last_sr - report.delay_since_last_sr;

        if (!sender_of(self, report.ssrc))
            continue;
        self->fraction_lost = report.fraction_lost;
        if (report.last_sr && rtt < 10u << 16) /* over ten seconds is a lie or an old report */
            self->round_trip_us = MAX((uint32_t)((uint64_t)rtt * G_USEC_PER_SEC >> 16), 1);
    }
}

static void
handle_nacks(MdfRtcpSession *self, const ProtoRtcpPacket *packet, unsigned *left)
{
    uint32_t ssrc;
    uint16_t sequence, following;
    MdfSender *sender = proto_rtcp_feedback_media(packet, &ssrc) ? sender_of(self, ssrc) : NULL;

    for (unsigned i = 0; sender && proto_rtcp_nack(packet, i, &sequence, &following); i++)
        for (unsigned bit = 0; bit <= 16; bit++) {
            if (bit > 0 && !(following >> (bit - 1) & 1))
                continue;
            if (*left == 0)
                return;
            (*left)--;
            self->events->nack(sender, (uint16_t)(sequence + bit), self->user_data);
        }
}

static bool
is_key_request(MdfRtcpSession *self, const ProtoRtcpPacket *packet)
{
    uint32_t ssrc;
    uint8_t command;

    if (packet->count == PROTO_RTCP_PSFB_PLI)
        return proto_rtcp_feedback_media(packet, &ssrc) && sender_of(self, ssrc);
    if (!proto_rtcp_fir(packet, 0, &ssrc, &command) || !sender_of(self, ssrc))
        return false;
    if (self->has_fir && self->last_fir == command) /* a repetition, RFC 5104 4.3.1.1 */
        return false;
    self->has_fir = true;
    self->last_fir = command;

    return true;
}

void
mdf_rtcp_session_receive(MdfRtcpSession *self, const uint8_t *data, size_t length, int64_t now_us)
{
    ProtoRtcpPacket packet;
    unsigned left = MDF_RTCP_NACKED_MAX;
    size_t offset = 0;

    while (proto_rtcp_next(data, length, &offset, &packet)) {
        if (packet.type == PROTO_RTCP_SR || packet.type == PROTO_RTCP_RR) {
            handle_reports(self, &packet, now_us);
        } else if (packet.type == PROTO_RTCP_RTPFB && packet.count == PROTO_RTCP_RTPFB_NACK) {
            handle_nacks(self, &packet, &left);
        } else if (packet.type == PROTO_RTCP_RTPFB && packet.count == PROTO_RTCP_RTPFB_TWCC) {
            self->events->transport(&packet, now_us, self->user_data);
        } else if (packet.type == PROTO_RTCP_PSFB && is_key_request(self, &packet)) {
            self->key_frame_requests++;
            self->events->key_frame(self->user_data);
        }
    }
}

int64_t
mdf_rtcp_session_next_us(const MdfRtcpSession *self)
{
    return self->next_report_us;
}

size_t
mdf_rtcp_session_report(MdfRtcpSession *self, unsigned index, int64_t now_us, uint8_t *out, size_t size)
{
    ProtoRtcpSenderInfo info;

    if (index >= self->n_senders || mdf_sender_counters(self->senders[index])->packets == 0)
        return 0;
    mdf_sender_info(self->senders[index], now_us, ntp(self, now_us), &info);

    return proto_rtcp_build_sender_report(&info, self->cname, out, size);
}

void
mdf_rtcp_session_reported(MdfRtcpSession *self, int64_t now_us)
{
    bool all = true;

    for (unsigned i = 0; i < self->n_senders; i++)
        all &= mdf_sender_counters(self->senders[i])->packets > 0;
    if (!all && self->reports < FAST_REPORTS) {
        self->next_report_us = now_us + RETRY_US;
        return;
    }
    self->reports++;
    self->next_report_us = now_us + (self->reports < FAST_REPORTS ? 1 : 5) * G_USEC_PER_SEC;
}
