#include "cli/process-log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (16 * 1024 * 1024)
#define LINE_MAX_BYTES (80 * 1024)
#define READS_AT_ONCE 16 /* a process that floods its log does not keep us from anything else */

struct CliProcessLog {
    char *name;
    char *path;
    FILE *file; /* NULL: cannot be written just now (full disk) */
    long written;
    int fd;
    guint watch;
    GString *line;
    char *last_error;
};

static void
open_file(CliProcessLog *self)
{
    self->file = fopen(self->path, "ae");
    self->written = self->file != NULL ? ftell(self->file) : 0;
}

CliProcessLog *
cli_process_log_new(const char *folder, const char *name)
{
    CliProcessLog *self = g_new0(CliProcessLog, 1);

    self->name = g_strdup(name);
    self->path = g_strdup_printf("%s/%s.log", folder, name);
    self->fd = -1;
    self->line = g_string_new(NULL);
    open_file(self);
    return self;
}

static void
close_fd(CliProcessLog *self)
{
    g_clear_handle_id(&self->watch, g_source_remove);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

void
cli_process_log_free(CliProcessLog *self)
{
    if (self == NULL)
        return;
    close_fd(self);
    if (self->file != NULL)
        fclose(self->file);
    g_string_free(self->line, TRUE);
    g_free(self->last_error);
    g_free(self->path);
    g_free(self->name);
    g_free(self);
}

static void
rotate(CliProcessLog *self)
{
    g_autofree char *older = g_strconcat(self->path, ".1", NULL);

    fclose(self->file);
    g_rename(self->path, older);
    open_file(self);
}

static void
write_text(CliProcessLog *self, const char *text, size_t length)
{
    if (self->file == NULL)
        open_file(self);
    if (self->file == NULL)
        return;
    if (fwrite(text, 1, length, self->file) != length || fflush(self->file) != 0) {
        fclose(self->file); /* a full disk: tried again with the next line */
        self->file = NULL;
        return;
    }
    self->written += (long)length;
    if (self->written > FILE_MAX_BYTES)
        rotate(self);
}

static void
note_error(CliProcessLog *self, const char *line)
{
    const char *level = strstr(line, "Z ERROR ");
    g_autofree char *usage = g_strdup_printf("%s: ", self->name);

    if (level != NULL && level - line < 32) {
        g_free(self->last_error);
        level = strstr(level, ": ");
        self->last_error = g_strdup(level != NULL ? level + 2 : line);
        fprintf(stderr, "%s\n", line);
    } else if (g_str_has_prefix(line, usage)) {
        g_free(self->last_error);
        self->last_error = g_strdup(line + strlen(usage));
    }
}

static void
take_line(CliProcessLog *self)
{
    note_error(self, self->line->str);
    g_string_append_c(self->line, '\n');
    write_text(self, self->line->str, self->line->len);
    g_string_truncate(self->line, 0);
}

/* False at the end of the pipe. */
static bool
read_some(CliProcessLog *self, int most)
{
    char buffer[16384];

    for (int i = 0; most == 0 || i < most; i++) {
        ssize_t length = read(self->fd, buffer, sizeof buffer);

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN;
        if (length == 0)
            return false;
        for (ssize_t at = 0; at < length; at++) {
            if (buffer[at] == '\n')
                take_line(self);
            else if (self->line->len < LINE_MAX_BYTES)
                g_string_append_c(self->line, buffer[at]);
        }
    }
    return true;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    CliProcessLog *self = user_data;

    (void)fd;
    (void)condition;
    if (read_some(self, READS_AT_ONCE))
        return G_SOURCE_CONTINUE;
    self->watch = 0;
    close_fd(self);
    return G_SOURCE_REMOVE;
}

void
cli_process_log_drain(CliProcessLog *self)
{
    if (self->fd >= 0 && !read_some(self, 0))
        close_fd(self);
}

void
cli_process_log_follow(CliProcessLog *self, int fd)
{
    cli_process_log_drain(self);
    close_fd(self);
    g_clear_pointer(&self->last_error, g_free);
    self->fd = fd;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    self->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, self);
}

const char *
cli_process_log_last_error(const CliProcessLog *self)
{
    return self->last_error;
}
