#include "input/sound-line.h"

#include <math.h>
#include <string.h>

#define START_US (INT64_C(500) * G_USEC_PER_SEC)
#define PUSH 1024 /* an AAC frame */

typedef struct {
    InputSoundLine *line;
    GArray *samples; /* left channel */
    int64_t first_us, next_us;
    unsigned n_jumps;
    double source; /* frames that the source has made */
} Sound;

static void
on_emit(void *user_data, const int16_t *samples, int64_t due_us)
{
    Sound *f = user_data;

    if (f->samples->len == 0)
        f->first_us = due_us;
    else
        f->n_jumps += due_us != f->next_us;
    f->next_us = due_us + INPUT_SOUND_FRAME_US;
    for (unsigned i = 0; i < INPUT_SOUND_FRAME; i++)
        g_array_append_val(f->samples, samples[2 * i]);
}

static void
setup(Sound *f, gconstpointer data)
{
    (void)data;
    f->line = input_sound_line_new(on_emit, f);
    f->samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
}

static void
teardown(Sound *f, gconstpointer data)
{
    (void)data;
    input_sound_line_free(f->line);
    g_array_unref(f->samples);
}

/* 1024 frames of a 440 Hz tone from a source that runs @ppm too fast: the line sees less time in them. */
static void
push(Sound *f, double ppm, int64_t shift_us)
{
    int16_t samples[PUSH * INPUT_SOUND_CHANNELS];
    int64_t due_us = START_US + (int64_t)(f->source / (1 + ppm / 1e6) * 1e6 / INPUT_SOUND_RATE) + shift_us;

    for (unsigned i = 0; i < PUSH; i++)
        samples[2 * i] = samples[2 * i + 1] =
            (int16_t)(10000 * sin((f->source + i) * 2 * G_PI * 440 / INPUT_SOUND_RATE));
    input_sound_line_push(f->line, samples, PUSH, due_us);
    f->source += PUSH;
}

/* How much the curve bends away from a tone at most: clicks stand out. */
static double
roughness(const Sound *f)
{
    double worst = 0, turn = 2 * cos(2 * G_PI * 440 / INPUT_SOUND_RATE);

    for (unsigned i = 2; i < f->samples->len; i++) {
        const int16_t *s = &g_array_index(f->samples, int16_t, i);
        worst = MAX(worst, fabs(s[0] - turn * s[-1] + s[-2]));
    }
    return worst;
}

static void
test_exact_source_passes_unchanged(Sound *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 500; i++)
        push(f, 0, 0);
    g_assert_cmpuint(f->n_jumps, ==, 0);
    g_assert_cmpint(f->first_us, ==, START_US);
    for (unsigned i = 0; i < f->samples->len; i++)
        g_assert_cmpint(g_array_index(f->samples, int16_t, i), ==,
                        (int16_t)(10000 * sin(i * 2 * G_PI * 440 / INPUT_SOUND_RATE)));
}

/* A minute and a half of drift: always 960 samples in 20 ms, never far off, no click. */
static void
test_drift_is_resampled(Sound *f, gconstpointer data)
{
    double ppm = GPOINTER_TO_INT(data), seconds;

    for (unsigned i = 0; i < 4000; i++)
        push(f, ppm, 0);
    seconds = f->source / INPUT_SOUND_RATE / (1 + ppm / 1e6);
    g_assert_cmpuint(f->n_jumps, ==, 0);
    g_assert_cmpfloat(fabs((double)(f->next_us - START_US) / 1e6 - seconds), <, 0.06);
    g_assert_cmpfloat(roughness(f), <, 700);
}

/* The line moves by 40 ms at once: made good within a few seconds. */
static void
test_step_is_made_good(Sound *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 100; i++)
        push(f, 0, 0);
    for (unsigned i = 0; i < 1000; i++)
        push(f, 0, 40000);
    g_assert_cmpuint(f->n_jumps, ==, 0);
    g_assert_cmpint(ABS(f->next_us - START_US - 40000 - (int64_t)(f->source * 1e6 / INPUT_SOUND_RATE)), <,
                    25000);
    g_assert_cmpfloat(roughness(f), <, 700);
}

static void
test_hole_becomes_silence(Sound *f, gconstpointer data)
{
    InputSoundStats stats;

    (void)data;
    for (unsigned i = 0; i < 100; i++)
        push(f, 0, 0);
    f->source += 24000; /* half a second is lost */
    for (unsigned i = 0; i < 100; i++)
        push(f, 0, 0);
    input_sound_line_stats(f->line, &stats);
    g_assert_cmpuint(stats.silence, >=, 23990);
    g_assert_cmpuint(stats.silence, <=, 24010);
    g_assert_cmpuint(f->n_jumps, ==, 0);
}

static void
test_what_comes_twice_is_dropped(Sound *f, gconstpointer data)
{
    InputSoundStats stats;

    (void)data;
    for (unsigned i = 0; i < 100; i++)
        push(f, 0, 0);
    f->source -= 48000;
    for (unsigned i = 0; i < 200; i++)
        push(f, 0, 0);
    input_sound_line_stats(f->line, &stats);
    g_assert_cmpuint(stats.dropped, >, 35000);
    g_assert_cmpuint(stats.dropped, <, 50000);
    g_assert_cmpuint(f->n_jumps, ==, 0);
}

static void
test_new_line_is_a_jump(Sound *f, gconstpointer data)
{
    (void)data;
    push(f, 0, 0);
    push(f, 0, INT64_C(5000) * G_USEC_PER_SEC);
    push(f, 0, INT64_C(5000) * G_USEC_PER_SEC);
    g_assert_cmpuint(f->n_jumps, ==, 1);
}

#define ADD(path, func) g_test_add(path, Sound, NULL, setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/input/sound-line/exact-source-passes-unchanged", test_exact_source_passes_unchanged);
    g_test_add("/input/sound-line/drift-fast", Sound, GINT_TO_POINTER(100), setup, test_drift_is_resampled,
               teardown);
    g_test_add("/input/sound-line/drift-slow", Sound, GINT_TO_POINTER(-2000), setup, test_drift_is_resampled,
               teardown);
    ADD("/input/sound-line/step-is-made-good", test_step_is_made_good);
    ADD("/input/sound-line/hole-becomes-silence", test_hole_becomes_silence);
    ADD("/input/sound-line/what-comes-twice-is-dropped", test_what_comes_twice_is_dropped);
    ADD("/input/sound-line/new-line-is-a-jump", test_new_line_is_a_jump);
    return g_test_run();
}
