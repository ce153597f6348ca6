/* mdf/channels/source-metrics.h - the figures of block cache and channels in Prometheus' text format. */
#pragma once

#include "lib/reel/block-cache.h"
#include "mdf/channels/channel.h"

void mdf_source_metrics_cache(GString *out, const ReelBlockCacheStats *stats);
/* @figures: @n of them; lines of one metric stand together, as the format asks. */
void mdf_source_metrics_channels(GString *out, const MdfChannelFigures *figures, size_t n);
