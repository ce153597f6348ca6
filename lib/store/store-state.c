#include <errno.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/store/store-db.h"
#include "lib/store/store-private.h"

#define MAX_VALUE_BYTES (1024 * 1024)
#define SWEEP_INTERVAL_US (60 * G_USEC_PER_SEC)

static const char state_schema[] = "CREATE TABLE IF NOT EXISTS state ("
                                   "  kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
                                   "  expires INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;";

static bool
open_state(Store *self, GError **error)
{
    g_autofree char *folder = g_build_filename(self->state_dir, "run", NULL);
    g_autofree char *path = g_build_filename(folder, "state.db", NULL);

    if (self->state_db)
        return true;

    if (g_mkdir_with_parents(folder, 0755) < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "store: cannot make folder %s: %s", folder,
                    g_strerror(errno));
        return false;
    }
    /* it has to outlive a process, not the machine: no waiting for the disk */
    self->state_db = store_db_open(path, "OFF", error);
    if (self->state_db && store_db_script(self->state_db, state_schema, error))
        return true;

    g_clear_pointer(&self->state_db, sqlite3_close);
    return false;
}

/* Wall clock on purpose: the machine's uptime means nothing to the next process. */
static int64_t
now_s(void)
{
    return (int64_t)time(NULL);
}

static void
sweep(Store *self)
{
    int64_t now_us = g_get_monotonic_time();

    if (self->state_swept_us && now_us - self->state_swept_us < SWEEP_INTERVAL_US)
        return;

    self->state_swept_us = now_us;
    store_db_run(self->state_db, NULL, NULL, "DELETE FROM state WHERE expires <= ?", "i", now_s());
}

bool
store_state_put(
    Store *self, const char *kind, const char *key, GBytes *value, int64_t lifetime_s, GError **error)
{
    int64_t expires = lifetime_s > 0 ? now_s() + lifetime_s : INT64_MAX;

    if (g_bytes_get_size(value) > MAX_VALUE_BYTES) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "store: %s %s is over %d bytes", kind, key,
                    MAX_VALUE_BYTES);
        return false;
    }
    if (!open_state(self, error))
        return false;

    sweep(self);
    return store_db_run(self->state_db, NULL, error, "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)",
                        "ssbi", kind, key, value, expires);
}

GBytes *
store_state_get(Store *self, const char *kind, const char *key, GError **error)
{
    g_autoptr(StoreStmt) stmt = NULL;
    int more;

    if (!open_state(self, error))
        return NULL;

    stmt = store_db_query(self->state_db, error,
                          "SELECT value FROM state WHERE kind = ? AND key = ? AND expires > ?", "ssi", kind,
                          key, now_s());
    more = stmt ? store_db_next(stmt, error) : -1;
    if (more == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "store: no %s of that key", kind);
    if (more != 1)
        return NULL;

    return g_bytes_new(sqlite3_column_blob(stmt, 0), (gsize)sqlite3_column_bytes(stmt, 0));
}

bool
store_state_remove(Store *self, const char *kind, const char *key, GError **error)
{
    return open_state(self, error) &&
           store_db_run(self->state_db, NULL, error, "DELETE FROM state WHERE kind = ? AND key = ?", "ss",
                        kind, key);
}

char **
store_state_keys(Store *self, const char *kind, GError **error)
{
    g_autoptr(StoreStmt) stmt = NULL;

    if (!open_state(self, error))
        return NULL;

    stmt = store_db_query(self->state_db, error,
                          "SELECT key FROM state WHERE kind = ? AND expires > ? ORDER BY key", "si", kind,
                          now_s());
    return stmt ? store_db_strings(stmt, error) : NULL;
}

char *
store_private_secret(Store *self, const char *name, GError **error)
{
    g_autofree char *fresh = base_id_new();
    g_autofree char *fresh_rest = base_id_new();
    g_autofree char *value = g_strconcat(fresh, fresh_rest, NULL);
    g_autoptr(StoreStmt) stmt = NULL;

    stmt = store_db_query(self->db, error, "SELECT value FROM secrets WHERE name = ?", "s", name);
    if (stmt && store_db_next(stmt, NULL) == 1)
        return g_strdup(store_db_text(stmt, 0));
    g_clear_pointer(&stmt, sqlite3_finalize);

    /* another process may be first: then its value counts */
    if (!store_db_run(self->db, NULL, error, "INSERT OR IGNORE INTO secrets VALUES (?, ?)", "ss", name,
                      value))
        return NULL;
    stmt = store_db_query(self->db, error, "SELECT value FROM secrets WHERE name = ?", "s", name);
    if (!stmt || store_db_next(stmt, error) != 1)
        return NULL;
    return g_strdup(store_db_text(stmt, 0));
}
