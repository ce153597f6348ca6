/* lib/base/config.h - typed configuration from one key file for all daemons.
 *
 * Sources, later ones win: defaults of the key table; FILE; FILE's sibling folder conf.d/ (*.conf in
 * order of name); environment IMSTV_<SECTION>_<KEY>; --set SECTION.KEY=VALUE. A daemon checks the
 * sections that its table names: an unknown key, a wrong type or a value out of range is an error
 * that names file, line, key and allowed range. Sections of other daemons are left alone, sections
 * that nobody has are an error. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BASE_CONFIG_STRING,
    BASE_CONFIG_INT,  /* decimal; range min..max */
    BASE_CONFIG_BOOL, /* true | false */
    BASE_CONFIG_ENUM, /* one of the words in `choices`, separated by '|' */
    BASE_CONFIG_LIST, /* strings separated by ';'; "\\;" is a semicolon inside one */
} BaseConfigType;

typedef struct {
    const char *section;
    const char *key; /* the unit is part of the name: timeout_s, bitrate_kbps */
    BaseConfigType type;
    const char *default_value; /* as written in the file; NULL: empty */
    int64_t min, max;          /* INT only */
    const char *choices;       /* ENUM only */
    const char *help;          /* one line for the reference page */
} BaseConfigKey;

typedef struct BaseConfig BaseConfig;

/* @keys: borrowed, @n_keys entries; a daemon joins its own and shared tables. */
BaseConfig *base_config_new(const BaseConfigKey *keys, size_t n_keys);
void base_config_free(BaseConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BaseConfig, base_config_free)

/* Errors: INVALID_ARGUMENT with file, line and allowed range; NOT_FOUND if @path cannot be read. */
bool base_config_load_file(BaseConfig *self, const char *path, GError **error);
bool base_config_load_environment(BaseConfig *self, GError **error);
/* @assignment: "section.key=value". A key of another daemon's section is accepted and ignored. */
bool base_config_set(BaseConfig *self, const char *assignment, GError **error);

/* Getters; asking for a key that is not in the table, or by the wrong type, is our mistake (assert).
 * Strings are lent until the value changes; never NULL (empty string instead). */
const char *base_config_string(const BaseConfig *self, const char *section, const char *key);
int64_t base_config_int(const BaseConfig *self, const char *section, const char *key);
bool base_config_bool(const BaseConfig *self, const char *section, const char *key);
const char *const *base_config_list(const BaseConfig *self, const char *section, const char *key);

/* The effective values as a key file with help as comments. (transfer full) */
char *base_config_print(const BaseConfig *self);
