#include "mdf/channels/source-metrics.h"

#include <stddef.h>

typedef struct {
    const char *name, *type, *help;
    size_t offset;
} Metric;

#define CACHE(name, type, field, help)                                                                       \
    {                                                                                                        \
        "imstv_mdf_cache_" name, type, help, offsetof(ReelBlockCacheStats, field)                            \
    }
static const Metric cache_metrics[] = {
    CACHE("blocks", "gauge", blocks, "64 KiB blocks of the arena"),
    CACHE("used_blocks", "gauge", used_blocks, "blocks that hold something"),
    CACHE("live_blocks", "gauge", live_blocks, "blocks of channel windows"),
    CACHE("fills_total", "counter", fills, "blocks read from films"),
    CACHE("evictions_total", "counter", evictions, "blocks of films given up for others"),
    CACHE("corrupt_blocks_total", "counter", corrupt, "blocks that failed their checksum: never sent"),
    CACHE("read_errors_total", "counter", read_errors, "blocks that could not be read"),
    CACHE("starved_total", "counter", starved, "times no block was to be had"),
};

#define CHANNEL(name, type, field, help)                                                                     \
    {                                                                                                        \
        "imstv_mdf_channel_" name, type, help, offsetof(MdfChannelFigures, field)                            \
    }
static const Metric channel_metrics[] = {
    CHANNEL("up", "gauge", up, "1 while pictures arrive"),
    CHANNEL("bitrate_kbps", "gauge", bitrate_kbps, "of what arrives"),
    CHANNEL("b_frames", "gauge", b_frames, "1 if the source has B-frames, which browsers do not show"),
    CHANNEL("delay_us", "gauge", delay_us, "from the best arrival to due: what jitter costs"),
    CHANNEL("input_restarts_total", "counter", restarts, "input processes replaced"),
    CHANNEL("source_jumps_total", "counter", jumps, "jumps of the source's clock"),
    CHANNEL("pipeline_rebuilds_total", "counter", rebuilds, "pipelines made anew after silence or errors"),
    CHANNEL("records_total", "counter", records, "RTP payloads taken into the window"),
    CHANNEL("bytes_total", "counter", bytes, "bytes of them"),
    CHANNEL("dropped_records_total", "counter", dropped, "payloads that found no room or no key frame"),
    CHANNEL("refused_records_total", "counter", refused, "nonsense from the input process"),
    CHANNEL("window_blocks", "gauge", window_blocks, "64 KiB blocks in the window"),
};

static void
head(GString *out, const Metric *metric)
{
    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                           metric->type);
}

static int64_t
value(const Metric *metric, const void *figures)
{
    return *(const int64_t *)(const void *)((const char *)figures + metric->offset);
}

void
mdf_source_metrics_cache(GString *out, const ReelBlockCacheStats *stats)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cache_metrics); i++) {
        head(out, &cache_metrics[i]);
        g_string_append_printf(out, "%s %" G_GINT64_FORMAT "\n", cache_metrics[i].name,
                               value(&cache_metrics[i], stats));
    }
}

void
mdf_source_metrics_channels(GString *out, const MdfChannelFigures *figures, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(channel_metrics); i++) {
        head(out, &channel_metrics[i]);
        for (size_t k = 0; k < n; k++)
            g_string_append_printf(out, "%s{channel=\"%s\"} %" G_GINT64_FORMAT "\n", channel_metrics[i].name,
                                   figures[k].id, value(&channel_metrics[i], &figures[k]));
    }
}
