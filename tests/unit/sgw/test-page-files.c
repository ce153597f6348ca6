#include "sgw/page-files.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/error.h"

typedef struct {
    char *root;   /* of everything */
    char *folder; /* of the page */
    SgwPageFiles *files;
} Fixture;

static void
write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
set_up(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_autofree char *sub = NULL;

    f->root = g_dir_make_tmp("imstv-page-XXXXXX", NULL);
    f->folder = g_build_filename(f->root, "web", NULL);
    sub = g_build_filename(f->folder, "sdk", NULL);
    g_assert_cmpint(g_mkdir_with_parents(sub, 0700), ==, 0);
    write_file(f->root, "secret.txt", "secret");
    write_file(f->folder, "index.html", "<html>");
    write_file(f->folder, ".hidden.js", "hidden");
    write_file(f->folder, "notes.bak", "notes");
    write_file(f->folder, "sdk/index.js", "export {};");
    f->files = sgw_page_files_new(f->folder, "a\"b.example");
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
            remove_tree(child);
        else
            g_unlink(child);
    }
    g_rmdir(path);
}

static void
tear_down(Fixture *f, const void *data G_GNUC_UNUSED)
{
    sgw_page_files_free(f->files);
    remove_tree(f->root);
    g_free(f->folder);
    g_free(f->root);
}

static void
assert_page(Fixture *f, const char *path, const char *type, const char *text)
{
    g_autoptr(GError) error = NULL;
    const SgwPageFile *file = sgw_page_files_get(f->files, path, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(file->type, ==, type);
    g_assert_cmpmem(g_bytes_get_data(file->bytes, NULL), g_bytes_get_size(file->bytes), text, strlen(text));
}

static void
test_serves(Fixture *f, const void *data G_GNUC_UNUSED)
{
    assert_page(f, "/", "text/html; charset=utf-8", "<html>");
    assert_page(f, "/index.html", "text/html; charset=utf-8", "<html>");
    assert_page(f, "/sdk/index.js", "text/javascript; charset=utf-8", "export {};");
}

static void
test_notices_changes(Fixture *f, const void *data G_GNUC_UNUSED)
{
    g_autofree char *etag = g_strdup(sgw_page_files_get(f->files, "/", NULL)->etag);

    write_file(f->folder, "index.html", "<html><body>");
    assert_page(f, "/", "text/html; charset=utf-8", "<html><body>");
    g_assert_cmpstr(etag, !=, sgw_page_files_get(f->files, "/", NULL)->etag);
}

static void
test_stays_inside(Fixture *f, const void *data G_GNUC_UNUSED)
{
    static const char *const bad[] = {
        "",
        "x",
        "/../secret.txt",
        "/sdk/../../secret.txt",
        "//etc/passwd",
        "/./index.html",
        "/.hidden.js",
        "/sdk",
        "/sdk/",
        "/notes.bak",
        "/index.html/",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/a\\b.js",
        "/in dex.html",
        "/link.txt",
        "/missing.js",
    };
    g_autofree char *link = g_build_filename(f->folder, "link.txt", NULL);

    g_assert_cmpint(symlink("../secret.txt", link), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        if (sgw_page_files_get(f->files, bad[i], &error))
            g_error("served: %s", bad[i]);
        g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
    }
}

/* The page of another operator has another realm. */
static void
test_home_domain(Fixture *f, const void *data G_GNUC_UNUSED)
{
    const SgwPageFile *file = NULL;

    write_file(f->folder, "index.html", "<meta content=\"@home_domain@\">");
    assert_page(f, "/", "text/html; charset=utf-8", "<meta content=\"a&quot;b.example\">");
    file = sgw_page_files_get(f->files, "/", NULL);
    assert_page(f, "/", "text/html; charset=utf-8", "<meta content=\"a&quot;b.example\">");
    g_assert_true(file == sgw_page_files_get(f->files, "/", NULL)); /* kept */
    write_file(f->folder, "sdk/index.js", "@home_domain@");
    assert_page(f, "/sdk/index.js", "text/javascript; charset=utf-8", "@home_domain@");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/sgw/page-files/serves", Fixture, NULL, set_up, test_serves, tear_down);
    g_test_add("/sgw/page-files/notices-changes", Fixture, NULL, set_up, test_notices_changes, tear_down);
    g_test_add("/sgw/page-files/stays-inside", Fixture, NULL, set_up, test_stays_inside, tear_down);
    g_test_add("/sgw/page-files/home-domain", Fixture, NULL, set_up, test_home_domain, tear_down);
    return g_test_run();
}
