#include "mdf/delivery/srtp-keys.h"

#include <openssl/evp.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t key, salt, tag;
} profiles[] = {
    [MDF_SRTP_AEAD_AES_128_GCM] = {"SRTP_AEAD_AES_128_GCM", 16, 12, 16},
    [MDF_SRTP_AEAD_AES_256_GCM] = {"SRTP_AEAD_AES_256_GCM", 32, 12, 16},
    [MDF_SRTP_AES128_CM_SHA1_80] = {"SRTP_AES128_CM_SHA1_80", 16, 14, 10},
};

enum {
    LABEL_RTP = 0, /* first of three: key, authentication, salt */
    LABEL_RTCP = 3,
    LABEL_AT = 7, /* byte of the 112-bit key id that the label is xored into, with a rate of 0 */
};

size_t
mdf_srtp_key_bytes(MdfSrtpProfile profile)
{
    return profiles[profile].key;
}

size_t
mdf_srtp_salt_bytes(MdfSrtpProfile profile)
{
    return profiles[profile].salt;
}

size_t
mdf_srtp_tag_bytes(MdfSrtpProfile profile)
{
    return profiles[profile].tag;
}

const char *
mdf_srtp_profile_name(MdfSrtpProfile profile)
{
    return profiles[profile].name;
}

static bool
derive_one(MdfSrtpProfile profile, const uint8_t *master, uint8_t label, uint8_t *out, size_t length)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = profiles[profile].key == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    uint8_t iv[16] = {0};
    int done = 0;
    bool ok;

    memcpy(iv, master + profiles[profile].key, profiles[profile].salt);
    iv[LABEL_AT] ^= label;
    memset(out, 0, length);
    ok = context && EVP_EncryptInit_ex(context, cipher, NULL, master, iv) == 1 &&
         EVP_EncryptUpdate(context, out, &done, out, (int)length) == 1;
    EVP_CIPHER_CTX_free(context);

    return ok;
}

static bool
derive(MdfSrtpProfile profile, const uint8_t *master, uint8_t label, MdfSrtpSessionKeys *ret_keys)
{
    return derive_one(profile, master, label, ret_keys->key, profiles[profile].key) &&
           derive_one(profile, master, label + 1, ret_keys->auth, MDF_SRTP_AUTH_BYTES) &&
           derive_one(profile, master, label + 2, ret_keys->salt, profiles[profile].salt);
}

bool
mdf_srtp_derive(MdfSrtpProfile profile, const uint8_t *master, MdfSrtpSessionKeys *ret_keys)
{
    return derive(profile, master, LABEL_RTP, ret_keys);
}

bool
mdf_srtp_derive_rtcp(MdfSrtpProfile profile, const uint8_t *master, MdfSrtpSessionKeys *ret_keys)
{
    return derive(profile, master, LABEL_RTCP, ret_keys);
}
