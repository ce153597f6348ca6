#include "content/publish.h"

#include "content/slug.h"
#include "lib/base/error.h"
#include "lib/base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STAGING_PREFIX ".staging-"
#define REMOVED_PREFIX ".removed-"

struct ContentStaging {
    char *content; /* <state>/content */
    char *path;    /* NULL once published */
    int lock_fd;   /* the folder itself, locked */
};

/* errno as the operator's sentence; a full disk is the one everybody meets. */
static void
set_disk_error(GError **error, const char *what, const char *path)
{
    int code = errno;

    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "%s %s: %s", what, path,
                code == ENOSPC || code == EDQUOT ? "the disk is full; make room and try again"
                                                 : g_strerror(code));
}

static bool
sync_path(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (!synced)
        set_disk_error(error, "cannot make durable", path);
    if (fd >= 0)
        close(fd);
    return synced;
}

/* Every file of the folder, then the folder. It holds only files. */
static bool
sync_folder(const char *path, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, error);
    const char *name;

    if (dir == NULL)
        return false;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        if (!sync_path(file, error))
            return false;
    }
    return sync_path(path, error);
}

/* Folders made here hold only files; anything else stays and keeps the folder from going. */
static void
delete_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        g_unlink(file);
    }
    g_rmdir(path);
}

ContentStaging *
content_staging_new(const char *state_dir, GError **error)
{
    g_autoptr(ContentStaging) self = g_new0(ContentStaging, 1);
    g_autofree char *id = base_id_new();

    self->lock_fd = -1;
    self->content = g_build_filename(state_dir, "content", NULL);
    if (g_mkdir_with_parents(self->content, 0755) != 0) {
        set_disk_error(error, "cannot make the folder", self->content);
        return NULL;
    }
    self->path = g_strdup_printf("%s/" STAGING_PREFIX "%s", self->content, id);
    if (g_mkdir(self->path, 0755) != 0) {
        set_disk_error(error, "cannot make the folder", self->path);
        g_clear_pointer(&self->path, g_free);
        return NULL;
    }
    self->lock_fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->lock_fd < 0 || flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        set_disk_error(error, "cannot lock the folder", self->path);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
content_staging_free(ContentStaging *self)
{
    if (self == NULL)
        return;
    if (self->path != NULL)
        delete_folder(self->path);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    g_free(self->path);
    g_free(self->content);
    g_free(self);
}

const char *
content_staging_path(const ContentStaging *self)
{
    return self->path;
}

static bool
write_record(const char *path, const char *text, GError **error)
{
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fputs(text, file) >= 0;

    if (file != NULL && fclose(file) != 0)
        written = false;
    if (!written)
        set_disk_error(error, "cannot write", path);
    return written;
}

/* Never replaces. Some file systems cannot promise that in one step: there the look comes first. */
static bool
rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (g_file_test(to, G_FILE_TEST_EXISTS)) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

bool
content_staging_publish(ContentStaging *self, const char *id, const char *asset_json, GError **error)
{
    g_autofree char *record = g_build_filename(self->path, "asset.json", NULL);
    g_autofree char *target = NULL;

    if (!content_id_check(id, error) || !write_record(record, asset_json, error) ||
        !sync_folder(self->path, error))
        return false;

    target = g_build_filename(self->content, id, NULL);
    if (!rename_new(self->path, target)) {
        if (errno == EEXIST)
            g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY,
                        "there is an asset \"%s\" already: remove it first, or choose another id", id);
        else
            set_disk_error(error, "cannot publish", target);
        return false;
    }
    g_clear_pointer(&self->path, g_free);
    return sync_path(self->content, error);
}

bool
content_published(const char *state_dir, const char *id)
{
    g_autofree char *record = g_build_filename(state_dir, "content", id, "asset.json", NULL);

    return content_id_check(id, NULL) && g_file_test(record, G_FILE_TEST_IS_REGULAR);
}

bool
content_remove(const char *state_dir, const char *id, GError **error)
{
    g_autofree char *unique = base_id_new();
    g_autofree char *path = g_build_filename(state_dir, "content", id, NULL);
    g_autofree char *trash = g_strdup_printf("%s/content/" REMOVED_PREFIX "%s", state_dir, unique);

    if (!content_id_check(id, error))
        return false;
    if (rename(path, trash) != 0) {
        if (errno == ENOENT)
            g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "there is no asset \"%s\"", id);
        else
            set_disk_error(error, "cannot remove", path);
        return false;
    }
    delete_folder(trash);
    return true;
}

/* True if nobody alive holds it: whoever is making it has it locked. */
static bool
is_abandoned(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool abandoned = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (fd >= 0)
        close(fd);
    return abandoned;
}

unsigned
content_recover(const char *state_dir)
{
    g_autofree char *content = g_build_filename(state_dir, "content", NULL);
    g_autoptr(GDir) dir = g_dir_open(content, 0, NULL);
    unsigned deleted = 0;
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(content, name, NULL);

        if ((g_str_has_prefix(name, STAGING_PREFIX) && is_abandoned(path)) ||
            g_str_has_prefix(name, REMOVED_PREFIX)) {
            delete_folder(path);
            deleted++;
        }
    }
    return deleted;
}
