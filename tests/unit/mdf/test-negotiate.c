#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "mdf/delivery/negotiate.h"
#include "tests/unit/mdf/delivery-fixture.h"

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *h264, *vp9, *radio;
} Fixture;

static ReelProgramme *
programme(ReelBlockCache *cache, ReelCodec video)
{
    ReelTrackInfo tracks[2] = {{.kind = REEL_VIDEO, .codec = video, .clock_rate = 90000},
                               {.kind = REEL_AUDIO, .codec = REEL_CODEC_OPUS, .clock_rate = 48000}};

    return reel_live_new(cache, "channel:x", video ? tracks : tracks + 1, video ? 2 : 1, 10);
}

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    f->cache = reel_block_cache_new(8 << 20, 1, NULL);
    f->h264 = programme(f->cache, REEL_CODEC_H264);
    f->vp9 = programme(f->cache, REEL_CODEC_VP9);
    f->radio = programme(f->cache, 0);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    reel_programme_unref(f->h264);
    reel_programme_unref(f->vp9);
    reel_programme_unref(f->radio);
    reel_block_cache_free(f->cache);
}

static ProtoWebrtcOffer *
offer(const char *name)
{
    g_autofree char *path = g_build_filename(TEST_DATA, name, NULL), *text = NULL;
    g_autoptr(GError) error = NULL;
    ProtoWebrtcOffer *parsed;

    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    parsed = proto_webrtc_offer_parse(text, &error);
    g_assert_no_error(error);
    return parsed;
}

static unsigned
line_of(const ProtoWebrtcOffer *parsed, ProtoWebrtcKind kind)
{
    for (unsigned i = 0; i < parsed->media->len; i++)
        if (((ProtoWebrtcMedia *)g_ptr_array_index(parsed->media, i))->kind == kind)
            return i;
    g_assert_not_reached();
}

/* The programme's codec comes first; the others are there for a zap without a new offer. */
static void
test_own_codec_first(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(ProtoWebrtcOffer) chromium = offer("offer-chromium.sdp");
    unsigned video = line_of(chromium, PROTO_WEBRTC_VIDEO);
    ReelProgramme *programmes[] = {f->h264, f->vp9};
    const char *first[] = {"H264", "VP9"};

    for (unsigned i = 0; i < 2; i++) {
        g_auto(MdfNegotiation) n = {0};
        g_autoptr(GError) error = NULL;

        g_assert_true(mdf_negotiate(chromium, programmes[i], &n, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(n.media[video].codecs[0]->encoding, ==, first[i]);
        g_assert_cmpuint(n.media[video].n_codecs, ==, 8); /* four, and RTX of each */
        g_assert_cmpuint(n.video.rtx[0].payload_type, ==, n.media[video].codecs[0]->payload_type);
        g_assert_cmpuint(n.video.rtx[0].rtx, ==, n.media[video].codecs[4]->payload_type);
        g_assert_cmpstr(n.media[video].codecs[4]->encoding, ==, "rtx");
        g_assert_true(n.video_answer == &n.media[video]);
        g_assert_true(n.has_video && n.has_audio);
        g_assert_true(n.video.keeps_ring);
        g_assert_false(n.audio.keeps_ring);
        g_assert_cmpuint(n.payload_types.by_codec[REEL_CODEC_OPUS], ==, 111);
        g_assert_cmpuint(n.audio.red_payload_type, ==, 63);
        g_assert_cmpuint(n.video.red_payload_type, ==, 0);
        g_assert_true(n.transport_wide);
        g_assert_cmpuint(n.video.extensions.twcc, ==, 3);
        g_assert_cmpuint(n.audio.extensions.twcc, ==, 3);
        g_assert_cmpuint(n.video.extensions.playout_delay, !=, 0);
    }
}

static void
test_browser_without_h264(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(ProtoWebrtcOffer) firefox = offer("offer-firefox.sdp");
    g_auto(MdfNegotiation) n = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(mdf_negotiate(firefox, f->h264, &n, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE);
    g_assert_nonnull(strstr(error->message, "H264"));
    g_assert_true(mdf_negotiate(firefox, f->vp9, &n, NULL));
    g_assert_cmpuint(n.payload_types.by_codec[REEL_CODEC_VP9], ==, 121);
    g_assert_cmpuint(n.payload_types.by_codec[REEL_CODEC_H264], ==, 0);
}

static void
test_radio(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(ProtoWebrtcOffer) firefox = offer("offer-firefox.sdp");
    g_auto(MdfNegotiation) n = {0};

    g_assert_true(mdf_negotiate(firefox, f->radio, &n, NULL));
    g_assert_true(n.has_audio);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/negotiate/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("own-codec-first", test_own_codec_first);
    ADD("browser-without-h264", test_browser_without_h264);
    ADD("radio", test_radio);
    return g_test_run();
}
