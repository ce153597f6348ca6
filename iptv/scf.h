/* iptv/scf.h - the service control function: takes the viewers' INVITEs from the core, checks what they may
 * watch, and keeps one IptvScfCall for each.
 * Spec: TS 183 063 5.3.3, 5.3.4. */
#pragma once

#include "iptv/scf-request.h"
#include "iptv/settings.h"
#include "lib/net/sip-ua.h"

typedef struct IptvScf IptvScf;

typedef struct {
    /* After iptv_scf_drain: the last call is over. */
    void (*drained)(IptvScf *scf, void *user_data);
} IptvScfEvents;

/* All borrowed for the life of the SCF. */
IptvScf *iptv_scf_new(const IptvSettings *settings,
                      NetSipUa *ua,
                      Store *store,
                      StoreCatalogue *catalogue,
                      const IptvScfEvents *events,
                      void *user_data);
void iptv_scf_free(IptvScf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IptvScf, iptv_scf_free)

/* @session: (transfer full). @invite: lent. */
void iptv_scf_handle_invite(IptvScf *self, NetSipSession *session, const NetSipMsg *invite);
/* Takes no more calls and ends those there are; `drained` follows, from the main loop. */
void iptv_scf_drain(IptvScf *self);
