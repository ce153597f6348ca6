#include "sgw/sdp-bridge.h"

#include <string.h>

#include "lib/base/error.h"

/* What Chromium 156 offers for recvonly audio and video, max-bundle, before it has gathered anything. */
static char *
browser_offer(void)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "..", "..", "data", "offer-chromium.sdp", NULL);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

/* The m-line @index of @sdp with its lines, up to the next one; 0 is the session part. */
static char *
section(const char *sdp, unsigned index)
{
    g_auto(GStrv) parts = g_strsplit(sdp, "\r\nm=", -1);

    g_assert_cmpuint(g_strv_length(parts), >, index);
    return g_strdup(parts[index]);
}

static void
test_offer(void)
{
    g_autofree char *offer = browser_offer();
    SgwSdpOrigin origin = {.id = 4711, .version = 0, .address = "192.0.2.40"};
    g_autoptr(GError) error = NULL;
    g_autofree char *ims = sgw_sdp_offer_to_ims(offer, NULL, &origin, &error);
    g_autofree char *control = NULL;

    g_assert_no_error(error);
    control = section(ims, 1);
    g_assert_true(g_str_has_prefix(control, "application 9 TCP iptv_rtsp"));
    g_assert_nonnull(strstr(control, "c=IN IP4 192.0.2.40"));
    g_assert_nonnull(strstr(control, "a=setup:active"));
    g_assert_null(strstr(control, "ice-ufrag"));
    g_assert_nonnull(strstr(ims, "o=- 4711 1 IN IP4 192.0.2.40\r\n"));
    g_assert_nonnull(strstr(ims, "a=group:BUNDLE 0 1\r\n"));
    g_assert_null(strstr(ims, "bc_service"));
    /* The browser's own lines are as they were, one place further. */
    for (unsigned i = 1; i <= 2; i++) {
        g_autofree char *before = section(offer, i);
        g_autofree char *after = section(ims, i + 1);
        g_strchomp(before);
        g_strchomp(after);
        g_assert_cmpstr(before, ==, after);
    }
}

static void
test_channel_offer(void)
{
    g_autofree char *offer = browser_offer();
    SgwSdpOrigin origin = {.id = 4711, .version = 7, .address = "192.0.2.40"};
    g_autofree char *first = sgw_sdp_offer_to_ims(offer, "one:imstv.test", &origin, NULL);
    g_autofree char *second = sgw_sdp_offer_to_ims(offer, "two:imstv.test", &origin, NULL);
    g_autofree char *session = section(second, 0);

    g_assert_nonnull(strstr(first, "a=bc_service:one:imstv.test\r\n"));
    g_assert_nonnull(strstr(session, "a=bc_service:two:imstv.test"));
    g_assert_nonnull(strstr(first, "o=- 4711 8 IN IP4 "));
    g_assert_nonnull(strstr(second, "o=- 4711 9 IN IP4 "));
}

static void
test_bad_offers(void)
{
    static const char *const bad[] = {
        "",
        "hello",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n",
    };
    SgwSdpOrigin origin = {.id = 1, .version = 0, .address = "192.0.2.40"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(sgw_sdp_offer_to_ims(bad[i], NULL, &origin, &error));
        g_assert_nonnull(error);
    }
    g_assert_cmpuint(origin.version, ==, 0);
}

static void
test_answer(void)
{
    static const char ims[] =
        "v=0\r\no=mcf1 88 1 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        "a=bc_service_package:basic bc_tv_service_id_list:one:imstv.test\r\n"
        "m=application 554 TCP iptv_rtsp\r\nc=IN IP4 198.51.100.7\r\na=setup:passive\r\n"
        "a=connection:new\r\na=fmtp:iptv_rtsp h-uri=rtsp://198.51.100.7/s/7Qx\r\n"
        "a=fmtp:iptv_rtsp h-session=9f3c21;timeout=40\r\n"
        "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 198.51.100.20\r\na=mid:0\r\n"
        "a=setup:passive\r\n"
        "a=candidate:1 1 udp 2130706431 198.51.100.20 40000 typ host\r\n";
    g_autoptr(GError) error = NULL;
    g_auto(ProtoIptvRtsp) line = {0};
    g_autofree char *answer = sgw_sdp_answer_to_browser(ims, &line, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(line.h_uri, ==, "rtsp://198.51.100.7/s/7Qx");
    g_assert_cmpstr(line.h_session, ==, "9f3c21");
    g_assert_cmpuint(line.timeout_s, ==, 40);
    g_assert_null(strstr(answer, "iptv_rtsp"));
    g_assert_null(strstr(answer, "bc_service"));
    g_assert_nonnull(strstr(answer, "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\n"));
    g_assert_nonnull(strstr(answer, "a=candidate:1 1 udp 2130706431 198.51.100.20 40000 typ host\r\n"));
}

static void
test_answer_without_control(void)
{
    static const char *const bad[] = {
        "v=0\r\no=m 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 "
        "1.2.3.4\r\n",
        "v=0\r\no=m 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=application 0 TCP iptv_rtsp\r\nc=IN IP4 "
        "1.2.3.4\r\n",
        "v=0\r\no=m 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=application 554 TCP iptv_rtsp\r\n"
        "c=IN IP4 1.2.3.4\r\na=fmtp:iptv_rtsp h-uri=rtsp://1.2.3.4/x\r\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(ProtoIptvRtsp) line = {0};
        g_assert_null(sgw_sdp_answer_to_browser(bad[i], &line, &error));
        g_assert_nonnull(error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/sdp-bridge/offer", test_offer);
    g_test_add_func("/sgw/sdp-bridge/channel-offer", test_channel_offer);
    g_test_add_func("/sgw/sdp-bridge/bad-offers", test_bad_offers);
    g_test_add_func("/sgw/sdp-bridge/answer", test_answer);
    g_test_add_func("/sgw/sdp-bridge/answer-without-control", test_answer_without_control);
    return g_test_run();
}
