/* lib/reel/reel-archive.h - copies the tail of channels to disk, segment by segment, on a thread of
 * its own: a slow or full disk loses archive, never play-out.
 *
 * Each finished segment of a track becomes one complete reel file <folder>/<track>-<number>.reel,
 * written under another name and renamed. Files older than the retention are removed. */
#pragma once

#include "lib/reel/reel.h"

typedef struct ReelArchive ReelArchive;

ReelArchive *reel_archive_new(void);
/* Stops the thread; waits for the write under way. */
void reel_archive_free(ReelArchive *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelArchive, reel_archive_free)

/* @programme: a channel, referenced until removed. @folder: created if needed.
 * @retention_s: how long files are kept; 0 ends archiving of that channel's future segments. */
void reel_archive_add(ReelArchive *self, ReelProgramme *programme, const char *folder, unsigned retention_s);
void reel_archive_remove(ReelArchive *self, ReelProgramme *programme);

typedef struct {
    uint64_t segments, bytes;
    uint64_t lost;   /* segments that fell off the window before they were on disk */
    uint64_t errors; /* failed writes */
} ReelArchiveStats;
void reel_archive_stats(const ReelArchive *self, ReelArchiveStats *ret_stats);
