#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/sdp-iptv.h"

#define SESSION "v=0\r\no=- 4611 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define ICE                                                                                                  \
    "a=ice-ufrag:Zx4q\r\na=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\n"                                             \
    "a=fingerprint:sha-256 5A:01\r\na=setup:actpass\r\n"
#define AUDIO                                                                                                \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\nb=AS:128\r\na=rtcp:9 IN IP4 0.0.0.0\r\n" ICE   \
    "a=mid:0\r\na=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"    \
    "a=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
#define VIDEO                                                                                                \
    "m=video 0 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\n" ICE                                            \
    "a=bundle-only\r\na=mid:1\r\na=recvonly\r\na=rtpmap:102 H264/90000\r\n"                                  \
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"                  \
    "a=rtcp-fb:102 nack pli\r\n"
#define BROWSER SESSION "a=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n" AUDIO VIDEO

static void
test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *offer = proto_sdp_iptv_insert_offer(BROWSER, 0, "127.0.0.1", &error);
    g_auto(ProtoIptvRtsp) line = {0};
    g_autofree char *back = NULL;

    g_assert_no_error(error);
    g_assert_nonnull(strstr(offer, "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\n"
                                   "a=connection:new\r\na=fmtp:iptv_rtsp version=1.0\r\nm=audio"));
    back = proto_sdp_iptv_remove(offer, &line, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(back, ==, BROWSER);
    g_assert_cmpuint(line.index, ==, 0);
    g_assert_cmpuint(line.port, ==, 9);
    g_assert_false(line.passive);
    g_assert_cmpstr(line.address, ==, "127.0.0.1");
    g_assert_cmpstr(line.version, ==, "1.0");
    g_assert_null(line.h_uri);
}

static void
test_answer_at_index(void)
{
    ProtoIptvRtsp line = {
        .index = 2,
        .address = (char *)"198.51.100.7",
        .port = 8554,
        .h_uri = (char *)"rtsp://198.51.100.7:8554/s/7Qx",
        .h_session = (char *)"9f3c21",
        .timeout_s = 60,
    };
    g_auto(ProtoIptvRtsp) read = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *answer = proto_sdp_iptv_insert_answer(BROWSER, &line, &error);

    g_assert_no_error(error);
    g_assert_true(g_str_has_suffix(answer, "m=application 8554 TCP iptv_rtsp\r\nc=IN IP4 198.51.100.7\r\n"
                                           "a=setup:passive\r\na=connection:new\r\n"
                                           "a=fmtp:iptv_rtsp h-uri=rtsp://198.51.100.7:8554/s/7Qx\r\n"
                                           "a=fmtp:iptv_rtsp h-session=9f3c21;timeout=60\r\n"
                                           "a=fmtp:iptv_rtsp h-offset=0\r\n"));
    g_assert_true(proto_sdp_iptv_parse(answer, &read, &error));
    g_assert_cmpuint(read.index, ==, 2);
    g_assert_true(read.passive);
    g_assert_cmpstr(read.h_uri, ==, line.h_uri);
    g_assert_cmpstr(read.h_session, ==, "9f3c21");
    g_assert_cmpuint(read.timeout_s, ==, 60);
}

static void
test_tolerant(void)
{
    const char *sdp =
        SESSION "c=IN IP4 192.0.2.1\r\n" AUDIO "m=application 554 tcp IPTV_RTSP\na=setup:passive\n"
                "a=fmtp:iptv_rtsp h-session = 9f ; timeout = 30 ; h-uri = rtsp://x/s/a=b\n"
                "a=fmtp:iptv_rtsp h-offset=npt=12.5;future=1\n";
    g_auto(ProtoIptvRtsp) line = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(proto_sdp_iptv_parse(sdp, &line, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(line.index, ==, 1);
    g_assert_cmpstr(line.address, ==, "192.0.2.1");
    g_assert_cmpstr(line.h_session, ==, "9f");
    g_assert_cmpuint(line.timeout_s, ==, 30);
    g_assert_cmpstr(line.h_uri, ==, "rtsp://x/s/a=b");
    g_assert_cmpfloat(line.h_offset_s, ==, 12.5);
}

static void
expect_error(const char *sdp, BaseErrorCode code)
{
    g_auto(ProtoIptvRtsp) line = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(proto_sdp_iptv_parse(sdp, &line, &error));
    g_assert_error(error, BASE_ERROR, (gint)code);
}

static void
test_refuses(void)
{
    g_autoptr(GString) many = g_string_new(SESSION);
    g_autoptr(GString) large = g_string_new(SESSION);

    expect_error(BROWSER, BASE_ERROR_NOT_FOUND);
    expect_error("", BASE_ERROR_PROTOCOL);
    expect_error("v=0\r\ns=-\r\nt=0 0\r\n", BASE_ERROR_PROTOCOL);
    expect_error(SESSION "m=application 9 TCP iptv_rtsp\r", BASE_ERROR_PROTOCOL);
    expect_error(SESSION "garbage\r\n", BASE_ERROR_PROTOCOL);
    expect_error(SESSION "m=application 9 TCP iptv_rtsp\r\nm=application 9 TCP iptv_rtsp\r\n",
                 BASE_ERROR_PROTOCOL);
    expect_error(SESSION "m=application 9 TCP iptv_rtsp\r\na=fmtp:iptv_rtsp timeout=-3\r\n",
                 BASE_ERROR_PROTOCOL);
    for (int i = 0; i < 40; i++)
        g_string_append(many, "m=audio 9 RTP/AVP 0\r\n");
    expect_error(many->str, BASE_ERROR_TOO_LARGE);
    while (large->len < 70000)
        g_string_append(large, "a=x:012345678901234567890123456789\r\n");
    expect_error(large->str, BASE_ERROR_TOO_LARGE);
}

static void
test_insert_twice(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *once = proto_sdp_iptv_insert_offer(BROWSER, 0, "127.0.0.1", &error);

    g_assert_null(proto_sdp_iptv_insert_offer(once, 0, "127.0.0.1", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_null(proto_sdp_iptv_insert_offer(BROWSER, 3, "127.0.0.1", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
}

static void
test_bc(void)
{
    const char *const granted[] = {"one:imstv.test", "two:imstv.test", NULL};
    g_autoptr(GError) error = NULL;
    g_auto(ProtoBc) bc = {0};
    g_auto(ProtoBc) read = {0};
    g_autofree char *sdp = NULL, *name = NULL, *plain = NULL;

    proto_bc_init(&bc);
    bc.service = g_strdup("one:imstv.test");
    proto_bc_add_package(&bc, "basic", granted);
    sdp = proto_sdp_bc_set(BROWSER, &bc, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(sdp, "a=bc_service:one:imstv.test\r\na=bc_service_package:basic "
                                 "bc_tv_service_id_list:one:imstv.test,two:imstv.test\r\nm=audio"));
    g_assert_true(proto_sdp_bc_parse(sdp, &read, &error));
    g_assert_cmpstr(read.service, ==, "one:imstv.test");
    name = proto_bc_service_name(read.service);
    g_assert_cmpstr(name, ==, "one");
    g_assert_true(proto_bc_grants(&read, "two", "imstv.test"));
    g_assert_true(proto_bc_grants(&read, "two:IMSTV.test", "imstv.test"));
    g_assert_false(proto_bc_grants(&read, "two:other.test", "imstv.test"));
    g_assert_false(proto_bc_grants(&read, "tw", "imstv.test"));
    g_assert_false(proto_bc_grants(&read, "three", "imstv.test"));
    plain = proto_sdp_bc_set(sdp, NULL, &error);
    g_assert_cmpstr(plain, ==, BROWSER);
}

static void
test_bc_long_list(void)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) names = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(ProtoBc) bc = {0};
    g_auto(ProtoBc) read = {0};
    g_autofree char *sdp = NULL;

    for (int i = 0; i < 1500; i++) {
        g_autofree char *name = g_strdup_printf("channel-%04d:imstv.test", i);
        g_strv_builder_add(builder, name);
    }
    names = g_strv_builder_end(builder);
    proto_bc_init(&bc);
    proto_bc_add_package(&bc, "basic", (const char *const *)names);
    sdp = proto_sdp_bc_set(BROWSER, &bc, &error);
    g_assert_true(proto_sdp_bc_parse(sdp, &read, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(read.packages->len, ==, 1);
    g_assert_true(proto_bc_grants(&read, "channel-1499", "imstv.test"));
    g_assert_true(proto_bc_grants(&read, "channel-0000", "imstv.test"));
}

static void
test_bc_at_media_level(void)
{
    g_autoptr(GError) error = NULL;
    g_auto(ProtoBc) bc = {0};

    g_assert_true(
        proto_sdp_bc_parse(BROWSER "a=bc_service:two\r\na=bc_service_package:basic\r\n", &bc, &error));
    g_assert_cmpstr(bc.service, ==, "two");
    g_assert_cmpuint(bc.packages->len, ==, 1);
    g_assert_false(proto_bc_grants(&bc, "two", "imstv.test"));
}

static void
expect_webrtc(const char *sdp, int code)
{
    g_autoptr(GError) error = NULL;

    if (code < 0) {
        g_assert_true(proto_sdp_check_webrtc(sdp, &error));
        g_assert_no_error(error);
    } else {
        g_assert_false(proto_sdp_check_webrtc(sdp, &error));
        g_assert_error(error, BASE_ERROR, code);
    }
}

static void
test_webrtc(void)
{
    expect_webrtc(BROWSER, -1);
    expect_webrtc(SESSION ICE VIDEO, -1);
    expect_webrtc(SESSION "m=video 5000 RTP/AVP 33\r\n", BASE_ERROR_NOT_ACCEPTABLE);
    expect_webrtc(SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 5A\r\n",
                  BASE_ERROR_NOT_ACCEPTABLE);
    expect_webrtc(SESSION "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\n",
                  BASE_ERROR_NOT_ACCEPTABLE);
    expect_webrtc(SESSION, BASE_ERROR_NOT_ACCEPTABLE);
    expect_webrtc("hello", BASE_ERROR_PROTOCOL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/sdp-iptv/offer-comes-back-unchanged", test_round_trip);
    g_test_add_func("/proto/sdp-iptv/answer-goes-to-the-index", test_answer_at_index);
    g_test_add_func("/proto/sdp-iptv/tolerates-spaces-and-one-line", test_tolerant);
    g_test_add_func("/proto/sdp-iptv/refuses-malformed", test_refuses);
    g_test_add_func("/proto/sdp-iptv/inserts-once-and-in-range", test_insert_twice);
    g_test_add_func("/proto/sdp-iptv/bc-lists-round-trip", test_bc);
    g_test_add_func("/proto/sdp-iptv/long-lists-go-on-several-lines", test_bc_long_list);
    g_test_add_func("/proto/sdp-iptv/reads-bc-at-media-level", test_bc_at_media_level);
    g_test_add_func("/proto/sdp-iptv/webrtc-offers", test_webrtc);
    return g_test_run();
}
