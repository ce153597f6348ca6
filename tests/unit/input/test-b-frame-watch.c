#include <glib.h>

#include "input/b-frame-watch.h"

#define FPS 25u
#define POLL_US 250000

typedef struct {
    InputBFrameWatch watch;
    uint64_t quarters, frames, reordered; /* quarters: of frames, as a poll sees them */
    int64_t now_us;
    unsigned changes;
} Fixture;

/* @seconds of video in which @per_second pictures come out of order. */
static void
run(Fixture *f, unsigned seconds, unsigned per_second)
{
    for (unsigned i = 0; i < seconds * 4; i++) {
        f->quarters += FPS;
        f->frames = f->quarters / 4;
        f->reordered += i % 4 == 3 ? per_second : 0;
        f->now_us += POLL_US;
        f->changes += input_b_frame_watch_update(&f->watch, f->frames, f->reordered, f->now_us);
    }
}

static void
test_disturbed_start_is_no_b_frame_stream(void)
{
    Fixture f = {0};

    run(&f, 1, 12);
    run(&f, 30, 0);
    g_assert_false(f.watch.b_frames);
    g_assert_cmpuint(f.changes, ==, 0);
}

/* A hiccup now and then, for ever, adds up to many but never to a rate. */
static void
test_few_now_and_then(void)
{
    Fixture f = {0};

    for (unsigned i = 0; i < 50; i++) {
        run(&f, 9, 0);
        run(&f, 1, 6);
    }
    g_assert_cmpuint(f.changes, ==, 0);
}

static void
test_b_frames_within_seconds(void)
{
    Fixture f = {0};

    run(&f, 6, FPS / 2);
    g_assert_true(f.watch.b_frames);
    g_assert_cmpuint(f.changes, ==, 1);
}

static void
test_clears_when_the_source_is_set_right(void)
{
    Fixture f = {0};

    run(&f, 6, FPS / 2);
    run(&f, 6, 0);
    g_assert_false(f.watch.b_frames);
    g_assert_cmpuint(f.changes, ==, 2);
}

/* The counters of a new pipeline begin at 0; until it has said something the judgement stands. */
static void
test_new_pipeline(void)
{
    Fixture f = {0};

    run(&f, 6, FPS / 2);
    f.quarters = f.reordered = 0;
    run(&f, 2, 0);
    g_assert_true(f.watch.b_frames);
    run(&f, 6, 0);
    g_assert_false(f.watch.b_frames);
}

static void
test_nothing_before_the_first_key_frame(void)
{
    Fixture f = {0};

    for (unsigned i = 0; i < 100; i++)
        g_assert_false(input_b_frame_watch_update(&f.watch, 0, 0, f.now_us += POLL_US));
    g_assert_false(f.watch.begun);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input/b-frame-watch/disturbed-start", test_disturbed_start_is_no_b_frame_stream);
    g_test_add_func("/input/b-frame-watch/few-now-and-then", test_few_now_and_then);
    g_test_add_func("/input/b-frame-watch/within-seconds", test_b_frames_within_seconds);
    g_test_add_func("/input/b-frame-watch/clears", test_clears_when_the_source_is_set_right);
    g_test_add_func("/input/b-frame-watch/new-pipeline", test_new_pipeline);
    g_test_add_func("/input/b-frame-watch/before-the-first-key-frame",
                    test_nothing_before_the_first_key_frame);
    return g_test_run();
}
