/* cli/demo.h - what a demonstration adds to a headend: a user, two live channels with their encoders. */
#pragma once

#include "cli/cli.h"
#include "cli/supervisor.h"

/* Makes user demo (password demo) and the channels one and two where they are missing.
 * @home_domain: of the user. Errors: those of the store. */
bool cli_demo_prepare(const CliContext *context, const char *home_domain, GError **error);

/* Starts an encoder for each of the two channels, sending to the channel's first input. */
bool cli_demo_start(const CliContext *context, CliSupervisor *supervisor, GError **error);
