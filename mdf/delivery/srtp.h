/* mdf/delivery/srtp.h - SRTCP of one peer, both ways, on libsrtp2. (RTP goes through srtp-seal.)
 * Replays, changes and foreign keys are refused by libsrtp.
 * Spec: RFC 3711 3.4, RFC 7714 9. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/srtp-keys.h"

enum {
    MDF_SRTCP_GROWTH = 160,    /* room that protecting needs behind a packet */
    MDF_SRTCP_SOURCES_MAX = 8, /* SSRCs that one peer may report from */
};

/* Before any worker starts. Errors: INTERNAL. */
bool mdf_srtp_library_init(GError **error);

typedef struct MdfSrtp MdfSrtp;

/* NULL if libsrtp refuses the keys. */
MdfSrtp *mdf_srtp_new(const MdfSrtpKeys *keys);
void mdf_srtp_free(MdfSrtp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSrtp, mdf_srtp_free)

/* In place; @size: room at @packet. Returns the new length, 0 on failure. */
size_t mdf_srtp_protect_rtcp(MdfSrtp *self, uint8_t *packet, size_t length, size_t size);
/* In place; @packet is aligned to four bytes. Returns the new length, 0 for what is not authentic. */
size_t mdf_srtp_unprotect_rtcp(MdfSrtp *self, uint8_t *packet, size_t length);
