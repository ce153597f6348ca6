/* lib/proto/jsonrtc.h - frames of the W2 protocol (JSONrtc): bytes <-> structs.
 *
 * docs/w2.md describes the protocol. This module knows the frame; packages and actions are judged by
 * its users. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PROTO_JSONRTC_MAX_BYTES 65536
#define PROTO_JSONRTC_MAX_SEQUENCE (INT64_C(1) << 53) /* what a JavaScript number holds exactly */

typedef enum {
    PROTO_JSONRTC_REQUEST,
    PROTO_JSONRTC_RESPONSE,
    PROTO_JSONRTC_MESSAGE,
    PROTO_JSONRTC_ACKNOWLEDGEMENT,
    PROTO_JSONRTC_ERROR,
} ProtoJsonrtcType;

typedef enum {
    PROTO_JSONRTC_INITIAL,
    PROTO_JSONRTC_SUBSEQUENT,
    PROTO_JSONRTC_FINAL,
} ProtoJsonrtcState;

typedef struct {
    ProtoJsonrtcType type;
    ProtoJsonrtcState state;
    char *package_type;   /* never NULL; "register" or "call" where the frame had none */
    char *session_id;     /* this and the next two: NULL if absent */
    char *subsession_id;  /* "c<n>" or "s<n>" */
    char *correlation_id; /* "c<n>" or "s<n>" */
    int64_t sequence;     /* 0: none */
    int64_t ack_sequence; /* -1: none */
    char *action;         /* never NULL; "" in acknowledgements and errors that have none */
    JsonObject *header;   /* never NULL; without `action` */
    JsonObject *payload;  /* NULL if absent */
} ProtoJsonrtcFrame;

/* An empty frame of that kind with sequence 0 and no acknowledgement; free with proto_jsonrtc_frame_free. */
ProtoJsonrtcFrame *
proto_jsonrtc_frame_new(ProtoJsonrtcType type, const char *package_type, const char *action);
void proto_jsonrtc_frame_free(ProtoJsonrtcFrame *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoJsonrtcFrame, proto_jsonrtc_frame_free)

/* Parses one WebSocket text message. (transfer full)
 * @ret_sequence: if not NULL, set to the frame's sequence number where at least that could be read,
 * else 0, also on failure: the error reply names it.
 * Errors: TOO_LARGE over PROTO_JSONRTC_MAX_BYTES; PROTOCOL if it is not strict JSON or not a frame. */
ProtoJsonrtcFrame *
proto_jsonrtc_parse(const char *text, size_t length, int64_t *ret_sequence, GError **error);

/* One line of JSON. (transfer full) */
char *proto_jsonrtc_build(const ProtoJsonrtcFrame *frame);

/* "c12": the number 12 with @ret_side 'c'. False if malformed. */
bool proto_jsonrtc_reference_parse(const char *reference, char *ret_side, int64_t *ret_number);

/* Header members; NULL, or @ret_value untouched and false, if absent or of another type. Strings are lent. */
const char *proto_jsonrtc_header_string(const ProtoJsonrtcFrame *self, const char *name);
bool proto_jsonrtc_header_int(const ProtoJsonrtcFrame *self, const char *name, int64_t *ret_value);
bool proto_jsonrtc_header_number(const ProtoJsonrtcFrame *self, const char *name, double *ret_value);
bool proto_jsonrtc_header_bool(const ProtoJsonrtcFrame *self, const char *name, bool *ret_value);
/* A string member of the payload; NULL if absent. */
const char *proto_jsonrtc_payload_string(const ProtoJsonrtcFrame *self, const char *name);
/* The payload, made on first use. (lent) */
JsonObject *proto_jsonrtc_payload(ProtoJsonrtcFrame *self);

/* "request call start c4": for traces and logs. (transfer full) */
char *proto_jsonrtc_summary(const ProtoJsonrtcFrame *self);
