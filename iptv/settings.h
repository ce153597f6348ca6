/* iptv/settings.h - what the application servers need to know of the headend; read once from [iptv]. */
#pragma once

#include "lib/base/config.h"

#include <glib.h>
#include <stdint.h>

typedef struct {
    char *state_dir;
    char *home_domain; /* imstv.test */
    char *listen;      /* IP literal */
    uint16_t sip_port; /* 0: chosen by the system */
    uint16_t http_port;
    uint16_t admin_port;
    char **mcfs;          /* SIP URIs of the media control functions, tried in this order */
    char *sdf_user;       /* user part of the SDF's public service identity */
    char *bc_user;        /* of the broadcast service */
    char *content_prefix; /* a film is sip:<prefix><id>@<home domain> */
    char *ssf_url;        /* "http://127.0.0.1:8088"; "": from the port that was really opened */
    char *provider_name;
    char **trusted_peers; /* addresses whose asserted identity on Xa is believed */
    char **sip_peers;     /* addresses that may send SIP */
    unsigned max_calls;
    unsigned session_expires_s;
    unsigned subscription_max_s;
} IptvSettings;

/* The section's key table, with the shared one. */
extern const BaseConfigKey iptv_config_keys[];
extern const size_t iptv_n_config_keys;

/* Errors: INVALID_ARGUMENT for values that contradict each other. */
IptvSettings *iptv_settings_new(const BaseConfig *config, GError **error);
void iptv_settings_free(IptvSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IptvSettings, iptv_settings_free)
