#include "content/runner.h"

#include "content/job.h"
#include "content/publish.h"
#include "lib/base/error.h"
#include "lib/proto/json-strict.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SILENCE_S = 90,    /* a child that says nothing for so long is killed */
    LINES_FREE = 1000, /* a child that talks more than this and then LINES_PER_S is killed too */
    LINES_PER_S = 50,
};

/* Reading through is this part of the whole job; the rest is writing. */
#define PROBE_SHARE 0.05

struct ContentRunner {
    char *state_dir;
    const ContentRequest *request;
    const ContentRunnerEvents *events;
    void *user_data;
    ContentStaging *staging;
    GPid child;
    guint child_watch, output_watch, silence_timer;
    int output_fd;
    bool exited;
    int wait_status;
    GString *line;
    int64_t lines;
    bool ran_wild;
    int64_t began_us;       /* monotonic */
    int64_t heard_us;       /* monotonic: last line */
    int64_t stage_began_us; /* monotonic */
    ContentStatus status;
    char *verdict;
    char *reason;     /* the child's error */
    JsonObject *done; /* the child's result */
};

static void
set_sentence(GError **error, BaseErrorCode code, const ContentRunner *self, const char *reason)
{
    int length = (int)strlen(reason);

    while (length > 0 && reason[length - 1] == '.') /* some libraries end their messages with one */
        length--;
    g_set_error(error, BASE_ERROR, code, "%s was not taken in: %.*s. Nothing was published.",
                self->request->file, length, reason);
}

/* Why a child ended that said nothing about it. */
static char *
explain_exit(const ContentRunner *self)
{
    int status = self->wait_status;

    if (self->ran_wild)
        return g_strdup("its reader ran wild; the file is damaged or hostile");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return g_strdup("it took more computing time than a file of its size may; it is damaged or hostile");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return g_strdup_printf(
            "reading it was ended, after %d s without progress or by the system for want of memory",
            SILENCE_S);
    if (WIFSIGNALED(status))
        return g_strdup_printf("reading it crashed (%s); it is damaged or hostile",
                               g_strsignal(WTERMSIG(status)));
    return g_strdup_printf("its reader ended with code %d and no reason", WEXITSTATUS(status));
}

static bool
publish(ContentRunner *self, GError **error)
{
    g_autofree char *record =
        content_asset_json(self->request, self->done, content_staging_path(self->staging),
                           g_get_real_time() / G_USEC_PER_SEC, error);

    return record != NULL && content_staging_publish(self->staging, self->request->id, record, error);
}

static void
conclude(ContentRunner *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) cause = NULL;
    bool good = WIFEXITED(self->wait_status) && WEXITSTATUS(self->wait_status) == 0 && self->done != NULL;

    if (!good) {
        g_autofree char *reason = self->reason != NULL ? g_strdup(self->reason) : explain_exit(self);

        set_sentence(&error, BASE_ERROR_NOT_ACCEPTABLE, self, reason);
    } else if (!publish(self, &cause)) {
        set_sentence(&error, (BaseErrorCode)cause->code, self, cause->message);
    }
    self->status.stage = error == NULL ? CONTENT_STAGE_DONE : CONTENT_STAGE_FAILED;
    self->status.fraction = error == NULL ? 1 : self->status.fraction;
    g_clear_pointer(&self->staging, content_staging_free);
    self->events->ended(self->user_data, error); /* may free us */
}

static void
maybe_conclude(ContentRunner *self)
{
    if (self->exited && self->output_watch == 0)
        conclude(self);
}

static void
on_child_exit(GPid pid, gint wait_status, gpointer user_data)
{
    ContentRunner *self = user_data;

    g_spawn_close_pid(pid);
    self->child_watch = 0;
    self->exited = true;
    self->wait_status = wait_status;
    maybe_conclude(self);
}

static void
note_stage(ContentRunner *self, ContentStage stage)
{
    if (self->status.stage == stage)
        return;
    self->status.stage = stage;
    self->stage_began_us = g_get_monotonic_time();
}

static void
note_progress(ContentRunner *self, JsonObject *object)
{
    ContentStatus *status = &self->status;
    bool conform = g_str_equal(json_object_get_string_member_with_default(object, "stage", ""), "conform");
    double done_us = (double)json_object_get_int_member_with_default(object, "done_us", 0);
    double of_us = (double)json_object_get_int_member_with_default(object, "of_us", 0);
    double spent_us, part;

    note_stage(self, conform ? CONTENT_STAGE_CONFORM : CONTENT_STAGE_PROBE);
    part = of_us > 0 ? CLAMP(done_us / of_us, 0.0, 1.0) : 0;
    status->fraction = conform ? PROBE_SHARE + (1 - PROBE_SHARE) * part : PROBE_SHARE * part;
    spent_us = (double)(g_get_monotonic_time() - self->stage_began_us);
    status->rate = spent_us > 0 ? done_us / spent_us : 0;
    status->left_s =
        conform && status->rate > 0 && of_us > 0 ? MAX(of_us - done_us, 0) / status->rate / 1e6 : -1;
}

static void
handle_event(ContentRunner *self, JsonObject *object)
{
    const char *name = json_object_get_string_member_with_default(object, "event", "");

    if (g_str_equal(name, "progress")) {
        note_progress(self, object);
    } else if (g_str_equal(name, "probe")) {
        self->status.duration_us = json_object_get_int_member_with_default(object, "duration_us", 0);
    } else if (g_str_equal(name, "verdict")) {
        g_free(self->verdict);
        self->verdict = g_strdup(json_object_get_string_member_with_default(object, "text", ""));
        self->status.verdict = self->verdict;
        note_stage(self, CONTENT_STAGE_CONFORM);
    } else if (g_str_equal(name, "error")) {
        g_free(self->reason);
        self->reason = g_strdup(json_object_get_string_member_with_default(object, "text", "unknown"));
    } else if (g_str_equal(name, "done")) {
        g_clear_pointer(&self->done, json_object_unref);
        self->done = json_object_ref(object);
    }
    self->events->changed(self->user_data);
}

static void
handle_line(ContentRunner *self)
{
    g_autoptr(JsonNode) root = NULL;

    self->heard_us = g_get_monotonic_time();
    if (++self->lines > LINES_FREE + (self->heard_us - self->began_us) * LINES_PER_S / G_USEC_PER_SEC) {
        self->ran_wild = true;
        kill(self->child, SIGKILL);
        return;
    }
    root = proto_json_parse(self->line->str, self->line->len, CONTENT_JOB_LINE_MAX, NULL);
    if (root != NULL && JSON_NODE_HOLDS_OBJECT(root))
        handle_event(self, json_node_get_object(root));
}

static void
take_output(ContentRunner *self, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\n') {
            handle_line(self);
            g_string_truncate(self->line, 0);
        } else if (self->line->len < CONTENT_JOB_LINE_MAX) {
            g_string_append_c(self->line, data[i]);
        }
    }
}

static gboolean
on_output(gint fd, GIOCondition condition, gpointer user_data)
{
    ContentRunner *self = user_data;
    char buffer[4096];
    ssize_t n = read(fd, buffer, sizeof buffer);

    (void)condition;
    if (n > 0)
        take_output(self, buffer, (size_t)n);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return G_SOURCE_CONTINUE;

    self->output_watch = 0;
    maybe_conclude(self); /* may free us */
    return G_SOURCE_REMOVE;
}

static gboolean
on_silence_check(gpointer user_data)
{
    ContentRunner *self = user_data;

    if (!self->exited && g_get_monotonic_time() - self->heard_us > SILENCE_S * G_USEC_PER_SEC)
        kill(self->child, SIGKILL);
    return G_SOURCE_CONTINUE;
}

static bool
start_child(ContentRunner *self, const char *program, GError **error)
{
    g_autofree char *parent = g_strdup_printf("%d", (int)getpid());
    const char *argv[] = {
        program, "--job", self->request->file, "--out", content_staging_path(self->staging), "--parent",
        parent,  NULL};

    if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                                  G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL, NULL, NULL,
                                  &self->child, NULL, &self->output_fd, NULL, error))
        return false;
    g_unix_set_fd_nonblocking(self->output_fd, TRUE, NULL);
    self->began_us = self->heard_us = self->stage_began_us = g_get_monotonic_time();
    self->output_watch = g_unix_fd_add(self->output_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, self);
    self->child_watch = g_child_watch_add(self->child, on_child_exit, self);
    self->silence_timer = g_timeout_add_seconds(5, on_silence_check, self);
    return true;
}

ContentRunner *
content_runner_new(const char *state_dir,
                   const char *program,
                   const ContentRequest *request,
                   const ContentRunnerEvents *events,
                   void *user_data,
                   GError **error)
{
    g_autoptr(ContentRunner) self = g_new0(ContentRunner, 1);
    g_autoptr(GError) cause = NULL;

    self->state_dir = g_strdup(state_dir);
    self->request = request;
    self->events = events;
    self->user_data = user_data;
    self->output_fd = -1;
    self->line = g_string_new(NULL);
    self->status.stage = CONTENT_STAGE_PROBE;
    self->status.left_s = -1;

    if (content_published(state_dir, request->id)) {
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_BUSY,
            "%s was not taken in: there is an asset \"%s\" already. Remove it first, or choose another id.",
            request->file, request->id);
        return NULL;
    }
    self->staging = content_staging_new(state_dir, &cause);
    if (self->staging == NULL || !start_child(self, program, &cause)) {
        set_sentence(error, BASE_ERROR_UNAVAILABLE, self, cause->message);
        return NULL;
    }
    return g_steal_pointer(&self);
}

/* The child is waited for, so that it does not write into a folder that is just being deleted. */
static void
end_child(ContentRunner *self)
{
    if (self->child == 0 || self->exited)
        return;
    g_clear_handle_id(&self->child_watch, g_source_remove);
    kill(self->child, SIGKILL);
    while (waitpid(self->child, NULL, 0) < 0 && errno == EINTR)
        ;
}

void
content_runner_free(ContentRunner *self)
{
    if (self == NULL)
        return;
    end_child(self);
    g_clear_handle_id(&self->output_watch, g_source_remove);
    g_clear_handle_id(&self->silence_timer, g_source_remove);
    if (self->output_fd >= 0)
        close(self->output_fd);
    content_staging_free(self->staging);
    g_clear_pointer(&self->done, json_object_unref);
    g_string_free(self->line, TRUE);
    g_free(self->verdict);
    g_free(self->reason);
    g_free(self->state_dir);
    g_free(self);
}

void
content_runner_status(const ContentRunner *self, ContentStatus *ret_status)
{
    *ret_status = self->status;
}
