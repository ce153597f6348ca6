#include "mdf/mdf.h"

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/admin.h"
#include "mdf/channels/sources.h"
#include "mdf/control/viewers.h"
#include "mdf/control/whep.h"
#include "mdf/control/xp-server.h"
#include "mdf/delivery/engine.h"

#define STOP_POLL_MS 20
#define STOP_POLLS_MAX 100

struct Mdf {
    MdfSources *sources;
    MdfEngine *engine;
    MdfViewers *viewers;
    MdfXpServer *xp;
    MdfWhep *whep;
    NetAdmin *admin;
    uint16_t admin_port;
    guint stopping; /* GSource id */
    unsigned stop_polls;
    void (*stopped)(void *user_data);
    void *stopped_data;
};

static ReelProgramme *
lookup(void *lookup_data, const char *source, GError **error)
{
    return mdf_sources_lookup(lookup_data, source, error);
}

static void
prepare(void *lookup_data, const char *source, void (*ready)(void *user_data), void *user_data)
{
    mdf_sources_prepare(lookup_data, source, ready, user_data);
}

static bool
has_signal(void *lookup_data, const char *source)
{
    return mdf_sources_has_signal(lookup_data, source);
}

static void
on_signal_changed(void *user_data, const char *source, bool signal)
{
    Mdf *self = user_data;

    (void)signal;
    mdf_viewers_signal_changed(self->viewers, source);
}

static void
foreach_channel(void *channels_data,
                void (*each)(const MdfChannelStatus *status, void *user_data),
                void *user_data)
{
    mdf_sources_foreach_channel(channels_data, each, user_data);
}

static bool
start_engine(Mdf *self, const BaseConfig *config, GError **error)
{
    MdfEngineConfig engine = {
        .media_addresses = base_config_list(config, "mdf", "media_address"),
        .media_port = (uint16_t)base_config_int(config, "mdf", "media_port"),
        .workers = (unsigned)base_config_int(config, "mdf", "workers"),
        .capacity_viewers = (unsigned)base_config_int(config, "mdf", "capacity_viewers"),
    };
    MdfViewersParts parts = {
        .prepare = prepare, .lookup = lookup, .has_signal = has_signal, .lookup_data = self->sources};

    if (!*engine.media_addresses) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                            "[mdf] media_address: name at least one address");
        return false;
    }
    self->engine = mdf_engine_fanout_new(&engine, error);
    if (!self->engine)
        return false;
    parts.engine = self->engine;
    self->viewers = mdf_viewers_new(&parts);
    mdf_sources_watch_signal(self->sources, on_signal_changed, self);
    return true;
}

static char **
media_of(const Mdf *self, const BaseConfig *config)
{
    const char *const *address = base_config_list(config, "mdf", "media_address");
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (; *address; address++) {
        g_autofree char *text = g_strdup_printf("%s:%u", *address, mdf_engine_media_port(self->engine));
        g_strv_builder_add(builder, text);
    }
    return g_strv_builder_end(builder);
}

static bool
start_doors(Mdf *self, const BaseConfig *config, GError **error)
{
    g_auto(GStrv) media = media_of(self, config);
    MdfXpServerConfig xp = {
        .listen = base_config_string(config, "mdf", "listen"),
        .port = (uint16_t)base_config_int(config, "mdf", "xp_port"),
        .media = (const char *const *)media,
        .foreach_channel = foreach_channel,
        .channels_data = self->sources,
    };
    MdfWhepConfig whep = {
        .listen = base_config_string(config, "mdf", "listen"),
        .port = (uint16_t)base_config_int(config, "whep", "port"),
        .anonymous = base_config_bool(config, "whep", "anonymous"),
        .token_check = base_config_string(config, "whep", "token_check"),
    };

    self->xp = mdf_xp_server_new(&xp, self->viewers, error);
    self->whep = self->xp ? mdf_whep_new(&whep, self->viewers, error) : NULL;
    return self->whep != NULL;
}

Mdf *
mdf_new(const BaseConfig *config, GError **error)
{
    g_autoptr(Mdf) self = g_new0(Mdf, 1);

    self->sources = mdf_sources_new(config, error);
    if (!self->sources || !start_engine(self, config, error) || !start_doors(self, config, error))
        return NULL;
    self->admin =
        net_admin_new((uint16_t)base_config_int(config, "mdf", "admin_port"), &self->admin_port, error);
    if (!self->admin)
        return NULL;
    net_admin_set_ready(self->admin, NULL);
    return g_steal_pointer(&self);
}

/* Doors first, then those who use the programmes, then the programmes. */
void
mdf_free(Mdf *self)
{
    if (!self)
        return;
    if (self->stopping)
        g_source_remove(self->stopping);
    net_admin_free(self->admin);
    if (self->sources)
        mdf_sources_watch_signal(self->sources, NULL, NULL);
    mdf_whep_free(self->whep);
    mdf_xp_server_free(self->xp);
    mdf_viewers_free(self->viewers);
    mdf_engine_free(self->engine);
    mdf_sources_free(self->sources);
    g_free(self);
}

char *
mdf_describe(const Mdf *self)
{
    return g_strdup_printf("xp=%u whep=%u media=%u admin=%u", mdf_xp_server_port(self->xp),
                           mdf_whep_port(self->whep), mdf_engine_media_port(self->engine), self->admin_port);
}

static gboolean
on_look_for_events(gpointer user_data)
{
    Mdf *self = user_data;

    if (mdf_viewers_events_pending(self->viewers) > 0 && ++self->stop_polls < STOP_POLLS_MAX)
        return G_SOURCE_CONTINUE;
    self->stopping = 0;
    self->stopped(self->stopped_data);
    return G_SOURCE_REMOVE;
}

void
mdf_stop(Mdf *self, void (*done)(void *user_data), void *user_data)
{
    self->stopped = done;
    self->stopped_data = user_data;
    net_admin_set_ready(self->admin, "going down");
    mdf_viewers_shut_down(self->viewers);
    self->stopping = g_timeout_add(STOP_POLL_MS, on_look_for_events, self);
}
