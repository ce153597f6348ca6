#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-framing.h"
#include "lib/net/sip-msg.h"

#define VIA "Via: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK1\r\n"
#define REST "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"

static NetSipMsg *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    NetSipMsg *msg = net_sip_msg_parse(text, strlen(text), NULL, &error);

    g_assert_no_error(error);

    return msg;
}

static char last_problem[256];

static int
refusal(const char *text, size_t length)
{
    g_autoptr(GError) error = NULL;
    int status = 0;
    g_autoptr(NetSipMsg) msg = net_sip_msg_parse(text, length, &status, &error);

    g_assert_true(!msg == !!error);
    g_strlcpy(last_problem, error ? error->message : "none", sizeof last_problem);

    return status;
}

/* --- RFC 4475, RFC 5118 ---------------------------------------------------------------------- */

/* LF becomes CRLF, \xNN a byte. */
static GString *
unpack(const char *text, size_t length)
{
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            g_string_append(out, "\r\n");
        } else if (text[i] == '\\' && text[i + 1] == 'x') {
            g_string_append_c(
                out, (char)(g_ascii_xdigit_value(text[i + 2]) * 16 + g_ascii_xdigit_value(text[i + 3])));
            i += 3;
        } else {
            g_string_append_c(out, text[i]);
        }
    }

    return out;
}

static void
check_torture(const char *name, const char *text, size_t length, int expected)
{
    GString *message = unpack(text, length);
    int status = refusal(message->str, message->len);

    if (status != expected)
        g_error("%s: %d instead of %d: %s", name, status, expected, last_problem);
    g_string_free(message, TRUE);
}

static void
test_torture(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tests/data/sip-torture.txt", NULL);
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    int seen = 0;

    g_file_get_contents(path, &data, NULL, &error);
    g_assert_no_error(error);
    for (char *at = strstr(data, "\n=== ") + 1; at; seen++) {
        char *line_end = strchr(at, '\n');
        char *next = strstr(line_end, "\n=== ");
        g_autofree char *line = g_strndup(at + 4, (gsize)(line_end - at - 4));
        g_auto(GStrv) words = g_strsplit(line, " ", 2);

        check_torture(words[0], line_end + 1, next ? (size_t)(next - line_end) : strlen(line_end + 1),
                      atoi(words[1]));
        at = next ? next + 1 : NULL;
    }
    g_assert_cmpint(seen, >=, 38);
}

static void
test_wsinv_fields(void)
{
    g_autoptr(NetSipMsg) msg = parse(
        "INVITE sip:v@c.example.com;unknownparam SIP/2.0\r\nTO :\r\n sip:v@c.example.com ;   tag    = 19n\r\n"
        "from   : \"J R \\\\\\\"\"       <sip:jd@example.com>\r\n  ;\r\n  tag = 98\r\nCall-ID: w\r\ncseq: "
        "0009\r\n"
        "  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390\r\n"
        "v: SIP/2.0/TCP a;branch=z9hG4bK1 , SIP/2.0/UDP b\r\nContent-Length:0\r\n\r\n");
    g_autoptr(NetSipAddress) from = net_sip_msg_address(msg, "From", 0);

    g_assert_cmpstr(net_sip_msg_to_tag(msg), ==, "19n");
    g_assert_cmpstr(net_sip_msg_from_tag(msg), ==, "98");
    g_assert_cmpuint(net_sip_msg_cseq(msg), ==, 9);
    g_assert_cmpuint(net_sip_msg_header_count(msg, "via"), ==, 3);
    g_assert_cmpstr(net_sip_address_display(from), ==, "J R \\\"");
}

/* --- Headers --------------------------------------------------------------------------------- */

static void
test_compact_forms(void)
{
    g_autoptr(NetSipMsg) msg = parse("OPTIONS sip:b@x SIP/2.0\r\nv: SIP/2.0/TCP h\r\nf: <sip:a@x>;tag=1\r\n"
                                     "t: sip:b@x\r\ni: c\r\nCSeq: 1 OPTIONS\r\nk: timer, 100rel\r\no: reg\r\n"
                                     "m: <sip:a@h>\r\nx: 90;refresher=uas\r\nl: 0\r\n\r\n");

    g_assert_true(net_sip_msg_has_token(msg, "Supported", "100REL"));
    g_assert_cmpstr(net_sip_msg_header(msg, "Event", 0), ==, "reg");
    g_assert_cmpstr(net_sip_msg_header(msg, "k", 1), ==, "100rel");
    g_assert_cmpuint(net_sip_msg_number(msg, "Session-Expires", 0), ==, 90);
    {
        g_autofree char *refresher = net_sip_msg_header_param(msg, "Session-Expires", 0, "refresher");

        g_assert_cmpstr(refresher, ==, "uas");
    }
}

static void
test_edit(void)
{
    g_autoptr(NetSipMsg) msg = net_sip_msg_new_request("INVITE", "sip:b@x");

    net_sip_msg_add(msg, "route", "<sip:1;lr>");
    net_sip_msg_add(msg, "Route", "<sip:2;lr>");
    net_sip_msg_prepend(msg, "ROUTE", "<sip:0;lr>");
    net_sip_msg_remove_nth(msg, "Route", 1);
    g_assert_cmpuint(net_sip_msg_header_count(msg, "Route"), ==, 2);
    g_assert_cmpstr(net_sip_msg_header(msg, "Route", 1), ==, "<sip:2;lr>");
    net_sip_msg_set(msg, "Route", net_sip_msg_header(msg, "Route", 1));
    g_assert_cmpstr(net_sip_msg_header(msg, "Route", 0), ==, "<sip:2;lr>");
    g_assert_null(net_sip_msg_header(msg, "Route", 1));
}

/* What a page puts into a content id or a credential cannot add a header. */
static void
test_no_injection(void)
{
    g_autoptr(NetSipMsg) msg = net_sip_msg_new_request("INVITE", "sip:a\r\nX: y@b");
    g_autoptr(GBytes) bytes = NULL;
    const char *text;

    net_sip_msg_add(msg, "Authorization", "Digest\r\nP-Asserted-Identity: <sip:boss@x>");
    net_sip_msg_set_nth(msg, "Authorization", 0, "a\nb");
    net_sip_msg_add(msg, "Reason", "SIP\rX: z");
    bytes = net_sip_msg_to_bytes(msg);
    text = g_bytes_get_data(bytes, NULL);
    g_assert_true(
        g_str_has_prefix(text, "INVITE sip:a__X:_y@b SIP/2.0\r\nAuthorization: a b\r\nReason: SIP X: z\r\n"));
}

static void
test_round_trip(void)
{
    g_autoptr(NetSipMsg) msg = net_sip_msg_new_request("MESSAGE", "sip:b@x");
    g_autoptr(NetSipMsg) again = NULL;
    g_autoptr(GBytes) bytes = NULL;
    gsize length = 0;
    const char *text;

    net_sip_msg_add(msg, "Via", "SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bK1");
    net_sip_msg_add(msg, "From", "<sip:a@x>;tag=1");
    net_sip_msg_add(msg, "To", "<sip:b@x>");
    net_sip_msg_add(msg, "Call-ID", "c");
    net_sip_msg_add(msg, "CSeq", "1 MESSAGE");
    net_sip_msg_add(msg, "Allow", "INVITE");
    net_sip_msg_add(msg, "Allow", "BYE");
    net_sip_msg_add(msg, "p-asserted-identity", "<sip:a@x>");
    net_sip_msg_set_body(msg, "text/plain;charset=utf-8", "a\0b", 3);
    bytes = net_sip_msg_to_bytes(msg);
    text = g_bytes_get_data(bytes, &length);
    g_assert_nonnull(strstr(text, "\r\nAllow: INVITE, BYE\r\n"));
    g_assert_nonnull(strstr(text, "\r\nP-Asserted-Identity: <sip:a@x>\r\n"));
    again = net_sip_msg_parse(text, length, NULL, NULL);
    g_assert_nonnull(again);
    g_assert_cmpmem(net_sip_msg_body(again, &length), 3, "a\0b", 3);
    g_assert_cmpuint(length, ==, 3);
    g_assert_true(net_sip_msg_has_content_type(again, "TEXT/plain"));
}

static void
test_response_to(void)
{
    g_autoptr(NetSipMsg) invite =
        parse("INVITE sip:b@x SIP/2.0\r\n" VIA
              "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
              "Record-Route: <sip:p;lr>, <sip:q;lr>\r\n"
              "Session-ID: AB30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\r\n");
    g_autoptr(NetSipMsg) ok = net_sip_msg_new_response(invite, 200, NULL);
    g_autoptr(NetSipMsg) refused = net_sip_msg_new_response(invite, 404, NULL);

    net_sip_msg_set_to_tag(ok, "9");
    g_assert_cmpstr(net_sip_msg_header(ok, "To", 0), ==, "<sip:b@x>;tag=9");
    g_assert_cmpstr(net_sip_msg_reason(ok), ==, "OK");
    g_assert_cmpstr(net_sip_msg_method(ok), ==, "INVITE");
    g_assert_cmpuint(net_sip_msg_header_count(ok, "Record-Route"), ==, 2);
    g_assert_cmpuint(net_sip_msg_header_count(refused, "Record-Route"), ==, 0);
    g_assert_cmpstr(net_sip_msg_header(ok, "Session-ID", 0), ==,
                    "ab30317f1a784dc48ff824d0d3715d86;remote=ab30317f1a784dc48ff824d0d3715d86");
}

/* --- Limits ---------------------------------------------------------------------------------- */

static void
test_limits(void)
{
    GString *text = g_string_new("OPTIONS sip:b@x SIP/2.0\r\n" VIA REST "X: ");

    for (int i = 0; i < 70000; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, "\r\n\r\n");
    g_assert_cmpint(refusal(text->str, text->len), ==, 513);

    g_string_assign(text, "OPTIONS sip:b@x SIP/2.0\r\n" REST);
    for (int i = 0; i < 1000; i++)
        g_string_append(text, "Via: SIP/2.0/TCP h\r\n");
    g_string_append(text, "\r\n");
    g_assert_cmpint(refusal(text->str, text->len), ==, 513);
    g_string_free(text, TRUE);
}

static void
test_line_ends(void)
{
    static const char bare_lf[] = "OPTIONS sip:b@x SIP/2.0\n" REST "\r\n\r\n";
    static const char nul[] = "OPTIONS sip:b@x SIP/2.0\r\n" VIA REST "X: a\0b\r\n\r\n";
    static const char bare_cr[] = "OPTIONS sip:b@x SIP/2.0\r\n" VIA REST "X: a\rY: b\r\n\r\n";

    g_assert_cmpint(refusal(bare_lf, sizeof bare_lf - 1), ==, 400);
    g_assert_cmpint(refusal(nul, sizeof nul - 1), ==, 400);
    g_assert_cmpint(refusal(bare_cr, sizeof bare_cr - 1), ==, 400);
}

static void
test_salvage(void)
{
    static const char good_enough[] = "OPTIONS sip:b@x SIP/2.0\r\n" VIA REST "Max-Forwards: many\r\n\r\n";
    static const char hopeless[] = "OPTIONS sip:b@x SIP/2.0\r\n" VIA "\r\n";
    g_autoptr(NetSipMsg) msg = net_sip_msg_salvage(good_enough, sizeof good_enough - 1);

    g_assert_cmpint(refusal(good_enough, sizeof good_enough - 1), ==, 400);
    g_assert_nonnull(msg);
    g_assert_cmpstr(net_sip_msg_call_id(msg), ==, "c");
    g_assert_null(net_sip_msg_salvage(hopeless, sizeof hopeless - 1));
}

/* --- URIs ------------------------------------------------------------------------------------ */

static void
check_uri(const char *text, const char *user, const char *host, int port, const char *written)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(text, &error);
    g_autofree char *out = uri ? net_sip_uri_to_string(uri) : NULL;

    g_assert_no_error(error);
    g_assert_cmpstr(net_sip_uri_user(uri), ==, user);
    g_assert_cmpstr(net_sip_uri_host(uri), ==, host);
    g_assert_cmpint(net_sip_uri_port(uri), ==, port);
    g_assert_cmpstr(out, ==, written);
}

static void
test_uris(void)
{
    check_uri("sip:iptv-studio.example.net/heron%23hd@example.net", "iptv-studio.example.net/heron#hd",
              "example.net", 0, "sip:iptv-studio.example.net/heron%23hd@example.net");
    check_uri("SIP:a@B.Example:5060;transport=tcp;lr", "a", "b.example", 5060,
              "sip:a@b.example:5060;transport=tcp;lr");
    check_uri("sip:[2001:db8::1]:5061", NULL, "2001:db8::1", 5061, "sip:[2001:db8::1]:5061");
    check_uri("tel:+358-555-1234567;phone-context=x", "+358-555-1234567", NULL, 0,
              "tel:+358-555-1234567;phone-context=x");
    check_uri("sip:null-%00-null@x", "null-%00-null", "x", 0, "sip:null-%00-null@x");
    check_uri("sip:a:secret@x?Subject=y", "a", "x", 0, "sip:a:secret@x?Subject=y");
}

static void
test_bad_uris(void)
{
    static const char *const bad[] = {"",          "sip:",       "sip:@x",       "sip:a@",        "a@b",
                                      "sip:a@b c", "sip:a@b:0",  "sip:a@b:x",    "sip:a@b:65536", "sip:a@b@c",
                                      "sip:a%2@b", "sip:a@b<c>", "sip:a@b;x=%00"};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        if (net_sip_uri_parse(bad[i], &error))
            g_error("taken: '%s'", bad[i]);
        g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    }
}

/* RFC 3261 19.1.4: user parts that differ only in escaping are equal. */
static void
test_equal_uris(void)
{
    g_autoptr(NetSipUri) a = net_sip_uri_parse("sip:%61lice@atlanta.com;transport=TCP", NULL);
    g_autoptr(NetSipUri) b = net_sip_uri_parse("sip:alice@AtLanTa.CoM;Transport=tcp", NULL);
    g_autoptr(NetSipUri) c = net_sip_uri_parse("sip:alice@atlanta.com", NULL);
    g_autoptr(NetSipUri) d = net_sip_uri_parse("sip:alice@atlanta.com;newparam=5", NULL);
    g_autofree char *aor = net_sip_uri_aor(a);

    g_assert_true(net_sip_uri_equal(a, b));
    g_assert_false(net_sip_uri_equal(a, c));
    g_assert_true(net_sip_uri_equal(c, d));
    g_assert_cmpstr(aor, ==, "sip:alice@atlanta.com");
}

static void
test_addresses(void)
{
    g_autoptr(NetSipAddress) a =
        net_sip_address_parse("sip:a@b;+sip.instance=\"<urn:uuid:1>\";expires=60", NULL);
    g_autoptr(NetSipAddress) b = net_sip_address_parse("\"A, \\\"B\\\"\" <sip:a@b;lr>;tag=x", NULL);
    g_autofree char *text = net_sip_address_to_string(b);

    g_assert_cmpstr(net_sip_address_param(a, "+sip.instance"), ==, "<urn:uuid:1>");
    g_assert_null(net_sip_uri_param(net_sip_address_uri(a), "expires"));
    g_assert_cmpstr(net_sip_uri_param(net_sip_address_uri(b), "lr"), ==, "");
    g_assert_cmpstr(text, ==, "\"A, \\\"B\\\"\" <sip:a@b;lr>;tag=x");
    g_assert_null(net_sip_address_parse("<sip:a@b", NULL));
    g_assert_null(net_sip_address_parse("<sip:a@b>;;x", NULL));
    g_assert_null(net_sip_address_parse("<sip:a@b> x", NULL));
}

/* --- Framing --------------------------------------------------------------------------------- */

static NetSipFrame
frame(const char *text, size_t *length, int *status)
{
    return net_sip_frame_next(text, strlen(text), length, status);
}

static void
test_framing(void)
{
    size_t length = 0;
    int status = 0;

    g_assert_cmpint(frame("OPTIONS x", &length, &status), ==, NET_SIP_FRAME_NEED_MORE);
    g_assert_cmpint(frame("A\r\nl: 3\r\n\r\nab", &length, &status), ==, NET_SIP_FRAME_NEED_MORE);
    g_assert_cmpint(frame("A\r\nl: 3\r\n\r\nabcNEXT", &length, &status), ==, NET_SIP_FRAME_MESSAGE);
    g_assert_cmpuint(length, ==, 14);
    g_assert_cmpint(frame("A\r\nContent-LENGTH : 0\r\n\r\n", &length, &status), ==, NET_SIP_FRAME_MESSAGE);
    g_assert_cmpint(frame("\r\n\r\nA", &length, &status), ==, NET_SIP_FRAME_PING);
    g_assert_cmpint(frame("\r\nA", &length, &status), ==, NET_SIP_FRAME_SKIP);
    g_assert_cmpuint(length, ==, 2);
    g_assert_cmpint(frame("A\r\nVia: x\r\n\r\n", &length, &status), ==, NET_SIP_FRAME_BROKEN);
    g_assert_cmpint(status, ==, 400);
    g_assert_cmpint(frame("A\r\nl: -1\r\n\r\n", &length, &status), ==, NET_SIP_FRAME_BROKEN);
    g_assert_cmpint(frame("A\r\nl: 1\r\nContent-Length: 2\r\n\r\n", &length, &status), ==,
                    NET_SIP_FRAME_BROKEN);
    g_assert_cmpint(frame("A\r\nl: 4294967295\r\n\r\n", &length, &status), ==, NET_SIP_FRAME_BROKEN);
    g_assert_cmpint(status, ==, 413);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/sip-msg/torture", test_torture);
    g_test_add_func("/net/sip-msg/folded-fields", test_wsinv_fields);
    g_test_add_func("/net/sip-msg/compact-forms", test_compact_forms);
    g_test_add_func("/net/sip-msg/edit", test_edit);
    g_test_add_func("/net/sip-msg/no-injection", test_no_injection);
    g_test_add_func("/net/sip-msg/round-trip", test_round_trip);
    g_test_add_func("/net/sip-msg/response-to", test_response_to);
    g_test_add_func("/net/sip-msg/limits", test_limits);
    g_test_add_func("/net/sip-msg/line-ends", test_line_ends);
    g_test_add_func("/net/sip-msg/salvage", test_salvage);
    g_test_add_func("/net/sip-uri/parse-and-write", test_uris);
    g_test_add_func("/net/sip-uri/refused", test_bad_uris);
    g_test_add_func("/net/sip-uri/equal", test_equal_uris);
    g_test_add_func("/net/sip-address/parse-and-write", test_addresses);
    g_test_add_func("/net/sip-framing/messages-in-a-stream", test_framing);

    return g_test_run();
}
