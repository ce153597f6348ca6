#include <string.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/store/store-db.h"
#include "lib/store/store-private.h"

#define MAX_INPUTS 8
#define MAX_INPUT_LENGTH 1024
#define MAX_TITLE_LENGTH 200
#define MAX_LCN 9999

#define SELECT_CHANNELS                                                                                      \
    "SELECT id, title, lcn, inputs, created, (SELECT package FROM package_content "                          \
    "WHERE kind = 0 AND content = channels.id ORDER BY rowid LIMIT 1) FROM channels "

void
store_channel_free(StoreChannel *channel)
{
    if (!channel)
        return;

    g_free(channel->id);
    g_free(channel->title);
    g_free(channel->package);
    g_strfreev(channel->inputs);
    g_free(channel);
}

static bool
is_line(const char *text, size_t max_length)
{
    if (strlen(text) > max_length || !g_utf8_validate(text, -1, NULL))
        return false;
    for (; *text; text++) {
        if (g_ascii_iscntrl(*text))
            return false;
    }
    return true;
}

static bool
check_inputs(const StoreChannel *channel, GError **error)
{
    unsigned n = channel->inputs ? g_strv_length(channel->inputs) : 0;

    if (n == 0 || n > MAX_INPUTS) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "channel %s needs 1 to %d inputs, not %u",
                    channel->id, MAX_INPUTS, n);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!is_line(channel->inputs[i], MAX_INPUT_LENGTH) || !strstr(channel->inputs[i], "://")) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "input %u of channel %s is no URL",
                        i + 1, channel->id);
            return false;
        }
    }
    return true;
}

static bool
check_channel(const StoreChannel *channel, GError **error)
{
    if (!channel->id || !store_id_is_valid(channel->id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is no channel id: 1 to 63 of a-z, 0-9 and -, not sdf, bc or mcf",
                    channel->id ? channel->id : "");
        return false;
    }
    if (channel->lcn > MAX_LCN) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "channel number %u is not in 1..%d",
                    channel->lcn, MAX_LCN);
        return false;
    }
    if (channel->title && !is_line(channel->title, MAX_TITLE_LENGTH)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "the title of channel %s is too long or has control characters", channel->id);
        return false;
    }
    return check_inputs(channel, error);
}

/* The id of the channel that has the number or the id, NULL if both are free. */
static bool
check_free(Store *self, const StoreChannel *channel, GError **error)
{
    g_autoptr(StoreStmt) stmt =
        store_db_query(self->db, error, "SELECT id FROM channels WHERE id = ? OR lcn = ?", "si", channel->id,
                       (int64_t)channel->lcn);
    int more = stmt ? store_db_next(stmt, error) : -1;

    if (more == 1 && g_str_equal(store_db_text(stmt, 0), channel->id))
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "channel %s exists already", channel->id);
    else if (more == 1)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "number %u belongs to channel %s",
                    channel->lcn, store_db_text(stmt, 0));
    return more == 0;
}

static bool
insert_channel(Store *self, const StoreChannel *channel, GError **error)
{
    g_autofree char *inputs = g_strjoinv("\n", channel->inputs);
    const char *title = channel->title && channel->title[0] ? channel->title : channel->id;

    return store_db_run(self->db, NULL, error,
                        "INSERT INTO channels VALUES (?1, ?2, CASE ?3 WHEN 0 THEN "
                        "(SELECT ifnull(max(lcn), 0) + 1 FROM channels) ELSE ?3 END, ?4, ?5)",
                        "ssisi", channel->id, title, (int64_t)channel->lcn, inputs, (int64_t)time(NULL));
}

bool
store_channel_add(Store *self, const StoreChannel *channel, GError **error)
{
    const char *package = channel->package ? channel->package : STORE_PACKAGE_DEFAULT;
    bool ok;

    if (!check_channel(channel, error) || !store_db_begin(self, error))
        return false;

    ok = store_private_need_package(self, package, error) && check_free(self, channel, error) &&
         insert_channel(self, channel, error) &&
         store_db_run(self->db, NULL, error, "INSERT OR IGNORE INTO package_content VALUES (?, 0, ?)", "ss",
                      package, channel->id);

    return store_db_end(self, ok, error);
}

bool
store_channel_remove(Store *self, const char *id, GError **error)
{
    int changes = 0;
    bool ok;

    if (!store_db_begin(self, error))
        return false;

    ok = store_db_run(self->db, NULL, error, "DELETE FROM package_content WHERE kind = 0 AND content = ?",
                      "s", id) &&
         store_db_run(self->db, &changes, error, "DELETE FROM channels WHERE id = ?", "s", id);
    if (ok && changes == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no channel \"%s\"", id);
        ok = false;
    }
    return store_db_end(self, ok, error);
}

static StoreChannel *
channel_of_row(StoreStmt *stmt)
{
    StoreChannel *channel = g_new0(StoreChannel, 1);

    channel->id = g_strdup(store_db_text(stmt, 0));
    channel->title = g_strdup(store_db_text(stmt, 1));
    channel->lcn = (unsigned)sqlite3_column_int64(stmt, 2);
    channel->inputs = g_strsplit(store_db_text(stmt, 3), "\n", MAX_INPUTS);
    channel->created = sqlite3_column_int64(stmt, 4);
    channel->package = g_strdup(store_db_text(stmt, 5));

    return channel;
}

StoreChannel *
store_channel_get(Store *self, const char *id, GError **error)
{
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, error, SELECT_CHANNELS "WHERE id = ?", "s", id);
    int more = stmt ? store_db_next(stmt, error) : -1;

    if (more == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no channel \"%s\"", id);
    return more == 1 ? channel_of_row(stmt) : NULL;
}

GPtrArray *
store_channel_list(Store *self, GError **error)
{
    g_autoptr(GPtrArray) channels = g_ptr_array_new_with_free_func((GDestroyNotify)store_channel_free);
    g_autoptr(StoreStmt) stmt = store_db_query(self->db, error, SELECT_CHANNELS "ORDER BY lcn", "");
    int more = -1;

    while (stmt && (more = store_db_next(stmt, error)) == 1)
        g_ptr_array_add(channels, channel_of_row(stmt));

    return more == 0 ? g_steal_pointer(&channels) : NULL;
}
