/* mdf/delivery/dtls.h - the DTLS 1.2 association with one peer, for SRTP keys. On OpenSSL; datagrams go in
 * and out by calls, no sockets.
 *
 * The peer's certificate is compared with the fingerprint of its SDP inside the handshake, so that no key
 * of a stranger is ever exported. Caps: 64 KiB in per handshake; the owner ends it after 30 s.
 * Spec: RFC 6347, RFC 5763, RFC 5764, RFC 8122. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/srtp-keys.h"

enum {
    MDF_DTLS_MTU = 1200,
    MDF_DTLS_HANDSHAKE_BYTES_MAX = 64 * 1024,
    MDF_DTLS_FINGERPRINT_MAX = 64,
};

/* Certificate (ECDSA P-256, made here) and settings; shared by all peers of a process, any thread. */
typedef struct MdfDtlsContext MdfDtlsContext;

MdfDtlsContext *mdf_dtls_context_new(GError **error);
void mdf_dtls_context_free(MdfDtlsContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfDtlsContext, mdf_dtls_context_free)
/* "sha-256 AB:CD:..."; lent. */
const char *mdf_dtls_context_fingerprint(const MdfDtlsContext *self);
/* True for "sha-256", "sha-384", "sha-512". */
bool mdf_dtls_hash_is_known(const char *hash);

typedef struct MdfDtls MdfDtls;

typedef enum {
    MDF_DTLS_HANDSHAKE,
    MDF_DTLS_CONNECTED,
    MDF_DTLS_FAILED,
    MDF_DTLS_CLOSED, /* close_notify came */
} MdfDtlsState;

typedef struct {
    bool active; /* we send the ClientHello */
    char hash[16];
    uint8_t fingerprint[MDF_DTLS_FINGERPRINT_MAX];
    size_t fingerprint_bytes;
} MdfDtlsParameters;

/* @send: one datagram; called from inside the other calls. */
MdfDtls *mdf_dtls_new(const MdfDtlsContext *context,
                      const MdfDtlsParameters *parameters,
                      void (*send)(const uint8_t *data, size_t length, void *user_data),
                      void *user_data);
void mdf_dtls_free(MdfDtls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfDtls, mdf_dtls_free)

/* Active side: sends the first flight. */
MdfDtlsState mdf_dtls_start(MdfDtls *self);
MdfDtlsState mdf_dtls_receive(MdfDtls *self, const uint8_t *data, size_t length);
/* Microseconds until the retransmission timer; -1: none runs. OpenSSL reads the wall clock for it, so a
 * jump costs one early or late retransmission. */
int64_t mdf_dtls_timeout_us(const MdfDtls *self);
MdfDtlsState mdf_dtls_handle_timeout(MdfDtls *self);
/* Says goodbye, if connected. */
void mdf_dtls_close(MdfDtls *self);

/* The keys, when connected. False if the peer took no SRTP profile of ours. */
bool mdf_dtls_export(const MdfDtls *self, MdfSrtpKeys *ret_keys);
