/* content/publish.h - the content folder on disk: staging, publishing by one rename, removal, recovery.
 *
 * An asset is <state>/content/<id>/. It is made in content/.staging-*, locked by whoever makes it as long as
 * that process lives; files are synced before the folder gets its name, so that after a crash at any moment
 * an asset is there whole or not at all. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct ContentStaging ContentStaging;

/* A new locked folder in @state_dir/content (made if missing).
 * Errors: UNAVAILABLE with the reason (no right, disk full). */
ContentStaging *content_staging_new(const char *state_dir, GError **error);
/* Removes the folder unless it was published. */
void content_staging_free(ContentStaging *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentStaging, content_staging_free)

const char *content_staging_path(const ContentStaging *self);

/* Writes @asset_json as asset.json and publishes the folder as @id.
 * Errors: INVALID_ARGUMENT for an id that is none; BUSY if there is such an asset already; UNAVAILABLE
 * (disk). */
bool content_staging_publish(ContentStaging *self, const char *id, const char *asset_json, GError **error);

bool content_published(const char *state_dir, const char *id);

/* Takes an asset away: gone by one rename, then deleted.
 * Errors: NOT_FOUND. */
bool content_remove(const char *state_dir, const char *id, GError **error);

/* Deletes what dead processes have left behind. Returns how many folders. */
unsigned content_recover(const char *state_dir);
