#include "content/slug.h"
#include "lib/base/error.h"

#include <string.h>

static void
test_ids_from_names(void)
{
    static const char *const cases[][2] = {
        {"Big Buck Bunny", "big-buck-bunny"},
        {"Big  Buck__Bunny (2008)", "big-buck-bunny-2008"},
        {"  --Été à Köln!--", "ete-a-koln"},
        {"Can't stop", "cant-stop"},
        {"日本", "film"},
        {"", "film"},
        {"...", "film"},
        {"../../etc/passwd", "etc-passwd"},
        {"BC", "bc-film"},
        {"sdf", "sdf-film"},
        {"\xff\xfe", "film"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *id = content_id_from_name(cases[i][0]);

        g_assert_cmpstr(id, ==, cases[i][1]);
        g_assert_true(content_id_check(id, NULL));
    }
}

static void
test_long_names(void)
{
    g_autofree char *name = g_strnfill(500, 'a');
    g_autofree char *id = content_id_from_name(name);

    name[62] = ' ';
    g_assert_cmpuint(strlen(id), ==, 63);
    g_free(id);
    id = content_id_from_name(name);
    g_assert_cmpuint(strlen(id), ==, 62); /* no dash at the end */
}

static void
test_bad_ids(void)
{
    static const char *const bad[] = {
        "",      "-a",
        "A",     "a b",
        "a/b",   "..",
        "a.b",   "sdf",
        "bc",    "mcf",
        "ä",     "a\n",
        "a\x01", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(content_id_check(bad[i], &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_true(content_id_check("0", NULL));
    g_assert_true(content_id_check("big-buck-bunny", NULL));
}

static void
test_titles(void)
{
    static const char *const cases[][2] = {
        {"/films/big_buck-bunny.mp4", "big buck bunny"},
        {"film.matroska", "film.matroska"},
        {"v1.2.mkv", "v1.2"},
        {".mp4", ".mp4"},
        {"/x/_.mp4", "Film"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *title = content_title_from_path(cases[i][0]);

        g_assert_cmpstr(title, ==, cases[i][1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/slug/ids-from-names", test_ids_from_names);
    g_test_add_func("/content/slug/long-names-are-cut", test_long_names);
    g_test_add_func("/content/slug/bad-ids-are-refused", test_bad_ids);
    g_test_add_func("/content/slug/titles-from-files", test_titles);
    return g_test_run();
}
