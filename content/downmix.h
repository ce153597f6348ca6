/* content/downmix.h - any number of channels to stereo, as people expect a film to sound. */
#pragma once

#include <gst/gst.h>

/* Makes an audioconvert mix to two channels once it learns what comes in; mono and stereo pass untouched. */
void content_downmix_attach(GstElement *audioconvert);

/* Share of a channel at @position (GstAudioChannelPosition) in the left and right output. Pure. */
void content_downmix_coefficients(int position, float *ret_left, float *ret_right);
