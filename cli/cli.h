/* cli/cli.h - what the sub-commands of `imstv` get from main: options that stand before the command, and how
 * to find the headend that runs on the same state folder. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *state_dir;   /* absolute; never NULL */
    bool json;               /* --json: lists and results for scripts, one JSON document on stdout */
    const char *program_dir; /* folder of imstv and of the daemons (imstv-ingest, ...); never NULL */
} CliContext;

/* True if a headend runs on the state folder (it holds <state>/run/lock). */
bool cli_headend_runs(const CliContext *context);

/* A value of the running headend's effective configuration, e.g. "ingest", "http_port"; NULL if no headend
 * runs or the key is not there. (transfer full) */
char *cli_headend_value(const CliContext *context, const char *section, const char *key);

/* Prints "imstv: MESSAGE" on standard error. Returns 1, the exit code of a failure. */
int cli_fail(const GError *error);

/* Sub-commands: @argv[0] is the command's name. Exit code: 0 done, 1 failed, 2 wrong usage. */
int cli_run_main(int argc, char **argv, const CliContext *context);
int cli_channel_main(int argc, char **argv, const CliContext *context);
int cli_user_main(int argc, char **argv, const CliContext *context);
int cli_status_main(int argc, char **argv, const CliContext *context);
int cli_bench_main(int argc, char **argv, const CliContext *context);
