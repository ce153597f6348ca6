/* imstv-input: one channel's input, started by the MDF, disposable. */
#include <errno.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "input/input.h"
#include "lib/base/log.h"

typedef struct {
    GMainLoop *loop;
    int status_fd;
} Main;

/* The parent reads slowly or not at all: a line is lost, nothing waits. */
static void
on_status(void *user_data, const char *line)
{
    Main *self = user_data;
    g_autofree char *text = g_strconcat(line, "\n", NULL);

    if (send(self->status_fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EPIPE)
        g_main_loop_quit(self->loop);
}

static gboolean
on_parent(int fd, GIOCondition condition, gpointer user_data)
{
    Main *self = user_data;
    char buffer[64];

    (void)condition;
    if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == EAGAIN)
        return G_SOURCE_CONTINUE; /* the parent has nothing to say yet */
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_signal(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_CONTINUE;
}

static int
run(const char *url, const char *channel, int memory_fd, int status_fd)
{
    static const InputEvents events = {.status = on_status};
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    g_autoptr(Input) input = NULL;
    Main self = {.loop = loop, .status_fd = status_fd};

    input = input_new(url, channel, memory_fd, &events, &self, &error);
    if (!input) {
        base_error(&(BaseLogFields){.channel = channel}, "%s", error->message);
        return 1;
    }
    close(memory_fd);
    g_unix_fd_add(status_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_parent, &self);
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_main_loop_run(loop);
    return 0;
}

int
main(int argc, char **argv)
{
    int memory_fd = -1, status_fd = -1;
    g_autofree char *url = NULL, *name = NULL;
    const GOptionEntry entries[] = {
        {"memory-fd", 0, 0, G_OPTION_ARG_INT, &memory_fd, "Descriptor of the channel's memory", "N"},
        {"status-fd", 0, 0, G_OPTION_ARG_INT, &status_fd, "Socket for status lines; its end ends the process",
         "N"},
        {"url", 0, 0, G_OPTION_ARG_STRING, &url, "Where the channel comes from: udp://ADDRESS:PORT", "URL"},
        {"name", 0, 0, G_OPTION_ARG_STRING, &name, "Channel id, for the log", "ID"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context =
        g_option_context_new("- writes a channel's reel; started by imstv-mdf");
    g_autoptr(GError) error = NULL;
    g_autofree char *log_name = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !url || memory_fd < 0 || status_fd < 0) {
        fprintf(stderr, "imstv-input: %s\n",
                error ? error->message : "--url, --memory-fd and --status-fd are needed");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    log_name = g_strdup_printf("imstv-input[%s]", name ? name : "-");
    base_log_init(log_name, BASE_LOG_INFO);
    gst_init(NULL, NULL);
    return run(url, name, memory_fd, status_fd);
}
