/* sgw/w2-server.h - the gateway's one port: the page's files, forwarded HTTP, and W2 WebSockets.
 *
 * On libwebsockets in GLib's loop. Bytes only: frames are judged by w2-link. Caps: connections in all and
 * of one address, time for a request's head; those of a message are w2-socket's. HTTP/1.1, no compression of
 * messages (libwebsockets 4.1.6 lacks later security fixes). */
#pragma once

#include "sgw/w2-socket.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SgwW2Server SgwW2Server;

typedef struct {
    const char *listen; /* IPv4 literal */
    uint16_t port;      /* 0: chosen by the system */
    const char *web_dir;
    const char *home_domain;            /* put into the page */
    const char *api_upstream;           /* base URL: /api/v1/assets, /api/v1/channels, /poster/ go there */
    const char *whep_upstream;          /* base URL: /whep/ goes there */
    const char *const *allowed_origins; /* of pages elsewhere that may open W2 ("https://tv.example.net") */
    unsigned max_connections;
    unsigned max_connections_per_address;
    unsigned handshake_timeout_s;
    unsigned idle_ping_s; /* silent WebSockets are pinged, and closed after half of it again */
} SgwW2ServerConfig;

/* @config: copied. @events: borrowed with @user_data.
 * Errors: UNAVAILABLE if the port is in use; INVALID_ARGUMENT for a bad address. */
SgwW2Server *sgw_w2_server_new(const SgwW2ServerConfig *config,
                               const SgwW2SocketEvents *events,
                               void *user_data,
                               GError **error);
/* Closes everything; each open socket gets `closed`. */
void sgw_w2_server_free(SgwW2Server *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwW2Server, sgw_w2_server_free)
uint16_t sgw_w2_server_port(const SgwW2Server *self);
