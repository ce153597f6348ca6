#include "mdf/delivery/negotiate.h"

#include <string.h>

#include "lib/base/error.h"

static const ReelCodec video_codecs[] = {REEL_CODEC_H264, REEL_CODEC_VP8, REEL_CODEC_VP9, REEL_CODEC_AV1};
static const ReelCodec audio_codecs[] = {REEL_CODEC_OPUS};

void
mdf_negotiation_clear(MdfNegotiation *self)
{
    g_clear_pointer(&self->media, g_free);
}

/* The codec of the programme's first track of that kind; 0 if it has none. */
static ReelCodec
own_codec(const ReelProgramme *programme, ReelKind kind)
{
    int track = reel_programme_find_track(programme, kind, 0);

    return track < 0 ? 0 : reel_programme_track(programme, (unsigned)track)->codec;
}

static void
add_codec(MdfNegotiation *self,
          ProtoWebrtcAnswerMedia *answer,
          const ProtoWebrtcMedia *offered,
          ReelCodec codec)
{
    const ProtoWebrtcCodec *found = proto_webrtc_media_codec(offered, reel_codec_name(codec));

    if (!found || self->payload_types.by_codec[codec] || answer->n_codecs == G_N_ELEMENTS(answer->codecs))
        return;
    answer->codecs[answer->n_codecs++] = found;
    self->payload_types.by_codec[codec] = found->payload_type;
}

static void
add_codecs(MdfNegotiation *self,
           ProtoWebrtcAnswerMedia *answer,
           const ProtoWebrtcMedia *offered,
           ReelCodec first,
           const ReelCodec *codecs,
           size_t n_codecs)
{
    if (first)
        add_codec(self, answer, offered, first);
    for (size_t i = 0; i < n_codecs; i++)
        add_codec(self, answer, offered, codecs[i]);
}

/* Only what the engine makes use of: feedback that nobody reads would cost both sides. */
static void
configure(MdfSenderConfig *config,
          ProtoWebrtcAnswerMedia *answer,
          const ProtoWebrtcMedia *offered,
          uint32_t clock_rate,
          bool keeps_ring)
{
    answer->extensions = (ProtoRtpExtensionIds){
        .mid = *offered->mid && strlen(offered->mid) <= PROTO_RTP_MID_MAX ? offered->extensions.mid : 0,
        .playout_delay = offered->extensions.playout_delay,
    };
    config->clock_rate = clock_rate;
    config->extensions = answer->extensions;
    config->keeps_ring = keeps_ring;
    g_strlcpy(config->mid, offered->mid, sizeof config->mid);
}

/* The retransmission formats of what was chosen, on an SSRC that the viewer makes. */
static void
add_rtx(MdfSenderConfig *config, ProtoWebrtcAnswerMedia *answer, const ProtoWebrtcMedia *offered)
{
    unsigned n_codecs = answer->n_codecs, n = 0;

    for (unsigned i = 0; config->keeps_ring && i < n_codecs && n < MDF_SENDER_RTX_MAX; i++) {
        const ProtoWebrtcCodec *codec = answer->codecs[i];
        const ProtoWebrtcCodec *rtx = proto_webrtc_media_rtx(offered, codec->payload_type);
        if (!rtx || !codec->nack || answer->n_codecs == G_N_ELEMENTS(answer->codecs))
            continue;
        answer->codecs[answer->n_codecs++] = rtx;
        config->rtx[n].payload_type = codec->payload_type;
        config->rtx[n++].rtx = rtx->payload_type;
    }
}

/* Numbers for all packets of the transport or for none. A packet that is sent again has a new one, so that
 * it cannot be the same bytes under the same nonce: all that can be asked for needs RTX. */
static void
add_transport_wide(MdfNegotiation *self,
                   ProtoWebrtcAnswerMedia *answer,
                   const ProtoWebrtcMedia *offered,
                   MdfSenderConfig *config)
{
    if (!self->transport_wide || answer->n_codecs == 0)
        return;
    answer->extensions.twcc = config->extensions.twcc = offered->extensions.twcc;
}

static bool
takes_transport_wide(const ProtoWebrtcMedia *media)
{
    bool takes = true;

    for (unsigned i = 0; media && i < media->codecs->len; i++) {
        const ProtoWebrtcCodec *codec = &g_array_index(media->codecs, ProtoWebrtcCodec, i);
        if (g_ascii_strcasecmp(codec->encoding, "opus") == 0 || codec->nack)
            takes = takes && codec->transport_cc &&
                    (!codec->nack || proto_webrtc_media_rtx(media, codec->payload_type));
    }

    return takes && (!media || media->extensions.twcc);
}

/* RED around the Opus that was chosen: two blocks of it are all that we send. */
static void
add_red(MdfNegotiation *self, ProtoWebrtcAnswerMedia *answer, const ProtoWebrtcMedia *offered)
{
    const ProtoWebrtcCodec *red = proto_webrtc_media_codec(offered, "red");
    unsigned opus = self->payload_types.by_codec[REEL_CODEC_OPUS];
    g_autofree char *blocks = g_strdup_printf("%u/%u", opus, opus);

    if (!opus || !red || strcmp(red->fmtp, blocks) != 0 || answer->n_codecs == G_N_ELEMENTS(answer->codecs))
        return;
    answer->codecs[answer->n_codecs++] = red;
    self->audio.red_payload_type = red->payload_type;
}

static bool
any_nack(const ProtoWebrtcAnswerMedia *answer)
{
    for (unsigned i = 0; i < answer->n_codecs; i++)
        if (answer->codecs[i]->nack)
            return true;

    return false;
}

static bool
refuse(const ProtoWebrtcOffer *offer, const ReelProgramme *programme, GError **error)
{
    ReelCodec video = own_codec(programme, REEL_VIDEO);
    bool wants_video = proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO) != NULL;
    ReelCodec codec = video && wants_video ? video : own_codec(programme, REEL_AUDIO);

    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "the browser does not take %s, which %s is in",
                codec ? reel_codec_name(codec) : "audio alone", reel_programme_name(programme));

    return false;
}

bool
mdf_negotiate(const ProtoWebrtcOffer *offer,
              const ReelProgramme *programme,
              MdfNegotiation *ret_negotiation,
              GError **error)
{
    g_auto(MdfNegotiation) self = {.media = g_new0(ProtoWebrtcAnswerMedia, offer->media->len)};
    const ProtoWebrtcMedia *video = proto_webrtc_offer_media(offer, PROTO_WEBRTC_VIDEO);
    const ProtoWebrtcMedia *audio = proto_webrtc_offer_media(offer, PROTO_WEBRTC_AUDIO);
    int video_track, audio_track;

    self.transport_wide = takes_transport_wide(video) && takes_transport_wide(audio);
    for (unsigned i = 0; i < offer->media->len; i++) {
        const ProtoWebrtcMedia *offered = g_ptr_array_index(offer->media, i);
        ProtoWebrtcAnswerMedia *answer = &self.media[i];

        if (offered == video) {
            add_codecs(&self, answer, offered, own_codec(programme, REEL_VIDEO), video_codecs,
                       G_N_ELEMENTS(video_codecs));
            configure(&self.video, answer, offered, 90000, any_nack(answer));
            add_rtx(&self.video, answer, offered);
            add_transport_wide(&self, answer, offered, &self.video);
            self.has_video = answer->n_codecs > 0;
            self.video_answer = self.has_video ? answer : NULL;
        } else if (offered == audio) {
            add_codecs(&self, answer, offered, own_codec(programme, REEL_AUDIO), audio_codecs,
                       G_N_ELEMENTS(audio_codecs));
            configure(&self.audio, answer, offered, 48000, false);
            add_red(&self, answer, offered);
            add_transport_wide(&self, answer, offered, &self.audio);
            self.has_audio = answer->n_codecs > 0;
        }
    }
    if ((video && !self.has_video && own_codec(programme, REEL_VIDEO)) ||
        !mdf_tracks_choose(programme, &self.payload_types, &video_track, &audio_track))
        return refuse(offer, programme, error);

    *ret_negotiation = self;
    self.media = NULL;

    return true;
}
