#include "input/sound-line.h"

#include <math.h>
#include <string.h>

#define NEAR_US 2000.0           /* as good as on the line */
#define FAR_US (150 * 1000)      /* not drift any more */
#define SILENCE_US (1000 * 1000) /* longer holes are jumps */
#define SETTLE_US 2e6            /* time constant of the correction */
#define STRETCH_MAX 0.01

struct InputSoundLine {
    InputSoundEmit emit;
    void *user_data;
    bool running, correcting;
    int16_t out[INPUT_SOUND_FRAME * INPUT_SOUND_CHANNELS];
    size_t n_out;                       /* frames in it */
    int64_t out_due_us;                 /* of its first frame */
    int16_t last[INPUT_SOUND_CHANNELS]; /* frame -1 of the next push */
    double position;                    /* in the next push; from -1 */
    InputSoundStats stats;
};

InputSoundLine *
input_sound_line_new(InputSoundEmit emit, void *user_data)
{
    InputSoundLine *self = g_new0(InputSoundLine, 1);

    self->emit = emit;
    self->user_data = user_data;
    return self;
}

void
input_sound_line_free(InputSoundLine *self)
{
    g_free(self);
}

static double
frames_to_us(double frames)
{
    return frames * (1e6 / INPUT_SOUND_RATE);
}

static void
put(InputSoundLine *self, const int16_t *frame)
{
    memcpy(self->out + self->n_out * INPUT_SOUND_CHANNELS, frame, INPUT_SOUND_CHANNELS * sizeof(int16_t));
    if (++self->n_out < INPUT_SOUND_FRAME)
        return;
    self->emit(self->user_data, self->out, self->out_due_us);
    self->out_due_us += INPUT_SOUND_FRAME_US;
    self->n_out = 0;
}

static void
put_silence(InputSoundLine *self, double us)
{
    static const int16_t silence[INPUT_SOUND_CHANNELS];

    for (int64_t n = (int64_t)(us * INPUT_SOUND_RATE / 1e6); n > 0; n--) {
        put(self, silence);
        self->stats.silence++;
    }
}

static void
jump(InputSoundLine *self, int64_t due_us)
{
    self->stats.jumps += self->running;
    self->running = true;
    self->correcting = false;
    self->n_out = 0;
    self->out_due_us = due_us;
    self->position = 0;
}

/* How far the input is behind (positive) or ahead of where the next sample goes. */
static double
error_us(const InputSoundLine *self, int64_t due_us)
{
    double next_us = (double)(due_us - self->out_due_us) - frames_to_us((double)self->n_out);

    return next_us + frames_to_us(self->position);
}

/* Input frames per output frame. */
static double
choose_step(InputSoundLine *self, double off_us)
{
    if (fabs(off_us) > NEAR_US)
        self->correcting = true;
    else if (fabs(off_us) < NEAR_US / 8)
        self->correcting = false;
    if (!self->correcting) {
        self->position = round(self->position); /* whole samples need no interpolation */
        return 1;
    }
    return 1 - CLAMP(off_us / SETTLE_US, -STRETCH_MAX, STRETCH_MAX);
}

static const int16_t *
frame_at(const InputSoundLine *self, const int16_t *samples, int64_t index)
{
    return index < 0 ? self->last : samples + index * INPUT_SOUND_CHANNELS;
}

static void
resample(InputSoundLine *self, const int16_t *samples, size_t n_frames, double step)
{
    double end = (double)n_frames - 1;

    for (; self->position < end; self->position += step) {
        double whole = floor(self->position), part = self->position - whole;
        const int16_t *a = frame_at(self, samples, (int64_t)whole);
        const int16_t *b = frame_at(self, samples, (int64_t)whole + 1);
        int16_t frame[INPUT_SOUND_CHANNELS];
        for (unsigned c = 0; c < INPUT_SOUND_CHANNELS; c++)
            frame[c] = (int16_t)lrint(a[c] + (b[c] - a[c]) * part);
        put(self, frame);
    }
    self->position -= (double)n_frames;
    memcpy(self->last, samples + (n_frames - 1) * INPUT_SOUND_CHANNELS, sizeof(self->last));
}

void
input_sound_line_push(InputSoundLine *self, const int16_t *samples, size_t n_frames, int64_t due_us)
{
    double off_us;

    if (n_frames == 0)
        return;
    if (!self->running)
        jump(self, due_us);
    off_us = error_us(self, due_us);
    if (off_us > SILENCE_US || off_us < -10.0 * SILENCE_US)
        jump(self, due_us);
    else if (off_us > FAR_US)
        put_silence(self, off_us);
    else if (off_us < -FAR_US) {
        self->stats.dropped += n_frames;
        return;
    }
    resample(self, samples, n_frames, choose_step(self, error_us(self, due_us)));
}

void
input_sound_line_stats(const InputSoundLine *self, InputSoundStats *ret_stats)
{
    *ret_stats = self->stats;
}
