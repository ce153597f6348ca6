/* lib/store/catalogue.h - the films: what content/ has published in <state>/content/<id>/asset.json.
 *
 * asset.json, at most 64 KiB of UTF-8; unknown members are ignored, (*) are required:
 *
 *   {"id": "big-buck-bunny",           (*) same as the folder's name
 *    "title": "Big Buck Bunny",        (*)
 *    "synopsis": "...",
 *    "credit": "Blender Foundation, CC-BY 3.0",
 *    "duration_us": 30000000,          (*) > 0
 *    "poster": "poster.jpg",           a file in the same folder
 *    "created": 1795195377,            seconds since 1970
 *    "source": {...},                  whatever ingest wants to remember of the original; not read here
 *    "tracks": [                       (*) at least one of kind video or audio, at most 64
 *      {"kind": "video",               (*) video | audio | trick
 *       "file": "video-0.reel",        (*) a file in the same folder
 *       "codec": "H264",               (*) H264 | VP8 | VP9 | AV1 | OPUS
 *       "language": "eng",             ISO 639-2, audio
 *       "width": 1280, "height": 720,  video and trick
 *       "fps": 24.0,                   video and trick
 *       "bitrate_kbps": 2500}]}
 *
 * File names in it match [A-Za-z0-9_][A-Za-z0-9._-]*: nothing outside the folder can be named.
 * An asset folder is made as content/.staging-* and published by one rename, removed by a rename back. A
 * folder without a readable asset.json is left out and logged once. The list is read again when the content
 * folder's time of change differs (looked at every 250 ms). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    STORE_TRACK_VIDEO,
    STORE_TRACK_AUDIO,
    STORE_TRACK_TRICK,
} StoreTrackKind;

typedef struct {
    StoreTrackKind kind;
    char *file;     /* name in the asset's folder */
    char *codec;    /* H264 | VP8 | VP9 | AV1 | OPUS */
    char *language; /* NULL if not said */
    unsigned width, height;
    double fps;
    unsigned bitrate_kbps;
} StoreTrack;

typedef struct {
    char *id;
    char *title;
    char *synopsis; /* NULL if there is none, and so on */
    char *credit;
    char *poster; /* file name in the asset's folder */
    int64_t duration_us;
    int64_t created;   /* seconds since 1970 */
    GPtrArray *tracks; /* of StoreTrack */
} StoreAsset;

/* Shared, never changed once made. Thread: any. */
StoreAsset *store_asset_ref(StoreAsset *self);
void store_asset_unref(StoreAsset *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreAsset, store_asset_unref)

/* Reads one asset.json. @id: the folder's name.
 * Errors: PROTOCOL with the member that is wrong. */
StoreAsset *store_asset_parse(const char *id, const char *json, gssize length, GError **error);

typedef struct StoreCatalogue StoreCatalogue;

/* @state_dir: copied; its content folder is made if missing. At most 10,000 assets are listed. */
StoreCatalogue *store_catalogue_new(const char *state_dir, GError **error);
void store_catalogue_free(StoreCatalogue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreCatalogue, store_catalogue_free)

/* The assets, sorted by title. (transfer container) (element StoreAsset) */
GPtrArray *store_catalogue_list(StoreCatalogue *self);
/* One asset, also if it was published a moment ago. (transfer full)
 * Errors: NOT_FOUND, also for an id that is none. */
StoreAsset *store_catalogue_get(StoreCatalogue *self, const char *id, GError **error);
/* Path of a file of an asset. (transfer full) */
char *store_catalogue_path(const StoreCatalogue *self, const StoreAsset *asset, const char *file);

typedef void (*StoreCatalogueChanged)(void *user_data);
/* Called from the main loop when assets came or went; one watcher, NULL: none. */
void store_catalogue_watch(StoreCatalogue *self, StoreCatalogueChanged changed, void *user_data);
