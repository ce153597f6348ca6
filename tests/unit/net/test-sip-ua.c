/* Two user agents over loopback TCP and UDP: what a component does with lib/net/sip-ua.h. */
#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-ua.h"
#include "lib/proto/digest.h"

typedef struct {
    NetSipUa *ua;
    uint16_t port;
    NetSipSession *session;
    NetSipIncoming *reinvite;
    NetSipNotifier *notifier;
    NetSipSubscription *subscription;
    GString *log; /* what happened, in order */
    bool auto_answer;
    bool challenge_requests;
    bool keeps; /* its calls outlive their connection */
    NetSipFlow *flow;
} Side;

typedef struct {
    Side a, b; /* a calls b */
} Fixture;

static void note(Side *side, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
note(Side *side, const char *format, ...)
{
    va_list args;

    if (side->log->len)
        g_string_append_c(side->log, ' ');
    va_start(args, format);
    g_string_append_vprintf(side->log, format, args);
    va_end(args);
}

static gboolean
on_deadline(gpointer user_data)
{
    g_error("nothing came; log so far: %s", ((Side *)user_data)->log->str);
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until the side's log ends in @what. */
static void
wait_for(Side *side, const char *what)
{
    guint deadline = g_timeout_add_seconds(8, on_deadline, side);

    while (!g_str_has_suffix(side->log->str, what))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(deadline);
}

/* --- Session events -------------------------------------------------------------------------- */

static void
on_progress(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    (void)session;
    note(user_data, "%d", net_sip_msg_status(response));
}

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    note(user_data, "answered:%s", net_sip_msg_body(response, NULL));
    g_assert_cmpstr(net_sip_msg_session_id(response), ==, net_sip_session_id(session));
    net_sip_session_ack(session, NULL, NULL);
}

static void
on_acknowledged(NetSipSession *session, const NetSipMsg *ack, void *user_data)
{
    (void)session;
    (void)ack;
    note(user_data, "ack");
}

static void
on_reinvite(NetSipSession *session, NetSipIncoming *incoming, void *user_data)
{
    NetSipMsg *response = net_sip_incoming_response(incoming, 200, NULL);

    (void)session;
    note(user_data, "reinvite:%s", net_sip_msg_body(net_sip_incoming_request(incoming), NULL));
    net_sip_msg_set_body(response, "application/sdp", "answer2", -1);
    net_sip_incoming_respond(incoming, response);
}

static void
on_in_dialog(NetSipSession *session, NetSipIncoming *incoming, void *user_data)
{
    (void)session;
    note(user_data, "%s", net_sip_msg_method(net_sip_incoming_request(incoming)));
    net_sip_incoming_reply(incoming, 200, NULL);
}

static void
on_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    (void)session;
    (void)error;
    note(user_data, "ended:%d:%d", (int)why, message ? net_sip_msg_status(message) : -1);
}

static bool
on_session_flow_lost(NetSipSession *session, const GError *error, void *user_data)
{
    Side *self = user_data;

    (void)session;
    (void)error;
    if (self->keeps)
        note(self, "kept");
    return self->keeps;
}

static const NetSipSessionEvents session_events = {
    .flow_lost = on_session_flow_lost,
    .progress = on_progress,
    .answered = on_answered,
    .acknowledged = on_acknowledged,
    .reinvite = on_reinvite,
    .request = on_in_dialog,
    .ended = on_ended,
};

/* --- UA events ------------------------------------------------------------------------------- */

static void
on_invite(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Side *self = user_data;

    (void)ua;
    note(self, "invite:%s", net_sip_msg_body(invite, NULL));
    self->session = session;
    net_sip_session_set_events(session, &session_events, self);
    net_sip_session_reply(session, 180, NULL);
    if (self->auto_answer) {
        NetSipMsg *response = net_sip_session_response(session, 200, NULL);

        net_sip_msg_set_body(response, "application/sdp", "answer", -1);
        net_sip_session_respond(session, response);
    }
}

static void
on_request(NetSipUa *ua, NetSipIncoming *incoming, void *user_data)
{
    Side *self = user_data;
    const NetSipMsg *request = net_sip_incoming_request(incoming);
    const char *authorization = net_sip_msg_header(request, "Authorization", 0);
    NetSipMsg *response;

    (void)ua;
    note(self, "%s:%u", net_sip_msg_method(request), net_sip_msg_cseq(request));
    if (!self->challenge_requests || authorization) {
        net_sip_incoming_reply(incoming, 200, NULL);
        return;
    }
    response = net_sip_incoming_response(incoming, 401, NULL);
    net_sip_msg_add(response, "WWW-Authenticate",
                    "Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"");
    net_sip_incoming_respond(incoming, response);
}

static gboolean
answer_challenge(gpointer user_data)
{
    NetSipChallenge *challenge = user_data;

    net_sip_challenge_answer(challenge, "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:r\"");
    return G_SOURCE_REMOVE;
}

static void
on_challenge(NetSipUa *ua, NetSipChallenge *challenge, void *user_data)
{
    (void)ua;
    note(user_data, "challenge:%u", net_sip_challenge_attempt(challenge));
    g_idle_add(answer_challenge, challenge); /* the browser takes its time */
}

static void
on_refreshed(NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data)
{
    (void)subscribe;
    note(user_data, "refreshed");
    net_sip_notifier_notify(notifier, NULL, "text/plain", "again");
}

static void
on_notifier_ended(NetSipNotifier *notifier, void *user_data)
{
    Side *self = user_data;

    note(self, "over");
    g_clear_pointer(&self->notifier, net_sip_notifier_free);
    (void)notifier;
}

static const NetSipNotifierEvents notifier_events = {.refreshed = on_refreshed, .ended = on_notifier_ended};

static void
on_subscribe(NetSipUa *ua, NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data)
{
    Side *self = user_data;

    (void)ua;
    note(self, "subscribe:%s", net_sip_msg_header(subscribe, "Event", 0));
    self->notifier = notifier;
    net_sip_notifier_accept(notifier, 600, &notifier_events, self);
    net_sip_notifier_notify(notifier, NULL, "text/plain", "state");
}

static void
on_flow_lost(NetSipUa *ua, NetSipFlow *flow, const GError *error, void *user_data)
{
    (void)ua;
    (void)flow;
    (void)error;
    note(user_data, "lost");
}

static const NetSipUaEvents ua_events = {
    .request = on_request,
    .invite = on_invite,
    .subscribe = on_subscribe,
    .challenge = on_challenge,
    .flow_lost = on_flow_lost,
};

/* --- Fixture --------------------------------------------------------------------------------- */

static void
side_init(Side *self)
{
    NetSipUaConfig config = {.name = "test/1", .session_expires_s = 1800};

    self->log = g_string_new(NULL);
    self->ua = net_sip_ua_new(&config, &ua_events, self);
    self->auto_answer = true;
}

static void
side_clear(Side *self)
{
    net_sip_session_free(self->session);
    net_sip_notifier_free(self->notifier);
    net_sip_subscription_free(self->subscription);
    net_sip_ua_free(self->ua);
    net_sip_flow_unref(self->flow);
    g_string_free(self->log, TRUE);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    NetSipTransportKind kind = GPOINTER_TO_INT(data);

    side_init(&f->a);
    side_init(&f->b);
    net_sip_ua_listen(f->b.ua, kind, "127.0.0.1", 0, "Gm", &f->b.port, &error);
    g_assert_no_error(error);
    f->a.flow = net_sip_ua_open_flow(f->a.ua, kind, "127.0.0.1", f->b.port, NULL, "Gm", &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    side_clear(&f->a);
    side_clear(&f->b);
}

static NetSipMsg *
make_request(const char *method)
{
    NetSipMsg *request = net_sip_msg_new_request(method, "sip:iptv-film@imstv.test");

    net_sip_msg_add(request, "From", "<sip:demo@imstv.test>");

    return request;
}

static NetSipSession *
call(Fixture *f)
{
    NetSipMsg *invite = make_request("INVITE");

    net_sip_msg_set_body(invite, "application/sdp", "offer", -1);

    return net_sip_session_invite(f->a.ua, f->a.flow, invite, &session_events, &f->a);
}

/* --- Tests ----------------------------------------------------------------------------------- */

static void
test_call_and_hang_up(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    g_assert_cmpstr(f->b.log->str, ==, "invite:offer ack");
    g_assert_cmpstr(f->a.log->str, ==, "180 answered:answer");
    g_assert_true(net_sip_session_is_confirmed(f->a.session));
    net_sip_session_end(f->a.session, NULL);
    wait_for(&f->a, "ended:6:200");
    g_assert_cmpstr(f->b.log->str, ==, "invite:offer ack ended:2:0");
}

static void
test_called_side_hangs_up(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    net_sip_session_end(f->b.session, "SIP;cause=200;text=\"done\"");
    wait_for(&f->b, "ended:6:200");
    g_assert_true(g_str_has_suffix(f->a.log->str, "ended:2:0"));
}

static void
test_cancel(Fixture *f, gconstpointer data)
{
    (void)data;
    f->b.auto_answer = false;
    f->a.session = call(f);
    wait_for(&f->a, "180");
    net_sip_session_end(f->a.session, NULL);
    wait_for(&f->a, "ended:6:487");
    g_assert_cmpstr(f->b.log->str, ==, "invite:offer ended:1:0");
}

static void
test_refusal(Fixture *f, gconstpointer data)
{
    (void)data;
    f->b.auto_answer = false;
    f->a.session = call(f);
    wait_for(&f->a, "180");
    net_sip_session_reply(f->b.session, 488, NULL);
    wait_for(&f->a, "ended:0:488");
    g_assert_cmpstr(f->b.log->str, ==, "invite:offer");
}

static void
test_freeing_a_live_call_ends_it(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    g_clear_pointer(&f->a.session, net_sip_session_free);
    wait_for(&f->b, "ended:2:0");
}

static void
on_reinvite_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    Side *self = user_data;

    g_assert_no_error(error);
    note(self, "re:%d:%s", net_sip_msg_status(response), net_sip_msg_body(response, NULL));
    net_sip_session_ack(self->session, NULL, NULL);
}

static void
reinvite(Side *side)
{
    NetSipMsg *request = net_sip_session_new_request(side->session, "INVITE");

    net_sip_msg_set_body(request, "application/sdp", "offer2", -1);
    net_sip_session_reinvite(side->session, request, on_reinvite_done, side);
}

static void
test_reinvite_both_ways(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    reinvite(&f->a);
    wait_for(&f->b, "reinvite:offer2 ack");
    reinvite(&f->b);
    wait_for(&f->a, "reinvite:offer2 ack");
    g_assert_true(g_str_has_suffix(f->b.log->str, "re:200:answer2"));
}

static void
on_info_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    g_assert_no_error(error);
    note(user_data, "info:%d", net_sip_msg_status(response));
}

static void
test_info(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    net_sip_session_request(f->a.session, net_sip_session_new_request(f->a.session, "INFO"), on_info_done,
                            &f->a);
    wait_for(&f->a, "info:200");
    g_assert_true(g_str_has_suffix(f->b.log->str, "INFO"));
}

static void
on_message_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    note(user_data, "done:%d", response ? net_sip_msg_status(response) : -(int)error->code);
}

static void
test_challenge_is_answered_later(Fixture *f, gconstpointer data)
{
    (void)data;
    f->b.challenge_requests = true;
    net_sip_ua_request(f->a.ua, f->a.flow, make_request("REGISTER"), on_message_done, &f->a);
    wait_for(&f->a, "done:200");
    g_assert_cmpstr(f->a.log->str, ==, "challenge:1 done:200");
    g_assert_cmpstr(f->b.log->str, ==, "REGISTER:1 REGISTER:2");
}

/* A Request-URI or From that is none fails through the callback. */
static void
test_nonsense_is_not_sent(Fixture *f, gconstpointer data)
{
    NetSipMsg *no_uri = net_sip_msg_new_request("MESSAGE", "nonsense");
    NetSipMsg *no_from = net_sip_msg_new_request("MESSAGE", "sip:b@x");

    (void)data;
    net_sip_msg_add(no_uri, "From", "<sip:a@x>");
    net_sip_msg_add(no_from, "From", "<nonsense>");
    net_sip_ua_request(f->a.ua, f->a.flow, no_uri, on_message_done, &f->a);
    wait_for(&f->a, "done:-1");
    net_sip_ua_request(f->a.ua, f->a.flow, no_from, on_message_done, &f->a);
    wait_for(&f->a, "done:-1 done:0");
    f->a.session = net_sip_session_invite(f->a.ua, f->a.flow, net_sip_msg_new_request("INVITE", "sip:b@x"),
                                          &session_events, &f->a);
    wait_for(&f->a, "ended:3:-1");
}

static void
on_notify(NetSipSubscription *subscription, const NetSipMsg *notify, void *user_data)
{
    (void)subscription;
    note(user_data, "notify:%s", net_sip_msg_body(notify, NULL));
}

static void
on_subscription_ended(NetSipSubscription *subscription,
                      const NetSipMsg *message,
                      const GError *error,
                      void *user_data)
{
    (void)subscription;
    (void)error;
    note(user_data, "ended:%s", message ? net_sip_msg_header(message, "Subscription-State", 0) : "-");
}

static const NetSipSubscriptionEvents subscription_events = {.notify = on_notify,
                                                             .ended = on_subscription_ended};

static void
subscribe(Fixture *f)
{
    NetSipMsg *subscribe = make_request("SUBSCRIBE");

    net_sip_msg_add(subscribe, "Event", "ua-profile;profile-type=application");
    f->a.subscription = net_sip_subscribe(f->a.ua, f->a.flow, subscribe, &subscription_events, &f->a);
}

static void
test_subscription(Fixture *f, gconstpointer data)
{
    (void)data;
    subscribe(f);
    wait_for(&f->a, "notify:state");
    net_sip_notifier_notify(f->b.notifier, NULL, "text/plain", "state2");
    wait_for(&f->a, "notify:state2");
    g_clear_pointer(&f->a.subscription, net_sip_subscription_free);
    wait_for(&f->b, "over");
}

static void
test_notifier_terminates(Fixture *f, gconstpointer data)
{
    (void)data;
    subscribe(f);
    wait_for(&f->a, "notify:state");
    net_sip_notifier_terminate(f->b.notifier, "deactivated", NULL, NULL);
    wait_for(&f->a, "ended:terminated;reason=deactivated");
    wait_for(&f->b, "over");
}

/* The subscriber has forgotten it: its 481 ends it here, too. */
static void
test_forgotten_subscription(Fixture *f, gconstpointer data)
{
    (void)data;
    subscribe(f);
    wait_for(&f->a, "notify:state");
    net_sip_subscription_abandon(g_steal_pointer(&f->a.subscription));
    net_sip_notifier_notify(f->b.notifier, NULL, "text/plain", "again");
    wait_for(&f->b, "over");
}

/* The connection breaks, and the dialog goes on over another one. */
static void
move_call(Fixture *f, uint16_t local_port)
{
    g_autoptr(GError) error = NULL;

    f->a.keeps = true;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    net_sip_flow_close(net_sip_session_flow(f->b.session));
    wait_for(&f->a, "kept lost");
    net_sip_flow_unref(f->a.flow);
    f->a.flow = net_sip_transport_reopen(net_sip_ua_transport(f->a.ua), NET_SIP_TCP, "127.0.0.1", f->b.port,
                                         NULL, local_port, "Gm", &error);
    g_assert_no_error(error);
    net_sip_session_move(f->a.session, f->a.flow);
}

static void
test_call_moves(Fixture *f, gconstpointer data)
{
    (void)data;
    move_call(f, net_sip_flow_local_port(f->a.flow));
    net_sip_session_end(f->a.session, NULL);
    wait_for(&f->a, "ended:6:200");
    wait_for(&f->b, "ended:2:0");
}

/* From another port: the far end learns it, and finds us there. */
static void
test_call_moves_elsewhere(Fixture *f, gconstpointer data)
{
    NetSipMsg *info = NULL;

    (void)data;
    move_call(f, 0);
    info = net_sip_session_new_request(f->a.session, "INFO");
    net_sip_msg_set_body(info, "text/plain", "later than the refresh", -1);
    net_sip_session_request(f->a.session, info, on_info_done, &f->a);
    wait_for(&f->a, "info:200");
    net_sip_session_end(f->b.session, NULL);
    wait_for(&f->a, "ended:2:0");
    wait_for(&f->b, "ended:6:200");
}

static void
test_lost_connection_ends_calls(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    net_sip_session_set_events(f->b.session, NULL, NULL);
    g_clear_pointer(&f->b.session, net_sip_session_free);
    wait_for(&f->a, "ended:2:0");
    /* The next call is alive when the far end dies. */
    g_clear_pointer(&f->a.session, net_sip_session_free);
    g_string_truncate(f->b.log, 0);
    f->a.session = call(f);
    wait_for(&f->b, "ack");
    net_sip_flow_close(net_sip_session_flow(f->b.session));
    wait_for(&f->a, "ended:5:-1 lost");
}

static void
test_refused_connection(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    NetSipFlow *flow;

    (void)data;
    net_sip_ua_free(g_steal_pointer(&f->b.ua)); /* nobody listens any more */
    flow = net_sip_ua_open_flow(f->a.ua, NET_SIP_TCP, "127.0.0.1", f->b.port, NULL, "Gm", &error);
    if (flow) {
        net_sip_ua_request(f->a.ua, flow, make_request("MESSAGE"), on_message_done, &f->a);
        while (!strstr(f->a.log->str, "done:"))
            g_main_context_iteration(NULL, TRUE);
        g_assert_nonnull(strstr(f->a.log->str, "done:-9"));
        net_sip_flow_unref(flow);
    }
}

#define ADD(path, kind, test) g_test_add(path, Fixture, GINT_TO_POINTER(kind), set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/net/sip-ua/tcp/call-and-hang-up", NET_SIP_TCP, test_call_and_hang_up);
    ADD("/net/sip-ua/udp/call-and-hang-up", NET_SIP_UDP, test_call_and_hang_up);
    ADD("/net/sip-ua/called-side-hangs-up", NET_SIP_TCP, test_called_side_hangs_up);
    ADD("/net/sip-ua/cancel", NET_SIP_TCP, test_cancel);
    ADD("/net/sip-ua/udp/cancel", NET_SIP_UDP, test_cancel);
    ADD("/net/sip-ua/refusal", NET_SIP_TCP, test_refusal);
    ADD("/net/sip-ua/freeing-a-live-call-ends-it", NET_SIP_TCP, test_freeing_a_live_call_ends_it);
    ADD("/net/sip-ua/reinvite-both-ways", NET_SIP_TCP, test_reinvite_both_ways);
    ADD("/net/sip-ua/info", NET_SIP_TCP, test_info);
    ADD("/net/sip-ua/challenge-is-answered-later", NET_SIP_TCP, test_challenge_is_answered_later);
    ADD("/net/sip-ua/nonsense-is-not-sent", NET_SIP_TCP, test_nonsense_is_not_sent);
    ADD("/net/sip-ua/subscription", NET_SIP_TCP, test_subscription);
    ADD("/net/sip-ua/udp/subscription", NET_SIP_UDP, test_subscription);
    ADD("/net/sip-ua/notifier-terminates", NET_SIP_TCP, test_notifier_terminates);
    ADD("/net/sip-ua/forgotten-subscription", NET_SIP_TCP, test_forgotten_subscription);
    ADD("/net/sip-ua/call-moves", NET_SIP_TCP, test_call_moves);
    ADD("/net/sip-ua/call-moves-elsewhere", NET_SIP_TCP, test_call_moves_elsewhere);
    ADD("/net/sip-ua/lost-connection-ends-calls", NET_SIP_TCP, test_lost_connection_ends_calls);
    ADD("/net/sip-ua/refused-connection", NET_SIP_TCP, test_refused_connection);

    return g_test_run();
}
