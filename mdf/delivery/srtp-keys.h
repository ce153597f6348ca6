/* mdf/delivery/srtp-keys.h - SRTP profiles, master keys, and the session keys made of them.
 * Spec: RFC 3711 4.3, RFC 5764 4.1.2, RFC 7714. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    MDF_SRTP_AEAD_AES_128_GCM,
    MDF_SRTP_AEAD_AES_256_GCM,
    MDF_SRTP_AES128_CM_SHA1_80,
} MdfSrtpProfile;

enum {
    MDF_SRTP_KEY_MAX = 32,
    MDF_SRTP_SALT_MAX = 14,
    MDF_SRTP_TAG_MAX = 16,
    MDF_SRTP_AUTH_BYTES = 20, /* HMAC-SHA1 key */
};

/* Master key followed by master salt, as libsrtp takes them. */
typedef struct {
    MdfSrtpProfile profile;
    uint8_t local[MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX];
    uint8_t remote[MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX];
} MdfSrtpKeys;

size_t mdf_srtp_key_bytes(MdfSrtpProfile profile);
size_t mdf_srtp_salt_bytes(MdfSrtpProfile profile);
size_t mdf_srtp_tag_bytes(MdfSrtpProfile profile);
/* As OpenSSL and GStreamer write it: "SRTP_AEAD_AES_128_GCM". */
const char *mdf_srtp_profile_name(MdfSrtpProfile profile);

typedef struct {
    uint8_t key[MDF_SRTP_KEY_MAX];
    uint8_t salt[MDF_SRTP_SALT_MAX];
    uint8_t auth[MDF_SRTP_AUTH_BYTES]; /* SHA1 profile only */
} MdfSrtpSessionKeys;

/* The keys of RTP (labels 0, 1, 2) and of RTCP (3, 4, 5) of @master (key and salt). False if the cipher is
 * not to be had. */
bool mdf_srtp_derive(MdfSrtpProfile profile, const uint8_t *master, MdfSrtpSessionKeys *ret_keys);
bool mdf_srtp_derive_rtcp(MdfSrtpProfile profile, const uint8_t *master, MdfSrtpSessionKeys *ret_keys);
