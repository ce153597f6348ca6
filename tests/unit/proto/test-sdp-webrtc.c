#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/sdp-webrtc.h"

#define TRANSPORT                                                                                            \
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n"                            \
    "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"                                 \
    "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 VP8/90000\r\n"

static char *
read_offer(const char *name)
{
    g_autofree char *path = g_build_filename(TEST_DATA, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static ProtoWebrtcOffer *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    ProtoWebrtcOffer *offer = proto_webrtc_offer_parse(text, &error);

    g_assert_no_error(error);
    return offer;
}

static void
test_chromium(void)
{
    g_autofree char *text = read_offer("offer-chromium.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    const ProtoWebrtcMedia *video = proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO);
    const ProtoWebrtcMedia *audio = proto_webrtc_offer_media(offer, PROTO_WEBRTC_AUDIO);
    const ProtoWebrtcCodec *h264, *opus;

    g_assert_nonnull(video);
    g_assert_nonnull(audio);
    g_assert_cmpstr(offer->fingerprint_hash, ==, "sha-256");
    g_assert_cmpuint(offer->fingerprint_bytes, ==, 32);
    g_assert_cmpint(offer->setup, ==, PROTO_WEBRTC_ACTPASS);

    h264 = proto_webrtc_media_codec(video, "H264");
    g_assert_nonnull(h264);
    g_assert_nonnull(strstr(h264->fmtp, "packetization-mode=1"));
    g_assert_nonnull(strstr(h264->fmtp, "profile-level-id=42e01f"));
    g_assert_true(h264->nack && h264->nack_pli && h264->fir);
    opus = proto_webrtc_media_codec(audio, "opus");
    g_assert_cmpuint(opus->payload_type, ==, 111);
    g_assert_false(opus->nack);
    g_assert_nonnull(proto_webrtc_media_codec(video, "VP8"));
    g_assert_nonnull(strstr(proto_webrtc_media_codec(video, "VP9")->fmtp, "profile-id=0"));
    g_assert_nonnull(strstr(proto_webrtc_media_codec(video, "AV1")->fmtp, "profile=0"));
    g_assert_null(proto_webrtc_media_codec(video, "H265"));
    g_assert_cmpuint(video->extensions.playout_delay, !=, 0);
    g_assert_cmpuint(audio->extensions.playout_delay, ==, 0);
    g_assert_cmpuint(audio->extensions.mid, !=, 0);
}

/* No H.264 as Debian ships it; the fingerprint is at session level; extensions have directions. */
static void
test_firefox(void)
{
    g_autofree char *text = read_offer("offer-firefox.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    const ProtoWebrtcMedia *video = proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO);

    g_assert_nonnull(video);
    g_assert_null(proto_webrtc_media_codec(video, "H264"));
    g_assert_cmpuint(proto_webrtc_media_codec(video, "VP8")->payload_type, ==, 120);
    g_assert_cmpuint(video->extensions.playout_delay, ==, 6);
    g_assert_cmphex(video->receive_only_extensions, ==, 1 << 6);
    g_assert_cmpuint(offer->fingerprint_bytes, ==, 32);
}

static char *
answer_with_rtx(const ProtoWebrtcOffer *offer, const char *video_codec, const char *audio_codec, bool rtx)
{
    const ProtoCandidate candidates[] = {
        {.foundation = "1", .component = 1, .priority = 2130706431, .address = "192.0.2.9", .port = 8189},
        {.foundation = "2", .component = 1, .priority = 2130706175, .address = "2001:db8::9", .port = 8189},
    };
    g_autofree ProtoWebrtcAnswerMedia *media = g_new0(ProtoWebrtcAnswerMedia, offer->media->len);
    const ProtoWebrtcAnswer self = {
        .session_id = 42,
        .session_version = 1,
        .ufrag = "OURS",
        .pwd = "012345678901234567890123",
        .fingerprint = "sha-256 AA:BB",
        .setup = PROTO_WEBRTC_PASSIVE,
        .candidates = candidates,
        .n_candidates = 2,
        .stream_id = "imstv",
        .cname = "someone",
        .media = media,
    };

    for (unsigned i = 0; i < offer->media->len; i++) {
        const ProtoWebrtcMedia *offered = g_ptr_array_index(offer->media, i);
        const char *wanted = offered->kind == PROTO_WEBRTC_VIDEO ? video_codec : audio_codec;
        media[i].codecs[0] = wanted ? proto_webrtc_media_codec(offered, wanted) : NULL;
        media[i].n_codecs = media[i].codecs[0] ? 1 : 0;
        media[i].extensions.playout_delay = offered->extensions.playout_delay;
        if (rtx && offered->kind == PROTO_WEBRTC_VIDEO) {
            media[i].codecs[media[i].n_codecs++] =
                proto_webrtc_media_rtx(offered, media[i].codecs[0]->payload_type);
            media[i].ssrc = 11;
            media[i].rtx_ssrc = 12;
        }
    }

    return proto_webrtc_answer_build(&self, offer);
}

static char *
answer(const ProtoWebrtcOffer *offer, const char *video_codec, const char *audio_codec)
{
    return answer_with_rtx(offer, video_codec, audio_codec, false);
}

static void
test_answer_with_rtx(void)
{
    g_autofree char *text = read_offer("offer-chromium.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    g_autofree char *sdp = answer_with_rtx(offer, "VP8", "opus", true);

    g_assert_nonnull(strstr(sdp, "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"));
    g_assert_nonnull(strstr(sdp, "a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:someone\r\n"));
    g_assert_nonnull(strstr(sdp, "a=ssrc:12 cname:someone\r\na=ssrc:12 msid:imstv video\r\n"));
    g_assert_null(proto_webrtc_media_rtx(g_ptr_array_index(offer->media, 1), 97)); /* no RTX of RTX */
}

static void
test_answer(void)
{
    g_autofree char *text = read_offer("offer-chromium.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    g_autofree char *sdp = answer(offer, "H264", "opus");

    g_assert_nonnull(strstr(sdp, "a=group:BUNDLE 0 1\r\n"));
    g_assert_nonnull(strstr(sdp, "a=ice-lite\r\n"));
    g_assert_nonnull(strstr(sdp, "a=setup:passive\r\n"));
    g_assert_nonnull(strstr(sdp, "c=IN IP4 192.0.2.9\r\n"));
    g_assert_nonnull(strstr(sdp, "a=candidate:2 1 udp 2130706175 2001:db8::9 8189 typ host\r\n"));
    g_assert_nonnull(strstr(sdp, "a=sendonly\r\n"));
    g_assert_nonnull(strstr(sdp, "useinbandfec=1"));
    g_assert_null(strstr(sdp, "a=ssrc"));
    g_assert_null(strstr(sdp, "transport-cc"));
}

static void
test_answer_direction(void)
{
    g_autofree char *text = read_offer("offer-firefox.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    g_autofree char *sdp = answer(offer, "VP8", "opus");

    g_assert_nonnull(strstr(sdp, "a=extmap:6/sendonly " PROTO_RTP_URI_PLAYOUT_DELAY "\r\n"));
}

static void
test_answer_refuses_a_line(void)
{
    g_autofree char *text = read_offer("offer-chromium.sdp");
    g_autoptr(ProtoWebrtcOffer) offer = parse(text);
    g_autofree char *sdp = answer(offer, "VP9", NULL);

    g_assert_nonnull(strstr(sdp, "m=audio 0 UDP/TLS/RTP/SAVPF 111"));
    g_assert_nonnull(strstr(sdp, "a=group:BUNDLE 1\r\n"));
    g_assert_nonnull(strstr(sdp, "a=inactive\r\n"));
}

/* One line needs no BUNDLE; a data channel beside it is refused, not fatal. */
static void
test_single_line(void)
{
    g_autoptr(ProtoWebrtcOffer) offer = parse(HEAD VIDEO TRANSPORT "a=rtcp-mux\r\n");

    g_assert_nonnull(proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO));
    g_assert_null(proto_webrtc_offer_media(offer, PROTO_WEBRTC_AUDIO));
}

static void
refused(const char *text, BaseErrorCode code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(proto_webrtc_offer_parse(text, &error));
    g_assert_error(error, BASE_ERROR, (int)code);
}

static void
test_refusals(void)
{
    refused("", BASE_ERROR_PROTOCOL);
    refused("hello", BASE_ERROR_PROTOCOL);
    refused(HEAD VIDEO "a=rtcp-mux\r\n", BASE_ERROR_NOT_ACCEPTABLE); /* no ICE */
    refused(HEAD VIDEO TRANSPORT, BASE_ERROR_NOT_ACCEPTABLE);        /* no rtcp-mux */
    refused(HEAD VIDEO TRANSPORT "a=rtcp-mux\r\na=sendonly\r\n", BASE_ERROR_NOT_ACCEPTABLE);
    refused(HEAD VIDEO "a=rtcp-mux\r\na=mid:0\r\n" TRANSPORT VIDEO "a=rtcp-mux\r\na=mid:1\r\n" TRANSPORT,
            BASE_ERROR_NOT_ACCEPTABLE); /* no BUNDLE */
    refused(HEAD "m=video 9 RTP/AVP 96\r\na=rtcp-mux\r\n" TRANSPORT, BASE_ERROR_NOT_ACCEPTABLE);
    refused(HEAD VIDEO "a=rtcp-mux\r\na=ice-ufrag:ab\r\na=ice-pwd:0123456789012345678901\r\n",
            BASE_ERROR_PROTOCOL); /* ufrag too short */
    refused(HEAD VIDEO "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n",
            BASE_ERROR_NOT_ACCEPTABLE); /* no fingerprint */
    refused(HEAD VIDEO "a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
                       "a=setup:actpass\r\na=fingerprint:sha-256 0G\r\n",
            BASE_ERROR_PROTOCOL);
}

/* Every prefix of a real offer is answered by an object or an error. */
static void
test_truncated(void)
{
    g_autofree char *text = read_offer("offer-chromium.sdp");

    for (size_t length = strlen(text); length > 0; length -= MIN(length, 37)) {
        g_autoptr(ProtoWebrtcOffer) offer = NULL;
        g_autoptr(GError) error = NULL;
        text[length] = '\0';
        offer = proto_webrtc_offer_parse(text, &error);
        g_assert_true((offer != NULL) != (error != NULL));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/sdp-webrtc/chromium", test_chromium);
    g_test_add_func("/proto/sdp-webrtc/firefox", test_firefox);
    g_test_add_func("/proto/sdp-webrtc/answer", test_answer);
    g_test_add_func("/proto/sdp-webrtc/answer-with-rtx", test_answer_with_rtx);
    g_test_add_func("/proto/sdp-webrtc/answer-turns-directions", test_answer_direction);
    g_test_add_func("/proto/sdp-webrtc/answer-refuses-a-line", test_answer_refuses_a_line);
    g_test_add_func("/proto/sdp-webrtc/single-line-needs-no-bundle", test_single_line);
    g_test_add_func("/proto/sdp-webrtc/refusals", test_refusals);
    g_test_add_func("/proto/sdp-webrtc/truncated", test_truncated);
    return g_test_run();
}
