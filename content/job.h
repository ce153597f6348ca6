/* content/job.h - the disposable child that does one file: `imstv-ingest --job FILE --out DIR`.
 *
 * It writes reels and a poster into DIR and tells its parent on standard output, one JSON object a line, each
 * at most CONTENT_JOB_LINE_MAX bytes:
 *   {"event":"probe", "container", "duration_us"}                 what is in it
 *   {"event":"verdict", "text", "video", "audio"}                 what is done about it: keep | encode | none
 *   {"event":"progress", "stage", "done_us", "of_us"}             stage: probe | conform
 *   {"event":"done", "duration_us", "poster", "source", "tracks"} as in asset.json
 *   {"event":"error", "text"}                                     why not: the end of a sentence about the
 * file The parent believes none of it further than its form: a parser may have been taken over. */
#pragma once

#include <sys/types.h>

#define CONTENT_JOB_LINE_MAX 16384

/* Ends the process: 0 done, 1 failed. @parent: process id of the one that started it. */
void content_job_main(const char *file, const char *folder, pid_t parent) __attribute__((noreturn));
