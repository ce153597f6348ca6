/* cli/output.h - lists for people and for scripts. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* Prints @help on standard output if one of the arguments asks for it. Returns whether one did. */
bool cli_help_asked(int argc, char **argv, const char *help);

/* Prints the document in @builder, indented, with a newline. */
void cli_print_json(JsonBuilder *builder);

/* Adds a member with an array of strings; NULL is an empty array. */
void cli_json_add_strings(JsonBuilder *builder, const char *name, const char *const *strings);
void cli_json_add_string(JsonBuilder *builder, const char *name, const char *value);
void cli_json_add_int(JsonBuilder *builder, const char *name, gint64 value);
