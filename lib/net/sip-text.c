#include "lib/net/sip-text.h"

#include <string.h>

#define MAX_PARAMS 64

typedef struct {
    char *name;
    char *value;
} Param;

struct NetSipParams {
    GArray *list; /* Param */
};

/* --- Tokens and lists ------------------------------------------------------------------------ */

bool
net_sip_is_token(const char *text, gsize length)
{
    for (gsize i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && (!text[i] || !strchr("-.!%*_+`'~", text[i])))
            return false;

    return length > 0;
}

/* Past the closing quote, or NULL. @text: at the opening quote. */
static const char *
skip_quoted(const char *text)
{
    for (const char *c = text + 1; *c; c++) {
        if (*c == '"')
            return c + 1;
        if (*c == '\\' && !*++c)
            return NULL;
    }

    return NULL;
}

const char *
net_sip_element_end(const char *text)
{
    const char *c = text;
    bool in_brackets = false;

    while (*c && (in_brackets || *c != ',')) {
        if (*c == '"' && !in_brackets) {
            c = skip_quoted(c);
            if (!c)
                return NULL;
            continue;
        }
        if (*c == '<')
            in_brackets = true;
        else if (*c == '>')
            in_brackets = false;
        c++;
    }

    return in_brackets ? NULL : c;
}

char *
net_sip_strip(const char *text, gsize length)
{
    while (length > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        length--;
    }
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;

    return g_strndup(text, length);
}

bool
net_sip_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    guint64 number = 0;

    if (!g_ascii_isdigit(text[0]) || !g_ascii_string_to_unsigned(text, 10, 0, max, &number, NULL))
        return false;
    *ret_number = number;

    return true;
}

/* --- Parameters ------------------------------------------------------------------------------ */

static void
param_clear(gpointer data)
{
    Param *param = data;

    g_free(param->name);
    g_free(param->value);
}

NetSipParams *
net_sip_params_new(void)
{
    NetSipParams *self = g_new0(NetSipParams, 1);

    self->list = g_array_new(FALSE, FALSE, sizeof(Param));
    g_array_set_clear_func(self->list, param_clear);

    return self;
}

void
net_sip_params_free(NetSipParams *self)
{
    if (!self)
        return;
    g_array_unref(self->list);
    g_free(self);
}

static Param *
find(const NetSipParams *self, const char *name)
{
    for (guint i = 0; i < self->list->len; i++) {
        Param *param = &g_array_index(self->list, Param, i);

        if (g_ascii_strcasecmp(param->name, name) == 0)
            return param;
    }

    return NULL;
}

const char *
net_sip_params_get(const NetSipParams *self, const char *name)
{
    Param *param = find(self, name);

    if (!param)
        return NULL;
    return param->value ? param->value : "";
}

void
net_sip_params_set(NetSipParams *self, const char *name, const char *value)
{
    Param *old = find(self, name);
    Param fresh = {.name = g_strdup(name), .value = g_strdup(value)};

    if (old) {
        param_clear(old);
        *old = fresh;
    } else {
        g_array_append_val(self->list, fresh);
    }
}

void
net_sip_params_remove(NetSipParams *self, const char *name)
{
    for (guint i = self->list->len; i-- > 0;)
        if (g_ascii_strcasecmp(g_array_index(self->list, Param, i).name, name) == 0)
            g_array_remove_index(self->list, i);
}

void
net_sip_params_copy(NetSipParams *self, const NetSipParams *from)
{
    for (guint i = 0; i < from->list->len; i++) {
        const Param *param = &g_array_index(from->list, Param, i);

        net_sip_params_set(self, param->name, param->value);
    }
}

guint
net_sip_params_count(const NetSipParams *self)
{
    return self->list->len;
}

const char *
net_sip_params_nth_name(const NetSipParams *self, guint nth)
{
    return g_array_index(self->list, Param, nth).name;
}

const char *
net_sip_params_nth_value(const NetSipParams *self, guint nth)
{
    return g_array_index(self->list, Param, nth).value;
}

/* --- Parameters: text ------------------------------------------------------------------------ */

static const char *
skip_space(const char *c)
{
    while (*c == ' ' || *c == '\t')
        c++;
    return c;
}

static char *
unquote(const char *text, const char *end)
{
    GString *out = g_string_new(NULL);

    for (const char *c = text + 1; c < end - 1; c++) {
        if (*c == '\\')
            c++;
        g_string_append_c(out, *c);
    }

    return g_string_free(out, FALSE);
}

/* A value: quoted string, or whatever reaches to the next ';' (token, host, or the leniency that
 * parameters of the wild need). NULL if it is missing or unclosed. */
static const char *
take_value(const char *c, char **ret_value)
{
    const char *end;

    if (*c == '"') {
        end = skip_quoted(c);
        if (!end)
            return NULL;
        *ret_value = unquote(c, end);
        return skip_space(end);
    }
    end = c + strcspn(c, ";,\"<>");
    *ret_value = net_sip_strip(c, (gsize)(end - c));
    if ((*ret_value)[0] == '\0' || strpbrk(*ret_value, " \t"))
        return NULL;

    return end;
}

static const char *
take_param(NetSipParams *self, const char *c)
{
    const char *end = c + strcspn(c, "=; \t");
    g_autofree char *name = g_strndup(c, (gsize)(end - c));
    g_autofree char *value = NULL;

    if (!net_sip_is_token(c, (gsize)(end - c)) || find(self, name) || self->list->len >= MAX_PARAMS)
        return NULL;
    end = skip_space(end);
    if (*end == '=') {
        end = take_value(skip_space(end + 1), &value);
        if (!end)
            return NULL;
    }
    net_sip_params_set(self, name, value);

    return end;
}

bool
net_sip_params_parse(NetSipParams *self, const char *text)
{
    const char *c = skip_space(text);

    while (*c) {
        if (*c != ';')
            return false;
        c = take_param(self, skip_space(c + 1));
        if (!c)
            return false;
        c = skip_space(c);
    }

    return true;
}

/* Token or host: what needs no quotes. */
static bool
is_plain(const char *value)
{
    for (const char *c = value; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-.!%*_+`'~[]:/@", *c))
            return false;

    return value[0] != '\0';
}

void
net_sip_params_append(const NetSipParams *self, GString *out)
{
    for (guint i = 0; i < self->list->len; i++) {
        const Param *param = &g_array_index(self->list, Param, i);

        g_string_append_printf(out, ";%s", param->name);
        if (!param->value)
            continue;
        g_string_append_c(out, '=');
        if (is_plain(param->value)) {
            g_string_append(out, param->value);
            continue;
        }
        g_string_append_c(out, '"');
        for (const char *c = param->value; *c; c++) {
            if (*c == '"' || *c == '\\')
                g_string_append_c(out, '\\');
            g_string_append_c(out, *c);
        }
        g_string_append_c(out, '"');
    }
}
