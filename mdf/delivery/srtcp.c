#include "mdf/delivery/srtcp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "lib/proto/rtp.h"

#define ENCRYPTED 0x80000000u /* the E bit, in one word with the index */
#define INDEX_MAX 0x7fffffffu

enum {
    CLEAR_BYTES = 8, /* first header and SSRC of the sender stay readable */
    INDEX_BYTES = 4,
    GCM_IV_BYTES = 12,
    GCM_TAG_BYTES = 16,
    SHA1_TAG_BYTES = 10,
    WINDOW = 64, /* packets that may come out of order */
};

/* One direction: the ciphers with their keys. */
typedef struct {
    uint8_t salt[MDF_SRTP_SALT_MAX];
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; /* SHA1 profile */
} Half;

typedef struct {
    uint32_t ssrc;
    uint32_t highest;
    uint64_t seen; /* bit n: highest - n has come */
} Source;

struct MdfSrtcp {
    bool gcm;
    Half out, in;
    uint32_t next_index; /* one line for all our SSRCs: no index is ever used twice */
    Source sources[MDF_SRTCP_SOURCES_MAX];
    unsigned n_sources;
};

/* ---- keys ---- */

static const EVP_CIPHER *
cipher_of(MdfSrtpProfile profile)
{
    switch (profile) {
    case MDF_SRTP_AEAD_AES_128_GCM:
        return EVP_aes_128_gcm();
    case MDF_SRTP_AEAD_AES_256_GCM:
        return EVP_aes_256_gcm();
    case MDF_SRTP_AES128_CM_SHA1_80:
        return EVP_aes_128_ctr();
    }

    return NULL;
}

static bool
init_mac(Half *half, const uint8_t *key)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA1", 0),
                               OSSL_PARAM_construct_end()};

    half->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    return half->mac && EVP_MAC_init(half->mac, key, MDF_SRTP_AUTH_BYTES, parameters) == 1;
}

static bool
init_half(Half *half, MdfSrtpProfile profile, const uint8_t *master, bool encrypt)
{
    MdfSrtpSessionKeys keys = {0};
    bool ok = mdf_srtp_derive_rtcp(profile, master, &keys);

    half->cipher = EVP_CIPHER_CTX_new();
    ok = ok && half->cipher &&
         EVP_CipherInit_ex(half->cipher, cipher_of(profile), NULL, keys.key, NULL, encrypt) == 1 &&
         (profile != MDF_SRTP_AES128_CM_SHA1_80 || init_mac(half, keys.auth));
    memcpy(half->salt, keys.salt, sizeof half->salt);
    OPENSSL_cleanse(&keys, sizeof keys);

    return ok;
}

static void
clear_half(Half *half)
{
    EVP_CIPHER_CTX_free(half->cipher);
    EVP_MAC_CTX_free(half->mac);
}

MdfSrtcp *
mdf_srtcp_new(const MdfSrtpKeys *keys)
{
    g_autoptr(MdfSrtcp) self = g_new0(MdfSrtcp, 1);

    self->gcm = keys->profile != MDF_SRTP_AES128_CM_SHA1_80;
    self->next_index = 1; /* as libsrtp counts */

    return init_half(&self->out, keys->profile, keys->local, true) &&
                   init_half(&self->in, keys->profile, keys->remote, false)
               ? g_steal_pointer(&self)
               : NULL;
}

void
mdf_srtcp_free(MdfSrtcp *self)
{
    if (!self)
        return;
    clear_half(&self->out);
    clear_half(&self->in);
    g_free(self);
}

/* ---- AES-GCM: header, ciphertext, tag, index; header and index are authenticated in clear ---- */

/* RFC 7714 9.1: 00 00 SSRC 00 00 index, xored with the salt. */
static bool
start_gcm(Half *half, const uint8_t *packet, uint32_t word)
{
    uint8_t iv[GCM_IV_BYTES] = {0}, last[INDEX_BYTES];
    int done;

    memcpy(iv + 2, packet + 4, 4);
    proto_put32(iv + 8, word & INDEX_MAX);
    for (unsigned i = 0; i < GCM_IV_BYTES; i++)
        iv[i] ^= half->salt[i];
    proto_put32(last, word);

    return EVP_CipherInit_ex(half->cipher, NULL, NULL, NULL, iv, -1) == 1 &&
           EVP_CipherUpdate(half->cipher, NULL, &done, packet, CLEAR_BYTES) == 1 &&
           EVP_CipherUpdate(half->cipher, NULL, &done, last, sizeof last) == 1;
}

/* Both directions; an empty body is no update at all. */
static bool
run_gcm(Half *half, uint8_t *body, size_t length)
{
    int done;

    return length == 0 || EVP_CipherUpdate(half->cipher, body, &done, body, (int)length) == 1;
}

static size_t
protect_gcm(Half *half, uint8_t *packet, size_t length, uint32_t word)
{
    uint8_t *tag = packet + length;
    int done;

    if (!start_gcm(half, packet, word) || !run_gcm(half, packet + CLEAR_BYTES, length - CLEAR_BYTES) ||
        EVP_CipherFinal_ex(half->cipher, tag, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(half->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) != 1)
        return 0;
    proto_put32(tag + GCM_TAG_BYTES, word);

    return length + GCM_TAG_BYTES + INDEX_BYTES;
}

static bool
open_gcm(Half *half, uint8_t *packet, size_t plain, uint32_t word)
{
    uint8_t none[GCM_TAG_BYTES];
    int done;

    return start_gcm(half, packet, word) && run_gcm(half, packet + CLEAR_BYTES, plain - CLEAR_BYTES) &&
           EVP_CIPHER_CTX_ctrl(half->cipher, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, packet + plain) == 1 &&
           EVP_CipherFinal_ex(half->cipher, none, &done) == 1;
}

/* ---- AES-CM and HMAC-SHA1: header, ciphertext, index, tag ---- */

/* RFC 3711 4.1.1: salt * 2^16 xor SSRC * 2^64 xor index * 2^16. */
static bool
run_counter(Half *half, uint8_t *packet, size_t length, uint32_t word)
{
    uint8_t iv[16] = {0};
    int done;

    memcpy(iv + 4, packet + 4, 4);
    proto_put32(iv + 10, word & INDEX_MAX);
    for (unsigned i = 0; i < MDF_SRTP_SALT_MAX; i++)
        iv[i] ^= half->salt[i];

    return EVP_CipherInit_ex(half->cipher, NULL, NULL, NULL, iv, -1) == 1 &&
           (length == CLEAR_BYTES ||
            EVP_CipherUpdate(half->cipher, packet + CLEAR_BYTES, &done, packet + CLEAR_BYTES,
                             (int)(length - CLEAR_BYTES)) == 1);
}

static bool
make_tag(Half *half, const uint8_t *packet, size_t length, uint8_t tag[EVP_MAX_MD_SIZE])
{
    size_t done;

    return EVP_MAC_init(half->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(half->mac, packet, length) == 1 &&
           EVP_MAC_final(half->mac, tag, &done, EVP_MAX_MD_SIZE) == 1;
}

static size_t
protect_sha1(Half *half, uint8_t *packet, size_t length, uint32_t word)
{
    uint8_t tag[EVP_MAX_MD_SIZE];

    if (!run_counter(half, packet, length, word))
        return 0;
    proto_put32(packet + length, word);
    if (!make_tag(half, packet, length + INDEX_BYTES, tag))
        return 0;
    memcpy(packet + length + INDEX_BYTES, tag, SHA1_TAG_BYTES);

    return length + INDEX_BYTES + SHA1_TAG_BYTES;
}

static bool
open_sha1(Half *half, uint8_t *packet, size_t plain, uint32_t word)
{
    uint8_t tag[EVP_MAX_MD_SIZE];

    return make_tag(half, packet, plain + INDEX_BYTES, tag) &&
           CRYPTO_memcmp(tag, packet + plain + INDEX_BYTES, SHA1_TAG_BYTES) == 0 &&
           run_counter(half, packet, plain, word);
}

/* ---- replays ---- */

static Source *
find_source(MdfSrtcp *self, uint32_t ssrc)
{
    for (unsigned i = 0; i < self->n_sources; i++)
        if (self->sources[i].ssrc == ssrc)
            return &self->sources[i];

    return NULL;
}

static bool
is_replay(const Source *source, uint32_t index)
{
    if (index > source->highest)
        return false;

    return source->highest - index >= WINDOW || source->seen >> (source->highest - index) & 1;
}

/* Only what is authentic may move the window. */
static void
remember(MdfSrtcp *self, Source *source, uint32_t ssrc, uint32_t index)
{
    if (!source) {
        self->sources[self->n_sources++] = (Source){ssrc, index, 1};
    } else if (index > source->highest) {
        uint32_t steps = index - source->highest;
        source->seen = (steps < WINDOW ? source->seen << steps : 0) | 1;
        source->highest = index;
    } else {
        source->seen |= UINT64_C(1) << (source->highest - index);
    }
}

/* ---- packets ---- */

size_t
mdf_srtcp_protect(MdfSrtcp *self, uint8_t *packet, size_t length, size_t size)
{
    uint32_t word = self->next_index | ENCRYPTED;

    if (length < CLEAR_BYTES || length + MDF_SRTCP_GROWTH > size || self->next_index == INDEX_MAX)
        return 0;
    self->next_index++; /* used up, whatever becomes of the packet */

    return self->gcm ? protect_gcm(&self->out, packet, length, word)
                     : protect_sha1(&self->out, packet, length, word);
}

size_t
mdf_srtcp_unprotect(MdfSrtcp *self, uint8_t *packet, size_t length)
{
    size_t growth = INDEX_BYTES + (self->gcm ? GCM_TAG_BYTES : SHA1_TAG_BYTES), plain = length - growth;
    uint32_t ssrc, word;
    Source *source;

    if (length < CLEAR_BYTES + growth)
        return 0;
    ssrc = proto_get32(packet + 4);
    word = proto_get32(packet + (self->gcm ? length - INDEX_BYTES : plain));
    source = find_source(self, ssrc);
    if (!(word & ENCRYPTED) || (!source && self->n_sources == MDF_SRTCP_SOURCES_MAX) ||
        (source && is_replay(source, word & INDEX_MAX)))
        return 0;
    if (!(self->gcm ? open_gcm(&self->in, packet, plain, word) : open_sha1(&self->in, packet, plain, word)))
        return 0;
    remember(self, source, ssrc, word & INDEX_MAX);

    return plain;
}
