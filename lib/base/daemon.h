/* lib/base/daemon.h - what all daemons have in common: options, configuration, signals, readiness.
 *
 * Options: --config FILE, --set SECTION.KEY=VALUE (repeatable), --check-config, --print-config,
 * --trace, --log-level LEVEL, --version, --help.
 * Exit codes: 0 orderly stop, 1 failure, 2 wrong usage or configuration.
 * Readiness by the sd_notify(3) protocol (NOTIFY_SOCKET), watchdog by WATCHDOG_USEC. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct BaseDaemon BaseDaemon;

typedef struct {
    const char *name;    /* "imstv-mdf" */
    const char *summary; /* one line for --help */
    const BaseConfigKey *keys;
    size_t n_keys;
    /* Builds everything and starts listening; on return true the daemon has to call
     * base_daemon_ready once it really serves (at once or later).
     * @ret_state: handed to stop. */
    bool (*start)(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error);
    /* SIGTERM or SIGINT came: end sessions, then call base_daemon_quit (at once or later; forced
     * after 4 s). */
    void (*stop)(BaseDaemon *daemon, void *state);
    /* Frees all; runs after the main loop has ended. */
    void (*free)(void *state);
} BaseDaemonSpec;

/* Runs the daemon; to be returned from main. */
int base_daemon_main(int argc, char **argv, const BaseDaemonSpec *spec);

void base_daemon_ready(BaseDaemon *self, const char *status);
void base_daemon_quit(BaseDaemon *self);
/* Quits with exit code 1 after logging @error. */
void base_daemon_fail(BaseDaemon *self, const GError *error);
