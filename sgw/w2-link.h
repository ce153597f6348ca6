/* sgw/w2-link.h - the frames of one W2 session, over one WebSocket after another.
 *
 * Numbers and acknowledges frames, keeps what the page has not acknowledged, answers what does not conform,
 * sees to it that each request of the page gets exactly one final answer. Knows nothing of packages.
 * Spec: docs/w2.md. */
#pragma once

#include "lib/proto/jsonrtc.h"
#include "sgw/w2-socket.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define SGW_W2_MAX_REQUESTS 64 /* of the page, unanswered */
#define SGW_W2_MAX_FAULTS 10   /* frames of a socket that do not conform */

typedef struct SgwW2Link SgwW2Link;
typedef struct SgwW2Request SgwW2Request; /* a request of the page that waits for its final answer */

typedef struct {
    /* @request: (transfer full): answer it once, now or later, by one of the functions below. */
    void (*request)(SgwW2Request *request, const ProtoJsonrtcFrame *frame, void *user_data);
    void (*message)(const ProtoJsonrtcFrame *frame, void *user_data);
    /* A final response or error to a request of ours, named by correlation_id. */
    void (*answer)(const ProtoJsonrtcFrame *frame, void *user_data);
    /* The Session-ID of the call that a frame is about, for the trace; NULL if there is none. */
    const char *(*call_id)(const ProtoJsonrtcFrame *frame, void *user_data);
} SgwW2LinkEvents;

/* A new W2 session without a socket. @events: borrowed with @user_data. */
SgwW2Link *sgw_w2_link_new(const SgwW2LinkEvents *events, void *user_data);
/* Lets go of the socket without closing it. Requests that are still open answer to nowhere. */
void sgw_w2_link_free(SgwW2Link *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwW2Link, sgw_w2_link_free)

/* The W2 session id: 32 hex digits. */
const char *sgw_w2_link_id(const SgwW2Link *self);
SgwW2Socket *sgw_w2_link_socket(const SgwW2Link *self); /* NULL while lost */
/* Uses @socket from now on; NULL: it is lost, frames wait for the next one. */
void sgw_w2_link_set_socket(SgwW2Link *self, SgwW2Socket *socket);

/* A text message came. May end in any event, and in the end of the link. */
void sgw_w2_link_receive(SgwW2Link *self, const char *text, size_t length);
/* As above for a frame that is parsed already, the first of a session. */
void sgw_w2_link_receive_frame(SgwW2Link *self, const char *text, const ProtoJsonrtcFrame *frame);

/* If the page can go on where it was: takes @socket, sends @response (transfer full; numbers are filled
 * in) and all frames that the page has missed. False: nothing happened, @response is freed. */
bool sgw_w2_link_resume(SgwW2Link *self,
                        SgwW2Socket *socket,
                        int64_t cslr,
                        int64_t cslw,
                        int64_t csuw,
                        ProtoJsonrtcFrame *response);

/* Sends a message or request. @frame: (transfer full). Returns its sequence number: an answer names it
 * "s<n>". */
int64_t sgw_w2_link_send(SgwW2Link *self, ProtoJsonrtcFrame *frame);

/* --- answers to the page's requests --- */

/* "c<n>": what a frame that belongs to this request puts into correlation_id; its subsession, may be NULL. */
const char *sgw_w2_request_id(const SgwW2Request *self);
const char *sgw_w2_request_subsession(const SgwW2Request *self);
/* A final response with response_code @code to fill in. (transfer full) */
ProtoJsonrtcFrame *sgw_w2_request_response(const SgwW2Request *self, int code);
/* A final error to fill in. (transfer full) */
ProtoJsonrtcFrame *sgw_w2_request_error(const SgwW2Request *self, int code, const char *reason);
/* Sends it and frees the request. @frame: (transfer full). */
void sgw_w2_request_answer(SgwW2Request *self, ProtoJsonrtcFrame *frame);
/* Both in one. */
void sgw_w2_request_fail(SgwW2Request *self, int code, const char *reason);
void sgw_w2_request_fail_error(SgwW2Request *self, const GError *error);
