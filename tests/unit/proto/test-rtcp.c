#include <glib.h>
#include <string.h>

#include "lib/proto/rtcp.h"
#include "lib/proto/rtp.h"

static ProtoRtcpPacket
first(const uint8_t *data, size_t length)
{
    ProtoRtcpPacket packet;
    size_t offset = 0;

    g_assert_true(proto_rtcp_next(data, length, &offset, &packet));
    return packet;
}

static void
test_receiver_report(void)
{
    const uint8_t data[] = {0x81, 201, 0, 7,    0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe, 64, 0xff, 0xff, 0xfe,
                            0,    1,   0, 0x10, 0, 0, 0, 7, 0x11, 0x22, 0x33, 0x44, 0,  1,    0x80, 0};
    ProtoRtcpPacket packet = first(data, sizeof data);
    ProtoRtcpReport report;

    g_assert_cmpuint(packet.type, ==, PROTO_RTCP_RR);
    g_assert_true(proto_rtcp_report(&packet, 0, &report));
    g_assert_cmphex(report.ssrc, ==, 0xcafebabe);
    g_assert_cmpuint(report.fraction_lost, ==, 64);
    g_assert_cmpint(report.cumulative_lost, ==, -2); /* duplicates: RFC 3550 A.3 */
    g_assert_cmphex(report.highest_sequence, ==, 0x10010);
    g_assert_cmpuint(report.jitter_ticks, ==, 7);
    g_assert_cmphex(report.last_sr, ==, 0x11223344);
    g_assert_cmphex(report.delay_since_last_sr, ==, 0x18000);
    g_assert_false(proto_rtcp_report(&packet, 1, &report));
}

/* The header says more blocks than the packet has. */
static void
test_report_count_lies(void)
{
    uint8_t data[8] = {0x9f, 201, 0, 1};
    ProtoRtcpPacket packet = first(data, sizeof data);
    ProtoRtcpReport report;

    g_assert_false(proto_rtcp_report(&packet, 0, &report));
}

static void
test_nack(void)
{
    const uint8_t data[] = {0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0x80, 0x01, 0x10, 0, 0, 0};
    ProtoRtcpPacket packet = first(data, sizeof data);
    uint16_t sequence, following;
    uint32_t ssrc;

    g_assert_true(proto_rtcp_feedback_media(&packet, &ssrc));
    g_assert_cmpuint(ssrc, ==, 2);
    g_assert_true(proto_rtcp_nack(&packet, 0, &sequence, &following));
    g_assert_cmphex(sequence, ==, 0xffff);
    g_assert_cmphex(following, ==, 0x8001);
    g_assert_true(proto_rtcp_nack(&packet, 1, &sequence, &following));
    g_assert_cmphex(sequence, ==, 0x1000);
    g_assert_false(proto_rtcp_nack(&packet, 2, &sequence, &following));
}

static void
test_fir(void)
{
    const uint8_t data[] = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0};
    ProtoRtcpPacket packet = first(data, sizeof data);
    uint16_t sequence, following;
    uint32_t ssrc;
    uint8_t command;

    g_assert_true(proto_rtcp_fir(&packet, 0, &ssrc, &command));
    g_assert_cmpuint(ssrc, ==, 9);
    g_assert_cmpuint(command, ==, 3);
    g_assert_false(proto_rtcp_fir(&packet, 1, &ssrc, &command));
    g_assert_false(proto_rtcp_nack(&packet, 0, &sequence, &following));
}

static void
test_compound_walk(void)
{
    uint8_t data[64] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
    ProtoRtcpPacket packet;
    size_t offset = 0;

    g_assert_true(proto_rtcp_next(data, 20, &offset, &packet));
    g_assert_true(proto_rtcp_next(data, 20, &offset, &packet));
    g_assert_cmpuint(packet.type, ==, PROTO_RTCP_PSFB);
    g_assert_false(proto_rtcp_next(data, 20, &offset, &packet));

    offset = 8;
    g_assert_false(proto_rtcp_next(data, 19, &offset, &packet)); /* cut off */
    data[8] = 0x41;
    g_assert_false(proto_rtcp_next(data, 20, &offset, &packet)); /* version */
    data[8] = 0xa1;
    data[19] = 13;
    g_assert_false(proto_rtcp_next(data, 20, &offset, &packet)); /* more padding than packet */
}

static void
test_sender_report(void)
{
    const ProtoRtcpSenderInfo info = {.ssrc = 0x01020304,
                                      .ntp = G_GUINT64_CONSTANT(0xe1e2e3e4f1f2f3f4),
                                      .rtp_timestamp = 0x0a0b0c0d,
                                      .packets = 7,
                                      .bytes = 1000};
    uint8_t out[128];
    size_t length = proto_rtcp_build_sender_report(&info, "abcdef", out, sizeof out), offset = 0;
    ProtoRtcpPacket packet;

    g_assert_cmpuint(length % 4, ==, 0);
    g_assert_true(proto_rtcp_next(out, length, &offset, &packet));
    g_assert_cmpuint(packet.type, ==, PROTO_RTCP_SR);
    g_assert_cmphex(proto_get32(packet.body + 4), ==, 0xe1e2e3e4);
    g_assert_cmphex(proto_get32(packet.body + 12), ==, 0x0a0b0c0d);
    g_assert_true(proto_rtcp_next(out, length, &offset, &packet));
    g_assert_cmpuint(packet.type, ==, PROTO_RTCP_SDES);
    g_assert_cmpmem(packet.body + 4, 8,
                    "\x01\x06"
                    "abcdef",
                    8);
    g_assert_cmpuint(packet.body[12], ==, 0);
    g_assert_cmpuint(offset, ==, length);
    g_assert_cmpuint(proto_rtcp_build_sender_report(&info, "abcdef", out, length - 1), ==, 0);
}

/* A run of three received, one lost, one with a large delta, one of a two-bit vector. */
static const uint8_t transport[] = {
    0x8f, 205,  0,  7,                   /* */
    0,    0,    0,  1,    0,    0, 0, 2, /* sender, media */
    0xff, 0xfe, 0,  6,                   /* from 65534, six packets */
    0,    0,    2,  9,                   /* reference 128 ms */
    0x20, 3,                             /* run: three small deltas */
    0,    0,                             /* filled in by the tests */
    4,    8,    12, 0xff, 0xfc, 0, 0, 0,
};

static void
test_transport_feedback(void)
{
    static const struct {
        uint16_t sequence;
        bool received;
        int64_t arrival_us;
    } expected[] = {{65534, true, 129000}, {65535, true, 131000}, {0, true, 134000},
                    {1, false, 134000},    {2, true, 133000},     {3, false, 133000}};
    uint8_t data[sizeof transport];
    size_t offset = 0;
    ProtoRtcpPacket packet;
    ProtoRtcpTransport walk;
    uint16_t sequence;
    bool received;
    int64_t arrival_us;

    memcpy(data, transport, sizeof data);
    proto_put16(data + 22, 0xc000 | 0 << 12 | 2 << 10); /* lost, large, then nothing */
    g_assert_true(proto_rtcp_next(data, sizeof data, &offset, &packet));
    g_assert_true(proto_rtcp_transport_begin(&packet, &walk));
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_true(proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us));
        g_assert_cmpuint(sequence, ==, expected[i].sequence);
        g_assert_cmpint(received, ==, expected[i].received);
        if (received)
            g_assert_cmpint(arrival_us, ==, expected[i].arrival_us);
    }
    g_assert_false(proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us));
}

/* Vectors of one bit; and counts, runs and deltas that are not there. */
static void
test_transport_lies(void)
{
    uint8_t data[sizeof transport];
    ProtoRtcpPacket packet;
    ProtoRtcpTransport walk;
    uint16_t sequence;
    bool received;
    int64_t arrival_us;
    unsigned n;

    for (unsigned chunk = 0; chunk <= 0xffff; chunk += 0x55) {
        size_t offset = 0;
        memcpy(data, transport, sizeof data);
        proto_put16(data + 14, (uint16_t)(chunk % 3000));
        proto_put16(data + 20, (uint16_t)chunk);
        proto_put16(data + 22, (uint16_t)~chunk);
        g_assert_true(proto_rtcp_next(data, sizeof data, &offset, &packet));
        n = 0;
        if (proto_rtcp_transport_begin(&packet, &walk))
            while (proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us))
                n++;
        g_assert_cmpuint(n, <=, PROTO_RTCP_TRANSPORT_MAX);
    }
    for (size_t length = 0; length < sizeof transport; length++) {
        packet =
            (ProtoRtcpPacket){.type = 205, .count = 15, .body = data, .length = length > 4 ? length - 4 : 0};
        memcpy(data, transport + 4, packet.length);
        proto_put16(data + 18, 0xbfff); /* fourteen that came: more deltas than there are */
        if (proto_rtcp_transport_begin(&packet, &walk))
            while (proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us))
                g_assert_true(walk.delta <= packet.body + packet.length);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/rtcp/receiver-report", test_receiver_report);
    g_test_add_func("/proto/rtcp/report-count-lies", test_report_count_lies);
    g_test_add_func("/proto/rtcp/nack", test_nack);
    g_test_add_func("/proto/rtcp/fir", test_fir);
    g_test_add_func("/proto/rtcp/compound-walk", test_compound_walk);
    g_test_add_func("/proto/rtcp/transport-feedback", test_transport_feedback);
    g_test_add_func("/proto/rtcp/transport-feedback-lies", test_transport_lies);
    g_test_add_func("/proto/rtcp/sender-report", test_sender_report);
    return g_test_run();
}
