/* mdf/mdf.h - the media delivery function: sources, delivery engine, Xp and the WHEP door. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>

typedef struct Mdf Mdf;

/* The keys of the section [mdf] that are not the sources' own. */
/* clang-format off */
#define MDF_KEYS \
    {"mdf", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "IP address of Xp and of the WHEP door"}, \
    {"mdf", "xp_port", BASE_CONFIG_INT, "8191", 0, 65535, NULL, "Xp, for the MCF only; 0: chosen by the system"}, \
    {"mdf", "media_address", BASE_CONFIG_LIST, "127.0.0.1", 0, 0, NULL, "IP addresses that viewers reach"}, \
    {"mdf", "media_port", BASE_CONFIG_INT, "8189", 0, 65535, NULL, "media of the first worker, next numbers for further ones; 0: chosen by the system"}, \
    {"mdf", "workers", BASE_CONFIG_INT, "1", 1, 64, NULL, "delivery threads"}, \
    {"mdf", "capacity_viewers", BASE_CONFIG_INT, "2000", 1, 1000000, NULL, "further viewers get 503"}, \
    {"mdf", "engine", BASE_CONFIG_ENUM, "fanout", 0, 0, "fanout", "delivery engine"}, \
    {"mdf", "admin_port", BASE_CONFIG_INT, "9994", 0, 65535, NULL, "metrics and health on loopback"}
/* clang-format on */

/* @config: has BASE_HEADEND_KEYS, MDF_KEYS, MDF_SOURCES_KEYS, MDF_WHEP_KEYS; borrowed for the call.
 * Errors: UNAVAILABLE if a port is in use or the state folder cannot be read; INVALID_ARGUMENT. */
Mdf *mdf_new(const BaseConfig *config, GError **error);
void mdf_free(Mdf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mdf, mdf_free)

/* "xp=8191 whep=8190 media=8189 admin=9994"; (transfer full) */
char *mdf_describe(const Mdf *self);

/* Ends all viewers and tells the MCF; then @done, after 2 s at the latest. */
void mdf_stop(Mdf *self, void (*done)(void *user_data), void *user_data);
