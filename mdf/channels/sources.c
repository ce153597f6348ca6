#include "mdf/channels/sources.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"
#include "mdf/channels/channel.h"
#include "mdf/channels/film-opener.h"
#include "mdf/channels/source-metrics.h"

#define SILENCE_LIFETIME_S 60
#define SILENCE_REFRESH_S 20

struct MdfSources {
    char *state_dir, *input_program;
    ReelBlockCache *cache;
    ReelFeed *feed;
    ReelArchive *archive;
    MdfFilmOpener *films;
    MdfChannelParts parts;
    Store *store;
    unsigned watch, refresh;
    StoreCatalogue *catalogue;
    GTree *channels; /* id -> MdfChannel */
    void (*signal_changed)(void *user_data, const char *source, bool signal);
    void *signal_data;
};

static int
compare_ids(gconstpointer a, gconstpointer b, gpointer user_data)
{
    (void)user_data;
    return strcmp(a, b);
}

static gboolean
collect_figures(gpointer key, gpointer value, gpointer user_data)
{
    MdfChannelFigures figures;

    (void)key;
    mdf_channel_figures(value, &figures);
    g_array_append_val((GArray *)user_data, figures);
    return FALSE;
}

static void
on_metrics(GString *out, void *user_data)
{
    MdfSources *self = user_data;
    g_autoptr(GArray) figures = g_array_new(FALSE, FALSE, sizeof(MdfChannelFigures));
    ReelBlockCacheStats stats;

    reel_block_cache_stats(self->cache, &stats);
    g_tree_foreach(self->channels, collect_figures, figures);
    mdf_source_metrics_cache(out, &stats);
    mdf_source_metrics_channels(out, (const MdfChannelFigures *)(const void *)figures->data, figures->len);
}

/* For the SSF's lists; what an MDF that was killed has said lapses. */
static void
note_signal(MdfSources *self, const char *id, bool signal)
{
    g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);
    g_autoptr(GError) error = NULL;

    if (!(signal
              ? store_state_remove(self->store, STORE_STATE_NO_SIGNAL, id, &error)
              : store_state_put(self->store, STORE_STATE_NO_SIGNAL, id, nothing, SILENCE_LIFETIME_S, &error)))
        base_warning(&(BaseLogFields){.channel = id}, "lists do not show whether it is sending: %s",
                     error->message);
}

static gboolean
note_silence(gpointer key, gpointer value, gpointer user_data)
{
    if (!mdf_channel_has_signal(value))
        note_signal(user_data, key, false);
    return FALSE;
}

static gboolean
on_refresh(gpointer user_data)
{
    MdfSources *self = user_data;

    g_tree_foreach(self->channels, note_silence, self);
    return G_SOURCE_CONTINUE;
}

static void
on_signal_changed(void *user_data, const char *id, bool signal)
{
    MdfSources *self = user_data;
    g_autofree char *source = g_strconcat("channel:", id, NULL);

    note_signal(self, id, signal);
    if (self->signal_changed)
        self->signal_changed(self->signal_data, source, signal);
}

static void
update_channel(MdfSources *self, const StoreChannel *row)
{
    MdfChannel *channel = g_tree_lookup(self->channels, row->id);
    const char *url = row->inputs && row->inputs[0] ? row->inputs[0] : "";

    if (channel)
        mdf_channel_update(channel, row->title, url);
    else
        g_tree_insert(self->channels, g_strdup(row->id),
                      mdf_channel_new(&self->parts, row->id, row->title, url));
}

typedef struct {
    GPtrArray *rows; /* of StoreChannel */
    GPtrArray *gone; /* ids */
} Removal;

static gboolean
note_removed(gpointer key, gpointer value, gpointer user_data)
{
    Removal *removal = user_data;

    (void)value;
    for (unsigned i = 0; i < removal->rows->len; i++)
        if (strcmp(((StoreChannel *)removal->rows->pdata[i])->id, key) == 0)
            return FALSE;
    g_ptr_array_add(removal->gone, g_strdup(key));
    return FALSE;
}

static void
on_store_changed(void *user_data)
{
    MdfSources *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = store_channel_list(self->store, &error);
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
    Removal removal = {.rows = rows, .gone = gone};

    if (!rows) {
        base_warning(NULL, "the list of channels cannot be read: %s; going on with the last one",
                     error->message);
        return;
    }
    g_tree_foreach(self->channels, note_removed, &removal);
    for (unsigned i = 0; i < gone->len; i++) {
        note_signal(self, gone->pdata[i], true);
        g_tree_remove(self->channels, gone->pdata[i]);
    }
    for (unsigned i = 0; i < rows->len; i++)
        update_channel(self, rows->pdata[i]);
}

static void
on_catalogue_changed(void *user_data)
{
    MdfSources *self = user_data;

    mdf_film_opener_forget(self->films);
}

static bool
make_parts(MdfSources *self, const BaseConfig *config, GError **error)
{
    self->cache = reel_block_cache_new((uint64_t)base_config_int(config, "mdf", "cache_mb") << 20,
                                       (unsigned)base_config_int(config, "mdf", "cache_threads"), error);
    if (!self->cache)
        return false;
    self->feed = reel_feed_new();
    self->archive = reel_archive_new();
    self->films = mdf_film_opener_new(self->cache);
    self->parts = (MdfChannelParts){.cache = self->cache,
                                    .feed = self->feed,
                                    .archive = self->archive,
                                    .input_program = self->input_program,
                                    .state_dir = self->state_dir,
                                    .signal_changed = on_signal_changed,
                                    .user_data = self,
                                    .window_s = (unsigned)base_config_int(config, "mdf", "window_s"),
                                    .archive_s = (unsigned)base_config_int(config, "mdf", "archive_s")};
    return true;
}

MdfSources *
mdf_sources_new(const BaseConfig *config, GError **error)
{
    g_autoptr(MdfSources) self = g_new0(MdfSources, 1);

    self->state_dir = g_strdup(base_config_string(config, "headend", "state_dir"));
    self->input_program = g_strdup(base_config_string(config, "mdf", "input_program"));
    self->channels = g_tree_new_full(compare_ids, NULL, g_free, (GDestroyNotify)mdf_channel_free);
    if (!make_parts(self, config, error))
        return NULL;
    self->store = store_open(self->state_dir, error);
    if (!self->store)
        return NULL;
    self->catalogue = store_catalogue_new(self->state_dir, error);
    if (!self->catalogue)
        return NULL;
    store_catalogue_watch(self->catalogue, on_catalogue_changed, self);
    self->watch = store_watch(self->store, on_store_changed, self);
    self->refresh = g_timeout_add_seconds(SILENCE_REFRESH_S, on_refresh, self);
    base_metrics_add_collector(on_metrics, self);
    on_store_changed(self);
    return g_steal_pointer(&self);
}

void
mdf_sources_free(MdfSources *self)
{
    if (!self)
        return;
    base_metrics_remove_collector(on_metrics, self);
    if (self->refresh)
        g_source_remove(self->refresh);
    if (self->watch)
        store_unwatch(self->store, self->watch);
    g_tree_unref(self->channels);
    store_catalogue_free(self->catalogue);
    store_free(self->store);
    mdf_film_opener_free(self->films);
    reel_archive_free(self->archive);
    reel_feed_free(self->feed);
    reel_block_cache_free(self->cache);
    g_free(self->state_dir);
    g_free(self->input_program);
    g_free(self);
}

ReelBlockCache *
mdf_sources_cache(MdfSources *self)
{
    return self->cache;
}

/* The folder of a film in the catalogue. (transfer full) */
static char *
folder_of(MdfSources *self, const char *id, GError **error)
{
    g_autoptr(StoreAsset) asset = store_catalogue_get(self->catalogue, id, error);

    return asset ? g_build_filename(self->state_dir, "content", id, NULL) : NULL;
}

static ReelProgramme *
lookup_asset(MdfSources *self, const char *name, const char *id, GError **error)
{
    g_autofree char *folder = folder_of(self, id, error);

    return folder ? mdf_film_opener_get(self->films, name, folder, error) : NULL;
}

void
mdf_sources_prepare(MdfSources *self, const char *source, void (*ready)(void *user_data), void *user_data)
{
    const char *id = g_str_has_prefix(source, "asset:") ? source + strlen("asset:") : NULL;
    g_autofree char *folder = id && store_id_is_valid(id) ? folder_of(self, id, NULL) : NULL;

    if (folder)
        mdf_film_opener_prepare(self->films, source, folder, ready, user_data);
    else
        ready(user_data);
}

static ReelProgramme *
lookup_channel(MdfSources *self, const char *id, GError **error)
{
    MdfChannel *channel = g_tree_lookup(self->channels, id);

    if (!channel) { /* perhaps added a moment ago */
        on_store_changed(self);
        channel = g_tree_lookup(self->channels, id);
    }
    if (!channel) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no channel %s", id);
        return NULL;
    }
    return reel_programme_ref(mdf_channel_programme(channel));
}

ReelProgramme *
mdf_sources_lookup(MdfSources *self, const char *source, GError **error)
{
    const char *id = strchr(source, ':');

    if (id && store_id_is_valid(id + 1)) {
        if (g_str_has_prefix(source, "asset:"))
            return lookup_asset(self, source, id + 1, error);
        if (g_str_has_prefix(source, "channel:"))
            return lookup_channel(self, id + 1, error);
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "a source is asset:ID or channel:ID");
    return NULL;
}

bool
mdf_sources_has_signal(MdfSources *self, const char *source)
{
    const MdfChannel *channel = g_str_has_prefix(source, "channel:")
                                    ? g_tree_lookup(self->channels, source + strlen("channel:"))
                                    : NULL;

    return !channel || mdf_channel_has_signal(channel);
}

void
mdf_sources_watch_signal(MdfSources *self,
                         void (*changed)(void *user_data, const char *source, bool signal),
                         void *user_data)
{
    self->signal_changed = changed;
    self->signal_data = user_data;
}

typedef struct {
    void (*each)(const MdfChannelStatus *status, void *user_data);
    void *user_data;
} Visit;

static gboolean
visit_channel(gpointer key, gpointer value, gpointer user_data)
{
    const Visit *visit = user_data;
    MdfChannelStatus status;

    (void)key;
    mdf_channel_status(value, &status);
    visit->each(&status, visit->user_data);
    return FALSE;
}

void
mdf_sources_foreach_channel(MdfSources *self,
                            void (*each)(const MdfChannelStatus *status, void *user_data),
                            void *user_data)
{
    Visit visit = {each, user_data};

    g_tree_foreach(self->channels, visit_channel, &visit);
}
