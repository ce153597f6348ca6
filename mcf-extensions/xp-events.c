#include "mcf-extensions/xp-events.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "lib/net/http-api.h"

#define MAX_EVENT_BYTES 4096
#define PATH "/xp/v1/events"

struct McfXpEvents {
    NetHttpApi *api;
    uint16_t port;
    char *base;
    GHashTable *sessions; /* event id -> McfSession */
};

static const char *
get_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

static double
get_number(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE(node))
        return NAN;
    if (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE)
        return NAN;
    return json_node_get_double(node);
}

static void
on_event(NetHttpExchange *exchange, void *user_data)
{
    McfXpEvents *self = user_data;
    McfSession *session = g_hash_table_lookup(self->sessions, net_http_exchange_param(exchange, "id"));
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = NULL;
    const char *event;

    if (!session) {
        net_http_respond_problem(exchange, 404, "no such session");
        return;
    }
    object = net_http_exchange_json(exchange, &error);
    event = object ? get_string(object, "event") : NULL;
    if (!event) {
        net_http_respond_problem(exchange, 400, error ? error->message : "no event");
        return;
    }
    net_http_respond(exchange, 204, NULL, NULL, 0);
    mcf_session_take_event(session, event, get_number(object, "npt"), get_string(object, "reason"));
}

static const NetHttpRoute routes[] = {
    {.method = "POST",
     .path = PATH "/{id}",
     .handler = on_event,
     .max_body_bytes = MAX_EVENT_BYTES,
     .body_type = "application/json"},
};

McfXpEvents *
mcf_xp_events_new(const char *address, uint16_t port, GError **error)
{
    NetHttpApiOptions options = {.reference_point = "Xp"};
    g_autoptr(McfXpEvents) self = g_new0(McfXpEvents, 1);

    self->sessions = g_hash_table_new(g_str_hash, g_str_equal);
    self->api = net_http_api_new(&options);
    net_http_api_add_routes(self->api, routes, G_N_ELEMENTS(routes), self);
    if (!net_http_api_listen(self->api, address, port, &self->port, error))
        return NULL;
    self->base = g_strdup_printf(strchr(address, ':') ? "http://[%s]:%u" PATH : "http://%s:%u" PATH, address,
                                 self->port);
    return g_steal_pointer(&self);
}

void
mcf_xp_events_free(McfXpEvents *self)
{
    if (!self)
        return;
    net_http_api_free(self->api);
    g_hash_table_unref(self->sessions);
    g_free(self->base);
    g_free(self);
}

uint16_t
mcf_xp_events_port(const McfXpEvents *self)
{
    return self->port;
}

const char *
mcf_xp_events_base(const McfXpEvents *self)
{
    return self->base;
}

void
mcf_xp_events_add(McfXpEvents *self, McfSession *session)
{
    g_hash_table_insert(self->sessions, (char *)mcf_session_event_id(session), session);
}

void
mcf_xp_events_remove(McfXpEvents *self, McfSession *session)
{
    g_hash_table_remove(self->sessions, mcf_session_event_id(session));
}
