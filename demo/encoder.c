#include "demo/encoder.h"

#include "demo/picture.h"
#include "lib/base/error.h"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum {
    AUDIO_RATE = 48000,
    LATE_US = 300000, /* later than this a live encoder leaves pictures out instead of falling behind */
    EOS_TIMEOUT_S = 20,
};

typedef struct {
    const DemoEncoderOptions *options;
    DemoPicture *picture;
    GstElement *pipeline;
    GstElement *video, *audio; /* appsrc; audio may be NULL */
    uint64_t samples;          /* audio made so far, per channel */
    int64_t start_us;          /* monotonic, of frame 0 */
} Encoder;

static const char *
audio_branch(const char *audio)
{
    if (g_str_equal(audio, "mp3"))
        return "lamemp3enc target=bitrate bitrate=128 ! mpegaudioparse";
    if (g_str_equal(audio, "ac3"))
        return "avenc_ac3 bitrate=192000 ! ac3parse";
    if (g_str_equal(audio, "opus"))
        return "opusenc bitrate=96000 bitrate-type=cbr ! opusparse";
    return "avenc_aac bitrate=128000 ! aacparse";
}

static const char *
muxer(const DemoEncoderOptions *options)
{
    if (options->host != NULL)
        return "mpegtsmux alignment=7 name=mux";
    if (g_str_has_suffix(options->file, ".mkv"))
        return "matroskamux name=mux";
    if (g_str_has_suffix(options->file, ".ts"))
        return "mpegtsmux name=mux";
    if (g_str_has_suffix(options->file, ".mov"))
        return "qtmux name=mux";
    return "mp4mux faststart=true name=mux";
}

/* Live: CBR with a short buffer, so that a key frame does not flood the receiver's socket. */
static void
describe_video(GString *text, const DemoEncoderOptions *options)
{
    bool live = options->host != NULL;

    g_string_append_printf(
        text,
        "appsrc name=video format=time block=true max-buffers=4 max-bytes=0 "
        "caps=video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1,pixel-aspect-ratio=1/1 ! "
        "x264enc byte-stream=true threads=%d speed-preset=%s bframes=%d key-int-max=%d bitrate=%d "
        "vbv-buf-capacity=%d option-string=scenecut=0:open-gop=0 %s! h264parse config-interval=-1 ! queue ! "
        "mux. ",
        options->width, options->height, options->fps, live ? 1 : 0, live ? "ultrafast" : "veryfast",
        live ? 0 : options->b_frames, MAX(options->fps * options->key_interval_ms / 1000, 1),
        options->bitrate_kbps, live ? 500 : 1000, live ? "tune=zerolatency " : "");
}

static void
describe_audio(GString *text, const DemoEncoderOptions *options)
{
    if (g_str_equal(options->audio, "none"))
        return;

    g_string_append_printf(
        text,
        "appsrc name=audio format=time block=true max-bytes=4000000 "
        "caps=audio/x-raw,format=F32LE,layout=interleaved,rate=%d,channels=%d,"
        "channel-mask=(bitmask)0x%x ! audioconvert ! %s ! queue max-size-time=0 max-size-buffers=0 ! mux. ",
        AUDIO_RATE, options->audio_channels,
        options->audio_channels == 6   ? 0x3fU
        : options->audio_channels == 2 ? 0x3U
                                       : 0U,
        audio_branch(options->audio));
}

static bool
build(Encoder *self, GError **error)
{
    const DemoEncoderOptions *options = self->options;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GstElement) sink = NULL;

    g_string_append_printf(text, "%s ! %s name=sink ", muxer(options),
                           options->host != NULL ? "udpsink sync=false async=false" : "filesink");
    describe_video(text, options);
    describe_audio(text, options);

    self->pipeline = gst_parse_launch(text->str, error);
    if (self->pipeline == NULL)
        return false;
    self->video = gst_bin_get_by_name(GST_BIN(self->pipeline), "video");
    self->audio = gst_bin_get_by_name(GST_BIN(self->pipeline), "audio");

    sink = gst_bin_get_by_name(GST_BIN(self->pipeline), "sink");
    if (options->host != NULL)
        g_object_set(sink, "host", options->host, "port", options->port, "buffer-size", 1 << 20, NULL);
    else
        g_object_set(sink, "location", options->file, NULL);
    return true;
}

/* True if the pipeline reported an error. */
static bool
failed(Encoder *self, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    g_autoptr(GError) cause = NULL;

    if (message == NULL)
        return false;
    gst_message_parse_error(message, &cause, NULL);
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "encoding stopped at %s: %s",
                GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), cause->message);
    return true;
}

static bool
push(GstElement *source, GstBuffer *buffer, GstClockTime pts, GstClockTime duration)
{
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    return gst_app_src_push_buffer(GST_APP_SRC(source), buffer) == GST_FLOW_OK;
}

/* The picture's rows follow each other without the gaps that GStreamer would leave where the width is no
 * multiple of 8: said with each buffer. */
static void
describe_rows(GstBuffer *buffer, int width, int height)
{
    gsize luma = (gsize)width * (gsize)height;
    gsize offsets[GST_VIDEO_MAX_PLANES] = {0, luma, luma + luma / 4};
    gint strides[GST_VIDEO_MAX_PLANES] = {width, width / 2, width / 2};

    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, (guint)width,
                                   (guint)height, 3, offsets, strides);
}

static void
clock_text(uint64_t clock_ms, char *ret_text, size_t size)
{
    time_t seconds = (time_t)(clock_ms / 1000);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    g_snprintf(ret_text, size, "%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec,
               (int)(clock_ms % 1000));
}

static bool
push_picture(Encoder *self, uint32_t frame)
{
    const DemoEncoderOptions *options = self->options;
    bool live = options->host != NULL;
    uint64_t media_ms = (uint64_t)frame * 1000 / (uint64_t)options->fps;
    DemoCounter counter = {.frame = frame, .channel = options->number};
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, demo_picture_size(self->picture), NULL);
    char text[32];
    GstMapInfo map;

    counter.clock_ms = live ? (uint64_t)(g_get_real_time() / 1000) : media_ms;
    clock_text(counter.clock_ms, text, sizeof text);
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    demo_picture_draw(self->picture, &counter, text, (double)frame / options->fps, map.data);
    gst_buffer_unmap(buffer, &map);
    describe_rows(buffer, options->width, options->height);

    return push(self->video, buffer, gst_util_uint64_scale(frame, GST_SECOND, (guint64)options->fps),
                GST_SECOND / (GstClockTime)options->fps);
}

/* Sound up to the end of @frame, also of pictures that were left out. */
static bool
push_sound(Encoder *self, uint32_t frame)
{
    int channels = self->options->audio_channels;
    uint64_t end = ((uint64_t)frame + 1) * AUDIO_RATE / (uint64_t)self->options->fps;
    uint64_t n = end - self->samples;
    GstClockTime pts = gst_util_uint64_scale(self->samples, GST_SECOND, AUDIO_RATE);
    GstBuffer *buffer;
    GstMapInfo map;

    if (self->audio == NULL || n == 0)
        return true;

    buffer = gst_buffer_new_allocate(NULL, n * (gsize)channels * sizeof(float), NULL);
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (uint64_t i = 0; i < n; i++) {
        /* The phase from the position within a second: a whole number of periods, so it never drifts. */
        double phase = (double)((self->samples + i) % AUDIO_RATE) * self->options->tone_hz / AUDIO_RATE;
        float value = (float)(0.25 * sin(2.0 * G_PI * phase));

        for (int channel = 0; channel < channels; channel++)
            ((float *)(void *)map.data)[i * (uint64_t)channels + (uint64_t)channel] = value;
    }
    gst_buffer_unmap(buffer, &map);
    self->samples = end;

    return push(self->audio, buffer, pts, gst_util_uint64_scale(n, GST_SECOND, AUDIO_RATE));
}

/* Waits until @frame is due; returns the frame that is due now, later than @frame if time was lost. */
static uint32_t
wait_until_due(const Encoder *self, uint32_t frame)
{
    int64_t due_us = self->start_us + (int64_t)frame * G_USEC_PER_SEC / self->options->fps;
    int64_t late_us = g_get_monotonic_time() - due_us;
    struct timespec until = {.tv_sec = due_us / G_USEC_PER_SEC, .tv_nsec = due_us % G_USEC_PER_SEC * 1000};

    if (late_us > LATE_US)
        return frame + (uint32_t)(late_us * self->options->fps / G_USEC_PER_SEC);
    if (late_us < 0)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL); /* a signal ends it early: no harm */
    return frame;
}

static bool
produce(Encoder *self, const volatile sig_atomic_t *stop, GError **error)
{
    const DemoEncoderOptions *options = self->options;
    bool live = options->host != NULL;
    uint32_t end = options->seconds > 0 ? (uint32_t)lround(options->seconds * options->fps) : UINT32_MAX;

    for (uint32_t frame = 0; frame < end && !*stop; frame++) {
        if (live)
            frame = wait_until_due(self, frame);
        if (failed(self, error))
            return false;
        if (!push_picture(self, frame) || !push_sound(self, frame))
            break; /* the pipeline is shutting down; the reason is on the bus */
    }
    return true;
}

/* Ends the streams and waits until the muxer has written its tables. */
static bool
finish(Encoder *self, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
    g_autoptr(GstMessage) message = NULL;

    gst_app_src_end_of_stream(GST_APP_SRC(self->video));
    if (self->audio != NULL)
        gst_app_src_end_of_stream(GST_APP_SRC(self->audio));

    message =
        gst_bus_timed_pop_filtered(bus, EOS_TIMEOUT_S * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (message == NULL) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TIMEOUT, "the encoder did not finish within %d s",
                    EOS_TIMEOUT_S);
        return false;
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) cause = NULL;

        gst_message_parse_error(message, &cause, NULL);
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "encoding failed: %s", cause->message);
        return false;
    }
    return true;
}

static void
clear(Encoder *self)
{
    if (self->pipeline != NULL)
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
    g_clear_object(&self->video);
    g_clear_object(&self->audio);
    g_clear_object(&self->pipeline);
    g_clear_pointer(&self->picture, demo_picture_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Encoder, clear)

bool
demo_encoder_run(const DemoEncoderOptions *options, const volatile sig_atomic_t *stop, GError **error)
{
    g_auto(Encoder) self = {.options = options};

    self.picture = demo_picture_new(options->width, options->height, options->name, options->number);
    if (!build(&self, error))
        return false;

    gst_element_set_state(self.pipeline, GST_STATE_PLAYING);
    self.start_us = g_get_monotonic_time();
    if (!produce(&self, stop, error))
        return false;
    /* A live channel just ends: nobody waits for the rest of a stopped encoder. */
    if (options->host != NULL)
        return !failed(&self, error);
    return finish(&self, error);
}
