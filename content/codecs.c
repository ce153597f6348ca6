#include "content/codecs.h"

#include <string.h>

/* A list of our own instead of decodebin: what is not in it never reaches a parser. */
static const ContentCodec codecs[] = {
    {CONTENT_VIDEO, "H.264", "video/x-h264", "h264parse", "avdec_h264"},
    {CONTENT_VIDEO, "HEVC", "video/x-h265", "h265parse", "avdec_h265"},
    {CONTENT_VIDEO, "MPEG-2", "video/mpeg,mpegversion=(int){1,2},systemstream=(boolean)false",
     "mpegvideoparse", "avdec_mpeg2video"},
    {CONTENT_VIDEO, "MPEG-4", "video/mpeg,mpegversion=(int)4,systemstream=(boolean)false", "mpeg4videoparse",
     "avdec_mpeg4"},
    {CONTENT_VIDEO, "VP8", "video/x-vp8", "identity", "vp8dec"},
    {CONTENT_VIDEO, "VP9", "video/x-vp9", "vp9parse", "vp9dec"},
    {CONTENT_AUDIO, "AAC", "audio/mpeg,mpegversion=(int){2,4}", "aacparse", "avdec_aac"},
    {CONTENT_AUDIO, "MP3", "audio/mpeg,mpegversion=(int)1,layer=(int)3", "mpegaudioparse", "mpg123audiodec"},
    {CONTENT_AUDIO, "MPEG audio", "audio/mpeg,mpegversion=(int)1", "mpegaudioparse", "mpg123audiodec"},
    {CONTENT_AUDIO, "AC-3", "audio/x-ac3", "ac3parse", "avdec_ac3"},
    {CONTENT_AUDIO, "E-AC-3", "audio/x-eac3", "ac3parse", "avdec_eac3"},
    {CONTENT_AUDIO, "Opus", "audio/x-opus", "opusparse", "opusdec"},
    {CONTENT_AUDIO, "Vorbis", "audio/x-vorbis", "vorbisparse", "vorbisdec"},
    {CONTENT_AUDIO, "FLAC", "audio/x-flac", "flacparse", "flacdec"},
    {CONTENT_AUDIO, "PCM", "audio/x-raw", "identity", "identity"},
};

const ContentCodec *
content_codec_find(const GstCaps *caps)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        g_autoptr(GstCaps) known = gst_caps_from_string(codecs[i].caps);

        if (gst_caps_can_intersect(caps, known))
            return &codecs[i];
    }
    return NULL;
}

bool
content_codec_is_h264(const ContentCodec *codec)
{
    return strcmp(codec->label, "H.264") == 0;
}

bool
content_codec_is_opus(const ContentCodec *codec)
{
    return strcmp(codec->label, "Opus") == 0;
}
