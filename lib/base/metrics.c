#include "lib/base/metrics.h"

#include <stdatomic.h>
#include <stdbool.h>

struct BaseMetric {
    char *name, *labels, *help;
    bool gauge;
    _Atomic int64_t value;
};

typedef struct {
    BaseMetricCollector collect;
    void *user_data;
} Collector;

/* Process-wide as the process' counters are; metrics are made once and live until exit. */
static struct {
    GMutex lock;
    GTree *by_key; /* "name{labels}" -> BaseMetric, in the order of the output */
    GArray *collectors;
} registry;

static int
compare_keys(gconstpointer a, gconstpointer b, gpointer user_data)
{
    (void)user_data;
    return g_strcmp0(a, b);
}

static BaseMetric *
metric_of(const char *name, const char *labels, const char *help, bool gauge)
{
    g_autofree char *key = g_strdup_printf("%s{%s}", name, labels != NULL ? labels : "");
    BaseMetric *metric;

    g_mutex_lock(&registry.lock);
    if (registry.by_key == NULL)
        registry.by_key = g_tree_new_full(compare_keys, NULL, g_free, NULL);
    metric = g_tree_lookup(registry.by_key, key);
    if (metric == NULL) {
        metric = g_new0(BaseMetric, 1);
        metric->name = g_strdup(name);
        metric->labels = g_strdup(labels);
        metric->help = g_strdup(help);
        metric->gauge = gauge;
        g_tree_insert(registry.by_key, g_steal_pointer(&key), metric);
    }
    g_mutex_unlock(&registry.lock);
    return metric;
}

BaseMetric *
base_counter(const char *name, const char *labels, const char *help)
{
    return metric_of(name, labels, help, false);
}

BaseMetric *
base_gauge(const char *name, const char *labels, const char *help)
{
    return metric_of(name, labels, help, true);
}

void
base_metric_add(BaseMetric *self, int64_t delta)
{
    atomic_fetch_add_explicit(&self->value, delta, memory_order_relaxed);
}

void
base_metric_set(BaseMetric *self, int64_t value)
{
    atomic_store_explicit(&self->value, value, memory_order_relaxed);
}

int64_t
base_metric_get(const BaseMetric *self)
{
    return atomic_load_explicit(&((BaseMetric *)self)->value, memory_order_relaxed);
}

void
base_metrics_add_collector(BaseMetricCollector collect, void *user_data)
{
    Collector entry = {collect, user_data};

    g_mutex_lock(&registry.lock);
    if (registry.collectors == NULL)
        registry.collectors = g_array_new(FALSE, FALSE, sizeof(Collector));
    g_array_append_val(registry.collectors, entry);
    g_mutex_unlock(&registry.lock);
}

void
base_metrics_remove_collector(BaseMetricCollector collect, void *user_data)
{
    g_mutex_lock(&registry.lock);
    for (guint i = 0; registry.collectors != NULL && i < registry.collectors->len; i++) {
        Collector *entry = &g_array_index(registry.collectors, Collector, i);

        if (entry->collect == collect && entry->user_data == user_data) {
            g_array_remove_index(registry.collectors, i);
            break;
        }
    }
    g_mutex_unlock(&registry.lock);
}

typedef struct {
    GString *out;
    const char *last_name;
} Rendering;

static gboolean
render_one(gpointer key, gpointer value, gpointer user_data)
{
    const BaseMetric *metric = value;
    Rendering *rendering = user_data;

    (void)key;
    if (g_strcmp0(rendering->last_name, metric->name) != 0)
        g_string_append_printf(rendering->out, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
                               metric->help != NULL ? metric->help : "", metric->name,
                               metric->gauge ? "gauge" : "counter");
    rendering->last_name = metric->name;
    if (metric->labels != NULL)
        g_string_append_printf(rendering->out, "%s{%s} %" G_GINT64_FORMAT "\n", metric->name, metric->labels,
                               base_metric_get(metric));
    else
        g_string_append_printf(rendering->out, "%s %" G_GINT64_FORMAT "\n", metric->name,
                               base_metric_get(metric));
    return FALSE;
}

char *
base_metrics_render(void)
{
    g_autoptr(GArray) collectors = NULL;
    Rendering rendering = {.out = g_string_new(NULL)};

    g_mutex_lock(&registry.lock);
    if (registry.by_key != NULL)
        g_tree_foreach(registry.by_key, render_one, &rendering);
    if (registry.collectors != NULL)
        collectors = g_array_copy(registry.collectors);
    g_mutex_unlock(&registry.lock);

    /* outside the lock, so that a collector may touch metrics itself */
    for (guint i = 0; collectors != NULL && i < collectors->len; i++) {
        Collector *entry = &g_array_index(collectors, Collector, i);

        entry->collect(rendering.out, entry->user_data);
    }
    return g_string_free(rendering.out, FALSE);
}
