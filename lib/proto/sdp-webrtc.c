#include "lib/proto/sdp-webrtc.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/sdp-text.h"

static bool
refuse(GError **error, BaseErrorCode code, const char *what)
{
    g_set_error(error, BASE_ERROR, code, "offer: %s", what);
    return false;
}

static void
clear_codec(gpointer data)
{
    g_free(((ProtoWebrtcCodec *)data)->fmtp);
}

static void
free_media(gpointer data)
{
    ProtoWebrtcMedia *media = data;

    g_free(media->media);
    g_free(media->protocol);
    g_free(media->formats);
    g_free(media->mid);
    g_array_unref(media->codecs);
    g_free(media);
}

void
proto_webrtc_offer_free(ProtoWebrtcOffer *self)
{
    if (!self)
        return;
    g_free(self->ufrag);
    g_free(self->pwd);
    g_free(self->fingerprint_hash);
    g_ptr_array_unref(self->media);
    g_free(self);
}

/* ---- one m-line ---- */

static ProtoWebrtcCodec *
codec_by_payload_type(ProtoWebrtcMedia *media, const char *word, size_t length)
{
    g_autofree char *text = g_strndup(word, length);
    uint64_t number;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 127, &number, NULL))
        return NULL;
    for (unsigned i = 0; i < media->codecs->len; i++) {
        ProtoWebrtcCodec *codec = &g_array_index(media->codecs, ProtoWebrtcCodec, i);
        if (codec->payload_type == number)
            return codec;
    }

    return NULL;
}

static void
add_formats(ProtoWebrtcMedia *media, const GstSDPMedia *sdp)
{
    GString *formats = g_string_new(NULL);
    unsigned n = gst_sdp_media_formats_len(sdp);

    for (unsigned i = 0; i < n; i++) {
        const char *format = gst_sdp_media_get_format(sdp, i);
        ProtoWebrtcCodec codec = {.channels = 1};
        uint64_t number;

        g_string_append_printf(formats, "%s%s", i ? " " : "", format);
        if (media->codecs->len >= PROTO_WEBRTC_CODECS_MAX ||
            !g_ascii_string_to_unsigned(format, 10, 0, 127, &number, NULL))
            continue;
        codec.payload_type = (uint8_t)number;
        codec.fmtp = g_strdup("");
        g_array_append_val(media->codecs, codec);
    }
    media->formats = g_string_free(formats, FALSE);
}

/* "96 VP8/90000", "111 opus/48000/2" */
static void
apply_rtpmap(ProtoWebrtcMedia *media, const char *value)
{
    size_t word = strcspn(value, " ");
    ProtoWebrtcCodec *codec = codec_by_payload_type(media, value, word);
    g_auto(GStrv) parts = NULL;
    uint64_t rate, channels = 1;

    if (!codec || !value[word])
        return;
    parts = g_strsplit(value + word + 1, "/", 3);
    if (!parts[0] || !parts[1] || !g_ascii_string_to_unsigned(parts[1], 10, 1, 192000, &rate, NULL))
        return;
    if (parts[2] && !g_ascii_string_to_unsigned(parts[2], 10, 1, 8, &channels, NULL))
        return;
    if (g_strlcpy(codec->encoding, parts[0], sizeof codec->encoding) >= sizeof codec->encoding)
        codec->encoding[0] = '\0';
    codec->clock_rate = (uint32_t)rate;
    codec->channels = (unsigned)channels;
}

static void
apply_fmtp(ProtoWebrtcMedia *media, const char *value)
{
    size_t word = strcspn(value, " ");
    ProtoWebrtcCodec *codec = codec_by_payload_type(media, value, word);

    if (!codec || !value[word] || strlen(value) > 512)
        return;
    g_free(codec->fmtp);
    codec->fmtp = g_strdup(value + word + 1);
}

static void
apply_feedback_to(ProtoWebrtcCodec *codec, const char *feedback)
{
    codec->nack |= strcmp(feedback, "nack") == 0;
    codec->nack_pli |= strcmp(feedback, "nack pli") == 0;
    codec->fir |= strcmp(feedback, "ccm fir") == 0;
    codec->transport_cc |= strcmp(feedback, "transport-cc") == 0;
}

static void
apply_feedback(ProtoWebrtcMedia *media, const char *value)
{
    size_t word = strcspn(value, " ");
    ProtoWebrtcCodec *codec = codec_by_payload_type(media, value, word);

    if (!value[word])
        return;
    if (codec) {
        apply_feedback_to(codec, value + word + 1);
        return;
    }
    for (unsigned i = 0; word == 1 && *value == '*' && i < media->codecs->len; i++)
        apply_feedback_to(&g_array_index(media->codecs, ProtoWebrtcCodec, i), value + word + 1);
}

/* "3 urn:...", "4/recvonly urn:..."; our direction is sending, so what it only sends is of no use. */
static void
apply_extmap(ProtoWebrtcMedia *media, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 3);
    g_auto(GStrv) head = g_strsplit(words[0] ? words[0] : "", "/", 2);
    uint64_t id;

    if (!words[0] || !words[1] || !head[0] || !g_ascii_string_to_unsigned(head[0], 10, 1, 14, &id, NULL))
        return;
    if (head[1] && (strcmp(head[1], "sendonly") == 0 || strcmp(head[1], "inactive") == 0))
        return;
    if (head[1] && strcmp(head[1], "recvonly") == 0)
        media->receive_only_extensions |= (uint16_t)(1u << id);
    if (strcmp(words[1], PROTO_RTP_URI_MID) == 0)
        media->extensions.mid = (uint8_t)id;
    else if (strcmp(words[1], PROTO_RTP_URI_TWCC) == 0)
        media->extensions.twcc = (uint8_t)id;
    else if (strcmp(words[1], PROTO_RTP_URI_PLAYOUT_DELAY) == 0)
        media->extensions.playout_delay = (uint8_t)id;
    else if (strcmp(words[1], PROTO_RTP_URI_ABS_SEND_TIME) == 0)
        media->extensions.abs_send_time = (uint8_t)id;
}

static void
apply_attributes(ProtoWebrtcMedia *media, const GstSDPMedia *sdp)
{
    unsigned n = gst_sdp_media_attributes_len(sdp);

    for (unsigned i = 0; i < n; i++) {
        const GstSDPAttribute *a = gst_sdp_media_get_attribute(sdp, i);
        const char *value = a->value ? a->value : "";

        if (strcmp(a->key, "rtpmap") == 0)
            apply_rtpmap(media, value);
        else if (strcmp(a->key, "fmtp") == 0)
            apply_fmtp(media, value);
        else if (strcmp(a->key, "rtcp-fb") == 0)
            apply_feedback(media, value);
        else if (strcmp(a->key, "extmap") == 0)
            apply_extmap(media, value);
    }
}

/* An attribute of the line, else of the session. */
static const char *
attribute(const GstSDPMessage *sdp, const GstSDPMedia *media, const char *key)
{
    const char *value = gst_sdp_media_get_attribute_val(media, key);

    return value ? value : gst_sdp_message_get_attribute_val(sdp, key);
}

static bool
wants_to_receive(const GstSDPMessage *sdp, const GstSDPMedia *media)
{
    static const char *const deaf[] = {"sendonly", "inactive"};
    static const char *const hearing[] = {"recvonly", "sendrecv"};

    for (unsigned i = 0; i < 2; i++) {
        if (gst_sdp_media_get_attribute_val(media, deaf[i]))
            return false;
        if (gst_sdp_media_get_attribute_val(media, hearing[i]))
            return true;
    }
    for (unsigned i = 0; i < 2; i++)
        if (gst_sdp_message_get_attribute_val(sdp, deaf[i]))
            return false;

    return true;
}

static bool
in_bundle(const GstSDPMessage *sdp, const char *mid)
{
    const char *group;

    for (unsigned i = 0; (group = gst_sdp_message_get_attribute_val_n(sdp, "group", i)); i++) {
        g_auto(GStrv) words = g_strsplit(group, " ", PROTO_SDP_MAX_MEDIA + 1);
        if (words[0] && strcmp(words[0], "BUNDLE") == 0)
            return g_strv_contains((const char *const *)words + 1, mid);
    }

    return false;
}

static bool
is_usable(const GstSDPMessage *sdp, const GstSDPMedia *sdp_media, const ProtoWebrtcMedia *media)
{
    bool alive =
        gst_sdp_media_get_port(sdp_media) != 0 || gst_sdp_media_get_attribute_val(sdp_media, "bundle-only");

    return alive && media->kind != PROTO_WEBRTC_OTHER && strcmp(media->protocol, "UDP/TLS/RTP/SAVPF") == 0 &&
           gst_sdp_media_get_attribute_val(sdp_media, "rtcp-mux") && wants_to_receive(sdp, sdp_media) &&
           (gst_sdp_message_medias_len(sdp) == 1 || in_bundle(sdp, media->mid));
}

static ProtoWebrtcMedia *
parse_media(const GstSDPMessage *sdp, const GstSDPMedia *sdp_media)
{
    ProtoWebrtcMedia *media = g_new0(ProtoWebrtcMedia, 1);
    const char *mid = gst_sdp_media_get_attribute_val(sdp_media, "mid");

    media->media = g_strdup(gst_sdp_media_get_media(sdp_media));
    media->protocol = g_strdup(gst_sdp_media_get_proto(sdp_media));
    media->mid = g_strdup(mid ? mid : "");
    media->kind = g_strcmp0(media->media, "video") == 0   ? PROTO_WEBRTC_VIDEO
                  : g_strcmp0(media->media, "audio") == 0 ? PROTO_WEBRTC_AUDIO
                                                          : PROTO_WEBRTC_OTHER;
    media->codecs = g_array_new(FALSE, TRUE, sizeof(ProtoWebrtcCodec));
    g_array_set_clear_func(media->codecs, clear_codec);
    add_formats(media, sdp_media);
    apply_attributes(media, sdp_media);
    media->rtcp_rsize = gst_sdp_media_get_attribute_val(sdp_media, "rtcp-rsize") != NULL;
    media->usable = media->protocol && is_usable(sdp, sdp_media, media);

    return media;
}

/* ---- the transport ---- */

/* RFC 8839 5.4: ice-char only, 4..256 and 22..256 of them. */
static bool
is_ice_text(const char *text, size_t least)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return false;

    return length >= least && length <= 256;
}

/* "sha-256 AB:CD:..." */
static bool
parse_fingerprint(ProtoWebrtcOffer *self, const char *value)
{
    size_t word = strcspn(value, " ");
    const char *p = value + word;
    size_t n = 0;

    while (*p == ' ')
        p++;
    for (; g_ascii_isxdigit(p[0]) && g_ascii_isxdigit(p[1]); p += 3) {
        if (n == PROTO_WEBRTC_FINGERPRINT_MAX)
            return false;
        self->fingerprint[n++] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
        if (p[2] != ':') {
            p += 2;
            break;
        }
    }
    if (n == 0 || *p != '\0')
        return false;
    self->fingerprint_hash = g_ascii_strdown(value, (gssize)word);
    self->fingerprint_bytes = n;

    return true;
}

static bool
parse_setup(ProtoWebrtcOffer *self, const char *value)
{
    static const char *const names[] = {"actpass", "active", "passive"};

    for (unsigned i = 0; value && i < G_N_ELEMENTS(names); i++)
        if (strcmp(value, names[i]) == 0) {
            self->setup = (ProtoWebrtcSetup)i;
            return true;
        }

    return false;
}

static bool
parse_transport(ProtoWebrtcOffer *self, const GstSDPMessage *sdp, const GstSDPMedia *media, GError **error)
{
    const char *ufrag = attribute(sdp, media, "ice-ufrag"), *pwd = attribute(sdp, media, "ice-pwd");
    const char *fingerprint = attribute(sdp, media, "fingerprint");

    if (!ufrag || !pwd)
        return refuse(error, BASE_ERROR_NOT_ACCEPTABLE, "no ICE credentials");
    if (!is_ice_text(ufrag, 4) || !is_ice_text(pwd, 22))
        return refuse(error, BASE_ERROR_PROTOCOL, "malformed ICE credentials");
    if (!fingerprint)
        return refuse(error, BASE_ERROR_NOT_ACCEPTABLE, "no DTLS fingerprint");
    if (!parse_fingerprint(self, fingerprint))
        return refuse(error, BASE_ERROR_PROTOCOL, "malformed fingerprint");
    if (!parse_setup(self, attribute(sdp, media, "setup")))
        return refuse(error, BASE_ERROR_PROTOCOL, "no setup role that can be answered");
    self->ufrag = g_strdup(ufrag);
    self->pwd = g_strdup(pwd);

    return true;
}

/* Why there is no line to send on, in the words the caller can act on. */
static bool
refuse_all_media(const ProtoWebrtcOffer *self, GError **error)
{
    bool savpf = false;

    for (unsigned i = 0; i < self->media->len; i++) {
        const ProtoWebrtcMedia *media = g_ptr_array_index(self->media, i);
        savpf |= media->kind != PROTO_WEBRTC_OTHER && g_strcmp0(media->protocol, "UDP/TLS/RTP/SAVPF") == 0;
    }
    if (!savpf)
        return refuse(error, BASE_ERROR_NOT_ACCEPTABLE, "no audio or video over UDP/TLS/RTP/SAVPF");

    return refuse(error, BASE_ERROR_NOT_ACCEPTABLE,
                  "no line that receives, with rtcp-mux, in one BUNDLE group");
}

static const GstSDPMedia *
first_usable(const ProtoWebrtcOffer *self, const GstSDPMessage *sdp)
{
    for (unsigned i = 0; i < self->media->len; i++)
        if (((ProtoWebrtcMedia *)g_ptr_array_index(self->media, i))->usable)
            return gst_sdp_message_get_media(sdp, i);

    return NULL;
}

ProtoWebrtcOffer *
proto_webrtc_offer_parse(const char *text, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);
    g_autoptr(ProtoWebrtcOffer) self = NULL;
    const GstSDPMedia *usable;
    unsigned n;

    if (!sdp)
        return NULL;

    self = g_new0(ProtoWebrtcOffer, 1);
    self->media = g_ptr_array_new_with_free_func(free_media);
    self->extmap_allow_mixed = gst_sdp_message_get_attribute_val(sdp, "extmap-allow-mixed") != NULL;
    n = gst_sdp_message_medias_len(sdp);
    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(self->media, parse_media(sdp, gst_sdp_message_get_media(sdp, i)));

    usable = first_usable(self, sdp);
    if (!usable) {
        refuse_all_media(self, error);
        return NULL;
    }
    if (!parse_transport(self, sdp, usable, error))
        return NULL;

    return g_steal_pointer(&self);
}
