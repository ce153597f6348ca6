/* mdf/control/whep.h - the public door for standard players: WHEP at /whep/asset/{id} and /whep/channel/{id}.
 *
 * A session begins to play at once. Without `anonymous` a bearer token is needed, which is checked by HTTP
 * with the service control function (docs/xp.md). Any web page may use it (CORS). Spec: draft-ietf-wish-whep.
 */
#pragma once

#include "mdf/control/viewers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct MdfWhep MdfWhep;

/* The section [whep]. */
/* clang-format off */
#define MDF_WHEP_KEYS \
    {"whep", "port", BASE_CONFIG_INT, "8190", 0, 65535, NULL, "public door for standard players; 0: chosen by the system"}, \
    {"whep", "anonymous", BASE_CONFIG_BOOL, "false", 0, 0, NULL, "let players in without a token: demo and benches only"}, \
    {"whep", "token_check", BASE_CONFIG_STRING, "http://127.0.0.1:8088/scf/v1/token", 0, 0, NULL, "URL that says whether a token may watch something"}
/* clang-format on */

typedef struct {
    const char *listen; /* IP literal */
    uint16_t port;
    bool anonymous;
    const char *token_check; /* URL */
} MdfWhepConfig;

/* @config: copied. @viewers: borrowed, outlives the door. Errors: UNAVAILABLE if the port is in use. */
MdfWhep *mdf_whep_new(const MdfWhepConfig *config, MdfViewers *viewers, GError **error);
void mdf_whep_free(MdfWhep *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfWhep, mdf_whep_free)
uint16_t mdf_whep_port(const MdfWhep *self);
