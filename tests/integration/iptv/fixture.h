/* tests/integration/iptv/fixture.h - imstv-iptv between a fake core and a fake media control function. One
 * SIP user agent plays both: it calls as the S-CSCF does for a viewer, and what the SCF sends towards the
 * control function comes back to it by the Route. */
#pragma once

#include "lib/net/http-client.h"
#include "lib/net/sip-ua.h"
#include "lib/store/store.h"
#include "tests/fakes/daemon-process.h"

/* What the fake control function does with an INVITE. */
typedef enum {
    MCF_ANSWERS,
    MCF_RINGS,   /* no final response */
    MCF_REFUSES, /* with mcf_status */
} McfMode;

typedef struct {
    char *dir;
    TestDaemon *daemon;
    Store *store;
    NetSipUa *ua;
    NetHttpClient *http;
    guint16 core_port;

    McfMode mcf_mode;
    int mcf_status;         /* of a refusal */
    unsigned mcf_refusals;  /* so many, then answers */
    unsigned mcf_calls;     /* INVITEs seen */
    NetSipSession *mcf;     /* the last one */
    NetSipMsg *mcf_invite;  /* a copy of it */
    char *mcf_reinvite_sdp; /* of the last re-INVITE */
    bool mcf_acknowledged;
    bool mcf_ended;
    NetSipEnd mcf_why;

    NetSipSession *viewer;
    NetSipMsg *answer; /* 2xx */
    bool viewer_ended;
    NetSipEnd viewer_why;
    int viewer_status; /* of a refusal */
    char *viewer_retry_after;
    bool reinvite_done;
    int reinvite_status;
    char *reinvite_sdp;

    NetSipMsg *message; /* MESSAGE that was pushed */
    NetSipMsg *notify;  /* the last NOTIFY */
    unsigned notifies;
    bool subscription_ended;
    int subscription_status;

    bool http_done;
    int http_status;
    char *http_body, *http_etag;
} Fixture;

void fixture_set_up(Fixture *self, gconstpointer program);
void fixture_tear_down(Fixture *self, gconstpointer unused);

/* Runs the main loop until *@flag, 10 s at most. */
void fixture_run_until(const bool *flag);
/* The same until the counter has that value. */
void fixture_run_until_count(const unsigned *counter, unsigned value);

/* An offer with the iptv_rtsp line and WebRTC media. @bc_service: NULL: none. (transfer full) */
char *fixture_offer(const char *bc_service);
/* Calls as the S-CSCF does. @identity: NULL: none asserted. */
void fixture_call(Fixture *self, const char *user_part, const char *identity, const char *sdp);
/* The same, and runs until answered or refused. Returns 200 or the refusal. */
int fixture_call_and_wait(Fixture *self, const char *user_part, const char *identity, const char *sdp);
/* Acknowledges, and waits for the ACK at the control function. */
void fixture_acknowledge(Fixture *self);
/* A request that the S-CSCF sends to the daemon. (transfer full) */
NetSipMsg *fixture_request(Fixture *self, const char *method, const char *uri, const char *identity);
void fixture_get(Fixture *self, const char *path, const char *const *headers);
