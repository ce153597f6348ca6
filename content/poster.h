/* content/poster.h - a still of the film as JPEG. Runs in the disposable child only. */
#pragma once

#include "content/facts.h"

#include <glib.h>
#include <stdbool.h>

/* Looks at a few places of the film and writes the picture with the most detail (black frames and titles
 * lose) to
 * @jpeg_path, at most 640 pixels wide.
 * Errors: UNAVAILABLE if no picture could be made. */
bool content_poster(const char *path, const ContentFacts *facts, const char *jpeg_path, GError **error);
