/* lib/base/json-check.h - what has to be known of a stranger's JSON before a parser that recurses sees it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define BASE_JSON_MAX_DEPTH 32

/* True if @text is UTF-8 without NUL and nests at most @max_depth deep. Whether it is JSON, the parser says.
 * @length: -1 if NUL-ended.
 * Errors: PROTOCOL. */
bool base_json_check(const char *text, gssize length, unsigned max_depth, GError **error);
