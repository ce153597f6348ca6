/* bench/report.h - what was measured, for people and for scripts. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "bench/process.h"
#include "bench/viewer.h"

typedef struct {
    unsigned viewers, playing, failed; /* at the end of the time counted; failures of all sessions */
    unsigned sessions;                 /* set up, those that failed included */
    double window_s;
    BenchViewerTotals window;     /* of the time counted; verified and forged: of the whole run */
    GArray *step_ms[BENCH_STEPS]; /* double, of every session that played */
    bool has_server;
    BenchUsage server_idle, server_before, server_after; /* no viewer; begin and end of the time counted */
    BenchUsage self_before, self_after;
} BenchReport;

/* The value below which a share @q (0..1) of the sorted doubles in @sorted lies; 0 if there are none. */
double bench_quantile(const GArray *sorted, double q);

void bench_report_clear(BenchReport *self);

/* Sorts report->step_ms. */
void bench_report_print(BenchReport *report, bool json, FILE *out);
