#include "sgw/session-fsm.h"

#include <glib.h>

typedef struct {
    SgwCallEvent event;
    SgwCallAction action;
    SgwCallState state;
} Step;

/* Runs the steps from a fresh call and checks each. */
static void
run(const Step *steps, size_t n_steps)
{
    SgwCallState state = SGW_CALL_INVITING;

    for (size_t i = 0; i < n_steps; i++) {
        SgwCallStep step = sgw_call_step(state, steps[i].event);
        g_assert_cmpint(step.action, ==, steps[i].action);
        g_assert_cmpstr(sgw_call_state_name(step.next), ==, sgw_call_state_name(steps[i].state));
        state = step.next;
    }
}

static void
test_answered_call(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_ACK, SGW_CALL_UP},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_NOTHING, SGW_CALL_UP},
        {SGW_CALL_ON_SHUTDOWN, SGW_CALL_DO_END, SGW_CALL_ENDING},
        {SGW_CALL_ON_SHUTDOWN, SGW_CALL_DO_CONFIRM_NOW, SGW_CALL_ENDING},
        {SGW_CALL_ON_END, SGW_CALL_DO_CONFIRM, SGW_CALL_OVER},
        {SGW_CALL_ON_END, SGW_CALL_DO_NOTHING, SGW_CALL_OVER},
    };
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_no_complete(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_TIMEOUT, SGW_CALL_DO_GIVE_UP, SGW_CALL_ENDING},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_NOTHING, SGW_CALL_ENDING},
        {SGW_CALL_ON_END, SGW_CALL_DO_CONFIRM, SGW_CALL_OVER},
    };
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_cancel_crosses_answer(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_SHUTDOWN, SGW_CALL_DO_END, SGW_CALL_ENDING},
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ACK_END, SGW_CALL_ENDING},
        {SGW_CALL_ON_END, SGW_CALL_DO_CONFIRM, SGW_CALL_OVER},
    };
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_refused_call(void)
{
    static const Step steps[] = {{SGW_CALL_ON_END, SGW_CALL_DO_REFUSE, SGW_CALL_OVER}};
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_far_end_hangs_up(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_ACK, SGW_CALL_UP},
        {SGW_CALL_ON_END, SGW_CALL_DO_TELL, SGW_CALL_OVER},
        {SGW_CALL_ON_SHUTDOWN, SGW_CALL_DO_CONFIRM_NOW, SGW_CALL_OVER},
    };
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_zap_asks_network(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_SWITCH, SGW_CALL_DO_NO_SWITCH, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_ACK, SGW_CALL_UP},
        {SGW_CALL_ON_SWITCH, SGW_CALL_DO_SWITCH, SGW_CALL_SWITCHING},
        {SGW_CALL_ON_START, SGW_CALL_DO_GLARE, SGW_CALL_SWITCHING},
        {SGW_CALL_ON_SWITCH, SGW_CALL_DO_NO_SWITCH, SGW_CALL_SWITCHING},
        {SGW_CALL_ON_REFUSAL, SGW_CALL_DO_NO_SWITCH, SGW_CALL_UP},
        {SGW_CALL_ON_SWITCH, SGW_CALL_DO_SWITCH, SGW_CALL_SWITCHING},
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_SWITCHED, SGW_CALL_UP},
    };
    run(steps, G_N_ELEMENTS(steps));
}

static void
test_reoffer(void)
{
    static const Step steps[] = {
        {SGW_CALL_ON_START, SGW_CALL_DO_GLARE, SGW_CALL_INVITING},
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_ANSWERED},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_ACK, SGW_CALL_UP},
        {SGW_CALL_ON_START, SGW_CALL_DO_REOFFER, SGW_CALL_REOFFERED},
        {SGW_CALL_ON_REFUSAL, SGW_CALL_DO_REREFUSE, SGW_CALL_UP},
        {SGW_CALL_ON_START, SGW_CALL_DO_REOFFER, SGW_CALL_REOFFERED},
        {SGW_CALL_ON_ANSWER, SGW_CALL_DO_ANSWER, SGW_CALL_REANSWERED},
        {SGW_CALL_ON_COMPLETE, SGW_CALL_DO_ACK, SGW_CALL_UP},
    };
    run(steps, G_N_ELEMENTS(steps));
}

/* Whatever happens, a dropped or ended call comes to its end, and nothing brings it back. */
static void
test_every_state_ends(void)
{
    for (int state = 0; state < SGW_CALL_N_STATES; state++) {
        SgwCallState dropped = sgw_call_step((SgwCallState)state, SGW_CALL_ON_DROP).next;
        g_assert_true(dropped == SGW_CALL_ENDING || dropped == SGW_CALL_OVER);
        g_assert_cmpint(sgw_call_step((SgwCallState)state, SGW_CALL_ON_END).next, ==, SGW_CALL_OVER);
    }
    for (int event = 0; event < SGW_CALL_N_EVENTS; event++) {
        g_assert_cmpint(sgw_call_step(SGW_CALL_OVER, (SgwCallEvent)event).next, ==, SGW_CALL_OVER);
        if (event != SGW_CALL_ON_END)
            g_assert_cmpint(sgw_call_step(SGW_CALL_ENDING, (SgwCallEvent)event).next, ==, SGW_CALL_ENDING);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/session-fsm/answered", test_answered_call);
    g_test_add_func("/sgw/session-fsm/no-complete", test_no_complete);
    g_test_add_func("/sgw/session-fsm/cancel-crosses-answer", test_cancel_crosses_answer);
    g_test_add_func("/sgw/session-fsm/refused", test_refused_call);
    g_test_add_func("/sgw/session-fsm/far-end-hangs-up", test_far_end_hangs_up);
    g_test_add_func("/sgw/session-fsm/zap-asks-network", test_zap_asks_network);
    g_test_add_func("/sgw/session-fsm/reoffer", test_reoffer);
    g_test_add_func("/sgw/session-fsm/every-state-ends", test_every_state_ends);
    return g_test_run();
}
