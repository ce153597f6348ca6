#include <string.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/store/store-db.h"
#include "lib/store/store-private.h"

#define MAX_NAME_LENGTH 64
#define MAX_REALM_LENGTH 253

void
store_user_free(StoreUser *user)
{
    if (!user)
        return;

    g_free(user->impi);
    g_free(user->impu);
    g_free(user->realm);
    g_free(user->ha1);
    g_strfreev(user->packages);
    g_free(user);
}

static bool
is_name(const char *text, size_t max_length)
{
    size_t length = strlen(text);

    return length > 0 && length <= max_length &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+") == length;
}

static char *
make_ha1(const char *impi, const char *realm, const char *password)
{
    g_autofree char *secret = g_strdup_printf("%s:%s:%s", impi, realm, password);

    return g_compute_checksum_for_string(G_CHECKSUM_MD5, secret, -1);
}

static bool
check_password(const char *password, GError **error)
{
    if (password && password[0])
        return true;

    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "the password is empty");
    return false;
}

static bool
check_new_user(Store *self, const char *name, const char *realm, const char *password, GError **error)
{
    g_autofree char *impi = g_strdup_printf("%s@%s", name, realm);
    g_autoptr(StoreUser) present = NULL;

    if (!is_name(name, MAX_NAME_LENGTH) || !is_name(realm, MAX_REALM_LENGTH)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is no user name: letters, digits and -_.+ are allowed", impi);
        return false;
    }
    if (!check_password(password, error))
        return false;

    present = store_user_get(self, impi, NULL);
    if (present)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "user %s exists already", impi);
    return !present;
}

static bool
insert_user(Store *self, const char *name, const char *realm, const char *password, GError **error)
{
    g_autofree char *impi = g_strdup_printf("%s@%s", name, realm);
    g_autofree char *impu = g_strdup_printf("sip:%s", impi);
    g_autofree char *ha1 = make_ha1(impi, realm, password);

    return store_db_run(self->db, NULL, error, "INSERT INTO users VALUES (?, ?, ?, ?, ?)", "ssssi", impi,
                        impu, realm, ha1, (int64_t)time(NULL));
}

static bool
insert_grants(Store *self, const char *impi, const char *const *packages, GError **error)
{
    for (unsigned i = 0; packages[i]; i++) {
        if (!store_private_need_package(self, packages[i], error) ||
            !store_db_run(self->db, NULL, error, "INSERT OR IGNORE INTO grants VALUES (?, ?)", "ss", impi,
                          packages[i]))
            return false;
    }
    return true;
}

bool
store_user_add(Store *self,
               const char *name,
               const char *realm,
               const char *password,
               const char *const *packages,
               GError **error)
{
    static const char *const default_packages[] = {STORE_PACKAGE_DEFAULT, NULL};
    g_autofree char *impi = g_strdup_printf("%s@%s", name, realm);
    bool ok;

    if (!store_db_begin(self, error))
        return false;

    ok = check_new_user(self, name, realm, password, error) &&
         insert_user(self, name, realm, password, error) &&
         insert_grants(self, impi, packages ? packages : default_packages, error);

    return store_db_end(self, ok, error);
}

static bool
change_user(Store *self, const char *impi, const char *sql, const char *value, GError **error)
{
    int changes = 0;
    bool ok;

    if (!store_db_begin(self, error))
        return false;

    ok = store_db_run(self->db, &changes, error, sql, value ? "ss" : "s", impi, value);
    if (ok && changes == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no user \"%s\"", impi);
        ok = false;
    }
    return store_db_end(self, ok, error);
}

bool
store_user_remove(Store *self, const char *impi, GError **error)
{
    return change_user(self, impi, "DELETE FROM users WHERE impi = ?", NULL, error);
}

bool
store_user_set_password(Store *self, const char *impi, const char *password, GError **error)
{
    g_autofree char *ha1 = NULL;
    const char *at = strrchr(impi, '@');

    if (!check_password(password, error))
        return false;

    ha1 = make_ha1(impi, at ? at + 1 : "", password);
    return change_user(self, impi, "UPDATE users SET ha1 = ?2 WHERE impi = ?1", ha1, error);
}

static bool
load_packages(Store *self, StoreUser *user, GError **error)
{
    g_autoptr(StoreStmt) stmt = store_db_query(
        self->db, error, "SELECT package FROM grants WHERE impi = ? ORDER BY package", "s", user->impi);

    if (stmt)
        user->packages = store_db_strings(stmt, error);
    return user->packages != NULL;
}

static StoreUser *
user_of_row(Store *self, StoreStmt *stmt, GError **error)
{
    g_autoptr(StoreUser) user = g_new0(StoreUser, 1);

    user->impi = g_strdup(store_db_text(stmt, 0));
    user->impu = g_strdup(store_db_text(stmt, 1));
    user->realm = g_strdup(store_db_text(stmt, 2));
    user->ha1 = g_strdup(store_db_text(stmt, 3));
    user->created = sqlite3_column_int64(stmt, 4);

    return load_packages(self, user, error) ? g_steal_pointer(&user) : NULL;
}

static StoreUser *
get_user(Store *self, const char *sql, const char *key, GError **error)
{
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, error, sql, "s", key);
    int more = stmt ? store_db_next(stmt, error) : -1;

    if (more == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no user \"%s\"", key);
    return more == 1 ? user_of_row(self, stmt, error) : NULL;
}

StoreUser *
store_user_get(Store *self, const char *impi, GError **error)
{
    return get_user(self, "SELECT impi, impu, realm, ha1, created FROM users WHERE impi = ?", impi, error);
}

/* "sip:Demo@Imstv.test:5060;user=phone?x=y" -> "sip:Demo@imstv.test": the user part keeps its case, RFC
 * 3261 19.1.4 */
char *
store_private_canonical_impu(const char *impu)
{
    bool has_scheme = g_ascii_strncasecmp(impu, "sip:", 4) == 0;
    bool is_other = !has_scheme && (g_ascii_strncasecmp(impu, "tel:", 4) == 0 || !strchr(impu, '@'));
    g_autofree char *address = g_strdup(has_scheme ? impu + 4 : impu);
    char *host;

    if (is_other)
        return g_strdup(impu);

    host = strchr(address, '@');
    host = host ? host + 1 : address;
    host[strcspn(host, ";?>:")] = '\0';
    for (char *c = host; *c; c++)
        *c = g_ascii_tolower(*c);

    return g_strconcat("sip:", address, NULL);
}

StoreUser *
store_user_get_by_impu(Store *self, const char *impu, GError **error)
{
    g_autofree char *canonical = store_private_canonical_impu(impu);

    return get_user(self, "SELECT impi, impu, realm, ha1, created FROM users WHERE impu = ?", canonical,
                    error);
}

GPtrArray *
store_user_list(Store *self, GError **error)
{
    g_autoptr(GPtrArray) users = g_ptr_array_new_with_free_func((GDestroyNotify)store_user_free);
    g_autoptr(StoreStmt) stmt = store_db_query(
        self->db, error, "SELECT impi, impu, realm, ha1, created FROM users ORDER BY impi", "");
    int more = -1;

    while (stmt && (more = store_db_next(stmt, error)) == 1) {
        StoreUser *user = user_of_row(self, stmt, error);

        if (!user)
            return NULL;
        g_ptr_array_add(users, user);
    }
    return more == 0 ? g_steal_pointer(&users) : NULL;
}
