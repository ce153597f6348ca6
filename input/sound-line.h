/* input/sound-line.h - puts decoded sound on the channel's line of time by resampling it: exactly 960 samples
 * in every 20 ms of the line, whatever the source's clock does. Pure.
 *
 * A receiver (NetEq) throws away or patches every packet whose timestamp is not where the last one ended, so
 * timestamps must not be slewed; the samples are. Up to 1 % faster or slower, by linear interpolation, only
 * while the sound is more than 2 ms off the line. Holes of up to a second become silence, what comes twice is
 * dropped. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_SOUND_RATE 48000
#define INPUT_SOUND_CHANNELS 2
#define INPUT_SOUND_FRAME 960 /* samples of each channel: 20 ms */
#define INPUT_SOUND_FRAME_US 20000

typedef struct InputSoundLine InputSoundLine;

/* @samples: INPUT_SOUND_FRAME interleaved frames, lent. @due_us: of the first one; 20 ms after that of the
 * last call, but for a jump. */
typedef void (*InputSoundEmit)(void *user_data, const int16_t *samples, int64_t due_us);

InputSoundLine *input_sound_line_new(InputSoundEmit emit, void *user_data);
void input_sound_line_free(InputSoundLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InputSoundLine, input_sound_line_free)

/* @samples: @n_frames interleaved frames; @due_us: where the line says the first one belongs. */
void input_sound_line_push(InputSoundLine *self, const int16_t *samples, size_t n_frames, int64_t due_us);

typedef struct {
    uint64_t silence, dropped; /* frames put in, left out */
    unsigned jumps;
} InputSoundStats;
void input_sound_line_stats(const InputSoundLine *self, InputSoundStats *ret_stats);
