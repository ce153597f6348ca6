#include "sgw/xa-json.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/proto/bcg.h"
#include "lib/proto/discovery.h"
#include "lib/proto/sdns.h"

static void
set_text(JsonObject *object, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_string_member(object, name, text);
}

JsonObject *
sgw_xa_json_ssfs(const GPtrArray *ssfs)
{
    JsonObject *root = json_object_new();
    JsonArray *list = json_array_new();

    for (guint i = 0; i < ssfs->len; i++) {
        const ProtoSsf *ssf = ssfs->pdata[i];
        JsonObject *entry = json_object_new();
        set_text(entry, "id", ssf->id);
        set_text(entry, "version", ssf->version);
        set_text(entry, "technology", ssf->technology);
        set_text(entry, "domain", ssf->domain);
        set_text(entry, "name", ssf->name);
        set_text(entry, "location", ssf->location);
        json_array_add_object_element(list, entry);
    }
    json_object_set_array_member(root, "ssfs", list);
    return root;
}

/* The package that a channel is in, and its number there; the first one that has it. */
static const ProtoSdnsPackageService *
find_service(const GPtrArray *packages, const ProtoSdnsChannel *channel, const ProtoSdnsPackage **ret_package)
{
    for (guint p = 0; packages && p < packages->len; p++) {
        const ProtoSdnsPackage *package = packages->pdata[p];
        for (guint s = 0; s < package->services->len; s++) {
            const ProtoSdnsPackageService *service = package->services->pdata[s];
            bool same_domain = !service->domain || !channel->domain ||
                               g_ascii_strcasecmp(service->domain, channel->domain) == 0;
            if (same_domain && g_strcmp0(service->name, channel->name) == 0) {
                *ret_package = package;
                return service;
            }
        }
    }
    return NULL;
}

static JsonObject *
channel_json(const ProtoSdnsChannel *channel, const GPtrArray *packages, const char *home_domain)
{
    JsonObject *entry = json_object_new();
    const ProtoSdnsPackage *package = NULL;
    const ProtoSdnsPackageService *service = find_service(packages, channel, &package);
    bool foreign = channel->domain && g_ascii_strcasecmp(channel->domain, home_domain) != 0;
    g_autofree char *id =
        foreign ? g_strdup_printf("%s:%s", channel->name, channel->domain) : g_strdup(channel->name);

    set_text(entry, "id", id);
    set_text(entry, "title", channel->title ? channel->title : channel->name);
    if (service && service->lcn > 0)
        json_object_set_int_member(entry, "lcn", service->lcn);
    if (package)
        set_text(entry, "package", package->id);
    if (channel->no_signal)
        json_object_set_boolean_member(entry, "no_signal", TRUE);
    return entry;
}

/* The page may load pictures from the gateway's own port only: an absolute URL keeps its path. */
static char *
poster_path(const char *url)
{
    const char *authority = url ? strstr(url, "://") : NULL;
    const char *path = authority ? strchr(authority + 3, '/') : url;

    if (!path || !*path)
        return NULL;
    return path[0] == '/' ? g_strdup(path) : g_strconcat("/", path, NULL);
}

static JsonObject *
film_json(const ProtoBcgFilm *film)
{
    JsonObject *entry = json_object_new();
    g_autofree char *poster = poster_path(film->poster_url);

    set_text(entry, "id", film->id);
    set_text(entry, "title", film->title ? film->title : film->id);
    if (film->duration_us > 0)
        json_object_set_double_member(entry, "duration_s", round((double)film->duration_us / 1e3) / 1e3);
    set_text(entry, "synopsis", film->synopsis);
    set_text(entry, "poster", poster);
    set_text(entry, "credit", film->credit);
    return entry;
}

JsonObject *
sgw_xa_json_selection(const GPtrArray *channels,
                      const GPtrArray *packages,
                      const GPtrArray *films,
                      const char *home_domain)
{
    JsonObject *root = json_object_new();
    JsonArray *channel_list = json_array_new();
    JsonArray *film_list = json_array_new();

    for (guint i = 0; channels && i < channels->len; i++)
        json_array_add_object_element(channel_list, channel_json(channels->pdata[i], packages, home_domain));
    for (guint i = 0; films && i < films->len; i++)
        json_array_add_object_element(film_list, film_json(films->pdata[i]));
    json_object_set_array_member(root, "channels", channel_list);
    json_object_set_array_member(root, "assets", film_list);
    return root;
}
