/* lib/proto/digest.h - HTTP and SIP digest: challenge, credentials, response; MD5 and AKAv1-MD5.
 *
 * Pure: no clock, no randomness, no state; the core's nonce table is core/nonces.
 * Spec: RFC 2617 3, RFC 3261 22.4, RFC 3310 (AKA), RFC 7616 (userhash and SHA-256 are not taken). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    PROTO_DIGEST_MD5,
    PROTO_DIGEST_AKAV1_MD5, /* the "password" is RES, binary; see proto_digest_ha1_bytes */
} ProtoDigestAlgorithm;

typedef enum {
    PROTO_DIGEST_QOP_NONE, /* RFC 2069: no qop, nc, cnonce */
    PROTO_DIGEST_QOP_AUTH,
    PROTO_DIGEST_QOP_AUTH_INT,
} ProtoDigestQop;

/* A challenge: WWW-Authenticate or Proxy-Authenticate. Strings never NULL unless said. */
typedef struct {
    char *realm;
    char *nonce;
    char *opaque; /* NULL if not there */
    char *domain; /* NULL if not there */
    ProtoDigestAlgorithm algorithm;
    bool qop_auth, qop_auth_int; /* offered; none: RFC 2069 */
    bool stale;
} ProtoDigestChallenge;

/* Credentials: Authorization or Proxy-Authorization. The first REGISTER of IMS has an empty nonce and
 * response. */
typedef struct {
    char *username;
    char *realm;
    char *nonce; /* "" if empty or missing */
    char *uri;
    char *response; /* 32 hex, or "" */
    char *opaque;   /* NULL if not there */
    char *cnonce;   /* NULL if not there */
    char *auts;     /* AKA resynchronisation, base64; NULL if not there */
    ProtoDigestAlgorithm algorithm;
    ProtoDigestQop qop;
    uint32_t nc; /* 0 without qop */
} ProtoDigestCredentials;

/* Errors: PROTOCOL (syntax, missing realm or nonce); NOT_ACCEPTABLE (other scheme or algorithm). */
ProtoDigestChallenge *proto_digest_challenge_parse(const char *value, GError **error);
/* (transfer full) "Digest realm=..." */
char *proto_digest_challenge_build(const ProtoDigestChallenge *self);
void proto_digest_challenge_free(ProtoDigestChallenge *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoDigestChallenge, proto_digest_challenge_free)

/* Errors: as above. */
ProtoDigestCredentials *proto_digest_credentials_parse(const char *value, GError **error);
char *proto_digest_credentials_build(const ProtoDigestCredentials *self);
void proto_digest_credentials_free(ProtoDigestCredentials *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoDigestCredentials, proto_digest_credentials_free)

/* MD5(username:realm:password) as 32 hex. (transfer full) */
char *proto_digest_ha1(const char *username, const char *realm, const char *password);
/* The same with a binary password, AKA's RES, which may hold NUL bytes. */
char *proto_digest_ha1_bytes(const char *username, const char *realm, const void *password, size_t length);

/* The response field for @credentials (its nonce, nc, cnonce, qop, uri). @body: for auth-int, may be NULL.
 * (transfer full) 32 hex. */
char *proto_digest_response(const ProtoDigestCredentials *credentials,
                            const char *ha1,
                            const char *method,
                            const void *body,
                            size_t body_length);
/* The whole Authorization value that answers @challenge: takes auth if offered, else auth-int, else none.
 * @cnonce: fresh, at most 64 characters without quotes. @nc: 1 for a new nonce. (transfer full) */
char *proto_digest_answer(const ProtoDigestChallenge *challenge,
                          const char *username,
                          const char *ha1,
                          const char *method,
                          const char *uri,
                          const char *cnonce,
                          uint32_t nc,
                          const void *body,
                          size_t body_length);
/* True if the response field is right; takes the same time whatever differs. */
bool proto_digest_verify(const ProtoDigestCredentials *credentials,
                         const char *ha1,
                         const char *method,
                         const void *body,
                         size_t body_length);
/* AKA: RAND (16 bytes) and AUTN (16 bytes) from a nonce. False if it is none.
 * Spec: RFC 3310 3.2. */
bool proto_digest_aka_nonce(const char *nonce, uint8_t ret_rand[16], uint8_t ret_autn[16]);
