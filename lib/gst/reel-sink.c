#include "lib/gst/reel-sink.h"

#include <gst/app/gstappsink.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/gst/h264.h"
#include "lib/gst/opus.h"

#define SOUND_SNAP_TICKS 480
#define BACKWARD_JUMP_NS GST_SECOND /* further back is a new timeline, not a B-frame */

struct GstreelSink {
    ReelCodec codec;
    ReelWriter *writer;
    const GstreelSinkEvents *events;
    void *user_data;
    GstElement *bin;

    /* The streaming thread's. */
    GstreelParameterSets sets;
    GstreelAccessUnit unit;
    GstClockTime newest_ns; /* PTS */
    ReelRecord record;      /* of the access unit under way */
    unsigned n_refused;
    uint32_t next_ticks; /* sound: where the next packet should begin */

    GMutex mutex; /* the rest */
    int track;
    GstreelSinkStats stats;
};

static bool
stamp(GstreelSink *self, GstSample *sample, GstClockTime pts_ns)
{
    GstClockTime time_ns =
        gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME, pts_ns);
    int64_t pts_us;
    uint32_t clock_rate = self->codec == REEL_CODEC_OPUS ? 48000 : 90000;

    if (!GST_CLOCK_TIME_IS_VALID(time_ns))
        return false; /* outside the segment: a decoder would drop it too */
    self->record.flags = 0;
    self->record.due_us = pts_us = (int64_t)(time_ns / GST_USECOND);
    if (self->events && self->events->stamp &&
        !self->events->stamp(self->user_data, time_ns, &self->record.flags, &self->record.due_us, &pts_us))
        return false;
    self->record.rtp_ticks =
        (uint32_t)gst_util_uint64_scale_round((uint64_t)pts_us, clock_rate, G_USEC_PER_SEC);
    return true;
}

/* B-frames show as presentation times that go back a little. */
static bool
goes_back(GstreelSink *self, GstClockTime pts_ns)
{
    bool back = GST_CLOCK_TIME_IS_VALID(self->newest_ns) && pts_ns < self->newest_ns &&
                self->newest_ns - pts_ns < BACKWARD_JUMP_NS;

    if (!back)
        self->newest_ns = pts_ns;
    return back;
}

static void
describe(GstreelSink *self, GstSample *sample, ReelTrackInfo *info)
{
    const GstCaps *caps = gst_sample_get_caps(sample);
    const GstStructure *structure = caps ? gst_caps_get_structure(caps, 0) : NULL;
    int value;

    info->codec = self->codec;
    info->kind = self->codec == REEL_CODEC_OPUS ? REEL_AUDIO : REEL_VIDEO;
    info->clock_rate = self->codec == REEL_CODEC_OPUS ? 48000 : 90000;
    if (structure && gst_structure_get_int(structure, "width", &value))
        info->width = (uint16_t)CLAMP(value, 0, UINT16_MAX);
    if (structure && gst_structure_get_int(structure, "height", &value))
        info->height = (uint16_t)CLAMP(value, 0, UINT16_MAX);
    if (self->codec == REEL_CODEC_OPUS)
        info->channels =
            structure && gst_structure_get_int(structure, "channels", &value) ? (uint16_t)value : 2;
    else
        gstreel_parameter_sets_profile(&self->sets, info->profile);
}

/* Adds the track with the first access unit, keeps its description up to date with key frames. */
static bool
ensure_track(GstreelSink *self, GstSample *sample)
{
    g_autoptr(GError) error = NULL;
    ReelTrackInfo info;
    int track;

    g_mutex_lock(&self->mutex);
    info = self->stats.info;
    track = self->track;
    g_mutex_unlock(&self->mutex);
    describe(self, sample, &info);
    if (track < 0) {
        track = reel_writer_add_track(self->writer, &info, &error);
        if (track < 0) {
            GST_ELEMENT_ERROR(self->bin, RESOURCE, OPEN_WRITE, ("%s", error->message), (NULL));
            return false;
        }
    } else {
        reel_writer_update_track(self->writer, track, &info);
    }
    g_mutex_lock(&self->mutex);
    self->stats.info = info;
    self->track = track;
    g_mutex_unlock(&self->mutex);
    return true;
}

static bool
write_payload(void *user_data, const uint8_t *payload, uint16_t length, bool first, bool last)
{
    GstreelSink *self = user_data;
    ReelRecord record = self->record;

    record.payload = payload;
    record.length = length;
    record.flags |= (uint16_t)((first ? REEL_FLAG_FRAME_START : 0) | (last ? REEL_FLAG_MARKER : 0));
    if (!reel_writer_append(self->writer, self->track, &record))
        self->n_refused++;
    self->record.flags &= (uint16_t)~REEL_FLAG_DISCONTINUITY; /* stands on the first record only */
    return true;
}

static void
count_frame(GstreelSink *self, size_t length, bool key, bool reordered)
{
    g_mutex_lock(&self->mutex);
    self->stats.frames++;
    self->stats.key_frames += key;
    self->stats.bytes += length;
    self->stats.reordered += reordered;
    self->stats.dropped_nals += self->codec == REEL_CODEC_H264 ? self->unit.n_dropped : 0;
    self->stats.dropped_records += self->n_refused;
    self->stats.last_frame_us = g_get_monotonic_time();
    g_mutex_unlock(&self->mutex);
    self->n_refused = 0;
}

static void
count_waiting(GstreelSink *self)
{
    g_mutex_lock(&self->mutex);
    self->stats.waiting++;
    g_mutex_unlock(&self->mutex);
}

static GstFlowReturn
write_video(GstreelSink *self, GstSample *sample, const GstMapInfo *map, GstClockTime pts_ns)
{
    bool reordered, key;

    if (!gstreel_access_unit_parse(&self->unit, map->data, map->size))
        return GST_FLOW_OK; /* parameter sets alone, or nothing a decoder could show */
    gstreel_parameter_sets_update(&self->sets, &self->unit);
    key = self->unit.idr && gstreel_parameter_sets_complete(&self->sets);
    if (self->track < 0 && !key) {
        count_waiting(self);
        return GST_FLOW_OK;
    }
    if (!stamp(self, sample, pts_ns))
        return GST_FLOW_OK;
    reordered = goes_back(self, pts_ns);
    if (key && !ensure_track(self, sample))
        return GST_FLOW_ERROR;
    self->record.flags |=
        (uint16_t)((key ? REEL_FLAG_KEY : 0) | (self->unit.discardable ? REEL_FLAG_DISCARDABLE : 0));
    gstreel_packetize(&self->unit, key ? &self->sets : NULL, REEL_PAYLOAD_MAX, write_payload, self);
    count_frame(self, map->size, key, reordered);
    return GST_FLOW_OK;
}

/* Receivers throw away or patch what does not begin where the last packet ended. Times of containers are
 * rounded, and the first packet of an encoder is cut short: within half a frame the packets themselves are
 * believed. */
static bool
count_ticks(GstreelSink *self, const GstMapInfo *map)
{
    uint32_t samples = gstreel_opus_samples(map->data, map->size);
    int32_t off = (int32_t)(self->record.rtp_ticks - self->next_ticks);

    if (samples == 0)
        return false;
    if (self->track >= 0 && (self->record.flags & REEL_FLAG_DISCONTINUITY) == 0 &&
        ABS((int64_t)off) <= SOUND_SNAP_TICKS)
        self->record.rtp_ticks = self->next_ticks;
    self->next_ticks = self->record.rtp_ticks + samples;
    return true;
}

static GstFlowReturn
write_audio(GstreelSink *self, GstSample *sample, const GstMapInfo *map, GstClockTime pts_ns)
{
    if (map->size == 0 || !stamp(self, sample, pts_ns) || !count_ticks(self, map))
        return GST_FLOW_OK;
    if (self->track < 0 && !ensure_track(self, sample))
        return GST_FLOW_ERROR;
    self->record.flags |= REEL_FLAG_KEY;
    if (map->size > REEL_PAYLOAD_MAX)
        self->n_refused++;
    else
        write_payload(self, map->data, (uint16_t)map->size, true, true);
    count_frame(self, map->size, false, false);
    return GST_FLOW_OK;
}

static GstFlowReturn
on_new_sample(GstAppSink *appsink, gpointer user_data)
{
    GstreelSink *self = user_data;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(appsink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstClockTime pts_ns;
    GstMapInfo map;
    GstFlowReturn result;

    if (!buffer || (self->codec == REEL_CODEC_OPUS && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER)))
        return GST_FLOW_OK;
    pts_ns = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : GST_BUFFER_DTS(buffer);
    if (!GST_CLOCK_TIME_IS_VALID(pts_ns) || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return GST_FLOW_OK;
    result = self->codec == REEL_CODEC_OPUS ? write_audio(self, sample, &map, pts_ns)
                                            : write_video(self, sample, &map, pts_ns);
    gst_buffer_unmap(buffer, &map);
    return result;
}

static GstElement *
make_element(const char *factory, GError **error)
{
    GstElement *element = gst_element_factory_make(factory, NULL);

    if (!element)
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
                    "GStreamer has no element %s: install gstreamer1.0-plugins-base, -good, -bad and -ugly",
                    factory);
    return element;
}

static void
configure_appsink(GstreelSink *self, GstElement *appsink)
{
    static const char h264[] = "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au";
    GstAppSinkCallbacks callbacks = {.new_sample = on_new_sample};
    g_autoptr(GstCaps) caps = gst_caps_from_string(self->codec == REEL_CODEC_OPUS ? "audio/x-opus" : h264);

    g_object_set(appsink, "caps", caps, "sync", FALSE, "async", FALSE, "max-buffers", 8u,
                 "enable-last-sample", FALSE, NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(appsink), &callbacks, self, NULL);
}

static bool
build(GstreelSink *self, GError **error)
{
    GstElement *appsink = make_element("appsink", error), *parser;
    GstPad *pad;

    if (!appsink)
        return false;
    gst_bin_add(GST_BIN(self->bin), appsink);
    configure_appsink(self, appsink);
    parser = make_element(self->codec == REEL_CODEC_OPUS ? "opusparse" : "h264parse", error);
    if (!parser)
        return false;
    gst_bin_add(GST_BIN(self->bin), parser);
    if (!gst_element_link(parser, appsink)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INTERNAL,
                            "the parts of a reel sink do not fit together");
        return false;
    }
    pad = gst_element_get_static_pad(parser, "sink");
    gst_element_add_pad(self->bin, gst_ghost_pad_new("sink", pad));
    gst_object_unref(pad);
    return true;
}

GstreelSink *
gstreel_sink_new(ReelCodec codec,
                 ReelWriter *writer,
                 const char *language,
                 const GstreelSinkEvents *events,
                 void *user_data,
                 GError **error)
{
    g_autoptr(GstreelSink) self = NULL;

    if (codec != REEL_CODEC_H264 && codec != REEL_CODEC_OPUS) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "a reel of this codec cannot be made yet");
        return NULL;
    }
    self = g_new0(GstreelSink, 1);
    self->codec = codec;
    self->writer = writer;
    self->events = events;
    self->user_data = user_data;
    self->track = -1;
    self->newest_ns = GST_CLOCK_TIME_NONE;
    g_strlcpy(self->stats.info.language, language ? language : "", sizeof(self->stats.info.language));
    g_mutex_init(&self->mutex);
    self->bin = gst_object_ref_sink(gst_bin_new(NULL));
    if (!build(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
gstreel_sink_free(GstreelSink *self)
{
    if (!self)
        return;
    gst_object_unref(self->bin);
    g_mutex_clear(&self->mutex);
    g_free(self);
}

GstElement *
gstreel_sink_element(GstreelSink *self)
{
    return self->bin;
}

int
gstreel_sink_track(const GstreelSink *self)
{
    return self->track;
}

void
gstreel_sink_stats(GstreelSink *self, GstreelSinkStats *ret_stats)
{
    g_mutex_lock(&self->mutex);
    *ret_stats = self->stats;
    g_mutex_unlock(&self->mutex);
}
