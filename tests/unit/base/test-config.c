#include "lib/base/config.h"
#include "lib/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static const BaseConfigKey keys[] = {
    {"sgw", "port", BASE_CONFIG_INT, "8080", 0, 65535, NULL, "page"},
    {"sgw", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "address"},
    {"sgw", "transport", BASE_CONFIG_ENUM, "tcp", 0, 0, "tcp|udp", "Gm"},
    {"sgw", "open", BASE_CONFIG_BOOL, "false", 0, 0, NULL, "door"},
    {"sgw", "peers", BASE_CONFIG_LIST, "a; b\\;c ;", 0, 0, NULL, "who"},
};

typedef struct {
    char *folder;
    char *path;
    BaseConfig *config;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    (void)data;
    f->folder = g_dir_make_tmp("imstv-config-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "imstv.conf", NULL);
    f->config = base_config_new(keys, G_N_ELEMENTS(keys));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    g_remove(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
    base_config_free(f->config);
}

static void
write_file(Fixture *f, const char *text)
{
    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
}

static void
expect_refusal(Fixture *f, const char *text, const char *expected)
{
    g_autoptr(GError) error = NULL;

    write_file(f, text);
    g_assert_false(base_config_load_file(f->config, f->path, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    if (strstr(error->message, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, error->message);
}

static void
test_defaults(Fixture *f, gconstpointer data)
{
    const char *const *list = base_config_list(f->config, "sgw", "peers");

    (void)data;
    g_assert_cmpint(base_config_int(f->config, "sgw", "port"), ==, 8080);
    g_assert_cmpstr(base_config_string(f->config, "sgw", "transport"), ==, "tcp");
    g_assert_false(base_config_bool(f->config, "sgw", "open"));
    g_assert_cmpstr(list[0], ==, "a");
    g_assert_cmpstr(list[1], ==, "b;c");
    g_assert_null(list[2]);
}

static void
test_file_then_set(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    write_file(f, "[sgw]\nport=1\nopen=true\n[mdf]\nanything=1\n");
    g_assert_true(base_config_load_file(f->config, f->path, &error));
    g_assert_no_error(error);
    g_assert_cmpint(base_config_int(f->config, "sgw", "port"), ==, 1);
    g_assert_true(base_config_set(f->config, "sgw.port=2", &error));
    g_assert_cmpint(base_config_int(f->config, "sgw", "port"), ==, 2);
    g_assert_true(base_config_set(f->config, "mdf.workers=2", &error));
}

static void
test_refusals_name_the_place(Fixture *f, gconstpointer data)
{
    (void)data;
    expect_refusal(f, "[sgw]\n\nport=70000\n",
                   ":3: sgw.port = \"70000\": has to be a whole number from 0 to 65535");
    expect_refusal(f, "[sgw]\nportt=1\n", ":2: unknown key sgw.portt; [sgw] has: port, listen");
    expect_refusal(f, "[sqw]\nport=1\n", ":1: unknown section [sqw]");
    expect_refusal(f, "[sgw]\nopen=yes\n", "has to be true or false");
    expect_refusal(f, "[sgw]\ntransport=sctp\n", "has to be one of tcp|udp");
    expect_refusal(f, "port=1\n", "imstv.conf");
}

static void
test_a_refused_value_changes_nothing(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_false(base_config_set(f->config, "sgw.port=x", &error));
    g_assert_cmpint(base_config_int(f->config, "sgw", "port"), ==, 8080);
    g_clear_error(&error);
    g_assert_false(base_config_set(f->config, "sgwport", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
}

static void
test_print_reads_back(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    (void)data;
    g_assert_true(base_config_set(f->config, "sgw.port=4711", &error));
    text = base_config_print(f->config);
    write_file(f, text);
    base_config_free(f->config);
    f->config = base_config_new(keys, G_N_ELEMENTS(keys));
    g_assert_true(base_config_load_file(f->config, f->path, &error));
    g_assert_cmpint(base_config_int(f->config, "sgw", "port"), ==, 4711);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/base/config/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("defaults", test_defaults);
    ADD("file-then-set", test_file_then_set);
    ADD("refusals-name-the-place", test_refusals_name_the_place);
    ADD("a-refused-value-changes-nothing", test_a_refused_value_changes_nothing);
    ADD("print-reads-back", test_print_reads_back);
    return g_test_run();
}
