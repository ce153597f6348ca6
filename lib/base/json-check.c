#include "lib/base/json-check.h"

#include <string.h>

#include "lib/base/error.h"

static unsigned
json_depth(const char *text, size_t length)
{
    unsigned depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '['))
            deepest = MAX(deepest, ++depth);
        else if (!in_string && (text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

bool
base_json_check(const char *text, gssize length, unsigned max_depth, GError **error)
{
    size_t n = length < 0 ? strlen(text) : (size_t)length;

    if (memchr(text, '\0', n) || !g_utf8_validate(text, (gssize)n, NULL)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "JSON is not valid UTF-8");
        return false;
    }
    if (json_depth(text, n) > max_depth) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "JSON nests deeper than %u", max_depth);
        return false;
    }
    return true;
}
