#include "tests/integration/delivery/media-fixture.h"

#include <gst/gst.h>

#include "lib/base/error.h"
#include "lib/gst/reel-sink.h"
#include "lib/reel/cursor.h"
#include "lib/reel/reel-live.h"
#include "lib/reel/reel-writer.h"

/* ---- film ---- */

static gboolean
run_to_end(GstElement *pipeline, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = NULL;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
        return TRUE;
    if (message)
        gst_message_parse_error(message, error, NULL);
    else
        g_set_error(error, BASE_ERROR, BASE_ERROR_TIMEOUT, "the film was not finished in time");

    return FALSE;
}

static void
link_sink(GstElement *pipeline, const char *from, GstreelSink *sink)
{
    g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), from);

    gst_bin_add(GST_BIN(pipeline), gstreel_sink_element(sink));
    g_assert_true(gst_element_link(source, gstreel_sink_element(sink)));
}

gboolean
fixture_make_film(const char *folder, unsigned seconds, unsigned tone_hz, GError **error)
{
    g_autofree char *description = g_strdup_printf(
        "videotestsrc num-buffers=%u pattern=ball ! "
        "video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! "
        "x264enc bframes=0 key-int-max=50 tune=zerolatency "
        "speed-preset=ultrafast bitrate=1500 ! video/x-h264,profile=constrained-baseline ! identity name=v "
        "audiotestsrc num-buffers=%u samplesperbuffer=960 freq=%u volume=0.5 ! "
        "audio/x-raw,rate=48000,channels=2 ! " GSTREEL_OPUS_ENCODER " ! identity name=a",
        seconds * 25, seconds * 50, tone_hz);
    g_autoptr(GstElement) pipeline = NULL;
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    g_autoptr(GstreelSink) video = NULL, audio = NULL;
    gboolean ok;

    pipeline = gst_parse_launch(description, error);
    if (!pipeline)
        return FALSE;
    video = gstreel_sink_new(REEL_CODEC_H264, writer, NULL, NULL, NULL, error);
    audio = video ? gstreel_sink_new(REEL_CODEC_OPUS, writer, "en", NULL, NULL, error) : NULL;
    if (!audio)
        return FALSE;
    link_sink(pipeline, "v", video);
    link_sink(pipeline, "a", audio);
    ok = run_to_end(pipeline, error);

    return ok && reel_writer_finish(writer, NULL, error);
}

/* ---- channel ---- */

struct FixtureChannel {
    ReelBlockCache *cache;
    ReelProgramme *film, *live;
    ReelCursor *cursor;
    GThread *thread;
    gint stop;
};

static uint32_t
clock_rate(const FixtureChannel *self, unsigned track)
{
    return reel_programme_track(self->film, track)->clock_rate;
}

/* The film's tracks in the order of the channel's. */
static gpointer
feed(gpointer data)
{
    FixtureChannel *self = data;
    int64_t base_us = g_get_monotonic_time(), first_us, last_us, wake_us, us;
    const int64_t lead_us = 50 * 1000;

    reel_programme_range(self->film, &first_us, &last_us);
    while (!g_atomic_int_get(&self->stop)) {
        int64_t now_us = g_get_monotonic_time();
        ReelRecord record;

        switch (reel_cursor_peek(self->cursor, now_us, &record, &wake_us)) {
        case REEL_NEXT_RECORD:
            if (record.due_us + base_us > now_us + lead_us) {
                g_usleep(2000);
                break;
            }
            record.due_us += base_us;
            record.rtp_ticks += (uint32_t)(base_us / 1000 * (clock_rate(self, record.track) / 1000));
            reel_live_append(self->live, record.track, &record);
            reel_cursor_advance(self->cursor);
            break;
        case REEL_NEXT_END:
            base_us += (last_us + 1000 + 19999) / 20000 * 20000;
            reel_cursor_seek(self->cursor, 0, &us);
            break;
        case REEL_NEXT_WAIT:
        case REEL_NEXT_EDGE:
        case REEL_NEXT_GAP:
            g_usleep(1000);
            break;
        }
    }

    return NULL;
}

FixtureChannel *
fixture_channel_new(ReelBlockCache *cache, const char *name, const char *folder, GError **error)
{
    FixtureChannel *self = g_new0(FixtureChannel, 1);
    ReelTrackInfo tracks[2];
    unsigned order[2] = {0, 1};

    self->cache = cache;
    self->film = reel_programme_open(cache, name, folder, error);
    if (!self->film || reel_programme_n_tracks(self->film) != 2) {
        fixture_channel_free(self);
        return NULL;
    }
    for (unsigned i = 0; i < 2; i++)
        tracks[i] = *reel_programme_track(self->film, i);
    self->live = reel_live_new(cache, name, tracks, 2, 30);
    self->cursor = reel_cursor_new(self->film, order, 2, error);
    self->thread = g_thread_new("channel", feed, self);

    return self;
}

void
fixture_channel_free(FixtureChannel *self)
{
    if (!self)
        return;
    g_atomic_int_set(&self->stop, 1);
    if (self->thread)
        g_thread_join(self->thread);
    reel_cursor_free(self->cursor);
    if (self->live)
        reel_live_end(self->live);
    g_clear_pointer(&self->live, reel_programme_unref);
    g_clear_pointer(&self->film, reel_programme_unref);
    g_free(self);
}

ReelProgramme *
fixture_channel_programme(FixtureChannel *self)
{
    return self->live;
}
