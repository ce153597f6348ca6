/* cli/asset.h - `imstv asset add|list|show|remove`: films in and out of the catalogue.
 *
 * With a running headend the work is done by imstv-ingest over its HTTP API; without one `add` runs
 * `imstv-ingest --once` and `remove` takes the folder away itself, with the same code path on disk. */
#pragma once

#include "cli/cli.h"

/* @argv[0]: "asset". Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
int cli_asset_main(int argc, char **argv, const CliContext *context);
