/* cli/supervisor.h - starts processes, waits until they serve, starts them again when they die, and stops
 * them all. Their output goes to <log folder>/<name>.log (16 MB, one older file is kept); lines of level
 * ERROR also to standard error. Each process ends with us, however we end. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct CliSupervisor CliSupervisor;

typedef struct {
    /* All processes that were added serve. Called once. */
    void (*ready)(void *user_data);
    /* A process ended before it was ready for the first time: there is no use in trying again.
     * @reason: the last ERROR line that it wrote, or its exit status. */
    void (*failed)(const char *name, const char *reason, void *user_data);
    /* All have ended after cli_supervisor_stop. */
    void (*stopped)(void *user_data);
} CliSupervisorEvents;

/* @events: borrowed with @user_data; both outlive the supervisor.
 * Errors: UNAVAILABLE if the folders or the notification socket cannot be made. */
CliSupervisor *cli_supervisor_new(const char *log_dir,
                                  const char *run_dir,
                                  const CliSupervisorEvents *events,
                                  void *user_data,
                                  GError **error);
/* Kills what still runs. */
void cli_supervisor_free(CliSupervisor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliSupervisor, cli_supervisor_free)

/* Adds and starts a process. @argv: NULL-ended, copied.
 * @notifies: it says by sd_notify(3) when it serves; otherwise it does as soon as it runs.
 * Errors: UNAVAILABLE if it cannot be started. */
bool cli_supervisor_add(
    CliSupervisor *self, const char *name, const char *const *argv, bool notifies, GError **error);

/* SIGTERM to all, SIGKILL after 4 s, then the event stopped. */
void cli_supervisor_stop(CliSupervisor *self);
