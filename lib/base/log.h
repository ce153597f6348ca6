/* lib/base/log.h - one line per event on standard error, with the call it belongs to.
 *
 * The layer that decides logs, once. Levels: ERROR needs a person; WARNING degraded; NOTICE start
 * and stop; INFO one line per session event; DEBUG messages and state transitions. Lines of one
 * call site are limited to 10 a second (WARNING and below); what was left out is counted and said.
 * Control characters of foreign text are escaped. Thread: any. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    BASE_LOG_ERROR,
    BASE_LOG_WARNING,
    BASE_LOG_NOTICE,
    BASE_LOG_INFO,
    BASE_LOG_DEBUG,
} BaseLogLevel;

/* What the line is about; each may be NULL. Borrowed for the call. */
typedef struct {
    const char *session; /* RFC 7989 Session-ID (local UUID, 32 hex) that follows a call everywhere */
    const char *call_id; /* SIP Call-ID, or the W2, Xp or RTSP session where there is no SIP */
    const char *channel; /* channel or asset id */
    const char *user;    /* public identity */
} BaseLogFields;

void base_log_init(const char *daemon_name, BaseLogLevel lowest);
bool base_log_enabled(BaseLogLevel level);

void
base_log_write(BaseLogLevel level, const char *site, const BaseLogFields *fields, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

#define BASE_LOG_SITE_ __FILE__ ":" G_STRINGIFY(__LINE__)
/* @fields may be NULL. */
#define base_log(level, fields, ...)                                                                         \
    do {                                                                                                     \
        if (base_log_enabled(level))                                                                         \
            base_log_write(level, BASE_LOG_SITE_, fields, __VA_ARGS__);                                      \
    } while (0)
#define base_error(fields, ...) base_log(BASE_LOG_ERROR, fields, __VA_ARGS__)
#define base_warning(fields, ...) base_log(BASE_LOG_WARNING, fields, __VA_ARGS__)
#define base_notice(fields, ...) base_log(BASE_LOG_NOTICE, fields, __VA_ARGS__)
#define base_info(fields, ...) base_log(BASE_LOG_INFO, fields, __VA_ARGS__)
#define base_debug(fields, ...) base_log(BASE_LOG_DEBUG, fields, __VA_ARGS__)
