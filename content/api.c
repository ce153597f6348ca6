#include "content/api.h"

#include "content/publish.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

enum { BODY_MAX = 16384 };

struct ContentApi {
    ContentQueue *queue;
    char *state_dir;
};

static void
set_text(JsonObject *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_string_member(object, name, value);
}

static JsonObject *
describe(const ContentJob *job)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "id", job->id);
    json_object_set_string_member(object, "asset", job->request->id);
    json_object_set_string_member(object, "title", job->request->title);
    json_object_set_string_member(object, "file", job->request->file);
    json_object_set_string_member(object, "stage", content_stage_name(job->status.stage));
    set_text(object, "verdict", job->verdict);
    json_object_set_double_member(object, "fraction", job->status.fraction);
    json_object_set_double_member(object, "rate", job->status.rate);
    if (job->status.left_s >= 0)
        json_object_set_double_member(object, "left_s", job->status.left_s);
    if (job->status.duration_us > 0)
        json_object_set_int_member(object, "duration_us", job->status.duration_us);
    set_text(object, "error", job->error);
    json_object_set_int_member(object, "created", job->created_s);
    return object;
}

static void
respond_object(NetHttpExchange *exchange, int status, JsonObject *object)
{
    JsonNode *root = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(root, object);
    net_http_respond_json(exchange, status, root);
}

/* A string member, NULL if it is not there. False: it is there and no string. */
static bool
get_text(JsonObject *object, const char *name, const char **ret_text)
{
    JsonNode *node = json_object_get_member(object, name);

    *ret_text = node != NULL ? json_node_get_string(node) : NULL;
    return node == NULL || json_node_get_value_type(node) == G_TYPE_STRING;
}

/* BUSY means here: the id is taken, or the job has ended. Waiting would not help, so it is not 503. */
static void
refuse(NetHttpExchange *exchange, const GError *error)
{
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_BUSY))
        net_http_respond_problem(exchange, 409, error->message);
    else
        net_http_respond_error(exchange, error);
}

static void
on_post_job(NetHttpExchange *exchange, void *user_data)
{
    ContentApi *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) body = net_http_exchange_json(exchange, &error);
    const char *file = NULL, *id, *title, *credit, *synopsis;
    g_autofree char *location = NULL;
    ContentRequest *request;
    const ContentJob *job;

    if (body == NULL) {
        net_http_respond_error(exchange, error);
        return;
    }
    if (!get_text(body, "file", &file) || !get_text(body, "id", &id) || !get_text(body, "title", &title) ||
        !get_text(body, "credit", &credit) || !get_text(body, "synopsis", &synopsis) || file == NULL ||
        !g_path_is_absolute(file)) {
        net_http_respond_problem(exchange, 400, "\"file\" must be an absolute path, and all members strings");
        return;
    }
    request = content_request_new(file, id, title, credit, synopsis, &error);
    job = request != NULL ? content_queue_add(self->queue, request, &error) : NULL;
    if (job == NULL) {
        refuse(exchange, error);
        return;
    }
    location = g_strdup_printf("/api/v1/jobs/%s", job->id);
    net_http_exchange_set_header(exchange, "Location", location);
    respond_object(exchange, 202, describe(job));
}

static void
on_get_jobs(NetHttpExchange *exchange, void *user_data)
{
    ContentApi *self = user_data;
    g_autoptr(GPtrArray) jobs = content_queue_list(self->queue);
    JsonObject *object = json_object_new();
    JsonArray *array = json_array_new();

    for (guint i = 0; i < jobs->len; i++)
        json_array_add_object_element(array, describe(g_ptr_array_index(jobs, i)));
    json_object_set_array_member(object, "jobs", array);
    respond_object(exchange, 200, object);
}

static void
on_get_job(NetHttpExchange *exchange, void *user_data)
{
    ContentApi *self = user_data;
    const ContentJob *job = content_queue_get(self->queue, net_http_exchange_param(exchange, "id"));

    if (job == NULL)
        net_http_respond_problem(exchange, 404, "there is no such job");
    else
        respond_object(exchange, 200, describe(job));
}

static void
on_delete_job(NetHttpExchange *exchange, void *user_data)
{
    ContentApi *self = user_data;
    g_autoptr(GError) error = NULL;

    if (content_queue_cancel(self->queue, net_http_exchange_param(exchange, "id"), &error))
        net_http_respond(exchange, 204, NULL, NULL, 0);
    else
        refuse(exchange, error);
}

static void
on_delete_asset(NetHttpExchange *exchange, void *user_data)
{
    ContentApi *self = user_data;
    const char *id = net_http_exchange_param(exchange, "id");
    BaseLogFields fields = {.channel = id};
    g_autoptr(GError) error = NULL;

    if (!content_remove(self->state_dir, id, &error)) {
        net_http_respond_error(exchange, error);
        return;
    }
    base_info(&fields, "removed from the catalogue");
    net_http_respond(exchange, 204, NULL, NULL, 0);
}

ContentApi *
content_api_new(NetHttpApi *http, ContentQueue *queue, const char *state_dir)
{
    static const NetHttpRoute routes[] = {
        {"POST", "/api/v1/jobs", on_post_job, BODY_MAX, "application/json", false},
        {"GET", "/api/v1/jobs", on_get_jobs, 0, NULL, false},
        {"GET", "/api/v1/jobs/{id}", on_get_job, 0, NULL, false},
        {"DELETE", "/api/v1/jobs/{id}", on_delete_job, 0, NULL, false},
        {"DELETE", "/api/v1/assets/{id}", on_delete_asset, 0, NULL, false},
    };
    ContentApi *self = g_new0(ContentApi, 1);

    self->queue = queue;
    self->state_dir = g_strdup(state_dir);
    net_http_api_add_routes(http, routes, G_N_ELEMENTS(routes), self);
    return self;
}

void
content_api_free(ContentApi *self)
{
    if (self == NULL)
        return;
    g_free(self->state_dir);
    g_free(self);
}
