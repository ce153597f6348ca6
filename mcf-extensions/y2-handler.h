/* mcf-extensions/y2-handler.h - the SIP side: INVITE, re-INVITE and BYE of the SCF, by way of the core. Each
 * dialog owns its session.
 *
 * Refusals: 404 content, 403 channel not granted, 415 no SDP, 488 no iptv_rtsp line, ICE, DTLS or codec in
 * common, 503 with Retry-After no MDF or full. */
#pragma once

#include "mcf-extensions/mdf-pool.h"
#include "mcf-extensions/xc-server.h"
#include "mcf-extensions/xp-client.h"
#include "mcf-extensions/xp-events.h"

#include <glib.h>
#include <stdint.h>

typedef struct McfY2 McfY2;

/* The other sides; all borrowed, they outlive this one. */
typedef struct {
    McfXpClient *xp;
    McfMdfPool *pool;
    McfXcServer *xc;
    McfXpEvents *events;
} McfParts;

typedef struct {
    const char *listen;
    uint16_t port; /* UDP and TCP */
    const char *content_prefix;
    const char *home_domain;
    unsigned rtsp_timeout_s;
    unsigned max_sessions;
    unsigned session_expires_s;   /* SIP session timer; 0: none */
    const char *const *sip_peers; /* who may send SIP here; borrowed for the call */
} McfY2Config;

/* @config, @parts: copied. Errors: UNAVAILABLE if the port is in use. */
McfY2 *mcf_y2_new(const McfY2Config *config, const McfParts *parts, GError **error);
void mcf_y2_free(McfY2 *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfY2, mcf_y2_free)
uint16_t mcf_y2_port(const McfY2 *self);

/* Ends the sessions on that MDF: ANNOUNCE 5402 on Xc, BYE on y2. */
void mcf_y2_mdf_lost(McfY2 *self, const char *base);
/* Ends all sessions and takes no new ones; @done runs when the last BYE is answered, maybe at once. */
void mcf_y2_end_all(McfY2 *self, void (*done)(void *user_data), void *user_data);
