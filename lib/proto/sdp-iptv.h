/* lib/proto/sdp-iptv.h - the IPTV lines of an SDP: the iptv_rtsp content control m-line and the bc_service
 * attributes. Pure; text in, new text out, nothing is edited in place (on GStreamer's SDP library).
 *
 * The other lines of the SDP come out with the same values in the same order. Texts over 64 KiB, with more
 * than 32 m-lines or without v=, o=, s= or t= line are refused: PROTOCOL (TOO_LARGE over a cap).
 * Spec: TS 183 063 (iptv_rtsp, bc_service, bc_service_package), RFC 4145, RFC 8859. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- m=application <port> TCP iptv_rtsp ---- */

typedef struct {
    unsigned index;     /* of the m-line, from 0 */
    char *address;      /* c= of the line, else of the session; NULL if neither is there */
    uint16_t port;      /* 9 in an offer of the active side; 0: refused */
    bool passive;       /* a=setup:passive (the answer); else active */
    char *h_uri;        /* RTSP request URI; NULL if absent */
    char *h_session;    /* RTSP session id without parameters; NULL if absent */
    unsigned timeout_s; /* of the RTSP session, 60 unless given */
    double h_offset_s;  /* start position, 0 unless given */
    char *version;      /* NULL if absent */
} ProtoIptvRtsp;
void proto_iptv_rtsp_clear(ProtoIptvRtsp *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProtoIptvRtsp, proto_iptv_rtsp_clear)

/* Inserts the offerer's line at @index (0 for the SGW): port 9, setup:active, connection:new,
 * fmtp version=1.0, c= @address. (transfer full)
 * Errors: PROTOCOL if @sdp is none or already has the line; INVALID_ARGUMENT if @index is beyond. */
char *proto_sdp_iptv_insert_offer(const char *sdp, unsigned index, const char *address, GError **error);

/* Inserts the answerer's line at @line->index: setup:passive, one fmtp per parameter, h-uri first.
 * With port 0 the line is refused and carries no parameters. (transfer full) Errors: as above. */
char *proto_sdp_iptv_insert_answer(const char *sdp, const ProtoIptvRtsp *line, GError **error);

/* Takes the line out and says what it was. @ret_line: initialised here; may be NULL.
 * Errors: NOT_FOUND if there is no such line; PROTOCOL for a malformed parameter or a second line. */
char *proto_sdp_iptv_remove(const char *sdp, ProtoIptvRtsp *ret_line, GError **error);

/* Reads the line only. Errors: as remove. */
bool proto_sdp_iptv_parse(const char *sdp, ProtoIptvRtsp *ret_line, GError **error);

/* ---- bc_service and bc_service_package ---- */

typedef struct {
    char *id;        /* BCPackageId */
    char **services; /* BCServiceIds granted, NULL-ended; may be empty (an offer names the package alone) */
} ProtoBcPackage;

typedef struct {
    char *service;       /* BCServiceId as written ("one:imstv.test" or a bare "one"); NULL if absent */
    GPtrArray *packages; /* of ProtoBcPackage, owned; never NULL after parse */
} ProtoBc;
void proto_bc_clear(ProtoBc *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProtoBc, proto_bc_clear)

/* An empty one to fill in. */
void proto_bc_init(ProtoBc *self);
/* @services: copied; may be NULL. */
void proto_bc_add_package(ProtoBc *self, const char *id, const char *const *services);

/* Reads the attributes at session level and, to be tolerant, at media level. @ret_bc: initialised here.
 * Errors: PROTOCOL; TOO_LARGE over 64 packages or 4096 services. */
bool proto_sdp_bc_parse(const char *sdp, ProtoBc *ret_bc, GError **error);

/* Replaces all bc_service and bc_service_package attributes, wherever they stand, by those of @bc at
 * session level; NULL removes them. (transfer full) */
char *proto_sdp_bc_set(const char *sdp, const ProtoBc *bc, GError **error);

/* Name of a BCServiceId: what stands before the first ':'. (transfer full) */
char *proto_bc_service_name(const char *bc_service_id);
/* True if the channel @bc_service_id (a bare name stands for the home domain's) is in one of the
 * packages; @home_domain completes bare names on both sides. */
bool proto_bc_grants(const ProtoBc *bc, const char *bc_service_id, const char *home_domain);

/* ---- what a WebRTC delivery needs to see ---- */

/* OK if at least one accepted (port or bundle-only) audio or video line is UDP/TLS/RTP/SAVPF and has ICE
 * credentials and a fingerprint, at its own or at session level.
 * Errors: NOT_ACCEPTABLE with the reason (RTP/AVP only, no ICE, no DTLS); PROTOCOL. */
bool proto_sdp_check_webrtc(const char *sdp, GError **error);
