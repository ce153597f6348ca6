#include "input/input-ts.h"

#include <string.h>

#include "input/input-sound.h"
#include "lib/base/error.h"

/* How an elementary stream gets into the reel. */
typedef struct {
    const char *caps;    /* media type and what else has to match */
    const char *name;    /* for people */
    const char *decoder; /* NULL: passes untouched */
} StreamKind;

static const StreamKind kinds[] = {
    {"video/x-h264", "H.264", NULL},
    {"audio/mpeg, mpegversion=(int){2, 4}, stream-format=(string)loas", "AAC (LATM)",
     "aacparse ! avdec_aac_latm"},
    {"audio/mpeg, mpegversion=(int){2, 4}", "AAC", "aacparse ! avdec_aac"},
    {"audio/mpeg, mpegversion=(int)1", "MPEG audio", "mpegaudioparse ! mpg123audiodec"},
    {"audio/x-ac3", "AC-3", "ac3parse ! avdec_ac3"},
    {"audio/x-eac3", "E-AC-3", "ac3parse ! avdec_eac3"},
    {"audio/x-opus", "Opus", "opusparse ! opusdec"},
};

struct InputTs {
    GstElement *pipeline;
    GstBus *bus;
    ReelWriter *writer;
    InputSourceClock *clock;
    GstreelSink *picture;
    InputSound *sound;
    GMutex mutex;                    /* the rest: pads come on streaming threads */
    const StreamKind *video, *audio; /* NULL: not there */
    InputTsStats stats;
};

bool
input_ts_url_parse(InputTsUrl *self, const char *url, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    g_autoptr(GHashTable) query = NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL, *program;
    int64_t number = -1;

    if (uri && g_uri_get_query(uri))
        query = g_uri_parse_params(g_uri_get_query(uri), -1, "&", G_URI_PARAMS_NONE, NULL);
    program = query ? g_hash_table_lookup(query, "program") : NULL;
    if (!uri || strcmp(g_uri_get_scheme(uri), "udp") != 0 || g_uri_get_port(uri) < 1 ||
        g_uri_get_port(uri) > 65535 ||
        (program && (!g_ascii_string_to_signed(program, 10, 0, 65535, &number, NULL)))) {
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
            "%s: has to be udp://ADDRESS:PORT, udp://@GROUP:PORT or udp://:PORT, with ?program=N if needed",
            url);
        return false;
    }
    *self = (InputTsUrl){.address = g_strdup(host && *host ? host : "0.0.0.0"),
                         .port = (unsigned)g_uri_get_port(uri),
                         .program = (int)number,
                         .interface = query ? g_strdup(g_hash_table_lookup(query, "iface")) : NULL};
    return true;
}

void
input_ts_url_clear(InputTsUrl *self)
{
    g_free(self->address);
    g_free(self->interface);
    *self = (InputTsUrl){0};
}

static void
set_error(InputTs *self, const char *text)
{
    g_mutex_lock(&self->mutex);
    g_strlcpy(self->stats.error, text, sizeof(self->stats.error));
    g_mutex_unlock(&self->mutex);
}

static bool
on_stamp(void *user_data, GstClockTime time_ns, uint16_t *flags, int64_t *ret_due_us, int64_t *ret_pts_us)
{
    InputTs *self = user_data;
    bool discontinuity;

    if (!input_source_clock_map(self->clock, INPUT_CLOCK_VIDEO, (int64_t)(time_ns / GST_USECOND),
                                g_get_monotonic_time(), ret_due_us, &discontinuity) ||
        *ret_due_us < 0)
        return false;
    *ret_pts_us = *ret_due_us;
    if (discontinuity)
        *flags |= REEL_FLAG_DISCONTINUITY;
    return true;
}

static const GstreelSinkEvents sink_events = {.stamp = on_stamp};

static const StreamKind *
find_kind(const GstCaps *caps)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GstCaps) wanted = gst_caps_from_string(kinds[i].caps);
        if (gst_caps_is_always_compatible(caps, wanted))
            return &kinds[i];
    }
    return NULL;
}

/* Puts @element into the running pipeline and links @pad to it. */
static bool
attach(InputTs *self, GstElement *element, GstPad *pad)
{
    g_autoptr(GstPad) sink = NULL;

    gst_bin_add(GST_BIN(self->pipeline), element);
    sink = gst_element_get_static_pad(element, "sink");
    return sink && gst_element_sync_state_with_parent(element) && gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
}

static bool
connect_picture(InputTs *self, GstPad *pad, GError **error)
{
    self->picture = gstreel_sink_new(REEL_CODEC_H264, self->writer, NULL, &sink_events, self, error);
    return self->picture && attach(self, gstreel_sink_element(self->picture), pad);
}

static bool
connect_sound(InputTs *self, const StreamKind *kind, GstPad *pad, GError **error)
{
    g_autoptr(GstPad) entry = NULL;

    self->sound = input_sound_new(GST_BIN(self->pipeline), kind->decoder, self->writer, self->clock, error);
    entry = self->sound ? input_sound_pad(self->sound) : NULL;
    return entry && gst_pad_link(pad, entry) == GST_PAD_LINK_OK;
}

/* A stream that nobody takes must not stop the others. */
static void
ignore_pad(InputTs *self, GstPad *pad)
{
    GstElement *sink = gst_element_factory_make("fakesink", NULL);

    g_object_set(sink, "sync", FALSE, "async", FALSE, NULL);
    attach(self, sink, pad);
}

/* Takes @pad for the picture or the sound. (transfer full) What is wrong with it, or NULL. */
static char *
take_pad(InputTs *self, GstPad *pad, const GstCaps *caps)
{
    const char *media = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    bool video = g_str_has_prefix(media, "video/");
    const StreamKind **taken = video ? &self->video : &self->audio;
    const StreamKind *kind = find_kind(caps);
    g_autoptr(GError) error = NULL;

    if (*taken || (!video && !g_str_has_prefix(media, "audio/")))
        return NULL; /* a second language, subtitles, data */
    if (!kind)
        return g_strdup_printf("%s is %s, which cannot be played%s", video ? "video" : "sound", media,
                               video ? ": the channel has to be sent as H.264" : "");
    if (!(kind->decoder ? connect_sound(self, kind, pad, &error) : connect_picture(self, pad, &error)))
        return g_strdup_printf("%s: %s", kind->name,
                               error ? error->message : "cannot be taken into the pipeline");
    g_mutex_lock(&self->mutex);
    *taken = kind;
    g_mutex_unlock(&self->mutex);
    return NULL;
}

static void
on_pad_added(GstElement *demux, GstPad *pad, gpointer user_data)
{
    InputTs *self = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    g_autofree char *fault = caps && !gst_caps_is_empty(caps) ? take_pad(self, pad, caps) : NULL;

    (void)demux;
    if (fault)
        set_error(self, fault);
    if (!gst_pad_is_linked(pad))
        ignore_pad(self, pad);
}

/* The programme's tables have changed: nothing of this pipeline is kept. */
static void
on_pad_removed(GstElement *demux, GstPad *pad, gpointer user_data)
{
    InputTs *self = user_data;

    (void)demux;
    (void)pad;
    g_mutex_lock(&self->mutex);
    self->stats.failed = true;
    g_mutex_unlock(&self->mutex);
}

static GstPadProbeReturn
on_datagram(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    InputTs *self = user_data;

    (void)pad;
    g_mutex_lock(&self->mutex);
    self->stats.bytes += gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
    self->stats.last_bytes_us = g_get_monotonic_time();
    g_mutex_unlock(&self->mutex);
    return GST_PAD_PROBE_OK;
}

static bool
build(InputTs *self, const InputTsUrl *url, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GstElement) source = NULL, demux = NULL;
    g_autoptr(GstPad) pad = NULL;

    self->pipeline =
        gst_parse_launch("udpsrc name=source buffer-size=4194304 caps=video/mpegts,systemstream=(boolean)true"
                         " ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=8388608 leaky=downstream"
                         " ! tsdemux name=demux",
                         &cause);
    if (cause) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "GStreamer: %s", cause->message);
        return false;
    }
    source = gst_bin_get_by_name(GST_BIN(self->pipeline), "source");
    demux = gst_bin_get_by_name(GST_BIN(self->pipeline), "demux");
    g_object_set(source, "address", url->address, "port", (int)url->port, NULL);
    if (url->interface)
        g_object_set(source, "multicast-iface", url->interface, NULL);
    g_object_set(demux, "program-number", url->program, NULL);
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad_added), self);
    g_signal_connect(demux, "pad-removed", G_CALLBACK(on_pad_removed), self);
    pad = gst_element_get_static_pad(source, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_datagram, self, NULL);
    self->bus = gst_element_get_bus(self->pipeline);
    return true;
}

/* The first error message, which says more than the failed change of state. */
static void
take_messages(InputTs *self)
{
    GstMessage *message;

    while ((message = gst_bus_pop_filtered(self->bus, GST_MESSAGE_ERROR | GST_MESSAGE_EOS))) {
        g_autoptr(GError) cause = NULL;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
            gst_message_parse_error(message, &cause, NULL);
            set_error(self, cause->message);
        }
        g_mutex_lock(&self->mutex);
        self->stats.failed = true;
        g_mutex_unlock(&self->mutex);
        gst_message_unref(message);
    }
}

InputTs *
input_ts_new(const InputTsUrl *url, ReelWriter *writer, InputSourceClock *clock, GError **error)
{
    g_autoptr(InputTs) self = g_new0(InputTs, 1);

    g_mutex_init(&self->mutex);
    self->writer = writer;
    self->clock = clock;
    if (!build(self, url, error))
        return NULL;
    input_source_clock_restart(clock);
    if (gst_element_set_state(self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        take_messages(self);
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "udp://%s:%u: %s", url->address, url->port,
                    self->stats.error[0] ? self->stats.error : "cannot listen");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
input_ts_free(InputTs *self)
{
    if (!self)
        return;
    if (self->pipeline) {
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
        gst_object_unref(self->pipeline);
    }
    g_clear_object(&self->bus);
    gstreel_sink_free(self->picture);
    input_sound_free(self->sound);
    g_mutex_clear(&self->mutex);
    g_free(self);
}

static void
describe(InputTs *self, InputTsStats *stats)
{
    GstreelSinkStats sink;

    if (self->video) {
        gstreel_sink_stats(self->picture, &sink);
        stats->video_frames = sink.frames;
        stats->reordered = sink.reordered;
        stats->last_video_us = sink.last_frame_us;
        if (sink.info.width > 0)
            g_snprintf(stats->video, sizeof(stats->video), "%s %ux%u", self->video->name, sink.info.width,
                       sink.info.height);
        if (sink.frames == 0 && sink.waiting > 250)
            g_strlcpy(stats->error,
                      "video has no IDR pictures (open GOP or intra refresh only): viewers cannot join",
                      sizeof(stats->error));
    }
    if (self->audio) {
        input_sound_stats(self->sound, &sink);
        stats->audio_frames = sink.frames;
        g_strlcpy(stats->audio, self->audio->name, sizeof(stats->audio));
    }
}

void
input_ts_poll(InputTs *self, InputTsStats *ret_stats)
{
    take_messages(self);
    g_mutex_lock(&self->mutex);
    describe(self, &self->stats);
    *ret_stats = self->stats;
    g_mutex_unlock(&self->mutex);
}
