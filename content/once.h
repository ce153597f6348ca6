/* content/once.h - takes one file in and ends: `imstv-ingest --once FILE`. */
#pragma once

#include "content/request.h"

#include <stdbool.h>

/* Shows progress on standard output, the reason of a failure on standard error. SIGINT and SIGTERM end it
 * without a trace.
 * @program: path of imstv-ingest. @json: no progress; at the end one object as GET /api/v1/jobs/{id} gives
 * it. Returns the exit code. */
int content_once_run(const char *state_dir, const char *program, const ContentRequest *request, bool json);
