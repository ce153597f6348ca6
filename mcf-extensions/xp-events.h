/* mcf-extensions/xp-events.h - the listener to which MDFs POST what happens to a viewer (docs/xp.md). */
#pragma once

#include "mcf-extensions/session.h"

#include <glib.h>
#include <stdint.h>

typedef struct McfXpEvents McfXpEvents;

/* @port: 0: chosen by the system. Errors: UNAVAILABLE if it is in use. */
McfXpEvents *mcf_xp_events_new(const char *address, uint16_t port, GError **error);
void mcf_xp_events_free(McfXpEvents *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfXpEvents, mcf_xp_events_free)

uint16_t mcf_xp_events_port(const McfXpEvents *self);
/* URL that goes before a session's event id; lent. */
const char *mcf_xp_events_base(const McfXpEvents *self);

/* @session: borrowed until remove. */
void mcf_xp_events_add(McfXpEvents *self, McfSession *session);
void mcf_xp_events_remove(McfXpEvents *self, McfSession *session);
