#include "cli/cli.h"
#include "cli/demo.h"
#include "cli/plan.h"
#include "cli/supervisor.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FREE_MIN_BYTES (64 * 1024 * 1024)

/* In the order in which a newcomer would draw them; none needs another one to start. */
static const char *const daemons[] = {"imstv-core", "imstv-iptv", "imstv-mdf",
                                      "imstv-mcf",  "imstv-sgw",  "imstv-ingest"};

typedef struct {
    gint port;
    char *config_path;
    char **sets;
    gboolean exit_when_ready, no_demo, trace;
} Options;

typedef struct {
    const CliContext *context;
    const Options *options;
    CliPlan *plan;
    CliSupervisor *supervisor;
    GMainLoop *loop;
    int exit_code;
} Headend;

static bool
parse_options(int argc, char **argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"port", 'p', 0, G_OPTION_ARG_INT, &options->port, "Port of the page (default 8080; 0: any free one)",
         "N"},
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path,
         "Configuration (default: imstv.conf in the state folder, if there is one)", "FILE"},
        {"set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &options->sets, "Override a key; repeatable",
         "SECTION.KEY=VALUE"},
        {"exit-when-ready", 0, 0, G_OPTION_ARG_NONE, &options->exit_when_ready,
         "Stop again once all is ready", NULL},
        {"no-demo", 0, 0, G_OPTION_ARG_NONE, &options->no_demo, "No demo user, film and channels", NULL},
        {"trace", 0, 0, G_OPTION_ARG_NONE, &options->trace, "Every message of every daemon into its log",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) parser = g_option_context_new("- the whole headend on this machine");

    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, &argc, &argv, error))
        return false;
    if (argc > 1) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "run takes no argument \"%s\"", argv[1]);
        return false;
    }
    if (options->port < -1 || options->port > 65535) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "--port %d: has to be from 0 to 65535",
                    options->port);
        return false;
    }
    return true;
}

/* Makes the state folder ours. The descriptor stays open (and locked) until the process ends. */
static bool
take_state(const char *state_dir, GError **error)
{
    g_autofree char *run_dir = g_build_filename(state_dir, "run", NULL);
    g_autofree char *path = g_build_filename(run_dir, "lock", NULL);
    struct statvfs space;
    int fd = -1;

    if (g_mkdir_with_parents(run_dir, 0750) == 0)
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the state folder %s cannot be used: %s",
                    state_dir, g_strerror(errno));
        return false;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY,
                    "a headend already runs on %s; stop it or choose another folder with --state", state_dir);
        return false;
    }
    if (statvfs(state_dir, &space) == 0 && (guint64)space.f_bavail * space.f_frsize < FREE_MIN_BYTES) {
        close(fd);
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
            "the disk of %s is full (less than 64 MB free); make room or choose another folder with --state",
            state_dir);
        return false;
    }
    return true;
}

/* A daemon checks its own part of the configuration; its sentence is the one to show. */
static bool
check_daemon(const CliContext *context, const char *name, const char *config_path, GError **error)
{
    g_autofree char *program = g_build_filename(context->program_dir, name, NULL);
    const char *argv[] = {program, "--config", config_path, "--check-config", NULL};
    g_autofree char *said = NULL;
    g_autoptr(GError) cause = NULL;
    const char *sentence;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said, &status,
                      &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot start %s: %s", program,
                    cause->message);
        return false;
    }
    if (g_spawn_check_wait_status(status, NULL))
        return true;
    g_strchomp(said);
    sentence = g_str_has_prefix(said, name) ? strstr(said, ": ") : NULL; /* who said it does not matter */
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s",
                sentence != NULL ? sentence + 2
                : *said != '\0'  ? said
                                 : name);
    return false;
}

static CliPlan *
make_plan(const CliContext *context, const Options *options, GError **error)
{
    g_autofree char *usual = g_build_filename(context->state_dir, "imstv.conf", NULL);
    g_autofree char *web_dir = g_build_filename(context->program_dir, "..", "web", NULL);
    g_autoptr(GStrvBuilder) sets = g_strv_builder_new();
    g_auto(GStrv) all = NULL;
    const char *config_path = options->config_path;

    if (config_path == NULL && g_file_test(usual, G_FILE_TEST_EXISTS))
        config_path = usual;
    if (!options->no_demo)
        g_strv_builder_add(sets, "whep.anonymous=true");
    if (options->sets != NULL)
        g_strv_builder_addv(sets, (const char **)options->sets);
    if (options->port >= 0) {
        g_autofree char *port = g_strdup_printf("sgw.port=%d", options->port);

        g_strv_builder_add(sets, port);
    }
    all = g_strv_builder_end(sets);
    return cli_plan_new(config_path, (const char *const *)all, context->state_dir, context->program_dir,
                        web_dir, error);
}

static bool
write_plan(Headend *self, const char *path, GError **error)
{
    if (!cli_plan_write(self->plan, path, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(daemons); i++)
        if (!check_daemon(self->context, daemons[i], path, error))
            return false;
    return true;
}

static bool
start_daemons(Headend *self, const char *config_path, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(daemons); i++) {
        g_autofree char *program = g_build_filename(self->context->program_dir, daemons[i], NULL);
        const char *trace = self->options->trace ? "--trace" : NULL;

        if (!cli_supervisor_add(self->supervisor, daemons[i],
                                (const char *const[]){program, "--config", config_path, trace, NULL}, true,
                                error))
            return false;
    }
    return true;
}

static void
on_ready(void *user_data)
{
    Headend *self = user_data;
    g_autofree char *url = cli_plan_page_url(self->plan);

    printf("imstv ready: %s\n", url);
    fflush(stdout);
    if (self->options->exit_when_ready)
        cli_supervisor_stop(self->supervisor);
}

static void
on_failed(const char *name, const char *reason, void *user_data)
{
    Headend *self = user_data;

    if (self->exit_code == 0) /* the first one is the reason; others follow from it */
        fprintf(stderr, "imstv: %s: %s (log: %s/log/%s.log)\n", name, reason, self->context->state_dir, name);
    self->exit_code = 1;
    cli_supervisor_stop(self->supervisor);
}

static void
on_stopped(void *user_data)
{
    Headend *self = user_data;

    g_main_loop_quit(self->loop);
}

static gboolean
on_signal(gpointer user_data)
{
    Headend *self = user_data;

    cli_supervisor_stop(self->supervisor);
    return G_SOURCE_CONTINUE;
}

static bool
prepare(Headend *self, const char *config_path, GError **error)
{
    g_autoptr(Store) store = NULL;
    g_autofree char *home_domain = NULL;

    if (!take_state(self->context->state_dir, error))
        return false;
    self->plan = make_plan(self->context, self->options, error);
    if (self->plan == NULL || !write_plan(self, config_path, error))
        return false;
    store = store_open(self->context->state_dir, error); /* made before seven processes want it at once */
    if (store == NULL)
        return false;
    home_domain = cli_plan_get(self->plan, "headend", "home_domain");
    return self->options->no_demo ||
           cli_demo_prepare(self->context, *home_domain != '\0' ? home_domain : "imstv.test", error);
}

static bool
start(Headend *self, GError **error)
{
    static const CliSupervisorEvents events = {.ready = on_ready, .failed = on_failed, .stopped = on_stopped};
    g_autofree char *log_dir = g_build_filename(self->context->state_dir, "log", NULL);
    g_autofree char *run_dir = g_build_filename(self->context->state_dir, "run", NULL);
    g_autofree char *config_path = g_build_filename(run_dir, "imstv.conf", NULL);

    if (!prepare(self, config_path, error))
        return false;
    self->supervisor = cli_supervisor_new(log_dir, run_dir, &events, self, error);
    if (self->supervisor == NULL || !start_daemons(self, config_path, error))
        return false;
    return self->options->no_demo || cli_demo_start(self->context, self->supervisor, error);
}

int
cli_run_main(int argc, char **argv, const CliContext *context)
{
    Options options = {.port = -1};
    Headend self = {.context = context, .options = &options};
    g_autoptr(GError) error = NULL;

    if (!parse_options(argc, argv, &options, &error)) {
        cli_fail(error);
        return 2;
    }
    self.loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, on_signal, &self);
    g_unix_signal_add(SIGTERM, on_signal, &self);
    if (start(&self, &error))
        g_main_loop_run(self.loop);
    else
        self.exit_code = cli_fail(error);

    cli_supervisor_free(self.supervisor);
    cli_plan_free(self.plan);
    g_main_loop_unref(self.loop);
    g_free(options.config_path);
    g_strfreev(options.sets);
    return self.exit_code;
}
