/* cli/cli.h - what the sub-commands of `imstv` get from main: options that stand before the command. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *state_dir;    /* absolute or relative to the working folder; never NULL */
    bool json;                /* --json: lists and results for scripts, one JSON document on stdout */
    const BaseConfig *config; /* effective configuration ([ingest] http_port, ...); may be NULL */
    const char *program_dir;  /* folder of the running program, where imstv-ingest etc. are; never NULL */
} CliContext;
