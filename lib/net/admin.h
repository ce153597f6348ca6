/* lib/net/admin.h - the loopback listener that every daemon has: GET /metrics (Prometheus), /livez (the
 * main loop turns), /readyz (it serves; otherwise 503 and the reason). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct NetAdmin NetAdmin;

/* Listens on 127.0.0.1. @port: 0: chosen by the system. @ret_port: may be NULL.
 * Starts out not ready ("starting").
 * Errors: UNAVAILABLE if the port cannot be had. */
NetAdmin *net_admin_new(uint16_t port, uint16_t *ret_port, GError **error);
void net_admin_free(NetAdmin *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetAdmin, net_admin_free)

/* @not_ready_reason: NULL: ready; else a short text, copied. */
void net_admin_set_ready(NetAdmin *self, const char *not_ready_reason);
