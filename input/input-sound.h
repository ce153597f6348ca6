/* input/input-sound.h - the sound of a channel: decode, put on the line of time, encode once as Opus.
 *
 *   sink pad ! queue ! DECODER ! audioresample ! appsink -> source-clock, sound-line -> appsrc ! opusenc !
 * reel sink
 */
#pragma once

#include "input/source-clock.h"
#include "lib/gst/reel-sink.h"

typedef struct InputSound InputSound;

/* Puts its elements into @pipeline, in its state. @decoder: elements from parsed stream to raw audio, for
 * gst_parse_launch. @writer, @clock: borrowed, outlive it.
 * Errors: UNAVAILABLE. */
InputSound *input_sound_new(
    GstBin *pipeline, const char *decoder, ReelWriter *writer, InputSourceClock *clock, GError **error);
/* The pipeline must be in state NULL. */
void input_sound_free(InputSound *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InputSound, input_sound_free)

/* Where the demultiplexer's pad goes. (transfer full) */
GstPad *input_sound_pad(InputSound *self);
void input_sound_stats(InputSound *self, GstreelSinkStats *ret_stats);
