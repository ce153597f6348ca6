/* mdf/channels/sources.h - everything this MDF can play: films of the catalogue and live channels of
 * the store, which appear and disappear while it runs.
 *
 * Owns the block cache, the archive and all channels with their input processes. Main thread only. */
#pragma once

#include "lib/base/config.h"
#include "lib/reel/block-cache.h"
#include "lib/reel/reel.h"

/* Keys of the section [mdf] that sources needs; to be put into the daemon's table. */
/* clang-format off */
#define MDF_SOURCES_KEYS \
    {"mdf", "cache_mb", BASE_CONFIG_INT, "1024", 16, 1048576, NULL, "memory for films and channel windows"}, \
    {"mdf", "cache_threads", BASE_CONFIG_INT, "8", 1, 64, NULL, "threads that read films ahead"}, \
    {"mdf", "input_program", BASE_CONFIG_STRING, "imstv-input", 0, 0, NULL, "path of imstv-input"}, \
    {"mdf", "window_s", BASE_CONFIG_INT, "90", 10, 14400, NULL, "how far back one can go in a channel"}, \
    {"mdf", "archive_s", BASE_CONFIG_INT, "0", 0, 31536000, NULL, "how long archived channel segments stay on disk; 0: none"}
/* clang-format on */

typedef struct MdfSources MdfSources;

/* @config: has BASE_HEADEND_KEYS and MDF_SOURCES_KEYS; borrowed for the call. Starts an input process for
 * each channel in the store. Errors: UNAVAILABLE if store or memory cannot be had. */
MdfSources *mdf_sources_new(const BaseConfig *config, GError **error);
/* Ends the input processes. All cursors and programmes handed out must be gone. */
void mdf_sources_free(MdfSources *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfSources, mdf_sources_free)

ReelBlockCache *mdf_sources_cache(MdfSources *self); /* lent */

/* @source: "asset:ID" or "channel:ID". (transfer full) The programme can be handed to a worker thread and
 * outlives a change of the catalogue. Never waits.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, PROTOCOL (damaged asset), BUSY (a film that is not open yet: prepare
 * it). */
ReelProgramme *mdf_sources_lookup(MdfSources *self, const char *source, GError **error);
/* Gets @source ready for mdf_sources_lookup: @ready runs once, at once or from the main loop, at the latest
 * after 3 s; whether it worked is what the look-up says, to be done inside @ready. Not called any more after mdf_sources_free. */
void
mdf_sources_prepare(MdfSources *self, const char *source, void (*ready)(void *user_data), void *user_data);

/* False for a channel whose input gets nothing usable; true for all else. */
bool mdf_sources_has_signal(MdfSources *self, const char *source);
/* @changed: "channel:ID" has begun or ceased to send; from the main loop. One watcher; NULL: none. */
void mdf_sources_watch_signal(MdfSources *self,
                              void (*changed)(void *user_data, const char *source, bool signal),
                              void *user_data);

typedef struct {
    const char *id, *title;
    const char *state;         /* "starting", "live", "no-signal", "failed" */
    const char *input;         /* URL */
    const char *video, *audio; /* codec of the source: "H.264 1280x720", "AAC"; "" while unknown */
    const char *last_error;    /* "" if none */
    uint32_t bitrate_kbps;     /* of what arrives */
    bool b_frames;             /* browsers will not show this channel well */
    uint32_t restarts;         /* of the input process */
    int64_t delay_us;          /* channel delay: arrival to due */
} MdfChannelStatus;
/* Calls @each for every channel in order of id; strings are lent for the call. */
void mdf_sources_foreach_channel(MdfSources *self,
                                 void (*each)(const MdfChannelStatus *status, void *user_data),
                                 void *user_data);
