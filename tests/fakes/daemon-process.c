#include "tests/fakes/daemon-process.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define READY_TIMEOUT_S 20

struct TestDaemon {
    GSubprocess *process;
    char *folder, *path; /* of the notification socket */
    GSocket *socket;
    char *status;
    gboolean ended, timed_out;
};

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user_data)
{
    TestDaemon *self = user_data;

    g_subprocess_wait_finish(G_SUBPROCESS(source), result, NULL);
    self->ended = TRUE;
}

static gboolean
on_notification(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    TestDaemon *self = user_data;
    char text[1024];
    gssize n = g_socket_receive(socket, text, sizeof text - 1, NULL, NULL);
    char *status;

    (void)condition;
    if (n <= 0)
        return G_SOURCE_CONTINUE;
    text[n] = '\0';
    status = strstr(text, "STATUS=");
    if (!strstr(text, "READY=1") || !status)
        return G_SOURCE_CONTINUE;
    status[strcspn(status, "\n")] = '\0';
    self->status = g_strdup(status + strlen("STATUS="));
    return G_SOURCE_REMOVE;
}

static gboolean
on_timeout(gpointer user_data)
{
    ((TestDaemon *)user_data)->timed_out = TRUE;
    return G_SOURCE_REMOVE;
}

static void
listen_for_readiness(TestDaemon *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketAddress) address = NULL;

    self->folder = g_dir_make_tmp("imstv-daemon-XXXXXX", &error);
    g_assert_no_error(error);
    self->path = g_build_filename(self->folder, "notify", NULL);
    address = g_unix_socket_address_new(self->path);
    self->socket =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
    g_assert_no_error(error);
    g_socket_set_blocking(self->socket, FALSE);
    g_assert_true(g_socket_bind(self->socket, address, FALSE, &error));
}

static void
wait_until_ready(TestDaemon *self)
{
    g_autoptr(GSource) source = g_socket_create_source(self->socket, G_IO_IN, NULL);
    guint timeout = g_timeout_add_seconds(READY_TIMEOUT_S, on_timeout, self);

    g_source_set_callback(source, G_SOURCE_FUNC(on_notification), self, NULL);
    g_source_attach(source, NULL);
    while (!self->status && !self->ended && !self->timed_out)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(source);
    if (!self->timed_out)
        g_source_remove(timeout);
    if (!self->status)
        g_error("the daemon did not get ready");
}

/* A test that fails leaves no daemon behind. */
static void
die_with_parent(gpointer unused G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

TestDaemon *
test_daemon_start(const char *const *argv)
{
    TestDaemon *self = g_new0(TestDaemon, 1);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;

    listen_for_readiness(self);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    g_subprocess_launcher_setenv(launcher, "NOTIFY_SOCKET", self->path, TRUE);
    g_subprocess_launcher_set_stdout_file_path(launcher, "/dev/null");
    self->process = g_subprocess_launcher_spawnv(launcher, argv, &error);
    g_assert_no_error(error);
    g_subprocess_wait_async(self->process, NULL, on_ended, self);
    wait_until_ready(self);
    return self;
}

guint16
test_daemon_port(const TestDaemon *self, const char *name)
{
    g_auto(GStrv) word = g_strsplit(self->status, " ", -1);
    size_t length = strlen(name);

    for (char **w = word; *w; w++)
        if (strncmp(*w, name, length) == 0 && (*w)[length] == '=')
            return (guint16)g_ascii_strtoull(*w + length + 1, NULL, 10);
    g_error("no %s= in \"%s\"", name, self->status);
}

int
test_daemon_pid(const TestDaemon *self)
{
    return atoi(g_subprocess_get_identifier(self->process));
}

void
test_daemon_terminate(TestDaemon *self)
{
    if (!self->ended)
        g_subprocess_send_signal(self->process, SIGTERM);
}

int
test_daemon_wait(TestDaemon *self)
{
    while (!self->ended)
        g_main_context_iteration(NULL, TRUE);
    return g_subprocess_get_if_exited(self->process) ? g_subprocess_get_exit_status(self->process) : -1;
}

void
test_daemon_free(TestDaemon *self)
{
    test_daemon_terminate(self);
    g_assert_cmpint(test_daemon_wait(self), ==, 0);
    g_object_unref(self->process);
    g_socket_close(self->socket, NULL);
    g_object_unref(self->socket);
    g_unlink(self->path);
    g_rmdir(self->folder);
    g_free(self->path);
    g_free(self->folder);
    g_free(self->status);
    g_free(self);
}
