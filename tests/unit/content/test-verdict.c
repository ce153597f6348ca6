/* The sentences people read, from what was found in a file. */
#include "content/verdict.h"
#include "lib/base/error.h"

#include <string.h>

/* A file that fits as it is; each case changes what it is about. */
static ContentFacts
fit(void)
{
    ContentFacts facts = {
        .container = "MP4",
        .duration_us = 30 * G_USEC_PER_SEC,
        .has_video = true,
        .has_audio = true,
        .video = {.codec = "H.264",
                  .profile = "High",
                  .width = 1920,
                  .height = 1080,
                  .fps = 24,
                  .frames = 720,
                  .fits_payload = true,
                  .bit_depth = 8,
                  .chroma = 1,
                  .pixel_aspect = 1,
                  .longest_key_gap_s = 2,
                  .average_key_gap_s = 2,
                  .bitrate_kbps = 5000},
        .audio =
            {.codec = "Opus", .channels = 2, .rate_hz = 48000, .is_opus = true, .largest_packet_bytes = 400},
    };
    return facts;
}

static void
with_b_frames(ContentFacts *facts)
{
    facts->video.b_frames = true;
}

static void
with_b_frames_and_wide_gaps(ContentFacts *facts)
{
    facts->video.b_frames = true;
    facts->video.average_key_gap_s = 5.99;
    facts->video.longest_key_gap_s = 10.42;
}

static void
with_aac_surround(ContentFacts *facts)
{
    facts->video.b_frames = true;
    facts->audio = (ContentAudioFacts){.codec = "AAC", .channels = 6, .rate_hz = 48000};
}

static void
with_opus_surround(ContentFacts *facts)
{
    facts->audio.channels = 6;
}

static void
with_long_packets(ContentFacts *facts)
{
    facts->audio.largest_packet_bytes = 1275;
}

static void
with_mono_mp3(ContentFacts *facts)
{
    facts->audio = (ContentAudioFacts){.codec = "MP3", .channels = 1, .rate_hz = 44100};
}

static void
without_audio(ContentFacts *facts)
{
    facts->has_audio = false;
}

static void
with_unknown_audio(ContentFacts *facts)
{
    facts->has_audio = false;
    strcpy(facts->unknown_audio, "audio/x-dts");
}

static void
with_hevc(ContentFacts *facts)
{
    facts->video.fits_payload = false;
    strcpy(facts->video.codec, "HEVC");
    facts->video.profile[0] = '\0';
    facts->video.first_key_s = -1;
}

static void
interlaced_on_its_side(ContentFacts *facts)
{
    facts->video.interlaced = true;
    facts->video.rotation = 90;
}

static void
ten_bits(ContentFacts *facts)
{
    facts->video.bit_depth = 10;
    facts->video.chroma = 2;
}

static void
squeezed(ContentFacts *facts)
{
    facts->video.pixel_aspect = 64.0 / 45;
}

static void
changing(ContentFacts *facts)
{
    facts->video.several_sets = true;
    facts->video.variable_size = true;
}

static void
without_idr(ContentFacts *facts)
{
    facts->video.first_key_s = -1;
}

static void
with_late_key(ContentFacts *facts)
{
    facts->video.first_key_s = 1.62;
}

static void
too_much(ContentFacts *facts)
{
    facts->video.bitrate_kbps = 45200;
}

static void
with_odd_rate_and_more_streams(ContentFacts *facts)
{
    facts->video.fps = 30000.0 / 1001;
    facts->more_video = 1;
    facts->more_audio = 2;
    facts->others = 1;
}

#define KEPT "Video H.264 High 1920x1080 at 24 frames a second plays as it is: only repackaged, not encoded."
#define OPUS " Audio Opus stereo plays as it is."
#define VIDEO "Video H.264 High 1920x1080 at 24 frames a second "

static const struct {
    const char *name;
    void (*change)(ContentFacts *facts);
    ContentTreatment video, audio;
    const char *text;
} cases[] = {
    {"fit", NULL, CONTENT_KEEP, CONTENT_KEEP, KEPT OPUS},
    {"b-frames", with_b_frames, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has B-frames: browsers would show a picture every two seconds; will be re-encoded." OPUS},
    {"b-frames-and-gaps", with_b_frames_and_wide_gaps, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has B-frames: browsers would show its key frames only, and has key frames up to 10.4 "
           "seconds apart: "
           "seeking would be too coarse; will be re-encoded." OPUS},
    {"aac-5.1", with_aac_surround, CONTENT_ENCODE, CONTENT_ENCODE,
     VIDEO "has B-frames: browsers would show a picture every two seconds; will be re-encoded. Audio AAC "
           "5.1: no browser "
           "takes it over WebRTC; becomes Opus stereo."},
    {"opus-5.1", with_opus_surround, CONTENT_KEEP, CONTENT_ENCODE,
     KEPT " Audio Opus 5.1: browsers take two channels; becomes Opus stereo."},
    {"opus-long-packets", with_long_packets, CONTENT_KEEP, CONTENT_ENCODE,
     KEPT
     " Audio Opus stereo has packets of up to 1275 bytes, too long for one datagram; will be re-encoded."},
    {"mp3-mono", with_mono_mp3, CONTENT_KEEP, CONTENT_ENCODE,
     KEPT " Audio MP3 mono: no browser takes it over WebRTC; becomes Opus mono."},
    {"silent", without_audio, CONTENT_KEEP, CONTENT_LEAVE_OUT, KEPT " There is no sound in it."},
    {"unknown-audio", with_unknown_audio, CONTENT_KEEP, CONTENT_LEAVE_OUT,
     KEPT " Audio (audio/x-dts) cannot be read here: the film will be silent."},
    {"hevc", with_hevc, CONTENT_ENCODE, CONTENT_KEEP,
     "Video HEVC 1920x1080 at 24 frames a second is not H.264, the one codec that is sent to browsers here; "
     "will be "
     "re-encoded." OPUS},
    {"interlaced", interlaced_on_its_side, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO
     "is interlaced: browsers would show combs, and lies on its side (90 degrees); will be re-encoded." OPUS},
    {"ten-bits", ten_bits, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has 10 bits and 4:2:2 colour: browsers take 8 bits and 4:2:0; will be re-encoded." OPUS},
    {"anamorphic", squeezed, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has pixels that are not square: browsers would show it squeezed; will be re-encoded." OPUS},
    {"changing", changing, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "changes its coding parameters on the way: receivers that join would miss some, and changes its "
           "size on the way; will be re-encoded." OPUS},
    {"no-idr", without_idr, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has no closed key frame (IDR): nobody could join; will be re-encoded." OPUS},
    {"late-idr", with_late_key, CONTENT_ENCODE, CONTENT_KEEP,
     VIDEO "has its first key frame only after 1.6 seconds; will be re-encoded." OPUS},
    {"too-much", too_much, CONTENT_ENCODE, CONTENT_KEEP, VIDEO "needs 45 Mbit/s; will be re-encoded." OPUS},
    {"left-out", with_odd_rate_and_more_streams, CONTENT_KEEP, CONTENT_KEEP,
     "Video H.264 High 1920x1080 at 29.97 frames a second plays as it is: only repackaged, not encoded." OPUS
     " 1 more video stream is left out. 2 more audio tracks are left out. 1 other stream (subtitles or data) "
     "is left "
     "out."},
};

static void
test_sentence(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    g_auto(ContentVerdict) verdict = {0};
    g_autoptr(GError) error = NULL;
    ContentFacts facts = fit();

    if (cases[i].change != NULL)
        cases[i].change(&facts);
    g_assert_true(content_verdict(&facts, &verdict, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(verdict.text, ==, cases[i].text);
    g_assert_cmpint(verdict.video, ==, cases[i].video);
    g_assert_cmpint(verdict.audio, ==, cases[i].audio);
}

static void
refuses(bool audio, const char *unknown_video, const char *expected)
{
    g_auto(ContentVerdict) verdict = {0};
    g_autoptr(GError) error = NULL;
    ContentFacts facts = {.has_audio = audio};

    g_strlcpy(facts.unknown_video, unknown_video, sizeof facts.unknown_video);
    g_assert_false(content_verdict(&facts, &verdict, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE);
    g_assert_cmpstr(error->message, ==, expected);
}

static void
test_refuses(void)
{
    refuses(true, "", "it has sound but no picture, and a film needs one");
    refuses(false, "", "there is neither picture nor sound in it");
    {
        ContentFacts facts = fit();
        g_auto(ContentVerdict) verdict = {0};
        g_autoptr(GError) error = NULL;

        facts.video.frames = 1;
        g_assert_false(content_verdict(&facts, &verdict, &error));
        g_assert_cmpstr(error->message, ==, "there is a single picture in it, and a film needs more");
    }
    refuses(true, "video/x-prores", "video/x-prores: its video is of a kind that cannot be read here");
}

static void
test_size(void)
{
    ContentVideoFacts video = {.width = 720, .height = 577, .pixel_aspect = 64.0 / 45};
    unsigned width, height;

    content_verdict_size(&video, &width, &height);
    g_assert_cmpuint(width, ==, 1024);
    g_assert_cmpuint(height, ==, 576);

    video = (ContentVideoFacts){.width = 1920, .height = 1080, .pixel_aspect = 1, .rotation = 270};
    content_verdict_size(&video, &width, &height);
    g_assert_cmpuint(width, ==, 1080);
    g_assert_cmpuint(height, ==, 1920);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/content/verdict/%s", cases[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_sentence);
    }
    g_test_add_func("/content/verdict/refuses-what-has-no-picture", test_refuses);
    g_test_add_func("/content/verdict/size-is-upright-square-and-even", test_size);
    return g_test_run();
}
