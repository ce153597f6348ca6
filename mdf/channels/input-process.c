#include "mdf/channels/input-process.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"

#define MEMORY_BYTES (4u << 20) /* 5 s at 6 Mbit/s: how long the MDF may be stopped without a loss */
#define LINE_MAX_BYTES 4096u
#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 2000u
#define STEADY_US (10 * G_USEC_PER_SEC)
#define SILENCE_US (6 * G_USEC_PER_SEC)
#define CHECK_MS 1000u

struct MdfInputProcess {
    char *program, *channel_id, *url;
    const ReelTrackInfo *tracks;
    unsigned n_tracks;
    const MdfInputProcessEvents *events;
    void *user_data;
    GSubprocess *process; /* NULL between two */
    GCancellable *waiting;
    int status_fd; /* -1: none */
    unsigned status_source, retry_source, check_source;
    unsigned retry_ms;
    GString *line; /* unfinished */
    int64_t started_us, heard_us;
    MdfInputStatus status;
    uint32_t restarts;
};

static void start(MdfInputProcess *self);

static void
copy_member(JsonObject *object, const char *name, char *buffer, size_t size)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        g_strlcpy(buffer, json_node_get_string(node), size);
}

static int64_t
int_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) ? MAX(json_node_get_int(node), 0) : 0;
}

/* A line of a process that parses foreign media: believed only as far as it makes sense. */
static void
take_line(MdfInputProcess *self, const char *line)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonNode *root;
    JsonObject *object;

    self->heard_us = g_get_monotonic_time();
    if (!g_utf8_validate(line, -1, NULL) || !json_parser_load_from_data(parser, line, -1, NULL))
        return;
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return;
    object = json_node_get_object(root);
    copy_member(object, "state", self->status.state, sizeof(self->status.state));
    copy_member(object, "video", self->status.video, sizeof(self->status.video));
    copy_member(object, "audio", self->status.audio, sizeof(self->status.audio));
    copy_member(object, "error", self->status.error, sizeof(self->status.error));
    self->status.bitrate_kbps = (uint32_t)MIN(int_member(object, "bitrate_kbps"), 10000000);
    self->status.b_frames = int_member(object, "b_frames") != 0;
    self->status.delay_us = int_member(object, "delay_us");
    self->status.jumps = (uint64_t)int_member(object, "jumps");
    self->status.rebuilds = (uint64_t)int_member(object, "rebuilds");
    self->status.dropped = (uint64_t)int_member(object, "dropped");
    if (self->events->told)
        self->events->told(self->user_data);
}

static void
take_bytes(MdfInputProcess *self, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            take_line(self, self->line->str);
            g_string_truncate(self->line, 0);
        } else if (self->line->len < LINE_MAX_BYTES) {
            g_string_append_c(self->line, bytes[i]);
        }
    }
}

/* Returns false when the process has closed its end. */
static bool
read_status(MdfInputProcess *self)
{
    char buffer[4096];
    ssize_t n;

    while ((n = recv(self->status_fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
        take_bytes(self, buffer, (size_t)n);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static gboolean
on_status(int fd, GIOCondition condition, gpointer user_data)
{
    MdfInputProcess *self = user_data;

    (void)fd;
    (void)condition;
    if (read_status(self))
        return G_SOURCE_CONTINUE;
    self->status_source = 0;
    g_subprocess_force_exit(self->process); /* closed its socket: it is ending, or of no use */
    return G_SOURCE_REMOVE;
}

static void
close_status(MdfInputProcess *self)
{
    if (self->status_source)
        g_source_remove(self->status_source);
    self->status_source = 0;
    if (self->status_fd >= 0)
        close(self->status_fd);
    self->status_fd = -1;
}

static gboolean
on_retry(gpointer user_data)
{
    MdfInputProcess *self = user_data;

    self->retry_source = 0;
    start(self);
    return G_SOURCE_REMOVE;
}

static void
retry_later(MdfInputProcess *self)
{
    const BaseLogFields fields = {.channel = self->channel_id};

    if (g_get_monotonic_time() - self->started_us >= STEADY_US)
        self->retry_ms = RETRY_MIN_MS;
    base_warning(&fields, "the input process has ended%s%s, starting another in %u ms",
                 self->status.error[0] ? ": " : "", self->status.error, self->retry_ms);
    self->retry_source = g_timeout_add(self->retry_ms, on_retry, self);
    self->retry_ms = MIN(self->retry_ms * 2, RETRY_MAX_MS);
    self->restarts++;
}

static void
on_ended(GObject *object, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    MdfInputProcess *self;

    g_subprocess_wait_finish(G_SUBPROCESS(object), result, &error);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* freed */
    self = user_data;
    if (self->status_fd >= 0)
        read_status(self); /* last words */
    close_status(self);
    g_clear_object(&self->process);
    g_strlcpy(self->status.state, "starting", sizeof(self->status.state));
    self->status.bitrate_kbps = 0;
    retry_later(self);
}

/* What waits in the socket is read first: after this process itself was stopped, others only seem silent. */
static gboolean
on_check(gpointer user_data)
{
    MdfInputProcess *self = user_data;

    if (!self->process || self->status_fd < 0)
        return G_SOURCE_CONTINUE;
    read_status(self);
    if (g_get_monotonic_time() - self->heard_us >= SILENCE_US)
        mdf_input_process_replace(self, "the input process hung");
    return G_SOURCE_CONTINUE;
}

static bool
spawn(MdfInputProcess *self, ReelPipe *pipe, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no socket: %s", g_strerror(errno));
        return false;
    }
    g_subprocess_launcher_take_fd(launcher, fcntl(reel_pipe_fd(pipe), F_DUPFD_CLOEXEC, 3), 3);
    g_subprocess_launcher_take_fd(launcher, pair[1], 4);
    self->process =
        g_subprocess_launcher_spawn(launcher, error, self->program, "--memory-fd", "3", "--status-fd", "4",
                                    "--url", self->url, "--name", self->channel_id, NULL);
    if (!self->process) {
        close(pair[0]);
        return false;
    }
    self->status_fd = pair[0];
    return true;
}

static void
start(MdfInputProcess *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelPipe) pipe = reel_pipe_new(self->tracks, self->n_tracks, MEMORY_BYTES, &error);

    self->started_us = self->heard_us = g_get_monotonic_time();
    g_string_truncate(self->line, 0);
    if (!pipe || !spawn(self, pipe, &error)) {
        g_strlcpy(self->status.error, error->message, sizeof(self->status.error));
        retry_later(self);
        return;
    }
    self->status_source = g_unix_fd_add(self->status_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_status, self);
    g_subprocess_wait_async(self->process, self->waiting, on_ended, self);
    self->events->started(self->user_data, g_steal_pointer(&pipe));
}

MdfInputProcess *
mdf_input_process_new(const MdfInputProcessConfig *config,
                      const MdfInputProcessEvents *events,
                      void *user_data)
{
    MdfInputProcess *self = g_new0(MdfInputProcess, 1);

    self->program = g_strdup(config->program);
    self->channel_id = g_strdup(config->channel_id);
    self->url = g_strdup(config->url);
    self->tracks = config->tracks;
    self->n_tracks = config->n_tracks;
    self->events = events;
    self->user_data = user_data;
    self->waiting = g_cancellable_new();
    self->status_fd = -1;
    self->retry_ms = RETRY_MIN_MS;
    self->line = g_string_new(NULL);
    g_strlcpy(self->status.state, "starting", sizeof(self->status.state));
    self->check_source = g_timeout_add(CHECK_MS, on_check, self);
    self->retry_source = g_idle_add(on_retry, self);
    return self;
}

void
mdf_input_process_free(MdfInputProcess *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->waiting);
    g_object_unref(self->waiting);
    if (self->process)
        g_subprocess_force_exit(self->process);
    g_clear_object(&self->process);
    close_status(self);
    if (self->retry_source)
        g_source_remove(self->retry_source);
    g_source_remove(self->check_source);
    g_string_free(self->line, TRUE);
    g_free(self->program);
    g_free(self->channel_id);
    g_free(self->url);
    g_free(self);
}

void
mdf_input_process_replace(MdfInputProcess *self, const char *reason)
{
    const BaseLogFields fields = {.channel = self->channel_id};

    if (!self->process)
        return;
    base_warning(&fields, "%s: killed", reason);
    g_strlcpy(self->status.error, reason, sizeof(self->status.error));
    g_subprocess_force_exit(self->process);
}

const MdfInputStatus *
mdf_input_process_status(const MdfInputProcess *self)
{
    return &self->status;
}

uint32_t
mdf_input_process_restarts(const MdfInputProcess *self)
{
    return self->restarts;
}

int
mdf_input_process_pid(const MdfInputProcess *self)
{
    const char *pid = self->process ? g_subprocess_get_identifier(self->process) : NULL;

    return pid ? (int)g_ascii_strtoll(pid, NULL, 10) : 0;
}
