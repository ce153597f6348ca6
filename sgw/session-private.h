/* sgw/session-private.h - the inside of a session, for session.c and w2-handler.c only. */
#pragma once

#include "sgw/session.h"

#include "lib/base/log.h"
#include "sgw/auth-relay.h"
#include "sgw/call.h"
#include "sgw/registration.h"
#include "sgw/xa-client.h"

struct SgwSession {
    const SgwServices *services;
    const SgwSessionEvents *events;
    void *user_data;
    SgwW2Link *link;
    char *user;
    char *browser;                 /* the cookie's secret; NULL if no browser opened it */
    SgwRegistration *registration; /* NULL: refused, or over */
    SgwAuthRelay *relay;
    SgwXaClient *xa;
    GHashTable *calls;     /* subsession -> SgwCall */
    SgwW2Request *connect; /* while it waits */
    SgwW2Request *log_out;
    char *registering; /* "c<n>" that challenges of a REGISTER belong to; NULL: a refresh */
    guint grace_timer;
    guint end_timer;
    GHashTable *xa_waits; /* set of XaWait */
    char *next_call_id;   /* Session-ID that the next call gets: its `start` is traced under it already */
    bool refused;         /* the registration came to nothing; another connect may follow */
    bool ending;
    bool told_over;
};

/* --- session.c --- */

BaseLogFields sgw_session_fields(const SgwSession *self);
/* Hangs up all calls. */
void sgw_session_drop_calls(SgwSession *self, const char *reason);
/* If the session is ending and its last call has gone, says so, from the main loop: callers are in the middle
 * of things. */
void sgw_session_check_over(SgwSession *self);
/* Frees the registration and all that hangs on it. */
void sgw_session_forget_registration(SgwSession *self);

/* --- w2-handler.c --- */

/* What the page sends; user data is the session. */
extern const SgwW2LinkEvents sgw_w2_handler_events;
void sgw_w2_handler_free_wait(void *wait); /* of xa_waits */
