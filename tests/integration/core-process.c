#include "tests/integration/core-process.h"

#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/store/store.h"

static void
add_users(const char *state_dir, const char *domain, const char *users)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = store_open(state_dir, &error);
    g_auto(GStrv) pairs = g_strsplit(users, ",", -1);

    g_assert_no_error(error);
    for (char **pair = pairs; *pair; pair++) {
        g_auto(GStrv) parts = g_strsplit(*pair, ":", 2);

        store_user_add(store, parts[0], domain, parts[1], NULL, &error);
        g_assert_no_error(error);
    }
}

static guint64
number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    g_assert_nonnull(at);

    return g_ascii_strtoull(at + strlen(name), NULL, 10);
}

static void
wait_ready(CoreProcess *self, GSocket *notify)
{
    g_autoptr(GError) error = NULL;
    char buffer[512] = {0};

    g_socket_set_timeout(notify, 20);
    g_socket_receive(notify, buffer, sizeof buffer - 1, NULL, &error);
    g_assert_no_error(error);
    self->port = (uint16_t)number_behind(buffer, "sip=");
    self->admin_port = (uint16_t)number_behind(buffer, "admin=");
}

/* The core ends when we do, however we end. */
static void
end_with_parent(gpointer unused)
{
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

CoreProcess *
core_process_start(const char *path, const char *domain, const char *users, uint16_t server_port)
{
    CoreProcess *self = g_new0(CoreProcess, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) notify = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, 0, NULL);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autofree char *server = g_strdup_printf("sip:127.0.0.1:%u\\;transport=tcp", server_port);
    g_autofree char *triggers = g_strconcat("core.triggers=INVITE,MESSAGE ^sip:iptv- ", server, NULL);
    g_autofree char *third = g_strconcat("core.third_party=", server, NULL);
    g_autofree char *home = g_strconcat("headend.home_domain=", domain, NULL);
    g_autofree char *state = NULL, *notify_path = NULL;
    g_autoptr(GSocketAddress) address = NULL;

    self->state_dir = g_dir_make_tmp("imstv-core-XXXXXX", &error);
    g_assert_no_error(error);
    add_users(self->state_dir, domain, users);
    notify_path = g_build_filename(self->state_dir, "notify", NULL);
    address = g_unix_socket_address_new(notify_path);
    g_socket_bind(notify, address, FALSE, &error);
    g_assert_no_error(error);
    state = g_strconcat("headend.state_dir=", self->state_dir, NULL);
    g_subprocess_launcher_set_child_setup(launcher, end_with_parent, NULL, NULL);
    g_subprocess_launcher_setenv(launcher, "NOTIFY_SOCKET", notify_path, TRUE);
    self->process = g_subprocess_launcher_spawn(launcher, &error, path, "--set", state, "--set", home,
                                                "--set", triggers, "--set", third, "--set", "core.port=0",
                                                "--set", "core.admin_port=0", "--log-level", "error", NULL);
    g_assert_no_error(error);
    wait_ready(self, notify);

    return self;
}

static void
remove_dir(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        if (g_remove(child) != 0)
            remove_dir(child);
    }
    g_rmdir(path);
}

int
core_process_stop(CoreProcess *self)
{
    int status;

    g_subprocess_send_signal(self->process, SIGTERM);
    g_subprocess_wait(self->process, NULL, NULL);
    status = g_subprocess_get_if_exited(self->process) ? g_subprocess_get_exit_status(self->process) : 1;
    g_object_unref(self->process);
    remove_dir(self->state_dir);
    g_free(self->state_dir);
    g_free(self);

    return status;
}

gint64
core_process_metric(CoreProcess *self, const char *name)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, self->admin_port);
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    g_autofree char *key = g_strdup_printf("\n%s ", name);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    char buffer[4096];
    gssize n;
    const char *at;

    g_socket_connect(socket, address, NULL, &error);
    g_assert_no_error(error);
    g_socket_send(socket, request, sizeof request - 1, NULL, NULL);
    while ((n = g_socket_receive(socket, buffer, sizeof buffer, NULL, NULL)) > 0)
        g_string_append_len(text, buffer, n);
    at = strstr(text->str, key);

    return at ? g_ascii_strtoll(at + strlen(key), NULL, 10) : 0;
}
