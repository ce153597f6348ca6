/* cli/output.h - lists for people and for scripts. */
#pragma once

#include <json-glib/json-glib.h>

/* Prints the document in @builder, indented, with a newline. */
void cli_print_json(JsonBuilder *builder);

/* Adds a member with an array of strings; NULL is an empty array. */
void cli_json_add_strings(JsonBuilder *builder, const char *name, const char *const *strings);
void cli_json_add_string(JsonBuilder *builder, const char *name, const char *value);
void cli_json_add_int(JsonBuilder *builder, const char *name, gint64 value);
