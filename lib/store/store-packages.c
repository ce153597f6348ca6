#include "lib/base/error.h"
#include "lib/store/store-db.h"
#include "lib/store/store-private.h"

void
store_package_free(StorePackage *package)
{
    if (!package)
        return;

    g_free(package->id);
    g_free(package->title);
    g_strfreev(package->channels);
    g_strfreev(package->assets);
    g_free(package);
}

/* True if the query has a row; NOT_FOUND with @what otherwise. */
static bool
need_row(Store *self, GError **error, const char *what, const char *sql, const char *key)
{
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, error, sql, "s", key);
    int more = stmt ? store_db_next(stmt, error) : -1;

    if (more == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no %s \"%s\"", what, key);
    return more == 1;
}

bool
store_private_need_package(Store *self, const char *id, GError **error)
{
    return need_row(self, error, "package", "SELECT 1 FROM packages WHERE id = ?", id);
}

static bool
need_channel(Store *self, const char *id, GError **error)
{
    return need_row(self, error, "channel", "SELECT 1 FROM channels WHERE id = ?", id);
}

bool
store_package_add(Store *self, const char *id, const char *title, GError **error)
{
    int changes = 0;
    bool ok;

    if (!store_id_is_valid(id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is no package id: 1 to 63 of a-z, 0-9 and -, not sdf, bc or mcf", id);
        return false;
    }
    if (!store_db_begin(self, error))
        return false;

    ok = store_db_run(self->db, &changes, error, "INSERT OR IGNORE INTO packages VALUES (?, ?)", "ss", id,
                      title && title[0] ? title : id);
    if (ok && changes == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "package %s exists already", id);
        ok = false;
    }
    return store_db_end(self, ok, error);
}

/* A film in no package is open to all with the default package, so a full package must not just vanish. */
static bool
check_removable(Store *self, const char *id, GError **error)
{
    g_autoptr(StoreStmt) stmt =
        store_db_query(self->db, error, "SELECT 1 FROM package_content WHERE package = ?", "s", id);
    int more = stmt ? store_db_next(stmt, error) : -1;

    if (more == 1)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "package %s still holds content", id);
    return more == 0;
}

bool
store_package_remove(Store *self, const char *id, GError **error)
{
    bool ok;

    if (g_str_equal(id, STORE_PACKAGE_DEFAULT)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "the default package stays");
        return false;
    }
    if (!store_db_begin(self, error))
        return false;

    ok = store_private_need_package(self, id, error) && check_removable(self, id, error) &&
         store_db_run(self->db, NULL, error, "DELETE FROM packages WHERE id = ?", "s", id);

    return store_db_end(self, ok, error);
}

bool
store_package_add_content(
    Store *self, const char *package, StoreContentKind kind, const char *id, GError **error)
{
    bool ok;

    if (!store_id_is_valid(id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "\"%s\" is no content id", id);
        return false;
    }
    if (!store_db_begin(self, error))
        return false;

    ok = store_private_need_package(self, package, error) &&
         (kind == STORE_ASSET || need_channel(self, id, error)) &&
         store_db_run(self->db, NULL, error, "INSERT OR IGNORE INTO package_content VALUES (?, ?, ?)", "sis",
                      package, (int64_t)kind, id);

    return store_db_end(self, ok, error);
}

bool
store_package_remove_content(
    Store *self, const char *package, StoreContentKind kind, const char *id, GError **error)
{
    bool ok;

    if (!store_db_begin(self, error))
        return false;

    ok = store_private_need_package(self, package, error) &&
         store_db_run(self->db, NULL, error,
                      "DELETE FROM package_content WHERE package = ? AND kind = ? AND content = ?", "sis",
                      package, (int64_t)kind, id);

    return store_db_end(self, ok, error);
}

static bool
need_user(Store *self, const char *impi, GError **error)
{
    return need_row(self, error, "user", "SELECT 1 FROM users WHERE impi = ?", impi);
}

static bool
change_grant(Store *self, const char *impi, const char *package, const char *sql, GError **error)
{
    bool ok;

    if (!store_db_begin(self, error))
        return false;

    ok = need_user(self, impi, error) && store_private_need_package(self, package, error) &&
         store_db_run(self->db, NULL, error, sql, "ss", impi, package);

    return store_db_end(self, ok, error);
}

bool
store_grant_add(Store *self, const char *impi, const char *package, GError **error)
{
    return change_grant(self, impi, package, "INSERT OR IGNORE INTO grants VALUES (?, ?)", error);
}

bool
store_grant_remove(Store *self, const char *impi, const char *package, GError **error)
{
    return change_grant(self, impi, package, "DELETE FROM grants WHERE impi = ? AND package = ?", error);
}

/* ---- contents and rights ---- */

static char **
contents(Store *self, const char *package, const char *sql, GError **error)
{
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, error, sql, "s", package);

    return stmt ? store_db_strings(stmt, error) : NULL;
}

static StorePackage *
package_of_row(Store *self, StoreStmt *stmt, GError **error)
{
    g_autoptr(StorePackage) package = g_new0(StorePackage, 1);

    package->id = g_strdup(store_db_text(stmt, 0));
    package->title = g_strdup(store_db_text(stmt, 1));
    package->channels = contents(self, package->id,
                                 "SELECT content FROM package_content JOIN channels ON channels.id = content "
                                 "WHERE package = ? AND kind = 0 ORDER BY lcn",
                                 error);
    if (!package->channels)
        return NULL;
    package->assets = contents(
        self, package->id,
        "SELECT content FROM package_content WHERE package = ? AND kind = 1 ORDER BY content", error);

    return package->assets ? g_steal_pointer(&package) : NULL;
}

static GPtrArray *
packages_of_query(Store *self, StoreStmt *stmt, GError **error)
{
    g_autoptr(GPtrArray) packages = g_ptr_array_new_with_free_func((GDestroyNotify)store_package_free);
    int more = -1;

    while (stmt && (more = store_db_next(stmt, error)) == 1) {
        StorePackage *package = package_of_row(self, stmt, error);

        if (!package)
            return NULL;
        g_ptr_array_add(packages, package);
    }
    return more == 0 ? g_steal_pointer(&packages) : NULL;
}

GPtrArray *
store_package_list(Store *self, GError **error)
{
    g_autoptr(StoreStmt) stmt =
        store_db_query(self->db, error, "SELECT id, title FROM packages ORDER BY id", "");

    return packages_of_query(self, stmt, error);
}

GPtrArray *
store_rights_packages(Store *self, const char *impu, GError **error)
{
    g_autoptr(StoreUser) user = store_user_get_by_impu(self, impu, error);
    g_autoptr(StoreStmt) stmt = NULL;

    if (!user)
        return NULL;

    stmt = store_db_query(
        self->db, error,
        "SELECT id, title FROM packages JOIN grants ON package = id WHERE impi = ? ORDER BY id", "s",
        user->impi);
    return packages_of_query(self, stmt, error);
}

/* ?1 user, ?2 kind, ?3 content */
static const char granted_sql[] =
    "SELECT 1 FROM grants JOIN package_content USING (package) WHERE impi = ?1 AND kind = ?2 AND content = "
    "?3 "
    "UNION SELECT 1 FROM grants WHERE ?2 = 1 AND impi = ?1 AND package = '" STORE_PACKAGE_DEFAULT "' "
    "AND NOT EXISTS (SELECT 1 FROM package_content WHERE kind = ?2 AND content = ?3)";

bool
store_rights_check(Store *self, const char *impu, StoreContentKind kind, const char *id, GError **error)
{
    g_autoptr(StoreUser) user = store_user_get_by_impu(self, impu, error);
    g_autoptr(StoreStmt) stmt = NULL;
    int more;

    if (!user || (kind == STORE_CHANNEL && !need_channel(self, id, error)))
        return false;

    stmt = store_db_query(self->db, error, granted_sql, "sis", user->impi, (int64_t)kind, id);
    more = stmt ? store_db_next(stmt, error) : -1;
    if (more == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "%s \"%s\" is in no package of %s",
                    kind == STORE_CHANNEL ? "channel" : "film", id, user->impu);
    return more == 1;
}
