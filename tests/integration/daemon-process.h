/* tests/integration/daemon-process.h - a daemon under test: started with --set options, ready when it says
 * so, ended by SIGTERM. */
#pragma once

#include <glib.h>

typedef struct DaemonProcess DaemonProcess;

/* Starts @program with the "section.key=value" settings (NULL-ended) and waits until it is ready (10 s at
 * most, then the test fails). */
DaemonProcess *daemon_process_start(const char *program, const char *const *settings);
/* A port of its status text: "sip=41234 http=41235". */
guint16 daemon_process_port(const DaemonProcess *self, const char *name);
/* SIGTERM; runs the main loop until it has ended (5 s at most). Returns the exit code. (transfer full) */
int daemon_process_stop(DaemonProcess *self);
