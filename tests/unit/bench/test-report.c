#include "bench/report.h"

#include <unistd.h>

static void
test_quantiles(void)
{
    g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(double));

    g_assert_cmpfloat(bench_quantile(sorted, 0.5), ==, 0);
    for (double value = 1; value <= 20; value++)
        g_array_append_val(sorted, value);
    g_assert_cmpfloat(bench_quantile(sorted, 0), ==, 1);
    g_assert_cmpfloat(bench_quantile(sorted, 0.5), ==, 10);
    g_assert_cmpfloat(bench_quantile(sorted, 0.95), ==, 19);
    g_assert_cmpfloat(bench_quantile(sorted, 1), ==, 20);
}

static void
test_usage_of_a_process_with_an_odd_name(void)
{
    static const char stat[] =
        "42 (a) R 1) S 1 42 42 0 -1 4194304 500 0 0 0 250 50 0 0 20 0 7 0 9000 100000000 1000 "
        "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0";
    BenchUsage usage;

    g_assert_true(bench_usage_parse(stat, &usage));
    g_assert_cmpfloat(usage.cpu_s, ==, 300.0 / (double)sysconf(_SC_CLK_TCK));
    g_assert_cmpuint(usage.threads, ==, 7);
    g_assert_cmpuint(usage.rss_bytes, ==, 1000u * (uint64_t)sysconf(_SC_PAGESIZE));
    g_assert_false(bench_usage_parse("42 (cut", &usage));
    g_assert_false(bench_usage_parse("42 (cut) S 1 2", &usage));
}

static void
test_usage_of_this_process(void)
{
    BenchUsage usage;

    g_assert_true(bench_usage_read(getpid(), &usage));
    g_assert_cmpuint(usage.threads, >=, 1);
    g_assert_cmpuint(usage.rss_bytes, >, 0);
    g_assert_false(bench_usage_read(-1, &usage));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/report/quantiles", test_quantiles);
    g_test_add_func("/bench/report/usage-of-a-process-with-an-odd-name",
                    test_usage_of_a_process_with_an_odd_name);
    g_test_add_func("/bench/report/usage-of-this-process", test_usage_of_this_process);

    return g_test_run();
}
