/* lib/proto/json-print.h - JSON text for others. json-glib writes numbers with 17 digits, so that 30.014
 * becomes 30.013999999999999; here they have as many as it takes to read them back. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* @pretty: indented, for people. (transfer full) */
char *proto_json_print(JsonNode *root, bool pretty);
