/* bench/process.h - what a process uses, as the kernel counts it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    double cpu_s;       /* user and system time of all its threads */
    uint64_t rss_bytes; /* what of it is in memory */
    unsigned threads;
} BenchUsage;

/* @stat: the text of /proc/PID/stat. False if it is not one. */
bool bench_usage_parse(const char *stat, BenchUsage *ret_usage);
/* False if there is no such process. */
bool bench_usage_read(pid_t pid, BenchUsage *ret_usage);
