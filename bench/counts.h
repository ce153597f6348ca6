/* bench/counts.h - what one viewer has received: packets, bytes, sequence numbers that never came.
 * Spec: RFC 3550 A.1, A.3. */
#pragma once

#include <stdint.h>

enum {
    BENCH_STREAMS_MAX = 8, /* further SSRCs of a viewer are counted in packets and bytes only */
};

typedef struct {
    uint32_t ssrc;
    uint32_t highest;  /* extended sequence number */
    uint32_t expected; /* from the first to the highest */
    uint32_t received; /* without copies of the last one */
} BenchStream;

typedef struct {
    uint64_t packets, bytes; /* RTP as on the wire, without UDP and IP */
    BenchStream streams[BENCH_STREAMS_MAX];
    unsigned n_streams;
} BenchCounts;

void bench_counts_add(BenchCounts *self, uint32_t ssrc, uint16_t sequence, uint32_t bytes);
/* Sequence numbers that never came, of all streams; what came late is not among them. */
uint64_t bench_counts_lost(const BenchCounts *self);
