/* content/probe.h - what is in a file: reads it through once, without decoding. Runs in the disposable child
 * only. */
#pragma once

#include "content/facts.h"

#include <glib.h>
#include <stdbool.h>

/* @position: called with the media time reached, about five times a second; may be NULL.
 * Errors: NOT_FOUND, NOT_ACCEPTABLE, TIMEOUT, UNAVAILABLE; the message says what is the matter with "it". */
bool content_probe(const char *path,
                   ContentFacts *ret_facts,
                   void (*position)(void *user_data, int64_t media_us, int64_t duration_us),
                   void *user_data,
                   GError **error);
