#include "lib/proto/sdp-webrtc.h"

#include <string.h>

/* ---- choosing ---- */

const ProtoWebrtcMedia *
proto_webrtc_offer_media(const ProtoWebrtcOffer *self, ProtoWebrtcKind kind)
{
    for (unsigned i = 0; i < self->media->len; i++) {
        const ProtoWebrtcMedia *media = g_ptr_array_index(self->media, i);
        if (media->usable && media->kind == kind)
            return media;
    }

    return NULL;
}

/* The value of @key in "a=1;b=2"; @otherwise if it is not there. (transfer full) */
static char *
parameter(const char *fmtp, const char *key, const char *otherwise)
{
    g_auto(GStrv) pairs = g_strsplit(fmtp, ";", 32);
    size_t length = strlen(key);

    for (unsigned i = 0; pairs[i]; i++) {
        const char *pair = g_strstrip(pairs[i]);
        if (g_ascii_strncasecmp(pair, key, length) == 0 && pair[length] == '=')
            return g_strdup(pair + length + 1);
    }

    return g_strdup(otherwise);
}

static bool
parameter_is(const char *fmtp, const char *key, const char *otherwise, const char *wanted)
{
    g_autofree char *value = parameter(fmtp, key, otherwise);

    return g_ascii_strcasecmp(value, wanted) == 0;
}

/* How well an offered codec carries a reel's stream; 0: not at all. */
static unsigned
suitability(const ProtoWebrtcCodec *codec, const char *encoding)
{
    if (g_ascii_strcasecmp(codec->encoding, encoding) != 0)
        return 0;
    if (g_ascii_strcasecmp(encoding, "opus") == 0 || g_ascii_strcasecmp(encoding, "red") == 0)
        return codec->clock_rate == 48000 && codec->channels == 2;
    if (codec->clock_rate != 90000)
        return 0;
    if (g_ascii_strcasecmp(encoding, "VP9") == 0)
        return parameter_is(codec->fmtp, "profile-id", "0", "0");
    if (g_ascii_strcasecmp(encoding, "AV1") == 0)
        return parameter_is(codec->fmtp, "profile", "0", "0");
    if (g_ascii_strcasecmp(encoding, "H264") == 0) {
        g_autofree char *profile = parameter(codec->fmtp, "profile-level-id", "42000a");
        if (!parameter_is(codec->fmtp, "packetization-mode", "0", "1"))
            return 0;
        return g_ascii_strncasecmp(profile, "42e0", 4) == 0 ? 3 : g_str_has_prefix(profile, "42") ? 2 : 1;
    }

    return 1;
}

const ProtoWebrtcCodec *
proto_webrtc_media_codec(const ProtoWebrtcMedia *media, const char *encoding)
{
    const ProtoWebrtcCodec *best = NULL;
    unsigned best_suitability = 0;

    for (unsigned i = 0; i < media->codecs->len; i++) {
        const ProtoWebrtcCodec *codec = &g_array_index(media->codecs, ProtoWebrtcCodec, i);
        unsigned s = suitability(codec, encoding);
        if (s > best_suitability) {
            best = codec;
            best_suitability = s;
        }
    }

    return best;
}

const ProtoWebrtcCodec *
proto_webrtc_media_rtx(const ProtoWebrtcMedia *media, uint8_t payload_type)
{
    g_autofree char *wanted = g_strdup_printf("%u", payload_type);

    for (unsigned i = 0; i < media->codecs->len; i++) {
        const ProtoWebrtcCodec *codec = &g_array_index(media->codecs, ProtoWebrtcCodec, i);
        if (g_ascii_strcasecmp(codec->encoding, "rtx") == 0 && codec->clock_rate == 90000 &&
            parameter_is(codec->fmtp, "apt", "", wanted))
            return codec;
    }

    return NULL;
}

/* ---- the answer ---- */

static void
append_codec(GString *out, const ProtoWebrtcCodec *codec, bool transport_wide)
{
    unsigned pt = codec->payload_type;

    g_string_append_printf(out, "a=rtpmap:%u %s/%u", pt, codec->encoding, codec->clock_rate);
    if (codec->channels > 1)
        g_string_append_printf(out, "/%u", codec->channels);
    g_string_append(out, "\r\n");
    if (g_ascii_strcasecmp(codec->encoding, "opus") == 0)
        g_string_append_printf(out, "a=fmtp:%u minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n", pt);
    else if (*codec->fmtp)
        g_string_append_printf(out, "a=fmtp:%u %s\r\n", pt, codec->fmtp);
    if (codec->nack)
        g_string_append_printf(out, "a=rtcp-fb:%u nack\r\n", pt);
    if (codec->nack_pli)
        g_string_append_printf(out, "a=rtcp-fb:%u nack pli\r\n", pt);
    if (codec->fir)
        g_string_append_printf(out, "a=rtcp-fb:%u ccm fir\r\n", pt);
    if (codec->transport_cc && transport_wide)
        g_string_append_printf(out, "a=rtcp-fb:%u transport-cc\r\n", pt);
}

/* Spec: RFC 8285 6: the other direction of what was offered. */
static void
append_extmaps(GString *out, const ProtoRtpExtensionIds *ids, uint16_t receive_only)
{
    const struct {
        uint8_t id;
        const char *uri;
    } maps[] = {
        {ids->mid, PROTO_RTP_URI_MID},
        {ids->twcc, PROTO_RTP_URI_TWCC},
        {ids->playout_delay, PROTO_RTP_URI_PLAYOUT_DELAY},
        {ids->abs_send_time, PROTO_RTP_URI_ABS_SEND_TIME},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(maps); i++)
        if (maps[i].id)
            g_string_append_printf(out, "a=extmap:%u%s %s\r\n", maps[i].id,
                                   receive_only >> maps[i].id & 1 ? "/sendonly" : "", maps[i].uri);
}

static void
append_transport(GString *out, const ProtoWebrtcAnswer *self)
{
    g_string_append_printf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n",
                           self->ufrag, self->pwd, self->fingerprint,
                           self->setup == PROTO_WEBRTC_ACTIVE ? "active" : "passive");
    for (unsigned i = 0; i < self->n_candidates; i++) {
        g_string_append(out, "a=");
        proto_candidate_build(&self->candidates[i], out);
        g_string_append(out, "\r\n");
    }
    g_string_append(out, "a=end-of-candidates\r\n");
}

/* Chromium forgets an unnamed stream when ICE restarts, and finds it again seconds later. It tells repairs
 * from media by the group, and believes no source without a cname.
 * Spec: RFC 5576 4.1, 4.2, 6.1; RFC 8830 (msid of an SSRC, for older browsers). */
static void
append_sources(GString *out,
               const ProtoWebrtcAnswer *self,
               const ProtoWebrtcAnswerMedia *media,
               const char *track)
{
    const uint32_t sources[] = {media->ssrc, media->rtx_ssrc};

    if (media->ssrc && media->rtx_ssrc)
        g_string_append_printf(out, "a=ssrc-group:FID %u %u\r\n", media->ssrc, media->rtx_ssrc);
    for (unsigned i = 0; i < G_N_ELEMENTS(sources) && sources[i]; i++)
        g_string_append_printf(out, "a=ssrc:%u cname:%s\r\na=ssrc:%u msid:%s %s\r\n", sources[i], self->cname,
                               sources[i], self->stream_id, track);
}

static const char *
address_type(const char *address)
{
    return strchr(address, ':') ? "IP6" : "IP4";
}

static void
append_refused(GString *out, const ProtoWebrtcMedia *offered)
{
    g_string_append_printf(out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n", offered->media, offered->protocol,
                           offered->formats);
    if (*offered->mid)
        g_string_append_printf(out, "a=mid:%s\r\n", offered->mid);
    g_string_append(out, "a=inactive\r\n");
}

static void
append_media(GString *out,
             const ProtoWebrtcAnswer *self,
             const ProtoWebrtcAnswerMedia *media,
             const ProtoWebrtcMedia *offered)
{
    const ProtoCandidate *first = &self->candidates[0];

    g_string_append_printf(out, "m=%s %u %s", offered->media, first->port, offered->protocol);
    for (unsigned i = 0; i < media->n_codecs; i++)
        g_string_append_printf(out, " %u", media->codecs[i]->payload_type);
    g_string_append_printf(out, "\r\nc=IN %s %s\r\n", address_type(first->address), first->address);
    if (*offered->mid)
        g_string_append_printf(out, "a=mid:%s\r\n", offered->mid);
    g_string_append_printf(out, "a=sendonly\r\na=msid:%s %s\r\na=rtcp-mux\r\n", self->stream_id,
                           offered->media);
    if (offered->rtcp_rsize)
        g_string_append(out, "a=rtcp-rsize\r\n");
    append_transport(out, self);
    append_extmaps(out, &media->extensions, offered->receive_only_extensions);
    for (unsigned i = 0; i < media->n_codecs; i++)
        append_codec(out, media->codecs[i], media->extensions.twcc != 0);
    append_sources(out, self, media, offered->media);
}

static void
append_bundle(GString *out, const ProtoWebrtcAnswer *self, const ProtoWebrtcOffer *offer)
{
    bool any = false;

    for (unsigned i = 0; i < offer->media->len; i++) {
        const ProtoWebrtcMedia *offered = g_ptr_array_index(offer->media, i);
        if (self->media[i].n_codecs == 0 || !*offered->mid)
            continue;
        g_string_append_printf(out, "%s%s", any ? " " : "a=group:BUNDLE ", offered->mid);
        any = true;
    }
    if (any)
        g_string_append(out, "\r\n");
}

char *
proto_webrtc_answer_build(const ProtoWebrtcAnswer *self, const ProtoWebrtcOffer *offer)
{
    GString *out = g_string_new("v=0\r\n");
    const char *address = self->candidates[0].address;

    g_string_append_printf(out, "o=- %" G_GUINT64_FORMAT " %u IN %s %s\r\ns=-\r\nt=0 0\r\n", self->session_id,
                           self->session_version, address_type(address), address);
    append_bundle(out, self, offer);
    if (offer->extmap_allow_mixed)
        g_string_append(out, "a=extmap-allow-mixed\r\n");
    g_string_append(out, "a=msid-semantic:WMS *\r\na=ice-lite\r\n");

    for (unsigned i = 0; i < offer->media->len; i++) {
        const ProtoWebrtcMedia *offered = g_ptr_array_index(offer->media, i);
        if (self->media[i].n_codecs == 0)
            append_refused(out, offered);
        else
            append_media(out, self, &self->media[i], offered);
    }

    return g_string_free(out, FALSE);
}
