/* Real pipelines into reel files, read back through cursors. */
#include "lib/gst/reel-sink.h"

#include "tests/unit/reel/reel-fixture.h"

#define FRAMES 75

/* Runs `@head ! reel sink` to the end; NULL head: none. */
static void
run(ReelWriter *writer, const char *video, const char *audio, GstreelSinkStats *ret_video)
{
    g_autoptr(GError) error = NULL;
    GstElement *pipeline = gst_pipeline_new(NULL);
    GstreelSink *sinks[2] = {0};
    const char *const heads[2] = {video, audio};
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = NULL;

    for (unsigned i = 0; i < 2; i++) {
        GstElement *head;
        if (!heads[i])
            continue;
        head = gst_parse_bin_from_description(heads[i], TRUE, &error);
        g_assert_no_error(error);
        sinks[i] =
            gstreel_sink_new(i == 0 ? REEL_CODEC_H264 : REEL_CODEC_OPUS, writer, "de", NULL, NULL, &error);
        g_assert_no_error(error);
        gst_bin_add_many(GST_BIN(pipeline), head, gstreel_sink_element(sinks[i]), NULL);
        g_assert_true(gst_element_link(head, gstreel_sink_element(sinks[i])));
    }
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    g_assert_nonnull(message);
    g_assert_cmpstr(GST_MESSAGE_TYPE_NAME(message), ==, "eos");
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (ret_video)
        gstreel_sink_stats(sinks[0], ret_video);
    gst_object_unref(pipeline);
    gstreel_sink_free(sinks[0]);
    gstreel_sink_free(sinks[1]);
}

static void
check_film(const char *folder)
{
    g_autoptr(ReelBlockCache) cache = fixture_cache(64);
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelProgramme) film = reel_programme_open(cache, "asset:made", folder, &error);
    g_autoptr(ReelCursor) cursor = NULL;
    int video = film ? reel_programme_find_track(film, REEL_VIDEO, REEL_CODEC_H264) : -1;
    unsigned n_frames = 0, n_keys = 0, n_audio = 0;
    ReelRecord record;

    g_assert_no_error(error);
    g_assert_cmpint(video, >=, 0);
    g_assert_cmpuint(reel_programme_track(film, (unsigned)video)->width, ==, 320);
    g_assert_cmpuint(strlen(reel_programme_track(film, (unsigned)video)->profile), ==, 6);
    cursor = fixture_cursor(film);
    while (fixture_next(cursor, &record) == REEL_NEXT_RECORD) {
        if (record.track != (unsigned)video) {
            g_assert_cmpuint(record.rtp_ticks, ==, n_audio * 960); /* exact, or receivers patch */
            n_audio++;
        } else {
            g_assert_cmpint(record.due_us / 1000, ==,
                            (record.flags & REEL_FLAG_MARKER ? n_frames : n_frames) * 40);
            if ((record.flags & REEL_ENTRY) == REEL_ENTRY) {
                g_assert_cmpuint(record.payload[0] & 0x1f, ==, 24); /* SPS and PPS lead */
                g_assert_cmpuint(record.payload[3] & 0x1f, ==, 7);
                n_keys++;
            }
            n_frames += (record.flags & REEL_FLAG_MARKER) != 0;
        }
        reel_cursor_advance(cursor);
    }
    g_assert_cmpuint(n_frames, ==, FRAMES);
    g_assert_cmpuint(n_keys, ==, 3);
    g_assert_cmpuint(n_audio, >=, 149);
}

#define VIDEO "videotestsrc num-buffers=75 ! video/x-raw,width=320,height=180,framerate=25/1 ! "
#define AUDIO "audiotestsrc num-buffers=150 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "

static void
test_makes_a_film(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    g_autoptr(GError) error = NULL;
    GstreelSinkStats stats;
    int64_t duration_us;

    run(writer, VIDEO "x264enc bframes=0 key-int-max=25 speed-preset=ultrafast tune=zerolatency aud=true",
        AUDIO GSTREEL_OPUS_ENCODER, &stats);
    g_assert_true(reel_writer_finish(writer, &duration_us, &error));
    g_assert_no_error(error);
    g_assert_cmpint(duration_us / 100000, ==, 30);
    g_assert_cmpuint(stats.frames, ==, FRAMES);
    g_assert_cmpuint(stats.key_frames, ==, 3);
    g_assert_cmpuint(stats.reordered, ==, 0);
    g_assert_cmpuint(stats.dropped_nals, >=, FRAMES);
    check_film(folder);
    fixture_remove(folder);
}

static void
test_reports_b_frames(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    GstreelSinkStats stats;

    run(writer, VIDEO "x264enc bframes=2 b-adapt=false key-int-max=25 speed-preset=veryfast", NULL, &stats);
    g_assert_cmpuint(stats.reordered, >, FRAMES / 3);
    g_assert_true(reel_writer_finish(writer, NULL, NULL));
    fixture_remove(folder);
}

int
main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gst/reel-sink/makes-a-film", test_makes_a_film);
    g_test_add_func("/gst/reel-sink/reports-b-frames", test_reports_b_frames);
    return g_test_run();
}
