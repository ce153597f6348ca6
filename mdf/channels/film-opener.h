/* mdf/channels/film-opener.h - opens films on helper threads, so that a slow disk never holds up the main
 * loop, and keeps the ones that were asked for lately open. Main thread. */
#pragma once

#include "lib/reel/block-cache.h"

typedef struct MdfFilmOpener MdfFilmOpener;

MdfFilmOpener *mdf_film_opener_new(ReelBlockCache *cache);
/* Waits for the openings under way. */
void mdf_film_opener_free(MdfFilmOpener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfFilmOpener, mdf_film_opener_free)

/* The film in @folder; @name: "asset:ID". (transfer full) Waits 40 ms at most.
 * Errors: as reel_programme_open; BUSY if it takes longer: it is opened meanwhile, ask again. */
ReelProgramme *
mdf_film_opener_open(MdfFilmOpener *self, const char *name, const char *folder, GError **error);
/* Lets go of all films that are kept open: the catalogue has changed. */
void mdf_film_opener_forget(MdfFilmOpener *self);
