#include "lib/store/store.h"

#include <errno.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/store/store-db.h"

#define WATCH_INTERVAL_MS 250
#define MAX_ID_LENGTH 63

typedef struct {
    unsigned id;
    StoreChanged changed;
    void *user_data;
} StoreWatch;

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS users ("
    "  impi TEXT PRIMARY KEY, impu TEXT NOT NULL UNIQUE, realm TEXT NOT NULL, ha1 TEXT NOT NULL,"
    "  created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS packages (id TEXT PRIMARY KEY, title TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS channels ("
    "  id TEXT PRIMARY KEY, title TEXT NOT NULL, lcn INTEGER NOT NULL UNIQUE, inputs TEXT NOT NULL,"
    "  created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS package_content ("
    "  package TEXT NOT NULL REFERENCES packages(id), kind INTEGER NOT NULL, content TEXT NOT NULL,"
    "  UNIQUE (package, kind, content));"
    "CREATE INDEX IF NOT EXISTS package_content_by_content ON package_content (kind, content);"
    "CREATE TABLE IF NOT EXISTS grants ("
    "  impi TEXT NOT NULL REFERENCES users(impi) ON DELETE CASCADE,"
    "  package TEXT NOT NULL REFERENCES packages(id) ON DELETE CASCADE,"
    "  PRIMARY KEY (impi, package)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO packages VALUES ('" STORE_PACKAGE_DEFAULT "', 'Basic');"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static int64_t
query_int(Store *self, const char *sql, int64_t fallback)
{
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, NULL, sql, "");

    if (!stmt || store_db_next(stmt, NULL) != 1)
        return fallback;
    return sqlite3_column_int64(stmt, 0);
}

static bool
prepare_schema(Store *self, GError **error)
{
    int64_t version = query_int(self, "PRAGMA user_version", -1);

    if (version > 1) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
                    "store: %s/imstv.db was made by a newer imstv (schema %d)", self->state_dir,
                    (int)version);
        return false;
    }
    return version == 1 || store_db_script(self->db, schema, error);
}

Store *
store_open(const char *state_dir, GError **error)
{
    g_autoptr(Store) self = g_new0(Store, 1);
    g_autofree char *path = g_build_filename(state_dir, "imstv.db", NULL);

    self->state_dir = g_strdup(state_dir);
    self->watches = g_array_new(FALSE, FALSE, sizeof(StoreWatch));

    if (g_mkdir_with_parents(state_dir, 0755) < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "store: cannot make folder %s: %s", state_dir,
                    g_strerror(errno));
        return NULL;
    }
    self->db = store_db_open(path, "FULL", error);
    if (!self->db || !prepare_schema(self, error))
        return NULL;

    self->data_version = query_int(self, "PRAGMA data_version", 0);
    return g_steal_pointer(&self);
}

void
store_free(Store *self)
{
    if (!self)
        return;

    if (self->timer)
        g_source_remove(self->timer);
    sqlite3_close(self->db);
    sqlite3_close(self->state_db);
    g_array_unref(self->watches);
    g_free(self->state_dir);
    g_free(self);
}

bool
store_id_is_valid(const char *id)
{
    size_t length = strlen(id);

    if (length == 0 || length > MAX_ID_LENGTH || id[0] == '-')
        return false;
    if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return false;

    return !g_str_equal(id, "sdf") && !g_str_equal(id, "bc") && !g_str_equal(id, "mcf");
}

/* ---- changes ---- */

static bool
take_change(Store *self)
{
    int64_t version = query_int(self, "PRAGMA data_version", self->data_version);
    bool changed = self->changed_here || version != self->data_version;

    self->changed_here = false;
    self->data_version = version;
    return changed;
}

static const StoreWatch *
find_watch(const Store *self, unsigned id)
{
    for (unsigned i = 0; i < self->watches->len; i++) {
        const StoreWatch *watch = &g_array_index(self->watches, StoreWatch, i);

        if (watch->id == id)
            return watch;
    }
    return NULL;
}

static gboolean
on_watch_timer(gpointer user_data)
{
    Store *self = user_data;
    g_autoptr(GArray) watches = NULL;

    if (!take_change(self))
        return G_SOURCE_CONTINUE;

    /* by id from a copy: a watcher may unwatch itself and others, and add some */
    watches = g_array_copy(self->watches);
    for (unsigned i = 0; i < watches->len; i++) {
        const StoreWatch *watch = find_watch(self, g_array_index(watches, StoreWatch, i).id);

        if (watch)
            watch->changed(watch->user_data);
    }
    return self->timer ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

unsigned
store_watch(Store *self, StoreChanged changed, void *user_data)
{
    StoreWatch watch = {.id = ++self->next_watch_id, .changed = changed, .user_data = user_data};

    /* changes since store_open count: rather one call too many than a lost one */
    if (!self->timer)
        self->timer = g_timeout_add(WATCH_INTERVAL_MS, on_watch_timer, self);
    g_array_append_val(self->watches, watch);
    return watch.id;
}

void
store_unwatch(Store *self, unsigned id)
{
    for (unsigned i = 0; i < self->watches->len; i++) {
        if (g_array_index(self->watches, StoreWatch, i).id == id) {
            g_array_remove_index(self->watches, i);
            break;
        }
    }
    if (self->watches->len == 0 && self->timer) {
        g_source_remove(self->timer);
        self->timer = 0;
    }
}
