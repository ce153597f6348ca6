/* content/source.h - a file and its demultiplexer in a pipeline. Only local files, only containers that are
 * named here: nothing that could name another file or a network address is ever opened. */
#pragma once

#include "content/codecs.h"

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ContentSource ContentSource;

/* Asked once per stream, on the demultiplexer's thread, for the first video and the first audio stream that
 * can be read. Returns the sink pad to link to (transfer full), or NULL to leave the stream out; elements
 * have to be in the pipeline and running by then. */
typedef GstPad *(*ContentSourceStream)(void *user_data, const ContentCodec *codec, const GstCaps *caps);

typedef struct {
    unsigned more_video, more_audio, others;
    char unknown_video[48], unknown_audio[48];
} ContentSourceLeftOut;

/* Adds the elements to @pipeline.
 * @stream: borrowed with @user_data for the life of the source.
 * Errors: NOT_FOUND if the file cannot be opened; NOT_ACCEPTABLE if it is empty, no regular file or of no
 * known container; the message names what it is instead. */
ContentSource *content_source_new(
    const char *path, GstBin *pipeline, ContentSourceStream stream, void *user_data, GError **error);
/* The pipeline must be in state NULL. */
void content_source_free(ContentSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentSource, content_source_free)

const char *content_source_container(const ContentSource *self); /* "MP4", "MOV", "MKV", "MPEG-TS" */
int64_t content_source_size_bytes(const ContentSource *self);
/* To be read when the pipeline has ended. */
const ContentSourceLeftOut *content_source_left_out(const ContentSource *self);
