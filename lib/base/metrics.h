/* lib/base/metrics.h - counters and gauges of a process, in Prometheus' text format.
 *
 * Control code uses BaseMetric (one relaxed atomic). Packet code keeps plain counters per thread and
 * registers a collector that sums them when somebody reads. Names: imstv_<component>_<what>_<unit>. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef struct BaseMetric BaseMetric;

/* The counter or gauge of that name and label set, made on first use; lives as long as the process.
 * @labels: NULL or Prometheus syntax without braces, e.g. "code=\"200\""; keep the set bounded.
 * Thread: any. */
BaseMetric *base_counter(const char *name, const char *labels, const char *help);
BaseMetric *base_gauge(const char *name, const char *labels, const char *help);
void base_metric_add(BaseMetric *self, int64_t delta);
void base_metric_set(BaseMetric *self, int64_t value);
int64_t base_metric_get(const BaseMetric *self);

/* Called on the thread that renders; appends whole lines. */
typedef void (*BaseMetricCollector)(GString *out, void *user_data);
void base_metrics_add_collector(BaseMetricCollector collect, void *user_data);
void base_metrics_remove_collector(BaseMetricCollector collect, void *user_data);

/* (transfer full) */
char *base_metrics_render(void);
