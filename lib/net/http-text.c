#include "lib/net/http-text.h"

#include <string.h>

#include "lib/base/trace.h"

#define MAX_TRACED_BODY (64 * 1024)

static const char *const text_types[] = {"text/",           "application/json", "application/problem+json",
                                         "application/sdp", "application/xml",  "application/vnd.etsi"};

static bool
is_text(const NetHttpText *text)
{
    const char *type = soup_message_headers_get_one(text->headers, "Content-Type");

    for (unsigned i = 0; type && i < G_N_ELEMENTS(text_types); i++) {
        if (g_ascii_strncasecmp(type, text_types[i], strlen(text_types[i])) == 0)
            return text->body_bytes <= MAX_TRACED_BODY &&
                   g_utf8_validate_len(text->body, text->body_bytes, NULL);
    }
    return false;
}

static void
append_header(const char *name, const char *value, gpointer user_data)
{
    g_string_append_printf(user_data, "%s: %s\r\n", name, value);
}

void
net_http_trace(
    const char *reference_point, bool sent, const char *peer, const char *session_id, const NetHttpText *text)
{
    g_autoptr(GString) all = NULL;
    g_autofree char *summary = NULL;

    if (!base_trace_enabled())
        return;

    summary = text->method ? g_strdup_printf("%s %s HTTP/1.1", text->method, text->target)
                           : g_strdup_printf("HTTP/1.1 %d %s", text->status,
                                             soup_status_get_phrase((guint)text->status));
    all = g_string_new(NULL);
    g_string_append_printf(all, "%s\r\n", summary);
    soup_message_headers_foreach(text->headers, append_header, all);
    g_string_append(all, "\r\n");
    if (text->body_bytes && is_text(text))
        g_string_append_len(all, text->body, (gssize)text->body_bytes);
    else if (text->body_bytes)
        g_string_append_printf(all, "(%zu bytes)", text->body_bytes);

    base_trace(reference_point, sent, peer, session_id, summary, all->str, (gssize)all->len);
}

void
net_http_trace_note(const char *reference_point, const char *peer, const char *session_id, const char *note)
{
    base_trace(reference_point, false, peer ? peer : "-", session_id, note, NULL, 0);
}

bool
net_http_is_header_value(const char *value)
{
    for (; *value; value++) {
        if (g_ascii_iscntrl(*value) && *value != '\t')
            return false;
    }
    return true;
}

bool
net_http_is_type(const char *value, const char *type)
{
    size_t length = strlen(type);

    if (!value || g_ascii_strncasecmp(value, type, length) != 0)
        return false;
    value += length;
    value += strspn(value, " \t");
    return *value == '\0' || *value == ';';
}

char *
net_http_target(GUri *uri)
{
    const char *query = g_uri_get_query(uri);

    return g_strconcat(g_uri_get_path(uri), query ? "?" : "", query, NULL);
}
