/* lib/net/rtsp-conn.h - RTSP/1.0 over persistent TCP for Xc: client (SGW) and server (MCF) side.
 *
 * One connection per SGW-MCF pair carries all sessions. Requests that carry the same Session header
 * go one after the other (no pipelining within a session); those of different sessions do not wait
 * for each other, answers are matched by CSeq. Both directions number their requests from 1.
 * Everything runs on the thread-default main context of the caller of _new; nothing blocks (addresses
 * must be IP literals). Every message is traced as "Xc" with its Session-ID header.
 * Spec: RFC 2326; TS 183 063 Xc. */
#pragma once

#include "lib/proto/rtsp.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- client ---- */

typedef struct NetRtspClient NetRtspClient;

typedef struct {
    /* A request of the server (ANNOUNCE; @session is its Session header, may be NULL). Returns the
     * status to answer with: 200, or 454 for a session that is not known here. The client answers,
     * OPTIONS and empty GET_PARAMETERs included; other methods get 501 without this being asked. */
    unsigned (*announce)(void *user_data, const ProtoRtspMsg *request, const char *session);
    /* The connection is up (after each reconnect too) or was lost (@error: why). Requests in flight have
     * been answered with UNAVAILABLE before. May be NULL. */
    void (*state)(void *user_data, bool connected, const GError *error);
} NetRtspClientEvents;

/* Exactly one call per request. @response: NULL on failure, else any status; lent.
 * @error: TIMEOUT (deadline), UNAVAILABLE (no connection, or lost), BUSY (queue full). */
typedef void (*NetRtspDone)(void *user_data, const ProtoRtspMsg *response, const GError *error);

/* The connection is made at the first request, and made again after a loss when there is something
 * to send (backing off 100 ms .. 5 s while it is refused).
 * @address: IP literal. @events: borrowed with @user_data. Neither callback may free the client.
 * Errors: INVALID_ARGUMENT if @address is no IP address. */
NetRtspClient *net_rtsp_client_new(
    const char *address, uint16_t port, const NetRtspClientEvents *events, void *user_data, GError **error);
/* As above, with address and port of an rtsp:// URI (port 554 if it has none). */
NetRtspClient *net_rtsp_client_new_for_uri(const char *uri,
                                           const NetRtspClientEvents *events,
                                           void *user_data,
                                           GError **error);
/* Pending callbacks are not called any more. */
void net_rtsp_client_free(NetRtspClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetRtspClient, net_rtsp_client_free)

/* "127.0.0.1:8554": to find the client of a pair; lent. */
const char *net_rtsp_client_peer(const NetRtspClient *self);

/* Sends a request, now or when those before it in its session are done. CSeq is set here; the caller
 * sets Session and Session-ID. @request: (transfer full). The callback never runs inside this call.
 * Returns an id for net_rtsp_client_cancel, never 0. */
unsigned net_rtsp_client_send(
    NetRtspClient *self, ProtoRtspMsg *request, unsigned deadline_ms, NetRtspDone done, void *user_data);
/* The callback of that request will not be called; unknown ids are ignored. */
void net_rtsp_client_cancel(NetRtspClient *self, unsigned id);

/* ---- server ---- */

typedef struct NetRtspServer NetRtspServer;
/* One request that waits for its answer. */
typedef struct NetRtspRequest NetRtspRequest;

typedef struct {
    unsigned max_connections;         /* beyond: accepted and closed at once */
    unsigned max_pending;             /* unanswered requests of one connection; beyond: 503 */
    unsigned max_pending_per_session; /* the same for one Session header; beyond: 503 */
    unsigned idle_timeout_s;          /* silent connections are closed */
    unsigned receive_timeout_s;       /* an unfinished message closes the connection */
} NetRtspServerLimits;
extern const NetRtspServerLimits net_rtsp_server_limits_default; /* 256, 1024, 4, 300, 10 */

typedef struct {
    /* A request with a valid CSeq. @request: the handler answers it by net_rtsp_request_respond, now or
     * later, exactly once. */
    void (*request)(void *user_data, NetRtspRequest *request);
    /* A connection is gone; its unanswered requests may (and must) still be responded to. May be NULL. */
    void (*closed)(void *user_data, uint64_t connection);
} NetRtspServerEvents;

/* Listens on @address (IP literal) and @port (0: chosen by the system).
 * @limits: NULL for the defaults. @events: borrowed with @user_data.
 * Errors: INVALID_ARGUMENT; UNAVAILABLE if the port is in use. */
NetRtspServer *net_rtsp_server_new(const char *address,
                                   uint16_t port,
                                   const NetRtspServerLimits *limits,
                                   const NetRtspServerEvents *events,
                                   void *user_data,
                                   GError **error);
/* Closes everything; outstanding NetRtspRequests stay valid and have to be responded to (to nowhere). */
void net_rtsp_server_free(NetRtspServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetRtspServer, net_rtsp_server_free)
uint16_t net_rtsp_server_port(const NetRtspServer *self);

const ProtoRtspMsg *net_rtsp_request_message(const NetRtspRequest *self);
/* Session header's id, NULL if there is none. Lent. */
const char *net_rtsp_request_session(const NetRtspRequest *self);
/* Number of the connection, never used again in this process; address of its far end. */
uint64_t net_rtsp_request_connection(const NetRtspRequest *self);
const char *net_rtsp_request_peer_address(const NetRtspRequest *self);
/* Sends the answer; CSeq, Session and Session-ID are copied from the request unless set.
 * Both arguments: (transfer full). */
void net_rtsp_request_respond(NetRtspRequest *self, ProtoRtspMsg *response);

/* True while that connection is open. */
bool net_rtsp_server_has_connection(const NetRtspServer *self, uint64_t connection);
/* A request towards the client (ANNOUNCE); CSeq is set here. @request: (transfer full). @done may be NULL and
 * runs once, with UNAVAILABLE if the connection is or goes away, TIMEOUT after @deadline_ms. */
void net_rtsp_server_send(NetRtspServer *self,
                          uint64_t connection,
                          ProtoRtspMsg *request,
                          unsigned deadline_ms,
                          NetRtspDone done,
                          void *user_data);
