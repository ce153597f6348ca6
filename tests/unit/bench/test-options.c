#include "bench/options.h"

#include <string.h>

/* Parses a command line of words that are separated by blanks. */
static bool
parse(const char *line, BenchOptions *ret_options, GError **error)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char **argv = g_memdup2(words, (g_strv_length(words) + 1) * sizeof *words);
    char **rest = argv;
    int argc = (int)g_strv_length(words);

    return bench_options_parse(&argc, &rest, ret_options, error);
}

static void
assert_url(const BenchOptions *options, unsigned index, unsigned session, const char *expected)
{
    g_autofree char *url = bench_options_url(options, index, session);

    g_assert_cmpstr(url, ==, expected);
}

static void
test_streams_go_round(void)
{
    g_auto(BenchOptions) options = {0};

    g_assert_true(parse("bench --whep http://h/film-{i} --viewers 9 --streams 3 --mix film", &options, NULL));
    assert_url(&options, 0, 0, "http://h/film-1");
    assert_url(&options, 2, 0, "http://h/film-3");
    assert_url(&options, 3, 5, "http://h/film-1");
}

static void
test_zap_goes_on(void)
{
    g_auto(BenchOptions) options = {0};

    g_assert_true(parse("bench --whep http://h/{i} --viewers 9 --streams 3 --mix zap", &options, NULL));
    assert_url(&options, 1, 0, "http://h/2");
    assert_url(&options, 1, 1, "http://h/3");
    assert_url(&options, 1, 2, "http://h/1");
}

static void
test_nonsense_is_refused(void)
{
    static const char *const lines[] = {
        "bench",
        "bench --whep nonsense",
        "bench --whep http://h/ --viewers 0",
        "bench --whep http://h/ --join-per-s 0",
        "bench --whep http://h/ --mix both",
        "bench --whep http://h/ more",
        "bench --whep http://h/ --pid -1",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_auto(BenchOptions) options = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(parse(lines[i], &options, &error));
        g_assert_nonnull(error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/options/streams-go-round", test_streams_go_round);
    g_test_add_func("/bench/options/zap-goes-on", test_zap_goes_on);
    g_test_add_func("/bench/options/nonsense-is-refused", test_nonsense_is_refused);

    return g_test_run();
}
