#include "mdf/delivery/srtp-seal.h"

#include <intel-ipsec-mb.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "lib/proto/rtp.h"

enum {
    GCM_TAG_BYTES = 16,
    GCM_IV_BYTES = 12,
    SHA1_TAG_BYTES = 10,
};

struct MdfSealContext {
    IMB_MGR *mb; /* NULL: OpenSSL */
};

struct MdfSeal {
    const MdfSealContext *context;
    MdfSrtpProfile profile;
    uint8_t salt[MDF_SRTP_SALT_MAX];
    struct gcm_key_data *mb_key; /* GCM on ipsec-mb */
    EVP_CIPHER_CTX *cipher;      /* GCM or AES-CM on OpenSSL */
    EVP_MAC_CTX *mac;            /* HMAC-SHA1 */
};

/* ---- context ---- */

MdfSealContext *
mdf_seal_context_new(bool allow_ipsec_mb)
{
    const uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
    MdfSealContext *self = g_new0(MdfSealContext, 1);
    IMB_MGR *mb = allow_ipsec_mb ? alloc_mb_mgr(0) : NULL;
    IMB_ARCH arch = IMB_ARCH_NONE;

    if (!mb)
        return self;
    if ((mb->features & wanted) == wanted)
        init_mb_mgr_auto(mb, &arch);
    if (arch == IMB_ARCH_NONE || arch == IMB_ARCH_NOAESNI || imb_get_errno(mb) != 0)
        free_mb_mgr(mb);
    else
        self->mb = mb;

    return self;
}

void
mdf_seal_context_free(MdfSealContext *self)
{
    if (!self)
        return;
    if (self->mb)
        free_mb_mgr(self->mb);
    g_free(self);
}

const char *
mdf_seal_context_name(const MdfSealContext *self)
{
    return self->mb ? "ipsec-mb" : "openssl";
}

/* ---- keys of one peer ---- */

static bool
init_gcm_mb(MdfSeal *self, const MdfSrtpSessionKeys *keys)
{
    self->mb_key = g_aligned_alloc0(1, sizeof *self->mb_key, 64);
    if (self->profile == MDF_SRTP_AEAD_AES_128_GCM)
        IMB_AES128_GCM_PRE(self->context->mb, keys->key, self->mb_key);
    else
        IMB_AES256_GCM_PRE(self->context->mb, keys->key, self->mb_key);

    return true;
}

static bool
init_cipher(MdfSeal *self, const EVP_CIPHER *cipher, const MdfSrtpSessionKeys *keys)
{
    self->cipher = EVP_CIPHER_CTX_new();

    return self->cipher && EVP_EncryptInit_ex(self->cipher, cipher, NULL, keys->key, NULL) == 1;
}

static bool
init_sha1(MdfSeal *self, const MdfSrtpSessionKeys *keys)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA1", 0),
                               OSSL_PARAM_construct_end()};

    self->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    return init_cipher(self, EVP_aes_128_ctr(), keys) && self->mac &&
           EVP_MAC_init(self->mac, keys->auth, sizeof keys->auth, parameters) == 1;
}

MdfSeal *
mdf_seal_new(const MdfSealContext *context, MdfSrtpProfile profile, const uint8_t *master)
{
    g_autoptr(MdfSeal) self = g_new0(MdfSeal, 1);
    MdfSrtpSessionKeys keys = {0};
    bool ok;

    self->context = context;
    self->profile = profile;
    if (!mdf_srtp_derive(profile, master, &keys))
        return NULL;
    memcpy(self->salt, keys.salt, sizeof self->salt);

    if (profile == MDF_SRTP_AES128_CM_SHA1_80)
        ok = init_sha1(self, &keys);
    else if (context->mb)
        ok = init_gcm_mb(self, &keys);
    else
        ok = init_cipher(self, profile == MDF_SRTP_AEAD_AES_128_GCM ? EVP_aes_128_gcm() : EVP_aes_256_gcm(),
                         &keys);
    OPENSSL_cleanse(&keys, sizeof keys);

    return ok ? g_steal_pointer(&self) : NULL;
}

void
mdf_seal_free(MdfSeal *self)
{
    if (!self)
        return;
    if (self->mb_key)
        OPENSSL_cleanse(self->mb_key, sizeof *self->mb_key);
    g_aligned_free(self->mb_key);
    EVP_CIPHER_CTX_free(self->cipher);
    EVP_MAC_CTX_free(self->mac);
    g_free(self);
}

/* ---- one packet ---- */

/* RFC 7714 8.1: 00 00 SSRC ROC SEQ, xored with the salt. */
static void
make_gcm_iv(const MdfSeal *self, const MdfSealPacket *what, uint8_t iv[GCM_IV_BYTES])
{
    memset(iv, 0, 2);
    proto_put32(iv + 2, what->ssrc);
    proto_put32(iv + 6, what->rollover);
    proto_put16(iv + 10, what->sequence);
    for (unsigned i = 0; i < GCM_IV_BYTES; i++)
        iv[i] ^= self->salt[i];
}

static size_t
seal_gcm_mb(MdfSeal *self, uint8_t *packet, size_t header, const MdfSealPacket *what)
{
    uint8_t iv[GCM_IV_BYTES];
    struct gcm_context_data context;
    uint8_t *out = packet + header;
    IMB_MGR *mb = self->context->mb;

    make_gcm_iv(self, what, iv);
    if (self->profile == MDF_SRTP_AEAD_AES_128_GCM)
        IMB_AES128_GCM_ENC(mb, self->mb_key, &context, out, what->payload, what->payload_length, iv, packet,
                           header, out + what->payload_length, GCM_TAG_BYTES);
    else
        IMB_AES256_GCM_ENC(mb, self->mb_key, &context, out, what->payload, what->payload_length, iv, packet,
                           header, out + what->payload_length, GCM_TAG_BYTES);

    return header + what->payload_length + GCM_TAG_BYTES;
}

static size_t
seal_gcm_evp(MdfSeal *self, uint8_t *packet, size_t header, const MdfSealPacket *what)
{
    uint8_t iv[GCM_IV_BYTES];
    uint8_t *out = packet + header, *tag = out + what->payload_length;
    int done;

    make_gcm_iv(self, what, iv);
    if (EVP_EncryptInit_ex(self->cipher, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(self->cipher, NULL, &done, packet, (int)header) != 1 ||
        EVP_EncryptUpdate(self->cipher, out, &done, what->payload, (int)what->payload_length) != 1 ||
        EVP_EncryptFinal_ex(self->cipher, tag, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(self->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) != 1)
        return 0;

    return header + what->payload_length + GCM_TAG_BYTES;
}

/* RFC 3711 4.1.1: salt * 2^16 xor SSRC * 2^64 xor index * 2^16; the tag covers packet and roll-over. */
static size_t
seal_sha1(MdfSeal *self, uint8_t *packet, size_t header, const MdfSealPacket *what)
{
    uint8_t iv[16] = {0}, rollover[4], digest[EVP_MAX_MD_SIZE];
    uint8_t *out = packet + header;
    size_t length = header + what->payload_length, digest_length = 0;
    int done;

    proto_put32(iv + 4, what->ssrc);
    proto_put32(iv + 8, what->rollover);
    proto_put16(iv + 12, what->sequence);
    for (unsigned i = 0; i < MDF_SRTP_SALT_MAX; i++)
        iv[i] ^= self->salt[i];
    proto_put32(rollover, what->rollover);

    if (EVP_EncryptInit_ex(self->cipher, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(self->cipher, out, &done, what->payload, (int)what->payload_length) != 1 ||
        EVP_MAC_init(self->mac, NULL, 0, NULL) != 1 || EVP_MAC_update(self->mac, packet, length) != 1 ||
        EVP_MAC_update(self->mac, rollover, sizeof rollover) != 1 ||
        EVP_MAC_final(self->mac, digest, &digest_length, sizeof digest) != 1)
        return 0;
    memcpy(packet + length, digest, SHA1_TAG_BYTES);

    return length + SHA1_TAG_BYTES;
}

size_t
mdf_seal(MdfSeal *self, uint8_t *packet, size_t header_length, const MdfSealPacket *what)
{
    if (self->mac)
        return seal_sha1(self, packet, header_length, what);
    if (self->mb_key)
        return seal_gcm_mb(self, packet, header_length, what);

    return seal_gcm_evp(self, packet, header_length, what);
}
