#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/store/catalogue.h"
#include "tests/unit/temp-dir.h"

typedef struct {
    char *dir;
    StoreCatalogue *catalogue;
} Fixture;

#define TRACK                                                                                                \
    "{\"kind\":\"video\",\"file\":\"video-0.reel\",\"codec\":\"H264\",\"width\":1280,\"height\":720,"        \
    "\"fps\":24.0}"

static void
set_up(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    fixture->dir = temp_dir_new();
    fixture->catalogue = store_catalogue_new(fixture->dir, NULL);
    g_assert_nonnull(fixture->catalogue);
}

static void
tear_down(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    store_catalogue_free(fixture->catalogue);
    temp_dir_free(fixture->dir);
}

/* As ingest does it: a hidden folder, then one rename. */
static void
publish(const Fixture *fixture, const char *id, const char *title)
{
    g_autofree char *staging = g_build_filename(fixture->dir, "content", ".staging-1", NULL);
    g_autofree char *folder = g_build_filename(fixture->dir, "content", id, NULL);
    g_autofree char *file = g_build_filename(staging, "asset.json", NULL);
    g_autofree char *json = g_strdup_printf("{\"id\":\"%s\",\"title\":\"%s\",\"duration_us\":30000000,"
                                            "\"poster\":\"poster.jpg\",\"tracks\":[" TRACK "]}",
                                            id, title);

    g_assert_cmpint(g_mkdir_with_parents(staging, 0755), ==, 0);
    g_assert_true(g_file_set_contents(file, json, -1, NULL));
    g_assert_cmpint(rename(staging, folder), ==, 0);
}

static void
test_reads_what_is_published(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(StoreAsset) asset = NULL, none = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    const StoreTrack *track;

    publish(fixture, "zebra", "A Zebra");
    publish(fixture, "ape", "The Ape");
    list = store_catalogue_list(fixture->catalogue);
    g_assert_cmpuint(list->len, ==, 2);
    g_assert_cmpstr(((StoreAsset *)g_ptr_array_index(list, 0))->id, ==, "zebra"); /* by title */

    asset = store_catalogue_get(fixture->catalogue, "ape", NULL);
    g_assert_cmpint(asset->duration_us, ==, 30000000);
    g_assert_null(asset->synopsis);
    track = g_ptr_array_index(asset->tracks, 0);
    g_assert_cmpint(track->kind, ==, STORE_TRACK_VIDEO);
    g_assert_cmpuint(track->width, ==, 1280);
    path = store_catalogue_path(fixture->catalogue, asset, track->file);
    g_assert_true(g_str_has_suffix(path, "/content/ape/video-0.reel"));

    none = store_catalogue_get(fixture->catalogue, "../ape", &error);
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
count(void *user_data)
{
    ++*(int *)user_data;
}

static void
wait_for(const int *counter, int wanted)
{
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

    while (*counter < wanted && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(*counter, >=, wanted);
}

static void
test_watcher_hears_of_changes(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *folder = g_build_filename(fixture->dir, "content", "ape", NULL);
    g_autofree char *hidden = g_build_filename(fixture->dir, "content", ".gone-1", NULL);
    int changes = 0, before;

    store_catalogue_watch(fixture->catalogue, count, &changes);
    publish(fixture, "ape", "The Ape");
    list = store_catalogue_list(
        fixture->catalogue); /* finds it first; the watcher must hear of it all the same */
    g_assert_cmpuint(list->len, ==, 1);
    wait_for(&changes, 1);

    before = changes;
    g_assert_cmpint(rename(folder, hidden), ==, 0);
    wait_for(&changes, before + 1);
    g_clear_pointer(&list, g_ptr_array_unref);
    list = store_catalogue_list(fixture->catalogue);
    g_assert_cmpuint(list->len, ==, 0);
}

static void
test_a_replaced_asset_is_read_again(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *folder = g_build_filename(fixture->dir, "content", "ape", NULL);
    g_autofree char *hidden = g_build_filename(fixture->dir, "content", ".gone-1", NULL);
    g_autoptr(StoreAsset) old = NULL, new = NULL;

    publish(fixture, "ape", "Old");
    old = store_catalogue_get(fixture->catalogue, "ape", NULL);
    g_assert_cmpint(rename(folder, hidden), ==, 0);
    publish(fixture, "ape", "New");
    new = store_catalogue_get(fixture->catalogue, "ape", NULL);

    g_assert_cmpstr(old->title, ==, "Old"); /* who holds it keeps it */
    g_assert_cmpstr(new->title, ==, "New");
}

static void
test_links_and_staging_are_left_out(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *outside = g_build_filename(fixture->dir, "outside", NULL);
    g_autofree char *link = g_build_filename(fixture->dir, "content", "linked", NULL);
    g_autofree char *staging = g_build_filename(fixture->dir, "content", ".staging-9", NULL);
    g_autofree char *ape = g_build_filename(fixture->dir, "content", "ape", NULL);
    g_autofree char *broken = g_build_filename(fixture->dir, "content", "broken", NULL);
    g_autoptr(GPtrArray) list = NULL;

    publish(fixture, "ape", "The Ape");
    g_assert_cmpint(rename(ape, outside), ==, 0);
    g_assert_cmpint(symlink(outside, link), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(staging, 0755), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(broken, 0755), ==, 0);

    list = store_catalogue_list(fixture->catalogue);
    g_assert_cmpuint(list->len, ==, 0);
}

static void
test_wrong_records_are_refused(void)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"id\":\"a\"}",
        "{\"id\":\"b\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[" TRACK "]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":0,\"tracks\":[" TRACK "]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":\"1\",\"tracks\":[" TRACK "]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":-5,\"tracks\":[" TRACK "]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[7]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"poster\":\"../p\",\"tracks\":[" TRACK "]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[{\"kind\":\"video\",\"codec\":\"H264\","
        "\"file\":\"../../x\"}]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[{\"kind\":\"trick\",\"codec\":\"H264\","
        "\"file\":\"x\"}]}",
        "{\"id\":\"a\",\"title\":\"A\",\"duration_us\":1,\"tracks\":[{\"kind\":\"video\",\"codec\":\"MPEG2\","
        "\"file\":\"x\"}]}",
        "\xff\xfe",
    };
    g_autofree char *deep = g_strnfill(60000, '[');
    g_autoptr(GError) too_deep = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(store_asset_parse("a", wrong[i], -1, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    }
    g_assert_null(store_asset_parse("a", deep, -1, &too_deep));
    g_assert_error(too_deep, BASE_ERROR, BASE_ERROR_PROTOCOL);
}

#define ADD(path, test) g_test_add("/catalogue/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    base_log_init("test", BASE_LOG_ERROR);

    ADD("reads-what-is-published", test_reads_what_is_published);
    ADD("watcher-hears-of-changes", test_watcher_hears_of_changes);
    ADD("a-replaced-asset-is-read-again", test_a_replaced_asset_is_read_again);
    ADD("links-and-staging-are-left-out", test_links_and_staging_are_left_out);
    g_test_add_func("/catalogue/wrong-records-are-refused", test_wrong_records_are_refused);

    return g_test_run();
}
