#include "lib/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LINES_PER_SECOND 10
#define SITES_MAX 1024 /* call sites are ours, so the table is bounded by the code; the cap is for safety */
#define LINE_MAX_BYTES 2048

typedef struct {
    int64_t second;
    unsigned lines;
    unsigned left_out;
} Site;

/* The one process-wide state besides metrics: standard error is one, too. */
static struct {
    GMutex lock;
    char daemon[32];
    _Atomic int lowest;
    GHashTable *sites; /* site (static string) -> Site */
} log_state = {.daemon = "imstv", .lowest = BASE_LOG_INFO};

static const char *const level_names[] = {"ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"};

void
base_log_init(const char *daemon_name, BaseLogLevel lowest)
{
    g_mutex_lock(&log_state.lock);
    g_strlcpy(log_state.daemon, daemon_name, sizeof log_state.daemon);
    g_mutex_unlock(&log_state.lock);
    atomic_store(&log_state.lowest, (int)lowest);
}

bool
base_log_enabled(BaseLogLevel level)
{
    return (int)level <= atomic_load_explicit(&log_state.lowest, memory_order_relaxed);
}

/* True if a line of @site may go out now; @ret_left_out: how many did not since the last one. */
static bool
take_turn(const char *site, unsigned *ret_left_out)
{
    int64_t second = g_get_monotonic_time() / G_USEC_PER_SEC;
    Site *entry;

    *ret_left_out = 0;
    if (log_state.sites == NULL)
        log_state.sites = g_hash_table_new(g_str_hash, g_str_equal);
    entry = g_hash_table_lookup(log_state.sites, site);
    if (entry == NULL) {
        if (g_hash_table_size(log_state.sites) >= SITES_MAX)
            return true;
        entry = g_new0(Site, 1);
        g_hash_table_insert(log_state.sites, (gpointer)site, entry);
    }
    if (entry->second != second) {
        entry->second = second;
        entry->lines = 0;
        *ret_left_out = entry->left_out;
        entry->left_out = 0;
    }
    if (entry->lines >= LINES_PER_SECOND) {
        entry->left_out++;
        return false;
    }
    entry->lines++;
    return true;
}

/* Foreign text must not be able to forge lines. */
static void
append_escaped(GString *line, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0' && line->len < LINE_MAX_BYTES;
         c++) {
        if (*c == '\n')
            g_string_append(line, "\\n");
        else if (*c == '\r')
            g_string_append(line, "\\r");
        else if (*c < 0x20 || *c == 0x7f)
            g_string_append_printf(line, "\\x%02x", *c);
        else
            g_string_append_c(line, (char)*c);
    }
}

static void
append_field(GString *line, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    g_string_append_printf(line, " %s=", name);
    append_escaped(line, value);
}

static void
write_line(BaseLogLevel level, const BaseLogFields *fields, const char *text, unsigned left_out)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    g_autoptr(GString) line = g_string_new(NULL);

    g_string_append_printf(line, "%s.%03dZ %s %s", when, g_date_time_get_microsecond(now) / 1000,
                           level_names[level], log_state.daemon);
    if (fields != NULL) {
        append_field(line, "session", fields->session);
        append_field(line, "call", fields->call_id);
        append_field(line, "channel", fields->channel);
        append_field(line, "user", fields->user);
    }
    g_string_append(line, ": ");
    append_escaped(line, text);
    if (left_out > 0)
        g_string_append_printf(line, " (%u like this left out)", left_out);
    g_string_append_c(line, '\n');
    fwrite(line->str, 1, line->len, stderr);
    fflush(stderr);
}

void
base_log_write(BaseLogLevel level, const char *site, const BaseLogFields *fields, const char *format, ...)
{
    g_autofree char *text = NULL;
    unsigned left_out = 0;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    g_mutex_lock(&log_state.lock);
    if (level == BASE_LOG_ERROR || level == BASE_LOG_DEBUG || take_turn(site, &left_out))
        write_line(level, fields, text, left_out);
    g_mutex_unlock(&log_state.lock);
}
