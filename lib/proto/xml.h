/* lib/proto/xml.h - reading XML from strangers: no network, no files, no entities, no DTD, capped in size,
 * depth and number of elements. All look-ups are by local name, since namespaces differ between versions of
 * the standards. Wraps libxml2; the tree is read-only. */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

#define PROTO_XML_MAX_BYTES (2 * 1024 * 1024)
#define PROTO_XML_MAX_DEPTH 32
#define PROTO_XML_MAX_ELEMENTS 60000

typedef struct _xmlDoc ProtoXml;

/* Parses a document. @length: -1 if NUL-ended.
 * Errors: TOO_LARGE; PROTOCOL with the line, also for any document type declaration. */
ProtoXml *proto_xml_parse(const char *text, gssize length, GError **error);
void proto_xml_free(ProtoXml *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoXml, proto_xml_free)

const xmlNode *proto_xml_root(const ProtoXml *self);
/* First child element of that local name (NULL: any); next sibling element of that name. NULL if there is
 * none. */
const xmlNode *proto_xml_child(const xmlNode *node, const char *name);
const xmlNode *proto_xml_next(const xmlNode *node, const char *name);
/* First element of that name below @node, in document order, @node included. */
const xmlNode *proto_xml_find(const xmlNode *node, const char *name);
/* Next element of that name in document order below @top. */
const xmlNode *proto_xml_find_next(const xmlNode *node, const xmlNode *top, const char *name);
/* Attribute by local name. (transfer full); NULL if there is none. */
char *proto_xml_attribute(const xmlNode *node, const char *name);
/* Text of an element with outer white space off. (transfer full); NULL for a NULL node. */
char *proto_xml_text(const xmlNode *node);

/* Appends @text with <>&"' and control characters made fit for content and attributes. */
void proto_xml_append_escaped(GString *out, const char *text);
/* Appends a formatted piece in which every %s is escaped; only %s, %u and %% are known. */
void proto_xml_append(GString *out, const char *format, ...);
