/* The supervisor with shell scripts as its processes. Each test waits for an event, with a deadline. */
#include "cli/supervisor.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define DEADLINE_S 20

typedef struct {
    char *folder, *log_dir, *run_dir;
    GMainLoop *loop;
    CliSupervisor *supervisor;
    bool ready, stopped;
    char *failed_name, *failed_reason;
} Fixture;

static void
on_ready(void *user_data)
{
    Fixture *f = user_data;

    f->ready = true;
    g_main_loop_quit(f->loop);
}

static void
on_failed(const char *name, const char *reason, void *user_data)
{
    Fixture *f = user_data;

    f->failed_name = g_strdup(name);
    f->failed_reason = g_strdup(reason);
    g_main_loop_quit(f->loop);
}

static void
on_stopped(void *user_data)
{
    Fixture *f = user_data;

    f->stopped = true;
    g_main_loop_quit(f->loop);
}

static const CliSupervisorEvents events = {.ready = on_ready, .failed = on_failed, .stopped = on_stopped};

static gboolean
on_deadline(gpointer user_data)
{
    (void)user_data;
    g_error("no event within %d s", DEADLINE_S);
    return G_SOURCE_REMOVE;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->folder = g_dir_make_tmp("imstv-sv-XXXXXX", NULL);
    f->log_dir = g_build_filename(f->folder, "log", NULL);
    f->run_dir = g_build_filename(f->folder, "run", NULL);
    f->loop = g_main_loop_new(NULL, FALSE);
    f->supervisor = cli_supervisor_new(f->log_dir, f->run_dir, &events, f, &error);
    g_assert_no_error(error);
    g_timeout_add_seconds(DEADLINE_S, on_deadline, f);
}

static void
remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        g_remove(child);
    }
    g_rmdir(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    cli_supervisor_free(f->supervisor);
    while (g_source_remove_by_user_data(f)) {
    }
    g_main_loop_unref(f->loop);
    remove_folder(f->log_dir);
    remove_folder(f->run_dir);
    remove_folder(f->folder);
    g_free(f->failed_name);
    g_free(f->failed_reason);
    g_free(f->log_dir);
    g_free(f->run_dir);
    g_free(f->folder);
}

static void
add(Fixture *f, const char *name, const char *script, bool notifies)
{
    g_autoptr(GError) error = NULL;

    cli_supervisor_add(f->supervisor, name, (const char *const[]){"/bin/sh", "-c", script, NULL}, notifies,
                       &error);
    g_assert_no_error(error);
}

static char *
log_of(Fixture *f, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".log", NULL);
    g_autofree char *path = g_build_filename(f->log_dir, file, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text != NULL ? text : g_strdup("");
}

static void
test_ready_then_stopped(Fixture *f, gconstpointer data)
{
    (void)data;
    add(f, "a", "exec sleep 1000", false);
    add(f, "b", "exec sleep 1000", false);
    g_main_loop_run(f->loop);
    g_assert_true(f->ready);
    cli_supervisor_stop(f->supervisor);
    g_main_loop_run(f->loop);
    g_assert_true(f->stopped);
}

static void
test_death_before_ready_is_told_with_the_reason(Fixture *f, gconstpointer data)
{
    (void)data;
    add(f, "x", "echo '2027-01-01T00:00:00.000Z ERROR x: cannot start: port 1 is taken' >&2; exit 1", true);
    g_main_loop_run(f->loop);
    g_assert_cmpstr(f->failed_name, ==, "x");
    g_assert_cmpstr(f->failed_reason, ==, "cannot start: port 1 is taken");
    g_assert_false(f->ready);
}

typedef struct {
    Fixture *fixture;
    const char *name, *text;
    unsigned times;
} Expected;

static gboolean
look_into_log(gpointer user_data)
{
    const Expected *expected = user_data;
    g_autofree char *log = log_of(expected->fixture, expected->name);
    unsigned found = 0;

    for (const char *at = log; (at = strstr(at, expected->text)) != NULL; at++)
        found++;
    if (found < expected->times)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(expected->fixture->loop);
    return G_SOURCE_REMOVE;
}

/* Waits until @text stands in the log of @name at least @times times. */
static void
wait_for_log(Fixture *f, const char *name, const char *text, unsigned times)
{
    Expected expected = {f, name, text, times};

    g_timeout_add(10, look_into_log, &expected);
    g_main_loop_run(f->loop);
}

static void
test_a_dead_process_is_back_within_two_seconds(Fixture *f, gconstpointer data)
{
    int64_t before;

    (void)data;
    add(f, "a", "echo began; exec sleep 0.05", false);
    g_main_loop_run(f->loop);
    g_assert_true(f->ready);
    before = g_get_monotonic_time();
    wait_for_log(f, "a", "began", 2);
    g_assert_cmpint(g_get_monotonic_time() - before, <, 2 * G_USEC_PER_SEC);
}

static void
test_what_does_not_end_is_killed_within_five_seconds(Fixture *f, gconstpointer data)
{
    int64_t before;

    (void)data;
    add(f, "stubborn", "trap '' TERM; echo deaf; while :; do sleep 1; done", false);
    g_main_loop_run(f->loop);
    wait_for_log(f, "stubborn", "deaf", 1);
    before = g_get_monotonic_time();
    cli_supervisor_stop(f->supervisor);
    g_main_loop_run(f->loop);
    g_assert_true(f->stopped);
    g_assert_cmpint(g_get_monotonic_time() - before, >, 3 * G_USEC_PER_SEC);
    g_assert_cmpint(g_get_monotonic_time() - before, <, 5 * G_USEC_PER_SEC);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
#define ADD(name, function) g_test_add("/cli/supervisor/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("ready-then-stopped", test_ready_then_stopped);
    ADD("death-before-ready", test_death_before_ready_is_told_with_the_reason);
    ADD("a-dead-process-is-back", test_a_dead_process_is_back_within_two_seconds);
    ADD("what-does-not-end-is-killed", test_what_does_not_end_is_killed_within_five_seconds);
    return g_test_run();
}
