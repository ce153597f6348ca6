/* core/nonces.h - the nonces that the registrar has given out: each good for one request within 300 s.
 *
 * A real S-CSCF challenges every REGISTER anew, so nc=2 on a nonce is a replay.
 * The table is capped; the oldest go first. */
#pragma once

#include "lib/base/clock.h"

#include <glib.h>
#include <stdbool.h>

#define CORE_NONCE_LIFE_S 300
#define CORE_MAX_NONCES 50000

typedef struct CoreNonces CoreNonces;

CoreNonces *core_nonces_new(const BaseClock *clock);
void core_nonces_free(CoreNonces *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CoreNonces, core_nonces_free)

/* A fresh nonce for @impi. Lent until the next call. */
const char *core_nonces_issue(CoreNonces *self, const char *impi);
/* True once for a nonce that @impi was given and that is not too old. */
bool core_nonces_use(CoreNonces *self, const char *nonce, const char *impi);
guint core_nonces_count(const CoreNonces *self);
