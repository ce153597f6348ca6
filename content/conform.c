#include "content/conform.h"

#include "content/downmix.h"
#include "content/pump.h"
#include "content/source.h"
#include "lib/base/error.h"
#include "lib/gst/reel-sink.h"
#include "lib/reel/reel-writer.h"

#include <math.h>
#include <string.h>

enum {
    STALL_S = 60,
    GOP_S = 2,
    DEFAULT_FPS = 25, /* a film of one picture, or without times */
    THREADS_MAX = 16, /* each holds pictures of its own, and more gain nothing */
    OPUS_BPS = 128000,
    /* In-band FEC is only spent where losses are expected; above 5 % libopus codes a copy into each packet.
     */
    OPUS_EXPECTED_LOSS_PERCENT = 10,
};

typedef struct {
    struct Conform *conform;
    GstreelSink *sink;
    bool is_audio, lead_in_dropped;
    gint64 reached_us; /* atomic */
} Track;

typedef struct Conform {
    GstElement *pipeline;
    const ContentFacts *facts;
    const ContentVerdict *verdict;
    int64_t base_us; /* presentation time in the file at which the reel's timeline begins */
    ReelWriter *writer;
    Track video, audio;
    gint activity; /* atomic */
    char *failure; /* of a stream's branch; set by the demultiplexer's thread */
    void (*position)(void *user_data, int64_t media_us);
    void *user_data;
} Conform;

/* The reel's timeline begins with the first picture or sound, so that sound and picture stay together. */
static bool
on_stamp(void *user_data, GstClockTime time_ns, uint16_t *flags, int64_t *ret_due_us, int64_t *ret_pts_us)
{
    Track *self = user_data;
    int64_t media_us = MAX((int64_t)(time_ns / 1000) - self->conform->base_us, 0);

    (void)flags;
    g_atomic_int_inc(&self->conform->activity);
    /* The first packet of Opus holds the encoder's lead-in (RFC 7845 4.2) and is shorter than the others in
     * time: with it the packets would not be evenly spaced. */
    if (self->is_audio && !self->lead_in_dropped) {
        self->lead_in_dropped = true;
        return false;
    }
    __atomic_store_n(&self->reached_us, media_us, __ATOMIC_RELEASE);
    *ret_due_us = media_us;
    *ret_pts_us = media_us;
    return true;
}

/* What a picture of this size needs at most; constant quality stays below it most of the time. */
static unsigned
ceiling_kbps(const ContentVideoFacts *video)
{
    double pixels_per_s = (double)video->width * video->height * (video->fps > 0 ? video->fps : DEFAULT_FPS);

    return (unsigned)CLAMP(pixels_per_s * 0.11 / 1000, 600, 16000);
}

/* Constant quality under a ceiling, no B-frames, groups of exactly two seconds. */
static char *
describe_video(const Conform *self, const ContentCodec *codec)
{
    const ContentVideoFacts *video = &self->facts->video;
    double fps = video->fps > 0 ? video->fps : DEFAULT_FPS;
    unsigned gop = MAX((unsigned)lround(fps * GOP_S), 1);
    unsigned width, height;

    content_verdict_size(video, &width, &height);
    return g_strdup_printf(
        "queue max-size-buffers=0 max-size-time=0 ! %s ! %s ! videoflip method=automatic ! %s"
        "videoconvert ! videoscale ! video/x-raw,format=I420,width=%u,height=%u,pixel-aspect-ratio=1/1 ! "
        "queue ! "
        "x264enc threads=%u speed-preset=veryfast pass=qual quantizer=22 bitrate=%u vbv-buf-capacity=1000 "
        "bframes=0 key-int-max=%u byte-stream=true aud=false "
        "option-string=scenecut=0:open-gop=0:keyint=%u:min-keyint=1 ! "
        "capsfilter caps=video/x-h264,profile=high",
        codec->parser, codec->decoder,
        self->verdict->deinterlace ? "videoconvert ! video/x-raw,format=I420 ! deinterlace fields=top ! "
                                   : "",
        width, height, MIN(g_get_num_processors() * 3 / 2, (guint)THREADS_MAX), ceiling_kbps(video), gop,
        gop);
}

static char *
describe_audio(const ContentCodec *codec)
{
    return g_strdup_printf(
        "queue max-size-buffers=0 max-size-time=0 ! %s ! %s ! "
        "audioconvert ! audio/x-raw,format=F32LE ! audioconvert name=mix ! audioresample ! "
        "audioconvert ! audio/x-raw,format=S16LE,rate=48000,channels=[1,2] ! "
        "opusenc bitrate=%d bitrate-type=cbr frame-size=20 inband-fec=true "
        "packet-loss-percentage=%d dtx=false",
        codec->parser, codec->decoder, OPUS_BPS, OPUS_EXPECTED_LOSS_PERCENT);
}

static GstElement *
make_branch(Conform *self, const ContentCodec *codec, GError **error)
{
    bool video = codec->kind == CONTENT_VIDEO;
    ContentTreatment treatment = video ? self->verdict->video : self->verdict->audio;
    g_autofree char *text = NULL;
    g_autoptr(GstElement) mix = NULL;
    GstElement *bin;

    if (treatment == CONTENT_KEEP)
        text = g_strdup("queue max-size-buffers=0 max-size-time=0");
    else
        text = video ? describe_video(self, codec) : describe_audio(codec);
    bin = gst_parse_bin_from_description(text, TRUE, error);
    if (bin == NULL)
        return NULL;
    mix = gst_bin_get_by_name(GST_BIN(bin), "mix");
    if (mix != NULL)
        content_downmix_attach(mix);
    return bin;
}

static bool
make_sink(Conform *self, const ContentCodec *codec, Track *track, GError **error)
{
    static const GstreelSinkEvents events = {.stamp = on_stamp};
    bool video = codec->kind == CONTENT_VIDEO;
    const char *language = video ? "" : self->facts->audio.language;

    track->conform = self;
    track->is_audio = !video;
    track->sink = gstreel_sink_new(video ? REEL_CODEC_H264 : REEL_CODEC_OPUS, self->writer,
                                   language[0] != '\0' ? language : NULL, &events, track, error);
    return track->sink != NULL;
}

static void
stop_early(Conform *self)
{
    gst_element_post_message(self->pipeline,
                             gst_message_new_application(GST_OBJECT(self->pipeline),
                                                         gst_structure_new_empty(CONTENT_PUMP_ENOUGH)));
}

static GstPad *
on_stream(void *user_data, const ContentCodec *codec, const GstCaps *caps)
{
    Conform *self = user_data;
    Track *track = codec->kind == CONTENT_VIDEO ? &self->video : &self->audio;
    g_autoptr(GError) error = NULL;
    GstElement *bin;

    (void)caps;
    if ((codec->kind == CONTENT_VIDEO ? self->verdict->video : self->verdict->audio) == CONTENT_LEAVE_OUT)
        return NULL;
    bin = make_branch(self, codec, &error);
    if (bin == NULL || !make_sink(self, codec, track, &error)) {
        g_clear_pointer(&bin, gst_object_unref);
        g_free(self->failure);
        self->failure = g_strdup(error->message);
        stop_early(self);
        return NULL;
    }
    gst_bin_add_many(GST_BIN(self->pipeline), bin, gstreel_sink_element(track->sink), NULL);
    gst_element_link(bin, gstreel_sink_element(track->sink));
    gst_element_sync_state_with_parent(gstreel_sink_element(track->sink));
    gst_element_sync_state_with_parent(bin);
    return gst_element_get_static_pad(bin, "sink");
}

static uint64_t
on_activity(void *user_data)
{
    return (uint64_t)g_atomic_int_get(&((Conform *)user_data)->activity);
}

/* The writer has refused something: the disk is full, and the reason comes when it is finished. */
static bool
has_lost(const Track *track)
{
    GstreelSinkStats stats;

    if (__atomic_load_n(&track->reached_us, __ATOMIC_ACQUIRE) == 0)
        return false;
    gstreel_sink_stats(track->sink, &stats);
    return stats.dropped_records > 0;
}

static void
on_tick(void *user_data)
{
    Conform *self = user_data;

    self->position(self->user_data, __atomic_load_n(&self->video.reached_us, __ATOMIC_RELAXED));
    if (has_lost(&self->video) || has_lost(&self->audio))
        stop_early(self);
}

static void
describe_track(const Track *track, const char *kind, ContentConformTrack *ret_track)
{
    GstreelSinkStats stats;

    gstreel_sink_stats(track->sink, &stats);
    g_snprintf(ret_track->file, sizeof ret_track->file, "%02d-%s.reel", gstreel_sink_track(track->sink),
               kind);
    g_strlcpy(ret_track->codec, stats.info.codec == REEL_CODEC_OPUS ? "OPUS" : "H264",
              sizeof ret_track->codec);
    g_strlcpy(ret_track->language, stats.info.language, sizeof ret_track->language);
    ret_track->width = stats.info.width;
    ret_track->height = stats.info.height;
    ret_track->frames = stats.frames;
    ret_track->key_frames = stats.key_frames;
}

static unsigned
kbps(uint64_t bytes, int64_t duration_us)
{
    return duration_us > 0 ? (unsigned)(bytes * 8 * 1000 / (uint64_t)duration_us) : 0;
}

/* Completes the track in the reel's own header with what is known only now. */
static void
update_bitrate(Conform *self, const Track *track, ContentConformTrack *described)
{
    GstreelSinkStats stats;

    gstreel_sink_stats(track->sink, &stats);
    described->bitrate_kbps = kbps(stats.bytes, track->reached_us);
    stats.info.bitrate_kbps = described->bitrate_kbps;
    reel_writer_update_track(self->writer, gstreel_sink_track(track->sink), &stats.info);
}

static bool
has_track(const Track *track)
{
    return track->sink != NULL && gstreel_sink_track(track->sink) >= 0;
}

/* A copy that broke off is refused: half a film is worse than a clear word. MPEG-TS does not say how long it
 * is. */
static bool
check_complete(const Conform *self, int64_t duration_us, GError **error)
{
    int64_t expected_us = self->facts->duration_us;

    if (g_str_equal(self->facts->container, "MPEG-TS") ||
        duration_us + G_USEC_PER_SEC / 2 >= expected_us - expected_us / 20)
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                "it says it lasts %.1f s but breaks off after %.1f s; copy it here again",
                (double)expected_us / 1e6, (double)duration_us / 1e6);
    return false;
}

static bool
finish(Conform *self, ContentConformResult *ret_result, GError **error)
{
    ContentConformResult result = {.has_video = has_track(&self->video),
                                   .has_audio = has_track(&self->audio)};

    if (self->failure != NULL) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "it cannot be converted here: %s",
                    self->failure);
        return false;
    }
    if (!result.has_video) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                            "not one picture could be read from it");
        return false;
    }
    describe_track(&self->video, "video", &result.video);
    update_bitrate(self, &self->video, &result.video);
    result.video.fps = self->facts->video.fps;
    if (result.has_audio) {
        describe_track(&self->audio, "audio", &result.audio);
        update_bitrate(self, &self->audio, &result.audio);
    }
    if (!reel_writer_finish(self->writer, &result.duration_us, error) ||
        !check_complete(self, result.duration_us, error))
        return false;

    *ret_result = result;
    return true;
}

static int64_t
timeline_begin(const ContentFacts *facts)
{
    if (!facts->has_audio)
        return facts->video.first_us;
    return MIN(facts->video.first_us, facts->audio.first_us);
}

bool
content_conform(const char *path,
                const char *folder,
                const ContentFacts *facts,
                const ContentVerdict *verdict,
                void (*position)(void *user_data, int64_t media_us),
                void *user_data,
                ContentConformResult *ret_result,
                GError **error)
{
    static const ContentPumpEvents events = {.activity = on_activity, .tick = on_tick};
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    g_autoptr(ContentSource) source = NULL;
    Conform self = {.pipeline = pipeline,
                    .facts = facts,
                    .verdict = verdict,
                    .writer = writer,
                    .base_us = timeline_begin(facts),
                    .position = position,
                    .user_data = user_data};
    bool done;

    source = content_source_new(path, GST_BIN(pipeline), on_stream, &self, error);
    done = source != NULL && content_pump_run(pipeline, STALL_S, &events, &self, error) &&
           finish(&self, ret_result, error);

    g_clear_pointer(&self.video.sink, gstreel_sink_free);
    g_clear_pointer(&self.audio.sink, gstreel_sink_free);
    g_free(self.failure);
    return done;
}
