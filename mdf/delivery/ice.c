#include "mdf/delivery/ice.h"

#include <string.h>

#include "lib/base/id.h"

/* 64 ice-chars: each random byte gives six bits without bias. */
static void
random_text(char *out, size_t length)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    base_random_bytes(out, length);
    for (size_t i = 0; i < length; i++)
        out[i] = chars[(uint8_t)out[i] & 63];
    out[length] = '\0';
}

void
mdf_ice_credentials_init(MdfIceCredentials *self, const char *remote_ufrag)
{
    random_text(self->local_ufrag, MDF_ICE_UFRAG_BYTES);
    random_text(self->local_pwd, MDF_ICE_PWD_BYTES);
    g_strlcpy(self->remote_ufrag, remote_ufrag, sizeof self->remote_ufrag);
}

void
mdf_ice_init(MdfIce *self, const MdfIceCredentials *credentials, int64_t now_us)
{
    *self = (MdfIce){.credentials = *credentials, .selected = -1, .heard_us = now_us};
}

void
mdf_ice_restart(MdfIce *self, const MdfIceCredentials *credentials)
{
    self->previous = self->credentials;
    self->has_previous = true;
    self->credentials = *credentials;
}

/* "ours:theirs" */
static bool
is_name_of(const MdfIceCredentials *credentials, const char *name, size_t length)
{
    size_t ours = strlen(credentials->local_ufrag), theirs = strlen(credentials->remote_ufrag);

    return length == ours + 1 + theirs && memcmp(name, credentials->local_ufrag, ours) == 0 &&
           name[ours] == ':' && memcmp(name + ours + 1, credentials->remote_ufrag, theirs) == 0;
}

const char *
mdf_ice_password(const MdfIce *self, const char *name, size_t length)
{
    if (is_name_of(&self->credentials, name, length))
        return self->credentials.local_pwd;
    if (self->has_previous && is_name_of(&self->previous, name, length))
        return self->previous.local_pwd;

    return NULL;
}

static int
find(const MdfIce *self, const MdfAddress *address)
{
    for (unsigned i = 0; i < self->n_addresses; i++)
        if (mdf_address_equal(&self->addresses[i].address, address))
            return (int)i;

    return -1;
}

/* The slot for a new address; never the one that media goes to. */
static int
make_room(MdfIce *self, MdfIceChange *change)
{
    int oldest = -1;

    if (self->n_addresses < MDF_ICE_ADDRESSES_MAX)
        return (int)self->n_addresses++;
    for (int i = 0; i < MDF_ICE_ADDRESSES_MAX; i++)
        if (i != self->selected &&
            (oldest < 0 || self->addresses[i].heard_us < self->addresses[oldest].heard_us))
            oldest = i;
    change->evicted = self->addresses[oldest].address;
    change->had_to_evict = true;

    return oldest;
}

void
mdf_ice_checked(MdfIce *self,
                const MdfAddress *from,
                const char *name,
                size_t length,
                bool use_candidate,
                int64_t now_us,
                MdfIceChange *ret_change)
{
    int i = find(self, from);

    *ret_change = (MdfIceChange){0};
    if (self->has_previous && is_name_of(&self->credentials, name, length))
        self->has_previous = false;
    if (i < 0) {
        i = make_room(self, ret_change);
        self->addresses[i].address = *from;
        ret_change->added = true;
    }
    self->addresses[i].heard_us = now_us;
    self->heard_us = now_us;
    if (use_candidate)
        self->selected = i;
    ret_change->selected = self->selected >= 0;
}

const MdfAddress *
mdf_ice_selected(const MdfIce *self)
{
    return self->selected < 0 ? NULL : &self->addresses[self->selected].address;
}

int64_t
mdf_ice_consent_ends_us(const MdfIce *self)
{
    return self->heard_us + MDF_ICE_CONSENT_US;
}
