/* mcf-extensions/xc-server.h - the RTSP side: finds the session of a request, runs the command on it, and
 * brings the real outcome back.
 *
 * A session belongs to the connection that used it first; while that is open, requests from another one get
 * 454, afterwards only those from the same address are taken (a gateway that reconnects). */
#pragma once

#include "mcf-extensions/session.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct McfXcServer McfXcServer;

typedef struct {
    const char *listen; /* IP literal */
    uint16_t port;
    const char *announced; /* host in h-uri; "": the listen address */
    const char *notice_header;
    const char *home_domain;
} McfXcConfig;

/* @config: copied. Errors: UNAVAILABLE if the port is in use; INVALID_ARGUMENT. */
McfXcServer *mcf_xc_server_new(const McfXcConfig *config, GError **error);
void mcf_xc_server_free(McfXcServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfXcServer, mcf_xc_server_free)

const char *mcf_xc_server_address(const McfXcServer *self); /* announced */
uint16_t mcf_xc_server_port(const McfXcServer *self);
/* rtsp://HOST:PORT/asset/ID; (transfer full) */
char *mcf_xc_server_uri(const McfXcServer *self, const McfSession *session);

/* From now on requests for the session are taken. @session: borrowed until remove. */
void mcf_xc_server_add(McfXcServer *self, McfSession *session);
/* Requests that are under way are answered by their session's outcome, later ones get 454. */
void mcf_xc_server_remove(McfXcServer *self, McfSession *session);

/* ANNOUNCE on the connection that the session belongs to, if it is open. */
void mcf_xc_server_announce(McfXcServer *self, McfSession *session, unsigned code, double npt_s);
