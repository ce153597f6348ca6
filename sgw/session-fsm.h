/* sgw/session-fsm.h - what a call does next: state x event -> action and next state. Pure.
 *
 * A call joins a browser leg (W2) and a network leg (SIP). The table is in the .c file. */
#pragma once

typedef enum {
    SGW_CALL_INVITING,  /* INVITE sent, no final response yet */
    SGW_CALL_ANSWERED,  /* 2xx came, the page has the answer, its `complete` is awaited */
    SGW_CALL_UP,        /* ACK sent */
    SGW_CALL_REOFFERED, /* the page's re-INVITE is under way */
    SGW_CALL_REANSWERED,
    SGW_CALL_SWITCHING, /* our own re-INVITE is under way, for a channel outside the granted set */
    SGW_CALL_ENDING,    /* CANCEL or BYE sent */
    SGW_CALL_OVER,
    SGW_CALL_N_STATES
} SgwCallState;

typedef enum {
    /* browser leg */
    SGW_CALL_ON_START,    /* a further `start` */
    SGW_CALL_ON_COMPLETE, /* `complete` */
    SGW_CALL_ON_SHUTDOWN, /* `shutdown` */
    SGW_CALL_ON_DROP,     /* the viewer is gone, or the gateway stops */
    SGW_CALL_ON_SWITCH,   /* a zap was refused on Xc with 403 */
    SGW_CALL_ON_TIMEOUT,  /* no `complete` in time, or the media or the network is gone for good */
    /* network leg */
    SGW_CALL_ON_ANSWER,  /* 2xx with SDP to the INVITE or re-INVITE */
    SGW_CALL_ON_REFUSAL, /* 3xx..6xx, or no response, to either */
    SGW_CALL_ON_END,     /* the dialog is over */
    SGW_CALL_N_EVENTS
} SgwCallEvent;

typedef enum {
    SGW_CALL_DO_NOTHING,
    SGW_CALL_DO_ANSWER,      /* give the page the answer, PLAY, wait for `complete` */
    SGW_CALL_DO_REFUSE,      /* error to the first `start`; over */
    SGW_CALL_DO_ACK,         /* ACK */
    SGW_CALL_DO_REOFFER,     /* re-INVITE with the page's offer */
    SGW_CALL_DO_GLARE,       /* 491 to the page */
    SGW_CALL_DO_REREFUSE,    /* error to the further `start`; the call goes on */
    SGW_CALL_DO_SWITCH,      /* re-INVITE for another channel */
    SGW_CALL_DO_SWITCHED,    /* ACK, zap again */
    SGW_CALL_DO_NO_SWITCH,   /* the zap stays refused */
    SGW_CALL_DO_END,         /* CANCEL or BYE */
    SGW_CALL_DO_ACK_END,     /* ACK, then BYE */
    SGW_CALL_DO_GIVE_UP,     /* ACK, then BYE, and tell the page */
    SGW_CALL_DO_CONFIRM,     /* 200 to `shutdown`; over */
    SGW_CALL_DO_CONFIRM_NOW, /* 200 to a further `shutdown` */
    SGW_CALL_DO_TELL,        /* `shutdown` to the page; over */
} SgwCallAction;

typedef struct {
    SgwCallAction action;
    SgwCallState next;
} SgwCallStep;

SgwCallStep sgw_call_step(SgwCallState state, SgwCallEvent event);
const char *sgw_call_state_name(SgwCallState state);
