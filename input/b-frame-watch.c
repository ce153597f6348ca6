#include "input/b-frame-watch.h"

#define WINDOW_US (2 * INT64_C(1000000))
#define WINDOW_FRAMES 20u /* fewer say nothing */
#define WINDOWS 2u        /* in a row, for another judgement */
#define ONE_IN 20u        /* encoders that use B-frames at all make one of two to four pictures one */

static void
open_window(InputBFrameWatch *self, uint64_t frames, uint64_t reordered, int64_t now_us)
{
    self->begun = true;
    self->frames = frames;
    self->reordered = reordered;
    self->since_us = now_us;
}

static bool
judge(InputBFrameWatch *self, bool says)
{
    self->n_against = says == self->b_frames ? 0 : self->n_against + 1;
    if (self->n_against < WINDOWS)
        return false;
    self->n_against = 0;
    self->b_frames = says;
    return true;
}

bool
input_b_frame_watch_update(InputBFrameWatch *self, uint64_t frames, uint64_t reordered, int64_t now_us)
{
    uint64_t seen, back;

    if (frames == 0 || frames < self->frames || reordered < self->reordered) {
        *self = (InputBFrameWatch){.b_frames = self->b_frames};
        return false;
    }
    if (!self->begun) {
        open_window(self, frames, reordered, now_us);
        return false;
    }
    seen = frames - self->frames;
    back = reordered - self->reordered;
    if (now_us - self->since_us < WINDOW_US || seen < WINDOW_FRAMES)
        return false;
    open_window(self, frames, reordered, now_us);
    return judge(self, back * ONE_IN >= seen);
}
