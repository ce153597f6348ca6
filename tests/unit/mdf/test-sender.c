#include <glib.h>
#include <srtp2/srtp.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/reel/cursor.h"
#include "mdf/delivery/outbox.h"
#include "mdf/delivery/sender.h"
#include "tests/unit/mdf/delivery-fixture.h"

#define START_US (100 * G_USEC_PER_SEC)

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *live;
    ReelCursor *cursor;
    MdfSealContext *context;
    MdfSeal *seal;
    MdfSender *sender;
    uint8_t out[MDF_OUTBOX_PACKET_MAX];
    uint8_t aligned[MDF_OUTBOX_PACKET_MAX] __attribute__((aligned(8)));
} Fixture;

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfSenderConfig config = {
        .clock_rate = 90000, .extensions = {.mid = 1, .playout_delay = 2}, .mid = "0", .keeps_ring = true};
    const unsigned tracks[] = {VIDEO_TRACK};
    uint8_t master[MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX];
    int64_t us;

    base_random_bytes(master, sizeof master);
    f->cache = reel_block_cache_new(16 << 20, 1, NULL);
    f->live = fixture_channel(f->cache, "channel:x", START_US, 60);
    f->cursor = reel_cursor_new(f->live, tracks, 1, NULL);
    g_assert_true(reel_cursor_seek(f->cursor, 0, &us));
    f->context = mdf_seal_context_new(true);
    f->seal = mdf_seal_new(f->context, MDF_SRTP_AEAD_AES_128_GCM, master);
    f->sender = mdf_sender_new(&config);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_sender_free(f->sender);
    mdf_seal_free(f->seal);
    mdf_seal_context_free(f->context);
    reel_cursor_free(f->cursor);
    reel_programme_unref(f->live);
    reel_block_cache_free(f->cache);
}

static size_t
send_next(Fixture *f, int64_t shift_us, ProtoRtpPacket *ret_packet)
{
    ReelRecord record;
    int64_t wake_us;
    size_t length;

    g_assert_cmpint(reel_cursor_peek(f->cursor, 0, &record, &wake_us), ==, REEL_NEXT_RECORD);
    length = mdf_sender_write(f->sender, f->seal, &record, 102,
                              mdf_sender_timestamp(f->sender, record.rtp_ticks, shift_us), f->out);
    reel_cursor_advance(f->cursor);
    g_assert_cmpuint(length, >, 0);
    g_assert_true(proto_rtp_parse(f->out, length, ret_packet));
    return length;
}

static void
test_first_sequence(void)
{
    for (unsigned i = 0; i < 200; i++) {
        const MdfSenderConfig config = {.clock_rate = 48000};
        g_autoptr(MdfSender) sender = mdf_sender_new(&config);
        ProtoRtcpSenderInfo info;

        mdf_sender_info(sender, 0, 0, &info);
        g_assert_cmpuint(info.packets, ==, 0);
    }
}

/* One timestamp for a frame, 3600 ticks to the next, sequence numbers without a gap, marker at the end. */
static void
test_frames(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    ProtoRtpPacket packet, last;

    send_next(f, 0, &last);
    g_assert_cmpuint(last.sequence, <, 0x8000);
    for (unsigned i = 1; i < 3000; i++) {
        send_next(f, 0, &packet);
        g_assert_cmpuint(packet.sequence, ==, (uint16_t)(last.sequence + 1));
        g_assert_cmpuint(packet.timestamp - last.timestamp, ==, i % FRAME_PACKETS == 0 ? 3600 : 0);
        g_assert_cmpint(packet.marker, ==, i % FRAME_PACKETS == FRAME_PACKETS - 1);
        last = packet;
    }
}

/* Timestamps lie on the line that sender reports use: this record is due (and shown) at its due time. */
static void
test_line(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const int64_t shift_us = 5 * G_USEC_PER_SEC;
    ProtoRtpPacket packet;
    ProtoRtcpSenderInfo info;

    send_next(f, shift_us, &packet);
    mdf_sender_info(f->sender, START_US + shift_us, 1, &info);
    g_assert_cmphex(packet.timestamp, ==, info.rtp_timestamp);
    g_assert_cmphex(packet.timestamp, ==, mdf_sender_line(f->sender, START_US + shift_us));
    g_assert_cmphex(packet.timestamp, ==, mdf_sender_timestamp_of(f->sender, START_US, shift_us));
    g_assert_cmphex(mdf_sender_line(f->sender, -1), ==, mdf_sender_line(f->sender, 0) - 1);
    g_assert_cmpuint(info.packets, ==, 1);
    g_assert_cmpuint(info.bytes, ==, 1000);
}

/* A jump back of the programme never moves a timestamp back. */
static void
test_never_back(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    ProtoRtpPacket packet, last;
    int64_t us;

    for (unsigned i = 0; i < 30; i++)
        send_next(f, 0, &last);
    reel_cursor_seek(f->cursor, START_US, &us);
    send_next(f, 0, &packet);
    g_assert_cmpuint(packet.timestamp, ==, last.timestamp + 1);
    g_assert_cmpuint(packet.sequence, ==, (uint16_t)(last.sequence + 1));
}

static size_t
resend(Fixture *f, uint16_t sequence, int64_t now_us, uint8_t *out)
{
    return mdf_sender_resend(f->sender, f->seal, f->cache, sequence, now_us, 50000, out);
}

/* The nonce rule as a property: whatever is sent or resent in any order, through seeks and roll-overs, the
 * same index is always the same bytes. */
static void
test_nonce_rule(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)g_bytes_unref);
    uint64_t index = 0;
    int64_t now_us = 1, us;
    unsigned repeats = 0;

    for (unsigned i = 0; i < 150000; i++, now_us += 60000) {
        ProtoRtpPacket packet;
        size_t length = send_next(f, now_us, &packet);

        index = index == 0 ? packet.sequence : index + 1;
        g_assert_cmpuint((uint16_t)index, ==, packet.sequence);
        g_assert_false(g_hash_table_contains(seen, &index));
        g_hash_table_insert(seen, g_memdup2(&index, sizeof index), g_bytes_new(f->out, length));
        if (i > 2000) {
            uint64_t old = index - 1500;
            g_hash_table_remove(seen, &old); /* out of the ring by far */
        }
        if (i % 3 == 0) {
            uint64_t wanted = index - (uint64_t)g_test_rand_int_range(0, (int)MIN(i + 1, 1200));
            GBytes *before = g_hash_table_lookup(seen, &wanted);
            size_t again = resend(f, (uint16_t)wanted, now_us, f->out);
            if (again > 0) {
                g_assert_nonnull(before);
                g_assert_cmpmem(f->out, again, g_bytes_get_data(before, NULL), g_bytes_get_size(before));
                repeats++;
            }
        }
        if (i % 500 == 499)
            reel_cursor_seek(f->cursor, START_US + g_test_rand_int_range(0, 50) * G_USEC_PER_SEC, &us);
    }
    g_assert_cmpuint(index >> 16, >=, 2); /* two roll-overs */
    g_assert_cmpuint(repeats, >, 10000);
}

static void
test_once_per_round_trip(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    ProtoRtpPacket packet;

    send_next(f, 0, &packet);
    g_assert_cmpuint(resend(f, packet.sequence, 1000000, f->out), >, 0);
    g_assert_cmpuint(resend(f, packet.sequence, 1049999, f->out), ==, 0);
    g_assert_cmpuint(resend(f, packet.sequence, 1050000, f->out), >, 0);
    g_assert_cmpuint(resend(f, (uint16_t)(packet.sequence + 1), 1050000, f->out), ==, 0); /* never sent */
    g_assert_cmpuint(resend(f, (uint16_t)(packet.sequence - 1), 1050000, f->out), ==, 0);
    g_assert_cmpuint(mdf_sender_counters(f->sender)->resent, ==, 2);
    g_assert_cmpuint(mdf_sender_counters(f->sender)->resend_refused, ==, 3);
}

/* A peer that asks for everything all the time gets a quarter on top. */
static void
test_nack_storm(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint64_t sent = 0, resent = 0;
    int64_t now_us = 1;

    for (unsigned i = 0; i < 4000; i++) {
        ProtoRtpPacket packet;
        sent += send_next(f, 0, &packet);
        for (unsigned back = 0; back < 100; back++)
            resent += resend(f, (uint16_t)(packet.sequence - back), now_us, f->out);
        now_us += 100000; /* the round trip never limits */
    }
    g_assert_cmpuint(resent, <=, sent / MDF_SENDER_RESEND_SHARE + 40000);
    g_assert_cmpuint(resent, >, sent / 5);
}

/* RFC 4588 4: the same payload behind its sequence number, on numbers of its own that never repeat. */
static void
test_rtx(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfSenderConfig config = {.ssrc = 0x1000,
                                    .rtx_ssrc = 0x2000,
                                    .clock_rate = 90000,
                                    .extensions = {.mid = 1},
                                    .mid = "0",
                                    .keeps_ring = true,
                                    .rtx = {{102, 103}}};
    ProtoRtpPacket packet, repair, again, plain;
    size_t length;

    mdf_sender_free(f->sender);
    f->sender = mdf_sender_new(&config);
    length = send_next(f, 0, &packet);
    g_assert_cmphex(packet.ssrc, ==, 0x1000);

    g_assert_cmpuint(
        mdf_sender_resend(f->sender, f->seal, f->cache, packet.sequence, START_US, 10000, f->out), ==,
        length + 2);
    g_assert_true(proto_rtp_parse(f->out, length + 2, &repair));
    g_assert_cmphex(repair.ssrc, ==, 0x2000);
    g_assert_cmpuint(repair.payload_type, ==, 103);
    g_assert_cmpuint(repair.timestamp, ==, packet.timestamp);
    g_assert_cmpuint(repair.sequence, <, 0x8000);

    /* once per round trip, and each time under a new number */
    g_assert_cmpuint(
        mdf_sender_resend(f->sender, f->seal, f->cache, packet.sequence, START_US + 9000, 10000, f->out), ==,
        0);
    g_assert_cmpuint(
        mdf_sender_resend(f->sender, f->seal, f->cache, packet.sequence, START_US + 10000, 10000, f->out), ==,
        length + 2);
    g_assert_true(proto_rtp_parse(f->out, length + 2, &again));
    g_assert_cmpuint(again.sequence, ==, (uint16_t)(repair.sequence + 1));

    /* the media goes on without a gap */
    send_next(f, 0, &plain);
    g_assert_cmpuint(plain.sequence, ==, (uint16_t)(packet.sequence + 1));
    g_assert_cmphex(plain.ssrc, ==, 0x1000);
}

/* What a repair holds, opened by the reference. */
static void
test_rtx_payload(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfSenderConfig config = {
        .ssrc = 7, .rtx_ssrc = 8, .clock_rate = 90000, .keeps_ring = true, .rtx = {{102, 103}}};
    uint8_t master[MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX] = {42};
    srtp_policy_t policy = {0};
    srtp_t reference;
    ProtoRtpPacket packet, repair;
    uint8_t first[MDF_OUTBOX_PACKET_MAX] __attribute__((aligned(8)));
    int length, repaired;

    g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, srtp_profile_aead_aes_128_gcm);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, srtp_profile_aead_aes_128_gcm);
    policy.ssrc.type = ssrc_any_inbound;
    policy.key = master;
    g_assert_cmpint(srtp_create(&reference, &policy), ==, srtp_err_status_ok);
    mdf_sender_free(f->sender);
    mdf_seal_free(f->seal);
    f->sender = mdf_sender_new(&config);
    f->seal = mdf_seal_new(f->context, MDF_SRTP_AEAD_AES_128_GCM, master);

    length = (int)send_next(f, 0, &packet);
    memcpy(first, f->out, (size_t)length);
    g_assert_cmpint(srtp_unprotect(reference, first, &length), ==, srtp_err_status_ok);
    repaired = (int)mdf_sender_resend(f->sender, f->seal, f->cache, packet.sequence, START_US, 10000, f->out);
    memcpy(f->aligned, f->out, (size_t)repaired);
    g_assert_cmpint(srtp_unprotect(reference, f->aligned, &repaired), ==, srtp_err_status_ok);
    g_assert_true(proto_rtp_parse(f->aligned, (size_t)repaired, &repair));
    g_assert_cmpuint(proto_get16(f->aligned + repair.payload_offset), ==, packet.sequence);
    g_assert_cmpmem(f->aligned + repair.payload_offset + 2, repair.payload_bytes - 2,
                    first + packet.payload_offset, (size_t)length - packet.payload_offset);
    srtp_dealloc(reference);
}

/* Each packet of the transport has a number of its own, repairs too; without RTX nothing is sent again. */
static void
test_transport_numbers(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    MdfSenderConfig config = {.rtx_ssrc = 8,
                              .clock_rate = 90000,
                              .extensions = {.twcc = 3},
                              .keeps_ring = true,
                              .rtx = {{102, 103}}};
    uint16_t next = 65534;
    ProtoRtpPacket packet;
    size_t bytes;

    for (unsigned i = 0; i < 2; i++) {
        mdf_sender_free(f->sender);
        f->sender = mdf_sender_new(&config);
        mdf_sender_share_numbers(f->sender, &next);
        for (unsigned n = 0; n < 3; n++) {
            uint16_t expected = next;
            send_next(f, 0, &packet);
            g_assert_cmpuint(proto_get16(proto_rtp_extension(&packet, 3, &bytes)), ==, expected);
            g_assert_cmpuint(next, ==, (uint16_t)(expected + 1));
        }
        g_assert_cmpint(
            mdf_sender_resend(f->sender, f->seal, f->cache, packet.sequence, START_US, 10000, f->out) > 0, ==,
            i == 0);
        config.rtx[0].rtx = 0;
    }
    g_assert_cmpuint(next, ==, 5);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mdf/sender/starts-with-nothing-sent", test_first_sequence);
#define ADD(name, function) g_test_add("/mdf/sender/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("frames", test_frames);
    ADD("timestamps-on-the-line", test_line);
    ADD("timestamps-never-go-back", test_never_back);
    ADD("nonce-rule", test_nonce_rule);
    ADD("resend-once-per-round-trip", test_once_per_round_trip);
    ADD("nack-storm-is-a-quarter", test_nack_storm);
    ADD("rtx", test_rtx);
    ADD("rtx-payload", test_rtx_payload);
    ADD("transport-numbers", test_transport_numbers);
    return g_test_run();
}
