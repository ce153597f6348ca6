/* What people ask for, and what a child claims to have done: neither is believed. */
#include "content/request.h"
#include "lib/base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
test_completes(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ContentRequest) request =
        content_request_new("/films/big_buck_bunny.mp4", NULL, NULL, "", NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(request->id, ==, "big-buck-bunny");
    g_assert_cmpstr(request->title, ==, "big buck bunny");
    g_assert_null(request->credit);
}

static void
refuses(const char *file, const char *id, const char *title)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(content_request_new(file, id, title, NULL, NULL, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
}

static void
test_refuses(void)
{
    g_autofree char *long_title = g_strnfill(201, 'x');

    refuses("", NULL, NULL);
    refuses("/f.mp4", "Bad Id", NULL);
    refuses("/f.mp4", "bc", NULL);
    refuses("/f.mp4", NULL, long_title);
    refuses("/f.mp4", NULL, "\xff");
}

typedef struct {
    char *folder;
    ContentRequest *request;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    g_autofree char *reel = NULL;

    (void)data;
    self->folder = g_dir_make_tmp("request-XXXXXX", NULL);
    self->request = content_request_new("/f.mp4", "film", "Film", "Me", NULL, NULL);
    reel = g_build_filename(self->folder, "00-video.reel", NULL);
    g_file_set_contents(reel, "reel", -1, NULL);
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    static const char *const names[] = {"00-video.reel", "link.reel", "poster.jpg"};

    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(self->folder, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(self->folder);
    g_free(self->folder);
    content_request_free(self->request);
}

static char *
record(Fixture *self, const char *done, GError **error)
{
    g_autoptr(JsonNode) root = json_from_string(done, NULL);

    return content_asset_json(self->request, json_node_get_object(root), self->folder, 1234, error);
}

static void
test_record(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text =
        record(self,
               "{\"duration_us\":5,\"poster\":\"x\",\"tracks\":[{\"kind\":\"video\",\"file\":"
               "\"00-video.reel\",\"codec\":\"H264\"}]}",
               &error);
    g_autoptr(JsonNode) root = NULL;
    JsonObject *asset;

    (void)data;
    g_assert_no_error(error);
    root = json_from_string(text, NULL);
    asset = json_node_get_object(root);
    g_assert_cmpstr(json_object_get_string_member(asset, "id"), ==, "film");
    g_assert_cmpstr(json_object_get_string_member(asset, "credit"), ==, "Me");
    g_assert_cmpint(json_object_get_int_member(asset, "created"), ==, 1234);
    g_assert_false(json_object_has_member(asset, "poster")); /* there is no such file */
    g_assert_cmpint(json_array_get_length(json_object_get_array_member(asset, "tracks")), ==, 1);
}

static void
test_disbelieves(Fixture *self, gconstpointer data)
{
    static const char *const lies[] = {
        "{}",
        "{\"duration_us\":5,\"tracks\":[]}",
        "{\"duration_us\":5,\"tracks\":7}",
        "{\"duration_us\":5,\"tracks\":[7]}",
        "{\"duration_us\":0,\"tracks\":[{\"kind\":\"video\",\"file\":\"00-video.reel\",\"codec\":\"H264\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"spy\",\"file\":\"00-video.reel\",\"codec\":\"H264\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"video\",\"file\":\"00-video.reel\",\"codec\":\"X\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"video\",\"file\":\"01-video.reel\",\"codec\":\"H264\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"video\",\"file\":\"link.reel\",\"codec\":\"H264\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"video\",\"file\":\"../01.reel\",\"codec\":\"H264\"}]}",
        "{\"duration_us\":5,\"tracks\":[{\"kind\":\"video\",\"file\":\"/etc/passwd\",\"codec\":\"H264\"}]}",
    };
    g_autofree char *link = g_build_filename(self->folder, "link.reel", NULL);

    (void)data;
    g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(record(self, lies[i], &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/request/completes-id-and-title", test_completes);
    g_test_add_func("/content/request/refuses-nonsense", test_refuses);
    g_test_add("/content/request/asset-record", Fixture, NULL, set_up, test_record, tear_down);
    g_test_add("/content/request/disbelieves-the-child", Fixture, NULL, set_up, test_disbelieves, tear_down);
    return g_test_run();
}
