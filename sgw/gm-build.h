/* sgw/gm-build.h - the gateway's SIP requests on Gm, as an IMS terminal sends them. Pure.
 *
 * Spec: TS 24.229 5.1, RFC 3261 10, RFC 3608 (Service-Route), RFC 3680 (reg event), TS 183 063 5.1. */
#pragma once

#include "lib/net/sip-msg.h"
#include "sgw/services.h"

#include <glib.h>
#include <stdint.h>

/* Who we are for the core, learned by registering. */
typedef struct {
    char *impi;           /* demo@imstv.test */
    char *impu;           /* sip:demo@imstv.test: the first of P-Associated-URI, else made from the IMPI */
    char **associated;    /* all of P-Associated-URI; NULL before */
    char **service_route; /* NULL before */
} SgwGmIdentity;

/* @user: user@home_domain. (transfer full)
 * Errors: INVALID_ARGUMENT if it is no such thing; FORBIDDEN for another domain. */
SgwGmIdentity *sgw_gm_identity_new(const SgwSettings *settings, const char *user, GError **error);
void sgw_gm_identity_free(SgwGmIdentity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwGmIdentity, sgw_gm_identity_free)
/* Keeps Service-Route and P-Associated-URI of a 200 to REGISTER. */
void sgw_gm_identity_learn(SgwGmIdentity *self, const NetSipMsg *response);

/* @contact: URI. @expires_s: 0 de-registers. */
NetSipMsg *sgw_gm_build_register(const SgwSettings *settings,
                                 const SgwGmIdentity *identity,
                                 const char *contact,
                                 const char *call_id,
                                 uint32_t cseq,
                                 unsigned expires_s);
NetSipMsg *sgw_gm_build_subscribe_reg(const SgwSettings *settings, const SgwGmIdentity *identity);
NetSipMsg *sgw_gm_build_subscribe_sdf(const SgwSettings *settings, const SgwGmIdentity *identity);
/* @target: URI, see below. @session_id: 32 hex digits. */
NetSipMsg *sgw_gm_build_invite(const SgwSettings *settings,
                               const SgwGmIdentity *identity,
                               const char *target,
                               const char *session_id,
                               const char *sdp);

/* The URI of a film, "sip:iptv-<id>@home", with what is special in a user part escaped; of the broadcast
 * service. (transfer full) Errors: INVALID_ARGUMENT for an id that is empty, too long or not printable. */
char *sgw_gm_content_uri(const SgwSettings *settings, const char *content_id, GError **error);
char *sgw_gm_broadcast_uri(const SgwSettings *settings);
