#include "input/source-clock.h"

#define START_US (INT64_C(500) * G_USEC_PER_SEC)

typedef struct {
    InputSourceClock *clock;
    int64_t source_us, now_us;
    int64_t due_us;
    bool discontinuity;
} Source;

static void
setup(Source *f, gconstpointer data)
{
    (void)data;
    f->clock = input_source_clock_new();
    f->source_us = 7 * G_USEC_PER_SEC;
    f->now_us = START_US;
}

static void
teardown(Source *f, gconstpointer data)
{
    (void)data;
    input_source_clock_free(f->clock);
}

/* One access unit that is @late_us late. */
static bool
unit(Source *f, InputClockTrack track, int64_t step_us, int64_t late_us)
{
    f->source_us += step_us;
    f->now_us += step_us;
    return input_source_clock_map(f->clock, track, f->source_us, f->now_us + late_us, &f->due_us,
                                  &f->discontinuity);
}

static void
test_steady_source_gets_a_small_constant_delay(Source *f, gconstpointer data)
{
    int64_t offset_us = 0;

    (void)data;
    for (unsigned i = 0; i < 25 * 300; i++)
        g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
    offset_us = f->due_us - f->source_us;
    for (unsigned i = 0; i < 25 * 60; i++) {
        g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
        g_assert_cmpint(ABS(f->due_us - f->source_us - offset_us), <=, 4000);
    }
    g_assert_cmpint(input_source_clock_delay_us(f->clock), <=, 30000);
}

/* Jitter up to 300 ms, a hundredth of the units: nearly all are appended before they are due. */
static void
test_delay_covers_the_jitter(Source *f, gconstpointer data)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    unsigned late = 0;

    (void)data;
    for (unsigned i = 0; i < 25 * 120; i++) {
        int64_t late_us = i % 100 == 0 ? 300000 : g_rand_int_range(random, 0, 60000);
        g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, late_us));
        late += i > 25 * 20 && f->due_us < f->now_us + late_us;
    }
    g_assert_cmpuint(late, <=, 3);
    g_assert_cmpint(input_source_clock_delay_us(f->clock), >=, 300000);
    g_assert_cmpint(input_source_clock_delay_us(f->clock), <=, 400000);
}

static void
test_delay_is_bounded(Source *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 25 * 120; i++)
        unit(f, INPUT_CLOCK_VIDEO, 40000, i % 10 == 0 ? 2800000 : 0);
    g_assert_cmpint(input_source_clock_delay_us(f->clock), <=, 1500000);
}

static void
test_both_tracks_share_the_line(Source *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 25 * 60; i++) {
        int64_t video_us;
        unit(f, INPUT_CLOCK_VIDEO, 20000, 0);
        video_us = f->due_us - f->source_us;
        unit(f, INPUT_CLOCK_AUDIO, 20000, 120000); /* conversion takes its time */
        g_assert_cmpint(ABS(f->due_us - f->source_us - video_us), <, 10000);
    }
    g_assert_cmpint(input_source_clock_delay_us(f->clock), >=, 120000);
}

static void
test_follows_a_jump_and_says_so_once_per_track(Source *f, gconstpointer data)
{
    unsigned dropped = 0, said = 0;

    (void)data;
    g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
    g_assert_false(f->discontinuity); /* nothing came before */
    for (unsigned i = 0; i < 100; i++)
        unit(f, INPUT_CLOCK_VIDEO, 40000, 0);
    f->source_us -= INT64_C(3600) * G_USEC_PER_SEC;
    for (unsigned i = 0; i < 100; i++) {
        dropped += !unit(f, INPUT_CLOCK_VIDEO, 40000, 0);
        said += f->discontinuity;
        f->discontinuity = false;
    }
    g_assert_cmpuint(dropped, ==, 4);
    g_assert_cmpuint(said, ==, 1);
    g_assert_cmpint(f->due_us, >=, f->now_us);
    g_assert_cmpint(f->due_us, <=, f->now_us + 200000);
    g_assert_cmpuint(input_source_clock_jumps(f->clock), ==, 1);
    g_assert_true(unit(f, INPUT_CLOCK_AUDIO, 0, 0));
    g_assert_true(f->discontinuity);
}

static void
test_single_wrong_time_moves_nothing(Source *f, gconstpointer data)
{
    int64_t offset_us;

    (void)data;
    for (unsigned i = 0; i < 100; i++)
        unit(f, INPUT_CLOCK_VIDEO, 40000, 0);
    offset_us = f->due_us - f->source_us;
    f->source_us += INT64_C(3600) * G_USEC_PER_SEC;
    g_assert_false(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
    f->source_us -= INT64_C(3600) * G_USEC_PER_SEC;
    g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
    g_assert_cmpint(ABS(f->due_us - f->source_us - offset_us), <, 10000);
    g_assert_cmpuint(input_source_clock_jumps(f->clock), ==, 0);
}

/* What the start of a pipeline holds up costs two seconds, not minutes. */
static void
test_slow_start_is_forgotten(Source *f, gconstpointer data)
{
    int64_t last_us = 0;

    (void)data;
    for (unsigned i = 0; i < 25 * 5; i++) {
        unit(f, INPUT_CLOCK_VIDEO, 40000, i < 10 ? 600000 - i * 60000 : 0);
        if (i > 0)
            g_assert_cmpint(f->due_us, >, last_us);
        last_us = f->due_us;
    }
    g_assert_cmpint(input_source_clock_delay_us(f->clock), <=, 30000);
}

static void
test_conversion_counts(Source *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 50 * 20; i++) {
        unit(f, INPUT_CLOCK_AUDIO, 20000, 0);
        input_source_clock_note(f->clock, INPUT_CLOCK_AUDIO, f->due_us, f->now_us + 80000);
    }
    g_assert_cmpint(input_source_clock_delay_us(f->clock), >=, 80000);
    g_assert_cmpint(input_source_clock_delay_us(f->clock), <=, 120000);
}

static void
test_restart_forgets(Source *f, gconstpointer data)
{
    (void)data;
    unit(f, INPUT_CLOCK_VIDEO, 40000, 0);
    input_source_clock_restart(f->clock);
    f->source_us = 1;
    g_assert_true(unit(f, INPUT_CLOCK_VIDEO, 40000, 0));
    g_assert_true(f->discontinuity);
}

#define ADD(path, func) g_test_add(path, Source, NULL, setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/input/source-clock/steady-source", test_steady_source_gets_a_small_constant_delay);
    ADD("/input/source-clock/delay-covers-the-jitter", test_delay_covers_the_jitter);
    ADD("/input/source-clock/delay-is-bounded", test_delay_is_bounded);
    ADD("/input/source-clock/both-tracks-share-the-line", test_both_tracks_share_the_line);
    ADD("/input/source-clock/follows-a-jump", test_follows_a_jump_and_says_so_once_per_track);
    ADD("/input/source-clock/single-wrong-time", test_single_wrong_time_moves_nothing);
    ADD("/input/source-clock/slow-start-is-forgotten", test_slow_start_is_forgotten);
    ADD("/input/source-clock/conversion-counts", test_conversion_counts);
    ADD("/input/source-clock/restart-forgets", test_restart_forgets);
    return g_test_run();
}
