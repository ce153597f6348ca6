#include "lib/base/trace.h"

#include "lib/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX_BYTES (64 * 1024)

static _Atomic bool enabled;

void
base_trace_enable(bool on)
{
    atomic_store(&enabled, on);
}

bool
base_trace_enabled(void)
{
    return atomic_load_explicit(&enabled, memory_order_relaxed);
}

/* Each takes away one kind of secret and leaves group 1. Digest user names, nonces and session ids
 * stay: without them a call cannot be followed. */
static const char *const secrets[] = {
    "(ice-pwd:)[A-Za-z0-9+/]+",
    "((?i:bearer)\\s+(?:access_token=\"?)?)[A-Za-z0-9._~+/=-]+",
    "(\\bresponse\\\\?\"?\\s*[=:]\\s*\\\\?\"?)[0-9A-Fa-f]{16,}",
    "(\"(?:password|ha1|token|secret|access_token)\"\\s*:\\s*\")[^\"]*",
    "([?&](?:token|access_token)=)[^&\\s]*",
};

char *
base_trace_redact(const char *text, gssize length)
{
    g_autofree char *clean = g_strndup(text, length < 0 ? strlen(text) : (gsize)length);

    for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
        /* RAW: a message may hold bytes that are not UTF-8 */
        g_autoptr(GRegex) regex = g_regex_new(secrets[i], G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
        char *replaced;

        g_assert(regex != NULL);
        replaced = g_regex_replace(regex, clean, -1, 0, "\\1***", 0, NULL);
        if (replaced != NULL) {
            g_free(clean);
            clean = replaced;
        }
    }
    return g_steal_pointer(&clean);
}

static void
append_line(GString *out, const char *line, size_t length)
{
    g_string_append(out, "    ");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)line[i];

        if (c == '\r')
            continue;
        if (c < 0x20 && c != '\t')
            g_string_append_printf(out, "\\x%02x", c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '\n');
}

static void
append_text(GString *out, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        append_line(out, text, length);
        text += length;
        if (*text == '\n')
            text++;
    }
}

void
base_trace(const char *reference_point,
           bool sent,
           const char *peer,
           const char *session_id,
           const char *summary,
           const char *text,
           gssize length)
{
    g_autoptr(GDateTime) now = NULL;
    g_autofree char *when = NULL;
    g_autofree char *first = NULL;
    g_autoptr(GString) out = NULL;

    if (!base_trace_enabled())
        return;

    now = g_date_time_new_now_utc();
    when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    first = base_trace_redact(summary, (gssize)strcspn(summary, "\r\n"));
    out = g_string_new(NULL);
    g_string_append_printf(
        out, "TRACE %s.%06dZ %s %s %s %s session=%s %s\n", when, g_date_time_get_microsecond(now),
        g_get_prgname() != NULL ? g_get_prgname() : "imstv", reference_point, sent ? ">" : "<",
        peer != NULL ? peer : "-", session_id != NULL && *session_id != '\0' ? session_id : "-", first);
    if (text != NULL) {
        gssize whole = length < 0 ? (gssize)strlen(text) : length;
        g_autofree char *clean = base_trace_redact(text, MIN(whole, TEXT_MAX_BYTES));

        append_text(out, clean);
    }
    fwrite(out->str, 1, out->len, stderr); /* one call: lines of two threads do not mix */
    fflush(stderr);
}
