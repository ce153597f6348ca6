#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/rtsp.h"

static ProtoRtspMsg *
parse(const char *text, size_t *ret_used)
{
    ProtoRtspMsg *message = NULL;
    g_autoptr(GError) error = NULL;
    ProtoRtspResult result = proto_rtsp_parse(text, strlen(text), &message, ret_used, &error);

    g_assert_no_error(error);
    g_assert_cmpint(result, ==, PROTO_RTSP_MESSAGE);
    return message;
}

static void
test_request(void)
{
    const char *text = "\r\n\r\nSET_PARAMETER rtsp://h/s/7 RTSP/1.0\r\nCSeq: 3\r\nsession: abc;timeout=60\r\n"
                       "Content-Length: 15\r\n\r\nbc_service: two"
                       "PLAY";
    size_t used = 0;
    g_autoptr(ProtoRtspMsg) message = parse(text, &used);
    g_autofree char *session = proto_rtsp_session(message);
    g_autofree char *value = proto_rtsp_parameter(message->body, "bc_service");

    g_assert_cmpstr(message->method, ==, "SET_PARAMETER");
    g_assert_cmpstr(message->uri, ==, "rtsp://h/s/7");
    g_assert_cmpstr(session, ==, "abc");
    g_assert_cmpstr(value, ==, "two");
    g_assert_cmpuint(used, ==, strlen(text) - 4);
}

static void
test_round_trip(void)
{
    g_autoptr(ProtoRtspMsg) response = proto_rtsp_response_new(454, NULL);
    g_autoptr(ProtoRtspMsg) back = NULL;
    g_autoptr(GString) text = NULL;
    size_t used;

    proto_rtsp_set_header(response, "CSeq", "7");
    proto_rtsp_set_header(response, "X-Note", "one\r\nInjected: yes");
    proto_rtsp_set_body(response, "text/parameters", "position: 1\r\n", -1);
    text = proto_rtsp_build(response);
    back = parse(text->str, &used);
    g_assert_cmpuint(used, ==, text->len);
    g_assert_cmpuint(back->status, ==, 454);
    g_assert_cmpstr(back->reason, ==, "Session Not Found");
    g_assert_null(proto_rtsp_header(back, "Injected"));
    g_assert_cmpstr(back->body->str, ==, "position: 1\r\n");
}

static void
test_incomplete(void)
{
    const char *text = "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nbody";
    ProtoRtspMsg *message = NULL;
    g_autoptr(GError) error = NULL;
    size_t used;

    for (size_t n = 0; n < strlen(text); n++) {
        g_assert_cmpint(proto_rtsp_parse(text, n, &message, &used, &error), ==, PROTO_RTSP_INCOMPLETE);
        g_assert_no_error(error);
    }
    proto_rtsp_msg_free(parse(text, &used));
}

static void
expect_invalid(const char *text, size_t length, BaseErrorCode code)
{
    ProtoRtspMsg *message = NULL;
    g_autoptr(GError) error = NULL;
    size_t used;

    g_assert_cmpint(proto_rtsp_parse(text, length, &message, &used, &error), ==, PROTO_RTSP_INVALID);
    g_assert_error(error, BASE_ERROR, (gint)code);
}

static void
test_invalid(void)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "PLAY rtsp://h/ RTSP/2.0\r\n\r\n",
        "PLAY  rtsp://h/ RTSP/1.0\r\n\r\n",
        "PL\x01Y rtsp://h/ RTSP/1.0\r\n\r\n",
        "RTSP/1.0 20 OK\r\n\r\n",
        "RTSP/1.0 999 OK\r\n\r\n",
        "PLAY rtsp://h/ RTSP/1.0\r\nno colon\r\n\r\n",
        "PLAY rtsp://h/ RTSP/1.0\r\nA: 1\r\n folded\r\n\r\n",
        "PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        "PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: 4294967296\r\n\r\n",
        "PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "$\x01",
    };
    g_autoptr(GString) large = g_string_new("PLAY rtsp://h/ RTSP/1.0\r\n");

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        expect_invalid(bad[i], strlen(bad[i]), BASE_ERROR_PROTOCOL);
    expect_invalid("PLAY rtsp://h/ RTSP/1.0\r\nA: \0b\r\n\r\n", 35, BASE_ERROR_PROTOCOL);
    expect_invalid("PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: 65537\r\n\r\n", 51, BASE_ERROR_TOO_LARGE);
    for (int i = 0; i < 65; i++)
        g_string_append(large, "A: 1\r\n");
    g_string_append(large, "\r\n");
    expect_invalid(large->str, large->len, BASE_ERROR_TOO_LARGE);
    g_string_set_size(large, 9000);
    memset(large->str, 'a', large->len);
    expect_invalid(large->str, large->len, BASE_ERROR_TOO_LARGE);
}

static void
test_range(void)
{
    ProtoRtspRange range;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_assert_true(proto_rtsp_range_parse("npt=120.5-", &range, &error));
    g_assert_true(range.has_start && !range.has_end && !range.now);
    g_assert_cmpfloat(range.start_s, ==, 120.5);
    g_assert_true(proto_rtsp_range_parse(" npt = 0:02:10.5 - 200;time=x", &range, &error));
    g_assert_cmpfloat(range.start_s, ==, 130.5);
    text = proto_rtsp_range_build(&range);
    g_assert_cmpstr(text, ==, "npt=130.500-200.000");
    g_assert_true(proto_rtsp_range_parse("npt=now-", &range, &error));
    g_assert_true(range.now);
    static const char *const bad[] = {"npt=-",    "npt=5",     "smpte=0:10:00-", "npt=nan-", "npt=inf-",
                                      "npt=1e10-", "npt=0x10-", "npt=1:99:00-",   ""};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(proto_rtsp_range_parse(bad[i], &range, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
        g_clear_error(&error);
    }
}

static void
test_anchor(void)
{
    ProtoRtspAnchor in = {.rtp_time = 4294967295u, .media_time_s = 12.25}, out;
    g_autofree char *text = proto_rtsp_anchor_build(&in);

    g_assert_cmpstr(text, ==, "rtp_time=4294967295;media_time=12.250000");
    g_assert_true(proto_rtsp_anchor_parse(text, &out));
    g_assert_cmpuint(out.rtp_time, ==, in.rtp_time);
    g_assert_cmpfloat(out.media_time_s, ==, in.media_time_s);
    g_assert_false(proto_rtsp_anchor_parse("rtp_time=1", &out));
    g_assert_false(proto_rtsp_anchor_parse("rtp_time=4294967296;media_time=1", &out));
}

static void
test_notice(void)
{
    g_autoptr(ProtoRtspMsg) announce = proto_rtsp_request_new("ANNOUNCE", "rtsp://h/s/7");
    ProtoRtspNotice notice;

    g_assert_false(proto_rtsp_notice_parse(announce, &notice));
    proto_rtsp_set_header(announce, "x-notice",
                          "2101 \"End-of-Stream Reached\" event-date=20270105T201500Z npt=5400.0");
    g_assert_true(proto_rtsp_notice_parse(announce, &notice));
    g_assert_cmpuint(notice.code, ==, 2101);
    g_assert_true(notice.has_npt);
    g_assert_cmpfloat(notice.npt_s, ==, 5400.0);
    proto_rtsp_set_header(announce, "Notice", "5402");
    g_assert_true(proto_rtsp_notice_parse(announce, &notice));
    g_assert_cmpuint(notice.code, ==, 5402);
    g_assert_false(notice.has_npt);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/rtsp/parses-a-request", test_request);
    g_test_add_func("/proto/rtsp/builds-what-it-parses", test_round_trip);
    g_test_add_func("/proto/rtsp/waits-for-the-rest", test_incomplete);
    g_test_add_func("/proto/rtsp/refuses-malformed", test_invalid);
    g_test_add_func("/proto/rtsp/range", test_range);
    g_test_add_func("/proto/rtsp/anchor", test_anchor);
    g_test_add_func("/proto/rtsp/notice", test_notice);
    return g_test_run();
}
