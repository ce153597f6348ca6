/* mdf/delivery/srtcp.h - SRTCP of one peer, both ways. (RTP goes through srtp-seal.) Byte for byte what
 * libsrtp makes of it, in 2 kB instead of 36.
 * What is changed, replayed, not encrypted, or of a foreign key is refused.
 * Spec: RFC 3711 3.4, 4.3.2; RFC 7714 9. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/srtp-keys.h"

enum {
    MDF_SRTCP_GROWTH = 20,     /* room that protecting needs behind a packet: index and tag */
    MDF_SRTCP_SOURCES_MAX = 8, /* SSRCs that one peer may report from */
};

typedef struct MdfSrtcp MdfSrtcp;

/* NULL if OpenSSL refuses the keys. */
MdfSrtcp *mdf_srtcp_new(const MdfSrtpKeys *keys);
void mdf_srtcp_free(MdfSrtcp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSrtcp, mdf_srtcp_free)

/* In place; @size: room at @packet. Returns the new length, 0 on failure. */
size_t mdf_srtcp_protect(MdfSrtcp *self, uint8_t *packet, size_t length, size_t size);
/* In place. Returns the new length, 0 for what is not authentic; @packet is then of no use. */
size_t mdf_srtcp_unprotect(MdfSrtcp *self, uint8_t *packet, size_t length);
