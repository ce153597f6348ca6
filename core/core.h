/* core/core.h - the embedded IMS core: P-, I- and S-CSCF in one process, for machines without a real one.
 *
 * It behaves on the wire as a real core does (docs/decisions/0007-the-embedded-core-has-two-ports.md), with a
 * trigger table instead of a subscriber server. Terminals come in on the Gm port; application servers, media
 * control and our own Service-Route use the ISC port, which only trusted hosts may send to. */
#pragma once

#include "lib/base/clock.h"
#include "lib/store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Core Core;

typedef struct {
    const char *listen;      /* IP literal */
    uint16_t port, isc_port; /* 0: chosen by the system */
    const char *home_domain; /* also the digest realm */
    const char *const *triggers;
    const char *const *third_party; /* SIP URIs that get a REGISTER for every registration */
    const char *const *trusted;     /* further hosts that may use the ISC port */
    guint expires_max_s;
    const BaseClock *clock; /* NULL: the machine's */
} CoreConfig;

/* @store: borrowed. Errors: INVALID_ARGUMENT (triggers, addresses), UNAVAILABLE (ports). */
Core *core_new(const CoreConfig *config, Store *store, GError **error);
void core_free(Core *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Core, core_free)

uint16_t core_port(const Core *self);
uint16_t core_isc_port(const Core *self);
