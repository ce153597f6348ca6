#include "mcf-extensions/mdf-pool.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"

#define POLL_MS 500
#define MISSED_ANSWERS 2

typedef enum {
    MDF_UNKNOWN, /* not heard of yet */
    MDF_UP,
    MDF_DOWN,
} MdfHealth;

typedef struct {
    McfMdfPool *pool; /* borrowed */
    char *base;
    MdfHealth health;
    unsigned missed;
    char instance[33];
    gint64 viewers, capacity;
    McfXpCall *poll; /* NULL: none under way */
} Mdf;

struct McfMdfPool {
    GPtrArray *mdfs;
    McfXpClient *xp;
    GSource *timer;
    const McfMdfPoolEvents *events;
    void *user_data;
};

static void
mdf_free(gpointer data)
{
    Mdf *self = data;

    if (self->poll)
        mcf_xp_cancel(self->poll);
    g_free(self->base);
    g_free(self);
}

McfMdfPool *
mcf_mdf_pool_new(const char *const *bases, const McfMdfPoolEvents *events, void *user_data)
{
    McfMdfPool *self = g_new0(McfMdfPool, 1);

    self->mdfs = g_ptr_array_new_with_free_func(mdf_free);
    self->events = events;
    self->user_data = user_data;
    for (; *bases; bases++) {
        Mdf *mdf = g_new0(Mdf, 1);
        mdf->pool = self;
        mdf->base = g_strdup(*bases);
        while (g_str_has_suffix(mdf->base, "/"))
            mdf->base[strlen(mdf->base) - 1] = '\0';
        g_ptr_array_add(self->mdfs, mdf);
    }
    return self;
}

void
mcf_mdf_pool_free(McfMdfPool *self)
{
    if (!self)
        return;
    if (self->timer) {
        g_source_destroy(self->timer);
        g_source_unref(self->timer);
    }
    g_ptr_array_unref(self->mdfs);
    g_free(self);
}

static Mdf *
find(const McfMdfPool *self, const char *base)
{
    for (guint i = 0; i < self->mdfs->len; i++) {
        Mdf *mdf = g_ptr_array_index(self->mdfs, i);
        if (strcmp(mdf->base, base) == 0)
            return mdf;
    }
    return NULL;
}

/* ---- what was heard ---- */

static void
heard_status(Mdf *mdf, const McfXpReply *status)
{
    bool replaced = mdf->health == MDF_UP && *mdf->instance && strcmp(mdf->instance, status->instance) != 0;

    if (mdf->health != MDF_UP)
        base_notice(NULL, "MDF %s is up", mdf->base);
    mdf->health = MDF_UP;
    mdf->missed = 0;
    mdf->viewers = status->viewers;
    mdf->capacity = status->capacity;
    g_strlcpy(mdf->instance, status->instance, sizeof mdf->instance);
    if (replaced) {
        base_warning(NULL, "MDF %s was restarted, ending its sessions", mdf->base);
        mdf->pool->events->lost(mdf->pool->user_data, mdf->base);
    }
}

static void
heard_failure(Mdf *mdf, const GError *error)
{
    bool was_up = mdf->health == MDF_UP;

    /* A refused connection is certain; an answer that did not come may just be late. */
    mdf->missed++;
    if (!g_error_matches(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE) && mdf->missed < MISSED_ANSWERS)
        return;
    mdf->health = MDF_DOWN;
    mdf->instance[0] = '\0';
    if (was_up) {
        base_warning(NULL, "MDF %s is down, ending its sessions: %s", mdf->base, error->message);
        mdf->pool->events->lost(mdf->pool->user_data, mdf->base);
    }
}

void
mcf_mdf_pool_heard(McfMdfPool *self, const char *base, const McfXpReply *status, const GError *error)
{
    Mdf *mdf = find(self, base);

    if (!mdf)
        return;
    if (status)
        heard_status(mdf, status);
    else
        heard_failure(mdf, error);
}

void
mcf_mdf_pool_placed(McfMdfPool *self, const char *base)
{
    Mdf *mdf = find(self, base);

    if (mdf)
        mdf->viewers++;
}

/* ---- asking ---- */

static void
on_status(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    Mdf *mdf = user_data;

    (void)retry_after_s;
    mdf->poll = NULL;
    mcf_mdf_pool_heard(mdf->pool, mdf->base, reply, error);
}

static gboolean
on_poll(gpointer user_data)
{
    McfMdfPool *self = user_data;

    for (guint i = 0; i < self->mdfs->len; i++) {
        Mdf *mdf = g_ptr_array_index(self->mdfs, i);
        if (!mdf->poll)
            mdf->poll = mcf_xp_status(self->xp, mdf->base, on_status, mdf);
    }
    return G_SOURCE_CONTINUE;
}

void
mcf_mdf_pool_start(McfMdfPool *self, McfXpClient *xp)
{
    self->xp = xp;
    self->timer = g_timeout_source_new(POLL_MS);
    g_source_set_callback(self->timer, on_poll, self, NULL);
    g_source_attach(self->timer, g_main_context_get_thread_default());
    on_poll(self);
}

/* ---- choosing ---- */

static double
load(const Mdf *mdf)
{
    return mdf->capacity > 0 ? (double)mdf->viewers / (double)mdf->capacity : (double)mdf->viewers;
}

static int
rank(const Mdf *mdf)
{
    switch (mdf->health) {
    case MDF_UP:
        return mdf->capacity > 0 && mdf->viewers >= mdf->capacity ? 1 : 0; /* full, as far as we know */
    case MDF_UNKNOWN:
        return 2;
    case MDF_DOWN:
        return 3;
    }
    return 3;
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    const Mdf *left = *(const Mdf *const *)a, *right = *(const Mdf *const *)b;

    if (rank(left) != rank(right))
        return rank(left) - rank(right);
    return load(left) < load(right) ? -1 : load(left) > load(right);
}

char **
mcf_mdf_pool_candidates(const McfMdfPool *self)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint i = 0; i < self->mdfs->len; i++)
        g_ptr_array_add(order, g_ptr_array_index(self->mdfs, i));
    g_ptr_array_sort(order, compare);
    for (guint i = 0; i < order->len; i++) {
        const Mdf *mdf = g_ptr_array_index(order, i);
        if (mdf->health == MDF_DOWN && rank(g_ptr_array_index(order, 0)) < 3)
            break;
        g_strv_builder_add(builder, mdf->base);
    }
    return g_strv_builder_end(builder);
}

bool
mcf_mdf_pool_any_up(const McfMdfPool *self)
{
    for (guint i = 0; i < self->mdfs->len; i++)
        if (((const Mdf *)g_ptr_array_index(self->mdfs, i))->health == MDF_UP)
            return true;
    return false;
}
