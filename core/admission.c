/* Who is let in at all, before anything is kept of a request. */
#include "core/core-private.h"

#define REGISTERS_PER_S 300
#define REGISTER_BURST 2000
#define MAX_TRANSACTIONS_PER_TERMINAL 100

/* New registrations come at most at this rate; whoever knocks faster is told to come back. */
static bool
take_register_token(Core *core)
{
    int64_t now = base_clock_now_us(core->clock);
    double earned = (double)(now - core->register_tokens_us) * REGISTERS_PER_S / 1e6;

    core->register_tokens_us = now;
    core->register_tokens = MIN(core->register_tokens + earned, REGISTER_BURST);
    if (core->register_tokens < 1)
        return false;
    core->register_tokens -= 1;

    return true;
}

/* A stranger costs no transaction, and no terminal can fill the table: what a server needs stays free. */
int
core_admit(NetSipFlow *flow, const NetSipMsg *request, void *user_data)
{
    Core *core = user_data;
    bool registers = net_sip_msg_is_method(request, "REGISTER");

    if (!core_is_gm(flow))
        return g_hash_table_contains(core->trusted, net_sip_flow_remote_host(flow)) ? 0 : 403;
    if (net_sip_flow_transactions(flow) >= MAX_TRANSACTIONS_PER_TERMINAL)
        return 503;
    if (core_registrar_of_flow(core->registrar, flow) || net_sip_msg_is_method(request, "OPTIONS"))
        return 0;
    if (!registers)
        return 403;

    return take_register_token(core) ? 0 : 503;
}
