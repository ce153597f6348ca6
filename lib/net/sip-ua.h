/* lib/net/sip-ua.h - a SIP user agent: listeners, flows, requests outside dialogs and their challenges.
 *
 * INVITE dialogs are in sip-session.h, event subscriptions in sip-subscription.h (both included here).
 *
 * How to send: make a message with net_sip_msg_new_request, put in what matters to you (From and To are
 * yours, as are Route, body, P-headers), hand it over. The UA adds what is missing: Via, Max-Forwards,
 * From tag, Call-ID, CSeq, Contact (the flow's, with From's user part), Allow, User-Agent, Session-ID
 * (a new UUID unless you set one; `remote` is 32 zeros in a first request).
 * It goes out on the flow you name, else to the first Route, else to the Request-URI (IP literals and
 * "localhost"; transport parameter udp or tcp, udp by default).
 *
 * Every sent and received message is traced under its flow's reference point, or the message's own.
 * All calls and events on the main thread. An event may free the object it is about. */
#pragma once

#include "lib/base/clock.h"
#include "lib/net/sip-msg.h"
#include "lib/net/sip-transport.h"

#include <glib.h>
#include <stdbool.h>

typedef struct NetSipUa NetSipUa;
typedef struct NetSipIncoming NetSipIncoming;
typedef struct NetSipRequest NetSipRequest;
typedef struct NetSipChallenge NetSipChallenge;
typedef struct NetSipSession NetSipSession;
typedef struct NetSipNotifier NetSipNotifier;

typedef struct {
    /* A request outside any dialog (MESSAGE, OPTIONS, REGISTER, INFO, ...).
     * @incoming: (transfer full), see below. NULL handler: OPTIONS 200, others 405. */
    void (*request)(NetSipUa *ua, NetSipIncoming *incoming, void *user_data);
    /* A new INVITE; the session is yours from now on (see sip-session.h); 100 has been sent.
     * NULL handler: 405. @session: (transfer full). @invite: lent. */
    void (*invite)(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data);
    /* A new SUBSCRIBE; accept or reject it (see sip-subscription.h). NULL handler: 489.
     * @notifier: (transfer full). @subscribe: lent. */
    void (*subscribe)(NetSipUa *ua, NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data);
    /* 401 or 407 came to a request of ours. Answer the challenge now or later (see below). NULL handler:
     * the 401 or 407 is the final response. @challenge: (transfer full). */
    void (*challenge)(NetSipUa *ua, NetSipChallenge *challenge, void *user_data);
    /* A flow from net_sip_ua_open_flow. Any may be NULL. `lost` comes after the sessions on it were told. */
    void (*flow_connected)(NetSipUa *ua, NetSipFlow *flow, void *user_data);
    void (*flow_lost)(NetSipUa *ua, NetSipFlow *flow, const GError *error, void *user_data);
} NetSipUaEvents;

typedef struct {
    const char *name;        /* User-Agent and Server, "imstv-sgw/0.1.0"; NULL: none */
    guint session_expires_s; /* RFC 4028 session timer asked for; 0: none of our own */
    guint min_se_s;          /* smallest interval accepted, 422 below it; 0: 90 */
    guint max_transactions;  /* above: 503 with Retry-After; 0: 20000 */
    const BaseClock *clock;  /* NULL: the machine's; a fake one needs net_sip_ua_run_timers */
    NetSipTransportConfig transport;
} NetSipUaConfig;

/* @config: copied. @events: borrowed with @user_data. */
NetSipUa *net_sip_ua_new(const NetSipUaConfig *config, const NetSipUaEvents *events, void *user_data);
/* Ends all without a word to the peers (end sessions first); no event follows. Sessions, requests and
 * notifiers must be freed before. */
void net_sip_ua_free(NetSipUa *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipUa, net_sip_ua_free)

/* As net_sip_transport_listen. Call for UDP and TCP with one port to serve both. */
bool net_sip_ua_listen(NetSipUa *self,
                       NetSipTransportKind kind,
                       const char *host,
                       uint16_t port,
                       const char *reference_point,
                       uint16_t *ret_port,
                       GError **error);
/* As net_sip_transport_open: a flow of its own (one per user on Gm). Requests from the far end on it come
 * to the same events; net_sip_flow_set_owner tells whose it is. (transfer full) */
NetSipFlow *net_sip_ua_open_flow(NetSipUa *self,
                                 NetSipTransportKind kind,
                                 const char *host,
                                 uint16_t port,
                                 const char *local_host,
                                 const char *reference_point,
                                 GError **error);
/* Runs the timers that are due: for tests with a fake clock. */
void net_sip_ua_run_timers(NetSipUa *self);
/* True if no transaction, dialog or farewell is under way: a daemon that stops may go. */
bool net_sip_ua_is_idle(const NetSipUa *self);
NetSipTransport *net_sip_ua_transport(NetSipUa *self);

/* --- Requests of ours ------------------------------------------------------------------------- */

/* @response: the final one (provisional ones are not reported), lent; NULL if there was none, then @error
 * says why (TIMEOUT, UNAVAILABLE, PROTOCOL). Called once; the request object is gone afterwards. */
typedef void (*NetSipResponseFunc)(const NetSipMsg *response, const GError *error, void *user_data);

/* Sends a request outside a dialog (REGISTER, MESSAGE, OPTIONS, ...; not INVITE or SUBSCRIBE).
 * 401 and 407 go to the UA's challenge event; the response of the retry is what @done gets.
 * For consecutive REGISTERs put in Call-ID and CSeq yourself; net_sip_request_message tells what was
 * sent last (each answered challenge raises the CSeq by one).
 * @flow: may be NULL (routed by the message). @request: (transfer full).
 * @done: may be NULL; never called from within. A failure to send is reported through it, too.
 * Returns a handle lent until @done was called. */
NetSipRequest *net_sip_ua_request(
    NetSipUa *self, NetSipFlow *flow, NetSipMsg *request, NetSipResponseFunc done, void *user_data);
/* Forgets the request: @done will not be called; what is on the wire takes its course. */
void net_sip_request_abandon(NetSipRequest *self);
/* The request as last sent, lent. */
const NetSipMsg *net_sip_request_message(const NetSipRequest *self);

/* --- Challenges ------------------------------------------------------------------------------- */

/* The request that was challenged, as sent, and the 401 or 407. Lent. */
const NetSipMsg *net_sip_challenge_request(const NetSipChallenge *self);
const NetSipMsg *net_sip_challenge_response(const NetSipChallenge *self);
NetSipFlow *net_sip_challenge_flow(const NetSipChallenge *self);
/* The challenge's value, "Digest realm=...": of WWW-Authenticate or Proxy-Authenticate. */
const char *net_sip_challenge_value(const NetSipChallenge *self);
bool net_sip_challenge_is_proxy(const NetSipChallenge *self); /* 407: Proxy-Authorization */
/* 1 for the first challenge of a request; the UA gives up at the fourth. */
guint net_sip_challenge_attempt(const NetSipChallenge *self);
/* Sends the request again with this Authorization (Proxy-Authorization) value: "Digest username=...".
 * Consumes the challenge. If the request is over meanwhile, nothing happens. */
void net_sip_challenge_answer(NetSipChallenge *self, const char *authorization);
/* Lets the 401 or 407 be the final response. Consumes the challenge. */
void net_sip_challenge_decline(NetSipChallenge *self);

/* --- Requests to us --------------------------------------------------------------------------- */

/* A request that waits for our final response. Whoever got it answers it exactly once; freeing it
 * unanswered sends 500. It outlives its dialog (the response is then dropped). */
void net_sip_incoming_free(NetSipIncoming *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipIncoming, net_sip_incoming_free)
const NetSipMsg *net_sip_incoming_request(const NetSipIncoming *self);
NetSipFlow *net_sip_incoming_flow(const NetSipIncoming *self);
/* A response to fill in and send with net_sip_incoming_respond. (transfer full) */
NetSipMsg *net_sip_incoming_response(const NetSipIncoming *self, int status, const char *reason);
/* @response: (transfer full). A final one consumes the incoming request. */
void net_sip_incoming_respond(NetSipIncoming *self, NetSipMsg *response);
/* Both in one, for a response without body or further headers. */
void net_sip_incoming_reply(NetSipIncoming *self, int status, const char *reason);

#include "lib/net/sip-session.h"
#include "lib/net/sip-subscription.h"
