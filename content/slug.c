#include "content/slug.h"

#include "lib/base/error.h"

#include <string.h>

enum { ID_MAX = 63, TITLE_MAX = 200 };

static bool
is_reserved(const char *id)
{
    static const char *const reserved[] = {"sdf", "bc", "mcf", NULL}; /* public service identities */

    return g_strv_contains(reserved, id);
}

bool
content_id_check(const char *id, GError **error)
{
    size_t length = strlen(id);

    if (length == 0 || length > ID_MAX || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != length ||
        id[0] == '-') {
        g_autofree char *quoted = g_strndup(id, ID_MAX + 1);
        g_autofree char *printable = g_strescape(quoted, NULL);

        g_set_error(
            error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
            "\"%s\" cannot be an id: 1 to %d small letters, digits and dashes, not beginning with a dash",
            printable, ID_MAX);
        return false;
    }
    if (is_reserved(id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "the id \"%s\" is used by the headend itself; choose another", id);
        return false;
    }
    return true;
}

/* Letters without their accents where Unicode knows how; what is no letter or digit becomes a dash. */
char *
content_id_from_name(const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    g_autofree char *ascii = g_str_to_ascii(valid, "C");
    g_autoptr(GString) id = g_string_new(NULL);

    for (const char *p = ascii; *p != '\0' && id->len < ID_MAX; p++) {
        if (g_ascii_isalnum(*p))
            g_string_append_c(id, g_ascii_tolower(*p));
        else if (id->len > 0 && id->str[id->len - 1] != '-' && *p != '\'' && *p != '?')
            g_string_append_c(id, '-');
    }
    while (id->len > 0 && id->str[id->len - 1] == '-')
        g_string_truncate(id, id->len - 1);

    if (id->len == 0)
        return g_strdup("film");
    if (is_reserved(id->str))
        g_string_append(id, "-film");
    return g_string_free(g_steal_pointer(&id), FALSE);
}

static char *
without_suffix(const char *path)
{
    char *name = g_path_get_basename(path);
    char *dot = strrchr(name, '.');

    if (dot != NULL && dot != name && strlen(dot) <= 5)
        *dot = '\0';
    return name;
}

char *
content_title_from_path(const char *path)
{
    g_autofree char *name = without_suffix(path);
    g_autofree char *valid = g_utf8_make_valid(name, -1);

    for (char *p = valid; *p != '\0'; p++) {
        if (*p == '_' || *p == '-' || (guchar)*p < 0x20)
            *p = ' ';
    }
    g_strstrip(valid);
    return g_utf8_strlen(valid, -1) > TITLE_MAX ? g_utf8_substring(valid, 0, TITLE_MAX)
           : valid[0] != '\0'                   ? g_steal_pointer(&valid)
                                                : g_strdup("Film");
}
