#include "cli/asset-job.h"

#include "lib/base/error.h"
#include "lib/base/progress.h"
#include "lib/net/http-client.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { POLL_MS = 250 };

typedef struct {
    const char *port;
    GMainLoop *loop;
    NetHttpClient *client;
    char *job_path; /* NULL until the job was taken */
    char *file;
    JsonObject *job; /* latest description */
    BaseProgress *progress;
    bool said_verdict, cancelled;
    guint poll_timer;
    GError *error;
} Follow;

static void poll_job(Follow *self);

static void
end_with(Follow *self, GError *error)
{
    if (self->error == NULL)
        self->error = error;
    else
        g_error_free(error);
    g_main_loop_quit(self->loop);
}

static const char *
text_of(JsonObject *object, const char *name)
{
    return json_object_get_string_member_with_default(object, name, NULL);
}

static void
show(Follow *self)
{
    double left_s = json_object_get_double_member_with_default(self->job, "left_s", -1);
    double rate = json_object_get_double_member_with_default(self->job, "rate", 0);
    const char *verdict = text_of(self->job, "verdict");
    char detail[64] = "";

    if (self->progress == NULL)
        return;
    if (verdict != NULL && !self->said_verdict) {
        g_autofree char *line = g_strdup_printf("%s: %s", self->file, verdict);

        self->said_verdict = true;
        base_progress_say(self->progress, line);
    }
    if (left_s >= 0)
        g_snprintf(detail, sizeof detail, "%.1fx, %d s left", rate, (int)(left_s + 0.5));
    base_progress_update(self->progress, json_object_get_double_member_with_default(self->job, "fraction", 0),
                         detail[0] != '\0' ? detail : NULL);
}

/* True when the job has ended; then the loop was told. */
static bool
check_end(Follow *self)
{
    const char *stage = json_object_get_string_member_with_default(self->job, "stage", "");

    if (g_str_equal(stage, "done")) {
        g_main_loop_quit(self->loop);
        return true;
    }
    if (g_str_equal(stage, "failed") || g_str_equal(stage, "cancelled")) {
        const char *why = text_of(self->job, "error");

        end_with(self,
                 g_error_new(BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "%s", why != NULL ? why : "cancelled"));
        return true;
    }
    return false;
}

static gboolean
on_poll(gpointer user_data)
{
    Follow *self = user_data;

    self->poll_timer = 0;
    poll_job(self);
    return G_SOURCE_REMOVE;
}

static JsonObject *
parse(const NetHttpAnswer *answer)
{
    g_autoptr(JsonNode) root = json_from_string(net_http_answer_body(answer, NULL), NULL);

    return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_object_ref(json_node_get_object(root)) : NULL;
}

static void
on_job(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Follow *self = user_data;
    GError *failure = NULL;
    JsonObject *job;

    if (error != NULL || !net_http_answer_check(answer, &failure)) {
        end_with(self, error != NULL ? g_error_copy(error) : failure);
        return;
    }
    job = parse(answer);
    if (job == NULL) {
        end_with(self,
                 g_error_new(BASE_ERROR, BASE_ERROR_PROTOCOL, "imstv-ingest sent an answer that is none"));
        return;
    }
    g_clear_pointer(&self->job, json_object_unref);
    self->job = job;
    if (self->job_path == NULL)
        self->job_path =
            g_strdup_printf("/api/v1/jobs/%s", json_object_get_string_member_with_default(job, "id", ""));
    show(self);
    if (!check_end(self))
        self->poll_timer = g_timeout_add(POLL_MS, on_poll, self);
}

static char *
url_of(const char *port, const char *path)
{
    return g_strdup_printf("http://127.0.0.1:%s%s", port, path);
}

static void
poll_job(Follow *self)
{
    g_autofree char *url = url_of(self->port, self->job_path);

    net_http_client_send(self->client, &(NetHttpRequest){.url = url}, on_job, self);
}

static void
post_job(Follow *self, JsonObject *request)
{
    g_autofree char *url = url_of(self->port, "/api/v1/jobs");
    g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), request);
    g_autofree char *body = json_to_string(root, FALSE);

    net_http_client_send(self->client,
                         &(NetHttpRequest){.method = "POST",
                                           .url = url,
                                           .content_type = "application/json",
                                           .body = body,
                                           .body_bytes = strlen(body)},
                         on_job, self);
}

static gboolean
on_signal(gpointer user_data)
{
    Follow *self = user_data;

    self->cancelled = true;
    end_with(self, g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "%s: interrupted. Nothing was published.",
                               self->file));
    return G_SOURCE_CONTINUE;
}

static void
follow_clear(Follow *self)
{
    g_clear_handle_id(&self->poll_timer, g_source_remove);
    net_http_client_free(self->client);
    base_progress_free(self->progress);
    g_main_loop_unref(self->loop);
    g_free(self->job_path);
    g_free(self->file);
    g_clear_pointer(&self->job, json_object_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Follow, follow_clear)

JsonObject *
cli_asset_job_run(const char *port, JsonObject *request, bool show_progress, GError **error)
{
    g_auto(Follow) self = {.port = port,
                           .loop = g_main_loop_new(NULL, FALSE),
                           .client = net_http_client_new("API"),
                           .file = g_strdup(text_of(request, "file"))};
    guint signals[] = {g_unix_signal_add(SIGINT, on_signal, &self),
                       g_unix_signal_add(SIGTERM, on_signal, &self)};
    const char *title = text_of(request, "title");

    if (show_progress)
        self.progress = base_progress_new(stdout, title != NULL ? title : self.file);
    post_job(&self, request);
    g_main_loop_run(self.loop);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);

    if (self.cancelled && self.job_path != NULL)
        cli_asset_request(port, "DELETE", self.job_path, NULL);
    if (self.error != NULL) {
        g_propagate_error(error, g_steal_pointer(&self.error));
        return NULL;
    }
    return g_steal_pointer(&self.job);
}

typedef struct {
    GMainLoop *loop;
    GError *error;
} Outcome;

static void
on_outcome(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Outcome *self = user_data;

    if (error != NULL)
        self->error = g_error_copy(error);
    else
        net_http_answer_check(answer, &self->error);
    g_main_loop_quit(self->loop);
}

bool
cli_asset_request(const char *port, const char *method, const char *path, GError **error)
{
    g_autoptr(NetHttpClient) client = net_http_client_new("API");
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autofree char *url = url_of(port, path);
    Outcome outcome = {.loop = loop};

    net_http_client_send(client, &(NetHttpRequest){.method = method, .url = url}, on_outcome, &outcome);
    g_main_loop_run(loop);
    if (outcome.error == NULL)
        return true;
    g_propagate_error(error, outcome.error);
    return false;
}
