/* lib/proto/json-strict.h - JSON exactly as RFC 8259 has it, with bounds, into json-glib's tree.
 *
 * json-glib's own parser takes comments, stray commas, duplicate keys and any depth; what comes from
 * a stranger goes through this one. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stddef.h>

#define PROTO_JSON_MAX_DEPTH 32

/* Parses @length bytes of UTF-8. Refused: other encodings, more than @max_bytes, arrays and objects
 * nested deeper than PROTO_JSON_MAX_DEPTH, duplicate keys, NUL and unpaired surrogates in strings,
 * numbers outside a double or, without fraction and exponent, outside int64, anything after the value.
 * (transfer full: json_node_unref)
 * Errors: TOO_LARGE over @max_bytes; PROTOCOL with the byte's position otherwise.
 * Spec: RFC 8259. */
JsonNode *proto_json_parse(const char *text, size_t length, size_t max_bytes, GError **error);
