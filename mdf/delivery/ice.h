/* mdf/delivery/ice.h - the ICE-lite state of one peer: credentials, proven addresses, the nominated one,
 * consent. Pure; no sockets. Runs on the peer's worker.
 * Spec: RFC 8445 (lite, controlled), RFC 7675. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "mdf/delivery/address.h"

enum {
    MDF_ICE_UFRAG_BYTES = 8,
    MDF_ICE_PWD_BYTES = 24,
    MDF_ICE_TEXT_MAX = 256,
    MDF_ICE_ADDRESSES_MAX = 8, /* of one peer; the one unheard for longest gives way */
};

#define MDF_ICE_CONSENT_US (30 * G_USEC_PER_SEC)

typedef struct {
    char local_ufrag[MDF_ICE_UFRAG_BYTES + 1];
    char local_pwd[MDF_ICE_PWD_BYTES + 1];
    char remote_ufrag[MDF_ICE_TEXT_MAX + 1];
} MdfIceCredentials;

/* New local ufrag and password from the kernel's random source. */
void mdf_ice_credentials_init(MdfIceCredentials *self, const char *remote_ufrag);

typedef struct {
    MdfAddress address;
    int64_t heard_us;
} MdfIceAddress;

typedef struct {
    MdfIceCredentials credentials;
    MdfIceCredentials previous; /* of before an ICE restart, until a check uses the new ones */
    bool has_previous;
    MdfIceAddress addresses[MDF_ICE_ADDRESSES_MAX];
    unsigned n_addresses;
    int selected; /* index of the nominated one; -1: none yet */
    int64_t heard_us;
} MdfIce;

void mdf_ice_init(MdfIce *self, const MdfIceCredentials *credentials, int64_t now_us);
/* ICE restart: the old credentials stay good until the first check with the new ones. */
void mdf_ice_restart(MdfIce *self, const MdfIceCredentials *credentials);

/* The password for a check with this USERNAME, NULL if it is not this peer's. */
const char *mdf_ice_password(const MdfIce *self, const char *name, size_t length);

typedef struct {
    bool added;         /* the address is new for this peer */
    MdfAddress evicted; /* valid if had_to_evict */
    bool had_to_evict;
    bool selected; /* there is a nominated address now */
} MdfIceChange;

/* An authenticated check came from @from. @name: its USERNAME tells which credentials were used. */
void mdf_ice_checked(MdfIce *self,
                     const MdfAddress *from,
                     const char *name,
                     size_t length,
                     bool use_candidate,
                     int64_t now_us,
                     MdfIceChange *ret_change);

/* Where to send; NULL before the first nomination. Lent. */
const MdfAddress *mdf_ice_selected(const MdfIce *self);
/* When consent ends unless another check comes. */
int64_t mdf_ice_consent_ends_us(const MdfIce *self);
