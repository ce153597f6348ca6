#include "lib/net/http-exchange.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "lib/net/http-text.h"
#include "lib/proto/json-print.h"
#include "lib/proto/json-strict.h"

#define RETRY_AFTER_S "2"

/* ---- the request ---- */

const char *
net_http_exchange_method(const NetHttpExchange *self)
{
    return self->route->method;
}

const char *
net_http_exchange_path(const NetHttpExchange *self)
{
    return self->path;
}

const char *
net_http_exchange_param(const NetHttpExchange *self, const char *name)
{
    return g_hash_table_lookup(self->params, name);
}

const char *
net_http_exchange_query(const NetHttpExchange *self, const char *name)
{
    return self->query ? g_hash_table_lookup(self->query, name) : NULL;
}

const char *
net_http_exchange_header(const NetHttpExchange *self, const char *name)
{
    if (!self->message)
        return NULL;
    return soup_message_headers_get_list(soup_server_message_get_request_headers(self->message), name);
}

const char *
net_http_exchange_bearer(const NetHttpExchange *self)
{
    const char *value = net_http_exchange_header(self, "Authorization");

    if (!value || g_ascii_strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7;
    value += strspn(value, " ");
    return *value ? value : NULL;
}

const char *
net_http_exchange_session_id(const NetHttpExchange *self)
{
    const char *value = net_http_exchange_header(self, "Session-ID");

    return value && base_id_is_valid(value) ? value : NULL;
}

const char *
net_http_exchange_peer(const NetHttpExchange *self)
{
    return self->peer;
}

const char *
net_http_exchange_body(const NetHttpExchange *self, size_t *ret_bytes)
{
    if (ret_bytes)
        *ret_bytes = self->body->len;
    return (const char *)self->body->data;
}

JsonObject *
net_http_exchange_json(const NetHttpExchange *self, GError **error)
{
    g_autoptr(JsonNode) root = NULL;

    root = proto_json_parse((const char *)self->body->data, self->body->len, self->body->len, error);
    if (!root) {
        g_prefix_error(error, "the body is no JSON: ");
        return NULL;
    }
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the body is no JSON object");
        return NULL;
    }
    return json_object_ref(json_node_get_object(root));
}

bool
net_http_exchange_gone(const NetHttpExchange *self)
{
    return !self->message;
}

/* ---- the answer ---- */

void
net_http_exchange_set_header(NetHttpExchange *self, const char *name, const char *value)
{
    if (self->message && net_http_is_header_value(value))
        soup_message_headers_replace(soup_server_message_get_response_headers(self->message), name, value);
}

void
net_http_exchange_add_cors(SoupServerMessage *message)
{
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);

    soup_message_headers_replace(headers, "Access-Control-Allow-Origin", "*");
    soup_message_headers_replace(headers, "Access-Control-Expose-Headers",
                                 "ETag, Link, Location, Session-ID");
}

static void
trace_answer(NetHttpExchange *self)
{
    g_autoptr(GBytes) bytes = NULL;
    gsize length = 0;
    const void *data;

    if (!base_trace_enabled())
        return;

    bytes = soup_message_body_flatten(soup_server_message_get_response_body(self->message));
    data = g_bytes_get_data(bytes, &length);
    net_http_trace(self->reference_point, true, self->peer, net_http_exchange_session_id(self),
                   &(NetHttpText){.status = (int)soup_server_message_get_status(self->message),
                                  .headers = soup_server_message_get_response_headers(self->message),
                                  .body = data,
                                  .body_bytes = length});
}

static void
count_answer(const char *reference_point, int status)
{
    g_autofree char *labels = g_strdup_printf("point=\"%s\",code=\"%dxx\"", reference_point, status / 100);

    base_metric_add(base_counter("imstv_net_http_answers_total", labels, "HTTP requests answered"), 1);
}

/* Sends what was set on the message and ends the exchange. */
static void
complete(NetHttpExchange *self, int status)
{
    SoupServerMessage *message = self->message;

    soup_server_message_set_status(message, (guint)status, NULL);
    if (self->route->cors)
        net_http_exchange_add_cors(message);

    count_answer(self->reference_point, status);
    trace_answer(self);
    if (self->paused)
        soup_server_message_unpause(message);
}

void
net_http_respond_bytes(NetHttpExchange *self, int status, const char *content_type, GBytes *bytes)
{
    if (self->message) {
        if (content_type) {
            soup_message_headers_set_content_type(soup_server_message_get_response_headers(self->message),
                                                  content_type, NULL);
            if (g_bytes_get_size(bytes) > 0)
                soup_message_body_append_bytes(soup_server_message_get_response_body(self->message), bytes);
        }
        complete(self, status);
    }
    net_http_api_forget(self->api, self);
}

void
net_http_respond(NetHttpExchange *self, int status, const char *content_type, const void *data, gssize length)
{
    size_t n = length >= 0 ? (size_t)length : data ? strlen(data) : 0;
    g_autoptr(GBytes) bytes = g_bytes_new(data, n);

    net_http_respond_bytes(self, status, content_type, bytes);
}

static GBytes *
bytes_of_json(JsonNode *root)
{
    char *text = proto_json_print(root, false);

    return g_bytes_new_take(text, strlen(text));
}

void
net_http_respond_json(NetHttpExchange *self, int status, JsonNode *root)
{
    g_autoptr(GBytes) bytes = bytes_of_json(root);

    json_node_unref(root);
    net_http_respond_bytes(self, status, "application/json", bytes);
}

static GBytes *
build_problem(int status, const char *detail)
{
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    g_autofree char *valid = g_utf8_make_valid(detail ? detail : "", -1);

    json_object_set_string_member(object, "type", "about:blank");
    json_object_set_string_member(object, "title", soup_status_get_phrase((guint)status));
    json_object_set_int_member(object, "status", status);
    if (valid[0])
        json_object_set_string_member(object, "detail", valid);
    json_node_take_object(root, object);

    return bytes_of_json(root);
}

static void
add_status_headers(SoupMessageHeaders *headers, int status)
{
    if (status == 503 && !soup_message_headers_get_one(headers, "Retry-After"))
        soup_message_headers_replace(headers, "Retry-After", RETRY_AFTER_S);
    if (status == 401 && !soup_message_headers_get_one(headers, "WWW-Authenticate"))
        soup_message_headers_replace(headers, "WWW-Authenticate", "Bearer");
}

void
net_http_respond_problem(NetHttpExchange *self, int status, const char *detail)
{
    g_autoptr(GBytes) bytes = build_problem(status, detail);

    if (self->message)
        add_status_headers(soup_server_message_get_response_headers(self->message), status);
    net_http_respond_bytes(self, status, "application/problem+json", bytes);
}

void
net_http_respond_error(NetHttpExchange *self, const GError *error)
{
    net_http_respond_problem(self, base_error_http_status(error), error ? error->message : NULL);
}

/* "W/" counts for nothing in this comparison, RFC 9110 8.8.3.2 */
static bool
list_has_etag(const char *list, const char *etag)
{
    g_auto(GStrv) items = g_strsplit(list, ",", 64);

    for (unsigned i = 0; items[i]; i++) {
        const char *item = g_strstrip(items[i]);

        if (g_str_has_prefix(item, "W/"))
            item += 2;
        if (g_str_equal(item, "*") || g_str_equal(item, etag))
            return true;
    }
    return false;
}

bool
net_http_respond_not_modified(NetHttpExchange *self, const char *etag)
{
    const char *known = net_http_exchange_header(self, "If-None-Match");

    net_http_exchange_set_header(self, "ETag", etag);
    if (!known || !list_has_etag(known, etag))
        return false;

    net_http_respond(self, 304, NULL, NULL, 0);
    return true;
}

void
net_http_exchange_refuse(SoupServerMessage *message, int status, const char *detail)
{
    g_autoptr(GBytes) bytes = build_problem(status, detail);
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);

    add_status_headers(headers, status);
    soup_message_headers_set_content_type(headers, "application/problem+json", NULL);
    soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
    soup_server_message_set_status(message, (guint)status, NULL);
}

void
net_http_exchange_time_out(NetHttpExchange *self)
{
    net_http_exchange_refuse(self->message, 504, "the answer took too long");
    complete(self, 504);
    g_clear_object(&self->message);
}
