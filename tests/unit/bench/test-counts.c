#include "bench/counts.h"

#include <glib.h>

static void
add_all(BenchCounts *counts, uint32_t ssrc, const uint16_t *sequences, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bench_counts_add(counts, ssrc, sequences[i], 100);
}

static void
test_gap_is_lost_across_wrap(void)
{
    const uint16_t sequences[] = {65533, 65534, 1, 2};
    BenchCounts counts = {0};

    add_all(&counts, 7, sequences, G_N_ELEMENTS(sequences));
    g_assert_cmpuint(counts.packets, ==, 4);
    g_assert_cmpuint(counts.bytes, ==, 400);
    g_assert_cmpuint(bench_counts_lost(&counts), ==, 2);
}

static void
test_late_packet_is_not_lost(void)
{
    const uint16_t sequences[] = {10, 12, 11, 13};
    BenchCounts counts = {0};

    add_all(&counts, 7, sequences, G_N_ELEMENTS(sequences));
    g_assert_cmpuint(bench_counts_lost(&counts), ==, 0);
}

static void
test_first_at_zero(void)
{
    const uint16_t sequences[] = {0, 1, 2};
    BenchCounts counts = {0};

    add_all(&counts, 7, sequences, G_N_ELEMENTS(sequences));
    g_assert_cmpuint(bench_counts_lost(&counts), ==, 0);
    g_assert_cmpuint(counts.streams[0].expected, ==, 3);
}

static void
test_streams_are_counted_apart(void)
{
    const uint16_t sequences[] = {1, 2, 3};
    BenchCounts counts = {0};

    for (uint32_t ssrc = 0; ssrc < BENCH_STREAMS_MAX + 3; ssrc++)
        add_all(&counts, ssrc, sequences, G_N_ELEMENTS(sequences));
    g_assert_cmpuint(counts.n_streams, ==, BENCH_STREAMS_MAX);
    g_assert_cmpuint(counts.packets, ==, 3 * (BENCH_STREAMS_MAX + 3));
    g_assert_cmpuint(bench_counts_lost(&counts), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/counts/gap-is-lost-across-wrap", test_gap_is_lost_across_wrap);
    g_test_add_func("/bench/counts/late-packet-is-not-lost", test_late_packet_is_not_lost);
    g_test_add_func("/bench/counts/first-at-zero", test_first_at_zero);
    g_test_add_func("/bench/counts/streams-are-counted-apart", test_streams_are_counted_apart);

    return g_test_run();
}
