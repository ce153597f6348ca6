#include "content/poster.h"

#include "content/source.h"
#include "content/verdict.h"
#include "lib/base/error.h"

#include <gst/app/gstappsink.h>
#include <string.h>

enum {
    WIDTH_MAX = 640,
    WAIT_S = 15, /* for one still */
};

#define FOUND "video-found"

typedef struct {
    GstElement *pipeline;
    const ContentFacts *facts;
    GstElement *sink; /* appsink, lent by the pipeline */
} Poster;

static GstPad *
on_stream(void *user_data, const ContentCodec *codec, const GstCaps *caps)
{
    Poster *self = user_data;
    const ContentVideoFacts *video = &self->facts->video;
    unsigned width, height, poster_width;
    g_autofree char *text = NULL;
    GstElement *bin;

    (void)caps;
    if (codec->kind != CONTENT_VIDEO || self->sink != NULL)
        return NULL;
    content_verdict_size(video, &width, &height);
    poster_width = MIN(width, (unsigned)WIDTH_MAX) / 2 * 2;
    text = g_strdup_printf("queue ! %s ! %s ! videoflip method=automatic ! videoconvert ! videoscale ! "
                           "video/x-raw,width=%u,height=%u,pixel-aspect-ratio=1/1 ! jpegenc quality=80 ! "
                           "appsink name=still sync=false max-buffers=1",
                           codec->parser, codec->decoder, MAX(poster_width, 2U),
                           MAX(height * poster_width / width / 2 * 2, 2U));
    bin = gst_parse_bin_from_description(text, TRUE, NULL);
    if (bin == NULL)
        return NULL;
    self->sink = gst_bin_get_by_name(GST_BIN(bin), "still");
    gst_object_unref(self->sink); /* the bin holds it */
    gst_bin_add(GST_BIN(self->pipeline), bin);
    gst_element_sync_state_with_parent(bin);
    gst_element_post_message(self->pipeline, gst_message_new_application(GST_OBJECT(self->pipeline),
                                                                         gst_structure_new_empty(FOUND)));
    return gst_element_get_static_pad(bin, "sink");
}

/* Waits until the file's video stream was found; false if there is none or the pipeline has failed. */
static bool
wait_stream(Poster *self)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);
    g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(
        bus, WAIT_S * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_APPLICATION);

    return message != NULL && gst_message_has_name(message, FOUND);
}

static GstBuffer *
still_at(Poster *self, int64_t media_us)
{
    g_autoptr(GstSample) sample = NULL;
    GstBuffer *buffer;

    if (media_us > 0 &&
        !gst_element_seek_simple(self->pipeline, GST_FORMAT_TIME,
                                 GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT, media_us * 1000))
        return NULL;
    sample = gst_app_sink_try_pull_preroll(GST_APP_SINK(self->sink), WAIT_S * GST_SECOND);
    buffer = sample != NULL ? gst_sample_get_buffer(sample) : NULL;
    return buffer != NULL ? gst_buffer_ref(buffer) : NULL;
}

/* The largest JPEG is the one with the most to see. */
static GstBuffer *
best_still(Poster *self)
{
    static const double places[] = {0, 0.3, 0.5, 0.15};
    GstBuffer *best = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        GstBuffer *still = still_at(self, (int64_t)(places[i] * (double)self->facts->duration_us));

        if (still != NULL && (best == NULL || gst_buffer_get_size(still) > gst_buffer_get_size(best)))
            gst_buffer_replace(&best, still);
        g_clear_pointer(&still, gst_buffer_unref);
    }
    return best;
}

static bool
write_still(GstBuffer *still, const char *jpeg_path, GError **error)
{
    GstMapInfo map;
    bool written;

    if (!gst_buffer_map(still, &map, GST_MAP_READ)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no still could be read");
        return false;
    }
    written = g_file_set_contents(jpeg_path, (const char *)map.data, (gssize)map.size, error);
    gst_buffer_unmap(still, &map);
    return written;
}

bool
content_poster(const char *path, const ContentFacts *facts, const char *jpeg_path, GError **error)
{
    g_autoptr(GstElement) pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    g_autoptr(ContentSource) source = NULL;
    Poster self = {.pipeline = pipeline, .facts = facts};
    GstBuffer *still;
    bool written;

    source = content_source_new(path, GST_BIN(pipeline), on_stream, &self, error);
    if (source == NULL)
        return false;
    gst_element_set_state(pipeline, GST_STATE_PAUSED);
    still = wait_stream(&self) ? best_still(&self) : NULL;
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (still == NULL) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no still could be made");
        return false;
    }
    written = write_still(still, jpeg_path, error);
    gst_buffer_unref(still);
    return written;
}
