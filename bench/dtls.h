/* bench/dtls.h - a viewer's DTLS 1.2 client (OpenSSL) and the SRTP keys it agrees on.
 * Spec: RFC 6347, RFC 5763, RFC 5764, RFC 7714. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/sdp.h"

typedef struct BenchDtlsContext BenchDtlsContext;
typedef struct BenchDtls BenchDtls;

/* One certificate for all viewers. @profiles: OpenSSL's list of SRTP profiles, best first.
 * Errors: INVALID_ARGUMENT for an unknown profile; INTERNAL. */
BenchDtlsContext *bench_dtls_context_new(const char *profiles, GError **error);
void bench_dtls_context_free(BenchDtlsContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchDtlsContext, bench_dtls_context_free)
/* "sha-256 AB:CD:...". Lent. */
const char *bench_dtls_context_fingerprint(const BenchDtlsContext *self);

typedef enum {
    BENCH_DTLS_HANDSHAKE,
    BENCH_DTLS_CONNECTED,
    BENCH_DTLS_CLOSED, /* by the server's close_notify */
    BENCH_DTLS_FAILED,
} BenchDtlsState;

enum {
    BENCH_SRTP_KEY_MAX = 32 + 14, /* key and salt */
};

typedef struct {
    const char *profile; /* OpenSSL's name, static */
    uint8_t key[BENCH_SRTP_KEY_MAX];
} BenchSrtpKey;

/* @answer: whose fingerprint the server has to have; borrowed, as are @context and @user_data.
 * @send is called with one datagram at a time, from inside the functions below. */
BenchDtls *bench_dtls_new(const BenchDtlsContext *context,
                          const BenchAnswer *answer,
                          void (*send)(const uint8_t *data, size_t length, void *user_data),
                          void *user_data);
void bench_dtls_free(BenchDtls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchDtls, bench_dtls_free)

BenchDtlsState bench_dtls_start(BenchDtls *self);
BenchDtlsState bench_dtls_receive(BenchDtls *self, const uint8_t *data, size_t length);
/* Sends again what is due; to be called every few milliseconds during the handshake. */
BenchDtlsState bench_dtls_tick(BenchDtls *self);
/* The key of what the server sends; false unless connected with a profile. */
bool bench_dtls_key(const BenchDtls *self, BenchSrtpKey *ret_key);
