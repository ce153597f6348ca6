#include "lib/store/store-db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/error.h"

#define BUSY_TIMEOUT_MS 5000

static void
set_error(GError **error, sqlite3 *db, const char *what)
{
    int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;

    g_set_error(error, BASE_ERROR, damaged ? BASE_ERROR_INTERNAL : BASE_ERROR_UNAVAILABLE,
                "store: cannot %s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
}

/* SQLite would make the file readable for all; it holds password hashes. */
static bool
make_private_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "store: cannot open %s: %s", path,
                    g_strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

/* Switching to WAL may answer "busy" at once when several processes open a new file together. */
static bool
configure(sqlite3 *db, const char *pragmas, GError **error)
{
    for (unsigned tries = 0; tries < 50; tries++) {
        if (sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK)
            return true;
        if (sqlite3_errcode(db) != SQLITE_BUSY)
            break;
        g_usleep(20 * 1000);
    }
    set_error(error, db, "configure");
    return false;
}

sqlite3 *
store_db_open(const char *path, const char *synchronous, GError **error)
{
    g_autofree char *pragmas = g_strdup_printf("PRAGMA journal_mode = WAL;"
                                               "PRAGMA synchronous = %s;"
                                               "PRAGMA foreign_keys = ON;"
                                               "PRAGMA trusted_schema = OFF;",
                                               synchronous);
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!make_private_file(path, error))
        return NULL;

    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        set_error(error, db, "open");
        g_prefix_error(error, "%s: ", path);
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);

    if (!configure(db, pragmas, error)) {
        g_prefix_error(error, "%s: ", path);
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

bool
store_db_script(sqlite3 *db, const char *sql, GError **error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;

    set_error(error, db, "set up");
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static int
bind_one(StoreStmt *stmt, int index, char type, va_list *values)
{
    const char *text;
    GBytes *bytes;
    gsize length;

    switch (type) {
    case 's':
        text = va_arg(*values, const char *);
        return sqlite3_bind_text(stmt, index, text, -1, SQLITE_TRANSIENT);
    case 'i':
        return sqlite3_bind_int64(stmt, index, va_arg(*values, int64_t));
    case 'b':
        bytes = va_arg(*values, GBytes *);
        text = g_bytes_get_data(bytes, &length);
        return sqlite3_bind_blob64(stmt, index, text ? text : "", length, SQLITE_TRANSIENT);
    }
    g_assert_not_reached();
}

static StoreStmt *
query_va(sqlite3 *db, GError **error, const char *sql, const char *types, va_list *values)
{
    g_autoptr(StoreStmt) stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        set_error(error, db, "read");
        return NULL;
    }
    for (int i = 0; types[i]; i++) {
        if (bind_one(stmt, i + 1, types[i], values) != SQLITE_OK) {
            set_error(error, db, "bind a value");
            return NULL;
        }
    }
    return g_steal_pointer(&stmt);
}

StoreStmt *
store_db_query(sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
    StoreStmt *stmt;
    va_list values;

    va_start(values, types);
    stmt = query_va(db, error, sql, types, &values);
    va_end(values);

    return stmt;
}

int
store_db_next(StoreStmt *stmt, GError **error)
{
    switch (sqlite3_step(stmt)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    }
    set_error(error, sqlite3_db_handle(stmt), sqlite3_stmt_readonly(stmt) ? "read" : "write");
    return -1;
}

bool
store_db_run(sqlite3 *db, int *ret_changes, GError **error, const char *sql, const char *types, ...)
{
    g_autoptr(StoreStmt) stmt = NULL;
    va_list values;
    int more;

    va_start(values, types);
    stmt = query_va(db, error, sql, types, &values);
    va_end(values);
    if (!stmt)
        return false;

    while ((more = store_db_next(stmt, error)) == 1)
        ;
    if (more < 0)
        return false;

    if (ret_changes)
        *ret_changes = sqlite3_changes(db);
    return true;
}

const char *
store_db_text(StoreStmt *stmt, int column)
{
    const unsigned char *text = sqlite3_column_text(stmt, column);

    return text ? (const char *)text : "";
}

char **
store_db_strings(StoreStmt *stmt, GError **error)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    int more;

    while ((more = store_db_next(stmt, error)) == 1)
        g_ptr_array_add(strings, g_strdup(store_db_text(stmt, 0)));
    if (more < 0)
        return NULL;

    g_ptr_array_add(strings, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&strings), FALSE);
}

bool
store_db_begin(Store *self, GError **error)
{
    g_assert(self->nesting == 0);

    /* IMMEDIATE: wait for the other writer now, not in the middle */
    if (!store_db_run(self->db, NULL, error, "BEGIN IMMEDIATE", ""))
        return false;

    self->nesting++;
    return true;
}

bool
store_db_end(Store *self, bool ok, GError **error)
{
    g_assert(self->nesting == 1);
    self->nesting--;

    if (ok && store_db_run(self->db, NULL, error, "COMMIT", "")) {
        self->changed_here = true;
        return true;
    }
    store_db_run(self->db, NULL, NULL, "ROLLBACK", "");
    return false;
}
