#include "lib/base/error.h"
#include "lib/proto/bcg.h"

static void
test_films_there_and_back(void)
{
    g_autoptr(GPtrArray) films = g_ptr_array_new_with_free_func((GDestroyNotify)proto_bcg_film_free);
    g_autoptr(GPtrArray) parsed = NULL;
    g_autofree char *xml = NULL;
    ProtoBcgFilm *film = proto_bcg_film_new(), *bare = proto_bcg_film_new();
    const ProtoBcgFilm *got;

    film->authority = g_strdup("imstv.test");
    film->id = g_strdup("big-buck-bunny");
    film->title = g_strdup("Big Buck <Bunny>");
    film->synopsis = g_strdup("A rabbit & more");
    film->credit = g_strdup("Blender Foundation, CC-BY 3.0");
    film->poster_url = g_strdup("/poster/big-buck-bunny.jpg");
    film->duration_us = 30042000;
    bare->authority = g_strdup("imstv.test");
    bare->id = g_strdup("bare");
    bare->title = g_strdup("Bare");
    g_ptr_array_add(films, film);
    g_ptr_array_add(films, bare);

    xml = proto_bcg_build("imstv.test", films);
    parsed = proto_bcg_parse(xml, -1, NULL);
    g_assert_cmpuint(parsed->len, ==, 2);
    got = g_ptr_array_index(parsed, 0);
    g_assert_cmpstr(got->authority, ==, "imstv.test");
    g_assert_cmpstr(got->id, ==, "big-buck-bunny");
    g_assert_cmpstr(got->title, ==, film->title);
    g_assert_cmpstr(got->synopsis, ==, film->synopsis);
    g_assert_cmpstr(got->credit, ==, film->credit);
    g_assert_cmpstr(got->poster_url, ==, film->poster_url);
    g_assert_cmpint(got->duration_us, ==, film->duration_us);
    got = g_ptr_array_index(parsed, 1);
    g_assert_null(got->synopsis);
    g_assert_null(got->poster_url);
}

static void
test_incomplete_programmes(void)
{
    g_autoptr(GPtrArray) films =
        proto_bcg_parse("<TVAMain><ProgramDescription><ProgramLocationTable>"
                        "<OnDemandProgram><Program crid='crid://a.test/x'/></OnDemandProgram>"
                        "<OnDemandProgram><Program crid='http://a.test/x'/></OnDemandProgram>"
                        "<OnDemandProgram><Program crid='crid://a.test/'/></OnDemandProgram>"
                        "<OnDemandProgram/></ProgramLocationTable></ProgramDescription></TVAMain>",
                        -1, NULL);

    g_assert_cmpuint(films->len, ==, 1);
    g_assert_cmpstr(((ProtoBcgFilm *)g_ptr_array_index(films, 0))->title, ==, "x");
}

static void
test_durations(void)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"PT0S", 0},          {"PT30S", 30000000},      {"PT1H2M3.500S", 3723500000},
                {"PT2H", 7200000000}, {"PT1M0.042S", 60042000}, {"P1DT1S", 86401000000}};
    static const char *const bad[] = {"",    "P",    "PT",  "30",    "PT5", "P1M",
                                      "P1Y", "PTxS", "PT1", "PT-1S", "P1S", "PT1S "};

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpint(proto_bcg_parse_duration_us(good[i].text), ==, good[i].us);
    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *text = proto_bcg_format_duration(good[i].us);

        g_assert_cmpstr(text, ==, good[i].text);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(proto_bcg_parse_duration_us(bad[i]), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/bcg/films-there-and-back", test_films_there_and_back);
    g_test_add_func("/bcg/incomplete-programmes", test_incomplete_programmes);
    g_test_add_func("/bcg/durations", test_durations);

    return g_test_run();
}
