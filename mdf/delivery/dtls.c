#include "mdf/delivery/dtls.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/base/error.h"

enum {
    CERTIFICATE_DAYS = 365,
    RETRANSMIT_FIRST_US = 200 * 1000, /* OpenSSL's second would be the whole join time after one loss */
    RETRANSMIT_MAX_US = 3 * 1000 * 1000,
    UDP_OVERHEAD = 28,
};

struct MdfDtlsContext {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    char *fingerprint;
};

struct MdfDtls {
    SSL *ssl;
    MdfDtlsState state;
    MdfDtlsParameters parameters;
    size_t received_bytes;
    const uint8_t *datagram; /* being read, lent by the caller of receive */
    size_t datagram_length;
    void (*send)(const uint8_t *data, size_t length, void *user_data);
    void *user_data;
};

/* ---- a BIO that keeps datagrams whole ---- */

static int
bio_write(BIO *bio, const char *data, int length)
{
    MdfDtls *self = BIO_get_data(bio);

    if (length > 0)
        self->send((const uint8_t *)data, (size_t)length, self->user_data);

    return length;
}

static int
bio_read(BIO *bio, char *out, int size)
{
    MdfDtls *self = BIO_get_data(bio);
    int length;

    BIO_clear_retry_flags(bio);
    if (self->datagram_length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    length = MIN(size, (int)self->datagram_length);
    memcpy(out, self->datagram, (size_t)length);
    self->datagram_length = 0;

    return length;
}

static long
bio_ctrl(BIO *bio, int command, long number G_GNUC_UNUSED, void *pointer G_GNUC_UNUSED)
{
    const MdfDtls *self = BIO_get_data(bio);

    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return (long)self->datagram_length;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return MDF_DTLS_MTU;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return UDP_OVERHEAD;
    default:
        return 0;
    }
}

static BIO_METHOD *
make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "imstv dtls");

    if (method) {
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }

    return method;
}

/* ---- context ---- */

static bool
fail(GError **error, const char *what)
{
    char reason[256];

    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    g_set_error(error, BASE_ERROR, BASE_ERROR_INTERNAL, "DTLS: %s: %s", what, reason);

    return false;
}

static bool
fill_certificate(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    uint64_t serial;

    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;

    return X509_set_version(certificate, 2) &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -24L * 3600) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_DAYS * 24L * 3600) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"imstv", -1, -1, 0) &&
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
install_certificate(MdfDtlsContext *self, GError **error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    bool ok = key && certificate && fill_certificate(certificate, key) &&
              SSL_CTX_use_certificate(self->ssl, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(self->ssl, key) == 1;

    if (ok)
        self->fingerprint = fingerprint_text(certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);

    return ok || fail(error, "cannot make a certificate");
}

static const EVP_MD *
hash_by_name(const char *hash)
{
    if (strcmp(hash, "sha-256") == 0)
        return EVP_sha256();
    if (strcmp(hash, "sha-384") == 0)
        return EVP_sha384();
    if (strcmp(hash, "sha-512") == 0)
        return EVP_sha512();

    return NULL;
}

bool
mdf_dtls_hash_is_known(const char *hash)
{
    return hash_by_name(hash) != NULL;
}

/* In place of chain building: the certificate is good if it is the one that signalling has named. */
static int
verify_fingerprint(X509_STORE_CTX *store, void *unused G_GNUC_UNUSED)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const MdfDtls *self = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    const EVP_MD *hash = hash_by_name(self->parameters.hash);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (!certificate || !hash || X509_digest(certificate, hash, digest, &length) != 1)
        return 0;

    return length == self->parameters.fingerprint_bytes &&
           CRYPTO_memcmp(digest, self->parameters.fingerprint, length) == 0;
}

static bool
configure(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, verify_fingerprint, NULL);

    return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                                        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:"
                                        "ECDHE-RSA-AES256-GCM-SHA384") == 1 &&
           SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384") == 1 &&
           /* 0 is success here. Our order decides, not the browser's: GCM is what costs least. */
           SSL_CTX_set_tlsext_use_srtp(
               ssl, "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80") == 0;
}

MdfDtlsContext *
mdf_dtls_context_new(GError **error)
{
    g_autoptr(MdfDtlsContext) self = g_new0(MdfDtlsContext, 1);

    self->ssl = SSL_CTX_new(DTLS_method());
    self->bio = make_bio_method();
    if (!self->ssl || !self->bio || !configure(self->ssl)) {
        fail(error, "cannot be set up");
        return NULL;
    }
    if (!install_certificate(self, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
mdf_dtls_context_free(MdfDtlsContext *self)
{
    if (!self)
        return;
    SSL_CTX_free(self->ssl);
    BIO_meth_free(self->bio);
    g_free(self->fingerprint);
    g_free(self);
}

const char *
mdf_dtls_context_fingerprint(const MdfDtlsContext *self)
{
    return self->fingerprint;
}

/* ---- one association ---- */

static unsigned
next_timer(SSL *ssl G_GNUC_UNUSED, unsigned us)
{
    return us == 0 ? RETRANSMIT_FIRST_US : MIN(us * 2, RETRANSMIT_MAX_US);
}

MdfDtls *
mdf_dtls_new(const MdfDtlsContext *context,
             const MdfDtlsParameters *parameters,
             void (*send)(const uint8_t *data, size_t length, void *user_data),
             void *user_data)
{
    MdfDtls *self = g_new0(MdfDtls, 1);
    BIO *bio = BIO_new(context->bio);

    self->ssl = SSL_new(context->ssl);
    g_assert(self->ssl && bio); /* out of memory only */
    self->parameters = *parameters;
    self->send = send;
    self->user_data = user_data;

    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    SSL_set_app_data(self->ssl, self);
    SSL_set_mtu(self->ssl, MDF_DTLS_MTU);
    DTLS_set_timer_cb(self->ssl, next_timer);
    if (parameters->active)
        SSL_set_connect_state(self->ssl);
    else
        SSL_set_accept_state(self->ssl);

    return self;
}

void
mdf_dtls_free(MdfDtls *self)
{
    if (!self)
        return;
    SSL_free(self->ssl);
    g_free(self);
}

static MdfDtlsState
handshake(MdfDtls *self)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(self->ssl);
    if (result == 1) {
        self->state = MDF_DTLS_CONNECTED;
        SSL_free_buffers(self->ssl);
    } else if (SSL_get_error(self->ssl, result) != SSL_ERROR_WANT_READ) {
        self->state = MDF_DTLS_FAILED;
    }
    ERR_clear_error();

    return self->state;
}

MdfDtlsState
mdf_dtls_start(MdfDtls *self)
{
    return self->parameters.active && self->state == MDF_DTLS_HANDSHAKE ? handshake(self) : self->state;
}

/* After the handshake: answers a repeated last flight, notices the goodbye, drops application data. */
static MdfDtlsState
read_records(MdfDtls *self)
{
    uint8_t dropped[2048];
    int result;

    ERR_clear_error();
    if (SSL_alloc_buffers(self->ssl) != 1)
        return self->state;
    do
        result = SSL_read(self->ssl, dropped, sizeof dropped);
    while (result > 0);
    if (SSL_get_error(self->ssl, result) == SSL_ERROR_ZERO_RETURN)
        self->state = MDF_DTLS_CLOSED;
    SSL_free_buffers(self->ssl);
    ERR_clear_error();

    return self->state;
}

MdfDtlsState
mdf_dtls_receive(MdfDtls *self, const uint8_t *data, size_t length)
{
    if (self->state == MDF_DTLS_FAILED || self->state == MDF_DTLS_CLOSED)
        return self->state;

    self->datagram = data;
    self->datagram_length = length;
    if (self->state == MDF_DTLS_HANDSHAKE) {
        self->received_bytes += length;
        if (self->received_bytes > MDF_DTLS_HANDSHAKE_BYTES_MAX)
            self->state = MDF_DTLS_FAILED;
        else
            handshake(self);
    } else {
        read_records(self);
    }
    self->datagram = NULL;
    self->datagram_length = 0;

    return self->state;
}

int64_t
mdf_dtls_timeout_us(const MdfDtls *self)
{
    struct timeval left;

    if (self->state != MDF_DTLS_HANDSHAKE || DTLSv1_get_timeout(self->ssl, &left) != 1)
        return -1;

    return left.tv_sec * G_USEC_PER_SEC + left.tv_usec;
}

MdfDtlsState
mdf_dtls_handle_timeout(MdfDtls *self)
{
    if (self->state != MDF_DTLS_HANDSHAKE)
        return self->state;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(self->ssl) < 0)
        self->state = MDF_DTLS_FAILED;
    ERR_clear_error();

    return self->state;
}

void
mdf_dtls_close(MdfDtls *self)
{
    if (self->state == MDF_DTLS_CONNECTED && SSL_alloc_buffers(self->ssl) == 1)
        SSL_shutdown(self->ssl);
    ERR_clear_error();
}

static bool
selected_profile(const SSL *ssl, MdfSrtpProfile *ret_profile)
{
    const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile((SSL *)ssl);

    for (unsigned i = 0; selected && i <= MDF_SRTP_AES128_CM_SHA1_80; i++)
        if (strcmp(selected->name, mdf_srtp_profile_name((MdfSrtpProfile)i)) == 0) {
            *ret_profile = (MdfSrtpProfile)i;
            return true;
        }

    return false;
}

bool
mdf_dtls_export(const MdfDtls *self, MdfSrtpKeys *ret_keys)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t material[2 * (MDF_SRTP_KEY_MAX + MDF_SRTP_SALT_MAX)];
    uint8_t *client = self->parameters.active ? ret_keys->local : ret_keys->remote;
    uint8_t *server = self->parameters.active ? ret_keys->remote : ret_keys->local;
    size_t key, salt;

    if (self->state != MDF_DTLS_CONNECTED || !selected_profile(self->ssl, &ret_keys->profile))
        return false;
    key = mdf_srtp_key_bytes(ret_keys->profile);
    salt = mdf_srtp_salt_bytes(ret_keys->profile);
    if (SSL_export_keying_material(self->ssl, material, 2 * (key + salt), label, sizeof label - 1, NULL, 0,
                                   0) != 1)
        return false;

    /* RFC 5764 4.2: client key, server key, client salt, server salt. */
    memcpy(client, material, key);
    memcpy(server, material + key, key);
    memcpy(client + key, material + 2 * key, salt);
    memcpy(server + key, material + 2 * key + salt, salt);
    OPENSSL_cleanse(material, sizeof material);

    return true;
}
