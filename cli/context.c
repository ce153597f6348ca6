#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

bool
cli_headend_runs(const CliContext *context)
{
    g_autofree char *path = g_build_filename(context->state_dir, "run", "lock", NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool held;

    if (fd < 0)
        return false;
    held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

char *
cli_headend_value(const CliContext *context, const char *section, const char *key)
{
    g_autofree char *path = g_build_filename(context->state_dir, "run", "imstv.conf", NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();

    if (!cli_headend_runs(context) || !g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return NULL;
    return g_key_file_get_value(file, section, key, NULL);
}

int
cli_fail(const GError *error)
{
    fprintf(stderr, "imstv: %s\n", error->message);
    return 1;
}
