/* sgw/session.h - one viewer: a W2 session with its registration, discovery and calls.
 *
 * Lives over several WebSockets; ends by log-out, by the loss of its registration, or when the browser has
 * been away for the grace period: then its calls are hung up and the registration lapses. */
#pragma once

#include "sgw/services.h"
#include "sgw/w2-link.h"

#include <glib.h>
#include <stdbool.h>

typedef struct SgwSession SgwSession;

typedef struct {
    /* Everything has come to its end; free it, now or later. */
    void (*over)(SgwSession *session, void *user_data);
} SgwSessionEvents;

/* A `connect` came as the first frame of @socket: its text and frame. @services: borrowed.
 * @events: borrowed with @user_data. */
SgwSession *sgw_session_new(const SgwServices *services,
                            SgwW2Socket *socket,
                            const char *text,
                            const ProtoJsonrtcFrame *connect,
                            const SgwSessionEvents *events,
                            void *user_data);
void sgw_session_free(SgwSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwSession, sgw_session_free)

const char *sgw_session_id(const SgwSession *self);
const char *sgw_session_user(const SgwSession *self); /* demo@imstv.test */
bool sgw_session_is_registered(const SgwSession *self);
SgwW2Socket *sgw_session_socket(const SgwSession *self); /* NULL while lost */

void sgw_session_receive(SgwSession *self, const char *text, size_t length);
/* Its socket is gone: the grace period begins. */
void sgw_session_lost(SgwSession *self);
/* A reconnect on @socket: true if this is the same browser and user and nothing is missing; then the
 * session goes on there. */
bool sgw_session_resume(SgwSession *self, SgwW2Socket *socket, const ProtoJsonrtcFrame *connect);
/* Hangs up all calls, then `over`. */
void sgw_session_end(SgwSession *self, const char *reason);

/* From the UA: what came for this viewer's connection. */
void sgw_session_challenge(SgwSession *self, NetSipChallenge *challenge); /* (transfer full) */
void sgw_session_request(SgwSession *self, NetSipIncoming *incoming);     /* (transfer full) */
void sgw_session_flow_lost(SgwSession *self, NetSipFlow *flow, const GError *error);
