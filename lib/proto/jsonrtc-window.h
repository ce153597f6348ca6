/* lib/proto/jsonrtc-window.h - one side's sequence numbers and retained frames of a W2 session.
 *
 * Lives as long as the W2 session, over several WebSockets. Spec: docs/w2.md, rules and reconnect. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PROTO_JSONRTC_WINDOW_FRAMES 64

typedef struct ProtoJsonrtcWindow ProtoJsonrtcWindow;

typedef enum {
    PROTO_JSONRTC_NEW,       /* the next one: handle it */
    PROTO_JSONRTC_DUPLICATE, /* had it already, as after a reconnect: drop it */
    PROTO_JSONRTC_GAP,       /* frames are missing before it: the peer broke the protocol */
} ProtoJsonrtcReceipt;

ProtoJsonrtcWindow *proto_jsonrtc_window_new(void);
void proto_jsonrtc_window_free(ProtoJsonrtcWindow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoJsonrtcWindow, proto_jsonrtc_window_free)

/* The number that the next frame we send will have. */
int64_t proto_jsonrtc_window_next(const ProtoJsonrtcWindow *self);
/* Keeps the text of the frame with number _next() and moves on. Past PROTO_JSONRTC_WINDOW_FRAMES
 * unacknowledged ones the oldest is forgotten: a reconnect that needs it then fails.
 * @text: (transfer full). */
void proto_jsonrtc_window_sent(ProtoJsonrtcWindow *self, char *text);

/* A frame with number @sequence came. */
ProtoJsonrtcReceipt proto_jsonrtc_window_receive(ProtoJsonrtcWindow *self, int64_t sequence);
/* The last number received in order: SSLR here, CSLR in the page. */
int64_t proto_jsonrtc_window_received(const ProtoJsonrtcWindow *self);
/* The peer has everything up to @sequence. False if we never sent that. */
bool proto_jsonrtc_window_acknowledge(ProtoJsonrtcWindow *self, int64_t sequence);

/* True if the peer can go on: we still have, or have not yet sent, the frame after @cslr, and what we
 * received last lies in @cslw - 1 .. @csuw. Then everything up to @cslr counts as acknowledged. */
bool proto_jsonrtc_window_reconnect(ProtoJsonrtcWindow *self, int64_t cslr, int64_t cslw, int64_t csuw);

/* Calls @resend for each retained frame in order. */
void proto_jsonrtc_window_each(const ProtoJsonrtcWindow *self,
                               void (*resend)(const char *text, void *user_data),
                               void *user_data);
unsigned proto_jsonrtc_window_retained(const ProtoJsonrtcWindow *self);
