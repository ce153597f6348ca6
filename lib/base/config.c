#include "lib/base/config.h"

#include "lib/base/error.h"

#include <string.h>

/* All sections that some daemon has; a table checks its own, the rest are only checked for being
 * one of these, so that a misspelt section never goes unseen. */
static const char *const known_sections[] = {"headend", "sgw",  "core",   "iptv", "mcf",
                                             "mdf",     "whep", "ingest", "demo", "run"};

typedef struct {
    char *text;  /* as written */
    char **list; /* LIST only */
    int64_t number;
    bool truth;
} Value;

struct BaseConfig {
    const BaseConfigKey *keys;
    size_t n_keys;
    Value *values; /* one per key */
};

static void
value_clear(Value *value)
{
    g_clear_pointer(&value->text, g_free);
    g_clear_pointer(&value->list, g_strfreev);
}

static bool
parse_int(const BaseConfigKey *key, const char *text, int64_t *ret_number, GError **error)
{
    gint64 number;

    if (!g_ascii_string_to_signed(text, 10, key->min, key->max, &number, NULL)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "%s.%s = \"%s\": has to be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                    key->section, key->key, text, (gint64)key->min, (gint64)key->max);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool
parse_bool(const BaseConfigKey *key, const char *text, bool *ret_truth, GError **error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s.%s = \"%s\": has to be true or false",
                    key->section, key->key, text);
        return false;
    }
    *ret_truth = strcmp(text, "true") == 0;
    return true;
}

static bool
check_choice(const BaseConfigKey *key, const char *text, GError **error)
{
    g_auto(GStrv) choices = g_strsplit(key->choices, "|", -1);

    if (g_strv_contains((const char *const *)choices, text))
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s.%s = \"%s\": has to be one of %s",
                key->section, key->key, text, key->choices);
    return false;
}

/* "a; b\\;c" is "a" and "b;c": SIP URIs have semicolons of their own. */
static char **
split_list(const char *text)
{
    g_autoptr(GString) part = g_string_new(NULL);
    GStrvBuilder *builder = g_strv_builder_new();
    char **list;

    for (const char *c = text;; c++) {
        if (*c == '\\' && c[1] == ';') {
            g_string_append_c(part, *++c);
        } else if (*c == ';' || *c == '\0') {
            g_strstrip(part->str);
            if (*part->str != '\0')
                g_strv_builder_add(builder, part->str);
            g_string_truncate(part, 0);
            if (*c == '\0')
                break;
        } else {
            g_string_append_c(part, *c);
        }
    }
    list = g_strv_builder_end(builder);
    g_strv_builder_unref(builder);
    return list;
}

static bool
assign(BaseConfig *self, size_t index, const char *text, GError **error)
{
    const BaseConfigKey *key = &self->keys[index];
    Value value = {0};

    switch (key->type) {
    case BASE_CONFIG_INT:
        if (!parse_int(key, text, &value.number, error))
            return false;
        break;
    case BASE_CONFIG_BOOL:
        if (!parse_bool(key, text, &value.truth, error))
            return false;
        break;
    case BASE_CONFIG_ENUM:
        if (!check_choice(key, text, error))
            return false;
        break;
    case BASE_CONFIG_LIST:
        value.list = split_list(text);
        break;
    case BASE_CONFIG_STRING:
        break;
    }
    value.text = g_strdup(text);
    value_clear(&self->values[index]);
    self->values[index] = value;
    return true;
}

BaseConfig *
base_config_new(const BaseConfigKey *keys, size_t n_keys)
{
    BaseConfig *self = g_new0(BaseConfig, 1);

    self->keys = keys;
    self->n_keys = n_keys;
    self->values = g_new0(Value, n_keys);
    for (size_t i = 0; i < n_keys; i++) {
        g_autoptr(GError) error = NULL;

        if (!assign(self, i, keys[i].default_value != NULL ? keys[i].default_value : "", &error))
            g_error("default of the key table: %s", error->message); /* our mistake */
    }
    return self;
}

void
base_config_free(BaseConfig *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n_keys; i++)
        value_clear(&self->values[i]);
    g_free(self->values);
    g_free(self);
}

static bool
find_key(const BaseConfig *self, const char *section, const char *key, size_t *ret_index)
{
    for (size_t i = 0; i < self->n_keys; i++) {
        if (strcmp(self->keys[i].section, section) == 0 && strcmp(self->keys[i].key, key) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool
owns_section(const BaseConfig *self, const char *section)
{
    for (size_t i = 0; i < self->n_keys; i++)
        if (strcmp(self->keys[i].section, section) == 0)
            return true;
    return false;
}

static bool
is_known_section(const char *section)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known_sections); i++)
        if (strcmp(known_sections[i], section) == 0)
            return true;
    return false;
}

static char *
keys_of(const BaseConfig *self, const char *section)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (size_t i = 0; i < self->n_keys; i++)
        if (strcmp(self->keys[i].section, section) == 0)
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", self->keys[i].key);
    return g_strdup(names->str);
}

static bool
assign_named(BaseConfig *self, const char *section, const char *key, const char *text, GError **error)
{
    g_autofree char *names = NULL;
    size_t index;

    if (find_key(self, section, key, &index))
        return assign(self, index, text, error);
    if (owns_section(self, section)) {
        names = keys_of(self, section);
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "unknown key %s.%s; [%s] has: %s",
                    section, key, section, names);
        return false;
    }
    if (!is_known_section(section)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "unknown section [%s]", section);
        return false;
    }
    return true; /* another daemon's */
}

/* The line that holds [section] key, for the error message; GKeyFile does not keep it. */
static unsigned
line_of(const char *contents, const char *section, const char *key)
{
    g_auto(GStrv) lines = g_strsplit(contents, "\n", -1);
    g_autofree char *header = g_strdup_printf("[%s]", section);
    bool inside = false;

    for (unsigned i = 0; lines[i] != NULL; i++) {
        g_strstrip(lines[i]);
        if (lines[i][0] == '[') {
            inside = strcmp(lines[i], header) == 0;
            if (inside && key == NULL)
                return i + 1;
        } else if (inside && key != NULL && g_str_has_prefix(lines[i], key)) {
            const char *rest = lines[i] + strlen(key);

            if (rest[strspn(rest, " \t")] == '=')
                return i + 1;
        }
    }
    return 0;
}

static bool
load_group(BaseConfig *self,
           GKeyFile *file,
           const char *section,
           const char *path,
           const char *contents,
           GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, section, NULL, NULL);

    if (!is_known_section(section)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s:%u: unknown section [%s]", path,
                    line_of(contents, section, NULL), section);
        return false;
    }
    for (char **key = keys; key != NULL && *key != NULL; key++) {
        g_autofree char *text = g_key_file_get_value(file, section, *key, NULL);

        if (!assign_named(self, section, *key, text, error)) {
            g_prefix_error(error, "%s:%u: ", path, line_of(contents, section, *key));
            return false;
        }
    }
    return true;
}

static bool
load_one(BaseConfig *self, const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *contents = NULL;
    g_autoptr(GError) cause = NULL;
    g_auto(GStrv) groups = NULL;
    gsize length;

    if (!g_file_get_contents(path, &contents, &length, &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "configuration %s: %s", path, cause->message);
        return false;
    }
    if (!g_key_file_load_from_data(file, contents, length, G_KEY_FILE_NONE, &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s: %s", path, cause->message);
        return false;
    }
    groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group != NULL; group++)
        if (!load_group(self, file, *group, path, contents, error))
            return false;
    return true;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
base_config_load_file(BaseConfig *self, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *extra = g_build_filename(folder, "conf.d", NULL);
    g_autoptr(GDir) dir = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (!load_one(self, path, error))
        return false;
    dir = g_dir_open(extra, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_build_filename(extra, name, NULL));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        if (!load_one(self, g_ptr_array_index(names, i), error))
            return false;
    return true;
}

bool
base_config_load_environment(BaseConfig *self, GError **error)
{
    for (size_t i = 0; i < self->n_keys; i++) {
        g_autofree char *joined = g_strdup_printf("IMSTV_%s_%s", self->keys[i].section, self->keys[i].key);
        g_autofree char *variable = g_ascii_strup(joined, -1);
        const char *text = g_getenv(variable);

        if (text != NULL && !assign(self, i, text, error)) {
            g_prefix_error(error, "environment %s: ", variable);
            return false;
        }
    }
    return true;
}

bool
base_config_set(BaseConfig *self, const char *assignment, GError **error)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = strchr(assignment, '.');
    g_autofree char *section = NULL;
    g_autofree char *key = NULL;

    if (equals == NULL || dot == NULL || dot > equals) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "\"%s\": has to be SECTION.KEY=VALUE",
                    assignment);
        return false;
    }
    section = g_strndup(assignment, (gsize)(dot - assignment));
    key = g_strndup(dot + 1, (gsize)(equals - dot - 1));
    return assign_named(self, section, key, equals + 1, error);
}

static const Value *
value_of(const BaseConfig *self, const char *section, const char *key, BaseConfigType type)
{
    size_t index = 0;

    if (!find_key(self, section, key, &index))
        g_error("configuration key %s.%s is not in the table", section, key);
    g_assert(self->keys[index].type == type ||
             (type == BASE_CONFIG_STRING && self->keys[index].type == BASE_CONFIG_ENUM));
    return &self->values[index];
}

const char *
base_config_string(const BaseConfig *self, const char *section, const char *key)
{
    return value_of(self, section, key, BASE_CONFIG_STRING)->text;
}

int64_t
base_config_int(const BaseConfig *self, const char *section, const char *key)
{
    return value_of(self, section, key, BASE_CONFIG_INT)->number;
}

bool
base_config_bool(const BaseConfig *self, const char *section, const char *key)
{
    return value_of(self, section, key, BASE_CONFIG_BOOL)->truth;
}

const char *const *
base_config_list(const BaseConfig *self, const char *section, const char *key)
{
    return (const char *const *)value_of(self, section, key, BASE_CONFIG_LIST)->list;
}

static void
print_key(GString *out, const BaseConfigKey *key, const Value *value)
{
    g_string_append_printf(out, "# %s", key->help != NULL ? key->help : "");
    if (key->type == BASE_CONFIG_INT)
        g_string_append_printf(out, " (%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ")", (gint64)key->min,
                               (gint64)key->max);
    else if (key->type == BASE_CONFIG_ENUM)
        g_string_append_printf(out, " (%s)", key->choices);
    else if (key->type == BASE_CONFIG_BOOL)
        g_string_append(out, " (true|false)");
    else if (key->type == BASE_CONFIG_LIST)
        g_string_append(out, " (list, separated by ;)");
    g_string_append_printf(out, "\n%s=%s\n", key->key, value->text);
}

char *
base_config_print(const BaseConfig *self)
{
    GString *out = g_string_new(NULL);
    const char *section = NULL;

    for (size_t i = 0; i < self->n_keys; i++) {
        if (g_strcmp0(section, self->keys[i].section) != 0) {
            section = self->keys[i].section;
            g_string_append_printf(out, "%s[%s]\n", i > 0 ? "\n" : "", section);
        }
        print_key(out, &self->keys[i], &self->values[i]);
    }
    return g_string_free(out, FALSE);
}
