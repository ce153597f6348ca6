/* sgw/registration.h - one viewer's registration: a connection of its own on Gm, REGISTER, its refresh at
 * half of the granted time, the reg event, a new connection after a loss, and the end.
 *
 * A core knows a user by source address and port, so everything of this viewer goes over this flow.
 * Challenges come through the UA's challenge event; see gm-handler. */
#pragma once

#include "sgw/gm-build.h"
#include "sgw/services.h"

#include <glib.h>
#include <stdbool.h>

typedef struct SgwRegistration SgwRegistration;

typedef struct {
    /* 200 to a REGISTER: @first, or a refresh. */
    void (*registered)(SgwRegistration *registration, bool first, unsigned expires_s, void *user_data);
    /* Refused, lapsed or taken away by the network: @status as of SIP, @reason for the viewer. Nothing
     * follows; it may be freed. */
    void (*ended)(SgwRegistration *registration, int status, const char *reason, void *user_data);
} SgwRegistrationEvents;

/* Opens the connection and sends the first REGISTER. @flow_owner: what the UA's flow events find at the
 * flow. @events: borrowed with @user_data.
 * Errors: INVALID_ARGUMENT, FORBIDDEN (user); UNAVAILABLE, BUSY (connection). */
SgwRegistration *sgw_registration_new(const SgwServices *services,
                                      const char *user,
                                      void *flow_owner,
                                      const SgwRegistrationEvents *events,
                                      void *user_data,
                                      GError **error);
/* Closes the connection without a word: the registration lapses. */
void sgw_registration_free(SgwRegistration *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwRegistration, sgw_registration_free)

/* Logs out: REGISTER with Expires 0. @done is called once, unless it is freed before; `ended` is not. */
void
sgw_registration_log_out(SgwRegistration *self, void (*done)(int status, void *user_data), void *user_data);

bool sgw_registration_is_registered(const SgwRegistration *self);
const SgwGmIdentity *sgw_registration_identity(const SgwRegistration *self);
NetSipFlow *sgw_registration_flow(const SgwRegistration *self); /* NULL while there is none */
/* The UA lost @flow; true if it was this one. */
bool sgw_registration_flow_lost(SgwRegistration *self, const NetSipFlow *flow, const GError *why);
