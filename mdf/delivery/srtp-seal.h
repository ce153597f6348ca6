/* mdf/delivery/srtp-seal.h - the fast path: encrypts an RTP packet from where its payload lies straight
 * into the send buffer. Byte for byte what libsrtp makes of it.
 *
 * The caller owns the nonce rule: no (SSRC, roll-over counter, sequence number) is ever sealed over
 * different bytes. Packet path: no lock, no allocation, no log line.
 * Spec: RFC 7714 8 (GCM), RFC 3711 4.1.1, 4.2.1 (AES-CM, HMAC-SHA1). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/srtp-keys.h"

/* Ciphers of the process, chosen for its processor: ipsec-mb where AES-NI is there, else OpenSSL.
 * Shared by all workers, read only. */
typedef struct MdfSealContext MdfSealContext;

/* @allow_ipsec_mb: false forces OpenSSL (tests, comparison). Never NULL. */
MdfSealContext *mdf_seal_context_new(bool allow_ipsec_mb);
void mdf_seal_context_free(MdfSealContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSealContext, mdf_seal_context_free)
/* "ipsec-mb" or "openssl". */
const char *mdf_seal_context_name(const MdfSealContext *self);

/* The keys of one peer, sending side. */
typedef struct MdfSeal MdfSeal;

/* @master: key and salt. NULL if OpenSSL refuses. @context outlives it. */
MdfSeal *mdf_seal_new(const MdfSealContext *context, MdfSrtpProfile profile, const uint8_t *master);
void mdf_seal_free(MdfSeal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSeal, mdf_seal_free)

typedef struct {
    uint32_t ssrc;
    uint32_t rollover; /* of the sequence number */
    uint16_t sequence;
    const uint8_t *payload;
    size_t payload_length;
} MdfSealPacket;

/* @packet: begins with @header_length bytes of RTP header in clear; the encrypted payload and the tag are
 * appended: payload_length + MDF_SRTP_TAG_MAX bytes of room. Returns the whole length, 0 on failure. */
size_t mdf_seal(MdfSeal *self, uint8_t *packet, size_t header_length, const MdfSealPacket *what);
