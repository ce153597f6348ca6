#include "mdf/control/xp-server.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "mdf/control/xp-handler.h"

#define MAX_SDP_BYTES 65536
#define MAX_COMMAND_BYTES 4096
#define MAX_URL_CHARS 512
#define SESSIONS "/xp/v1/sessions"

struct MdfXpServer {
    NetHttpApi *api;
    uint16_t port;
    MdfViewers *viewers;
    MdfXpServerConfig config; /* its functions */
    char **media;
    char *instance;
    gint64 started_us;
    GHashTable *waiting; /* set of Waiting, owned */
};

/* The body as text; an answer was given if NULL. */
static const char *
sdp_body(NetHttpExchange *exchange)
{
    size_t length;
    const char *body = net_http_exchange_body(exchange, &length);

    if (length > 0 && strlen(body) == length)
        return body;
    net_http_respond_problem(exchange, 400, "the body is no SDP");
    return NULL;
}

static MdfControlled *
find(MdfXpServer *self, NetHttpExchange *exchange)
{
    MdfControlled *viewer = mdf_viewers_find(self->viewers, net_http_exchange_param(exchange, "id"));

    if (!viewer)
        net_http_respond_problem(exchange, 404, "no such session");
    return viewer;
}

/* ---- sessions ---- */

static bool
check_query(NetHttpExchange *exchange, const char *source, const char *events)
{
    if (!source || !mdf_xp_source_is_valid(source)) {
        net_http_respond_problem(exchange, source ? 404 : 400, "source is neither asset:ID nor channel:ID");
        return false;
    }
    if (events && (strlen(events) > MAX_URL_CHARS || !g_str_has_prefix(events, "http"))) {
        net_http_respond_problem(exchange, 400, "events is no http URL");
        return false;
    }
    return true;
}

/* The MCF that asks, if it says who it is. */
static const char *
controller_of(MdfXpServer *self, NetHttpExchange *exchange)
{
    const char *controller = net_http_exchange_query(exchange, "controller");

    if (!controller || !base_id_is_valid(controller))
        return NULL;
    mdf_viewers_controller_heard(self->viewers, controller);
    return controller;
}

/* A request that waits until its content is ready. */
typedef struct {
    MdfXpServer *server;
    NetHttpExchange *exchange;
} Waiting;

static Waiting *
waiting_new(MdfXpServer *server, NetHttpExchange *exchange)
{
    Waiting *waiting = g_new(Waiting, 1);

    *waiting = (Waiting){server, exchange};
    g_hash_table_add(server->waiting, waiting);
    return waiting;
}

static void
on_create_ready(void *user_data)
{
    Waiting *waiting = user_data;
    MdfXpServer *self = waiting->server;
    NetHttpExchange *exchange = waiting->exchange;
    g_autofree char *answer = NULL, *location = NULL;
    g_autoptr(GError) error = NULL;
    MdfControlled *viewer;
    MdfViewersRequest request = {
        .source = net_http_exchange_query(exchange, "source"),
        .offer = net_http_exchange_body(exchange, NULL),
        .session_id = net_http_exchange_session_id(exchange),
        .events_url = net_http_exchange_query(exchange, "events"),
        .controller = controller_of(self, exchange),
    };

    g_hash_table_remove(self->waiting, waiting);
    viewer = mdf_viewers_add(self->viewers, &request, &answer, &error);
    if (!viewer) {
        net_http_respond_error(exchange, error);
        return;
    }
    location = g_strdup_printf(SESSIONS "/%s", mdf_controlled_id(viewer));
    net_http_exchange_set_header(exchange, "Location", location);
    net_http_exchange_set_header(exchange, "ETag", mdf_controlled_etag(viewer));
    net_http_respond(exchange, 201, "application/sdp", answer, -1);
}

static void
on_create(NetHttpExchange *exchange, void *user_data)
{
    MdfXpServer *self = user_data;
    const char *source = net_http_exchange_query(exchange, "source");

    if (sdp_body(exchange) && check_query(exchange, source, net_http_exchange_query(exchange, "events")))
        mdf_viewers_prepare(self->viewers, source, on_create_ready, waiting_new(self, exchange));
}

static void
on_patch(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);
    const char *offer = viewer ? sdp_body(exchange) : NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *answer = NULL;

    if (!offer)
        return;
    answer = mdf_controlled_reoffer(viewer, offer, &error);
    if (!answer) {
        net_http_respond_error(exchange, error);
        return;
    }
    net_http_exchange_set_header(exchange, "ETag", mdf_controlled_etag(viewer));
    net_http_respond(exchange, 200, "application/sdp", answer, -1);
}

static void
on_delete(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);

    if (!viewer)
        return;
    mdf_controlled_close(viewer);
    net_http_respond(exchange, 200, NULL, NULL, 0);
}

static void
on_state(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);
    MdfViewerStatus status;

    if (!viewer)
        return;
    mdf_controlled_status(viewer, &status);
    net_http_respond_json(exchange, 200, mdf_xp_state(mdf_controlled_source(viewer), &status));
}

static void
on_commanded(const MdfPlayResult *result, const GError *error, void *user_data)
{
    NetHttpExchange *exchange = user_data;

    if (error)
        net_http_respond_error(exchange, error);
    else
        net_http_respond_json(exchange, 200, mdf_xp_outcome(result));
}

static void
on_control(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = NULL;
    g_auto(MdfXpCommand) command = {0};

    if (!viewer)
        return;
    object = net_http_exchange_json(exchange, &error);
    if (!object || !mdf_xp_command_read(object, &command, &error))
        net_http_respond_error(exchange, error);
    else
        mdf_controlled_command(viewer, &command, on_commanded, exchange);
}

/* ---- status and content ---- */

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void
add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void
add_channel(const MdfChannelStatus *status, void *user_data)
{
    JsonBuilder *builder = user_data;

    json_builder_begin_object(builder);
    add_string(builder, "id", status->id);
    add_string(builder, "title", status->title);
    add_string(builder, "state", status->state);
    add_string(builder, "input", status->input);
    add_string(builder, "video", status->video);
    add_string(builder, "audio", status->audio);
    add_string(builder, "last_error", status->last_error);
    add_int(builder, "bitrate_kbps", status->bitrate_kbps);
    add_int(builder, "restarts", status->restarts);
    add_int(builder, "delay_ms", status->delay_us / 1000);
    json_builder_set_member_name(builder, "b_frames");
    json_builder_add_boolean_value(builder, status->b_frames);
    json_builder_end_object(builder);
}

static void
on_status(NetHttpExchange *exchange, void *user_data)
{
    MdfXpServer *self = user_data;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    MdfEngineStatus status;

    controller_of(self, exchange);
    mdf_engine_status(mdf_viewers_engine(self->viewers), &status);
    json_builder_begin_object(builder);
    add_string(builder, "instance", self->instance);
    add_int(builder, "viewers", status.viewers);
    add_int(builder, "capacity", status.capacity);
    add_int(builder, "uptime_s", (g_get_monotonic_time() - self->started_us) / G_USEC_PER_SEC);
    json_builder_set_member_name(builder, "channels");
    json_builder_begin_array(builder);
    self->config.foreach_channel(self->config.channels_data, add_channel, builder);
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "media");
    json_builder_begin_array(builder);
    for (char **address = self->media; *address; address++)
        json_builder_add_string_value(builder, *address);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    net_http_respond_json(exchange, 200, json_builder_get_root(builder));
}

static void
on_content_ready(void *user_data)
{
    Waiting *waiting = user_data;
    MdfXpServer *self = waiting->server;
    NetHttpExchange *exchange = waiting->exchange;
    const char *source = net_http_exchange_param(exchange, "source");
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelProgramme) programme = mdf_viewers_lookup(self->viewers, source, &error);

    g_hash_table_remove(self->waiting, waiting);
    if (programme)
        net_http_respond_json(exchange, 200, mdf_xp_content(source, programme));
    else
        net_http_respond_error(exchange, error);
}

static void
on_content(NetHttpExchange *exchange, void *user_data)
{
    MdfXpServer *self = user_data;

    mdf_viewers_prepare(self->viewers, net_http_exchange_param(exchange, "source"), on_content_ready,
                        waiting_new(self, exchange));
}

static const NetHttpRoute routes[] = {
    {"POST", SESSIONS, on_create, MAX_SDP_BYTES, "application/sdp", false},
    {"PATCH", SESSIONS "/{id}", on_patch, MAX_SDP_BYTES, "application/sdp", false},
    {"DELETE", SESSIONS "/{id}", on_delete, 0, NULL, false},
    {"GET", SESSIONS "/{id}", on_state, 0, NULL, false},
    {"POST", SESSIONS "/{id}/control", on_control, MAX_COMMAND_BYTES, "application/json", false},
    {"GET", "/xp/v1/status", on_status, 0, NULL, false},
    {"GET", "/xp/v1/content/{source}", on_content, 0, NULL, false},
};

MdfXpServer *
mdf_xp_server_new(const MdfXpServerConfig *config, MdfViewers *viewers, GError **error)
{
    NetHttpApiOptions options = {.reference_point = "Xp"};
    g_autoptr(MdfXpServer) self = g_new0(MdfXpServer, 1);

    self->viewers = viewers;
    self->config = *config;
    self->media = g_strdupv((char **)config->media);
    self->instance = base_id_new();
    self->waiting = g_hash_table_new_full(NULL, NULL, g_free, NULL);
    self->started_us = g_get_monotonic_time();
    self->api = net_http_api_new(&options);
    net_http_api_add_routes(self->api, routes, G_N_ELEMENTS(routes), self);
    if (!net_http_api_listen(self->api, config->listen, config->port, &self->port, error))
        return NULL;
    return g_steal_pointer(&self);
}

/* Every exchange wants its answer, also at the end. */
static void
refuse_waiting(MdfXpServer *self)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->waiting);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        net_http_respond_problem(((Waiting *)key)->exchange, 503, "going down");
}

void
mdf_xp_server_free(MdfXpServer *self)
{
    if (!self)
        return;
    refuse_waiting(self);
    g_hash_table_unref(self->waiting);
    net_http_api_free(self->api);
    g_strfreev(self->media);
    g_free(self->instance);
    g_free(self);
}

uint16_t
mdf_xp_server_port(const MdfXpServer *self)
{
    return self->port;
}
