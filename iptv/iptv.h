/* iptv/iptv.h - the application servers of one process: SDF, SCF and SSF on one SIP port and one HTTP port.
 */
#pragma once

#include "iptv/settings.h"

#include <stdbool.h>

typedef struct Iptv Iptv;

typedef struct {
    /* After iptv_stop: all calls are over. */
    void (*stopped)(Iptv *iptv, void *user_data);
} IptvEvents;

/* Opens the store and all ports. @settings: (transfer full). @events: borrowed with @user_data.
 * Errors: UNAVAILABLE, INVALID_ARGUMENT. */
Iptv *iptv_new(IptvSettings *settings, const IptvEvents *events, void *user_data, GError **error);
void iptv_free(Iptv *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Iptv, iptv_free)

/* "sip=5070 http=8088 admin=9992": the ports that are really open. Lent. */
const char *iptv_status(const Iptv *self);
/* Ends all calls; `stopped` follows. */
void iptv_stop(Iptv *self);
