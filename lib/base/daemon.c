#include "lib/base/daemon.h"

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/trace.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STOP_DEADLINE_S 4

struct BaseDaemon {
    const BaseDaemonSpec *spec;
    GMainLoop *loop;
    void *state;
    bool started;
    bool stopping;
    int exit_code;
};

typedef struct {
    char *config_path;
    char **sets;
    gboolean check, print, trace, version;
    char *log_level;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->config_path);
    g_strfreev(options->sets);
    g_free(options->log_level);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* sd_notify(3): one datagram to $NOTIFY_SOCKET. Nobody listening is no failure. */
static void
notify(const char *message)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    length = strlen(path);
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
        base_debug(NULL, "nobody at NOTIFY_SOCKET");
    close(fd);
}

void
base_daemon_ready(BaseDaemon *self, const char *status)
{
    g_autofree char *message = g_strdup_printf("READY=1\nSTATUS=%s\n", status != NULL ? status : "");

    notify(message);
    base_notice(NULL, "ready%s%s", status != NULL ? ": " : "", status != NULL ? status : "");
    (void)self;
}

void
base_daemon_quit(BaseDaemon *self)
{
    g_main_loop_quit(self->loop);
}

void
base_daemon_fail(BaseDaemon *self, const GError *error)
{
    base_error(NULL, "%s; stopping", error->message);
    self->exit_code = 1;
    g_main_loop_quit(self->loop);
}

static gboolean
on_stop_deadline(gpointer user_data)
{
    BaseDaemon *self = user_data;

    base_warning(NULL, "not everything ended within %d s; stopping all the same", STOP_DEADLINE_S);
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_signal(gpointer user_data)
{
    BaseDaemon *self = user_data;

    if (self->stopping || !self->started)
        return G_SOURCE_CONTINUE;
    self->stopping = true;
    notify("STOPPING=1\n");
    base_notice(NULL, "told to end: stopping");
    g_timeout_add_seconds(STOP_DEADLINE_S, on_stop_deadline, self);
    if (self->spec->stop != NULL)
        self->spec->stop(self, self->state);
    else
        g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_watchdog(gpointer user_data)
{
    (void)user_data;
    notify("WATCHDOG=1\n");
    return G_SOURCE_CONTINUE;
}

static void
start_watchdog(void)
{
    const char *text = g_getenv("WATCHDOG_USEC");
    guint64 interval_us;

    if (text != NULL && g_ascii_string_to_unsigned(text, 10, 1000, G_MAXINT64, &interval_us, NULL))
        g_timeout_add((guint)MIN(interval_us / 2000, G_MAXUINT), on_watchdog, NULL);
}

static bool
parse_options(int *argc, char ***argv, const BaseDaemonSpec *spec, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path, "Configuration file", "FILE"},
        {"set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &options->sets, "Override a key; repeatable",
         "SECTION.KEY=VALUE"},
        {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check, "Check the configuration and end", NULL},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &options->print,
         "Print the effective configuration and end", NULL},
        {"trace", 0, 0, G_OPTION_ARG_NONE, &options->trace, "Write every message to standard error", NULL},
        {"log-level", 0, 0, G_OPTION_ARG_STRING, &options->log_level, "error, warning, notice, info, debug",
         "LEVEL"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version and end", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, spec->summary);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (*argc > 1) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "unexpected argument \"%s\"; see --help",
                    (*argv)[1]);
        return false;
    }
    return true;
}

static bool
parse_level(const char *text, BaseLogLevel *ret_level, GError **error)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(text, names[i]) == 0) {
            *ret_level = (BaseLogLevel)i;
            return true;
        }
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                "--log-level %s: has to be error, warning, notice, info or debug", text);
    return false;
}

static BaseConfig *
load_config(const BaseDaemonSpec *spec, const Options *options, GError **error)
{
    g_autoptr(BaseConfig) config = base_config_new(spec->keys, spec->n_keys);

    if (options->config_path != NULL && !base_config_load_file(config, options->config_path, error))
        return NULL;
    if (!base_config_load_environment(config, error))
        return NULL;
    for (char **set = options->sets; set != NULL && *set != NULL; set++) {
        if (!base_config_set(config, *set, error)) {
            g_prefix_error(error, "--set: ");
            return NULL;
        }
    }
    return g_steal_pointer(&config);
}

static int
run(BaseDaemon *self, const BaseConfig *config)
{
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN);
    g_unix_signal_add(SIGTERM, on_signal, self);
    g_unix_signal_add(SIGINT, on_signal, self);

    if (!self->spec->start(self, config, &self->state, &error)) {
        base_error(NULL, "cannot start: %s", error != NULL ? error->message : "unknown reason");
        return 1;
    }
    self->started = true;
    start_watchdog();
    g_main_loop_run(self->loop);
    if (self->spec->free != NULL)
        self->spec->free(self->state);
    base_notice(NULL, "ended");
    return self->exit_code;
}

static int
fail_usage(const char *name, const GError *error)
{
    fprintf(stderr, "%s: %s\n", name, error->message);
    return 2;
}

int
base_daemon_main(int argc, char **argv, const BaseDaemonSpec *spec)
{
    g_auto(Options) options = {0};
    g_autoptr(BaseConfig) config = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = NULL;
    BaseLogLevel level = BASE_LOG_INFO;
    BaseDaemon self = {.spec = spec};

    g_set_prgname(spec->name);
    if (!parse_options(&argc, &argv, spec, &options, &error))
        return fail_usage(spec->name, error);
    if (options.version) {
        printf("%s %s\n", spec->name, IMSTV_VERSION);
        return 0;
    }
    if (options.log_level != NULL && !parse_level(options.log_level, &level, &error))
        return fail_usage(spec->name, error);
    config = load_config(spec, &options, &error);
    if (config == NULL)
        return fail_usage(spec->name, error);
    if (options.print) {
        g_autofree char *text = base_config_print(config);

        fputs(text, stdout);
    }
    if (options.check || options.print)
        return 0;

    base_log_init(spec->name, level);
    base_trace_enable(options.trace);
    loop = g_main_loop_new(NULL, FALSE);
    self.loop = loop;
    return run(&self, config);
}
