#include "tests/integration/daemon-process.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/unit/temp-dir.h"

#define START_TIMEOUT_S 20
#define STOP_TIMEOUT_S 5

struct DaemonProcess {
    GSubprocess *process;
    char *dir;
    GSocket *socket;
    char *status;
};

static GSocket *
open_notify_socket(const char *path)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GError) error = NULL;
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);

    g_assert_no_error(error);
    g_socket_bind(socket, address, TRUE, &error);
    g_assert_no_error(error);
    g_socket_set_timeout(socket, START_TIMEOUT_S);
    return socket;
}

/* The text behind STATUS= of the datagram that says READY=1. */
static char *
wait_ready(GSocket *socket)
{
    for (;;) {
        char text[1024];
        g_autoptr(GError) error = NULL;
        gssize n = g_socket_receive(socket, text, sizeof text - 1, NULL, &error);
        char *status;

        g_assert_no_error(error);
        text[n] = '\0';
        if (!strstr(text, "READY=1"))
            continue;
        status = strstr(text, "STATUS=");
        g_assert_nonnull(status);
        status += strlen("STATUS=");
        return g_strndup(status, strcspn(status, "\n"));
    }
}

/* A test that fails leaves no daemon behind. */
static void
die_with_parent(gpointer unused G_GNUC_UNUSED)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

DaemonProcess *
daemon_process_start(const char *program, const char *const *settings)
{
    DaemonProcess *self = g_new0(DaemonProcess, 1);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;

    self->dir = temp_dir_new();
    path = g_build_filename(self->dir, "notify", NULL);
    self->socket = open_notify_socket(path);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    g_subprocess_launcher_setenv(launcher, "NOTIFY_SOCKET", path, TRUE);

    g_ptr_array_add(arguments, (char *)program);
    if (g_getenv("IMSTV_TEST_TRACE"))
        g_ptr_array_add(arguments, (char *)"--trace");
    for (; *settings; settings++) {
        g_ptr_array_add(arguments, (char *)"--set");
        g_ptr_array_add(arguments, (char *)*settings);
    }
    g_ptr_array_add(arguments, NULL);
    self->process = g_subprocess_launcher_spawnv(launcher, (const char *const *)arguments->pdata, &error);
    g_assert_no_error(error);

    self->status = wait_ready(self->socket);
    return self;
}

guint16
daemon_process_port(const DaemonProcess *self, const char *name)
{
    g_auto(GStrv) words = g_strsplit(self->status, " ", -1);
    g_autofree char *prefix = g_strconcat(name, "=", NULL);

    for (unsigned i = 0; words[i]; i++) {
        if (g_str_has_prefix(words[i], prefix))
            return (guint16)atoi(words[i] + strlen(prefix));
    }
    g_error("no port \"%s\" in \"%s\"", name, self->status);
}

static void
on_ended(GObject *source G_GNUC_UNUSED, GAsyncResult *result G_GNUC_UNUSED, gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
}

static gboolean
on_late(gpointer unused G_GNUC_UNUSED)
{
    g_error("the daemon does not end within %d s of SIGTERM", STOP_TIMEOUT_S);
    return G_SOURCE_REMOVE;
}

int
daemon_process_stop(DaemonProcess *self)
{
    gboolean ended = FALSE;
    guint late = g_timeout_add_seconds(STOP_TIMEOUT_S, on_late, NULL);
    int code;

    g_subprocess_send_signal(self->process, SIGTERM);
    g_subprocess_wait_async(self->process, NULL, on_ended, &ended);
    while (!ended)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
    code = g_subprocess_get_if_exited(self->process) ? g_subprocess_get_exit_status(self->process) : -1;

    g_object_unref(self->process);
    g_object_unref(self->socket);
    temp_dir_free(self->dir);
    g_free(self->status);
    g_free(self);
    return code;
}
