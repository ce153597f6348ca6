#include "lib/proto/json-print.h"

#include <string.h>

/* Returns the end of the string that begins at @at, a quote. */
static const char *
skip_string(const char *at)
{
    for (at++; *at != '\0' && *at != '"'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

/* The shortest of the usual lengths that is the same number. */
static void
append_number(GString *out, const char *text, size_t length)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    double value = g_ascii_strtod(text, NULL);

    g_ascii_formatd(buffer, sizeof buffer, "%.15g", value);
    if (memchr(text, '.', length) == NULL || g_ascii_strtod(buffer, NULL) != value) {
        g_string_append_len(out, text, (gssize)length);
        return;
    }
    g_string_append(out, buffer);
    if (strpbrk(buffer, ".e") == NULL)
        g_string_append(out, ".0"); /* a number with a fraction stays one */
}

char *
proto_json_print(JsonNode *root, bool pretty)
{
    g_autofree char *text = json_to_string(root, pretty);
    GString *out = g_string_new(NULL);
    const char *at = text;

    while (*at != '\0') {
        size_t length = strspn(at, "+-.0123456789eE");
        const char *end = *at == '"' ? skip_string(at) : at + 1;

        if (g_ascii_isdigit(*at) || *at == '-') {
            append_number(out, at, length);
            at += length;
            continue;
        }
        g_string_append_len(out, at, end - at);
        at = end;
    }
    return g_string_free(out, FALSE);
}
