/* mdf/delivery/stun.h - the server side of ICE connectivity checks, on libnice's STUN library. One for
 * each worker; it keeps no state between messages.
 *
 * Answers only checks that are signed with a password of ours, and never with more bytes than came.
 * Spec: RFC 8489, RFC 8445 7.3, RFC 7675 (consent checks are the same message). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/address.h"

enum {
    MDF_STUN_REPLY_MAX = 256,
};

typedef struct MdfStun MdfStun;

/* Finds the password for "OUR-UFRAG:THEIR-UFRAG" (@name is not NUL-ended); NULL: unknown. Lent until the
 * next call. */
typedef const char *(*MdfStunLookup)(const char *name, size_t length, void *user_data);

typedef struct {
    bool use_candidate; /* the browser nominates this pair */
    bool accepted;      /* the check counts (a role conflict does not) */
    uint8_t reply[MDF_STUN_REPLY_MAX];
    size_t reply_length; /* 0: nothing to be sent */
} MdfStunCheck;

MdfStun *mdf_stun_new(void);
void mdf_stun_free(MdfStun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfStun, mdf_stun_free)

/* False for everything but an authenticated Binding request: to be dropped in silence. */
bool mdf_stun_handle(MdfStun *self,
                     const uint8_t *data,
                     size_t length,
                     const MdfAddress *from,
                     MdfStunLookup lookup,
                     void *user_data,
                     MdfStunCheck *ret_check);
