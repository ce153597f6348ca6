/* cli/asset.h - `imstv asset add|list|show|remove`: films in and out of the catalogue.
 *
 * With a running headend, add and remove are done by its imstv-ingest over the HTTP API; without one by
 * `imstv-ingest --once` and `--remove`, which run the same code on disk. The catalogue is read from disk. */
#pragma once

#include "cli/cli.h"

/* @argv[0]: "asset". Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
int cli_asset_main(int argc, char **argv, const CliContext *context);
