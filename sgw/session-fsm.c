#include "sgw/session-fsm.h"

#include <glib.h>

#define INVITING SGW_CALL_INVITING
#define ANSWERED SGW_CALL_ANSWERED
#define UP SGW_CALL_UP
#define REOFFERED SGW_CALL_REOFFERED
#define REANSWERED SGW_CALL_REANSWERED
#define SWITCHING SGW_CALL_SWITCHING
#define ENDING SGW_CALL_ENDING
#define OVER SGW_CALL_OVER
#define ON(event) [SGW_CALL_ON_##event]
#define DO(action) SGW_CALL_DO_##action

/* What is not in the table does nothing and stays. */
static const struct {
    SgwCallAction action;
    SgwCallState next;
    int set;
} table[SGW_CALL_N_STATES][SGW_CALL_N_EVENTS] =
    {
        [INVITING] =
            {
                ON(START) = {DO(GLARE), INVITING, 1},
                ON(SHUTDOWN) = {DO(END), ENDING, 1},
                ON(DROP) = {DO(END), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), INVITING, 1},
                ON(TIMEOUT) = {DO(END), ENDING, 1},
                ON(ANSWER) = {DO(ANSWER), ANSWERED, 1},
                ON(REFUSAL) = {DO(REFUSE), OVER, 1},
                ON(END) = {DO(REFUSE), OVER, 1},
            },
        [ANSWERED] =
            {
                ON(START) = {DO(GLARE), ANSWERED, 1},
                ON(COMPLETE) = {DO(ACK), UP, 1},
                ON(SHUTDOWN) = {DO(ACK_END), ENDING, 1},
                ON(DROP) = {DO(ACK_END), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), ANSWERED, 1},
                ON(TIMEOUT) = {DO(GIVE_UP), ENDING, 1},
                ON(END) = {DO(TELL), OVER, 1},
            },
        [UP] =
            {
                ON(START) = {DO(REOFFER), REOFFERED, 1},
                ON(SHUTDOWN) = {DO(END), ENDING, 1},
                ON(DROP) = {DO(END), ENDING, 1},
                ON(SWITCH) = {DO(SWITCH), SWITCHING, 1},
                ON(TIMEOUT) = {DO(GIVE_UP), ENDING, 1},
                ON(END) = {DO(TELL), OVER, 1},
            },
        [REOFFERED] =
            {
                ON(START) = {DO(GLARE), REOFFERED, 1},
                ON(SHUTDOWN) = {DO(END), ENDING, 1},
                ON(DROP) = {DO(END), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), REOFFERED, 1},
                ON(TIMEOUT) = {DO(GIVE_UP), ENDING, 1},
                ON(ANSWER) = {DO(ANSWER), REANSWERED, 1},
                ON(REFUSAL) = {DO(REREFUSE), UP, 1},
                ON(END) = {DO(TELL), OVER, 1},
            },
        [REANSWERED] =
            {
                ON(START) = {DO(GLARE), REANSWERED, 1},
                ON(COMPLETE) = {DO(ACK), UP, 1},
                ON(SHUTDOWN) = {DO(ACK_END), ENDING, 1},
                ON(DROP) = {DO(ACK_END), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), REANSWERED, 1},
                ON(TIMEOUT) = {DO(GIVE_UP), ENDING, 1},
                ON(END) = {DO(TELL), OVER, 1},
            },
        [SWITCHING] =
            {
                ON(START) = {DO(GLARE), SWITCHING, 1},
                ON(SHUTDOWN) = {DO(END), ENDING, 1},
                ON(DROP) = {DO(END), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), SWITCHING, 1},
                ON(TIMEOUT) = {DO(GIVE_UP), ENDING, 1},
                ON(ANSWER) = {DO(SWITCHED), UP, 1},
                ON(REFUSAL) = {DO(NO_SWITCH), UP, 1},
                ON(END) = {DO(TELL), OVER, 1},
            },
        [ENDING] =
            {
                ON(START) = {DO(GLARE), ENDING, 1},
                ON(SHUTDOWN) = {DO(CONFIRM_NOW), ENDING, 1},
                ON(SWITCH) = {DO(NO_SWITCH), ENDING, 1},
                /* A 2xx that crossed our CANCEL; one to our re-INVITE is dealt with by the BYE. */
                ON(ANSWER) = {DO(ACK_END), ENDING, 1},
                ON(END) = {DO(CONFIRM), OVER, 1},
            },
        [OVER] =
            {
                ON(START) = {DO(GLARE), OVER, 1},
                ON(SHUTDOWN) = {DO(CONFIRM_NOW), OVER, 1},
                ON(SWITCH) = {DO(NO_SWITCH), OVER, 1},
            },
};

SgwCallStep
sgw_call_step(SgwCallState state, SgwCallEvent event)
{
    g_assert(state < SGW_CALL_N_STATES && event < SGW_CALL_N_EVENTS);

    if (!table[state][event].set)
        return (SgwCallStep){DO(NOTHING), state};
    return (SgwCallStep){table[state][event].action, table[state][event].next};
}

const char *
sgw_call_state_name(SgwCallState state)
{
    static const char *const names[] = {
        [INVITING] = "inviting",
        [ANSWERED] = "answered",
        [UP] = "up",
        [REOFFERED] = "reoffered",
        [REANSWERED] = "reanswered",
        [SWITCHING] = "switching",
        [ENDING] = "ending",
        [OVER] = "over",
    };

    return names[state];
}
