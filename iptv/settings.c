#include "iptv/settings.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/headend-config.h"

#define STRING(key, value, help)                                                                             \
    {                                                                                                        \
        "iptv", key, BASE_CONFIG_STRING, value, 0, 0, NULL, help                                             \
    }
#define INT(key, value, min, max, help)                                                                      \
    {                                                                                                        \
        "iptv", key, BASE_CONFIG_INT, value, min, max, NULL, help                                            \
    }

const BaseConfigKey iptv_config_keys[] = {
    BASE_HEADEND_KEYS,
    STRING("listen", "127.0.0.1", "IP address to listen on, SIP and HTTP"),
    INT("sip_port", "5070", 0, 65535, "SIP port (ISC), UDP and TCP; 0: any"),
    INT("http_port", "8088", 0, 65535, "HTTP port (Xa, JSON API, token check); 0: any"),
    STRING("mcf",
           "sip:mcf@127.0.0.1:5080;transport=tcp",
           "SIP URIs of the media control functions, separated by blanks"),
    STRING("sdf_psi", "iptv-sdf", "user part of the service discovery function's identity"),
    STRING("bc_psi", "iptv-bc", "user part of the broadcast service's identity"),
    STRING("content_prefix", "iptv-", "what stands before a content id in a user part"),
    STRING("ssf_url",
           "",
           "URL under which terminals reach the service selection function; empty: listen and http_port"),
    STRING("provider_name", "imstv", "name of the service provider, shown to viewers"),
    {"iptv", "trusted_peers", BASE_CONFIG_LIST, "127.0.0.1;::1", 0, 0, NULL,
     "addresses whose asserted identity on Xa is believed (signalling gateways)"},
    {"iptv", "sip_peers", BASE_CONFIG_LIST, "127.0.0.1;::1", 0, 0, NULL,
     "addresses that may send SIP here (the core's); the identities they assert are believed"},
    INT("max_calls", "10000", 1, 1000000, "calls at a time; more are refused with 503"),
    INT("session_expires_s", "1800", 90, 86400, "session timer asked for on both legs of a call"),
    INT("subscription_max_s", "7200", 60, 86400, "longest subscription to the service discovery function"),
    INT("admin_port", "9992", 0, 65535, "metrics and health, on loopback; 0: any"),
};
const size_t iptv_n_config_keys = G_N_ELEMENTS(iptv_config_keys);

static char *
get_string(const BaseConfig *config, const char *key)
{
    return g_strdup(base_config_string(config, "iptv", key));
}

static unsigned
get_unsigned(const BaseConfig *config, const char *key)
{
    return (unsigned)base_config_int(config, "iptv", key);
}

/* The parts of a text between blanks. */
static char **
split_words(const char *text)
{
    g_auto(GStrv) all = g_strsplit_set(text, " \t,", -1);
    GPtrArray *words = g_ptr_array_new();

    for (unsigned i = 0; all[i]; i++) {
        if (all[i][0])
            g_ptr_array_add(words, g_strdup(all[i]));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static bool
check(const IptvSettings *self, GError **error)
{
    if (!self->mcfs[0]) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "[iptv] mcf names no media control function");
        return false;
    }
    if (!self->sdf_user[0] || !self->bc_user[0] || g_str_equal(self->sdf_user, self->bc_user)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "[iptv] sdf_psi and bc_psi have to be there and to differ");
        return false;
    }
    return true;
}

IptvSettings *
iptv_settings_new(const BaseConfig *config, GError **error)
{
    g_autoptr(IptvSettings) self = g_new0(IptvSettings, 1);

    self->state_dir = g_strdup(base_config_string(config, "headend", "state_dir"));
    self->home_domain = g_ascii_strdown(base_config_string(config, "headend", "home_domain"), -1);
    self->listen = get_string(config, "listen");
    self->sip_port = (uint16_t)get_unsigned(config, "sip_port");
    self->http_port = (uint16_t)get_unsigned(config, "http_port");
    self->admin_port = (uint16_t)get_unsigned(config, "admin_port");
    self->mcfs = split_words(base_config_string(config, "iptv", "mcf"));
    self->sdf_user = get_string(config, "sdf_psi");
    self->bc_user = get_string(config, "bc_psi");
    self->content_prefix = get_string(config, "content_prefix");
    self->ssf_url = get_string(config, "ssf_url");
    self->provider_name = get_string(config, "provider_name");
    self->trusted_peers = g_strdupv((char **)base_config_list(config, "iptv", "trusted_peers"));
    self->sip_peers = g_strdupv((char **)base_config_list(config, "iptv", "sip_peers"));
    self->max_calls = get_unsigned(config, "max_calls");
    self->session_expires_s = get_unsigned(config, "session_expires_s");
    self->subscription_max_s = get_unsigned(config, "subscription_max_s");

    return check(self, error) ? g_steal_pointer(&self) : NULL;
}

void
iptv_settings_free(IptvSettings *self)
{
    if (!self)
        return;

    g_free(self->state_dir);
    g_free(self->home_domain);
    g_free(self->listen);
    g_strfreev(self->mcfs);
    g_free(self->sdf_user);
    g_free(self->bc_user);
    g_free(self->content_prefix);
    g_free(self->ssf_url);
    g_free(self->provider_name);
    g_strfreev(self->trusted_peers);
    g_strfreev(self->sip_peers);
    g_free(self);
}
