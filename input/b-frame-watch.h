/* input/b-frame-watch.h - says whether a channel's video has B-frames, from how many pictures of the last
 * seconds came out of order. One disturbed start is no B-frame stream, and a source that was set right is
 * not blamed for its past. Pure: no clock of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool b_frames;              /* the judgement */
    bool begun;                 /* a window is open */
    uint64_t frames, reordered; /* at the window's start */
    int64_t since_us;
    unsigned n_against; /* windows in a row that say otherwise than the judgement */
} InputBFrameWatch;

/* @frames, @reordered: pictures since the first key frame of this pipeline, and how many of them came out of
 * order; where they are less than before, another pipeline counts. To be called a few times a second.
 * Returns true when the judgement has changed. */
bool input_b_frame_watch_update(InputBFrameWatch *self, uint64_t frames, uint64_t reordered, int64_t now_us);
