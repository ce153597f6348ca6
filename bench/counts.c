#include "bench/counts.h"

#include <stddef.h>

static BenchStream *
stream_of(BenchCounts *self, uint32_t ssrc, uint16_t sequence)
{
    BenchStream *stream;

    for (unsigned i = 0; i < self->n_streams; i++)
        if (self->streams[i].ssrc == ssrc)
            return &self->streams[i];
    if (self->n_streams == BENCH_STREAMS_MAX)
        return NULL;
    stream = &self->streams[self->n_streams++];
    /* one before the first, so that the first counts as the step by one that it is */
    *stream = (BenchStream){.ssrc = ssrc, .highest = 0x10000u + sequence - 1};

    return stream;
}

void
bench_counts_add(BenchCounts *self, uint32_t ssrc, uint16_t sequence, uint32_t bytes)
{
    BenchStream *stream = stream_of(self, ssrc, sequence);
    int16_t step;

    self->packets++;
    self->bytes += bytes;
    if (!stream)
        return;
    step = (int16_t)(sequence - (uint16_t)stream->highest);
    if (step == 0)
        return;
    stream->received++;
    if (step > 0) {
        stream->highest += (uint32_t)step;
        stream->expected += (uint32_t)step;
    }
}

uint64_t
bench_counts_lost(const BenchCounts *self)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < self->n_streams; i++)
        if (self->streams[i].expected > self->streams[i].received)
            lost += self->streams[i].expected - self->streams[i].received;

    return lost;
}
