#include "bench/options.h"

#include <string.h>

#include "lib/base/error.h"

enum {
    VIEWERS_MAX = 20000,
};

static bool
fail(GError **error, const char *text)
{
    g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, text);

    return false;
}

static bool
check(const BenchOptions *options, GError **error)
{
    if (!options->whep || !g_uri_is_valid(options->whep, G_URI_FLAGS_PARSE_RELAXED, NULL))
        return fail(error, "--whep URL is missing or no URL");
    if (options->viewers < 1 || options->viewers > VIEWERS_MAX)
        return fail(error, "--viewers has to be 1 to 20000");
    if (options->join_per_s <= 0 || options->duration_s <= 0 || options->zap_every_s <= 0)
        return fail(error, "--join-per-s, --duration-s and --zap-every-s have to be above 0");
    if (options->streams < 0 || options->verify < 0 || options->pid < 0)
        return fail(error, "--streams, --verify and --pid cannot be negative");

    return true;
}

static bool
parse_mix(const char *text, BenchMix *ret_mix, GError **error)
{
    static const char *const names[] = {"live", "film", "zap"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (!text || strcmp(text, names[i]) == 0) {
            *ret_mix = (BenchMix)i;
            return true;
        }

    return fail(error, "--mix has to be live, film or zap");
}

bool
bench_options_parse(int *argc, char ***argv, BenchOptions *ret_options, GError **error)
{
    g_auto(BenchOptions)
        options = {.viewers = 10, .join_per_s = 20, .duration_s = 10, .zap_every_s = 5, .verify = 50};
    g_autofree char *mix = NULL;
    const GOptionEntry entries[] = {
        {"whep", 'w', 0, G_OPTION_ARG_STRING, &options.whep, "where to watch; {i}: number of the stream",
         "URL"},
        {"viewers", 'n', 0, G_OPTION_ARG_INT, &options.viewers, "how many (10)", "N"},
        {"join-per-s", 'r', 0, G_OPTION_ARG_DOUBLE, &options.join_per_s, "viewers that join in a second (20)",
         "R"},
        {"duration-s", 'd', 0, G_OPTION_ARG_DOUBLE, &options.duration_s,
         "seconds counted, once all have joined (10)", "S"},
        {"mix", 'm', 0, G_OPTION_ARG_STRING, &mix,
         "live (default), film: again when it is over, zap: to the next stream", "MIX"},
        {"streams", 0, 0, G_OPTION_ARG_INT, &options.streams,
         "{i} runs from 1 to N, then from 1 again (one per viewer)", "N"},
        {"zap-every-s", 0, 0, G_OPTION_ARG_DOUBLE, &options.zap_every_s, "mean time on a channel (5)", "S"},
        {"verify", 0, 0, G_OPTION_ARG_INT, &options.verify,
         "packets of each session that are authenticated (50)", "N"},
        {"srtp", 0, 0, G_OPTION_ARG_STRING, &options.srtp, "profiles to offer, as OpenSSL names them",
         "LIST"},
        {"token", 0, 0, G_OPTION_ARG_STRING, &options.token, "bearer token", "TOKEN"},
        {"pid", 'p', 0, G_OPTION_ARG_INT, &options.pid,
         "process of the server: its CPU time, memory, threads", "PID"},
        {"json", 'j', 0, G_OPTION_ARG_NONE, &options.json, "the result as JSON", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) parser = g_option_context_new("- viewers that measure a headend");

    g_option_context_set_summary(
        parser, "Opens many WebRTC viewers by WHEP (ICE, DTLS, SRTP) and counts what they receive.");
    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, argc, argv, error) || !parse_mix(mix, &options.mix, error) ||
        !check(&options, error))
        return false;
    if (*argc > 1)
        return fail(error, "only options are taken; see --help");
    if (!options.srtp)
        options.srtp = g_strdup("SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80");
    *ret_options = options;
    options = (BenchOptions){0};

    return true;
}

void
bench_options_clear(BenchOptions *self)
{
    g_clear_pointer(&self->whep, g_free);
    g_clear_pointer(&self->token, g_free);
    g_clear_pointer(&self->srtp, g_free);
}

char *
bench_options_url(const BenchOptions *self, unsigned index, unsigned session)
{
    unsigned streams = (unsigned)(self->streams > 0 ? self->streams : self->viewers);
    unsigned stream = (self->mix == BENCH_MIX_ZAP ? index + session : index) % streams + 1;
    g_autofree char *number = g_strdup_printf("%u", stream);
    GString *url = g_string_new(self->whep);

    g_string_replace(url, "{i}", number, 0);

    return g_string_free(url, FALSE);
}
