/* tests/integration/core-process.h - an imstv-core with two users, started for a test. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdint.h>

typedef struct {
    GSubprocess *process;
    char *state_dir;
    uint16_t port, admin_port;
} CoreProcess;

/* @users: "name:password,name:password". @server_port: where INVITE and MESSAGE to ^sip:iptv- and third-party
 * REGISTERs go. */
CoreProcess *
core_process_start(const char *path, const char *domain, const char *users, uint16_t server_port);
/* Ends it in order; its exit status, also not 0 if a sanitizer complained. */
int core_process_stop(CoreProcess *self);
/* A metric without labels; 0 if it is not there. */
gint64 core_process_metric(CoreProcess *self, const char *name);
