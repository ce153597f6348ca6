#include "mdf/channels/film-opener.h"

#include "lib/base/error.h"

#define WAIT_US 40000
#define KEPT_OPEN_MAX 64u
#define THREADS 4
#define JOBS_MAX 256u

typedef struct {
    gatomicrefcount refs;
    char *name, *folder;
    ReelBlockCache *cache;
    GMutex mutex;
    GCond finished;
    bool done;
    ReelProgramme *film;
    GError *error;
} Job;

struct MdfFilmOpener {
    ReelBlockCache *cache;
    GThreadPool *threads;
    GHashTable *jobs; /* name -> Job, under way or kept open */
    GQueue order;     /* names (the keys), least recently used first */
};

static void
job_unref(void *data)
{
    Job *job = data;

    if (!g_atomic_ref_count_dec(&job->refs))
        return;
    if (job->film)
        reel_programme_unref(job->film);
    g_clear_error(&job->error);
    g_mutex_clear(&job->mutex);
    g_cond_clear(&job->finished);
    g_free(job->name);
    g_free(job->folder);
    g_free(job);
}

static Job *
job_new(ReelBlockCache *cache, const char *name, const char *folder)
{
    Job *job = g_new0(Job, 1);

    g_atomic_ref_count_init(&job->refs);
    job->cache = cache;
    job->name = g_strdup(name);
    job->folder = g_strdup(folder);
    g_mutex_init(&job->mutex);
    g_cond_init(&job->finished);
    return job;
}

static void
run_job(gpointer data, gpointer user_data)
{
    Job *job = data;
    GError *error = NULL;
    ReelProgramme *film = reel_programme_open(job->cache, job->name, job->folder, &error);

    (void)user_data;
    g_mutex_lock(&job->mutex);
    job->film = film;
    job->error = error;
    job->done = true;
    g_cond_signal(&job->finished);
    g_mutex_unlock(&job->mutex);
    job_unref(job);
}

MdfFilmOpener *
mdf_film_opener_new(ReelBlockCache *cache)
{
    MdfFilmOpener *self = g_new0(MdfFilmOpener, 1);

    self->cache = cache;
    self->threads = g_thread_pool_new(run_job, NULL, THREADS, FALSE, NULL);
    self->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_unref);
    g_queue_init(&self->order);
    return self;
}

void
mdf_film_opener_forget(MdfFilmOpener *self)
{
    g_queue_clear(&self->order);
    g_hash_table_remove_all(self->jobs);
}

void
mdf_film_opener_free(MdfFilmOpener *self)
{
    if (!self)
        return;
    g_thread_pool_free(self->threads, FALSE, TRUE);
    mdf_film_opener_forget(self);
    g_hash_table_unref(self->jobs);
    g_free(self);
}

static void
forget_job(MdfFilmOpener *self, Job *job)
{
    g_queue_remove(&self->order, job->name);
    g_hash_table_remove(self->jobs, job->name);
}

static Job *
begin_job(MdfFilmOpener *self, const char *name, const char *folder)
{
    Job *job = job_new(self->cache, name, folder);

    g_hash_table_insert(self->jobs, job->name, job);
    g_queue_push_tail(&self->order, job->name);
    g_atomic_ref_count_inc(&job->refs);
    g_thread_pool_push(self->threads, job, NULL);
    while (self->order.length > KEPT_OPEN_MAX)
        forget_job(self, g_hash_table_lookup(self->jobs, g_queue_peek_head(&self->order)));
    return job;
}

static bool
wait_for(Job *job)
{
    int64_t until_us = g_get_monotonic_time() + WAIT_US;
    bool done;

    g_mutex_lock(&job->mutex);
    while (!job->done && g_cond_wait_until(&job->finished, &job->mutex, until_us))
        ;
    done = job->done;
    g_mutex_unlock(&job->mutex);
    return done;
}

ReelProgramme *
mdf_film_opener_open(MdfFilmOpener *self, const char *name, const char *folder, GError **error)
{
    Job *job = g_hash_table_lookup(self->jobs, name);
    ReelProgramme *film;

    if (!job && g_thread_pool_unprocessed(self->threads) >= JOBS_MAX) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "the storage is slow, try again");
        return NULL;
    }
    if (!job)
        job = begin_job(self, name, folder);
    if (!wait_for(job)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "%s: the storage is slow, try again", name);
        return NULL;
    }
    if (job->error) {
        g_propagate_error(error, g_error_copy(job->error));
        forget_job(self, job);
        return NULL;
    }
    g_queue_remove(&self->order, job->name);
    g_queue_push_tail(&self->order, job->name);
    film = reel_programme_ref(job->film);
    return film;
}
