#include "iptv/ssf.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/proto/sdns.h"
#include "lib/store/token.h"

#define MAX_POSTER_BYTES (4 * 1024 * 1024)
#define POSTER_MAX_AGE "public, max-age=60"

struct IptvSsf {
    const IptvSettings *settings;
    Store *store;
    StoreCatalogue *catalogue;
    IptvOffering *offering;
    char *base_url;
};

IptvSsf *
iptv_ssf_new(const IptvSettings *settings, Store *store, StoreCatalogue *catalogue, IptvOffering *offering)
{
    IptvSsf *self = g_new0(IptvSsf, 1);

    self->settings = settings;
    self->store = store;
    self->catalogue = catalogue;
    self->offering = offering;
    self->base_url = g_strdup("");
    return self;
}

void
iptv_ssf_free(IptvSsf *self)
{
    if (!self)
        return;

    g_free(self->base_url);
    g_free(self);
}

void
iptv_ssf_set_base_url(IptvSsf *self, const char *base_url)
{
    g_free(self->base_url);
    self->base_url = g_strdup(base_url);
}

/* ---- who asks ---- */

/* The asserted identity; NULL if none is asserted or the peer is not one to be believed. (transfer full) */
static char *
intended_identity(const IptvSsf *self, NetHttpExchange *exchange)
{
    const char *header = net_http_exchange_header(exchange, "X-3GPP-Intended-Identity");
    const char *peer = net_http_exchange_peer(exchange);
    char *identity;
    size_t length;

    if (!header)
        return NULL;
    if (!g_strv_contains((const char *const *)self->settings->trusted_peers, peer)) {
        base_warning(NULL, "asserted identity from %s is not believed: not in [iptv] trusted_peers", peer);
        return NULL;
    }
    identity = g_strstrip(g_strdup(header));
    length = strlen(identity);
    if (length >= 2 && identity[0] == '"' && identity[length - 1] == '"') {
        memmove(identity, identity + 1, length - 2);
        identity[length - 2] = '\0';
    }
    return identity;
}

/* ---- documents ---- */

static void
respond_text(NetHttpExchange *exchange, const char *type, const char *text)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    g_autofree char *etag = g_strdup_printf("\"%.32s\"", sum);

    net_http_exchange_set_header(exchange, "Vary", "X-3GPP-Intended-Identity");
    net_http_exchange_set_header(exchange, "Cache-Control", "no-cache"); /* ask again, mostly for a 304 */
    if (!net_http_respond_not_modified(exchange, etag))
        net_http_respond(exchange, 200, type, text, -1);
}

static void
respond_document(IptvSsf *self, NetHttpExchange *exchange, IptvOfferingDocument which, const char *type)
{
    g_autofree char *identity = intended_identity(self, exchange);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = iptv_offering_document(self->offering, which, identity, self->base_url, &error);

    if (text) {
        respond_text(exchange, type, text);
        return;
    }
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_NOT_FOUND)) /* the user, that is; the path exists */
        error->code = BASE_ERROR_FORBIDDEN;
    net_http_respond_error(exchange, error);
}

static void
handle_sp_discovery(NetHttpExchange *exchange, void *user_data)
{
    IptvSsf *self = user_data;
    g_autoptr(GPtrArray) providers = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_provider_free);
    ProtoSdnsProvider *provider = proto_sdns_provider_new();
    g_autofree char *text = NULL;

    provider->domain = g_strdup(self->settings->home_domain);
    provider->title = g_strdup(self->settings->provider_name);
    provider->location = g_strconcat(self->base_url, "/dvb/sdns", NULL);
    g_ptr_array_add(providers, provider);

    text = proto_sdns_build_providers(1, providers);
    respond_text(exchange, PROTO_SDNS_TYPE, text);
}

/* Ids may come in quotes, TS 102 034 in use. */
static bool
is_own_domain(const IptvSsf *self, const char *id)
{
    size_t length = strlen(self->settings->home_domain);

    if (*id == '"')
        id++;
    if (g_ascii_strncasecmp(id, self->settings->home_domain, length) != 0)
        return false;
    return id[length] == '\0' || g_str_equal(id + length, "\"");
}

static void
handle_service_discovery(NetHttpExchange *exchange, void *user_data)
{
    static const struct {
        const char *payload;
        IptvOfferingDocument document;
    } payloads[] = {
        {"02", IPTV_OFFERING_CHANNELS_XML},
        {"05", IPTV_OFFERING_PACKAGES_XML},
        {"06", IPTV_OFFERING_GUIDES_XML},
    };
    IptvSsf *self = user_data;
    const char *id = net_http_exchange_query(exchange, "id");
    const char *payload = net_http_exchange_query(exchange, "Payload");

    if (!payload) {
        net_http_respond_problem(exchange, 400, "Payload is missing");
        return;
    }
    if (id && !is_own_domain(self, id)) {
        net_http_respond_problem(exchange, 404, "no such service provider");
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(payloads); i++) {
        if (g_str_equal(payload, payloads[i].payload)) {
            respond_document(self, exchange, payloads[i].document, PROTO_SDNS_TYPE);
            return;
        }
    }
    net_http_respond_problem(exchange, 404, "only payloads 02, 05 and 06 are served");
}

static void
handle_films_xml(NetHttpExchange *exchange, void *user_data)
{
    respond_document(user_data, exchange, IPTV_OFFERING_FILMS_XML, PROTO_SDNS_TYPE);
}

static void
handle_assets(NetHttpExchange *exchange, void *user_data)
{
    respond_document(user_data, exchange, IPTV_OFFERING_FILMS_JSON, "application/json");
}

static void
handle_channels(NetHttpExchange *exchange, void *user_data)
{
    respond_document(user_data, exchange, IPTV_OFFERING_CHANNELS_JSON, "application/json");
}

/* ---- posters ---- */

static void
on_poster_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    NetHttpExchange *exchange = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_file_load_bytes_finish(G_FILE(source), result, NULL, &error);
    g_autofree char *sum = NULL, *etag = NULL;

    if (!bytes || g_bytes_get_size(bytes) == 0 || g_bytes_get_size(bytes) > MAX_POSTER_BYTES) {
        net_http_respond_problem(exchange, 404, "the film has no poster");
        return;
    }
    sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
    etag = g_strdup_printf("\"%.32s\"", sum);
    net_http_exchange_set_header(exchange, "Cache-Control", POSTER_MAX_AGE);
    if (!net_http_respond_not_modified(exchange, etag))
        net_http_respond_bytes(exchange, 200, "image/jpeg", bytes);
}

static void
handle_poster(NetHttpExchange *exchange, void *user_data)
{
    IptvSsf *self = user_data;
    const char *name = net_http_exchange_param(exchange, "file");
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreAsset) asset = NULL;
    g_autofree char *id = NULL, *path = NULL;
    g_autoptr(GFile) file = NULL;

    if (g_str_has_suffix(name, ".jpg")) {
        id = g_strndup(name, strlen(name) - strlen(".jpg"));
        asset = store_catalogue_get(self->catalogue, id, &error);
    }
    if (!asset || !asset->poster) {
        net_http_respond_problem(exchange, 404, error ? error->message : "no such poster");
        return;
    }
    path = store_catalogue_path(self->catalogue, asset, asset->poster);
    file = g_file_new_for_path(path);
    g_file_load_bytes_async(file, NULL, on_poster_read, exchange);
}

/* ---- tokens ---- */

static void
handle_token(NetHttpExchange *exchange, void *user_data)
{
    IptvSsf *self = user_data;
    const char *content = net_http_exchange_query(exchange, "content");
    const char *token = net_http_exchange_bearer(exchange);
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreToken) parsed = NULL;
    JsonObject *object;
    JsonNode *root;

    if (!content) {
        net_http_respond_problem(exchange, 400, "content is missing");
        return;
    }
    if (!token) {
        net_http_respond_problem(exchange, 401, "no bearer token");
        return;
    }
    if (!store_token_check(self->store, token, content, now_s, &error) ||
        !(parsed = store_token_parse(self->store, token, now_s, &error))) {
        net_http_respond_error(exchange, error);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "sub", parsed->sub);
    json_object_set_string_member(object, "content", content);
    json_object_set_int_member(object, "exp", parsed->expires);
    root = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(root, object);
    net_http_respond_json(exchange, 200, root);
}

static const NetHttpRoute routes[] = {
    {.method = "GET", .path = "/dvb/sdns/sp_discovery", .handler = handle_sp_discovery},
    {.method = "GET", .path = "/dvb/sdns/service_discovery", .handler = handle_service_discovery},
    {.method = "GET", .path = "/bcg/films.xml", .handler = handle_films_xml},
    {.method = "GET", .path = "/api/v1/assets", .handler = handle_assets, .cors = true},
    {.method = "GET", .path = "/api/v1/channels", .handler = handle_channels, .cors = true},
    {.method = "GET", .path = "/poster/{file}", .handler = handle_poster, .cors = true},
    {.method = "GET", .path = "/scf/v1/token", .handler = handle_token},
};

void
iptv_ssf_serve(IptvSsf *self, NetHttpApi *api)
{
    net_http_api_add_routes(api, routes, G_N_ELEMENTS(routes), self);
}
