/* mdf/channels/film-opener.h - opens films on helper threads, so that a slow disk never holds up the main
 * loop, and keeps the ones that were asked for lately open. Main thread. */
#pragma once

#include "lib/reel/block-cache.h"

typedef struct MdfFilmOpener MdfFilmOpener;

MdfFilmOpener *mdf_film_opener_new(ReelBlockCache *cache);
/* Waits for the openings under way; who waits for one of them is not called any more. */
void mdf_film_opener_free(MdfFilmOpener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfFilmOpener, mdf_film_opener_free)

typedef void (*MdfFilmOpened)(void *user_data);

/* Opens the film in @folder; @name: "asset:ID". @opened runs once: at once if there is nothing to wait for,
 * otherwise from the main loop, when the film is open, when that failed, or after MDF_FILM_OPENER_WAIT_MS.
 * What came of it is said by mdf_film_opener_get, to be asked
 * inside @opened: a film of a catalogue that changed meanwhile is kept for those who wait, and no longer. */
#define MDF_FILM_OPENER_WAIT_MS 3000
void mdf_film_opener_prepare(
    MdfFilmOpener *self, const char *name, const char *folder, MdfFilmOpened opened, void *user_data);

/* (transfer full) Never waits. Errors: as reel_programme_open; BUSY if it is not open yet: it is being opened
 * now, ask again or prepare first. */
ReelProgramme *mdf_film_opener_get(MdfFilmOpener *self, const char *name, const char *folder, GError **error);
/* Lets go of all films that are kept open: the catalogue has changed. */
void mdf_film_opener_forget(MdfFilmOpener *self);
