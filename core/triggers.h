/* core/triggers.h - the trigger table, in the place of a user profile's initial filter criteria.
 *
 * One entry: `METHODS REGEX SIP-URI`, e.g. "INVITE,SUBSCRIBE ^sip:iptv- sip:127.0.0.1:5070;transport=tcp".
 * Methods are separated by commas, '*' stands for all; the regular expression is matched against the
 * Request-URI. Spec: TS 24.229 5.4.3.2, TS 29.228 annex B. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CoreTriggers CoreTriggers;

/* @table: NULL-ended. Errors: INVALID_ARGUMENT, naming the entry. */
CoreTriggers *core_triggers_new(const char *const *table, GError **error);
void core_triggers_free(CoreTriggers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CoreTriggers, core_triggers_free)

/* The first entry from @start on that matches; -1 if there is none. */
int core_triggers_match(const CoreTriggers *self, const char *method, const char *request_uri, int start);
const char *core_triggers_server(const CoreTriggers *self, int index);
int core_triggers_count(const CoreTriggers *self);
