#include "lib/proto/xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"

/* What the parser sees on its way; a document that breaks a cap is stopped there, not after it was built. */
typedef struct {
    startElementNsSAX2Func start;
    endElementNsSAX2Func end;
    unsigned depth, elements;
    const char *refused; /* why; NULL: fine so far */
} Guard;

static void
refuse(xmlParserCtxtPtr context, const char *why)
{
    Guard *guard = context->_private;

    if (!guard->refused)
        guard->refused = why;
    xmlStopParser(context);
}

static void
on_start(void *data,
         const xmlChar *name,
         const xmlChar *prefix,
         const xmlChar *uri,
         int n_namespaces,
         const xmlChar **namespaces,
         int n_attributes,
         int n_defaulted,
         const xmlChar **attributes)
{
    xmlParserCtxtPtr context = data;
    Guard *guard = context->_private;

    if (++guard->depth > PROTO_XML_MAX_DEPTH) {
        refuse(context, "it nests too deep");
        return;
    }
    if (++guard->elements > PROTO_XML_MAX_ELEMENTS) {
        refuse(context, "it has too many elements");
        return;
    }
    guard->start(data, name, prefix, uri, n_namespaces, namespaces, n_attributes, n_defaulted, attributes);
}

static void
on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    Guard *guard = ((xmlParserCtxtPtr)data)->_private;

    guard->depth--;
    guard->end(data, name, prefix, uri);
}

static void
on_doctype(void *data,
           const xmlChar *name G_GNUC_UNUSED,
           const xmlChar *external G_GNUC_UNUSED,
           const xmlChar *system G_GNUC_UNUSED)
{
    refuse(data, "it has a document type declaration");
}

static xmlParserCtxtPtr
make_context(const char *text, size_t length, Guard *guard)
{
    xmlParserCtxtPtr context = xmlCreateMemoryParserCtxt(text, (int)length);

    if (!context)
        return NULL;

    xmlCtxtUseOptions(context, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    context->_private = guard;
    guard->start = context->sax->startElementNs;
    guard->end = context->sax->endElementNs;
    context->sax->startElementNs = on_start;
    context->sax->endElementNs = on_end;
    context->sax->internalSubset = on_doctype;
    context->sax->externalSubset = on_doctype;
    return context;
}

static void
set_error(GError **error, xmlParserCtxtPtr context, const Guard *guard)
{
    g_autofree char *why = NULL;

    if (context && context->lastError.message)
        why = g_strchomp(g_strdup(context->lastError.message));
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "XML refused: %s (line %d)",
                guard->refused ? guard->refused
                : why          ? why
                               : "no element",
                context ? context->lastError.line : 0);
}

ProtoXml *
proto_xml_parse(const char *text, gssize length, GError **error)
{
    size_t n = length < 0 ? strlen(text) : (size_t)length;
    Guard guard = {0};
    xmlParserCtxtPtr context;
    xmlDocPtr doc = NULL;

    if (n > PROTO_XML_MAX_BYTES) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "XML refused: %zu bytes", n);
        return NULL;
    }
    context = make_context(text, n, &guard);
    if (context && xmlParseDocument(context) == 0 && context->wellFormed && !guard.refused)
        doc = g_steal_pointer(&context->myDoc);

    if (!doc || !xmlDocGetRootElement(doc))
        set_error(error, context, &guard);
    if (context) {
        g_clear_pointer(&context->myDoc, xmlFreeDoc);
        xmlFreeParserCtxt(context);
    }
    return doc;
}

void
proto_xml_free(ProtoXml *self)
{
    if (self)
        xmlFreeDoc(self);
}

/* ---- reading ---- */

const xmlNode *
proto_xml_root(const ProtoXml *self)
{
    return xmlDocGetRootElement((xmlDocPtr)self);
}

static bool
is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && (!name || strcmp((const char *)node->name, name) == 0);
}

static const xmlNode *
first_named(const xmlNode *node, const char *name)
{
    while (node && !is_named(node, name))
        node = node->next;
    return node;
}

const xmlNode *
proto_xml_child(const xmlNode *node, const char *name)
{
    return node ? first_named(node->children, name) : NULL;
}

const xmlNode *
proto_xml_next(const xmlNode *node, const char *name)
{
    return node ? first_named(node->next, name) : NULL;
}

/* The node after @node in document order that is below @top. */
static const xmlNode *
walk(const xmlNode *node, const xmlNode *top)
{
    if (node->type == XML_ELEMENT_NODE && node->children)
        return node->children;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

const xmlNode *
proto_xml_find_next(const xmlNode *node, const xmlNode *top, const char *name)
{
    if (!node)
        return NULL;
    do
        node = walk(node, top);
    while (node && !is_named(node, name));
    return node;
}

const xmlNode *
proto_xml_find(const xmlNode *node, const char *name)
{
    if (!node || is_named(node, name))
        return node;
    return proto_xml_find_next(node, node, name);
}

char *
proto_xml_attribute(const xmlNode *node, const char *name)
{
    for (const xmlAttr *attribute = node ? node->properties : NULL; attribute; attribute = attribute->next) {
        if (strcmp((const char *)attribute->name, name) == 0) {
            xmlChar *value = xmlNodeListGetString(node->doc, attribute->children, 1);
            char *copy = g_strdup(value ? (const char *)value : "");

            xmlFree(value);
            return copy;
        }
    }
    return NULL;
}

char *
proto_xml_text(const xmlNode *node)
{
    xmlChar *content = node ? xmlNodeGetContent(node) : NULL;
    char *text = content ? g_strstrip(g_strdup((const char *)content)) : NULL;

    xmlFree(content);
    return text;
}

/* ---- writing ---- */

void
proto_xml_append_escaped(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    g_autofree char *escaped = NULL;

    for (char *c = valid; *c; c++) { /* most control characters cannot be in XML 1.0 at all */
        if (g_ascii_iscntrl(*c) && *c != '\n' && *c != '\t')
            *c = ' ';
    }
    escaped = g_markup_escape_text(valid, -1);
    g_string_append(out, escaped);
}

void
proto_xml_append(GString *out, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    for (const char *c = format; *c; c++) {
        if (c[0] != '%') {
            g_string_append_c(out, *c);
            continue;
        }
        c++;
        if (*c == 's')
            proto_xml_append_escaped(out, va_arg(values, const char *));
        else if (*c == 'u')
            g_string_append_printf(out, "%u", va_arg(values, unsigned));
        else if (*c == '%')
            g_string_append_c(out, '%');
        else
            g_assert_not_reached();
    }
    va_end(values);
}
