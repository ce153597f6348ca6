#include <glib.h>
#include <math.h>

#include "lib/base/error.h"
#include "mcf-extensions/xc-handler.h"

static ProtoRtspMsg *
message(const char *method, const char *header, const char *value, const char *type, const char *body)
{
    ProtoRtspMsg *m = proto_rtsp_request_new(method, "rtsp://127.0.0.1:8554/asset/x");

    proto_rtsp_set_header(m, "CSeq", "1");
    proto_rtsp_set_header(m, "Session", "s");
    if (header)
        proto_rtsp_set_header(m, header, value);
    if (body)
        proto_rtsp_set_body(m, type, body, -1);
    return m;
}

static void
test_play(void)
{
    g_autoptr(ProtoRtspMsg) plain = message("PLAY", NULL, NULL, NULL, NULL);
    g_autoptr(ProtoRtspMsg) seek = message("PLAY", "Range", "npt=12.5-", NULL, NULL);
    g_autoptr(ProtoRtspMsg) live = message("PLAY", "Range", "npt=now-", NULL, NULL);
    g_auto(McfXcRequest) r = {0};

    mcf_xc_decide(plain, &r);
    g_assert_cmpint(r.command, ==, MCF_XC_PLAY);
    g_assert_true(isnan(r.npt_s));
    g_assert_cmpfloat(r.scale, ==, 1.0);
    proto_rtsp_set_header(seek, "Scale", " -2.0 ");
    mcf_xc_decide(seek, &r);
    g_assert_cmpfloat(r.npt_s, ==, 12.5);
    g_assert_cmpfloat(r.scale, ==, -2.0);
    mcf_xc_decide(live, &r);
    g_assert_cmpint(r.command, ==, MCF_XC_PLAY);
    g_assert_true(isnan(r.npt_s));
}

static void
expect_answer(ProtoRtspMsg *m, unsigned status, bool needs_session)
{
    g_autoptr(ProtoRtspMsg) taken = m;
    g_auto(McfXcRequest) r = {0};

    mcf_xc_decide(taken, &r);
    g_assert_cmpint(r.command, ==, MCF_XC_ANSWER);
    g_assert_cmpuint(r.status, ==, status);
    g_assert_true(r.needs_session == needs_session);
}

static void
test_answers(void)
{
    g_autoptr(ProtoRtspMsg) options = proto_rtsp_request_new("OPTIONS", "*");

    expect_answer(message("PLAY", "Range", "smpte=0:10-", NULL, NULL), 457, true);
    expect_answer(message("PLAY", "Scale", "0", NULL, NULL), 400, true);
    expect_answer(message("PLAY", "Scale", "nan", NULL, NULL), 400, true);
    expect_answer(message("GET_PARAMETER", NULL, NULL, NULL, NULL), 200, true);
    expect_answer(message("GET_PARAMETER", NULL, NULL, "text/parameters", "volume\r\n"), 451, true);
    expect_answer(message("GET_PARAMETER", NULL, NULL, "text/plain", "position\r\n"), 415, true);
    expect_answer(message("SET_PARAMETER", NULL, NULL, NULL, NULL), 200, true);
    expect_answer(message("SET_PARAMETER", NULL, NULL, "text/parameters", "x: y\r\n"), 451, true);
    expect_answer(message("SETUP", NULL, NULL, NULL, NULL), 200, true);
    expect_answer(message("TEARDOWN", NULL, NULL, NULL, NULL), 405, false);
    expect_answer(message("DESCRIBE", NULL, NULL, NULL, NULL), 405, false);
    expect_answer(message("FLY", NULL, NULL, NULL, NULL), 501, false);
    expect_answer(message("PLAY", "Require", "method.eos", NULL, NULL), 551, false);
    expect_answer(g_steal_pointer(&options), 200, false);
}

static void
test_get(void)
{
    g_autoptr(ProtoRtspMsg) m = message("GET_PARAMETER", NULL, NULL, "text/parameters; charset=utf-8",
                                        "position\r\nduration\r\nscales\r\n");
    McfXpReply film = {.position_s = 12, .duration_s = 30, .scales = "1.0"};
    McfXpReply live = {.position_s = 7.25, .duration_s = -1};
    g_autoptr(ProtoRtspMsg) film_answer = NULL, live_answer = NULL;
    g_auto(McfXcRequest) r = {0};

    mcf_xc_decide(m, &r);
    g_assert_cmpint(r.command, ==, MCF_XC_GET);
    film_answer = mcf_xc_answer_state(&r, &film);
    g_assert_cmpstr(film_answer->body->str, ==, "position: 12.000\r\nduration: 30.000\r\nscales: 1.0\r\n");
    live_answer = mcf_xc_answer_state(&r, &live);
    g_assert_cmpstr(live_answer->body->str, ==, "position: 7.250\r\nscales: 1.0\r\n");
}

static void
test_outcome(void)
{
    g_autoptr(ProtoRtspMsg) m = message("PLAY", "Range", "npt=13-", NULL, NULL);
    McfXpReply outcome = {
        .has_npt_start = true,
        .npt_start_s = 12,
        .has_npt_end = true,
        .npt_end_s = 30,
        .scale = 1,
        .has_anchor = true,
        .rtp_time = 123456,
        .media_time_s = 12,
    };
    g_autoptr(ProtoRtspMsg) answer = NULL;
    g_auto(McfXcRequest) r = {0};

    mcf_xc_decide(m, &r);
    answer = mcf_xc_answer_outcome(&r, &outcome);
    g_assert_cmpuint(answer->status, ==, 200);
    g_assert_cmpstr(proto_rtsp_header(answer, "Range"), ==, "npt=12.000-30.000");
    g_assert_cmpstr(proto_rtsp_header(answer, "Scale"), ==, "1.000");
    g_assert_cmpstr(proto_rtsp_header(answer, "X-Media-Anchor"), ==, "rtp_time=123456;media_time=12.000000");
}

static void
test_zap(void)
{
    g_autoptr(ProtoRtspMsg) m =
        message("SET_PARAMETER", NULL, NULL, "text/parameters", "bc_service: two:imstv.test\r\n");
    McfXpReply outcome = {.has_npt_start = true, .npt_start_s = 1000, .scale = 1};
    g_autoptr(ProtoRtspMsg) answer = NULL;
    g_auto(McfXcRequest) r = {0};

    mcf_xc_decide(m, &r);
    g_assert_cmpint(r.command, ==, MCF_XC_ZAP);
    g_assert_cmpstr(r.bc_service, ==, "two:imstv.test");
    answer = mcf_xc_answer_outcome(&r, &outcome);
    g_assert_cmpstr(answer->body->str, ==, "bc_service: two:imstv.test\r\n");
    g_assert_cmpstr(proto_rtsp_header(answer, "Range"), ==, "npt=1000.000-");
    g_assert_null(proto_rtsp_header(answer, "X-Media-Anchor"));
}

static void
expect_error(BaseErrorCode code, double npt_s, unsigned status)
{
    McfXcRequest request = {.command = MCF_XC_PLAY, .npt_s = npt_s};
    g_autoptr(GError) error = g_error_new_literal(BASE_ERROR, (gint)code, "x");
    g_autoptr(ProtoRtspMsg) answer = mcf_xc_answer_error(&request, error, -1);

    g_assert_cmpuint(answer->status, ==, status);
    g_assert_true((status == 503) == (proto_rtsp_header(answer, "Retry-After") != NULL));
}

static void
test_errors(void)
{
    expect_error(BASE_ERROR_NOT_FOUND, NAN, 404);
    expect_error(BASE_ERROR_TIMEOUT, NAN, 503);
    expect_error(BASE_ERROR_UNAVAILABLE, NAN, 503);
    expect_error(BASE_ERROR_BUSY, NAN, 503);
    expect_error(BASE_ERROR_NOT_ACCEPTABLE, NAN, 406);
    expect_error(BASE_ERROR_INTERNAL, NAN, 500);
    expect_error(BASE_ERROR_PROTOCOL, 99, 457); /* beyond the end */
}

static void
test_announce(void)
{
    g_autoptr(ProtoRtspMsg) announce =
        mcf_xc_announce("rtsp://h/asset/x", "s", "x-notice", PROTO_RTSP_NOTICE_END_OF_STREAM, 30, 1799175600);
    g_autoptr(ProtoRtspMsg) end =
        mcf_xc_announce("rtsp://h/asset/x", "s", "Notice", PROTO_RTSP_NOTICE_TERMINATED, NAN, 1799175600);

    g_assert_cmpstr(proto_rtsp_header(announce, "x-notice"), ==,
                    "2101 \"End-of-Stream Reached\" event-date=20270105T190000Z npt=30.000");
    g_assert_cmpstr(proto_rtsp_header(announce, "Session"), ==, "s");
    g_assert_cmpstr(proto_rtsp_header(end, "Notice"), ==,
                    "5402 \"Session Terminated\" event-date=20270105T190000Z");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mcf/xc-handler/play", test_play);
    g_test_add_func("/mcf/xc-handler/answers-without-the-mdf", test_answers);
    g_test_add_func("/mcf/xc-handler/get-parameter", test_get);
    g_test_add_func("/mcf/xc-handler/says-what-was-really-done", test_outcome);
    g_test_add_func("/mcf/xc-handler/zap", test_zap);
    g_test_add_func("/mcf/xc-handler/errors", test_errors);
    g_test_add_func("/mcf/xc-handler/announce", test_announce);
    return g_test_run();
}
