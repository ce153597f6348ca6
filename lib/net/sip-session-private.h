/* lib/net/sip-session-private.h - one session's state, shared by sip-session*.c only. */
#pragma once

#include "lib/net/sip-ua-private.h"

typedef enum {
    NET_SIP_SESSION_CALLING, /* our INVITE has no final response */
    NET_SIP_SESSION_CALLED,  /* theirs has none */
    NET_SIP_SESSION_CONFIRMED,
    NET_SIP_SESSION_ENDING, /* BYE or CANCEL is under way, or waits for the ACK */
    NET_SIP_SESSION_ENDED,
} NetSipSessionState;

struct NetSipSession {
    NetSipUa *ua;
    const NetSipSessionEvents *events; /* NULL once orphaned */
    void *user_data;
    NetSipSessionState state;
    bool outgoing;
    bool orphan; /* its owner has freed it; it goes when it is over */
    NetSipFlow *flow;
    NetSipDialog *dialog;
    NetSipMsg *invite;
    char *contact;
    const char *reference_point;

    /* Our INVITE, re-INVITE */
    NetSipRequest *request; /* kept for repeated 2xx */
    bool request_open;      /* no final response yet */
    bool retried;           /* after 422 or 491 */
    uint32_t ack_cseq;      /* of the INVITE whose 2xx waits for our ACK; 0: none */
    NetSipMsg *ack;         /* last one, for repeated 2xx */
    bool ack_waits;         /* it could not be sent */
    uint32_t rseq;          /* last reliable provisional response */
    NetSipTimer ack_timer;
    NetSipResponseFunc reinvite_done;
    void *reinvite_data;
    NetSipTimer glare_timer;

    /* Their INVITE, re-INVITE */
    NetSipServerTxn *invite_txn;    /* first one, until answered */
    NetSipIncoming *their_reinvite; /* not answered yet; borrowed */
    NetSipServerTxn *answer_txn;
    NetSipMsg *answer; /* 2xx that waits for its ACK */
    uint32_t answer_cseq;
    int64_t answer_interval_ms, answer_deadline_us;
    NetSipTimer answer_timer;

    /* The end */
    char *reason;
    NetSipRequest *bye;
    NetSipEnd why;
    NetSipTimer end_timer;
    GError *end_error;

    /* Session timer */
    guint interval_s; /* 0: none */
    bool we_refresh;
    bool peer_updates;        /* UPDATE is in its Allow */
    bool target_stale;        /* the far end does not know our Contact yet */
    char *offer_type, *offer; /* our last session description */
    NetSipTimer refresh_timer;
    NetSipRequest *refresh;

    GPtrArray *pending; /* Pending: requests of the owner */
};

NetSipSession *net_sip_session_alloc(NetSipUa *ua);
NetSipTimers *net_sip_session_timers(const NetSipSession *self);
/* Says BYE; `ended` will give @why. */
void net_sip_session_hang_up(NetSipSession *self, NetSipEnd why, const char *reason);
/* It is over: tells the owner, or goes if there is none. Call last. */
void
net_sip_session_finish(NetSipSession *self, NetSipEnd why, const NetSipMsg *message, const GError *error);
void net_sip_session_remember_offer(NetSipSession *self, const NetSipMsg *message);

/* A 2xx to our INVITE or re-INVITE wants an ACK. */
void net_sip_session_want_ack(NetSipSession *self, uint32_t cseq);
/* A final response that came again, to a request that is through. */
void net_sip_session_take_repeated(NetSipSession *self, const NetSipMsg *response);
/* Ends without a BYE, from the main loop. */
void net_sip_session_finish_later(NetSipSession *self, NetSipEnd why);

/* sip-session-request.c */
void net_sip_session_pending_free(gpointer pending);

/* sip-session-timer.c */
void net_sip_session_timer_ask(NetSipSession *self, NetSipMsg *invite, guint interval_s);
/* @response: 2xx to a request of ours. */
void net_sip_session_timer_take_response(NetSipSession *self, const NetSipMsg *response);
/* A request of theirs: false if 422 was sent. */
bool net_sip_session_timer_check(NetSipUa *ua, NetSipServerTxn *txn);
/* Adds what the 2xx to their @request says, and follows it. */
void net_sip_session_timer_answer(NetSipSession *self, const NetSipMsg *request, NetSipMsg *response);
void net_sip_session_timer_stop(NetSipSession *self);
/* Refreshes now, whoever's turn it is: our Contact has changed. */
void net_sip_session_refresh_target(NetSipSession *self);
/* The interval a 422 asks for; 0 if it asks for nothing sensible. */
guint net_sip_session_timer_wanted(const NetSipMsg *response);

/* sip-session-uas.c: requests of the far end */
extern const NetSipUsageOps net_sip_session_usage;
void net_sip_session_stop_answer(NetSipSession *self);
