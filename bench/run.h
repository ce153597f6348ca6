/* bench/run.h - one measurement from the first viewer to the report. */
#pragma once

#include <glib.h>

#include "bench/options.h"
#include "bench/report.h"

/* Joins all viewers, waits until each plays or has failed, counts for the time asked for, leaves. Runs the
 * default main context meanwhile. SIGINT and SIGTERM end it early, with the sessions left in order.
 * Errors: INVALID_ARGUMENT, NOT_FOUND without the server's process, INTERNAL, or BUSY when interrupted.
 * The caller clears @ret_report. */
bool bench_run(const BenchOptions *options, BenchReport *ret_report, GError **error);
