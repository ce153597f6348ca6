#include "sgw/page-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"

#define MAX_PATH_BYTES 512
#define MAX_CACHED 1024
#define HOME_DOMAIN "@home_domain@"

struct SgwPageFiles {
    char *folder;
    char *home_domain; /* as HTML text */
    GHashTable *cache; /* path -> Cached */
};

typedef struct {
    SgwPageFile file; /* first: handed out */
    struct timespec mtime;
    off_t size; /* on disk */
} Cached;

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".vtt", "text/vtt; charset=utf-8"},
};

static void
cached_free(void *pointer)
{
    Cached *self = pointer;

    g_bytes_unref(self->file.bytes);
    g_free(self->file.etag);
    g_free(self);
}

SgwPageFiles *
sgw_page_files_new(const char *folder, const char *home_domain)
{
    SgwPageFiles *self = g_new0(SgwPageFiles, 1);

    self->folder = g_strdup(folder);
    self->home_domain = g_markup_escape_text(home_domain, -1);
    self->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_free);
    return self;
}

void
sgw_page_files_free(SgwPageFiles *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->cache);
    g_free(self->folder);
    g_free(self->home_domain);
    g_free(self);
}

static bool
is_plain_character(char c)
{
    return g_ascii_isalnum(c) || strchr("._-~", c);
}

bool
sgw_page_path_is_plain(const char *path)
{
    if (path[0] != '/' || strlen(path) > MAX_PATH_BYTES)
        return false;
    for (const char *c = path; *c; c++) {
        /* A segment never begins with a dot: no "..", no hidden files. */
        if (c[0] == '/' && (c[1] == '.' || c[1] == '/'))
            return false;
        if (c[0] != '/' && !is_plain_character(*c))
            return false;
    }
    return true;
}

static const char *
type_of(const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_suffix(path, types[i].suffix))
            return types[i].type;
    }
    return NULL;
}

static const void *
not_found(const char *path, GError **error)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "there is no page %s", path);
    return NULL;
}

/* A link in the folder may point within the folder only. */
static int
open_inside(const SgwPageFiles *self, const char *path)
{
    g_autofree char *wanted = g_strconcat(self->folder, path, NULL);
    g_autofree char *root = realpath(self->folder, NULL);
    g_autofree char *real = realpath(wanted, NULL);
    size_t length = root ? strlen(root) : 0;

    if (!root || !real || strncmp(root, real, length) != 0 || real[length] != '/')
        return -1;
    return open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static GBytes *
read_all(int fd, size_t size)
{
    g_autofree char *data = g_malloc(size + 1);
    size_t got = 0;
    ssize_t n = 0;

    while (got < size && (n = read(fd, data + got, size - got)) != 0) {
        if (n < 0 && errno != EINTR)
            return NULL;
        got += n > 0 ? (size_t)n : 0;
    }
    return g_bytes_new_take(g_steal_pointer(&data), got);
}

/* @bytes: (transfer full) */
static GBytes *
fill_in(const SgwPageFiles *self, GBytes *bytes)
{
    gsize length = 0;
    const char *data = g_bytes_get_data(bytes, &length);
    GString *text = g_string_new_len(data, (gssize)length);

    g_string_replace(text, HOME_DOMAIN, self->home_domain, 0);
    g_bytes_unref(bytes);
    return g_string_free_to_bytes(text);
}

static const SgwPageFile *
load(SgwPageFiles *self, const char *path, int fd, const struct stat *status, GError **error)
{
    g_autoptr(GBytes) bytes = read_all(fd, (size_t)status->st_size);
    g_autofree char *digest = NULL;
    Cached *cached = NULL;

    if (!bytes)
        return not_found(path, error);
    if (g_str_has_suffix(path, ".html"))
        bytes = fill_in(self, bytes);
    if (g_hash_table_size(self->cache) >= MAX_CACHED)
        g_hash_table_remove_all(self->cache);
    digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
    cached = g_new0(Cached, 1);
    cached->file.etag = g_strdup_printf("\"%.32s\"", digest);
    cached->file.bytes = g_steal_pointer(&bytes);
    cached->file.type = type_of(path);
    cached->mtime = status->st_mtim;
    cached->size = status->st_size;
    g_hash_table_replace(self->cache, g_strdup(path), cached);
    return &cached->file;
}

static bool
is_fresh(const Cached *cached, const struct stat *status)
{
    return cached && cached->mtime.tv_sec == status->st_mtim.tv_sec &&
           cached->mtime.tv_nsec == status->st_mtim.tv_nsec && cached->size == status->st_size;
}

const SgwPageFile *
sgw_page_files_get(SgwPageFiles *self, const char *path, GError **error)
{
    const SgwPageFile *file = NULL;
    const Cached *cached = NULL;
    struct stat status;
    int fd = -1;

    if (g_str_equal(path, "/"))
        path = "/index.html";
    if (!sgw_page_path_is_plain(path) || !type_of(path) || (fd = open_inside(self, path)) < 0)
        return not_found(path, error);

    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        not_found(path, error);
    } else if (status.st_size > SGW_PAGE_FILE_MAX_BYTES) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "page %s is too large", path);
    } else {
        cached = g_hash_table_lookup(self->cache, path);
        file = is_fresh(cached, &status) ? &cached->file : load(self, path, fd, &status, error);
    }
    close(fd);
    return file;
}
