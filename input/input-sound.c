#include "input/input-sound.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <string.h>

#include "input/sound-line.h"
#include "lib/base/error.h"

/* Sound has a thread of its own: its conversion must not hold up the picture. */
#define BEFORE "queue max-size-buffers=0 max-size-bytes=1048576 max-size-time=0 leaky=downstream ! "
#define RAW "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved"
#define AFTER                                                                                                \
    " ! audioconvert ! audioresample ! " RAW " ! appsink name=raw sync=false async=false max-buffers=16"
#define ENCODER "appsrc name=line format=time caps=" RAW " ! " GSTREEL_OPUS_ENCODER

struct InputSound {
    InputSourceClock *clock;
    InputSoundLine *line;
    GstElement *decoder, *encoder; /* bins, the pipeline's */
    GstElement *source;            /* appsrc */
    GstreelSink *sink;
    int64_t next_due_us; /* of the next Opus packet; 0: none yet */
    bool follows_other;  /* the first one goes on after another pipeline's */
};

static void
on_emit(void *user_data, const int16_t *samples, int64_t due_us)
{
    InputSound *self = user_data;
    size_t size = INPUT_SOUND_FRAME * INPUT_SOUND_CHANNELS * sizeof(int16_t);
    GstBuffer *buffer;

    if (due_us < 0)
        return;
    buffer = gst_buffer_new_memdup(samples, size);
    GST_BUFFER_PTS(buffer) = (GstClockTime)due_us * GST_USECOND;
    GST_BUFFER_DURATION(buffer) = INPUT_SOUND_FRAME_US * GST_USECOND;
    gst_app_src_push_buffer(GST_APP_SRC(self->source), buffer);
}

static GstFlowReturn
on_raw(GstAppSink *appsink, gpointer user_data)
{
    InputSound *self = user_data;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(appsink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstClockTime time_ns;
    bool discontinuity;
    int64_t due_us;
    GstMapInfo map;

    if (!buffer || !GST_BUFFER_PTS_IS_VALID(buffer))
        return GST_FLOW_OK;
    time_ns =
        gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (!GST_CLOCK_TIME_IS_VALID(time_ns) ||
        !input_source_clock_map(self->clock, INPUT_CLOCK_AUDIO, (int64_t)(time_ns / GST_USECOND),
                                g_get_monotonic_time(), &due_us, &discontinuity) ||
        !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    self->follows_other |= discontinuity;
    input_sound_line_push(self->line, (const int16_t *)(const void *)map.data,
                          map.size / (INPUT_SOUND_CHANNELS * sizeof(int16_t)), due_us);
    gst_buffer_unmap(buffer, &map);
    return GST_FLOW_OK;
}

/* Opus packets come out with the times that the line gave to the samples, except for the first one, which the
 * encoder's lookahead shortens: the steps stay exact, and the constant rest is a third of a frame. */
static bool
on_stamp(void *user_data, GstClockTime time_ns, uint16_t *flags, int64_t *ret_due_us, int64_t *ret_pts_us)
{
    InputSound *self = user_data;
    int64_t due_us = (int64_t)(time_ns / GST_USECOND);

    if (self->next_due_us != 0 && ABS(due_us - self->next_due_us) <= INPUT_SOUND_FRAME_US / 2)
        due_us = self->next_due_us;
    else if (self->next_due_us != 0 || self->follows_other)
        *flags |= REEL_FLAG_DISCONTINUITY;
    self->next_due_us = due_us + INPUT_SOUND_FRAME_US;
    input_source_clock_note(self->clock, INPUT_CLOCK_AUDIO, due_us, g_get_monotonic_time());
    *ret_due_us = *ret_pts_us = due_us;
    return true;
}

static const GstreelSinkEvents sink_events = {.stamp = on_stamp};

static GstElement *
make_bin(GstBin *pipeline, const char *text, GError **error)
{
    g_autoptr(GError) cause = NULL;
    GstElement *bin = gst_parse_bin_from_description(text, TRUE, &cause);

    if (!bin || cause) {
        g_clear_pointer(&bin, gst_object_unref);
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "GStreamer: %s",
                    cause ? cause->message : "no bin");
        return NULL;
    }
    gst_bin_add(pipeline, bin);
    return bin;
}

static bool
build(InputSound *self, GstBin *pipeline, const char *decoder, GError **error)
{
    g_autofree char *text = g_strconcat(BEFORE, decoder, AFTER, NULL);
    GstAppSinkCallbacks callbacks = {.new_sample = on_raw};
    g_autoptr(GstElement) raw = NULL;

    gst_bin_add(pipeline, gstreel_sink_element(self->sink));
    self->encoder = make_bin(pipeline, ENCODER, error);
    self->decoder = self->encoder ? make_bin(pipeline, text, error) : NULL;
    if (!self->decoder)
        return false;
    self->source = gst_bin_get_by_name(GST_BIN(self->encoder), "line");
    raw = gst_bin_get_by_name(GST_BIN(self->decoder), "raw");
    gst_app_sink_set_callbacks(GST_APP_SINK(raw), &callbacks, self, NULL);
    return gst_element_link(self->encoder, gstreel_sink_element(self->sink)) &&
           gst_element_sync_state_with_parent(gstreel_sink_element(self->sink)) &&
           gst_element_sync_state_with_parent(self->encoder) &&
           gst_element_sync_state_with_parent(self->decoder);
}

InputSound *
input_sound_new(
    GstBin *pipeline, const char *decoder, ReelWriter *writer, InputSourceClock *clock, GError **error)
{
    g_autoptr(InputSound) self = g_new0(InputSound, 1);

    self->clock = clock;
    self->line = input_sound_line_new(on_emit, self);
    self->sink = gstreel_sink_new(REEL_CODEC_OPUS, writer, NULL, &sink_events, self, error);
    if (!self->sink)
        return NULL;
    if (!build(self, pipeline, decoder, error)) {
        if (error && !*error)
            g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INTERNAL,
                                "the sound does not fit into the pipeline");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
input_sound_free(InputSound *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->source, gst_object_unref);
    gstreel_sink_free(self->sink);
    input_sound_line_free(self->line);
    g_free(self);
}

GstPad *
input_sound_pad(InputSound *self)
{
    return gst_element_get_static_pad(self->decoder, "sink");
}

void
input_sound_stats(InputSound *self, GstreelSinkStats *ret_stats)
{
    gstreel_sink_stats(self->sink, ret_stats);
}
