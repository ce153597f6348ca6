#include <glib.h>
#include <string.h>

#include "lib/proto/rtp.h"
#include "mdf/delivery/rtcp-session.h"

typedef struct {
    MdfSender *senders[2];
    MdfRtcpSession session;
    GArray *nacks; /* uint16_t */
    unsigned keys, transport;
} Fixture;

static void
on_nack(MdfSender *sender, uint16_t sequence, void *user_data)
{
    Fixture *f = user_data;

    g_assert_true(sender == f->senders[0]);
    g_array_append_val(f->nacks, sequence);
}

static void
on_key(void *user_data)
{
    ((Fixture *)user_data)->keys++;
}

static void
on_transport(const ProtoRtcpPacket *packet, int64_t now_us G_GNUC_UNUSED, void *user_data)
{
    g_assert_cmpuint(packet->count, ==, PROTO_RTCP_RTPFB_TWCC);
    ((Fixture *)user_data)->transport++;
}

static const MdfRtcpEvents events = {on_nack, on_key, on_transport};

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfSenderConfig video = {.clock_rate = 90000, .keeps_ring = true}, audio = {.clock_rate = 48000};

    f->senders[0] = mdf_sender_new(&video);
    f->senders[1] = mdf_sender_new(&audio);
    f->nacks = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    mdf_rtcp_session_init(&f->session, f->senders, 2, "abcdefghijklmnop", &events, f, 0);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_sender_free(f->senders[0]);
    mdf_sender_free(f->senders[1]);
    g_array_unref(f->nacks);
}

static void
receive_nack(Fixture *f, uint32_t ssrc, uint16_t sequence, uint16_t following)
{
    uint8_t packet[16] = {0x81, 205, 0, 3};

    proto_put32(packet + 8, ssrc);
    proto_put16(packet + 12, sequence);
    proto_put16(packet + 14, following);
    mdf_rtcp_session_receive(&f->session, packet, sizeof packet, 0);
}

static void
test_nack(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    receive_nack(f, mdf_sender_ssrc(f->senders[0]), 0xffff, 0x8001);
    g_assert_cmpuint(f->nacks->len, ==, 3);
    g_assert_cmphex(g_array_index(f->nacks, uint16_t, 0), ==, 0xffff);
    g_assert_cmphex(g_array_index(f->nacks, uint16_t, 1), ==, 0);
    g_assert_cmphex(g_array_index(f->nacks, uint16_t, 2), ==, 15);
    receive_nack(f, 0x55555555, 1, 0xffff); /* not a stream of ours */
    g_assert_cmpuint(f->nacks->len, ==, 3);
}

static void
test_nack_cap(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t packet[12 + 4 * 200] = {0x81, 205, 0, 202};

    proto_put32(packet + 8, mdf_sender_ssrc(f->senders[0]));
    memset(packet + 12, 0xff, sizeof packet - 12);
    mdf_rtcp_session_receive(&f->session, packet, sizeof packet, 0);
    g_assert_cmpuint(f->nacks->len, ==, MDF_RTCP_NACKED_MAX);
}

static void
test_key_requests(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t pli[12] = {0x81, 206, 0, 2}, fir[20] = {0x84, 206, 0, 4};

    mdf_rtcp_session_receive(&f->session, pli, sizeof pli, 0); /* about no stream of ours */
    g_assert_cmpuint(f->keys, ==, 0);
    proto_put32(pli + 8, mdf_sender_ssrc(f->senders[0]));
    mdf_rtcp_session_receive(&f->session, pli, sizeof pli, 0);
    g_assert_cmpuint(f->keys, ==, 1);
    proto_put32(fir + 12, mdf_sender_ssrc(f->senders[0]));
    fir[16] = 7;
    mdf_rtcp_session_receive(&f->session, fir, sizeof fir, 0);
    mdf_rtcp_session_receive(&f->session, fir, sizeof fir, 0); /* the same command once more */
    g_assert_cmpuint(f->keys, ==, 2);
    fir[16] = 8;
    mdf_rtcp_session_receive(&f->session, fir, sizeof fir, 0);
    g_assert_cmpuint(f->keys, ==, 3);
    g_assert_cmpuint(f->session.key_frame_requests, ==, 3);
}

/* RFC 3550 6.4.1: A - LSR - DLSR; 70 ms of which the peer held 50. */
static void
test_round_trip(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const int64_t sent_us = 10 * G_USEC_PER_SEC;
    uint64_t us = (uint64_t)(sent_us + f->session.ntp_offset_us);
    uint64_t ntp = (us / G_USEC_PER_SEC) << 32 | ((us % G_USEC_PER_SEC) << 32) / G_USEC_PER_SEC;
    uint8_t rr[32] = {0x81, 201, 0, 7};

    proto_put32(rr + 8, mdf_sender_ssrc(f->senders[0]));
    rr[12] = 26;
    proto_put32(rr + 24, (uint32_t)(ntp >> 16));
    proto_put32(rr + 28, 50 * 65536 / 1000);
    mdf_rtcp_session_receive(&f->session, rr, sizeof rr, sent_us + 70000);
    g_assert_cmpuint(f->session.fraction_lost, ==, 26);
    g_assert_cmpuint(f->session.round_trip_us, >, 19900);
    g_assert_cmpuint(f->session.round_trip_us, <, 20100);

    proto_put32(rr + 28, 200 * 65536 / 1000); /* longer than it has been under way */
    mdf_rtcp_session_receive(&f->session, rr, sizeof rr, sent_us + 70000);
    g_assert_cmpuint(f->session.round_trip_us, <, 20100);
}

/* Nothing is reported of a stream that has sent nothing. */
static void
test_no_report_before_media(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t out[256];

    g_assert_cmpuint(mdf_rtcp_session_report(&f->session, 0, 0, out, sizeof out), ==, 0);
    mdf_rtcp_session_reported(&f->session, 0);
    g_assert_cmpint(mdf_rtcp_session_next_us(&f->session), <=, 100000);
    g_assert_cmpuint(strlen(f->session.cname), ==, MDF_RTCP_CNAME_BYTES);
}

static void
test_noise(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t packet[64];
        size_t length = (size_t)g_test_rand_int_range(0, sizeof packet);

        for (size_t k = 0; k < length; k++)
            packet[k] = (uint8_t)g_test_rand_int();
        packet[0] = (uint8_t)(0x80 | (packet[0] & 0x3f));
        packet[1] = (uint8_t)(200 + packet[1] % 8);
        packet[2] = 0;
        packet[3] %= 16;
        mdf_rtcp_session_receive(&f->session, packet, length, 0);
    }
    g_assert_cmpuint(f->nacks->len, ==, 0);
}

static void
test_transport(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const uint8_t packet[24] = {0x8f, 205, 0, 5};

    mdf_rtcp_session_receive(&f->session, packet, sizeof packet, 0);
    g_assert_cmpuint(f->transport, ==, 1);
    g_assert_cmpuint(f->nacks->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/rtcp-session/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("nack", test_nack);
    ADD("nack-cap", test_nack_cap);
    ADD("key-requests", test_key_requests);
    ADD("round-trip", test_round_trip);
    ADD("no-report-before-media", test_no_report_before_media);
    ADD("noise", test_noise);
    ADD("transport", test_transport);
    return g_test_run();
}
