#include "lib/proto/json-strict.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"

typedef struct {
    const char *begin;
    const char *at;
    const char *end;
    unsigned depth;
    const char *fault; /* first reason, at `at` */
} Parser;

static JsonNode *parse_value(Parser *p);

static void *
fail(Parser *p, const char *fault)
{
    if (!p->fault)
        p->fault = fault;
    return NULL;
}

static void
skip_space(Parser *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at)
        p->at++;
}

static bool
take(Parser *p, char c)
{
    if (p->at >= p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool
take_hex4(Parser *p, gunichar *ret_unit)
{
    gunichar unit = 0;

    for (int i = 0; i < 4; i++, p->at++) {
        if (p->at >= p->end || !g_ascii_isxdigit(*p->at))
            return false;
        unit = unit << 4 | (gunichar)g_ascii_xdigit_value(*p->at);
    }
    *ret_unit = unit;
    return true;
}

/* After "\u"; a surrogate pair takes a second escape. */
static bool
take_unicode_escape(Parser *p, GString *out)
{
    gunichar high = 0, low = 0;

    if (!take_hex4(p, &high) || high == 0 || (high >= 0xdc00 && high <= 0xdfff))
        return false;
    if (high >= 0xd800 && high <= 0xdbff) {
        if (!take(p, '\\') || !take(p, 'u') || !take_hex4(p, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    g_string_append_unichar(out, high);
    return true;
}

static bool
take_escape(Parser *p, GString *out)
{
    static const char codes[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const char *code = NULL;

    if (take(p, 'u'))
        return take_unicode_escape(p, out);
    if (p->at >= p->end || !*p->at || !(code = strchr(codes, *p->at)))
        return false;
    g_string_append_c(out, values[code - codes]);
    p->at++;
    return true;
}

static char *
parse_string(Parser *p)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!take(p, '"'))
        return fail(p, "a string is expected");
    while (p->at < p->end && *p->at != '"') {
        if ((unsigned char)*p->at < 0x20)
            return fail(p, "control character in a string");
        if (*p->at != '\\') {
            g_string_append_c(out, *p->at++);
            continue;
        }
        p->at++;
        if (!take_escape(p, out))
            return fail(p, "bad escape in a string");
    }
    if (!take(p, '"'))
        return fail(p, "unfinished string");
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static bool
skip_digits(Parser *p)
{
    const char *first = p->at;

    while (p->at < p->end && g_ascii_isdigit(*p->at))
        p->at++;
    return p->at > first;
}

static JsonNode *
number_node(Parser *p, const char *text, bool integral)
{
    gint64 integer = 0;
    double real = 0;

    if (integral) {
        if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &integer, NULL))
            return fail(p, "integer out of range");
        return json_node_init_int(json_node_alloc(), integer);
    }
    real = g_ascii_strtod(text, NULL);
    if (!isfinite(real))
        return fail(p, "number out of range");
    return json_node_init_double(json_node_alloc(), real);
}

static JsonNode *
parse_number(Parser *p)
{
    const char *first = p->at;
    bool integral = true;
    g_autofree char *text = NULL;

    take(p, '-');
    if (!take(p, '0') && !skip_digits(p))
        return fail(p, "a value is expected");
    if (take(p, '.')) {
        integral = false;
        if (!skip_digits(p))
            return fail(p, "digits are missing after the point");
    }
    if (take(p, 'e') || take(p, 'E')) {
        integral = false;
        if (!take(p, '+'))
            take(p, '-');
        if (!skip_digits(p))
            return fail(p, "digits are missing in the exponent");
    }
    text = g_strndup(first, (gsize)(p->at - first));
    return number_node(p, text, integral);
}

static bool
parse_member(Parser *p, JsonObject *object)
{
    g_autofree char *key = NULL;
    JsonNode *value = NULL;

    skip_space(p);
    if (!(key = parse_string(p)))
        return false;
    if (json_object_has_member(object, key))
        return fail(p, "duplicate key") != NULL;
    skip_space(p);
    if (!take(p, ':'))
        return fail(p, "a colon is missing") != NULL;
    if (!(value = parse_value(p)))
        return false;
    json_object_set_member(object, key, value);
    return true;
}

static JsonNode *
parse_object(Parser *p)
{
    g_autoptr(JsonObject) object = json_object_new();

    p->at++;
    skip_space(p);
    if (!take(p, '}')) {
        do {
            if (!parse_member(p, object))
                return NULL;
            skip_space(p);
        } while (take(p, ','));
        if (!take(p, '}'))
            return fail(p, "a comma or closing brace is missing");
    }
    return json_node_init_object(json_node_alloc(), object);
}

static JsonNode *
parse_array(Parser *p)
{
    g_autoptr(JsonArray) array = json_array_new();
    JsonNode *element = NULL;

    p->at++;
    skip_space(p);
    if (!take(p, ']')) {
        do {
            if (!(element = parse_value(p)))
                return NULL;
            json_array_add_element(array, element);
            skip_space(p);
        } while (take(p, ','));
        if (!take(p, ']'))
            return fail(p, "a comma or closing bracket is missing");
    }
    return json_node_init_array(json_node_alloc(), array);
}

static JsonNode *
parse_nested(Parser *p, JsonNode *(*parse)(Parser *p))
{
    JsonNode *node = NULL;

    if (p->depth == PROTO_JSON_MAX_DEPTH)
        return fail(p, "nested too deeply");
    p->depth++;
    node = parse(p);
    p->depth--;
    return node;
}

static bool
take_word(Parser *p, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0)
        return false;
    p->at += length;
    return true;
}

static JsonNode *
parse_value(Parser *p)
{
    skip_space(p);
    if (p->at >= p->end)
        return fail(p, "a value is expected");
    if (*p->at == '{')
        return parse_nested(p, parse_object);
    if (*p->at == '[')
        return parse_nested(p, parse_array);
    if (*p->at == '"') {
        g_autofree char *text = parse_string(p);
        return text ? json_node_init_string(json_node_alloc(), text) : NULL;
    }
    if (take_word(p, "true"))
        return json_node_init_boolean(json_node_alloc(), TRUE);
    if (take_word(p, "false"))
        return json_node_init_boolean(json_node_alloc(), FALSE);
    if (take_word(p, "null"))
        return json_node_init_null(json_node_alloc());
    return parse_number(p);
}

JsonNode *
proto_json_parse(const char *text, size_t length, size_t max_bytes, GError **error)
{
    Parser p = {.begin = text, .at = text, .end = text + length};
    g_autoptr(JsonNode) node = NULL;

    if (length > max_bytes) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "%zu bytes of JSON where at most %zu are taken",
                    length, max_bytes);
        return NULL;
    }
    if (!g_utf8_validate_len(text, length, &p.at)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "not UTF-8 at byte %zd", p.at - text);
        return NULL;
    }
    p.at = text;
    if ((node = parse_value(&p))) {
        skip_space(&p);
        if (p.at < p.end)
            fail(&p, "something follows the value");
    }
    if (p.fault) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "JSON at byte %zd: %s", p.at - text, p.fault);
        return NULL;
    }
    return g_steal_pointer(&node);
}
