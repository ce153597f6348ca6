#include "content/source.h"

#include "lib/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SNIFF_BYTES = 1024, TS_PACKET = 188, M2TS_PACKET = 192 };

struct ContentSource {
    const char *container;
    int64_t size_bytes;
    GstElement *demux; /* lent by the pipeline */
    ContentSourceStream stream;
    void *user_data;
    bool have_video, have_audio;
    ContentSourceLeftOut left_out;
};

typedef struct {
    const char *container;
    const char *demux;
} Container;

static bool
has_sync(const uint8_t *head, size_t length, size_t first, size_t step)
{
    size_t found = 0;

    for (size_t i = first; i < length; i += step, found++) {
        if (head[i] != 0x47)
            return false;
    }
    return found >= 3;
}

static bool
is_text(const uint8_t *head, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (head[i] < 0x20 && !strchr("\t\n\r\f", head[i]))
            return false;
    }
    return length > 0;
}

/* Spec: ISO/IEC 14496-12 4.3 (MP4), QuickTime (atoms without ftyp), RFC 8794 (EBML), ISO/IEC 13818-1 2.4.3
 * (TS). */
static bool
sniff(const uint8_t *head, size_t length, Container *ret_container)
{
    static const char *const atoms[] = {"moov", "mdat", "wide", "free", "skip", "pnot"};
    static const Container mkv = {"MKV", "matroskademux"}, mov = {"MOV", "qtdemux"}, mp4 = {"MP4", "qtdemux"},
                           ts = {"MPEG-TS", "tsdemux"};

    if (length >= 12 && memcmp(head + 4, "ftyp", 4) == 0) {
        *ret_container = memcmp(head + 8, "qt  ", 4) == 0 ? mov : mp4;
        return true;
    }
    if (length >= 4 && memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0) {
        *ret_container = mkv;
        return true;
    }
    if (has_sync(head, length, 0, TS_PACKET) || has_sync(head, length, 4, M2TS_PACKET)) {
        *ret_container = ts;
        return true;
    }
    for (size_t i = 0; length >= 8 && i < G_N_ELEMENTS(atoms); i++) {
        if (memcmp(head + 4, atoms[i], 4) == 0) {
            *ret_container = mov;
            return true;
        }
    }
    return false;
}

/* Reads the beginning of a regular file. */
static bool
read_head(const char *path, uint8_t *head, size_t *ret_length, int64_t *ret_size, GError **error)
{
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat info;
    ssize_t n;

    if (fd < 0 || fstat(fd, &info) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "it cannot be opened: %s", g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "it is %s, not a file",
                    S_ISDIR(info.st_mode) ? "a folder" : "a device, socket or pipe");
        return false;
    }
    n = read(fd, head, SNIFF_BYTES);
    close(fd);
    if (n < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "it cannot be read: %s", g_strerror(errno));
        return false;
    }
    *ret_length = (size_t)n;
    *ret_size = info.st_size;
    return true;
}

static bool
identify(const char *path, Container *ret_container, int64_t *ret_size, GError **error)
{
    uint8_t head[SNIFF_BYTES];
    size_t length = 0;

    if (!read_head(path, head, &length, ret_size, error))
        return false;
    if (length == 0) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "it is empty (0 bytes)");
        return false;
    }
    if (!sniff(head, length, ret_container)) {
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "it %s; films come as MP4, MOV, MKV or MPEG-TS",
            is_text(head, length) ? "is a text file, whatever its name says" : "is no media file known here");
        return false;
    }
    return true;
}

static void
note_left_out(ContentSource *self, const ContentCodec *codec, const GstCaps *caps)
{
    const char *type =
        gst_caps_get_size(caps) > 0 ? gst_structure_get_name(gst_caps_get_structure(caps, 0)) : "";

    if (codec != NULL && codec->kind == CONTENT_VIDEO)
        self->left_out.more_video++;
    else if (codec != NULL)
        self->left_out.more_audio++;
    else
        self->left_out.others++;
    if (codec == NULL && (g_str_has_prefix(type, "video/") || g_str_has_prefix(type, "image/")))
        g_strlcpy(self->left_out.unknown_video, type, sizeof self->left_out.unknown_video);
    if (codec == NULL && g_str_has_prefix(type, "audio/"))
        g_strlcpy(self->left_out.unknown_audio, type, sizeof self->left_out.unknown_audio);
}

static void
on_pad_added(GstElement *demux, GstPad *pad, gpointer user_data)
{
    ContentSource *self = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const ContentCodec *codec;
    g_autoptr(GstPad) peer = NULL;
    bool *have;

    (void)demux;
    if (caps == NULL)
        caps = gst_pad_query_caps(pad, NULL);
    codec = content_codec_find(caps);
    have = codec == NULL ? NULL : codec->kind == CONTENT_VIDEO ? &self->have_video : &self->have_audio;
    if (have == NULL || *have) {
        note_left_out(self, codec, caps);
        return;
    }
    peer = self->stream(self->user_data, codec, caps);
    if (peer != NULL && gst_pad_link(pad, peer) == GST_PAD_LINK_OK)
        *have = true;
}

/* Ends the pipeline when there is nothing in the file that anybody wanted. */
static void
on_no_more_pads(GstElement *demux, gpointer user_data)
{
    ContentSource *self = user_data;

    if (!self->have_video && !self->have_audio)
        gst_element_post_message(
            demux, gst_message_new_application(GST_OBJECT(demux), gst_structure_new_empty("nothing-there")));
}

ContentSource *
content_source_new(
    const char *path, GstBin *pipeline, ContentSourceStream stream, void *user_data, GError **error)
{
    g_autoptr(ContentSource) self = g_new0(ContentSource, 1);
    Container container;
    GstElement *file;

    if (!identify(path, &container, &self->size_bytes, error))
        return NULL;

    file = gst_element_factory_make("filesrc", NULL);
    self->demux = gst_element_factory_make(container.demux, NULL);
    if (file == NULL || self->demux == NULL) {
        g_clear_pointer(&file, gst_object_unref);
        g_clear_pointer(&self->demux, gst_object_unref);
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
            "the GStreamer element %s is missing (Debian packages gstreamer1.0-plugins-good and -bad)",
            container.demux);
        return NULL;
    }
    self->container = container.container;
    self->stream = stream;
    self->user_data = user_data;
    g_object_set(file, "location", path, NULL);
    gst_bin_add_many(pipeline, file, self->demux, NULL);
    gst_element_link(file, self->demux);
    g_signal_connect(self->demux, "pad-added", G_CALLBACK(on_pad_added), self);
    g_signal_connect(self->demux, "no-more-pads", G_CALLBACK(on_no_more_pads), self);

    return g_steal_pointer(&self);
}

void
content_source_free(ContentSource *self)
{
    g_free(self);
}

const char *
content_source_container(const ContentSource *self)
{
    return self->container;
}

int64_t
content_source_size_bytes(const ContentSource *self)
{
    return self->size_bytes;
}

const ContentSourceLeftOut *
content_source_left_out(const ContentSource *self)
{
    return &self->left_out;
}
