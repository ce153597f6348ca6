#include <glib.h>
#include <string.h>

#include "lib/proto/rtp.h"

static const ProtoRtpExtensionIds all = {.mid = 9, .twcc = 4, .playout_delay = 5, .abs_send_time = 2};

static const uint8_t *
extension(const ProtoRtpPacket *packet, uint8_t id, size_t wanted)
{
    size_t bytes = 0;
    const uint8_t *value = proto_rtp_extension(packet, id, &bytes);

    g_assert_nonnull(value);
    g_assert_cmpuint(bytes, ==, wanted);
    return value;
}

static void
test_template(void)
{
    ProtoRtpTemplate header;
    ProtoRtpPacket packet;
    uint8_t out[PROTO_RTP_HEADER_MAX + 4] = {0};
    const ProtoRtpFields fields = {.payload_type = 102,
                                   .marker = true,
                                   .sequence = 0xfffe,
                                   .timestamp = 0x89abcdef,
                                   .twcc = 0x1234,
                                   .abs_send_time = 0x56789a};

    proto_rtp_template_init(&header, 0xdeadbeef, &all, "12", 0, 100);
    g_assert_cmpuint(header.length % 4, ==, 0);
    proto_rtp_template_write(&header, &fields, out);
    g_assert_true(proto_rtp_parse(out, header.length + 4u, &packet));

    g_assert_cmpuint(packet.payload_type, ==, 102);
    g_assert_true(packet.marker);
    g_assert_cmphex(packet.sequence, ==, 0xfffe);
    g_assert_cmphex(packet.timestamp, ==, 0x89abcdef);
    g_assert_cmphex(packet.ssrc, ==, 0xdeadbeef);
    g_assert_cmpuint(packet.payload_offset, ==, header.length);
    g_assert_cmpuint(packet.payload_bytes, ==, 4);
    g_assert_cmphex(proto_get16(extension(&packet, 4, 2)), ==, 0x1234);
    g_assert_cmpmem(extension(&packet, 2, 3), 3, "\x56\x78\x9a", 3);
    g_assert_cmpmem(extension(&packet, 5, 3), 3, "\x00\x00\x0a", 3); /* min 0, max 10 x 10 ms */
    g_assert_cmpmem(extension(&packet, 9, 2), 2, "12", 2);
    g_assert_null(proto_rtp_extension(&packet, 7, &(size_t){0}));
}

static void
test_without_extensions(void)
{
    ProtoRtpTemplate header;

    proto_rtp_template_init(&header, 1, &(ProtoRtpExtensionIds){0}, "0", 0, 100);
    g_assert_cmpuint(header.length, ==, PROTO_RTP_FIXED_BYTES);
    g_assert_cmphex(header.bytes[0], ==, 0x80);
}

/* A MID that does not fit is left out, not cut. */
static void
test_long_mid(void)
{
    ProtoRtpTemplate header;

    proto_rtp_template_init(&header, 1, &(ProtoRtpExtensionIds){.mid = 1}, "12345678901234567", 0, 100);
    g_assert_cmpuint(header.length, ==, PROTO_RTP_FIXED_BYTES);
}

static void
test_refuses_lies(void)
{
    uint8_t data[32] = {0x80, 96};
    ProtoRtpPacket packet;

    g_assert_false(proto_rtp_parse(data, 11, &packet)); /* too short */
    data[0] = 0x40;
    g_assert_false(proto_rtp_parse(data, sizeof data, &packet)); /* version */
    data[0] = 0x8f;
    g_assert_false(proto_rtp_parse(data, sizeof data, &packet)); /* 15 contributing sources */
    data[0] = 0x90;
    proto_put16(data + 14, 5);
    g_assert_false(proto_rtp_parse(data, sizeof data, &packet)); /* extension beyond the end */
    data[0] = 0xa0;
    data[31] = 0;
    g_assert_false(proto_rtp_parse(data, sizeof data, &packet)); /* padding of 0 */
    data[31] = 21;
    g_assert_false(proto_rtp_parse(data, sizeof data, &packet)); /* more padding than payload */
    data[31] = 20;
    g_assert_true(proto_rtp_parse(data, sizeof data, &packet));
    g_assert_cmpuint(packet.payload_bytes, ==, 0);
}

/* Elements that run over the end of the extension, and the terminator 15. */
static void
test_broken_extension(void)
{
    uint8_t data[20] = {0x90, 96, [12] = 0xbe, [13] = 0xde, [15] = 1, [16] = 0x1f};
    ProtoRtpPacket packet;
    size_t bytes;

    g_assert_true(proto_rtp_parse(data, sizeof data, &packet));
    g_assert_null(proto_rtp_extension(&packet, 1, &bytes));
    data[16] = 0xf0;
    data[18] = 0x10;
    g_assert_true(proto_rtp_parse(data, sizeof data, &packet));
    g_assert_null(proto_rtp_extension(&packet, 1, &bytes));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/rtp/template-round-trip", test_template);
    g_test_add_func("/proto/rtp/no-extensions-no-x-bit", test_without_extensions);
    g_test_add_func("/proto/rtp/mid-too-long-is-left-out", test_long_mid);
    g_test_add_func("/proto/rtp/refuses-lengths-that-lie", test_refuses_lies);
    g_test_add_func("/proto/rtp/broken-extension-elements", test_broken_extension);
    return g_test_run();
}
