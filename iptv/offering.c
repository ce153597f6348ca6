#include "iptv/offering.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <string.h>

#include "lib/proto/bcg.h"
#include "lib/proto/sdns.h"

struct IptvOffering {
    const IptvSettings *settings;
    Store *store;
    StoreCatalogue *catalogue;
};

/* What one reader may see. */
typedef struct {
    GPtrArray *packages; /* of StorePackage */
    GHashTable *hidden;  /* ids of films that the reader's packages do not open; NULL: none is hidden */
    bool films_in_none;  /* films that are in no package are open */
} View;

IptvOffering *
iptv_offering_new(const IptvSettings *settings, Store *store, StoreCatalogue *catalogue)
{
    IptvOffering *self = g_new0(IptvOffering, 1);

    self->settings = settings;
    self->store = store;
    self->catalogue = catalogue;
    return self;
}

void
iptv_offering_free(IptvOffering *self)
{
    g_free(self);
}

/* ---- views ---- */

static void
view_clear(View *view)
{
    g_clear_pointer(&view->packages, g_ptr_array_unref);
    g_clear_pointer(&view->hidden, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(View, view_clear)

/* All films that are in a package, less those of the reader's own packages. */
static GHashTable *
hidden_films(const GPtrArray *all, const GPtrArray *own)
{
    GHashTable *hidden = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (unsigned i = 0; i < all->len; i++) {
        char **assets = ((const StorePackage *)g_ptr_array_index(all, i))->assets;

        for (; *assets; assets++)
            g_hash_table_add(hidden, g_strdup(*assets));
    }
    for (unsigned i = 0; i < own->len; i++) {
        char **assets = ((const StorePackage *)g_ptr_array_index(own, i))->assets;

        for (; *assets; assets++)
            g_hash_table_remove(hidden, *assets);
    }
    return hidden;
}

static bool
has_default_package(const GPtrArray *packages)
{
    for (unsigned i = 0; i < packages->len; i++) {
        if (g_str_equal(((const StorePackage *)g_ptr_array_index(packages, i))->id, STORE_PACKAGE_DEFAULT))
            return true;
    }
    return false;
}

static bool
view_init(View *view, IptvOffering *self, const char *impu, GError **error)
{
    g_autoptr(GPtrArray) all = store_package_list(self->store, error);

    if (!all)
        return false;
    if (!impu) {
        view->packages = g_steal_pointer(&all);
        view->films_in_none = true;
        return true;
    }
    view->packages = store_rights_packages(self->store, impu, error);
    if (!view->packages)
        return false;

    view->hidden = hidden_films(all, view->packages);
    view->films_in_none = has_default_package(view->packages);
    return true;
}

/* In the hidden set: restricted and not granted. Elsewhere: granted, or in no package at all. */
static bool
sees_film(const View *view, const char *id)
{
    if (!view->hidden)
        return true;
    if (g_hash_table_contains(view->hidden, id))
        return false;
    if (view->films_in_none)
        return true;

    for (unsigned i = 0; i < view->packages->len; i++) {
        const StorePackage *package = g_ptr_array_index(view->packages, i);

        if (g_strv_contains((const char *const *)package->assets, id))
            return true;
    }
    return false;
}

/* Package ids by channel; the first one counts. */
static GHashTable *
packages_by_channel(const View *view)
{
    GHashTable *by_channel = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < view->packages->len; i++) {
        const StorePackage *package = g_ptr_array_index(view->packages, i);

        for (char **id = package->channels; *id; id++) {
            if (!g_hash_table_contains(by_channel, *id))
                g_hash_table_insert(by_channel, *id, package->id);
        }
    }
    return by_channel;
}

/* The visible channels in order of number. */
static GPtrArray *
visible_channels(IptvOffering *self, GHashTable *by_channel, GError **error)
{
    GPtrArray *channels = store_channel_list(self->store, error);

    for (unsigned i = 0; channels && i < channels->len;) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);

        if (g_hash_table_contains(by_channel, channel->id))
            i++;
        else
            g_ptr_array_remove_index(channels, i);
    }
    return channels;
}

static GPtrArray *
visible_films(IptvOffering *self, const View *view)
{
    GPtrArray *films = store_catalogue_list(self->catalogue);

    for (unsigned i = 0; i < films->len;) {
        if (sees_film(view, ((const StoreAsset *)g_ptr_array_index(films, i))->id))
            i++;
        else
            g_ptr_array_remove_index(films, i);
    }
    return films;
}

static char *
poster_path(const StoreAsset *asset)
{
    return asset->poster ? g_strdup_printf("/poster/%s.jpg", asset->id) : NULL;
}

/* ---- documents ---- */

static char *
channels_xml(IptvOffering *self, const GPtrArray *channels)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_channel_free);
    g_auto(GStrv) silent = store_state_keys(self->store, STORE_STATE_NO_SIGNAL, NULL);

    for (unsigned i = 0; i < channels->len; i++) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);
        ProtoSdnsChannel *record = proto_sdns_channel_new();

        /* no location: the operator's input address is nobody's business, and delivery is WebRTC */
        record->name = g_strdup(channel->id);
        record->domain = g_strdup(self->settings->home_domain);
        record->title = g_strdup(channel->title);
        record->no_signal = silent && g_strv_contains((const char *const *)silent, channel->id);
        g_ptr_array_add(records, record);
    }
    return proto_sdns_build_channels(self->settings->home_domain, 1, records);
}

static unsigned
lcn_of(const GPtrArray *channels, const char *id)
{
    for (unsigned i = 0; i < channels->len; i++) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);

        if (g_str_equal(channel->id, id))
            return channel->lcn;
    }
    return 0;
}

static ProtoSdnsPackage *
package_record(IptvOffering *self, const StorePackage *package, const GPtrArray *channels)
{
    ProtoSdnsPackage *record = proto_sdns_package_new();

    record->id = g_strdup(package->id);
    record->title = g_strdup(package->title);
    for (char **id = package->channels; *id; id++) {
        ProtoSdnsPackageService *service = proto_sdns_package_service_new();

        service->name = g_strdup(*id);
        service->domain = g_strdup(self->settings->home_domain);
        service->lcn = lcn_of(channels, *id);
        g_ptr_array_add(record->services, service);
    }
    return record;
}

static char *
packages_xml(IptvOffering *self, const View *view, const GPtrArray *channels)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_package_free);

    for (unsigned i = 0; i < view->packages->len; i++)
        g_ptr_array_add(records, package_record(self, g_ptr_array_index(view->packages, i), channels));

    return proto_sdns_build_packages(self->settings->home_domain, 1, records);
}

static char *
guides_xml(IptvOffering *self, const char *base_url)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_guide_free);
    ProtoSdnsGuide *guide = proto_sdns_guide_new();

    guide->id = g_strdup("films");
    guide->title = g_strdup("Films");
    guide->location = g_strconcat(base_url, "/bcg/films.xml", NULL);
    g_ptr_array_add(records, guide);

    return proto_sdns_build_guides(self->settings->home_domain, 1, records);
}

static char *
films_xml(IptvOffering *self, const GPtrArray *films)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)proto_bcg_film_free);

    for (unsigned i = 0; i < films->len; i++) {
        const StoreAsset *asset = g_ptr_array_index(films, i);
        ProtoBcgFilm *film = proto_bcg_film_new();

        film->authority = g_strdup(self->settings->home_domain);
        film->id = g_strdup(asset->id);
        film->title = g_strdup(asset->title);
        film->synopsis = g_strdup(asset->synopsis);
        film->credit = g_strdup(asset->credit);
        film->poster_url = poster_path(asset);
        film->duration_us = asset->duration_us;
        g_ptr_array_add(records, film);
    }
    return proto_bcg_build(self->settings->provider_name, records);
}

static void
add_text(JsonBuilder *builder, const char *name, const char *text)
{
    if (!text)
        return;
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, text);
}

static void
add_film(JsonBuilder *builder, const StoreAsset *asset)
{
    g_autofree char *poster = poster_path(asset);

    json_builder_begin_object(builder);
    add_text(builder, "id", asset->id);
    add_text(builder, "title", asset->title);
    json_builder_set_member_name(builder, "duration_s");
    json_builder_add_double_value(builder, (double)((asset->duration_us + 500) / 1000) / 1e3);
    add_text(builder, "synopsis", asset->synopsis);
    add_text(builder, "poster", poster);
    add_text(builder, "credit", asset->credit);
    json_builder_end_object(builder);
}

static void
add_channel(JsonBuilder *builder, const StoreChannel *channel, const char *package)
{
    json_builder_begin_object(builder);
    add_text(builder, "id", channel->id);
    add_text(builder, "title", channel->title);
    json_builder_set_member_name(builder, "lcn");
    json_builder_add_int_value(builder, channel->lcn);
    add_text(builder, "package", package);
    json_builder_end_object(builder);
}

static char *
finish_json(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = NULL;

    json_builder_end_array(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

static char *
channels_json(const GPtrArray *channels, GHashTable *by_channel)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (unsigned i = 0; i < channels->len; i++) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);

        add_channel(builder, channel, g_hash_table_lookup(by_channel, channel->id));
    }
    return finish_json(builder);
}

static char *
films_json(const GPtrArray *films)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (unsigned i = 0; i < films->len; i++)
        add_film(builder, g_ptr_array_index(films, i));
    return finish_json(builder);
}

char *
iptv_offering_document(
    IptvOffering *self, IptvOfferingDocument which, const char *impu, const char *base_url, GError **error)
{
    g_auto(View) view = {0};
    g_autoptr(GHashTable) by_channel = NULL;
    g_autoptr(GPtrArray) channels = NULL, films = NULL;

    if (!view_init(&view, self, impu, error))
        return NULL;
    by_channel = packages_by_channel(&view);
    channels = visible_channels(self, by_channel, error);
    if (!channels)
        return NULL;
    films = visible_films(self, &view);

    switch (which) {
    case IPTV_OFFERING_CHANNELS_XML:
        return channels_xml(self, channels);
    case IPTV_OFFERING_PACKAGES_XML:
        return packages_xml(self, &view, channels);
    case IPTV_OFFERING_GUIDES_XML:
        return guides_xml(self, base_url);
    case IPTV_OFFERING_FILMS_XML:
        return films_xml(self, films);
    case IPTV_OFFERING_CHANNELS_JSON:
        return channels_json(channels, by_channel);
    case IPTV_OFFERING_FILMS_JSON:
        return films_json(films);
    }
    g_assert_not_reached();
}

char *
iptv_offering_version(IptvOffering *self)
{
    static const IptvOfferingDocument documents[] = {IPTV_OFFERING_CHANNELS_XML, IPTV_OFFERING_PACKAGES_XML,
                                                     IPTV_OFFERING_FILMS_XML};
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    for (unsigned i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autofree char *text = iptv_offering_document(self, documents[i], NULL, "", NULL);

        g_checksum_update(sum, (const guchar *)(text ? text : ""), -1);
    }
    return g_strndup(g_checksum_get_string(sum), 8);
}
