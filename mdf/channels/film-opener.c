#include "mdf/channels/film-opener.h"

#include "lib/base/error.h"

#define KEPT_OPEN_MAX 64u
#define THREADS 4
#define JOBS_MAX 256u

typedef struct {
    MdfFilmOpened opened;
    void *user_data;
} Waiter;

/* Everything but `film` and `error` belongs to the main thread; those two to the helper thread until it has
 * posted the job back. */
typedef struct {
    gatomicrefcount refs;
    MdfFilmOpener *opener; /* NULL: it is gone */
    char *name, *folder;
    ReelBlockCache *cache;
    bool done;
    bool stale;      /* the catalogue has changed since it began: for those who wait already, no longer */
    guint deadline;  /* GSource id */
    GArray *waiters; /* of Waiter */
    ReelProgramme *film;
    GError *error;
} Job;

struct MdfFilmOpener {
    ReelBlockCache *cache;
    GThreadPool *threads;
    GHashTable *jobs;      /* name -> Job, under way or kept open */
    GQueue order;          /* names (the keys), least recently used first */
    GHashTable *under_way; /* set of Job */
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
    g_clear_handle_id(&job->deadline, g_source_remove);
    g_array_unref(job->waiters);
    g_free(job->name);
    g_free(job->folder);
    g_free(job);
}

static Job *
job_new(MdfFilmOpener *opener, const char *name, const char *folder)
{
    Job *job = g_new0(Job, 1);

    g_atomic_ref_count_init(&job->refs);
    job->opener = opener;
    job->cache = opener->cache;
    job->name = g_strdup(name);
    job->folder = g_strdup(folder);
    job->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    return job;
}

/* Tells those who wait; each may ask for other films from inside. */
static void
tell_waiters(Job *job)
{
    g_autoptr(GArray) waiters = g_steal_pointer(&job->waiters);

    job->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    g_clear_handle_id(&job->deadline, g_source_remove);
    for (guint i = 0; i < waiters->len; i++) {
        const Waiter *waiter = &g_array_index(waiters, Waiter, i);

        waiter->opened(waiter->user_data);
    }
}

static void
forget_job(MdfFilmOpener *self, Job *job)
{
    if (g_hash_table_lookup(self->jobs, job->name) != job)
        return;
    g_queue_remove(&self->order, job->name);
    g_hash_table_remove(self->jobs, job->name);
}

static gboolean
on_job_done(gpointer data)
{
    Job *job = data;

    job->done = true;
    if (job->opener) {
        g_hash_table_remove(job->opener->under_way, job);
        tell_waiters(job);
        if (job->stale)
            forget_job(job->opener, job);
    }
    job_unref(job);
    return G_SOURCE_REMOVE;
}

static gboolean
on_deadline(gpointer data)
{
    Job *job = data;

    job->deadline = 0;
    tell_waiters(job);
    return G_SOURCE_REMOVE;
}

static void
run_job(gpointer data, gpointer user_data)
{
    Job *job = data;

    (void)user_data;
    job->film = reel_programme_open(job->cache, job->name, job->folder, &job->error);
    g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, on_job_done, job, NULL);
}

MdfFilmOpener *
mdf_film_opener_new(ReelBlockCache *cache)
{
    MdfFilmOpener *self = g_new0(MdfFilmOpener, 1);

    self->cache = cache;
    self->threads = g_thread_pool_new(run_job, NULL, THREADS, FALSE, NULL);
    self->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_unref);
    self->under_way = g_hash_table_new(NULL, NULL);
    g_queue_init(&self->order);
    return self;
}

void
mdf_film_opener_forget(MdfFilmOpener *self)
{
    g_autoptr(GList) names = g_list_copy(self->order.head);

    for (GList *name = names; name; name = name->next) {
        Job *job = g_hash_table_lookup(self->jobs, name->data);

        job->stale = true;
        if (job->done)
            forget_job(self, job);
    }
}

/* Their threads have ended; what they posted still finds the job, but nobody who waits. */
static void
release_jobs_under_way(MdfFilmOpener *self)
{
    GHashTableIter iter;
    gpointer job;

    g_hash_table_iter_init(&iter, self->under_way);
    while (g_hash_table_iter_next(&iter, &job, NULL)) {
        ((Job *)job)->opener = NULL;
        g_clear_handle_id(&((Job *)job)->deadline, g_source_remove);
    }
}

void
mdf_film_opener_free(MdfFilmOpener *self)
{
    if (!self)
        return;
    g_thread_pool_free(self->threads, FALSE, TRUE);
    release_jobs_under_way(self);
    g_queue_clear(&self->order);
    g_hash_table_remove_all(self->jobs);
    g_hash_table_unref(self->jobs);
    g_hash_table_unref(self->under_way);
    g_free(self);
}

static Job *
begin_job(MdfFilmOpener *self, const char *name, const char *folder)
{
    Job *job = job_new(self, name, folder);

    g_hash_table_insert(self->jobs, job->name, job);
    g_queue_push_tail(&self->order, job->name);
    g_atomic_ref_count_inc(&job->refs);
    g_hash_table_add(self->under_way, job);
    g_thread_pool_push(self->threads, job, NULL);
    while (self->order.length > KEPT_OPEN_MAX)
        forget_job(self, g_hash_table_lookup(self->jobs, g_queue_peek_head(&self->order)));
    return job;
}

/* The job of that film, a new one if need be; NULL if too many films are being opened. */
static Job *
job_of(MdfFilmOpener *self, const char *name, const char *folder)
{
    Job *job = g_hash_table_lookup(self->jobs, name);

    if (job)
        return job;
    if (g_hash_table_size(self->under_way) >= JOBS_MAX)
        return NULL;
    return begin_job(self, name, folder);
}

void
mdf_film_opener_prepare(
    MdfFilmOpener *self, const char *name, const char *folder, MdfFilmOpened opened, void *user_data)
{
    Job *job = job_of(self, name, folder);
    Waiter waiter = {opened, user_data};

    if (!job || job->done) {
        opened(user_data);
        return;
    }
    g_array_append_val(job->waiters, waiter);
    if (job->deadline == 0)
        job->deadline = g_timeout_add(MDF_FILM_OPENER_WAIT_MS, on_deadline, job);
}

ReelProgramme *
mdf_film_opener_get(MdfFilmOpener *self, const char *name, const char *folder, GError **error)
{
    Job *job = job_of(self, name, folder);

    if (!job || !job->done) {
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
    return reel_programme_ref(job->film);
}
