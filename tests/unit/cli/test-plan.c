#include "cli/plan.h"
#include "lib/base/error.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static CliPlan *
plan_with(const char *const *sets, GError **error)
{
    return cli_plan_new(NULL, sets, "/state", "/programs", "/web", error);
}

/* A listening socket on a port of the system's choice. */
static int
occupy(uint16_t *ret_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, sizeof in), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&in, &length), ==, 0);
    *ret_port = ntohs(in.sin_port);
    return fd;
}

static void
test_port_0_chooses_free_ones_that_differ(void)
{
    static const char *const keys[][2] = {
        {"sgw", "port"},    {"core", "port"},      {"iptv", "sip_port"},    {"iptv", "http_port"},
        {"mdf", "xp_port"}, {"mdf", "media_port"}, {"ingest", "http_port"}, {"mdf", "admin_port"}};
    g_autoptr(GError) error = NULL;
    g_autoptr(CliPlan) plan = plan_with((const char *const[]){"sgw.port=0", NULL}, &error);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        char *port = cli_plan_get(plan, keys[i][0], keys[i][1]);

        g_assert_cmpint(g_ascii_strtoll(port, NULL, 10), >=, 1024);
        g_assert_true(g_hash_table_add(seen, port));
    }
}

static void
test_a_configured_port_in_use_is_refused(void)
{
    uint16_t port;
    int fd = occupy(&port);
    g_autofree char *set = g_strdup_printf("sgw.port=%u", port);
    g_autofree char *other = g_strdup_printf("mcf.rtsp_port=%u", port);
    g_autofree char *expected = g_strdup_printf("port %u of 127.0.0.1 is in use", port);
    g_autoptr(GError) error = NULL;

    g_assert_null(plan_with((const char *const[]){set, NULL}, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, expected));
    g_assert_nonnull(strstr(error->message, "--port"));
    g_clear_error(&error);
    g_assert_null(plan_with((const char *const[]){"sgw.port=0", other, NULL}, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    close(fd);
}

static void
test_daemons_find_each_other(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CliPlan) plan = plan_with((const char *const[]){"sgw.port=0", NULL}, &error);
    g_autofree char *core = cli_plan_get(plan, "core", "port");
    g_autofree char *pcscf = cli_plan_get(plan, "sgw", "pcscf");
    g_autofree char *web = cli_plan_get(plan, "sgw", "web_dir");
    g_autofree char *state = cli_plan_get(plan, "headend", "state_dir");

    g_assert_true(g_str_has_prefix(pcscf, "127.0.0.1:"));
    g_assert_cmpstr(pcscf + strlen("127.0.0.1:"), ==, core);
    g_assert_cmpstr(web, ==, "/web");
    g_assert_cmpstr(state, ==, "/state");
}

static void
test_an_address_of_the_operator_stays(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CliPlan) plan =
        plan_with((const char *const[]){"sgw.port=0", "sgw.pcscf=192.0.2.1:5060", NULL}, &error);
    g_autofree char *pcscf = cli_plan_get(plan, "sgw", "pcscf");

    g_assert_cmpstr(pcscf, ==, "192.0.2.1:5060");
}

static void
test_bad_assignments_are_refused(void)
{
    static const char *const bad[] = {"sgw", "sgw.port", "sgw=1", ".x=1", "sgw.=1", "sgw.port=many"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(plan_with((const char *const[]){bad[i], NULL}, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_the_written_file_holds_the_operators_keys(void)
{
    g_autofree char *folder = g_dir_make_tmp("imstv-plan-XXXXXX", NULL);
    g_autofree char *source = g_build_filename(folder, "imstv.conf", NULL);
    g_autofree char *target = g_build_filename(folder, "effective.conf", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(CliPlan) plan = NULL;

    g_assert_true(g_file_set_contents(source, "[sgw]\nport=0\ngrace_s=7\n", -1, NULL));
    plan = cli_plan_new(source, (const char *const[]){"sgw.grace_s=8", NULL}, "/state", "/p", "/w", &error);
    g_assert_no_error(error);
    g_assert_true(cli_plan_write(plan, target, &error));
    g_assert_true(g_file_get_contents(target, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "grace_s=8\n"));
    g_assert_false(cli_plan_write(plan, "/proc/none/x", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    g_remove(source);
    g_remove(target);
    g_rmdir(folder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/plan/port-0-chooses-free-ones", test_port_0_chooses_free_ones_that_differ);
    g_test_add_func("/cli/plan/configured-port-in-use", test_a_configured_port_in_use_is_refused);
    g_test_add_func("/cli/plan/daemons-find-each-other", test_daemons_find_each_other);
    g_test_add_func("/cli/plan/operators-address-stays", test_an_address_of_the_operator_stays);
    g_test_add_func("/cli/plan/bad-assignments", test_bad_assignments_are_refused);
    g_test_add_func("/cli/plan/written-file", test_the_written_file_holds_the_operators_keys);
    return g_test_run();
}
