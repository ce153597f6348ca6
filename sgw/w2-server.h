/* sgw/w2-server.h - the gateway's one port: the page's files, forwarded HTTP, and W2 WebSockets.
 *
 * On libwebsockets in GLib's loop. Bytes only: frames are judged by w2-link. Caps: connections in all and
 * of one address, time for a request's head, size and time of a message, messages a second, bytes waiting
 * to be sent. HTTP/1.1, no compression of messages (libwebsockets 4.1.6 lacks later security fixes). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct SgwW2Server SgwW2Server;
typedef struct SgwW2Socket SgwW2Socket; /* one open WebSocket */

typedef struct {
    const char *listen; /* IPv4 literal */
    uint16_t port;      /* 0: chosen by the system */
    const char *web_dir;
    const char *api_upstream;           /* base URL: /api/v1/assets, /api/v1/channels, /poster/ go there */
    const char *whep_upstream;          /* base URL: /whep/ goes there */
    const char *const *allowed_origins; /* of pages elsewhere that may open W2 ("https://tv.example.net") */
    unsigned max_connections;
    unsigned max_connections_per_address;
    unsigned handshake_timeout_s;
    unsigned idle_ping_s; /* silent WebSockets are pinged, and closed after half of it again */
} SgwW2ServerConfig;

typedef struct {
    void (*opened)(SgwW2Socket *socket, void *user_data);
    /* A whole text message, valid UTF-8, at most 64 KiB; not NUL-ended. May close the socket. */
    void (*text)(SgwW2Socket *socket, const char *text, size_t length, void *user_data);
    /* Gone; the socket must not be used any more. Also follows sgw_w2_socket_close, later. */
    void (*closed)(SgwW2Socket *socket, void *user_data);
} SgwW2ServerEvents;

/* @config: copied. @events: borrowed with @user_data.
 * Errors: UNAVAILABLE if the port is in use; INVALID_ARGUMENT for a bad address. */
SgwW2Server *sgw_w2_server_new(const SgwW2ServerConfig *config,
                               const SgwW2ServerEvents *events,
                               void *user_data,
                               GError **error);
/* Closes everything; each open socket gets `closed`. */
void sgw_w2_server_free(SgwW2Server *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwW2Server, sgw_w2_server_free)
uint16_t sgw_w2_server_port(const SgwW2Server *self);

/* Queues a text message (copied). A reader who lets more than 1 MiB wait is cut off. */
void sgw_w2_socket_send(SgwW2Socket *self, const char *text);
/* Sends what waits, then closes with @code (RFC 6455 7.4; 4000..4999 ours). Nothing is received any more. */
void sgw_w2_socket_close(SgwW2Socket *self, unsigned code, const char *reason);
const char *sgw_w2_socket_peer(const SgwW2Socket *self); /* IP address */
/* The secret of the browser's cookie, 32 hex digits: came with the upgrade or was set by it. NULL for a
 * client that is no browser (it sent no Origin). */
const char *sgw_w2_socket_browser(const SgwW2Socket *self);
/* A word of the owner's. A socket that has none 10 s after it was opened is closed. */
void sgw_w2_socket_set_owner(SgwW2Socket *self, void *owner);
void *sgw_w2_socket_owner(const SgwW2Socket *self);
