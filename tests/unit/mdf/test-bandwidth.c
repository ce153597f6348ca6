/* The estimate on a simulated path: a queue that drains at a rate, with jitter and loss. */
#include <glib.h>

#include "mdf/delivery/bandwidth.h"

#define SECOND G_USEC_PER_SEC

enum {
    FRAME_US = 40000,
    PACKET = 1200,
    DELAY_US = 20000,
};

typedef struct {
    MdfBandwidth *bandwidth;
    GRand *random;
    int64_t now_us, free_us; /* when the bottleneck has sent what it holds */
    uint32_t path_kbps;
    unsigned packets_per_frame; /* 2.4 Mbit/s with 10 */
    int32_t jitter_us;
    double loss;
} Path;

static void
set_up(Path *path, const void *unused G_GNUC_UNUSED)
{
    *path = (Path){.bandwidth = mdf_bandwidth_new(),
                   .random = g_rand_new_with_seed(1),
                   .now_us = 1000 * SECOND,
                   .path_kbps = 100000,
                   .packets_per_frame = 10};
}

static void
tear_down(Path *path, const void *unused G_GNUC_UNUSED)
{
    mdf_bandwidth_free(path->bandwidth);
    g_rand_free(path->random);
}

/* A frame, and the feedback for it. */
static void
run_frame(Path *path)
{
    uint16_t first = *mdf_bandwidth_counter(path->bandwidth);
    int64_t arrival_us = 0;

    for (unsigned i = 0; i < path->packets_per_frame; i++) {
        (*mdf_bandwidth_counter(path->bandwidth))++;
        mdf_bandwidth_sent(path->bandwidth, PACKET, path->now_us);
    }
    for (unsigned i = 0; i < path->packets_per_frame; i++) {
        uint16_t sequence = (uint16_t)(first + i);

        path->free_us = MAX(path->free_us, path->now_us) + PACKET * 8000 / (int64_t)path->path_kbps;
        arrival_us = path->free_us + DELAY_US;
        if (path->jitter_us)
            arrival_us += g_rand_int_range(path->random, -path->jitter_us, path->jitter_us);
        if (g_rand_double(path->random) < path->loss)
            mdf_bandwidth_missing(path->bandwidth, sequence);
        else
            mdf_bandwidth_arrived(path->bandwidth, sequence, arrival_us);
    }
    mdf_bandwidth_update(path->bandwidth, path->now_us);
    path->now_us += FRAME_US;
}

static uint32_t
run(Path *path, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 25; i++)
        run_frame(path);
    return mdf_bandwidth_kbps(path->bandwidth);
}

static void
test_unknown_at_first(Path *path, const void *unused G_GNUC_UNUSED)
{
    g_assert_cmpuint(mdf_bandwidth_kbps(path->bandwidth), ==, 0);
    mdf_bandwidth_update(path->bandwidth, path->now_us);
    g_assert_cmpuint(mdf_bandwidth_kbps(path->bandwidth), ==, 0);
}

/* Nothing is known beyond half as much again as arrives, also not after a minute; the numbers wrap. */
static void
test_free_path(Path *path, const void *unused G_GNUC_UNUSED)
{
    uint32_t early = run(path, 2), late;

    g_assert_cmpuint(early, >, 2200);
    late = run(path, 300);
    g_assert_cmpuint(late, >, 3300);
    g_assert_cmpuint(late, <, 3800);
}

static void
test_bottleneck(Path *path, const void *unused G_GNUC_UNUSED)
{
    uint32_t kbps;

    run(path, 10);
    path->path_kbps = 1000;
    kbps = run(path, 3);
    g_assert_cmpuint(kbps, >, 500);
    g_assert_cmpuint(kbps, <=, 1000);
}

/* The sender follows the estimate: the queue drains, and with the path back it rises again. */
static void
test_recovery(Path *path, const void *unused G_GNUC_UNUSED)
{
    uint32_t low;

    run(path, 10);
    path->path_kbps = 1000;
    run(path, 3);
    path->packets_per_frame = 3; /* 720 kbit/s */
    low = run(path, 10);
    g_assert_cmpuint(low, >, 600);
    path->path_kbps = 100000;
    path->packets_per_frame = 10;
    g_assert_cmpuint(run(path, 30), >, 2200);
}

static void
test_jitter_is_no_queue(Path *path, const void *unused G_GNUC_UNUSED)
{
    path->jitter_us = 10000;
    for (unsigned i = 0; i < 60; i++)
        g_assert_cmpuint(run(path, 1), >, i < 2 ? 0 : 2000);
}

static void
test_loss(Path *path, const void *unused G_GNUC_UNUSED)
{
    uint32_t before = run(path, 10);

    path->loss = 0.05;
    g_assert_cmpuint(run(path, 10), >=, before);
    path->loss = 0.3;
    g_assert_cmpuint(run(path, 5), <, before / 2);
    g_assert_cmpuint(run(path, 100), >=, MDF_BANDWIDTH_MIN_KBPS);
}

/* What was never sent, or was told of already, changes nothing; a clock that jumps does no harm. */
static void
test_lies(Path *path, const void *unused G_GNUC_UNUSED)
{
    uint32_t before = run(path, 10);

    for (unsigned i = 0; i < 65536; i++) {
        mdf_bandwidth_missing(path->bandwidth, (uint16_t)i);
        mdf_bandwidth_arrived(path->bandwidth, (uint16_t)i, (int64_t)i * 1000);
    }
    mdf_bandwidth_update(path->bandwidth, path->now_us);
    g_assert_cmpuint(mdf_bandwidth_kbps(path->bandwidth), ==, before);
    for (unsigned i = 0; i < 100; i++) {
        (*mdf_bandwidth_counter(path->bandwidth))++;
        mdf_bandwidth_sent(path->bandwidth, PACKET, path->now_us);
        mdf_bandwidth_arrived(path->bandwidth, (uint16_t)(*mdf_bandwidth_counter(path->bandwidth) - 1),
                              i % 2 ? INT64_MAX / 4 : -INT64_MAX / 4);
        mdf_bandwidth_update(path->bandwidth, path->now_us);
    }
    g_assert_cmpuint(run(path, 30), >, 2000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/bandwidth/" name, Path, NULL, set_up, function, tear_down)
    ADD("unknown-at-first", test_unknown_at_first);
    ADD("free-path", test_free_path);
    ADD("bottleneck", test_bottleneck);
    ADD("recovery", test_recovery);
    ADD("jitter-is-no-queue", test_jitter_is_no_queue);
    ADD("loss", test_loss);
    ADD("lies", test_lies);
    return g_test_run();
}
