#include "lib/store/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/store/store.h"

#define WATCH_INTERVAL_MS 250
#define MAX_ASSETS 10000
#define MAX_JSON_BYTES (64 * 1024)
#define SETTLE_NS (50 * 1000 * 1000) /* the file system's clock has coarse ticks */

typedef struct {
    StoreAsset *asset; /* NULL: not readable, and said so */
    struct timespec modified;
    ino_t inode;
} CatalogueEntry;

struct StoreCatalogue {
    char *content_dir;
    GHashTable *entries; /* id -> CatalogueEntry */
    struct timespec modified;
    bool unsettled; /* the folder changed so recently that a change in the same tick could hide */
    bool untold;    /* a look-up found a change that the watcher does not know yet */
    guint timer;
    StoreCatalogueChanged changed;
    void *user_data;
};

static void
entry_free(gpointer data)
{
    CatalogueEntry *entry = data;

    store_asset_unref(entry->asset);
    g_free(entry);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Opens nothing through symbolic links: what is in the folder stays in the folder. */
static char *
read_json(StoreCatalogue *self, const char *id, struct stat *ret_status, gsize *ret_length, GError **error)
{
    g_autofree char *folder = g_build_filename(self->content_dir, id, NULL);
    g_autofree char *text = g_malloc(MAX_JSON_BYTES + 1);
    int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd =
        folder_fd < 0 ? -1 : openat(folder_fd, "asset.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int open_errno = errno;
    struct stat status = {0};
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MAX_JSON_BYTES)
        n = read(fd, text, MAX_JSON_BYTES + 1);
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);

    if (n < 0 || n > MAX_JSON_BYTES) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "asset.json: %s",
                    fd < 0 ? g_strerror(open_errno) : "no regular file of at most 64 KiB");
        return NULL;
    }
    *ret_status = status;
    *ret_length = (gsize)n;
    return g_steal_pointer(&text);
}

static CatalogueEntry *
load_entry(StoreCatalogue *self, const char *id)
{
    BaseLogFields fields = {.channel = id};
    CatalogueEntry *entry = g_new0(CatalogueEntry, 1);
    g_autoptr(GError) error = NULL;
    struct stat status = {0};
    gsize length = 0;
    g_autofree char *json = read_json(self, id, &status, &length, &error);

    entry->modified = status.st_mtim;
    entry->inode = status.st_ino;
    if (json)
        entry->asset = store_asset_parse(id, json, (gssize)length, &error);
    if (!entry->asset)
        base_warning(&fields, "asset is left out of the catalogue: %s", error->message);
    return entry;
}

/* An entry is read again if its asset.json has another time than before. */
static bool
is_current(StoreCatalogue *self, const char *id, const CatalogueEntry *entry)
{
    g_autofree char *path = g_build_filename(self->content_dir, id, "asset.json", NULL);
    struct stat status = {0};

    if (lstat(path, &status) < 0)
        return !entry->asset; /* said already */
    return same_time(&status.st_mtim, &entry->modified) && status.st_ino == entry->inode;
}

static GHashTable *
read_folder(StoreCatalogue *self, bool *ret_changed)
{
    GHashTable *entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    DIR *folder = opendir(self->content_dir);
    const struct dirent *item;

    while (folder && (item = readdir(folder)) && g_hash_table_size(entries) < MAX_ASSETS) {
        g_autofree char *id = NULL;
        CatalogueEntry *entry = NULL;

        if (!store_id_is_valid(item->d_name))
            continue;
        g_hash_table_steal_extended(self->entries, item->d_name, (gpointer *)&id, (gpointer *)&entry);
        if (!entry || !is_current(self, item->d_name, entry)) {
            if (entry)
                entry_free(entry);
            entry = load_entry(self, item->d_name);
            *ret_changed = true;
        }
        g_hash_table_replace(entries, g_strdup(item->d_name), entry);
    }
    if (folder)
        closedir(folder);
    return entries;
}

static bool
refresh(StoreCatalogue *self)
{
    struct stat status = {0};
    struct timespec now;
    GHashTable *entries;
    bool changed = false;

    if (stat(self->content_dir, &status) < 0)
        return false;
    if (same_time(&status.st_mtim, &self->modified) && !self->unsettled)
        return false;

    clock_gettime(CLOCK_REALTIME, &now);
    self->unsettled =
        (now.tv_sec - status.st_mtim.tv_sec) * 1000000000LL + now.tv_nsec - status.st_mtim.tv_nsec <
        SETTLE_NS;
    self->modified = status.st_mtim;

    entries = read_folder(self, &changed);
    changed = changed || g_hash_table_size(self->entries) > 0; /* what is left there is gone from the disk */
    g_hash_table_unref(self->entries);
    self->entries = entries;
    return changed;
}

static gboolean
on_timer(gpointer user_data)
{
    StoreCatalogue *self = user_data;

    bool changed = refresh(self) || self->untold;

    self->untold = false;
    if (changed && self->changed)
        self->changed(self->user_data);
    return G_SOURCE_CONTINUE;
}

StoreCatalogue *
store_catalogue_new(const char *state_dir, GError **error)
{
    g_autoptr(StoreCatalogue) self = g_new0(StoreCatalogue, 1);

    self->content_dir = g_build_filename(state_dir, "content", NULL);
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);

    if (g_mkdir_with_parents(self->content_dir, 0755) < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot make folder %s: %s", self->content_dir,
                    g_strerror(errno));
        return NULL;
    }
    refresh(self);
    self->timer = g_timeout_add(WATCH_INTERVAL_MS, on_timer, self);
    return g_steal_pointer(&self);
}

void
store_catalogue_free(StoreCatalogue *self)
{
    if (!self)
        return;

    if (self->timer)
        g_source_remove(self->timer);
    g_hash_table_unref(self->entries);
    g_free(self->content_dir);
    g_free(self);
}

/* A change that a look-up finds is told by the timer's next round. */
static void
refresh_between(StoreCatalogue *self)
{
    if (refresh(self))
        self->untold = true;
}

static int
compare_titles(gconstpointer a, gconstpointer b)
{
    const StoreAsset *one = *(StoreAsset *const *)a, *two = *(StoreAsset *const *)b;
    int order = g_utf8_collate(one->title, two->title);

    return order ? order : strcmp(one->id, two->id);
}

GPtrArray *
store_catalogue_list(StoreCatalogue *self)
{
    GPtrArray *assets = g_ptr_array_new_with_free_func((GDestroyNotify)store_asset_unref);
    GHashTableIter iter;
    gpointer entry;

    refresh_between(self);
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &entry)) {
        if (((CatalogueEntry *)entry)->asset)
            g_ptr_array_add(assets, store_asset_ref(((CatalogueEntry *)entry)->asset));
    }
    g_ptr_array_sort(assets, compare_titles);
    return assets;
}

StoreAsset *
store_catalogue_get(StoreCatalogue *self, const char *id, GError **error)
{
    const CatalogueEntry *entry;

    refresh_between(self);
    entry = g_hash_table_lookup(self->entries, id);
    if (!entry || !entry->asset) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no film \"%.80s\"", id);
        return NULL;
    }
    return store_asset_ref(entry->asset);
}

char *
store_catalogue_path(const StoreCatalogue *self, const StoreAsset *asset, const char *file)
{
    return g_build_filename(self->content_dir, asset->id, file, NULL);
}

void
store_catalogue_watch(StoreCatalogue *self, StoreCatalogueChanged changed, void *user_data)
{
    self->changed = changed;
    self->user_data = user_data;
}
