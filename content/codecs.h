/* content/codecs.h - the elementary streams that ingest can read, and the elements that do it. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CONTENT_VIDEO,
    CONTENT_AUDIO,
} ContentKind;

typedef struct {
    ContentKind kind;
    const char *label;   /* what people call it */
    const char *caps;    /* as a demultiplexer announces it */
    const char *parser;  /* pipeline description */
    const char *decoder; /* pipeline description, behind the parser */
} ContentCodec;

/* NULL if it is none of them. */
const ContentCodec *content_codec_find(const GstCaps *caps);

bool content_codec_is_h264(const ContentCodec *codec);
bool content_codec_is_opus(const ContentCodec *codec);
