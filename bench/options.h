/* bench/options.h - what is to be measured: the command line of imstv-bench. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    BENCH_MIX_LIVE, /* stays on one channel */
    BENCH_MIX_FILM, /* starts again when the film is over */
    BENCH_MIX_ZAP,  /* goes to the next channel every few seconds, by a session of its own */
} BenchMix;

typedef struct {
    char *whep; /* URL; {i} stands for the number of a stream, from 1 */
    char *token, *srtp;
    int viewers, streams;
    double join_per_s, duration_s, zap_every_s;
    int verify;
    int pid; /* of the server; 0: none */
    BenchMix mix;
    gboolean json;
} BenchOptions;

/* Errors: INVALID_ARGUMENT, or G_OPTION_ERROR. Fills what bench_options_clear frees. */
bool bench_options_parse(int *argc, char ***argv, BenchOptions *ret_options, GError **error);
void bench_options_clear(BenchOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BenchOptions, bench_options_clear)

/* The URL of viewer @index in its session @session (both from 0). (transfer full) */
char *bench_options_url(const BenchOptions *self, unsigned index, unsigned session);
