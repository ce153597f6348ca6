/* imstv-bench: many viewers against a headend, counted. */
#include <stdio.h>
#include <sys/resource.h>

#include "bench/options.h"
#include "bench/run.h"
#include "lib/base/log.h"

/* A socket for each viewer. */
static void
raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int
main(int argc, char **argv)
{
    g_auto(BenchOptions) options = {0};
    g_autoptr(GError) error = NULL;
    BenchReport report;
    bool whole;

    base_log_init("imstv-bench", BASE_LOG_WARNING);
    if (!bench_options_parse(&argc, &argv, &options, &error)) {
        fprintf(stderr, "imstv-bench: %s\n", error->message);
        return 2;
    }
    raise_file_limit();
    if (!bench_run(&options, &report, &error)) {
        fprintf(stderr, "imstv-bench: %s\n", error->message);
        return 1;
    }
    bench_report_print(&report, options.json, stdout);
    whole = report.failed == 0 && report.window.forged == 0;
    bench_report_clear(&report);

    return whole ? 0 : 1;
}
