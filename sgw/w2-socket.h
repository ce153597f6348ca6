/* sgw/w2-socket.h - one open WebSocket: whole text messages in, text messages out, both bounded.
 *
 * Made and driven by w2-server from libwebsockets' callbacks; everybody else uses the second half. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct lws;
struct lws_process_html_args;

typedef struct SgwW2Socket SgwW2Socket;

typedef struct {
    /* A whole text message, valid UTF-8, at most 64 KiB; not NUL-ended. May close the socket. */
    void (*text)(SgwW2Socket *socket, const char *text, size_t length, void *user_data);
    /* Gone; the socket must not be used any more. Also follows sgw_w2_socket_close, later. */
    void (*closed)(SgwW2Socket *socket, void *user_data);
} SgwW2SocketEvents;

/* --- for w2-server; what returns int wants the connection closed if that is not 0 --- */

/* At the upgrade, before it is answered. @events: borrowed with @user_data. */
SgwW2Socket *sgw_w2_socket_new(struct lws *wsi, const SgwW2SocketEvents *events, void *user_data);
void sgw_w2_socket_free(SgwW2Socket *self);
/* A browser opens it: takes the secret from its cookie, or makes one for sgw_w2_socket_add_headers. */
void sgw_w2_socket_take_cookie(SgwW2Socket *self);
int sgw_w2_socket_add_headers(const SgwW2Socket *self, struct lws_process_html_args *args);
/* One piece of a message: a fragment, or as much of one as fits the buffer. */
int sgw_w2_socket_receive(SgwW2Socket *self, const char *data, size_t length);
int sgw_w2_socket_writable(SgwW2Socket *self);
/* Nobody has wanted it in the time a connect may take. */
int sgw_w2_socket_check_owner(SgwW2Socket *self);

/* --- for its users --- */

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
