/* SRTCP of ours against libsrtp, both ways and byte for byte. */
#include <glib.h>
#include <srtp2/srtp.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/proto/rtp.h"
#include "mdf/delivery/srtcp.h"

enum {
    LENGTHS = 64, /* packets of 8 bytes and more, in words */
};

static srtp_t
reference(MdfSrtpProfile profile, uint8_t *master, bool outgoing)
{
    static const srtp_profile_t profiles[] = {srtp_profile_aead_aes_128_gcm, srtp_profile_aead_aes_256_gcm,
                                              srtp_profile_aes128_cm_sha1_80};
    srtp_policy_t policy = {0};
    srtp_t session;

    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profiles[profile]);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profiles[profile]);
    policy.ssrc.type = outgoing ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = master;
    g_assert_cmpint(srtp_create(&session, &policy), ==, srtp_err_status_ok);
    return session;
}

typedef struct {
    MdfSrtcp *ours;
    srtp_t theirs_out, theirs_in;
} Pair;

static void
pair_init(Pair *pair, MdfSrtpProfile profile)
{
    MdfSrtpKeys keys = {.profile = profile};

    base_random_bytes(keys.local, sizeof keys.local);
    base_random_bytes(keys.remote, sizeof keys.remote);
    pair->ours = mdf_srtcp_new(&keys);
    pair->theirs_out = reference(profile, keys.remote, true);
    pair->theirs_in = reference(profile, keys.local, false);
}

static void
pair_clear(Pair *pair)
{
    mdf_srtcp_free(pair->ours);
    srtp_dealloc(pair->theirs_out);
    srtp_dealloc(pair->theirs_in);
}

static int
make_report(Pair *pair, uint8_t *packet, uint32_t ssrc)
{
    int length = 8;

    memcpy(packet, "\x80\xc9\x00\x01", 4);
    proto_put32(packet + 4, ssrc);
    g_assert_cmpint(srtp_protect_rtcp(pair->theirs_out, packet, &length), ==, srtp_err_status_ok);
    return length;
}

static void
test_rtcp_both_ways(void)
{
    for (int profile = 0; profile <= MDF_SRTP_AES128_CM_SHA1_80; profile++) {
        Pair pair;
        uint8_t packet[512] __attribute__((aligned(8))) = {0x80, 200, 0, 1, 0, 0, 0, 9};
        int length;
        size_t sealed;

        pair_init(&pair, (MdfSrtpProfile)profile);
        sealed = mdf_srtcp_protect(pair.ours, packet, 8, sizeof packet);
        g_assert_cmpuint(sealed, >, 8);
        length = (int)sealed;
        g_assert_cmpint(srtp_unprotect_rtcp(pair.theirs_in, packet, &length), ==, srtp_err_status_ok);
        g_assert_cmpint(length, ==, 8);
        length = make_report(&pair, packet, 1);
        g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, packet, (size_t)length), ==, 8);
        g_assert_cmpuint(mdf_srtcp_protect(pair.ours, packet, 8, 8 + MDF_SRTCP_GROWTH - 1), ==,
                         0); /* no room */
        pair_clear(&pair);
    }
}

/* The same bytes as the reference makes, whatever the length; and it opens what the reference seals. */
static void
test_equals_libsrtp(void)
{
    for (int profile = 0; profile <= MDF_SRTP_AES128_CM_SHA1_80; profile++) {
        MdfSrtpKeys keys = {.profile = (MdfSrtpProfile)profile};
        g_autoptr(MdfSrtcp) ours = NULL;
        srtp_t theirs, theirs_out;

        base_random_bytes(keys.local, sizeof keys.local);
        base_random_bytes(keys.remote, sizeof keys.remote);
        ours = mdf_srtcp_new(&keys);
        theirs = reference(keys.profile, keys.local, true);
        theirs_out = reference(keys.profile, keys.remote, true);
        for (unsigned words = 2; words < LENGTHS; words++) {
            uint8_t plain[4 * LENGTHS] = {0x80, 200, 0, (uint8_t)(words - 1), 1, 2, 3, 4};
            uint8_t a[512], b[512] __attribute__((aligned(8)));
            size_t length = 4 * words;
            int their_length = (int)length;

            base_random_bytes(plain + 8, sizeof plain - 8);
            memcpy(a, plain, length);
            memcpy(b, plain, length);
            g_assert_cmpint(srtp_protect_rtcp(theirs, b, &their_length), ==, srtp_err_status_ok);
            g_assert_cmpmem(a, mdf_srtcp_protect(ours, a, length, sizeof a), b, (size_t)their_length);
            memcpy(b, plain, length);
            their_length = (int)length;
            g_assert_cmpint(srtp_protect_rtcp(theirs_out, b, &their_length), ==, srtp_err_status_ok);
            g_assert_cmpmem(b, mdf_srtcp_unprotect(ours, b, (size_t)their_length), plain, length);
        }
        srtp_dealloc(theirs);
        srtp_dealloc(theirs_out);
    }
}

/* Late packets are taken once each, those behind the window never; lengths that hold nothing are nothing. */
static void
test_rtcp_window(void)
{
    uint8_t packets[100][64] __attribute__((aligned(8))), copy[64];
    int lengths[100];
    Pair pair;

    pair_init(&pair, MDF_SRTP_AES128_CM_SHA1_80);
    for (unsigned i = 0; i < 100; i++)
        lengths[i] = make_report(&pair, packets[i], 7);
    for (unsigned round = 0; round < 2; round++)
        for (int i = 99; i >= 0; i--) {
            memcpy(copy, packets[i], sizeof copy);
            g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, copy, (size_t)lengths[i]), ==,
                             round == 0 && i > 99 - 64 ? 8 : 0);
        }
    for (size_t length = 0; length < 22; length++)
        g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, packets[99], length), ==, 0);
    pair_clear(&pair);
}

static void
test_rtcp_refusals(void)
{
    Pair pair;
    uint8_t packet[512] __attribute__((aligned(8))), copy[512] __attribute__((aligned(8)));
    int length;

    pair_init(&pair, MDF_SRTP_AEAD_AES_128_GCM);
    length = make_report(&pair, packet, 1);
    memcpy(copy, packet, sizeof copy);
    copy[length / 2] ^= 1;
    g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, copy, (size_t)length), ==, 0); /* changed */
    memcpy(copy, packet, sizeof copy);
    g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, copy, (size_t)length), ==, 8);
    memcpy(copy, packet, sizeof copy);
    g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, copy, (size_t)length), ==, 0); /* replayed */
    memcpy(copy, "\x80\xc9\x00\x01\x00\x00\x00\x01", 8);
    g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, copy, 8), ==, 0); /* in clear */
    pair_clear(&pair);
}

/* Also an authentic peer cannot make streams without end. */
static void
test_rtcp_sources_are_capped(void)
{
    Pair pair;
    uint8_t packet[512] __attribute__((aligned(8)));

    pair_init(&pair, MDF_SRTP_AEAD_AES_128_GCM);
    for (uint32_t ssrc = 1; ssrc <= 20; ssrc++) {
        int length = make_report(&pair, packet, ssrc);
        g_assert_cmpuint(mdf_srtcp_unprotect(pair.ours, packet, (size_t)length), ==,
                         ssrc <= MDF_SRTCP_SOURCES_MAX ? 8 : 0);
    }
    pair_clear(&pair);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
    g_test_add_func("/mdf/srtcp/equals-libsrtp", test_equals_libsrtp);
    g_test_add_func("/mdf/srtcp/both-ways", test_rtcp_both_ways);
    g_test_add_func("/mdf/srtcp/refusals", test_rtcp_refusals);
    g_test_add_func("/mdf/srtcp/window", test_rtcp_window);
    g_test_add_func("/mdf/srtcp/sources-are-capped", test_rtcp_sources_are_capped);
    return g_test_run();
}
