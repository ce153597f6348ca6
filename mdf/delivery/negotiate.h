/* mdf/delivery/negotiate.h - from an offer and a programme to payload types and an answer. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/sdp-webrtc.h"
#include "mdf/delivery/stream.h"

/* What both sides have agreed on; the parts of MdfStreamParameters that come from the SDP. */
typedef struct {
    MdfPayloadTypes payload_types;
    bool has_video, has_audio;
    MdfSenderConfig video, audio;
    bool transport_wide;                  /* packets are numbered for the whole transport, and told of */
    ProtoWebrtcAnswerMedia *media;        /* for each m-line of the offer */
    ProtoWebrtcAnswerMedia *video_answer; /* in there; NULL: none. Its SSRCs are still to be named */
} MdfNegotiation;

void mdf_negotiation_clear(MdfNegotiation *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MdfNegotiation, mdf_negotiation_clear)

/* Chooses one payload type for each codec that a reel can hold, the programme's first, so that a zap to
 * another codec needs no new offer. The codecs are lent from @offer.
 * Errors: NOT_ACCEPTABLE if the programme's video (or, of a programme without, its audio) is in no codec
 * that the browser takes. */
bool mdf_negotiate(const ProtoWebrtcOffer *offer,
                   const ReelProgramme *programme,
                   MdfNegotiation *ret_negotiation,
                   GError **error);
