#include "content/once.h"

#include "content/publish.h"
#include "content/runner.h"
#include "lib/base/progress.h"
#include "lib/proto/json-print.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

typedef struct {
    GMainLoop *loop;
    ContentRunner *runner;
    BaseProgress *progress; /* NULL with --json */
    const ContentRequest *request;
    bool said_verdict;
    char *failure;
    bool interrupted;
} Once;

static void
on_changed(void *user_data)
{
    Once *self = user_data;
    ContentStatus status;
    char detail[64] = "";

    if (self->progress == NULL)
        return;
    content_runner_status(self->runner, &status);
    if (status.verdict != NULL && !self->said_verdict) {
        g_autofree char *line = g_strdup_printf("%s: %s", self->request->file, status.verdict);

        self->said_verdict = true;
        base_progress_say(self->progress, line);
    }
    if (status.left_s >= 0)
        g_snprintf(detail, sizeof detail, "%.1fx, %d s left", status.rate, (int)(status.left_s + 0.5));
    base_progress_update(self->progress, status.fraction, detail[0] != '\0' ? detail : NULL);
}

static void
on_ended(void *user_data, const GError *error)
{
    Once *self = user_data;

    if (error != NULL)
        self->failure = g_strdup(error->message);
    else if (self->progress != NULL)
        base_progress_update(self->progress, 1, NULL);
    g_main_loop_quit(self->loop);
}

static gboolean
on_signal(gpointer user_data)
{
    Once *self = user_data;

    self->interrupted = true;
    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static void
print_json(const Once *self)
{
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), object);
    g_autofree char *text = NULL;
    ContentStatus status;

    content_runner_status(self->runner, &status);
    json_object_set_string_member(object, "asset", self->request->id);
    json_object_set_string_member(object, "title", self->request->title);
    json_object_set_string_member(object, "file", self->request->file);
    json_object_set_string_member(object, "stage", content_stage_name(status.stage));
    json_object_set_string_member(object, "verdict", status.verdict != NULL ? status.verdict : "");
    json_object_set_int_member(object, "duration_us", status.duration_us);
    text = proto_json_print(root, true);
    printf("%s\n", text);
}

static int
report(const Once *self)
{
    if (self->interrupted) {
        fprintf(stderr, "%s: interrupted. Nothing was published.\n", self->request->file);
        return 1;
    }
    if (self->failure != NULL) {
        fprintf(stderr, "%s\n", self->failure);
        return 1;
    }
    if (self->progress == NULL)
        print_json(self);
    else
        printf("%s: published as \"%s\".\n", self->request->title, self->request->id);
    return 0;
}

int
content_once_run(const char *state_dir, const char *program, const ContentRequest *request, bool json)
{
    static const ContentRunnerEvents events = {.changed = on_changed, .ended = on_ended};
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Once self = {.loop = loop,
                 .request = request,
                 .progress = json ? NULL : base_progress_new(stdout, request->title)};
    guint signals[] = {g_unix_signal_add(SIGINT, on_signal, &self),
                       g_unix_signal_add(SIGTERM, on_signal, &self)};
    int code;

    content_recover(state_dir);
    self.runner = content_runner_new(state_dir, program, request, &events, &self, &error);
    if (self.runner != NULL)
        g_main_loop_run(loop);
    else
        self.failure = g_strdup(error->message);

    if (self.progress != NULL)
        base_progress_end(self.progress);
    code = report(&self);
    content_runner_free(self.runner);
    base_progress_free(self.progress);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        g_source_remove(signals[i]);
    g_free(self.failure);
    return code;
}
