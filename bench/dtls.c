#include "bench/dtls.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/base/error.h"

enum {
    MTU = 1200,
    UDP_OVERHEAD = 28,
    CERTIFICATE_S = 24 * 3600,
    RETRANSMIT_FIRST_US = 200 * 1000,
    RETRANSMIT_MAX_US = 2 * 1000 * 1000,
};

struct BenchDtlsContext {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    char *fingerprint;
};

struct BenchDtls {
    SSL *ssl;
    BenchDtlsState state;
    const BenchAnswer *answer;
    const uint8_t *datagram; /* being read */
    size_t datagram_bytes;
    void (*send)(const uint8_t *data, size_t length, void *user_data);
    void *user_data;
};

/* ---- a BIO that keeps datagrams whole ---- */

static int
bio_write(BIO *bio, const char *data, int length)
{
    BenchDtls *self = BIO_get_data(bio);

    self->send((const uint8_t *)data, (size_t)length, self->user_data);

    return length;
}

static int
bio_read(BIO *bio, char *out, int size)
{
    BenchDtls *self = BIO_get_data(bio);
    int length = MIN(size, (int)self->datagram_bytes);

    BIO_clear_retry_flags(bio);
    if (length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, self->datagram, (size_t)length);
    self->datagram_bytes = 0;

    return length;
}

static long
bio_ctrl(BIO *bio G_GNUC_UNUSED, int command, long number G_GNUC_UNUSED, void *pointer G_GNUC_UNUSED)
{
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MTU;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return UDP_OVERHEAD;
    default:
        return 0;
    }
}

static BIO_METHOD *
make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bench dtls");

    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_ctrl);

    return method;
}

/* ---- context ---- */

static bool
sign_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_set_version(certificate, 2) && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -CERTIFICATE_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_S) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0) &&
           X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
           X509_sign(certificate, key, EVP_sha256());
}

static char *
fingerprint_text(const X509 *certificate)
{
    GString *text = g_string_new("sha-256 ");
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    X509_digest(certificate, EVP_sha256(), digest, &length);
    for (unsigned i = 0; i < length; i++)
        g_string_append_printf(text, "%s%02X", i ? ":" : "", digest[i]);

    return g_string_free(text, FALSE);
}

static bool
install_certificate(BenchDtlsContext *self)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool ok = key && certificate && sign_certificate(certificate, key) &&
              SSL_CTX_use_certificate(self->ssl, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(self->ssl, key) == 1;

    if (ok)
        self->fingerprint = fingerprint_text(certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);

    return ok;
}

/* In place of chain building: the certificate is good if it is the one in the answer. */
static int
verify_fingerprint(X509_STORE_CTX *store, void *unused G_GNUC_UNUSED)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const BenchDtls *self = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    const EVP_MD *hash = EVP_get_digestbyname(self->answer->hash);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    return certificate && hash && X509_digest(certificate, hash, digest, &length) == 1 &&
           length == self->answer->fingerprint_bytes &&
           memcmp(digest, self->answer->fingerprint, length) == 0;
}

BenchDtlsContext *
bench_dtls_context_new(const char *profiles, GError **error)
{
    g_autoptr(BenchDtlsContext) self = g_new0(BenchDtlsContext, 1);

    self->ssl = SSL_CTX_new(DTLS_client_method());
    self->bio = make_bio_method();
    g_assert(self->ssl && self->bio); /* out of memory only */
    SSL_CTX_set_options(self->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_read_ahead(self->ssl, 1);
    SSL_CTX_set_verify(self->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(self->ssl, verify_fingerprint, NULL);
    if (SSL_CTX_set_tlsext_use_srtp(self->ssl, profiles) != 0) { /* 0 is success here */
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "no SRTP profile \"%s\"", profiles);
        return NULL;
    }
    if (SSL_CTX_set_min_proto_version(self->ssl, DTLS1_2_VERSION) != 1 || !install_certificate(self)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INTERNAL, "DTLS: no certificate could be made");
        return NULL;
    }

    return g_steal_pointer(&self);
}

void
bench_dtls_context_free(BenchDtlsContext *self)
{
    if (!self)
        return;
    SSL_CTX_free(self->ssl);
    BIO_meth_free(self->bio);
    g_free(self->fingerprint);
    g_free(self);
}

const char *
bench_dtls_context_fingerprint(const BenchDtlsContext *self)
{
    return self->fingerprint;
}

/* ---- one association ---- */

static unsigned
next_timer(SSL *ssl G_GNUC_UNUSED, unsigned us)
{
    return us == 0 ? RETRANSMIT_FIRST_US : MIN(us * 2, RETRANSMIT_MAX_US);
}

BenchDtls *
bench_dtls_new(const BenchDtlsContext *context,
               const BenchAnswer *answer,
               void (*send)(const uint8_t *data, size_t length, void *user_data),
               void *user_data)
{
    BenchDtls *self = g_new0(BenchDtls, 1);
    BIO *bio = BIO_new(context->bio);

    self->ssl = SSL_new(context->ssl);
    g_assert(self->ssl && bio); /* out of memory only */
    self->answer = answer;
    self->send = send;
    self->user_data = user_data;
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    SSL_set_app_data(self->ssl, self);
    SSL_set_mtu(self->ssl, MTU);
    DTLS_set_timer_cb(self->ssl, next_timer);
    SSL_set_connect_state(self->ssl);

    return self;
}

void
bench_dtls_free(BenchDtls *self)
{
    if (!self)
        return;
    SSL_free(self->ssl);
    g_free(self);
}

BenchDtlsState
bench_dtls_start(BenchDtls *self)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(self->ssl);
    if (result == 1)
        self->state = BENCH_DTLS_CONNECTED;
    else if (SSL_get_error(self->ssl, result) != SSL_ERROR_WANT_READ)
        self->state = BENCH_DTLS_FAILED;

    return self->state;
}

/* After the handshake: answers a repeated last flight, notices the goodbye. */
static void
read_records(BenchDtls *self)
{
    uint8_t dropped[2048];
    int result;

    ERR_clear_error();
    do
        result = SSL_read(self->ssl, dropped, sizeof dropped);
    while (result > 0);
    if (SSL_get_error(self->ssl, result) == SSL_ERROR_ZERO_RETURN)
        self->state = BENCH_DTLS_CLOSED;
}

BenchDtlsState
bench_dtls_receive(BenchDtls *self, const uint8_t *data, size_t length)
{
    self->datagram = data;
    self->datagram_bytes = length;
    if (self->state == BENCH_DTLS_HANDSHAKE)
        bench_dtls_start(self);
    else if (self->state == BENCH_DTLS_CONNECTED)
        read_records(self);
    self->datagram = NULL;
    self->datagram_bytes = 0;

    return self->state;
}

BenchDtlsState
bench_dtls_tick(BenchDtls *self)
{
    if (self->state == BENCH_DTLS_HANDSHAKE && DTLSv1_handle_timeout(self->ssl) < 0)
        self->state = BENCH_DTLS_FAILED;

    return self->state;
}

/* Key and salt lengths of what we offer. */
static bool
profile_sizes(const char *name, size_t *ret_key, size_t *ret_salt)
{
    static const struct {
        const char *name;
        size_t key, salt;
    } sizes[] = {{"SRTP_AEAD_AES_128_GCM", 16, 12},
                 {"SRTP_AEAD_AES_256_GCM", 32, 12},
                 {"SRTP_AES128_CM_SHA1_80", 16, 14}};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        if (strcmp(sizes[i].name, name) == 0) {
            *ret_key = sizes[i].key;
            *ret_salt = sizes[i].salt;
            return true;
        }

    return false;
}

bool
bench_dtls_key(const BenchDtls *self, BenchSrtpKey *ret_key)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(self->ssl);
    uint8_t material[2 * BENCH_SRTP_KEY_MAX];
    size_t key, salt;

    if (self->state != BENCH_DTLS_CONNECTED || !profile || !profile_sizes(profile->name, &key, &salt))
        return false;
    if (SSL_export_keying_material(self->ssl, material, 2 * (key + salt), label, sizeof label - 1, NULL, 0,
                                   0) != 1)
        return false;
    /* RFC 5764 4.2: client key, server key, client salt, server salt. */
    ret_key->profile = profile->name;
    memcpy(ret_key->key, material + key, key);
    memcpy(ret_key->key + key, material + 2 * key + salt, salt);
    OPENSSL_cleanse(material, sizeof material);

    return true;
}
