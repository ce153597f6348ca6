#include "lib/proto/jsonrtc.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/json-print.h"
#include "lib/proto/json-strict.h"
#include "lib/proto/jsonrtc-window.h"

/* Numbers are as short as they can be read back, strings untouched. */
static void
test_print(void)
{
    static const char text[] = "{\"d\":30.014,\"s\":\"30.013999999999999 \\\" 1.50\",\"n\":[-0.1,1.0,12,1e30,"
                               "0.3333333333333333],\"t\":true}";
    g_autoptr(JsonNode) root = proto_json_parse(text, strlen(text), strlen(text), NULL);
    g_autofree char *printed = proto_json_print(root, false);

    g_assert_cmpstr(printed, ==,
                    "{\"d\":30.014,\"s\":\"30.013999999999999 \\\" 1.50\",\"n\":[-0.1,1.0,12,1e+30,"
                    "0.33333333333333331],\"t\":true}");
}

static void
assert_refused(const char *text, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_parse(text, strlen(text), NULL, &error);

    if (frame)
        g_error("accepted: %s", text);
    g_assert_error(error, BASE_ERROR, code);
}

static void
test_strict(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "nul",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "// x\n{}",
        "{}x",
        "{} {}",
        "01",
        "-",
        "1.",
        "1e",
        "+1",
        ".5",
        "NaN",
        "Infinity",
        "1e999",
        "9223372036854775808",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"abc",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "[\"\xff\"]",
        "[\"\xc0\x80\"]",
        "[\"\xed\xa0\x80\"]",
    };
    static const char *const good[] = {
        "null",
        " true ",
        "-0",
        "0.5e+3",
        "[]",
        "{}",
        "[1,-2,3.5]",
        "\"\\ud83d\\ude00\\n\\/\"",
        "{\"a\":{\"b\":[null,false]},\"c\":\"\"}",
        "9223372036854775807",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = proto_json_parse(bad[i], strlen(bad[i]), 1000, &error);
        if (node)
            g_error("accepted: %s", bad[i]);
        g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) node = proto_json_parse(good[i], strlen(good[i]), 1000, &error);
        g_assert_no_error(error);
        g_assert_nonnull(node);
    }
}

static void
test_bytes_within_text(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = proto_json_parse("[1]\0", 4, 1000, &error);

    g_assert_null(node);
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
}

static void
test_depth(void)
{
    g_autofree char *deep = g_malloc(200001);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = NULL;

    memset(deep, '[', 100000);
    memset(deep + 100000, ']', 100000);
    node = proto_json_parse(deep, 200000, 200000, &error);
    g_assert_null(node);
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    g_clear_error(&error);

    node = proto_json_parse(deep + 100000 - PROTO_JSON_MAX_DEPTH, 2 * PROTO_JSON_MAX_DEPTH, 1000, &error);
    g_assert_no_error(error);
    g_assert_nonnull(node);
}

static void
test_size(void)
{
    size_t size = PROTO_JSONRTC_MAX_BYTES + 1;
    g_autofree char *big = g_malloc(size + 1);

    memset(big, ' ', size);
    big[size] = '\0';
    assert_refused(big, BASE_ERROR_TOO_LARGE);
}

static void
test_frame_faults(void)
{
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"control\":[]}",
        "{\"control\":{},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"demand\"},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"request\"}}",
        "{\"control\":{\"type\":\"request\"},\"header\":{\"action\":7}}",
        "{\"control\":{\"type\":\"request\",\"sequence\":0},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"request\",\"sequence\":-1},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"request\",\"sequence\":1.5},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"request\",\"sequence\":9007199254740993},\"header\":{\"action\":\"x\"}}",
        "{\"control\":{\"type\":\"request\",\"ack_sequence\":\"1\"},\"header\":{\"action\":\"connect\"}}",
        "{\"control\":{\"type\":\"request\",\"subsession_id\":\"x1\"},\"header\":{\"action\":\"start\"}}",
        "{\"control\":{\"type\":\"request\",\"subsession_id\":\"c0\"},\"header\":{\"action\":\"start\"}}",
        "{\"control\":{\"type\":\"request\",\"correlation_id\":\"c 1\"},\"header\":{\"action\":\"start\"}}",
        "{\"control\":{\"type\":\"request\",\"message_state\":\"last\"},\"header\":{\"action\":\"start\"}}",
        "{\"control\":{\"type\":\"request\"},\"header\":{\"action\":\"start\"},\"payload\":\"v=0\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_refused(bad[i], BASE_ERROR_PROTOCOL);
}

static void
test_fault_names_sequence(void)
{
    static const char text[] = "{\"control\":{\"type\":\"request\",\"sequence\":12},\"header\":{}}";
    int64_t sequence = -1;
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_parse(text, strlen(text), &sequence, &error);

    g_assert_null(frame);
    g_assert_cmpint(sequence, ==, 12);
}

static void
test_parse(void)
{
    static const char text[] =
        "{\"control\":{\"type\":\"request\",\"package_type\":\"iptv_media\",\"session_id\":\"kP3x\","
        "\"subsession_id\":\"c2\",\"sequence\":4,\"ack_sequence\":3,\"version\":\"1.0\"},"
        "\"header\":{\"action\":\"notify\",\"method\":\"PLAY\",\"npt\":\"120.0-\",\"scale\":2,\"autoplay\":"
        "false}}";
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_parse(text, strlen(text), NULL, &error);
    double scale = 0;
    int64_t whole = 0;
    bool autoplay = true;

    g_assert_no_error(error);
    g_assert_cmpint(frame->type, ==, PROTO_JSONRTC_REQUEST);
    g_assert_cmpstr(frame->package_type, ==, "iptv_media");
    g_assert_cmpstr(frame->subsession_id, ==, "c2");
    g_assert_cmpint(frame->sequence, ==, 4);
    g_assert_cmpint(frame->ack_sequence, ==, 3);
    g_assert_cmpstr(frame->action, ==, "notify");
    g_assert_cmpstr(proto_jsonrtc_header_string(frame, "method"), ==, "PLAY");
    g_assert_true(proto_jsonrtc_header_number(frame, "scale", &scale));
    g_assert_cmpfloat(scale, ==, 2.0);
    g_assert_false(proto_jsonrtc_header_int(frame, "npt", &whole));
    g_assert_true(proto_jsonrtc_header_bool(frame, "autoplay", &autoplay));
    g_assert_false(autoplay);
    g_assert_null(proto_jsonrtc_header_string(frame, "absent"));
    g_assert_null(frame->payload);
}

static void
test_default_packages(void)
{
    static const char connect[] = "{\"control\":{\"type\":\"request\"},\"header\":{\"action\":\"connect\"}}";
    static const char start[] = "{\"control\":{\"type\":\"request\"},\"header\":{\"action\":\"start\"}}";
    static const char ack[] = "{\"control\":{\"type\":\"acknowledgement\",\"ack_sequence\":3}}";
    g_autoptr(ProtoJsonrtcFrame) a = proto_jsonrtc_parse(connect, strlen(connect), NULL, NULL);
    g_autoptr(ProtoJsonrtcFrame) b = proto_jsonrtc_parse(start, strlen(start), NULL, NULL);
    g_autoptr(ProtoJsonrtcFrame) c = proto_jsonrtc_parse(ack, strlen(ack), NULL, NULL);

    g_assert_cmpstr(a->package_type, ==, "register");
    g_assert_cmpstr(b->package_type, ==, "call");
    g_assert_cmpstr(c->package_type, ==, "call");
    g_assert_cmpint(c->ack_sequence, ==, 3);
}

static void
test_build_round_trip(void)
{
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_RESPONSE, "call", "start");
    g_autoptr(ProtoJsonrtcFrame) again = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    frame->sequence = 3;
    frame->ack_sequence = 0;
    frame->state = PROTO_JSONRTC_FINAL;
    frame->session_id = g_strdup("kP3x");
    frame->correlation_id = g_strdup("c2");
    json_object_set_int_member(frame->header, "response_code", 200);
    json_object_set_string_member(proto_jsonrtc_payload(frame), "sdp", "v=0\r\na=\"\\\xc3\xa9\r\n");

    text = proto_jsonrtc_build(frame);
    again = proto_jsonrtc_parse(text, strlen(text), NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(again->type, ==, PROTO_JSONRTC_RESPONSE);
    g_assert_cmpint(again->state, ==, PROTO_JSONRTC_FINAL);
    g_assert_cmpint(again->ack_sequence, ==, 0);
    g_assert_cmpstr(again->correlation_id, ==, "c2");
    g_assert_cmpstr(proto_jsonrtc_payload_string(again, "sdp"), ==, "v=0\r\na=\"\\\xc3\xa9\r\n");
}

/* --- window --- */

static void
send_frames(ProtoJsonrtcWindow *window, int n)
{
    for (int i = 0; i < n; i++)
        proto_jsonrtc_window_sent(window,
                                  g_strdup_printf("%" G_GINT64_FORMAT, proto_jsonrtc_window_next(window)));
}

static void
receive_frames(ProtoJsonrtcWindow *window, int n)
{
    for (int i = 1; i <= n; i++)
        g_assert_cmpint(proto_jsonrtc_window_receive(window, i), ==, PROTO_JSONRTC_NEW);
}

static void
collect(const char *text, void *user_data)
{
    g_string_append_printf(user_data, "%s ", text);
}

static void
test_window_receive(void)
{
    g_autoptr(ProtoJsonrtcWindow) window = proto_jsonrtc_window_new();

    g_assert_cmpint(proto_jsonrtc_window_receive(window, 2), ==, PROTO_JSONRTC_GAP);
    g_assert_cmpint(proto_jsonrtc_window_receive(window, 1), ==, PROTO_JSONRTC_NEW);
    g_assert_cmpint(proto_jsonrtc_window_receive(window, 1), ==, PROTO_JSONRTC_DUPLICATE);
    g_assert_cmpint(proto_jsonrtc_window_receive(window, 2), ==, PROTO_JSONRTC_NEW);
    g_assert_cmpint(proto_jsonrtc_window_received(window), ==, 2);
}

static void
test_window_acknowledge(void)
{
    g_autoptr(ProtoJsonrtcWindow) window = proto_jsonrtc_window_new();
    g_autoptr(GString) kept = g_string_new(NULL);

    g_assert_true(proto_jsonrtc_window_acknowledge(window, 0));
    g_assert_false(proto_jsonrtc_window_acknowledge(window, 1));
    send_frames(window, 5);
    g_assert_true(proto_jsonrtc_window_acknowledge(window, 3));
    g_assert_true(proto_jsonrtc_window_acknowledge(window, 2));
    proto_jsonrtc_window_each(window, collect, kept);
    g_assert_cmpstr(kept->str, ==, "4 5 ");
    g_assert_false(proto_jsonrtc_window_acknowledge(window, 6));
}

static void
test_window_is_bounded(void)
{
    g_autoptr(ProtoJsonrtcWindow) window = proto_jsonrtc_window_new();

    send_frames(window, 1000);
    g_assert_cmpuint(proto_jsonrtc_window_retained(window), ==, PROTO_JSONRTC_WINDOW_FRAMES);
    g_assert_false(proto_jsonrtc_window_reconnect(window, 1000 - PROTO_JSONRTC_WINDOW_FRAMES - 1, 1, 0));
    g_assert_true(proto_jsonrtc_window_reconnect(window, 1000 - PROTO_JSONRTC_WINDOW_FRAMES, 1, 0));
}

static void
test_window_reconnect(void)
{
    static const struct {
        int64_t cslr, cslw, csuw;
        bool good;
    } cases[] = {
        /* sent 1..9, 1..6 acknowledged; received 1..5 */
        {9, 6, 7, true},   {8, 6, 7, true},   {6, 6, 5, true},           {6, 1, 5, true},
        {5, 6, 7, false},  /* 6 is no longer retained */
        {10, 6, 7, false}, /* we never sent 10 */
        {9, 7, 8, false},  /* 6 would be missing */
        {9, 1, 4, false},  /* the page never sent what we have received */
        {9, 0, 5, false},  {-1, 6, 7, false}, {G_MAXINT64, 6, 7, false}, {9, G_MININT64, 7, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ProtoJsonrtcWindow) window = proto_jsonrtc_window_new();
        send_frames(window, 9);
        receive_frames(window, 5);
        g_assert_true(proto_jsonrtc_window_acknowledge(window, 6));
        g_assert_true(proto_jsonrtc_window_reconnect(window, cases[i].cslr, cases[i].cslw, cases[i].csuw) ==
                      cases[i].good);
        if (cases[i].good)
            g_assert_cmpuint(proto_jsonrtc_window_retained(window), ==, (unsigned)(9 - cases[i].cslr));
    }
}

static void
test_reference(void)
{
    char side = 0;
    int64_t number = 0;

    g_assert_true(proto_jsonrtc_reference_parse("s12", &side, &number));
    g_assert_cmpint(side, ==, 's');
    g_assert_cmpint(number, ==, 12);
    g_assert_false(proto_jsonrtc_reference_parse("c", &side, &number));
    g_assert_false(proto_jsonrtc_reference_parse("c-1", &side, &number));
    g_assert_false(proto_jsonrtc_reference_parse("c01", &side, &number));
    g_assert_false(proto_jsonrtc_reference_parse(NULL, &side, &number));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/json/print", test_print);
    g_test_add_func("/proto/json/strict", test_strict);
    g_test_add_func("/proto/json/nul-byte", test_bytes_within_text);
    g_test_add_func("/proto/json/depth", test_depth);
    g_test_add_func("/proto/jsonrtc/size", test_size);
    g_test_add_func("/proto/jsonrtc/faults", test_frame_faults);
    g_test_add_func("/proto/jsonrtc/fault-names-sequence", test_fault_names_sequence);
    g_test_add_func("/proto/jsonrtc/parse", test_parse);
    g_test_add_func("/proto/jsonrtc/default-packages", test_default_packages);
    g_test_add_func("/proto/jsonrtc/round-trip", test_build_round_trip);
    g_test_add_func("/proto/jsonrtc/reference", test_reference);
    g_test_add_func("/proto/jsonrtc-window/receive", test_window_receive);
    g_test_add_func("/proto/jsonrtc-window/acknowledge", test_window_acknowledge);
    g_test_add_func("/proto/jsonrtc-window/bounded", test_window_is_bounded);
    g_test_add_func("/proto/jsonrtc-window/reconnect", test_window_reconnect);
    return g_test_run();
}
