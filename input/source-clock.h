/* input/source-clock.h - maps a source's time to the monotonic clock: one slowly corrected line for
 * all tracks, plus the channel delay. Pure: is told what time it is.
 *
 * The demultiplexer has already taken the drift of the sender's clock out (program clock reference
 * against arrival). Here: due = source time + offset, where the offset covers 99.9 % of the lateness
 * seen on any track within the last minute, at most 1.5 s more than the best case. It moves by at most
 * 20 ms a second up and 4 ms a second down; what the start of a pipeline holds up is forgotten after two
 * seconds. A source that jumps is followed after a few access units that agree with each other; both tracks
 * then say so once. Thread: any. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct InputSourceClock InputSourceClock;

typedef enum {
    INPUT_CLOCK_VIDEO,
    INPUT_CLOCK_AUDIO,
    INPUT_CLOCK_TRACKS,
} InputClockTrack;

InputSourceClock *input_source_clock_new(void);
void input_source_clock_free(InputSourceClock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InputSourceClock, input_source_clock_free)

/* The source was connected anew: forget its line. The next access unit of each track is a discontinuity. */
void input_source_clock_restart(InputSourceClock *self);

/* @source_us: presentation time as the demultiplexer says it. @now_us: when it came out of the pipeline.
 * @ret_due_us: on the monotonic clock, also what the RTP timestamp of video says; of video it always grows.
 * @ret_discontinuity: true once per track after a start or jump.
 * Returns false if the access unit fits no line and is to be dropped. */
bool input_source_clock_map(InputSourceClock *self,
                            InputClockTrack track,
                            int64_t source_us,
                            int64_t now_us,
                            int64_t *ret_due_us,
                            bool *ret_discontinuity);

/* Something that is due at @due_us was ready at @now_us only, after conversion: counts as lateness. */
void input_source_clock_note(InputSourceClock *self, InputClockTrack track, int64_t due_us, int64_t now_us);

/* From the best arrival to due: what a viewer pays for jitter. */
int64_t input_source_clock_delay_us(InputSourceClock *self);
/* Jumps followed so far. */
unsigned input_source_clock_jumps(InputSourceClock *self);
