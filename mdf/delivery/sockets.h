/* mdf/delivery/sockets.h - the UDP sockets of a worker: one port on each media address. */
#pragma once

#include <glib.h>
#include <stdint.h>

enum {
    MDF_SOCKETS_MAX = 16,
};

typedef struct {
    int fds[MDF_SOCKETS_MAX];
    unsigned n;
    uint16_t port;
} MdfSockets;

/* @addresses: NULL-ended IPv4 or IPv6 addresses. One that is not of this machine (behind 1:1 NAT) is
 * announced only; its packets come to a socket on all addresses.
 * @port: 0: the system's choice, the same on all.
 * Errors: INVALID_ARGUMENT (no address); UNAVAILABLE (port taken). */
gboolean mdf_sockets_open(MdfSockets *self, const char *const *addresses, uint16_t port, GError **error);
void mdf_sockets_close(MdfSockets *self);
