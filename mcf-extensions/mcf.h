/* mcf-extensions/mcf.h - the media control function: y2 (SIP), Xc (RTSP), Xp (HTTP) and what joins them. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Mcf Mcf;

/* The section [mcf]. */
/* clang-format off */
#define MCF_KEYS \
    {"mcf", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "IP address of all listeners"}, \
    {"mcf", "sip_port", BASE_CONFIG_INT, "5080", 0, 65535, NULL, "y2: SIP over UDP and TCP; 0: chosen by the system"}, \
    {"mcf", "rtsp_port", BASE_CONFIG_INT, "8554", 0, 65535, NULL, "Xc: RTSP; 0: chosen by the system"}, \
    {"mcf", "rtsp_address", BASE_CONFIG_STRING, "", 0, 0, NULL, "IP address in h-uri; empty: listen"}, \
    {"mcf", "rtsp_timeout_s", BASE_CONFIG_INT, "60", 1, 3600, NULL, "a session whose gateway is silent for so long ends"}, \
    {"mcf", "notice_header", BASE_CONFIG_ENUM, "Notice", 0, 0, "Notice|x-notice", "header of ANNOUNCE that older gateways want as x-notice"}, \
    {"mcf", "events_port", BASE_CONFIG_INT, "8192", 0, 65535, NULL, "Xp: events of the MDFs; 0: chosen by the system"}, \
    {"mcf", "mdf", BASE_CONFIG_LIST, "http://127.0.0.1:8191", 0, 0, NULL, "Xp base URLs of the media delivery functions"}, \
    {"mcf", "content_prefix", BASE_CONFIG_STRING, "iptv-", 0, 0, NULL, "stands before the content id in the To user part"}, \
    {"mcf", "max_sessions", BASE_CONFIG_INT, "20000", 1, 1000000, NULL, "further INVITEs get 503"}, \
    {"mcf", "sip_peers", BASE_CONFIG_LIST, "127.0.0.1;::1", 0, 0, NULL, "addresses that may send SIP here (the core's); the grants they bring are believed"}, \
    {"mcf", "session_expires_s", BASE_CONFIG_INT, "1800", 0, 86400, NULL, "SIP session timer asked for; 0: none"}, \
    {"mcf", "admin_port", BASE_CONFIG_INT, "9993", 0, 65535, NULL, "metrics and health on loopback"}
/* clang-format on */

/* Starts to listen. @config: has BASE_HEADEND_KEYS and MCF_KEYS; borrowed for the call.
 * Errors: UNAVAILABLE if a port is in use; INVALID_ARGUMENT for an address or URL that is none. */
Mcf *mcf_new(const BaseConfig *config, GError **error);
void mcf_free(Mcf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mcf, mcf_free)

/* "sip=5080 rtsp=8554 events=8192 admin=9993"; (transfer full) */
char *mcf_describe(const Mcf *self);

/* Ends all sessions: ANNOUNCE on Xc, BYE on y2, DELETE on Xp; then @done. */
void mcf_stop(Mcf *self, void (*done)(void *user_data), void *user_data);
