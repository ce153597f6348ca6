/* lib/proto/rtsp.h - RTSP/1.0 messages: bytes <-> struct, for Xc. Pure.
 *
 * GStreamer has no public parser for a buffer (its connection object reads, and blocks), hence ours.
 * Strict on input: RTSP/1.0 only, no line folding, no NUL, no interleaved frames; caps below.
 * Spec: RFC 2326 4-7, 12, 15. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define PROTO_RTSP_MAX_HEADERS 64
#define PROTO_RTSP_MAX_HEAD_BYTES 8192
#define PROTO_RTSP_MAX_BODY_BYTES 65536

typedef struct {
    char *name;
    char *value;
} ProtoRtspHeader;

typedef struct {
    char *method;       /* request: "PLAY"; NULL in a response */
    char *uri;          /* request: absolute URI or "*" */
    unsigned status;    /* response: 100..599; 0 in a request */
    char *reason;       /* response */
    GPtrArray *headers; /* of ProtoRtspHeader, in order */
    GString *body;      /* may be empty, never NULL; binary safe */
} ProtoRtspMsg;

ProtoRtspMsg *proto_rtsp_request_new(const char *method, const char *uri);
/* @reason: NULL for the standard phrase. */
ProtoRtspMsg *proto_rtsp_response_new(unsigned status, const char *reason);
void proto_rtsp_msg_free(ProtoRtspMsg *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoRtspMsg, proto_rtsp_msg_free)

/* First header of that name (compared without case), lent; NULL if absent. */
const char *proto_rtsp_header(const ProtoRtspMsg *self, const char *name);
/* Replaces all headers of that name. */
void proto_rtsp_set_header(ProtoRtspMsg *self, const char *name, const char *value);
void proto_rtsp_set_header_printf(ProtoRtspMsg *self, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Sets the body and its Content-Type; Content-Length is made by proto_rtsp_build. */
void proto_rtsp_set_body(ProtoRtspMsg *self, const char *content_type, const char *body, gssize length);

typedef enum {
    PROTO_RTSP_MESSAGE,    /* *ret_message and *ret_used are set */
    PROTO_RTSP_INCOMPLETE, /* read more; never if a cap is reached already */
    PROTO_RTSP_INVALID,    /* close the connection; a 400 or 413 may be sent before */
} ProtoRtspResult;

/* Takes one message from the front of @data; leading CRLFs (keep-alive) are skipped and counted in @ret_used.
 * @ret_used: on MESSAGE the octets consumed; on INCOMPLETE the leading CRLF octets that may be dropped.
 * Errors (INVALID only): PROTOCOL; TOO_LARGE if a cap is exceeded. */
ProtoRtspResult proto_rtsp_parse(
    const char *data, size_t length, ProtoRtspMsg **ret_message, size_t *ret_used, GError **error);
/* (transfer full) */
GString *proto_rtsp_build(const ProtoRtspMsg *self);

/* The standard phrase, "Unknown" if there is none. */
const char *proto_rtsp_reason(unsigned status);

/* Session header without its parameters; NULL if absent or malformed. (transfer full) */
char *proto_rtsp_session(const ProtoRtspMsg *self);

/* Range: npt=START-[END]. "now" and an absent start are told apart by the flags. */
typedef struct {
    bool has_start, has_end;
    bool now; /* npt=now-: the live edge */
    double start_s, end_s;
} ProtoRtspRange;
/* Accepts seconds and hh:mm:ss.
 * Errors: INVALID_ARGUMENT for another unit than npt, a negative or absurd (over 10^9 s) value.
 * Spec: RFC 2326 3.6, 12.29. */
bool proto_rtsp_range_parse(const char *text, ProtoRtspRange *ret_range, GError **error);
/* "npt=12.000-30.000"; (transfer full) */
char *proto_rtsp_range_build(const ProtoRtspRange *range);

/* A decimal number in the C locale that fills @text but for spaces. False if it does not. */
bool proto_rtsp_number_parse(const char *text, double *ret_value);

/* text/parameters: the value of a "name: value" line, NULL if absent. (transfer full) */
char *proto_rtsp_parameter(const GString *body, const char *name);

/* X-Media-Anchor (ours): the RTP timestamp of the first new picture and its media time. */
typedef struct {
    guint32 rtp_time;
    double media_time_s;
} ProtoRtspAnchor;
#define PROTO_RTSP_ANCHOR_HEADER "X-Media-Anchor"
bool proto_rtsp_anchor_parse(const char *text, ProtoRtspAnchor *ret_anchor);
char *proto_rtsp_anchor_build(const ProtoRtspAnchor *anchor);

/* Notice: 2101 "End-of-Stream Reached" event-date=... npt=5400.0 */
typedef struct {
    unsigned code;
    bool has_npt;
    double npt_s;
} ProtoRtspNotice;
enum {
    PROTO_RTSP_NOTICE_STALLED = 1103, /* the live source is not sending */
    PROTO_RTSP_NOTICE_RESUMED = 1104, /* it is again */
    PROTO_RTSP_NOTICE_END_OF_STREAM = 2101,
    PROTO_RTSP_NOTICE_START_OF_STREAM = 2104,
    PROTO_RTSP_NOTICE_TERMINATED = 5402,
};
/* Reads `Notice` or `x-notice` of an ANNOUNCE; false if there is none that makes sense. */
bool proto_rtsp_notice_parse(const ProtoRtspMsg *announce, ProtoRtspNotice *ret_notice);
