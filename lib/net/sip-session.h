/* lib/net/sip-session.h - one INVITE session: its dialog, offers and answers, refreshes and its end.
 * Include lib/net/sip-ua.h.
 *
 * A session is made by net_sip_session_invite (we call) or by the UA's invite event (we are called), and
 * freed by its owner, at any time: freeing a live one says CANCEL, BYE or 480 first.
 * Its end is told once, by `ended`; afterwards only getters and free make sense.
 * SDP is carried as a body and never looked at. ACKs for refusals, retransmission of 2xx, PRACK for reliable
 * provisional responses, glare (491 and the retry after it), session timers (RFC 4028), extra forks (ACK and
 * BYE) and Session-ID are handled here.
 * Spec: RFC 3261 12-15, RFC 3262, RFC 3311, RFC 4028, RFC 6026, RFC 7989. */
#pragma once

#include "lib/net/sip-ua.h"

typedef enum {
    NET_SIP_ENDED_REFUSED,   /* our INVITE got a final 3xx..6xx: @message is that response */
    NET_SIP_ENDED_CANCELLED, /* the caller took it back (487 was sent): @message is the CANCEL or NULL */
    NET_SIP_ENDED_BYE,       /* the far end hung up: @message is the BYE (200 was sent) */
    NET_SIP_ENDED_NO_ANSWER, /* no response (Timer B), or no ACK to our 2xx; @message NULL */
    NET_SIP_ENDED_EXPIRED,   /* session timer ran out, or a refresh got 481 or 408; BYE was sent */
    NET_SIP_ENDED_LOST,      /* the flow is gone, and nobody keeps the session without one */
    NET_SIP_ENDED_LOCALLY,   /* net_sip_session_end is through: @message is the BYE's response, or NULL */
} NetSipEnd;

typedef struct {
    /* --- our INVITE (also re-INVITE, see net_sip_session_reinvite) */
    /* 101..199; may be NULL. */
    void (*progress)(NetSipSession *session, const NetSipMsg *response, void *user_data);
    /* 2xx to the first INVITE; call net_sip_session_ack, now or within 32 s (else ACK and BYE are sent). */
    void (*answered)(NetSipSession *session, const NetSipMsg *response, void *user_data);

    /* --- their requests */
    /* ACK for our 2xx, first INVITE and re-INVITE; may be NULL. */
    void (*acknowledged)(NetSipSession *session, const NetSipMsg *ack, void *user_data);
    /* re-INVITE, with or without an offer; answer through @incoming (2xx are retransmitted until the ACK).
     * A refresh whose SDP is unchanged comes here, too. NULL handler: 488. @incoming: (transfer full) */
    void (*reinvite)(NetSipSession *session, NetSipIncoming *incoming, void *user_data);
    /* INFO, UPDATE with an offer, MESSAGE, OPTIONS, REFER in the dialog. NULL handler: 405.
     * @incoming: (transfer full). UPDATE without body is answered by the session itself. */
    void (*request)(NetSipSession *session, NetSipIncoming *incoming, void *user_data);

    /* The flow of its own (net_sip_ua_open_flow) is gone. True keeps a confirmed session: dialogs are end to
     * end, and net_sip_session_move gives it another flow. Until then requests fail with UNAVAILABLE. NULL
     * handler, or not confirmed: `ended` with LOST. */
    bool (*flow_lost)(NetSipSession *session, const GError *error, void *user_data);

    /* Over. @message: lent, may be NULL. @error: why, where there is no message; may be NULL. */
    void (*ended)(NetSipSession *session,
                  NetSipEnd why,
                  const NetSipMsg *message,
                  const GError *error,
                  void *user_data);
} NetSipSessionEvents;

/* Calls. @invite: (transfer full); From, To, Route, body and so on are yours, see sip-ua.h.
 * @flow: may be NULL. @events: borrowed with @user_data. Never fails; trouble comes as `ended`, not from
 * within this call. */
NetSipSession *net_sip_session_invite(
    NetSipUa *ua, NetSipFlow *flow, NetSipMsg *invite, const NetSipSessionEvents *events, void *user_data);
void net_sip_session_free(NetSipSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipSession, net_sip_session_free)

/* Called: to be set before the invite event returns. */
void net_sip_session_set_events(NetSipSession *self, const NetSipSessionEvents *events, void *user_data);
void *net_sip_session_user_data(const NetSipSession *self);

/* A response to the first INVITE to us, to be filled in and sent with net_sip_session_respond; To tag
 * and, for 101..299, Contact and the session timer's headers are in it. (transfer full) */
NetSipMsg *net_sip_session_response(NetSipSession *self, int status, const char *reason);
/* @response: (transfer full): 101..199 any number of times, then one final. After 300..699 the session is
 * over without `ended`. */
void net_sip_session_respond(NetSipSession *self, NetSipMsg *response);
/* Both in one, without body. */
void net_sip_session_reply(NetSipSession *self, int status, const char *reason);

/* ACK for a 2xx to our INVITE or re-INVITE. @content_type, @body: an answer to an offer in the 2xx, else
 * NULL. Retransmitted 2xx get the same ACK again. */
void net_sip_session_ack(NetSipSession *self, const char *content_type, const char *body);

/* A request inside the dialog, to be filled in and sent by one of the next two (without a dialog they fail with
 * UNAVAILABLE or BUSY). (transfer full) */
NetSipMsg *net_sip_session_new_request(NetSipSession *self, const char *method);
/* Sends INFO, UPDATE, MESSAGE, ... @request: (transfer full). @done: may be NULL. */
void
net_sip_session_request(NetSipSession *self, NetSipMsg *request, NetSipResponseFunc done, void *user_data);
/* Sends a re-INVITE (Session must be confirmed). @done gets the final response; a 2xx wants
 * net_sip_session_ack. 491 is retried once by itself. 408 and 481 end the session. BUSY through @done
 * if an offer is already under way in either direction. */
void
net_sip_session_reinvite(NetSipSession *self, NetSipMsg *request, NetSipResponseFunc done, void *user_data);

/* Goes on over @flow. Where that has another address, the far end is told by a refresh (UPDATE or re-INVITE),
 * so that its requests reach us; an ACK that could not be sent goes out. */
void net_sip_session_move(NetSipSession *self, NetSipFlow *flow);

/* Ends it the way its state asks for: CANCEL, a final response (480), or BYE. @reason: value of a Reason
 * header (`SIP;cause=503;text="..."`), may be NULL. `ended` follows when it is through. */
void net_sip_session_end(NetSipSession *self, const char *reason);

bool net_sip_session_is_confirmed(const NetSipSession *self); /* 2xx sent or received, not over */
NetSipUa *net_sip_session_ua(const NetSipSession *self);
NetSipFlow *net_sip_session_flow(const NetSipSession *self); /* may be NULL before a flow was found */
const char *net_sip_session_call_id(const NetSipSession *self);
/* The UUID that follows the call everywhere: 32 hex. Lent. */
const char *net_sip_session_id(const NetSipSession *self);
/* The INVITE that began it, as sent or received. */
const NetSipMsg *net_sip_session_invite_message(const NetSipSession *self);
/* Name in traces of everything in this dialog, e.g. "y2"; NULL: that of the flow. */
void net_sip_session_set_reference_point(NetSipSession *self, const char *reference_point);
