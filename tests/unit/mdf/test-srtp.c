/* Every fast path against libsrtp, byte for byte. */
#include <glib.h>
#include <srtp2/srtp.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/proto/rtp.h"
#include "mdf/delivery/srtp-seal.h"

enum {
    HEADER = 28,
    PACKET_MAX = 1500,
    SSRC = 0x12345678,
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

static void
make_header(uint8_t *packet, uint16_t sequence)
{
    ProtoRtpTemplate header;
    const ProtoRtpExtensionIds ids = {.mid = 9, .playout_delay = 5};
    const ProtoRtpFields fields = {.payload_type = 102,
                                   .marker = sequence % 3 == 0,
                                   .sequence = sequence,
                                   .timestamp = sequence * 3600u};

    proto_rtp_template_init(&header, SSRC, &ids, "0", 0, 100);
    g_assert_cmpuint(header.length, <=, HEADER);
    proto_rtp_template_write(&header, &fields, packet);
}

static size_t
header_bytes(const uint8_t *packet)
{
    return (size_t)PROTO_RTP_FIXED_BYTES + 4 + 4u * proto_get16(packet + 14);
}

typedef struct {
    MdfSrtpProfile profile;
    bool ipsec_mb;
} Variant;

/* 400 packets of all lengths across a roll-over of the sequence number. */
static void
test_equals_libsrtp(gconstpointer data)
{
    const Variant *variant = data;
    g_autoptr(MdfSealContext) context = mdf_seal_context_new(variant->ipsec_mb);
    g_autoptr(MdfSeal) seal = NULL;
    uint8_t master[MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX], payload[1150];
    uint64_t index = 0xffff - 200;
    srtp_t session;

    base_random_bytes(master, sizeof master);
    base_random_bytes(payload, sizeof payload);
    session = reference(variant->profile, master, true);
    seal = mdf_seal_new(context, variant->profile, master);
    g_assert_nonnull(seal);

    for (unsigned i = 0; i < 400; i++, index++) {
        uint8_t ours[PACKET_MAX], theirs[PACKET_MAX] __attribute__((aligned(8)));
        MdfSealPacket what = {.ssrc = SSRC,
                              .rollover = (uint32_t)(index >> 16),
                              .sequence = (uint16_t)index,
                              .payload = payload,
                              .payload_length = 1 + i * 7 % sizeof payload};
        size_t header, length;
        int their_length;

        make_header(ours, what.sequence);
        header = header_bytes(ours);
        memcpy(theirs, ours, header);
        memcpy(theirs + header, payload, what.payload_length);
        their_length = (int)(header + what.payload_length);
        length = mdf_seal(seal, ours, header, &what);
        g_assert_cmpint(srtp_protect(session, theirs, &their_length), ==, srtp_err_status_ok);
        g_assert_cmpmem(ours, length, theirs, (size_t)their_length);
    }
    srtp_dealloc(session);
}

/* RFC 7714 16.1.1 has its session key ready; RFC 3711 B.3 is the vector for deriving it. */
static void
test_derivation(void)
{
    static const uint8_t master[30] = {0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F,
                                       0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39, 0x0E, 0xC6, 0x75, 0xAD,
                                       0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6};
    static const uint8_t key[16] = {0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE,
                                    0x10, 0x73, 0x4A, 0xFE, 0x3F, 0xF7, 0xA0, 0x87};
    static const uint8_t salt[14] = {0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C,
                                     0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1};
    static const uint8_t auth[20] = {0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4,
                                     0xAB, 0x49, 0xAF, 0x25, 0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4};
    MdfSrtpSessionKeys keys;

    g_assert_true(mdf_srtp_derive(MDF_SRTP_AES128_CM_SHA1_80, master, &keys));
    g_assert_cmpmem(keys.key, 16, key, 16);
    g_assert_cmpmem(keys.salt, 14, salt, 14);
    g_assert_cmpmem(keys.auth, 20, auth, 20);
}

int
main(int argc, char **argv)
{
    static const Variant variants[] = {
        {MDF_SRTP_AEAD_AES_128_GCM, true},   {MDF_SRTP_AEAD_AES_128_GCM, false},
        {MDF_SRTP_AEAD_AES_256_GCM, true},   {MDF_SRTP_AEAD_AES_256_GCM, false},
        {MDF_SRTP_AES128_CM_SHA1_80, false},
    };

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(srtp_init(), ==, srtp_err_status_ok);
    for (unsigned i = 0; i < G_N_ELEMENTS(variants); i++) {
        g_autofree char *name =
            g_strdup_printf("/mdf/srtp/equals-libsrtp/%s/%s", mdf_srtp_profile_name(variants[i].profile),
                            variants[i].ipsec_mb ? "ipsec-mb" : "openssl");
        g_test_add_data_func(name, &variants[i], test_equals_libsrtp);
    }
    g_test_add_func("/mdf/srtp/derivation-rfc3711-b3", test_derivation);
    return g_test_run();
}
