/* core/core-private.h - the one root object of the core, seen by its handlers. */
#pragma once

#include "core/core.h"
#include "core/nonces.h"
#include "core/registrar.h"
#include "core/triggers.h"
#include "lib/net/sip-proxy.h"
#include "lib/net/sip-ua.h"

#define CORE_GM "Gm"
#define CORE_ISC "ISC"
#define CORE_Y2 "y2"

struct Core {
    Store *store;
    char *listen, *home_domain;
    uint16_t port, isc_port;
    guint expires_max_s;
    char **third_party;
    GHashTable *trusted; /* hosts */
    NetSipUa *ua;
    CoreTriggers *triggers;
    CoreRegistrar *registrar;
    CoreNonces *nonces;
    GHashTable *watchers; /* CoreWatcher, see reg-event.c */
    GHashTable *told;     /* third-party REGISTERs under way, see third-party.c */
    guint sweep, watch;
    double register_tokens; /* admission of REGISTERs from sources that are not registered */
    int64_t register_tokens_us;
    const BaseClock *clock;
};

/* True if the flow came in on the Gm port. */
bool core_is_gm(const NetSipFlow *flow);
/* A URI of ours: "sip:USER@LISTEN:PORT;transport=tcp;lr". @isc: by the ISC port. (transfer full) */
char *core_uri(const Core *self, const char *user, bool isc, NetSipTransportKind kind);
/* True for a URI that names one of our ports. */
bool core_is_us(const Core *self, const NetSipUri *uri);

/* register.c: REGISTER from the Gm port. */
void core_handle_register(Core *self, NetSipServerTxn *txn);

/* reg-event.c */
void core_handle_subscribe(Core *self, NetSipNotifier *notifier, const NetSipMsg *subscribe);
void core_reg_event_changed(Core *self, const CoreBinding *binding, CoreRegEvent event);
/* Tells what could wait; to be called every second. */
void core_reg_event_sweep(Core *self);
void core_reg_event_clear(Core *self);

/* third-party.c: tells the application servers. */
void core_told_free(gpointer told);
void core_third_party_register(Core *self, const CoreBinding *binding, CoreRegEvent event);

/* admission.c: the admit function of the router's filter; @core: a Core. */
int core_admit(NetSipFlow *flow, const NetSipMsg *request, void *core);

/* router.c: everything else. */
extern const NetSipProxyFilter core_router;
