#include "mcf-extensions/mcf.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/net/admin.h"
#include "mcf-extensions/y2-handler.h"

#define DELETE_POLL_MS 20

struct Mcf {
    McfXpClient *xp;
    McfMdfPool *pool;
    McfXcServer *xc;
    McfXpEvents *events;
    McfY2 *y2;
    NetAdmin *admin;
    uint16_t admin_port;
    guint stopping; /* GSource id */
    void (*stopped)(void *user_data);
    void *stopped_data;
};

static void
on_mdf_lost(void *user_data, const char *base)
{
    Mcf *self = user_data;

    mcf_y2_mdf_lost(self->y2, base);
}

static const McfMdfPoolEvents pool_events = {.lost = on_mdf_lost};

static bool
check_mdfs(const char *const *bases, GError **error)
{
    for (const char *const *base = bases; *base; base++) {
        g_autoptr(GUri) uri = g_uri_parse(*base, G_URI_FLAGS_NONE, NULL);
        if (!uri || !g_str_has_prefix(g_uri_get_scheme(uri), "http") || !g_uri_get_host(uri)) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "[mcf] mdf: \"%s\" is no http URL",
                        *base);
            return false;
        }
    }
    if (!*bases) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                            "[mcf] mdf: name at least one MDF");
        return false;
    }
    return true;
}

static bool
start_xp(Mcf *self, const BaseConfig *config, GError **error)
{
    const char *const *bases = base_config_list(config, "mcf", "mdf");

    if (!check_mdfs(bases, error))
        return false;
    self->xp = mcf_xp_client_new();
    self->pool = mcf_mdf_pool_new(bases, &pool_events, self);
    self->events = mcf_xp_events_new(base_config_string(config, "mcf", "listen"),
                                     (uint16_t)base_config_int(config, "mcf", "events_port"), error);
    return self->events != NULL;
}

static bool
start_xc(Mcf *self, const BaseConfig *config, GError **error)
{
    McfXcConfig xc = {
        .listen = base_config_string(config, "mcf", "listen"),
        .port = (uint16_t)base_config_int(config, "mcf", "rtsp_port"),
        .announced = base_config_string(config, "mcf", "rtsp_address"),
        .notice_header = base_config_string(config, "mcf", "notice_header"),
        .home_domain = base_config_string(config, "headend", "home_domain"),
    };

    self->xc = mcf_xc_server_new(&xc, error);
    return self->xc != NULL;
}

static bool
start_y2(Mcf *self, const BaseConfig *config, GError **error)
{
    McfParts parts = {.xp = self->xp, .pool = self->pool, .xc = self->xc, .events = self->events};
    McfY2Config y2 = {
        .listen = base_config_string(config, "mcf", "listen"),
        .port = (uint16_t)base_config_int(config, "mcf", "sip_port"),
        .content_prefix = base_config_string(config, "mcf", "content_prefix"),
        .home_domain = base_config_string(config, "headend", "home_domain"),
        .rtsp_timeout_s = (unsigned)base_config_int(config, "mcf", "rtsp_timeout_s"),
        .max_sessions = (unsigned)base_config_int(config, "mcf", "max_sessions"),
        .session_expires_s = (unsigned)base_config_int(config, "mcf", "session_expires_s"),
        .sip_peers = base_config_list(config, "mcf", "sip_peers"),
    };

    self->y2 = mcf_y2_new(&y2, &parts, error);
    return self->y2 != NULL;
}

Mcf *
mcf_new(const BaseConfig *config, GError **error)
{
    g_autoptr(Mcf) self = g_new0(Mcf, 1);

    if (!start_xp(self, config, error) || !start_xc(self, config, error) || !start_y2(self, config, error))
        return NULL;
    self->admin =
        net_admin_new((uint16_t)base_config_int(config, "mcf", "admin_port"), &self->admin_port, error);
    if (!self->admin)
        return NULL;
    mcf_mdf_pool_start(self->pool, self->xp);
    net_admin_set_ready(self->admin, NULL);
    return g_steal_pointer(&self);
}

/* y2 owns the sessions, which use all the others. */
void
mcf_free(Mcf *self)
{
    if (!self)
        return;
    if (self->stopping)
        g_source_remove(self->stopping);
    net_admin_free(self->admin);
    mcf_y2_free(self->y2);
    mcf_xc_server_free(self->xc);
    mcf_xp_events_free(self->events);
    mcf_mdf_pool_free(self->pool);
    mcf_xp_client_free(self->xp);
    g_free(self);
}

char *
mcf_describe(const Mcf *self)
{
    return g_strdup_printf("sip=%u rtsp=%u events=%u admin=%u", mcf_y2_port(self->y2),
                           mcf_xc_server_port(self->xc), mcf_xp_events_port(self->events), self->admin_port);
}

static gboolean
on_look_for_deletes(gpointer user_data)
{
    Mcf *self = user_data;

    if (mcf_xp_client_deleting(self->xp) > 0)
        return G_SOURCE_CONTINUE;
    self->stopping = 0;
    self->stopped(self->stopped_data);
    return G_SOURCE_REMOVE;
}

static void
on_dialogs_over(void *user_data)
{
    Mcf *self = user_data;

    self->stopping = g_timeout_add(DELETE_POLL_MS, on_look_for_deletes, self);
}

void
mcf_stop(Mcf *self, void (*done)(void *user_data), void *user_data)
{
    self->stopped = done;
    self->stopped_data = user_data;
    net_admin_set_ready(self->admin, "going down");
    mcf_y2_end_all(self->y2, on_dialogs_over, self);
}
