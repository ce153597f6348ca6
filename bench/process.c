#include "bench/process.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
bench_usage_parse(const char *stat, BenchUsage *ret_usage)
{
    const char *end = strrchr(stat, ')'); /* the name may hold anything, blanks too */
    unsigned long user, system;
    long threads, pages;

    if (!end ||
        sscanf(end + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %*u %ld",
               &user, &system, &threads, &pages) != 4)
        return false;
    *ret_usage = (BenchUsage){.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK),
                              .rss_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE),
                              .threads = (unsigned)threads};

    return true;
}

bool
bench_usage_read(pid_t pid, BenchUsage *ret_usage)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && bench_usage_parse(text, ret_usage);
}
