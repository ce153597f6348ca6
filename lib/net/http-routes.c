#include "lib/net/http-routes.h"

#include <string.h>

#define MAX_SEGMENTS 32
#define MAX_SEGMENT_LENGTH 512

NetHttpRouteEntry
net_http_route_entry_make(const NetHttpRoute *route, void *user_data)
{
    g_assert(route->path[0] == '/');
    return (NetHttpRouteEntry){
        .route = route,
        .segments = g_strsplit(route->path + 1, "/", -1),
        .user_data = user_data,
    };
}

void
net_http_route_entry_clear(void *entry)
{
    g_strfreev(((NetHttpRouteEntry *)entry)->segments);
}

static bool
is_harmless(const char *segment)
{
    for (const char *c = segment; *c; c++) {
        if (g_ascii_iscntrl(*c))
            return false;
    }
    return strlen(segment) <= MAX_SEGMENT_LENGTH && !strchr(segment, '/') && !g_str_equal(segment, ".") &&
           !g_str_equal(segment, "..") && g_utf8_validate(segment, -1, NULL);
}

/* Each segment decoded once; NULL for a path that can only be an attack. */
static char **
split_path(const char *encoded_path)
{
    g_auto(GStrv) segments = NULL;

    if (encoded_path[0] != '/')
        return NULL;
    segments = g_strsplit(encoded_path + 1, "/", MAX_SEGMENTS + 1);
    if (g_strv_length(segments) > MAX_SEGMENTS)
        return NULL;

    for (unsigned i = 0; segments[i]; i++) {
        char *decoded = g_uri_unescape_string(segments[i], NULL); /* NULL for %00 and broken escapes */

        g_free(segments[i]);
        segments[i] = decoded ? decoded : g_strdup("..");
        if (!is_harmless(segments[i]))
            return NULL;
    }
    return g_steal_pointer(&segments);
}

static bool
is_param(const char *pattern)
{
    return pattern[0] == '{';
}

static bool
takes_rest(const char *pattern)
{
    return is_param(pattern) && g_str_has_suffix(pattern, "...}");
}

static void
add_param(GHashTable *params, const char *pattern, const char *value)
{
    size_t length = strlen(pattern) - (takes_rest(pattern) ? strlen("{...}") : strlen("{}"));

    if (params)
        g_hash_table_replace(params, g_strndup(pattern + 1, length), g_strdup(value));
}

/* Matches and, if @params is given, fills it. @ret_score: more literal segments, higher score. */
static bool
match(const NetHttpRouteEntry *entry, char **segments, GHashTable *params, int *ret_score)
{
    int score = 0;
    unsigned i;

    for (i = 0; entry->segments[i]; i++) {
        const char *pattern = entry->segments[i];

        if (takes_rest(pattern)) {
            g_autofree char *rest = segments[i] ? g_strjoinv("/", segments + i) : g_strdup("");

            if (!rest[0])
                return false;
            add_param(params, pattern, rest);
            *ret_score = score * 2;
            return true;
        }
        if (!segments[i])
            return false;
        if (is_param(pattern) && !segments[i][0])
            return false;
        if (!is_param(pattern) && !g_str_equal(pattern, segments[i]))
            return false;
        if (is_param(pattern))
            add_param(params, pattern, segments[i]);
        else
            score++;
    }
    *ret_score = score * 2 + 1;
    return !segments[i];
}

static bool
serves(const NetHttpRoute *route, const char *method)
{
    return g_str_equal(route->method, method) ||
           (g_str_equal(route->method, "GET") && g_str_equal(method, "HEAD"));
}

static void
add_method(GString **allow, const char *method)
{
    if (!*allow)
        *allow = g_string_new(method);
    else
        g_string_append_printf(*allow, ", %s", method);
    if (g_str_equal(method, "GET"))
        g_string_append(*allow, ", HEAD");
}

const NetHttpRouteEntry *
net_http_route_find(const GArray *entries,
                    const char *method,
                    const char *encoded_path,
                    GHashTable **ret_params,
                    char **ret_allow)
{
    g_auto(GStrv) segments = split_path(encoded_path);
    const NetHttpRouteEntry *best = NULL;
    GString *allow = NULL;
    int best_score = -1, score = 0;

    for (unsigned i = 0; segments && i < entries->len; i++) {
        const NetHttpRouteEntry *entry = &g_array_index(entries, NetHttpRouteEntry, i);

        if (!match(entry, segments, NULL, &score))
            continue;
        add_method(&allow, entry->route->method);
        if (serves(entry->route, method) && score > best_score) {
            best = entry;
            best_score = score;
        }
    }
    if (best) {
        *ret_params = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        match(best, segments, *ret_params, &score);
    }
    *ret_allow = allow ? g_string_free(allow, FALSE) : NULL;
    return best;
}

bool
net_http_route_has_cors(const GArray *entries, const char *encoded_path)
{
    g_auto(GStrv) segments = split_path(encoded_path);
    int score;

    for (unsigned i = 0; segments && i < entries->len; i++) {
        const NetHttpRouteEntry *entry = &g_array_index(entries, NetHttpRouteEntry, i);

        if (entry->route->cors && match(entry, segments, NULL, &score))
            return true;
    }
    return false;
}
