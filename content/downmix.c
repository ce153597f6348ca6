#include "content/downmix.h"

#include <gst/audio/audio.h>
#include <stdbool.h>

/* Centre and surrounds 3 dB down, all of it 3 dB down again against overload, no low-frequency effects: Lo/Ro
 * of ITU-R BS.775-3 annex 4. GStreamer's own matrix divides by the sum, which makes dialogue 8 dB quieter
 * than it was. */
#define FULL 0.7071F
#define SHARED 0.5F

void
content_downmix_coefficients(int position, float *ret_left, float *ret_right)
{
    float left = 0, right = 0;

    switch (position) {
    case GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT:
        left = FULL;
        break;
    case GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT:
        right = FULL;
        break;
    case GST_AUDIO_CHANNEL_POSITION_REAR_LEFT:
    case GST_AUDIO_CHANNEL_POSITION_SIDE_LEFT:
    case GST_AUDIO_CHANNEL_POSITION_WIDE_LEFT:
    case GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT_OF_CENTER:
    case GST_AUDIO_CHANNEL_POSITION_SURROUND_LEFT:
        left = SHARED;
        break;
    case GST_AUDIO_CHANNEL_POSITION_REAR_RIGHT:
    case GST_AUDIO_CHANNEL_POSITION_SIDE_RIGHT:
    case GST_AUDIO_CHANNEL_POSITION_WIDE_RIGHT:
    case GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT_OF_CENTER:
    case GST_AUDIO_CHANNEL_POSITION_SURROUND_RIGHT:
        right = SHARED;
        break;
    case GST_AUDIO_CHANNEL_POSITION_FRONT_CENTER:
    case GST_AUDIO_CHANNEL_POSITION_REAR_CENTER:
        left = right = SHARED;
        break;
    case GST_AUDIO_CHANNEL_POSITION_LFE1:
    case GST_AUDIO_CHANNEL_POSITION_LFE2:
        break;
    default:
        left = right = SHARED / 2; /* overhead and unknown places: on both sides, quietly */
        break;
    }
    *ret_left = left;
    *ret_right = right;
}

static void
append_row(GValue *matrix, const GstAudioInfo *info, bool left)
{
    GValue row = G_VALUE_INIT;

    g_value_init(&row, GST_TYPE_ARRAY);
    for (int i = 0; i < info->channels; i++) {
        GValue cell = G_VALUE_INIT;
        float to_left, to_right;

        content_downmix_coefficients(info->position[i], &to_left, &to_right);
        g_value_init(&cell, G_TYPE_FLOAT);
        g_value_set_float(&cell, left ? to_left : to_right);
        gst_value_array_append_and_take_value(&row, &cell);
    }
    gst_value_array_append_and_take_value(matrix, &row);
}

static GstPadProbeReturn
on_event(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstEvent *event = gst_pad_probe_info_get_event(info);
    GValue matrix = G_VALUE_INIT;
    GstAudioInfo audio;
    GstCaps *caps = NULL;

    (void)pad;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    if (!gst_audio_info_from_caps(&audio, caps))
        return GST_PAD_PROBE_OK;

    g_value_init(&matrix, GST_TYPE_ARRAY);
    if (audio.channels > 2) {
        append_row(&matrix, &audio, true);
        append_row(&matrix, &audio, false);
    }
    g_object_set_property(user_data, "mix-matrix", &matrix);
    g_value_unset(&matrix);
    return GST_PAD_PROBE_OK;
}

void
content_downmix_attach(GstElement *audioconvert)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(audioconvert, "sink");

    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, audioconvert, NULL);
}
