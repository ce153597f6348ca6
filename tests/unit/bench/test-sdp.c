#include "bench/sdp.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/proto/sdp-webrtc.h"

#define ANSWER_HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define ANSWER_ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define ANSWER_DTLS "a=fingerprint:sha-256 01:02:FE\r\na=setup:passive\r\n"
#define ANSWER_CANDIDATES                                                                                    \
    "a=candidate:1 1 tcp 2130706431 192.0.2.1 9 typ host tcptype passive\r\n"                                \
    "a=candidate:2 1 udp 2130706431 192.0.2.2 8189 typ host\r\n"                                             \
    "a=candidate:3 1 udp 2130706175 2001:db8::1 8189 typ host\r\n"

static void
test_offer_is_one(void)
{
    g_autofree char *text = bench_sdp_offer("ufra", "0123456789012345678901",
                                            "sha-256 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:"
                                            "11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F:20");
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoWebrtcOffer) offer = proto_webrtc_offer_parse(text, &error);
    const ProtoWebrtcMedia *video;

    g_assert_no_error(error);
    g_assert_cmpstr(offer->ufrag, ==, "ufra");
    g_assert_cmpint(offer->setup, ==, PROTO_WEBRTC_ACTIVE);
    g_assert_nonnull(proto_webrtc_media_codec(proto_webrtc_offer_media(offer, PROTO_WEBRTC_AUDIO), "opus"));
    video = proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO);
    g_assert_nonnull(proto_webrtc_media_codec(video, "H264"));
    g_assert_nonnull(proto_webrtc_media_codec(video, "VP9"));
}

static void
test_answer_with_first_udp_candidate(void)
{
    BenchAnswer answer;
    char address[INET_ADDRSTRLEN];

    g_assert_true(
        bench_sdp_answer_parse(ANSWER_HEAD ANSWER_ICE ANSWER_DTLS ANSWER_CANDIDATES, &answer, NULL));
    g_assert_cmpstr(answer.ufrag, ==, "abcd");
    g_assert_cmpstr(answer.pwd, ==, "0123456789012345678901");
    g_assert_cmpstr(answer.hash, ==, "sha-256");
    g_assert_cmpmem(answer.fingerprint, answer.fingerprint_bytes, "\x01\x02\xfe", 3);
    g_assert_cmpint(answer.address.any.sa_family, ==, AF_INET);
    g_assert_cmpuint(ntohs(answer.address.v4.sin_port), ==, 8189);
    g_assert_cmpstr(inet_ntop(AF_INET, &answer.address.v4.sin_addr, address, sizeof address), ==,
                    "192.0.2.2");
}

static void
test_answer_that_lacks_something(void)
{
    static const char *const answers[] = {
        "",
        ANSWER_HEAD ANSWER_DTLS ANSWER_CANDIDATES,
        ANSWER_HEAD ANSWER_ICE ANSWER_CANDIDATES,
        ANSWER_HEAD ANSWER_ICE ANSWER_DTLS,
        ANSWER_HEAD ANSWER_ICE ANSWER_CANDIDATES "a=fingerprint:sha-256 0\r\n",
        ANSWER_HEAD ANSWER_ICE ANSWER_CANDIDATES "a=fingerprint:sha-256",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(GError) error = NULL;
        BenchAnswer answer;

        g_assert_false(bench_sdp_answer_parse(answers[i], &answer, &error));
        g_assert_nonnull(error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/sdp/offer-is-one", test_offer_is_one);
    g_test_add_func("/bench/sdp/answer-with-first-udp-candidate", test_answer_with_first_udp_candidate);
    g_test_add_func("/bench/sdp/answer-that-lacks-something", test_answer_that_lacks_something);

    return g_test_run();
}
