/* lib/store/store.h - subscribers, packages, grants and channels of the headend, and the state that outlives
 * a process. Several processes share one store: every change is one transaction, durable when the call
 * returns true, and noticed by the others within 250 ms.
 *
 * One machine: SQLite in WAL mode, <state>/imstv.db; the state table in a file of its own,
 * <state>/run/state.db. All calls are short and made on the main thread. Errors, unless said otherwise:
 * UNAVAILABLE if the file cannot be opened, read or written (full disk, locked for over 5 s), INTERNAL if it
 * is damaged. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;

#define STORE_PACKAGE_DEFAULT "basic"

/* Opens, and if needed makes, the store in @state_dir (made if missing). */
Store *store_open(const char *state_dir, GError **error);
void store_free(Store *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* True for what may name an asset, a channel or a package: ^[a-z0-9][a-z0-9-]{0,62}$, and none of the
 * reserved words sdf, bc, mcf. */
bool store_id_is_valid(const char *id);

/* ---- users ---- */

typedef struct {
    char *impi;      /* private identity: demo@imstv.test */
    char *impu;      /* public identity: sip:demo@imstv.test */
    char *realm;     /* imstv.test */
    char *ha1;       /* MD5(impi:realm:password), 32 hex digits: a secret, never logged */
    char **packages; /* granted, sorted, NULL-ended */
    int64_t created; /* seconds since 1970 */
} StoreUser;

void store_user_free(StoreUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreUser, store_user_free)

/* Adds user @name (without domain) of @realm with grants for @packages (NULL: the default package).
 * Errors: INVALID_ARGUMENT for a bad or taken name or an empty password; NOT_FOUND for a missing package. */
bool store_user_add(Store *self,
                    const char *name,
                    const char *realm,
                    const char *password,
                    const char *const *packages,
                    GError **error);
/* Errors: NOT_FOUND. */
bool store_user_remove(Store *self, const char *impi, GError **error);
/* Errors: INVALID_ARGUMENT, NOT_FOUND. */
bool store_user_set_password(Store *self, const char *impi, const char *password, GError **error);
/* (transfer full) Errors: NOT_FOUND. */
StoreUser *store_user_get(Store *self, const char *impi, GError **error);
/* By public identity; parameters and headers of the URI do not count. (transfer full) Errors: NOT_FOUND. */
StoreUser *store_user_get_by_impu(Store *self, const char *impu, GError **error);
/* All users, sorted by impi. (transfer container: free with g_ptr_array_unref) (element StoreUser) */
GPtrArray *store_user_list(Store *self, GError **error);

/* ---- channels ---- */

typedef struct {
    char *id;
    char *title;
    unsigned lcn;    /* logical channel number, unique, from 1 */
    char *package;   /* the first package it is in ("" for none); more by store_package_add_content */
    char **inputs;   /* URLs in order of preference, NULL-ended: udp://239.1.1.1:5000 */
    int64_t created; /* seconds since 1970 */
} StoreChannel;

void store_channel_free(StoreChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreChannel, store_channel_free)

/* Adds a channel. @channel: title NULL or empty: the id; lcn 0: the next free; package NULL: the default
 * package; created is ignored. Errors: INVALID_ARGUMENT for a bad or taken id or number, no or too many (8)
 * inputs; NOT_FOUND for a missing package. */
bool store_channel_add(Store *self, const StoreChannel *channel, GError **error);
/* Errors: NOT_FOUND. */
bool store_channel_remove(Store *self, const char *id, GError **error);
/* (transfer full) Errors: NOT_FOUND. */
StoreChannel *store_channel_get(Store *self, const char *id, GError **error);
/* All channels, sorted by number. (transfer container) (element StoreChannel) */
GPtrArray *store_channel_list(Store *self, GError **error);

/* ---- packages and rights ---- */

/* What a package holds and a grant opens. A film that is in no package belongs to the default package. */
typedef enum {
    STORE_CHANNEL,
    STORE_ASSET,
} StoreContentKind;

typedef struct {
    char *id;
    char *title;
    char **channels; /* ids in order of number, NULL-ended */
    char **assets;   /* ids, sorted, NULL-ended; without those that are in no package */
} StorePackage;

void store_package_free(StorePackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StorePackage, store_package_free)

/* Errors: INVALID_ARGUMENT for a bad or taken id. @title: NULL: the id. */
bool store_package_add(Store *self, const char *id, const char *title, GError **error);
/* Its channels and films stay; grants of it go. Errors: NOT_FOUND; INVALID_ARGUMENT for the default package.
 */
bool store_package_remove(Store *self, const char *id, GError **error);
/* All packages, sorted by id. (transfer container) (element StorePackage) */
GPtrArray *store_package_list(Store *self, GError **error);
/* Both are content to find it done already. Errors: NOT_FOUND for a missing package or channel;
 * INVALID_ARGUMENT. */
bool store_package_add_content(
    Store *self, const char *package, StoreContentKind kind, const char *id, GError **error);
bool store_package_remove_content(
    Store *self, const char *package, StoreContentKind kind, const char *id, GError **error);

/* Both are content to find it done already. Errors: NOT_FOUND for a missing user or package. */
bool store_grant_add(Store *self, const char *impi, const char *package, GError **error);
bool store_grant_remove(Store *self, const char *impi, const char *package, GError **error);

/* May this user watch it? True, or false with error FORBIDDEN; NOT_FOUND if the user is unknown. Whether the
 * content exists is another question, except for a channel: NOT_FOUND.
 * @impu: as in store_user_get_by_impu. */
bool store_rights_check(Store *self, const char *impu, StoreContentKind kind, const char *id, GError **error);
/* The granted packages of a user, with all their content. (transfer container) (element StorePackage)
 * Errors: NOT_FOUND. */
GPtrArray *store_rights_packages(Store *self, const char *impu, GError **error);

/* ---- changes ---- */

/* Something in users, channels, packages or grants has changed, here or in another process. Which: look. */
typedef void (*StoreChanged)(void *user_data);
/* Returns an id for store_unwatch. The callback comes from the main loop, within 250 ms. */
unsigned store_watch(Store *self, StoreChanged changed, void *user_data);
void store_unwatch(Store *self, unsigned id);

/* ---- state that outlives a process (W2 sessions, registrations): small values by kind and key ---- */

/* Key: a channel whose input gets nothing usable. Written by the MDF as long as it is so, for the SSF. */
#define STORE_STATE_NO_SIGNAL "no-signal"

/* @value: at most 1 MiB. @lifetime_s: forgotten after that time; 0: never. Not a reason for StoreChanged.
 * Survives the death of the process, not necessarily of the machine. */
bool store_state_put(
    Store *self, const char *kind, const char *key, GBytes *value, int64_t lifetime_s, GError **error);
/* (transfer full) Errors: NOT_FOUND. */
GBytes *store_state_get(Store *self, const char *kind, const char *key, GError **error);
/* Removing what is not there is no error. */
bool store_state_remove(Store *self, const char *kind, const char *key, GError **error);
/* The keys of a kind that have not lapsed. (transfer full) */
char **store_state_keys(Store *self, const char *kind, GError **error);
