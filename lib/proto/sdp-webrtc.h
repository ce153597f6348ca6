/* lib/proto/sdp-webrtc.h - the SDP of a browser: what its offer says about ICE, DTLS, BUNDLE and codecs,
 * and the answer of a sending ICE-lite server. Pure; on GStreamer's SDP library.
 * Spec: RFC 8829, RFC 8839, RFC 8842, RFC 8843, RFC 5763, RFC 8285, RFC 7742, RFC 4588 8, RFC 5576. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/proto/candidate.h"
#include "lib/proto/rtp.h"

enum {
    PROTO_WEBRTC_CODECS_MAX = 64, /* of one m-line; Chromium offers 46 */
    PROTO_WEBRTC_FINGERPRINT_MAX = 64,
};

typedef enum {
    PROTO_WEBRTC_AUDIO,
    PROTO_WEBRTC_VIDEO,
    PROTO_WEBRTC_OTHER,
} ProtoWebrtcKind;

typedef enum {
    PROTO_WEBRTC_ACTPASS,
    PROTO_WEBRTC_ACTIVE,
    PROTO_WEBRTC_PASSIVE,
} ProtoWebrtcSetup;

typedef struct {
    uint8_t payload_type;
    char encoding[16]; /* "H264", "opus" as offered */
    uint32_t clock_rate;
    unsigned channels; /* 1 unless said */
    char *fmtp;        /* parameters as offered; "" if none */
    bool nack, nack_pli, fir, transport_cc;
} ProtoWebrtcCodec;

typedef struct {
    ProtoWebrtcKind kind;
    char *media, *protocol, *formats; /* of the m-line, as offered */
    char *mid;                        /* "" if none */
    bool usable; /* SAVPF over DTLS with rtcp-mux, wants to receive, and can share the one transport */
    bool rtcp_rsize;
    ProtoRtpExtensionIds extensions;
    uint16_t receive_only_extensions; /* bit of each id that was offered as "/recvonly" */
    GArray *codecs;                   /* of ProtoWebrtcCodec, in order of preference */
} ProtoWebrtcMedia;

typedef struct {
    char *ufrag, *pwd;
    char *fingerprint_hash; /* "sha-256", ... */
    uint8_t fingerprint[PROTO_WEBRTC_FINGERPRINT_MAX];
    size_t fingerprint_bytes;
    ProtoWebrtcSetup setup;
    bool extmap_allow_mixed;
    GPtrArray *media; /* of ProtoWebrtcMedia, in m-line order */
} ProtoWebrtcOffer;

/* Errors: PROTOCOL for what is no SDP or malformed; TOO_LARGE over a cap; NOT_ACCEPTABLE without ICE,
 * without DTLS, without BUNDLE for more than one line, or with no usable line. */
ProtoWebrtcOffer *proto_webrtc_offer_parse(const char *text, GError **error);
void proto_webrtc_offer_free(ProtoWebrtcOffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoWebrtcOffer, proto_webrtc_offer_free)

/* The first usable line of @kind, or NULL. Lent. */
const ProtoWebrtcMedia *proto_webrtc_offer_media(const ProtoWebrtcOffer *self, ProtoWebrtcKind kind);

/* The codec that suits streams of @encoding ("H264", "VP8", "VP9", "AV1", "opus", and "red" around it) as
 * reels hold them: H.264 with packetization-mode 1, the constrained baseline entry if there is one (browsers
 * decode all profiles behind it); VP9 and AV1 profile 0; Opus stereo. NULL if not offered. Lent. */
const ProtoWebrtcCodec *proto_webrtc_media_codec(const ProtoWebrtcMedia *media, const char *encoding);

/* The retransmission format of @payload_type (RFC 4588 8.6: apt), or NULL. Lent. */
const ProtoWebrtcCodec *proto_webrtc_media_rtx(const ProtoWebrtcMedia *media, uint8_t payload_type);

/* What is answered to one m-line; no codecs: the line is refused. */
typedef struct {
    const ProtoWebrtcCodec *codecs[8]; /* lent from the offer, best first */
    unsigned n_codecs;
    ProtoRtpExtensionIds extensions;
    uint32_t ssrc, rtx_ssrc; /* 0: not named; no RTX stream */
} ProtoWebrtcAnswerMedia;

typedef struct {
    uint64_t session_id;      /* below 2^62, RFC 8829 5.2.1 */
    unsigned session_version; /* counts answers of this session from 1 */
    const char *ufrag, *pwd;
    const char *fingerprint; /* "sha-256 AB:CD:..." */
    ProtoWebrtcSetup setup;  /* ACTIVE or PASSIVE */
    const ProtoCandidate *candidates;
    unsigned n_candidates;               /* at least one; the first is the default in c= and m= */
    const char *stream_id;               /* msid: what belongs together for lip-sync */
    const char *cname;                   /* of all streams, as in RTCP */
    const ProtoWebrtcAnswerMedia *media; /* one for each m-line of the offer */
} ProtoWebrtcAnswer;

/* (transfer full) */
char *proto_webrtc_answer_build(const ProtoWebrtcAnswer *self, const ProtoWebrtcOffer *offer);
