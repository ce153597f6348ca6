/* content/verdict.h - will it play in browsers over WebRTC, why not, and what is done about it. Pure. */
#pragma once

#include "content/facts.h"

#include <glib.h>

typedef enum {
    CONTENT_LEAVE_OUT, /* there is none */
    CONTENT_KEEP,      /* fits; only repackaged */
    CONTENT_ENCODE,
} ContentTreatment;

typedef struct {
    ContentTreatment video, audio;
    bool deinterlace;
    char *text; /* one or more plain sentences */
} ContentVerdict;

/* Key frames further apart than this make joining and seeking too coarse. */
#define CONTENT_KEY_GAP_MAX_S 5.0

/* Size in which the picture is shown and encoded: upright, with square pixels, even. */
void content_verdict_size(const ContentVideoFacts *video, unsigned *ret_width, unsigned *ret_height);

/* Fills @ret_verdict; clear it with content_verdict_clear.
 * Errors: NOT_ACCEPTABLE if nothing can be made of the file, with the reason. */
bool content_verdict(const ContentFacts *facts, ContentVerdict *ret_verdict, GError **error);
void content_verdict_clear(ContentVerdict *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ContentVerdict, content_verdict_clear)
