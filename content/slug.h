/* content/slug.h - ids of assets: ^[a-z0-9][a-z0-9-]{0,62}$, and not one that the headend keeps for itself.
 * Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* True for an id that an asset may have.
 * Errors: INVALID_ARGUMENT with what is wrong with it. */
bool content_id_check(const char *id, GError **error);

/* An id made from a title or file name: "Big Buck Bunny (2008).mp4" -> "big-buck-bunny-2008". Never fails:
 * "film" if nothing usable is left. (transfer full) */
char *content_id_from_name(const char *name);

/* A title made from a file name: "big_buck-bunny.mp4" -> "big buck bunny". (transfer full) */
char *content_title_from_path(const char *path);
