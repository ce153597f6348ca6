/* mdf/control/xp-server.h - Xp: what the MCF asks for (docs/xp.md), over HTTP. */
#pragma once

#include "lib/net/http-api.h"
#include "mdf/channels/sources.h"
#include "mdf/control/viewers.h"

#include <glib.h>
#include <stdint.h>

typedef struct MdfXpServer MdfXpServer;

typedef struct {
    const char *listen; /* IP literal */
    uint16_t port;
    const char *const *media; /* "127.0.0.1:8189", for the status; NULL-ended, copied */
    /* As mdf_sources_foreach_channel, for the status. */
    void (*foreach_channel)(void *channels_data,
                            void (*each)(const MdfChannelStatus *status, void *user_data),
                            void *user_data);
    void *channels_data;
} MdfXpServerConfig;

/* @viewers: borrowed, outlives the server. Errors: UNAVAILABLE if the port is in use. */
MdfXpServer *mdf_xp_server_new(const MdfXpServerConfig *config, MdfViewers *viewers, GError **error);
void mdf_xp_server_free(MdfXpServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfXpServer, mdf_xp_server_free)
uint16_t mdf_xp_server_port(const MdfXpServer *self);
