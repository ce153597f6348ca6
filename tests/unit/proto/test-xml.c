#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/xml.h"

static void
refuse(const char *text, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoXml) doc = proto_xml_parse(text, -1, &error);

    g_assert_null(doc);
    g_assert_error(error, BASE_ERROR, code);
}

static void
test_bombs_are_refused(void)
{
    g_autofree char *large = g_strnfill(PROTO_XML_MAX_BYTES + 1, ' ');
    g_autoptr(GString) deep = g_string_new(NULL), many = g_string_new("<a>");
    gint64 start = g_get_monotonic_time();

    refuse("<!DOCTYPE a [<!ENTITY x \"xxxxxxxxxx\"><!ENTITY y \"&x;&x;&x;&x;&x;&x;&x;&x;\">"
           "<!ENTITY z \"&y;&y;&y;&y;&y;&y;&y;&y;\">]><a>&z;</a>",
           BASE_ERROR_PROTOCOL);
    refuse("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", BASE_ERROR_PROTOCOL);
    refuse("<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/a.dtd\"><a/>", BASE_ERROR_PROTOCOL);
    refuse("<!DOCTYPE a><a/>", BASE_ERROR_PROTOCOL);
    refuse("<a>&undefined;</a>", BASE_ERROR_PROTOCOL);
    refuse(large, BASE_ERROR_TOO_LARGE);

    for (unsigned i = 0; i < 100000; i++)
        g_string_append(deep, "<a>");
    refuse(deep->str, BASE_ERROR_PROTOCOL);
    for (unsigned i = 0; i <= PROTO_XML_MAX_ELEMENTS; i++)
        g_string_append(many, "<b/>");
    g_string_append(many, "</a>");
    refuse(many->str, BASE_ERROR_PROTOCOL);

    g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
}

static void
test_what_is_no_xml_is_refused(void)
{
    static const char *const wrong[] = {"",        " ",        "text",        "<a>",
                                        "<a></b>", "<a b=c/>", "<a>\xff</a>", "<a/><b/>"};

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
        refuse(wrong[i], BASE_ERROR_PROTOCOL);
}

static void
test_local_names(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoXml) doc =
        proto_xml_parse("<x:a xmlns:x='u:1'><b/><y:c xmlns:y='u:2' y:k='v &lt;'> t <![CDATA[&x]]>"
                        "</y:c><d><c>two</c></d></x:a>",
                        -1, &error);
    const xmlNode *root, *c, *second;

    g_assert_no_error(error);
    root = proto_xml_root(doc);
    c = proto_xml_child(root, "c");
    g_autofree char *key = proto_xml_attribute(c, "k");
    g_autofree char *text = proto_xml_text(c);

    g_assert_cmpstr(key, ==, "v <");
    g_assert_cmpstr(text, ==, "t &x");
    g_assert_true(proto_xml_find(root, "c") == c);
    second = proto_xml_find_next(c, root, "c");
    g_assert_cmpstr((const char *)second->parent->name, ==, "d");
    g_assert_null(proto_xml_find_next(second, root, "c"));
    g_assert_null(proto_xml_next(c, "c"));
    g_assert_null(proto_xml_attribute(c, "none"));
    g_assert_null(proto_xml_text(NULL));
}

static void
test_written_text_is_escaped(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(ProtoXml) doc = NULL;

    proto_xml_append(out, "<a b=\"%s\">%s %u%%</a>", "\"<'\x01", "</a>&\xff", 7u);
    doc = proto_xml_parse(out->str, -1, NULL);
    g_assert_nonnull(doc);
    g_autofree char *attribute = proto_xml_attribute(proto_xml_root(doc), "b");
    g_autofree char *text = proto_xml_text(proto_xml_root(doc));

    g_assert_cmpstr(attribute, ==, "\"<' ");
    g_assert_cmpstr(text, ==, "</a>&\xef\xbf\xbd 7%");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/xml/bombs-are-refused", test_bombs_are_refused);
    g_test_add_func("/xml/what-is-no-xml-is-refused", test_what_is_no_xml_is_refused);
    g_test_add_func("/xml/local-names", test_local_names);
    g_test_add_func("/xml/written-text-is-escaped", test_written_text_is_escaped);

    return g_test_run();
}
