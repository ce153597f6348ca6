/* mdf/delivery/tracks.h - which tracks of a programme a viewer gets, by the codecs it has negotiated. Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/reel/reel.h"

/* Payload types by ReelCodec; 0: not negotiated. */
typedef struct {
    uint8_t by_codec[REEL_CODEC_AV1 + 1];
} MdfPayloadTypes;

/* Tracks of @programme that can be sent with @types: -1 if there is none of that kind. False if there is
 * nothing to send, or the video is in a codec that was not negotiated. */
bool mdf_tracks_choose(const ReelProgramme *programme,
                       const MdfPayloadTypes *types,
                       int *ret_video,
                       int *ret_audio);
