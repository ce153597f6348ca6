#include "mcf-extensions/xp-client.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/http-client.h"
#include "lib/proto/json-strict.h"

#define SET_UP_DEADLINE_MS 3000
#define COMMAND_DEADLINE_MS 6000 /* a PLAY waits for ICE and DTLS; the gateway gives us 8 s */
#define STATUS_DEADLINE_MS 1000
#define MAX_ANSWER_BYTES 65536

struct McfXpClient {
    NetHttpClient *http;
    char *controller;  /* this MCF, as long as it lives */
    GHashTable *calls; /* set of McfXpCall, owned */
    unsigned deleting;
};

typedef bool (*ReplyParser)(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error);

struct McfXpCall {
    McfXpClient *client; /* borrowed */
    NetHttpCall *http;
    ReplyParser parse;
    char *url;
    char *session_id;
    bool abandoned, is_delete;
    char *location, *scales; /* what the reply lends */
    McfXpDone done;
    void *user_data;
};

static void
call_free(gpointer data)
{
    McfXpCall *self = data;

    if (self->is_delete)
        self->client->deleting--;
    g_free(self->url);
    g_free(self->session_id);
    g_free(self->location);
    g_free(self->scales);
    g_free(self);
}

McfXpClient *
mcf_xp_client_new(void)
{
    McfXpClient *self = g_new0(McfXpClient, 1);

    self->http = net_http_client_new("Xp");
    self->controller = base_id_new();
    self->calls = g_hash_table_new_full(NULL, NULL, call_free, NULL);
    return self;
}

void
mcf_xp_client_free(McfXpClient *self)
{
    if (!self)
        return;
    net_http_client_free(self->http);
    g_hash_table_unref(self->calls);
    g_free(self->controller);
    g_free(self);
}

static void
on_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    McfXpCall *call = user_data;
    g_autoptr(GError) refusal = NULL;
    McfXpReply reply = {.scale = 1.0, .duration_s = -1};
    int retry_after_s = answer ? net_http_answer_retry_after_s(answer) : -1;

    g_hash_table_steal(call->client->calls, call);
    if (answer && net_http_answer_check(answer, &refusal))
        call->parse(answer, call, &reply, &refusal);
    if (error || refusal) {
        if (call->done)
            call->done(call->user_data, NULL, error ? error : refusal, retry_after_s);
    } else if (call->abandoned && reply.location) {
        mcf_xp_delete(call->client, reply.location, call->session_id, NULL, NULL);
    } else if (call->done) {
        call->done(call->user_data, &reply, NULL, -1);
    }
    call_free(call);
}

static McfXpCall *
start(McfXpClient *self, const NetHttpRequest *request, ReplyParser parse, McfXpDone done, void *user_data)
{
    McfXpCall *call = g_new0(McfXpCall, 1);

    call->client = self;
    call->parse = parse;
    call->url = g_strdup(request->url);
    call->session_id = g_strdup(request->session_id);
    call->done = done;
    call->user_data = user_data;
    g_hash_table_add(self->calls, call);
    call->http = net_http_client_send(self->http, request, on_answer, call);
    return call;
}

void
mcf_xp_cancel(McfXpCall *call)
{
    net_http_call_cancel(call->http);
    g_hash_table_remove(call->client->calls, call);
}

void
mcf_xp_abandon(McfXpCall *call)
{
    call->abandoned = true;
    call->done = NULL;
}

/* ---- answers ---- */

static bool
nonsense(GError **error, const char *what)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the MDF's answer has %s", what);
    return false;
}

static bool
parse_nothing(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    (void)answer;
    (void)call;
    (void)reply;
    (void)error;
    return true;
}

static bool
parse_sdp(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    size_t length;

    (void)call;
    reply->answer = net_http_answer_body(answer, &length);
    if (!net_http_answer_is(answer, "application/sdp") || strlen(reply->answer) != length || length == 0)
        return nonsense(error, "no SDP");
    return true;
}

static bool
parse_created(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    const char *location = net_http_answer_header(answer, "Location");
    g_autofree char *absolute = NULL;

    if (!parse_sdp(answer, call, reply, error))
        return false;
    if (net_http_answer_status(answer) != 201 || !location)
        return nonsense(error, "no Location");
    absolute = g_uri_resolve_relative(call->url, location, G_URI_FLAGS_NONE, NULL);
    if (!absolute || !g_str_has_prefix(absolute, "http"))
        return nonsense(error, "a Location that is no URL");
    reply->location = call->location = g_steal_pointer(&absolute);
    return true;
}

static bool
get_number(JsonObject *object, const char *name, double *ret_value)
{
    JsonNode *node = json_object_get_member(object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE(node))
        return false;
    if (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE)
        return false;
    *ret_value = json_node_get_double(node);
    return isfinite(*ret_value);
}

static const char *
get_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : "";
}

static JsonNode *
parse_object(const NetHttpAnswer *answer, GError **error)
{
    size_t length;
    const char *body = net_http_answer_body(answer, &length);
    g_autoptr(JsonNode) root = proto_json_parse(body, length, MAX_ANSWER_BYTES, error);

    if (root && !JSON_NODE_HOLDS_OBJECT(root)) {
        nonsense(error, "JSON that is no object");
        return NULL;
    }
    return g_steal_pointer(&root);
}

static void
get_anchor(JsonObject *object, McfXpReply *reply)
{
    double rtp_time;

    reply->has_anchor = get_number(object, "rtp_time", &rtp_time) && rtp_time >= 0 &&
                        rtp_time <= UINT32_MAX && get_number(object, "media_time", &reply->media_time_s);
    if (reply->has_anchor)
        reply->rtp_time = (uint32_t)rtp_time;
}

static bool
parse_outcome(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    g_autoptr(JsonNode) root = parse_object(answer, error);
    JsonObject *object;

    (void)call;
    if (!root)
        return false;
    object = json_node_get_object(root);
    g_strlcpy(reply->state, get_string(object, "state"), sizeof reply->state);
    reply->has_npt_start = get_number(object, "npt_start", &reply->npt_start_s);
    reply->has_npt_end = get_number(object, "npt_end", &reply->npt_end_s);
    get_number(object, "scale", &reply->scale);
    get_anchor(object, reply);
    return true;
}

static char *
scales_text(JsonObject *object)
{
    JsonNode *node = json_object_get_member(object, "scales");
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    GString *text = g_string_new(NULL);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    for (guint i = 0; array && i < json_array_get_length(array) && i < 32; i++) {
        JsonNode *element = json_array_get_element(array, i);
        double scale = JSON_NODE_HOLDS_VALUE(element) ? json_node_get_double(element) : 1.0;
        g_string_append_printf(text, "%s%s", i ? "," : "",
                               g_ascii_formatd(number, sizeof number, "%.1f", scale));
    }
    return g_string_free(text, FALSE);
}

static bool
parse_state(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    g_autoptr(JsonNode) root = parse_object(answer, error);
    JsonObject *object;

    if (!root)
        return false;
    object = json_node_get_object(root);
    g_strlcpy(reply->state, get_string(object, "state"), sizeof reply->state);
    get_number(object, "position", &reply->position_s);
    get_number(object, "duration", &reply->duration_s);
    get_number(object, "scale", &reply->scale);
    get_anchor(object, reply);
    reply->scales = call->scales = scales_text(object);
    return true;
}

static bool
parse_status(const NetHttpAnswer *answer, McfXpCall *call, McfXpReply *reply, GError **error)
{
    g_autoptr(JsonNode) root = parse_object(answer, error);
    double viewers = 0, capacity = 0;
    JsonObject *object;

    (void)call;
    if (!root)
        return false;
    object = json_node_get_object(root);
    g_strlcpy(reply->instance, get_string(object, "instance"), sizeof reply->instance);
    get_number(object, "viewers", &viewers);
    get_number(object, "capacity", &capacity);
    reply->viewers = (int64_t)CLAMP(viewers, 0, 1e9);
    reply->capacity = (int64_t)CLAMP(capacity, 0, 1e9);
    return true;
}

/* ---- requests ---- */

McfXpCall *
mcf_xp_status(McfXpClient *self, const char *base, McfXpDone done, void *user_data)
{
    g_autofree char *url = g_strdup_printf("%s/xp/v1/status?controller=%s", base, self->controller);
    NetHttpRequest request = {.url = url, .deadline_ms = STATUS_DEADLINE_MS};

    return start(self, &request, parse_status, done, user_data);
}

McfXpCall *
mcf_xp_create(McfXpClient *self, const McfXpOffer *offer, McfXpDone done, void *user_data)
{
    g_autofree char *events = g_uri_escape_string(offer->events_url, NULL, FALSE);
    g_autofree char *url = g_strdup_printf("%s/xp/v1/sessions?source=%s&events=%s&controller=%s", offer->base,
                                           offer->source, events, self->controller);
    NetHttpRequest request = {
        .method = "POST",
        .url = url,
        .content_type = "application/sdp",
        .body = offer->offer,
        .body_bytes = strlen(offer->offer),
        .session_id = offer->session_id,
        .deadline_ms = SET_UP_DEADLINE_MS,
        .max_answer_bytes = MAX_ANSWER_BYTES,
    };

    return start(self, &request, parse_created, done, user_data);
}

McfXpCall *
mcf_xp_reoffer(McfXpClient *self,
               const char *location,
               const char *offer,
               const char *session_id,
               McfXpDone done,
               void *user_data)
{
    NetHttpRequest request = {
        .method = "PATCH",
        .url = location,
        .content_type = "application/sdp",
        .body = offer,
        .body_bytes = strlen(offer),
        .session_id = session_id,
        .deadline_ms = SET_UP_DEADLINE_MS,
        .max_answer_bytes = MAX_ANSWER_BYTES,
    };

    return start(self, &request, parse_sdp, done, user_data);
}

/* @builder: (transfer full) the command object, still open. */
static McfXpCall *
control(McfXpClient *self,
        const char *location,
        JsonBuilder *builder,
        const char *session_id,
        McfXpDone done,
        void *user_data)
{
    g_autoptr(JsonBuilder) open = builder;
    g_autoptr(JsonNode) root = json_builder_get_root(json_builder_end_object(open));
    g_autofree char *body = json_to_string(root, FALSE);
    g_autofree char *url = g_strdup_printf("%s/control", location);
    NetHttpRequest request = {
        .method = "POST",
        .url = url,
        .content_type = "application/json",
        .body = body,
        .body_bytes = strlen(body),
        .session_id = session_id,
        .deadline_ms = COMMAND_DEADLINE_MS,
        .max_answer_bytes = MAX_ANSWER_BYTES,
    };

    return start(self, &request, parse_outcome, done, user_data);
}

static JsonBuilder *
command_new(const char *name)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "command");
    json_builder_add_string_value(builder, name);
    return builder;
}

McfXpCall *
mcf_xp_play(McfXpClient *self,
            const char *location,
            double npt_s,
            double scale,
            const char *session_id,
            McfXpDone done,
            void *user_data)
{
    JsonBuilder *builder = command_new("play");

    if (!isnan(npt_s)) {
        json_builder_set_member_name(builder, "npt");
        json_builder_add_double_value(builder, npt_s);
    }
    json_builder_set_member_name(builder, "scale");
    json_builder_add_double_value(builder, scale);
    return control(self, location, builder, session_id, done, user_data);
}

McfXpCall *
mcf_xp_pause(McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data)
{
    return control(self, location, command_new("pause"), session_id, done, user_data);
}

McfXpCall *
mcf_xp_zap(McfXpClient *self,
           const char *location,
           const char *channel,
           const char *session_id,
           McfXpDone done,
           void *user_data)
{
    JsonBuilder *builder = command_new("zap");

    json_builder_set_member_name(builder, "channel");
    json_builder_add_string_value(builder, channel);
    return control(self, location, builder, session_id, done, user_data);
}

McfXpCall *
mcf_xp_state(McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data)
{
    NetHttpRequest request = {
        .url = location,
        .session_id = session_id,
        .deadline_ms = COMMAND_DEADLINE_MS,
        .max_answer_bytes = MAX_ANSWER_BYTES,
    };

    return start(self, &request, parse_state, done, user_data);
}

McfXpCall *
mcf_xp_delete(
    McfXpClient *self, const char *location, const char *session_id, McfXpDone done, void *user_data)
{
    NetHttpRequest request = {
        .method = "DELETE",
        .url = location,
        .session_id = session_id,
        .deadline_ms = COMMAND_DEADLINE_MS,
    };
    McfXpCall *call = start(self, &request, parse_nothing, done, user_data);

    call->is_delete = true;
    self->deleting++;
    return call;
}

unsigned
mcf_xp_client_deleting(const McfXpClient *self)
{
    return self->deleting;
}
