#include "cli/supervisor.h"

#include "cli/process-log.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AFTER_MS 4000
#define RESTART_FIRST_MS 100
#define RESTART_LONGEST_MS 2000 /* a dead daemon is back within 2 s */
#define STEADY_US (30 * G_USEC_PER_SEC)

typedef struct {
    CliSupervisor *supervisor;
    char *name;
    char **argv;
    bool notifies;
    bool ready, was_ready;
    GPid pid; /* 0: not running */
    guint child_watch, restart_timer;
    unsigned restart_ms;
    int64_t started_us;
    int notify_fd;
    guint notify_watch;
    char *notify_path;
    CliProcessLog *log;
} Process;

struct CliSupervisor {
    const CliSupervisorEvents *events;
    void *user_data;
    char *log_dir;
    int run_fd;
    GPtrArray *processes;
    bool all_ready_said, stopping, stopped_said;
    guint kill_timer;
};

static bool start_process(Process *process, GError **error);

static void
process_free(Process *process)
{
    g_clear_handle_id(&process->child_watch, g_source_remove);
    g_clear_handle_id(&process->restart_timer, g_source_remove);
    g_clear_handle_id(&process->notify_watch, g_source_remove);
    if (process->pid != 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    if (process->notify_fd >= 0)
        close(process->notify_fd);
    if (process->notify_path != NULL)
        g_unlink(process->notify_path);
    cli_process_log_free(process->log);
    g_free(process->notify_path);
    g_strfreev(process->argv);
    g_free(process->name);
    g_free(process);
}

static void
check_all_ready(CliSupervisor *self)
{
    if (self->all_ready_said || self->stopping)
        return;
    for (guint i = 0; i < self->processes->len; i++)
        if (!((Process *)g_ptr_array_index(self->processes, i))->ready)
            return;
    self->all_ready_said = true;
    self->events->ready(self->user_data);
}

static void
check_all_stopped(CliSupervisor *self)
{
    if (!self->stopping || self->stopped_said)
        return;
    for (guint i = 0; i < self->processes->len; i++)
        if (((Process *)g_ptr_array_index(self->processes, i))->pid != 0)
            return;
    self->stopped_said = true;
    g_clear_handle_id(&self->kill_timer, g_source_remove);
    self->events->stopped(self->user_data);
}

static gboolean
on_all_ready_idle(gpointer user_data)
{
    check_all_ready(user_data);
    return G_SOURCE_REMOVE;
}

static void
set_ready(Process *process)
{
    process->ready = process->was_ready = true;
    check_all_ready(process->supervisor);
}

static gboolean
on_notify(int fd, GIOCondition condition, gpointer user_data)
{
    Process *process = user_data;
    char message[512];
    ssize_t length = recv(fd, message, sizeof message - 1, MSG_DONTWAIT);

    (void)condition;
    if (length <= 0)
        return G_SOURCE_CONTINUE;
    message[length] = '\0';
    if (strncmp(message, "READY=1", 7) == 0 || strstr(message, "\nREADY=1") != NULL)
        set_ready(process);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_restart(gpointer user_data)
{
    Process *process = user_data;
    g_autoptr(GError) error = NULL;

    process->restart_timer = 0;
    if (!start_process(process, &error)) {
        base_error(NULL, "%s, trying again in %u ms", error->message, RESTART_LONGEST_MS);
        process->restart_timer = g_timeout_add(RESTART_LONGEST_MS, on_restart, process);
    }
    return G_SOURCE_REMOVE;
}

static char *
describe_end(int status)
{
    if (WIFSIGNALED(status))
        return g_strdup_printf("killed by signal %d (%s)", WTERMSIG(status), g_strsignal(WTERMSIG(status)));
    return g_strdup_printf("ended with exit code %d", WEXITSTATUS(status));
}

static void
on_child_end(GPid pid, gint status, gpointer user_data)
{
    Process *process = user_data;
    CliSupervisor *self = process->supervisor;
    g_autofree char *how = describe_end(status);
    int64_t lived_us = g_get_monotonic_time() - process->started_us;

    g_spawn_close_pid(pid);
    process->pid = 0;
    process->child_watch = 0;
    process->ready = false;
    cli_process_log_drain(process->log);
    if (self->stopping) {
        check_all_stopped(self);
        return;
    }
    if (!process->was_ready) {
        const char *last_error = cli_process_log_last_error(process->log);

        self->events->failed(process->name, last_error != NULL ? last_error : how, self->user_data);
        return;
    }
    process->restart_ms =
        lived_us > STEADY_US ? RESTART_FIRST_MS : MIN(process->restart_ms * 2, RESTART_LONGEST_MS);
    base_warning(NULL, "%s %s; starting it again in %u ms", process->name, how, process->restart_ms);
    process->restart_timer = g_timeout_add(process->restart_ms, on_restart, process);
}

/* In the child, between fork and exec: only async-signal-safe calls. @user_data: our process id. */
static void
before_exec(gpointer user_data)
{
    sigset_t none;

    /* a process group of its own: Ctrl-C on the terminal is ours to pass on, in order */
    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* nothing outlives `imstv run`, however it ends */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != GPOINTER_TO_INT(user_data))
        _exit(1);
}

static char **
environment_of(const Process *process)
{
    char **environment = g_get_environ();

    environment = g_environ_unsetenv(environment, "WATCHDOG_USEC");
    if (process->notify_path == NULL)
        return g_environ_unsetenv(environment, "NOTIFY_SOCKET");
    return g_environ_setenv(environment, "NOTIFY_SOCKET", process->notify_path, TRUE);
}

static bool
start_process(Process *process, GError **error)
{
    g_auto(GStrv) environment = environment_of(process);
    g_autoptr(GError) cause = NULL;
    int pipe_fds[2];
    bool spawned;

    if (!g_unix_open_pipe(pipe_fds, FD_CLOEXEC, &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot start %s: %s", process->name,
                    cause->message);
        return false;
    }
    spawned = g_spawn_async_with_pipes_and_fds(
        NULL, (const char *const *)process->argv, (const char *const *)environment,
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDIN_FROM_DEV_NULL, before_exec, GINT_TO_POINTER(getpid()), -1,
        pipe_fds[1], pipe_fds[1], NULL, NULL, 0, &process->pid, NULL, NULL, NULL, &cause);
    close(pipe_fds[1]);
    if (!spawned) {
        close(pipe_fds[0]);
        process->pid = 0;
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot start %s: %s", process->name,
                    cause->message);
        return false;
    }
    process->started_us = g_get_monotonic_time();
    cli_process_log_follow(process->log, pipe_fds[0]);
    process->child_watch = g_child_watch_add(process->pid, on_child_end, process);
    if (!process->notifies) {
        process->ready = process->was_ready = true;
        g_idle_add(on_all_ready_idle, process->supervisor);
    }
    return true;
}

static bool
open_notify_socket(Process *process, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    /* By the open folder: the path of a state folder may be longer than a socket's may. */
    process->notify_path =
        g_strdup_printf("/proc/%d/fd/%d/%s.notify", getpid(), process->supervisor->run_fd, process->name);
    g_strlcpy(address.sun_path, process->notify_path, sizeof address.sun_path);
    g_unlink(process->notify_path);
    process->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (process->notify_fd < 0 ||
        bind(process->notify_fd, (struct sockaddr *)&address, sizeof address) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot make %s: %s", process->notify_path,
                    g_strerror(errno));
        return false;
    }
    process->notify_watch = g_unix_fd_add(process->notify_fd, G_IO_IN, on_notify, process);
    return true;
}

CliSupervisor *
cli_supervisor_new(const char *log_dir,
                   const char *run_dir,
                   const CliSupervisorEvents *events,
                   void *user_data,
                   GError **error)
{
    g_autoptr(CliSupervisor) self = g_new0(CliSupervisor, 1);

    self->events = events;
    self->user_data = user_data;
    self->log_dir = g_strdup(log_dir);
    self->run_fd = -1;
    self->processes = g_ptr_array_new_with_free_func((GDestroyNotify)process_free);
    if (g_mkdir_with_parents(log_dir, 0750) != 0 || g_mkdir_with_parents(run_dir, 0750) != 0 ||
        (self->run_fd = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot make %s or %s: %s", log_dir, run_dir,
                    g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
cli_supervisor_free(CliSupervisor *self)
{
    if (self == NULL)
        return;
    g_clear_handle_id(&self->kill_timer, g_source_remove);
    while (g_source_remove_by_user_data(self)) {
    }
    g_clear_pointer(&self->processes, g_ptr_array_unref);
    if (self->run_fd >= 0)
        close(self->run_fd);
    g_free(self->log_dir);
    g_free(self);
}

bool
cli_supervisor_add(
    CliSupervisor *self, const char *name, const char *const *argv, bool notifies, GError **error)
{
    Process *process = g_new0(Process, 1);

    process->supervisor = self;
    process->name = g_strdup(name);
    process->argv = g_strdupv((char **)argv);
    process->notifies = notifies;
    process->notify_fd = -1;
    process->restart_ms = RESTART_FIRST_MS / 2;
    process->log = cli_process_log_new(self->log_dir, name);
    g_ptr_array_add(self->processes, process);
    if (notifies && !open_notify_socket(process, error))
        return false;
    return start_process(process, error);
}

static gboolean
on_kill(gpointer user_data)
{
    CliSupervisor *self = user_data;

    self->kill_timer = 0;
    for (guint i = 0; i < self->processes->len; i++) {
        Process *process = g_ptr_array_index(self->processes, i);

        if (process->pid != 0) {
            base_warning(NULL, "%s does not end; killing it", process->name);
            kill(process->pid, SIGKILL);
        }
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_stopped_idle(gpointer user_data)
{
    check_all_stopped(user_data);
    return G_SOURCE_REMOVE;
}

void
cli_supervisor_stop(CliSupervisor *self)
{
    if (self->stopping)
        return;
    self->stopping = true;
    for (guint i = 0; i < self->processes->len; i++) {
        Process *process = g_ptr_array_index(self->processes, i);

        g_clear_handle_id(&process->restart_timer, g_source_remove);
        if (process->pid != 0)
            kill(process->pid, SIGTERM);
    }
    self->kill_timer = g_timeout_add(KILL_AFTER_MS, on_kill, self);
    g_idle_add(on_stopped_idle, self); /* nothing may have been running */
}
