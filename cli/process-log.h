/* cli/process-log.h - what a supervised process writes: into a file that is cut at 16 MB, ERROR lines also to
 * our standard error. */
#pragma once

#include <glib.h>

typedef struct CliProcessLog CliProcessLog;

CliProcessLog *cli_process_log_new(const char *folder, const char *name);
void cli_process_log_free(CliProcessLog *self);

/* Reads @fd from now on. @fd: (transfer full); an older one is read to its end first. */
void cli_process_log_follow(CliProcessLog *self, int fd);
/* Takes what is there now, without waiting. */
void cli_process_log_drain(CliProcessLog *self);

/* The text of the last ERROR line, or of the last line of usage trouble; NULL if there was none. */
const char *cli_process_log_last_error(const CliProcessLog *self);
