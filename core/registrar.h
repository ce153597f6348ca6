/* core/registrar.h - who is registered, from where, until when.
 *
 * A binding belongs to one source: transport, address and port of the connection it was made on. Requests
 * from that source are the user's, requests from anywhere else are nobody's. */
#pragma once

#include "lib/base/clock.h"
#include "lib/net/sip-transport.h"

#include <glib.h>
#include <stdbool.h>

#define CORE_MAX_BINDINGS_PER_USER 2000 /* one demo user has many browsers */
#define CORE_MAX_BINDINGS 20000

typedef struct CoreRegistrar CoreRegistrar;

typedef struct {
    char *source; /* "tcp 127.0.0.1:40000" */
    char *impi, *impu;
    char *contact; /* Contact URI as registered */
    char *id;      /* for reginfo */
    NetSipFlow *flow;
    int64_t until_us;
} CoreBinding;

typedef enum {
    CORE_REGISTERED,
    CORE_REFRESHED,
    CORE_UNREGISTERED, /* by the user */
    CORE_EXPIRED,
    CORE_DEACTIVATED, /* by the network: try again at once */
    CORE_REJECTED,    /* by the network: do not come back with these credentials */
} CoreRegEvent;

/* "registered", "refreshed", ... as in reginfo (RFC 3680 5.1). */
const char *core_reg_event_name(CoreRegEvent event);

typedef struct {
    /* @binding: still in (or, after the last four, already out of) the table; lent. */
    void (*changed)(const CoreBinding *binding, CoreRegEvent event, void *user_data);
} CoreRegistrarEvents;

CoreRegistrar *core_registrar_new(const BaseClock *clock, const CoreRegistrarEvents *events, void *user_data);
void core_registrar_free(CoreRegistrar *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CoreRegistrar, core_registrar_free)

/* Makes or renews the binding of @flow's source. Errors: FORBIDDEN if the source is another user's, BUSY
 * (caps). */
bool core_registrar_bind(CoreRegistrar *self,
                         NetSipFlow *flow,
                         const char *impi,
                         const char *impu,
                         const char *contact,
                         guint expires_s,
                         GError **error);
/* Removes the binding of the source, if any. */
void core_registrar_unbind(CoreRegistrar *self, NetSipFlow *flow, CoreRegEvent why);
void core_registrar_unbind_user(CoreRegistrar *self, const char *impu, CoreRegEvent why);
/* Drops what has expired; to be called every second. */
void core_registrar_sweep(CoreRegistrar *self);

/* NULL if nobody is registered from there. Lent. */
const CoreBinding *core_registrar_of_flow(CoreRegistrar *self, const NetSipFlow *flow);
/* The binding whose contact has this host, port and transport. NULL if none. */
const CoreBinding *core_registrar_of_contact(CoreRegistrar *self, const NetSipUri *uri);
/* Bindings of a public identity; lent elements, may be empty. (transfer container) */
GPtrArray *core_registrar_of_user(CoreRegistrar *self, const char *impu);
/* All registered identities. (transfer full) */
char **core_registrar_users(CoreRegistrar *self);
guint core_registrar_expires_s(const CoreRegistrar *self, const CoreBinding *binding);
guint core_registrar_count(const CoreRegistrar *self);
