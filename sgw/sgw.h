/* sgw/sgw.h - the signalling gateway as one object: its port for browsers, its endpoints towards the network,
 * and the sessions between them. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>
#include <stdint.h>

typedef struct Sgw Sgw;

extern const BaseConfigKey sgw_keys[];
extern const size_t sgw_n_keys;

/* Listens at once. Errors: INVALID_ARGUMENT, UNAVAILABLE. */
Sgw *sgw_new(const BaseConfig *config, GError **error);
void sgw_free(Sgw *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sgw, sgw_free)

uint16_t sgw_port(const Sgw *self);
uint16_t sgw_admin_port(const Sgw *self);
/* Ends all sessions (BYE); @done is called when that is through, after 2.5 s at the latest. */
void sgw_stop(Sgw *self, void (*done)(void *user_data), void *user_data);
