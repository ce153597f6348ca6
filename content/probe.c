#include "content/probe.h"

#include "content/h264.h"
#include "content/pump.h"
#include "content/source.h"
#include "lib/base/error.h"

#include <string.h>

enum {
    STALL_S = 20,
    /* Enough is known of a long film that has to be encoded anyway. */
    ENOUGH_US = 120 * G_USEC_PER_SEC,
};

/* One stream while it is read; written by its streaming thread, read when the pipeline has ended. */
typedef struct {
    struct Probe *probe;
    const ContentCodec *codec;
    GstElement *bin;
    uint64_t buffers, bytes;
    int64_t first_us, last_us; /* earliest and latest presentation time */
    unsigned largest;
    ContentH264Sps sps;
    int64_t first_key_us, last_key_us, key_gap_us;
    uint64_t keys;
    int rotation;
    char language[16];
    gint size_changes;
} Stream;

typedef struct Probe {
    GstElement *pipeline;
    ContentSource *source;
    ContentFacts *facts;
    Stream video, audio;
    gint activity;   /* atomic */
    gint reached_ms; /* atomic */
    bool said_enough;
    void (*position)(void *user_data, int64_t media_us, int64_t duration_us);
    void *user_data;
} Probe;

static void
note_key(Stream *self, int64_t now_us)
{
    if (self->keys++ == 0)
        self->first_key_us = now_us;
    else
        self->key_gap_us = MAX(self->key_gap_us, now_us - self->last_key_us);
    self->last_key_us = now_us;
}

/* Ends the reading of a long file once it is clear that it has to be encoded. */
static void
maybe_enough(Probe *probe, int64_t now_us)
{
    if (probe->said_enough || !probe->facts->video.b_frames || now_us < ENOUGH_US)
        return;
    probe->said_enough = true;
    gst_element_post_message(probe->pipeline,
                             gst_message_new_application(GST_OBJECT(probe->pipeline),
                                                         gst_structure_new_empty(CONTENT_PUMP_ENOUGH)));
}

static void
read_picture(Stream *self, const GstMapInfo *map, int64_t now_us)
{
    ContentH264Picture picture;

    content_h264_read(map->data, map->size, &self->sps, &picture);
    if (picture.idr)
        note_key(self, now_us);
    if (picture.b_slice)
        self->probe->facts->video.b_frames = true;
    if (self->sps.valid && !self->sps.frame_mbs_only)
        self->probe->facts->video.interlaced = true;
    maybe_enough(self->probe, now_us);
}

static int64_t
running_us(GstPad *pad, GstBuffer *buffer)
{
    g_autoptr(GstEvent) event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    const GstSegment *segment = NULL;
    GstClockTime time;
    int sign;

    if (event == NULL || !GST_BUFFER_PTS_IS_VALID(buffer))
        return G_MININT64;
    gst_event_parse_segment(event, &segment);
    sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &time);
    return sign == 0 ? G_MININT64 : sign * (int64_t)(time / 1000);
}

static void
on_handoff(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
    Stream *self = user_data;
    int64_t now_us = running_us(pad, buffer);
    GstMapInfo map;

    (void)sink;
    g_atomic_int_inc(&self->probe->activity);
    if (now_us == G_MININT64)
        return;
    self->first_us = self->buffers == 0 ? now_us : MIN(self->first_us, now_us);
    self->last_us = self->buffers == 0 ? now_us : MAX(self->last_us, now_us);
    self->buffers++;
    self->bytes += gst_buffer_get_size(buffer);
    self->largest = MAX(self->largest, (unsigned)gst_buffer_get_size(buffer));
    g_atomic_int_set(&self->probe->reached_ms, (gint)(self->last_us / 1000));

    if (content_codec_is_h264(self->codec) && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        read_picture(self, &map, now_us);
        gst_buffer_unmap(buffer, &map);
    }
}

static int
rotation_of(const char *orientation)
{
    return g_str_has_prefix(orientation, "rotate-90")    ? 90
           : g_str_has_prefix(orientation, "rotate-180") ? 180
           : g_str_has_prefix(orientation, "rotate-270") ? 270
                                                         : 0;
}

static void
read_tags(Stream *self, const GstTagList *tags)
{
    g_autofree char *language = NULL, *orientation = NULL;

    if (gst_tag_list_get_string(tags, GST_TAG_LANGUAGE_CODE, &language))
        g_strlcpy(self->language, language, sizeof self->language);
    if (gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &orientation))
        self->rotation = rotation_of(orientation);
}

static void
read_video_caps(ContentVideoFacts *video, const GstStructure *caps)
{
    int width = 0, height = 0, par_n = 1, par_d = 1;
    const char *profile = gst_structure_get_string(caps, "profile");
    const char *mode = gst_structure_get_string(caps, "interlace-mode");

    gst_structure_get_int(caps, "width", &width);
    gst_structure_get_int(caps, "height", &height);
    if (video->width != 0 && ((int)video->width != width || (int)video->height != height))
        video->variable_size = true;
    video->width = (unsigned)MAX(width, 0);
    video->height = (unsigned)MAX(height, 0);
    gst_structure_get_fraction(caps, "pixel-aspect-ratio", &par_n, &par_d);
    video->pixel_aspect = par_n > 0 && par_d > 0 ? (double)par_n / par_d : 1.0;
    if (profile != NULL && !g_ascii_isdigit(profile[0])) /* VP9 only counts its own */
        g_strlcpy(video->profile, profile, sizeof video->profile);
    if (mode != NULL && !g_str_equal(mode, "progressive"))
        video->interlaced = true;
}

static void
read_audio_caps(ContentAudioFacts *audio, const GstStructure *caps)
{
    int channels = 0, rate = 0, layer = 0;

    gst_structure_get_int(caps, "channels", &channels);
    gst_structure_get_int(caps, "rate", &rate);
    audio->channels = (unsigned)MAX(channels, 0);
    audio->rate_hz = (unsigned)MAX(rate, 0);
    /* MPEG-TS does not say which layer it is; the parser does. */
    if (gst_structure_has_name(caps, "audio/mpeg") && gst_structure_get_int(caps, "layer", &layer))
        g_snprintf(audio->codec, sizeof audio->codec, "MP%d", layer);
}

static GstPadProbeReturn
on_event(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    Stream *self = user_data;
    GstEvent *event = gst_pad_probe_info_get_event(info);

    (void)pad;
    g_atomic_int_inc(&self->probe->activity);
    if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
        GstTagList *tags = NULL;

        gst_event_parse_tag(event, &tags);
        read_tags(self, tags);
    } else if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = NULL;

        gst_event_parse_caps(event, &caps);
        if (self->codec->kind == CONTENT_VIDEO)
            read_video_caps(&self->probe->facts->video, gst_caps_get_structure(caps, 0));
        else
            read_audio_caps(&self->probe->facts->audio, gst_caps_get_structure(caps, 0));
    }
    return GST_PAD_PROBE_OK;
}

static GstPad *
on_stream(void *user_data, const ContentCodec *codec, const GstCaps *caps)
{
    Probe *self = user_data;
    Stream *stream = codec->kind == CONTENT_VIDEO ? &self->video : &self->audio;
    bool h264 = content_codec_is_h264(codec);
    g_autofree char *text = g_strdup_printf(
        "queue max-size-buffers=0 max-size-time=0 ! %s ! %s fakesink name=end sync=false async=false "
        "signal-handoffs=true",
        codec->parser, h264 ? "video/x-h264,stream-format=byte-stream,alignment=au !" : "");
    GstElement *bin = gst_parse_bin_from_description(text, TRUE, NULL);
    g_autoptr(GstElement) end = NULL;
    g_autoptr(GstPad) pad = NULL;

    (void)caps;
    if (bin == NULL)
        return NULL;
    stream->probe = self;
    stream->codec = codec;
    stream->bin = bin;
    end = gst_bin_get_by_name(GST_BIN(bin), "end");
    pad = gst_element_get_static_pad(end, "sink");
    g_signal_connect(end, "handoff", G_CALLBACK(on_handoff), stream);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, stream, NULL);
    gst_bin_add(GST_BIN(self->pipeline), bin);
    gst_element_sync_state_with_parent(bin);
    return gst_element_get_static_pad(bin, "sink");
}

static double
seconds_of(const Stream *self)
{
    return (double)(self->last_us - self->first_us) / 1e6;
}

static unsigned
kbps_of(const Stream *self)
{
    double seconds = seconds_of(self);

    return seconds > 0 ? (unsigned)((double)self->bytes * 8 / 1000 / seconds) : 0;
}

static void
sum_up_video(const Stream *self, ContentVideoFacts *video)
{
    double seconds = seconds_of(self);

    g_strlcpy(video->codec, self->codec->label, sizeof video->codec);
    video->fits_payload = content_codec_is_h264(self->codec);
    video->frames = self->buffers;
    video->first_us = self->first_us;
    video->fps = seconds > 0 ? (double)(self->buffers - 1) / seconds : 0;
    video->bitrate_kbps = kbps_of(self);
    video->rotation = self->rotation;
    video->bit_depth = 8;
    video->chroma = 1;
    video->first_key_s = -1;
    if (!video->fits_payload)
        return;
    g_strlcpy(video->profile, content_h264_profile_name(&self->sps), sizeof video->profile);
    if (self->sps.valid) {
        video->bit_depth = self->sps.bit_depth;
        video->chroma = self->sps.chroma_format_idc;
        video->several_sets = (self->sps.pps_ids & (self->sps.pps_ids - 1)) != 0;
    }
    if (self->keys > 0) {
        video->first_key_s = (double)(self->first_key_us - self->first_us) / 1e6;
        /* The rest behind the last key frame counts too. */
        video->longest_key_gap_s = (double)MAX(self->key_gap_us, self->last_us - self->last_key_us) / 1e6;
        video->average_key_gap_s = seconds / (double)self->keys;
    }
}

static void
sum_up_audio(const Stream *self, ContentAudioFacts *audio)
{
    if (audio->codec[0] == '\0')
        g_strlcpy(audio->codec, self->codec->label, sizeof audio->codec);
    g_strlcpy(audio->language, self->language, sizeof audio->language);
    audio->first_us = self->first_us;
    audio->is_opus = content_codec_is_opus(self->codec);
    audio->largest_packet_bytes = self->largest;
    audio->bitrate_kbps = kbps_of(self);
}

static void
sum_up(Probe *self, int64_t duration_us)
{
    ContentFacts *facts = self->facts;
    const ContentSourceLeftOut *left_out = content_source_left_out(self->source);

    g_strlcpy(facts->container, content_source_container(self->source), sizeof facts->container);
    facts->has_video = self->video.buffers > 0;
    facts->has_audio = self->audio.buffers > 0;
    if (facts->has_video)
        sum_up_video(&self->video, &facts->video);
    if (facts->has_audio)
        sum_up_audio(&self->audio, &facts->audio);
    facts->duration_us = duration_us > 0 ? duration_us : MAX(self->video.last_us, self->audio.last_us);
    facts->more_video = left_out->more_video;
    facts->more_audio = left_out->more_audio;
    facts->others = left_out->others;
    g_strlcpy(facts->unknown_video, left_out->unknown_video, sizeof facts->unknown_video);
    g_strlcpy(facts->unknown_audio, left_out->unknown_audio, sizeof facts->unknown_audio);
}

static uint64_t
on_activity(void *user_data)
{
    return (uint64_t)g_atomic_int_get(&((Probe *)user_data)->activity);
}

static void
on_tick(void *user_data)
{
    Probe *self = user_data;
    gint64 duration_ns = 0;

    gst_element_query_duration(self->pipeline, GST_FORMAT_TIME, &duration_ns);
    if (duration_ns > 0)
        self->facts->duration_us = duration_ns / 1000;
    if (self->position != NULL)
        self->position(self->user_data, (int64_t)g_atomic_int_get(&self->reached_ms) * 1000,
                       self->facts->duration_us);
}

/* The duration can only be asked while the demultiplexer lives: at its end of stream. */
static GstBusSyncReply
on_sync_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    Probe *self = user_data;

    (void)bus;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS &&
        GST_MESSAGE_SRC(message) == GST_OBJECT(self->pipeline)) {
        gint64 duration_ns = 0;

        if (gst_element_query_duration(self->pipeline, GST_FORMAT_TIME, &duration_ns) && duration_ns > 0)
            self->facts->duration_us = duration_ns / 1000;
    }
    return GST_BUS_PASS;
}

bool
content_probe(const char *path,
              ContentFacts *ret_facts,
              void (*position)(void *user_data, int64_t media_us, int64_t duration_us),
              void *user_data,
              GError **error)
{
    static const ContentPumpEvents events = {.activity = on_activity, .tick = on_tick};
    g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(ContentSource) source = NULL;
    ContentFacts facts = {0};
    Probe self = {.pipeline = pipeline, .facts = &facts, .position = position, .user_data = user_data};

    source = content_source_new(path, GST_BIN(pipeline), on_stream, &self, error);
    if (source == NULL)
        return false;
    self.source = source;
    gst_bus_set_sync_handler(bus, on_sync_message, &self, NULL);
    if (!content_pump_run(pipeline, STALL_S, &events, &self, error))
        return false;

    sum_up(&self, facts.duration_us);
    *ret_facts = facts;
    return true;
}
