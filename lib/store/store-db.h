/* lib/store/store-db.h - the SQLite connection behind lib/store; private to that folder. */
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "lib/store/store.h"

struct Store {
    sqlite3 *db;
    sqlite3 *state_db;    /* opened at the first use of the state table */
    char *state_dir;      /* of the headend */
    unsigned nesting;     /* of transactions */
    bool changed_here;    /* committed on this connection, watchers not told yet */
    int64_t data_version; /* of the other connections, as last seen */
    GArray *watches;      /* of StoreWatch */
    unsigned next_watch_id;
    guint timer;            /* runs while there are watches */
    int64_t state_swept_us; /* when lapsed state was last removed, monotonic */
};

typedef sqlite3_stmt StoreStmt;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreStmt, sqlite3_finalize)

/* Opens a database file that only its owner can read, in WAL mode. */
sqlite3 *store_db_open(const char *path, const char *synchronous, GError **error);
bool store_db_script(sqlite3 *db, const char *sql, GError **error);

/* A statement with its values bound. @types: one letter per value: 's' const char * (may be NULL), 'i'
 * int64_t, 'b' GBytes *. Free with sqlite3_finalize (g_autoptr). */
StoreStmt *store_db_query(sqlite3 *db, GError **error, const char *sql, const char *types, ...);
/* 1: a row is there, 0: no more, -1: error. */
int store_db_next(StoreStmt *stmt, GError **error);
/* Runs a statement to its end; @ret_changes may be NULL. */
bool store_db_run(sqlite3 *db, int *ret_changes, GError **error, const char *sql, const char *types, ...);
/* Text of a column, "" for NULL. */
const char *store_db_text(StoreStmt *stmt, int column);
/* The first column of all rows as a NULL-ended vector. (transfer full) */
char **store_db_strings(StoreStmt *stmt, GError **error);

/* Transactions; end commits if @ok, else rolls back, and returns whether the change is now durable. */
bool store_db_begin(Store *self, GError **error);
bool store_db_end(Store *self, bool ok, GError **error);
