/* A forking proxy between a caller and up to two called sides, all over loopback TCP. */
#include <glib.h>
#include <string.h>

#include "lib/net/sip-proxy.h"

typedef struct {
    NetSipUa *ua;
    uint16_t port;
    NetSipSession *session;
    int answer; /* status to answer an INVITE with; 0: ring on */
    int invites, cancelled, acknowledged, ended, result;
} Phone;

typedef struct {
    Phone caller, one, two;
    NetSipUa *proxy;
    uint16_t port;
    int forks; /* 1 or 2 */
} Fixture;

/* --- Phones ---------------------------------------------------------------------------------- */

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    ((Phone *)user_data)->result = net_sip_msg_status(response);
    net_sip_session_ack(session, NULL, NULL);
}

static void
on_acknowledged(NetSipSession *session, const NetSipMsg *ack, void *user_data)
{
    (void)session;
    (void)ack;
    ((Phone *)user_data)->acknowledged++;
}

static void
on_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    Phone *self = user_data;

    (void)session;
    (void)error;
    self->ended++;
    self->cancelled += why == NET_SIP_ENDED_CANCELLED;
    if (why == NET_SIP_ENDED_REFUSED)
        self->result = net_sip_msg_status(message);
}

static const NetSipSessionEvents session_events = {
    .answered = on_answered,
    .acknowledged = on_acknowledged,
    .ended = on_ended,
};

static void
on_invite(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Phone *self = user_data;

    (void)ua;
    self->invites++;
    g_assert_cmpuint(net_sip_msg_number(invite, "Max-Forwards", 0), ==, 69);
    net_sip_session_free(self->session);
    self->session = session;
    net_sip_session_set_events(session, &session_events, self);
    net_sip_session_reply(session, self->answer ? self->answer : 180, NULL);
}

static const NetSipUaEvents phone_events = {.invite = on_invite};

static void
phone_init(Phone *self, bool listens)
{
    NetSipUaConfig config = {.name = "phone"};

    self->ua = net_sip_ua_new(&config, &phone_events, self);
    if (listens)
        net_sip_ua_listen(self->ua, NET_SIP_TCP, "127.0.0.1", 0, "p", &self->port, NULL);
}

/* --- Proxy ----------------------------------------------------------------------------------- */

static bool
is_us(const NetSipUri *uri, void *user_data)
{
    return net_sip_uri_port(uri) == ((Fixture *)user_data)->port;
}

static void
add_branch(NetSipProxy *context, const NetSipMsg *request, const Phone *phone)
{
    NetSipMsg *copy = net_sip_msg_copy(request);
    g_autofree char *uri = g_strdup_printf("sip:b@127.0.0.1:%u;transport=tcp", phone->port);

    net_sip_msg_set_request_uri(copy, uri);
    net_sip_proxy_add(context, copy, NULL);
}

static bool
proxy_request(NetSipServerTxn *txn, void *user_data)
{
    Fixture *f = user_data;
    g_autoptr(NetSipMsg) request = net_sip_msg_copy(net_sip_server_txn_request(txn));
    NetSipProxy *context;

    if (!net_sip_proxy_count_hop(request)) {
        net_sip_server_txn_reply(txn, 483, NULL);
        return true;
    }
    net_sip_proxy_pop_routes(request, is_us, f);
    if (net_sip_msg_to_tag(request)) {
        net_sip_proxy_forward(f->proxy, txn, g_steal_pointer(&request), NULL);
        return true;
    }
    net_sip_msg_add_printf(request, "Record-Route", "<sip:127.0.0.1:%u;transport=tcp;lr>", f->port);
    context = net_sip_proxy_new(f->proxy, txn, NULL, NULL);
    add_branch(context, request, &f->one);
    if (f->forks == 2)
        add_branch(context, request, &f->two);
    net_sip_proxy_go(context);

    return true;
}

static void
proxy_ack(NetSipFlow *flow, const NetSipMsg *ack, void *user_data)
{
    Fixture *f = user_data;
    NetSipMsg *copy = net_sip_msg_copy(ack);

    (void)flow;
    net_sip_proxy_pop_routes(copy, is_us, f);
    net_sip_proxy_forward_ack(f->proxy, copy, NULL);
}

static const NetSipProxyFilter filter = {.request = proxy_request, .ack = proxy_ack};
static const NetSipUaEvents proxy_events = {0};

/* --- Fixture --------------------------------------------------------------------------------- */

static void
set_up(Fixture *f, gconstpointer data)
{
    NetSipUaConfig config = {.name = "proxy"};

    f->forks = GPOINTER_TO_INT(data);
    phone_init(&f->caller, false);
    phone_init(&f->one, true);
    phone_init(&f->two, true);
    f->proxy = net_sip_ua_new(&config, &proxy_events, f);
    net_sip_ua_listen(f->proxy, NET_SIP_TCP, "127.0.0.1", 0, "p", &f->port, NULL);
    net_sip_ua_set_filter(f->proxy, &filter, f);
}

static void
phone_clear(Phone *self)
{
    net_sip_session_free(self->session);
    net_sip_ua_free(self->ua);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    phone_clear(&f->caller);
    phone_clear(&f->one);
    phone_clear(&f->two);
    net_sip_ua_free(f->proxy);
}

static gboolean
on_deadline(gpointer user_data)
{
    g_error("waited too long for %s", (const char *)user_data);
    return G_SOURCE_REMOVE;
}

#define WAIT(condition)                                                                                      \
    do {                                                                                                     \
        guint deadline_ = g_timeout_add_seconds(8, on_deadline, (gpointer) #condition);                      \
        while (!(condition))                                                                                 \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(deadline_);                                                                          \
    } while (0)

static void
call(Fixture *f)
{
    NetSipMsg *invite = net_sip_msg_new_request("INVITE", "sip:b@x");

    net_sip_msg_add(invite, "From", "<sip:a@x>");
    net_sip_msg_add_printf(invite, "Route", "<sip:127.0.0.1:%u;transport=tcp;lr>", f->port);
    f->caller.session = net_sip_session_invite(f->caller.ua, NULL, invite, &session_events, &f->caller);
}

/* --- Tests ----------------------------------------------------------------------------------- */

static void
test_dialog_through_the_proxy(Fixture *f, gconstpointer data)
{
    (void)data;
    f->one.answer = 200;
    call(f);
    WAIT(f->caller.result && f->one.acknowledged);
    net_sip_session_end(f->one.session, NULL);
    WAIT(f->caller.ended && f->one.ended);
}

/* RFC 3261 16.7: the first 2xx wins, the others are cancelled. */
static void
test_losers_are_cancelled(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    WAIT(f->one.invites && f->two.invites);
    net_sip_session_reply(f->two.session, 200, NULL);
    WAIT(f->caller.result == 200 && f->one.cancelled && f->two.acknowledged);
}

static void
test_best_refusal(Fixture *f, gconstpointer data)
{
    (void)data;
    f->one.answer = 503;
    f->two.answer = 486;
    call(f);
    WAIT(f->caller.result);
    g_assert_cmpint(f->caller.result, ==, 486);
}

static void
test_6xx_ends_all(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    WAIT(f->one.invites && f->two.invites);
    net_sip_session_reply(f->one.session, 603, NULL);
    WAIT(f->caller.result);
    g_assert_cmpint(f->caller.result, ==, 603);
    g_assert_cmpint(f->two.cancelled, ==, 1);
}

static void
test_caller_cancels(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    WAIT(f->one.invites && f->two.invites);
    net_sip_session_end(f->caller.session, NULL);
    WAIT(f->one.cancelled && f->two.cancelled && f->caller.ended);
}

static void
test_unreachable_branch(Fixture *f, gconstpointer data)
{
    (void)data;
    net_sip_ua_free(f->one.ua); /* nobody listens there now */
    f->one.ua = net_sip_ua_new(&(NetSipUaConfig){.name = "phone"}, &phone_events, &f->one);
    call(f);
    WAIT(f->caller.result);
    g_assert_cmpint(f->caller.result, ==, 480);
}

#define ADD(path, forks, test) g_test_add(path, Fixture, GINT_TO_POINTER(forks), set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/net/sip-proxy/dialog", 1, test_dialog_through_the_proxy);
    ADD("/net/sip-proxy/losers-are-cancelled", 2, test_losers_are_cancelled);
    ADD("/net/sip-proxy/best-refusal", 2, test_best_refusal);
    ADD("/net/sip-proxy/6xx-ends-all", 2, test_6xx_ends_all);
    ADD("/net/sip-proxy/caller-cancels", 2, test_caller_cancels);
    ADD("/net/sip-proxy/unreachable-branch", 1, test_unreachable_branch);

    return g_test_run();
}
