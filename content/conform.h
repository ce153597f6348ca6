/* content/conform.h - makes a file into reels: H.264 without B-frames in closed groups of two seconds, Opus.
 * Runs in the disposable child only. */
#pragma once

#include "content/facts.h"
#include "content/verdict.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char file[32];
    char codec[16]; /* as in asset.json */
    char language[16];
    unsigned width, height;
    double fps;
    unsigned bitrate_kbps;
    uint64_t frames, key_frames;
} ContentConformTrack;

typedef struct {
    int64_t duration_us;
    bool has_video, has_audio;
    ContentConformTrack video, audio;
} ContentConformResult;

/* Writes reels into @folder as @verdict says.
 * @position: called with the media time written, about five times a second.
 * Errors: NOT_ACCEPTABLE if the file is damaged, TIMEOUT, UNAVAILABLE (disk full, missing plug-in). */
bool content_conform(const char *path,
                     const char *folder,
                     const ContentFacts *facts,
                     const ContentVerdict *verdict,
                     void (*position)(void *user_data, int64_t media_us),
                     void *user_data,
                     ContentConformResult *ret_result,
                     GError **error);
