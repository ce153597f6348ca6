/* lib/base/progress.h - long work on a terminal: a bar that redraws itself; plain lines, one per tenth,
 * anywhere else. */
#pragma once

#include <glib.h>
#include <stdio.h>

typedef struct BaseProgress BaseProgress;

/* @out: borrowed. @label: stands before the bar; copied. */
BaseProgress *base_progress_new(FILE *out, const char *label);
void base_progress_free(BaseProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaseProgress, base_progress_free)

/* Ends the bar's line before something else is printed. */
void base_progress_end(BaseProgress *self);

/* @fraction: 0..1. @detail: stands behind the bar; may be NULL. */
void base_progress_update(BaseProgress *self, double fraction, const char *detail);
/* A line of its own, above the bar. */
void base_progress_say(BaseProgress *self, const char *text);
