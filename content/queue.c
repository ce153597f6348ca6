#include "content/queue.h"

#include "content/publish.h"
#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#include <string.h>

struct ContentQueue {
    char *state_dir, *program;
    GPtrArray *jobs; /* of ContentJob, oldest first */
    ContentJob *current;
    ContentRunner *runner; /* of current */
    guint next_source;
};

static bool
has_ended(const ContentJob *job)
{
    return job->status.stage >= CONTENT_STAGE_DONE;
}

static void
job_free(gpointer data)
{
    ContentJob *job = data;

    content_request_free(job->request);
    g_free(job->id);
    g_free(job->verdict);
    g_free(job->error);
    g_free(job);
}

static void
end_job(ContentJob *job, ContentStage stage, const char *error)
{
    BaseLogFields fields = {.channel = job->request->id, .call_id = job->id};

    job->status.stage = stage;
    job->error = g_strdup(error);
    base_metric_add(base_counter("imstv_ingest_jobs_total",
                                 stage == CONTENT_STAGE_DONE     ? "outcome=\"done\""
                                 : stage == CONTENT_STAGE_FAILED ? "outcome=\"failed\""
                                                                 : "outcome=\"cancelled\"",
                                 "files taken in, by outcome"),
                    1);
    if (error != NULL)
        base_warning(&fields, "%s", error);
    else
        base_info(&fields, "%s: %s", job->request->file, content_stage_name(stage));
}

static void start_next(ContentQueue *self);

static gboolean
on_next(gpointer user_data)
{
    ContentQueue *self = user_data;

    self->next_source = 0;
    start_next(self);
    return G_SOURCE_REMOVE;
}

static void
schedule_next(ContentQueue *self)
{
    if (self->next_source == 0)
        self->next_source = g_idle_add(on_next, self);
}

static void
on_changed(void *user_data)
{
    ContentQueue *self = user_data;
    ContentJob *job = self->current;

    content_runner_status(self->runner, &job->status);
    if (job->verdict == NULL && job->status.verdict != NULL)
        job->verdict = g_strdup(job->status.verdict);
    job->status.verdict = job->verdict;
}

static void
on_ended(void *user_data, const GError *error)
{
    ContentQueue *self = user_data;
    ContentJob *job = self->current;

    on_changed(self);
    end_job(job, error == NULL ? CONTENT_STAGE_DONE : CONTENT_STAGE_FAILED,
            error != NULL ? error->message : NULL);
    self->current = NULL;
    g_clear_pointer(&self->runner, content_runner_free);
    schedule_next(self);
}

static ContentJob *
first_waiting(ContentQueue *self)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        ContentJob *job = g_ptr_array_index(self->jobs, i);

        if (job->status.stage == CONTENT_STAGE_QUEUED)
            return job;
    }
    return NULL;
}

static void
start_next(ContentQueue *self)
{
    static const ContentRunnerEvents events = {.changed = on_changed, .ended = on_ended};
    g_autoptr(GError) error = NULL;
    ContentJob *job = self->current == NULL ? first_waiting(self) : NULL;

    if (job == NULL)
        return;
    self->runner = content_runner_new(self->state_dir, self->program, job->request, &events, self, &error);
    if (self->runner == NULL) {
        end_job(job, CONTENT_STAGE_FAILED, error->message);
        schedule_next(self);
        return;
    }
    self->current = job;
    on_changed(self);
}

ContentQueue *
content_queue_new(const char *state_dir, const char *program)
{
    ContentQueue *self = g_new0(ContentQueue, 1);

    self->state_dir = g_strdup(state_dir);
    self->program = g_strdup(program);
    self->jobs = g_ptr_array_new_with_free_func(job_free);
    return self;
}

void
content_queue_free(ContentQueue *self)
{
    if (self == NULL)
        return;
    g_clear_handle_id(&self->next_source, g_source_remove);
    content_runner_free(self->runner);
    g_ptr_array_unref(self->jobs);
    g_free(self->state_dir);
    g_free(self->program);
    g_free(self);
}

/* Forgets the oldest ended jobs; counts those that have not ended. */
static guint
trim_history(ContentQueue *self)
{
    guint ended = 0, open;

    for (guint i = 0; i < self->jobs->len; i++)
        ended += has_ended(g_ptr_array_index(self->jobs, i));
    open = self->jobs->len - ended;
    for (guint i = 0; ended > CONTENT_HISTORY_MAX && i < self->jobs->len;) {
        if (has_ended(g_ptr_array_index(self->jobs, i))) {
            g_ptr_array_remove_index(self->jobs, i);
            ended--;
        } else {
            i++;
        }
    }
    return open;
}

static bool
is_open(ContentQueue *self, const char *asset_id)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        const ContentJob *job = g_ptr_array_index(self->jobs, i);

        if (!has_ended(job) && strcmp(job->request->id, asset_id) == 0)
            return true;
    }
    return false;
}

const ContentJob *
content_queue_add(ContentQueue *self, ContentRequest *request, GError **error)
{
    g_autoptr(ContentRequest) owned = request;
    ContentJob *job;

    if (trim_history(self) >= CONTENT_QUEUE_MAX) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "%d files wait already; try later",
                    CONTENT_QUEUE_MAX);
        return NULL;
    }
    if (content_published(self->state_dir, request->id) || is_open(self, request->id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY,
                    "there is an asset \"%s\" already: remove it first, or choose another id", request->id);
        return NULL;
    }

    job = g_new0(ContentJob, 1);
    job->id = base_id_new();
    job->request = g_steal_pointer(&owned);
    job->status = (ContentStatus){.stage = CONTENT_STAGE_QUEUED, .left_s = -1};
    job->created_s = g_get_real_time() / G_USEC_PER_SEC;
    g_ptr_array_add(self->jobs, job);
    schedule_next(self);
    return job;
}

static ContentJob *
find(ContentQueue *self, const char *job_id)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        ContentJob *job = g_ptr_array_index(self->jobs, i);

        if (strcmp(job->id, job_id) == 0)
            return job;
    }
    return NULL;
}

const ContentJob *
content_queue_get(ContentQueue *self, const char *job_id)
{
    return find(self, job_id);
}

GPtrArray *
content_queue_list(ContentQueue *self)
{
    GPtrArray *list = g_ptr_array_sized_new(self->jobs->len);

    for (guint i = 0; i < self->jobs->len; i++)
        g_ptr_array_add(list, g_ptr_array_index(self->jobs, i));
    return list;
}

bool
content_queue_cancel(ContentQueue *self, const char *job_id, GError **error)
{
    ContentJob *job = find(self, job_id);

    if (job == NULL) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "there is no such job");
        return false;
    }
    if (has_ended(job)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_BUSY, "the job has ended already");
        return false;
    }
    if (job == self->current) {
        self->current = NULL;
        g_clear_pointer(&self->runner, content_runner_free);
    }
    end_job(job, CONTENT_STAGE_CANCELLED, NULL);
    schedule_next(self);
    return true;
}
