/* tests/integration/contract-peers.h - a terminal and a server on loopback sockets, as the headend's
 * components are towards a core: what they receive is kept, what they answer is simple. */
#pragma once

#include "lib/net/sip-ua.h"

typedef struct {
    NetSipUa *ua;
    NetSipFlow *flow; /* terminal: its one connection */
    char *domain, *name, *password;
    char *impu;                /* "sip:demo@imstv.test" */
    GPtrArray *service_routes; /* Route values learnt */
    uint32_t cseq;
    char *call_id;
    NetSipMsg *registered; /* 200 to REGISTER */
    int challenges;        /* seen */
    char *last_nonce;
    bool reuse_nonce; /* answer with the old nonce and nc=2 first */
    bool server;

    GPtrArray *requests;      /* NetSipMsg: outside dialogs, INVITE, SUBSCRIBE, in order */
    GPtrArray *notifies;      /* NetSipMsg */
    NetSipSession *session;   /* the last one */
    NetSipFlow *request_flow; /* that the last request came on */
    int answer_status;        /* to INVITE: 200, another status; 0: 180 only */
    int ended;                /* NetSipEnd + 1; 0: alive */
    int ended_status;
    int answered, acknowledged, in_dialog;
    int response; /* status of the last request of ours; -1: none came */
    NetSipSubscription *subscription;
    bool subscription_over;
} Peer;

Peer *peer_new_terminal(NetSipTransportKind kind,
                        const char *core_host,
                        uint16_t core_port,
                        const char *domain,
                        const char *name,
                        const char *password);
/* Listens on TCP. @ret_port: its port; @port: 0 for a free one. */
Peer *peer_new_server(uint16_t port, uint16_t *ret_port);
void peer_free(Peer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* Runs the main loop until @condition holds; fails the test after 10 s, saying @what. */
#define WAIT(condition, what)                                                                                \
    do {                                                                                                     \
        gint64 until_ = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;                                        \
        guint tick_ = g_timeout_add(100, peer_tick, NULL);                                                   \
        while (!(condition)) {                                                                               \
            if (g_get_monotonic_time() > until_)                                                             \
                g_error("no %s in 10 s", what);                                                              \
            g_main_context_iteration(NULL, TRUE);                                                            \
        }                                                                                                    \
        g_source_remove(tick_);                                                                              \
    } while (0)
gboolean peer_tick(gpointer unused);

/* Sends REGISTER, answers challenges, waits; returns the final status. */
int peer_register(Peer *self, guint expires_s);
/* A request of a registered terminal: From, route set; to be completed and sent. */
NetSipMsg *peer_request(Peer *self, const char *method, const char *uri);
/* Calls @uri, waits for the end of the INVITE; returns its final status (a 2xx is acknowledged). */
int peer_call(Peer *self, const char *uri);
/* Hangs up and waits. */
void peer_hang_up(Peer *self);
/* Sends anything outside a dialog, waits; returns the final status. @request: (transfer full) */
int peer_send(Peer *self, NetSipMsg *request);
/* The nth request received; waits for it. */
const NetSipMsg *peer_wait_request(Peer *self, guint nth);
