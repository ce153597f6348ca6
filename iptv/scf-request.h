/* iptv/scf-request.h - what an INVITE asks of the service control function, and whether it may have it. */
#pragma once

#include <stdbool.h>

#include "iptv/settings.h"
#include "lib/net/sip-msg.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"

typedef struct {
    StoreContentKind kind;
    char *id;            /* asset or channel */
    char *impu;          /* who asks, as the core asserts it */
    char *sdp;           /* the offer for the media control function, with what is granted */
    GPtrArray *packages; /* of StorePackage: granted; channels only */
} IptvScfRequest;

void iptv_scf_request_clear(IptvScfRequest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IptvScfRequest, iptv_scf_request_clear)

typedef struct {
    const IptvSettings *settings;
    Store *store;
    StoreCatalogue *catalogue;
} IptvScfRules;

/* Reads an INVITE or re-INVITE with an offer and checks identity, content, rights and offer, in this order.
 * @ret_request: cleared on failure.
 * Errors: FORBIDDEN, NOT_FOUND, NOT_ACCEPTABLE, PROTOCOL, UNAVAILABLE. */
bool iptv_scf_request_read(const IptvScfRules *rules,
                           const NetSipMsg *invite,
                           IptvScfRequest *ret_request,
                           GError **error);
/* The same for a re-INVITE: @initial names the user and what the session was set up for; a channel may
 * change. Errors: as above. */
bool iptv_scf_request_reread(const IptvScfRules *rules,
                             const IptvScfRequest *initial,
                             const NetSipMsg *reinvite,
                             IptvScfRequest *ret_request,
                             GError **error);

/* The answer for the viewer: the media control function's, with channel and granted packages. (transfer full)
 * Errors: PROTOCOL. */
char *iptv_scf_request_answer(const IptvScfRules *rules,
                              const IptvScfRequest *self,
                              const char *sdp,
                              GError **error);
/* What stands in To on y2: "<sip:iptv-one@imstv.test>". (transfer full) */
char *iptv_scf_request_to(const IptvScfRules *rules, const IptvScfRequest *self);
