/* Two monkeys: a far end that sends any message of its repertoire at any time, and an owner that does
 * anything with its sessions at any time, on a clock that jumps. Nothing may crash, leak or stay; the
 * sanitizers watch. The same sequence each time; MONKEY_SEED and MONKEY_STEPS try others. */
#include <gio/gio.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/sip-transaction.h"
#include "lib/net/sip-ua.h"

#define MAX_KEPT 64

typedef struct {
    GRand *rand;
    BaseClock *clock;
    NetSipUa *ua;
    GPtrArray *sessions;      /* NetSipSession */
    GPtrArray *incoming;      /* NetSipIncoming */
    GPtrArray *subscriptions; /* NetSipSubscription */
    GPtrArray *notifiers;     /* NetSipNotifier */
    GPtrArray *challenges;    /* NetSipChallenge */
    NetSipFlow *flow;         /* the owner's way to the far end */

    GSocket *socket; /* the far end's, UDP */
    GSocketAddress *ua_address;
    uint16_t port, ua_port;
    GPtrArray *received; /* NetSipMsg that the far end got */
    guint branch;
} Monkey;

static int
dice(Monkey *self, int sides)
{
    return g_rand_int_range(self->rand, 0, sides);
}

static gpointer
pick(Monkey *self, GPtrArray *from)
{
    return from->len ? g_ptr_array_index(from, dice(self, (int)from->len)) : NULL;
}

/* --- The owner ------------------------------------------------------------------------------- */

static void
drop_session(Monkey *self, NetSipSession *session)
{
    g_ptr_array_remove_fast(self->sessions, session);
    net_sip_session_free(session);
}

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    Monkey *self = user_data;

    (void)response;
    if (dice(self, 4))
        net_sip_session_ack(session, dice(self, 2) ? "application/sdp" : NULL, "v=0\r\n");
    else if (dice(self, 2))
        drop_session(self, session);
}

static void
on_acknowledged(NetSipSession *session, const NetSipMsg *ack, void *user_data)
{
    (void)ack;
    if (!dice(user_data, 8))
        drop_session(user_data, session);
}

static void
keep_incoming(NetSipSession *session, NetSipIncoming *incoming, void *user_data)
{
    Monkey *self = user_data;

    g_ptr_array_add(self->incoming, incoming);
    if (!dice(self, 16))
        drop_session(self, session);
}

static void
on_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    (void)why;
    (void)message;
    (void)error;
    if (dice(user_data, 2))
        drop_session(user_data, session);
}

static const NetSipSessionEvents session_events = {
    .progress = on_acknowledged,
    .answered = on_answered,
    .acknowledged = on_acknowledged,
    .reinvite = keep_incoming,
    .request = keep_incoming,
    .ended = on_ended,
};

static void
on_request(NetSipUa *ua, NetSipIncoming *incoming, void *user_data)
{
    (void)ua;
    g_ptr_array_add(((Monkey *)user_data)->incoming, incoming);
}

static void
on_invite(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Monkey *self = user_data;

    (void)ua;
    (void)invite;
    if (!dice(self, 8)) {
        net_sip_session_free(session);
        return;
    }
    net_sip_session_set_events(session, &session_events, self);
    g_ptr_array_add(self->sessions, session);
    if (dice(self, 2))
        net_sip_session_reply(session, dice(self, 2) ? 200 : 180, NULL);
}

static void
on_notifier_ended(NetSipNotifier *notifier, void *user_data)
{
    g_ptr_array_remove_fast(((Monkey *)user_data)->notifiers, notifier);
    net_sip_notifier_free(notifier);
}

static const NetSipNotifierEvents notifier_events = {.ended = on_notifier_ended};

static void
on_subscribe(NetSipUa *ua, NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data)
{
    Monkey *self = user_data;

    (void)ua;
    (void)subscribe;
    if (!dice(self, 4)) {
        net_sip_notifier_reject(notifier, 403, NULL);
        return;
    }
    g_ptr_array_add(self->notifiers, notifier);
    net_sip_notifier_accept(notifier, 100, &notifier_events, self);
    net_sip_notifier_notify(notifier, NULL, "text/plain", "x");
}

static void
on_challenge(NetSipUa *ua, NetSipChallenge *challenge, void *user_data)
{
    (void)ua;
    g_ptr_array_add(((Monkey *)user_data)->challenges, challenge);
}

static const NetSipUaEvents ua_events = {
    .request = on_request,
    .invite = on_invite,
    .subscribe = on_subscribe,
    .challenge = on_challenge,
};

static void
on_notify(NetSipSubscription *subscription, const NetSipMsg *notify, void *user_data)
{
    Monkey *self = user_data;

    (void)notify;
    if (!dice(self, 4)) {
        g_ptr_array_remove_fast(self->subscriptions, subscription);
        net_sip_subscription_free(subscription);
    }
}

static void
on_subscription_ended(NetSipSubscription *subscription,
                      const NetSipMsg *message,
                      const GError *error,
                      void *user_data)
{
    (void)message;
    (void)error;
    g_ptr_array_remove_fast(((Monkey *)user_data)->subscriptions, subscription);
    net_sip_subscription_free(subscription);
}

static const NetSipSubscriptionEvents subscription_events = {.notify = on_notify,
                                                             .ended = on_subscription_ended};

static NetSipMsg *
fresh(Monkey *self, const char *method)
{
    g_autofree char *uri = g_strdup_printf("sip:far@127.0.0.1:%u", self->port);
    NetSipMsg *request = net_sip_msg_new_request(method, uri);

    net_sip_msg_add(request, "From", "<sip:near@x>");

    return request;
}

static void
start_something(Monkey *self)
{
    NetSipMsg *request = fresh(self, dice(self, 2) ? "INVITE" : dice(self, 2) ? "SUBSCRIBE" : "MESSAGE");

    if (net_sip_msg_is_method(request, "INVITE") && self->sessions->len < MAX_KEPT) {
        g_ptr_array_add(self->sessions,
                        net_sip_session_invite(self->ua, self->flow, request, &session_events, self));
    } else if (net_sip_msg_is_method(request, "SUBSCRIBE") && self->subscriptions->len < MAX_KEPT) {
        net_sip_msg_add(request, "Event", "reg");
        g_ptr_array_add(self->subscriptions,
                        net_sip_subscribe(self->ua, self->flow, request, &subscription_events, self));
    } else if (net_sip_msg_is_method(request, "MESSAGE")) {
        net_sip_ua_request(self->ua, self->flow, request, NULL, NULL);
    } else {
        net_sip_msg_free(request);
    }
}

static void
use_session(Monkey *self, NetSipSession *session)
{
    bool confirmed = net_sip_session_is_confirmed(session);

    switch (dice(self, 12)) {
    case 0:
        net_sip_session_end(session, dice(self, 2) ? "SIP;cause=200" : NULL);
        break;
    case 1:
        drop_session(self, session);
        break;
    case 2:
    case 3:
        net_sip_session_ack(session, NULL, NULL);
        break;
    case 4:
    case 5:
    case 6:
        if (confirmed)
            net_sip_session_reinvite(session, net_sip_session_new_request(session, "INVITE"), NULL, NULL);
        break;
    case 7:
    case 8:
        if (confirmed || !dice(self, 4))
            net_sip_session_request(session, net_sip_session_new_request(session, "INFO"), NULL, NULL);
        break;
    default:
        break;
    }
}

static void
use_incoming(Monkey *self)
{
    NetSipIncoming *incoming = pick(self, self->incoming);
    static const int statuses[] = {200, 200, 200, 180, 404, 488};
    int status = statuses[dice(self, 6)];

    if (!incoming)
        return;
    if (status >= 200)
        g_ptr_array_remove_fast(self->incoming, incoming);
    if (dice(self, 8) || status < 200)
        net_sip_incoming_reply(incoming, status, NULL);
    else
        net_sip_incoming_free(incoming);
}

static void
use_challenge(Monkey *self)
{
    NetSipChallenge *challenge = pick(self, self->challenges);

    if (!challenge)
        return;
    g_ptr_array_remove_fast(self->challenges, challenge);
    if (dice(self, 3))
        net_sip_challenge_answer(challenge, "Digest username=\"u\", response=\"\"");
    else
        net_sip_challenge_decline(challenge);
}

static void
owner_acts(Monkey *self)
{
    NetSipSession *session = pick(self, self->sessions);
    NetSipNotifier *notifier = pick(self, self->notifiers);

    switch (dice(self, 6)) {
    case 0:
        start_something(self);
        break;
    case 1:
    case 2:
        if (session)
            use_session(self, session);
        break;
    case 3:
        use_incoming(self);
        break;
    case 4:
        use_challenge(self);
        break;
    default:
        if (notifier && dice(self, 2)) {
            net_sip_notifier_notify(notifier, NULL, "text/plain", "y");
        } else if (notifier) {
            g_ptr_array_remove_fast(self->notifiers, notifier);
            net_sip_notifier_free(notifier);
        }
        break;
    }
}

/* --- The far end ----------------------------------------------------------------------------- */

static void
send_message(Monkey *self, const NetSipMsg *message)
{
    g_autoptr(GBytes) bytes = net_sip_msg_to_bytes(message);

    g_socket_send_to(self->socket, self->ua_address, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                     NULL, NULL);
}

static void
receive(Monkey *self)
{
    char buffer[65536];

    while (g_socket_condition_check(self->socket, G_IO_IN) & G_IO_IN) {
        gssize length = g_socket_receive(self->socket, buffer, sizeof buffer, NULL, NULL);
        NetSipMsg *message = length > 4 ? net_sip_msg_parse(buffer, (size_t)length, NULL, NULL) : NULL;

        if (!message)
            continue;
        if (self->received->len >= MAX_KEPT)
            g_ptr_array_remove_index_fast(self->received, (guint)dice(self, MAX_KEPT));
        g_ptr_array_add(self->received, message);
    }
}

static void
answer_something(Monkey *self, const NetSipMsg *request)
{
    static const int statuses[] = {100, 180, 183, 200, 200, 200, 202, 302, 401,
                                   407, 408, 422, 481, 486, 491, 503, 603};
    int status = statuses[dice(self, G_N_ELEMENTS(statuses))];
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(request, status, NULL);

    if (!net_sip_msg_to_tag(response) && dice(self, 8))
        net_sip_msg_set_to_tag(response, dice(self, 4) ? "far" : "fork");
    if (dice(self, 8))
        net_sip_msg_add_printf(response, "Contact", "<sip:far@127.0.0.1:%u>", self->port);
    if (status == 401 || status == 407)
        net_sip_msg_add(response, status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate",
                        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
    if (status == 422)
        net_sip_msg_add_printf(response, "Min-SE", "%d", 90 + dice(self, 200));
    if (status == 183) {
        net_sip_msg_add(response, "Require", "100rel");
        net_sip_msg_add_printf(response, "RSeq", "%d", dice(self, 5));
    }
    if (dice(self, 2))
        net_sip_msg_add_printf(response, "Session-Expires", "%d;refresher=%s", 30 + dice(self, 200),
                               dice(self, 2) ? "uac" : "uas");
    if (dice(self, 2))
        net_sip_msg_add(response, "Allow", "UPDATE");
    send_message(self, response);
}

static NetSipMsg *
with_via(Monkey *self, NetSipMsg *request, bool same_branch)
{
    net_sip_msg_add_printf(request, "Via", "SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKm%u;rport", self->port,
                           same_branch ? self->branch : ++self->branch);
    net_sip_msg_add(request, "Max-Forwards", "70");

    return request;
}

static void
decorate(Monkey *self, NetSipMsg *request)
{
    if (dice(self, 8))
        net_sip_msg_add_printf(request, "Contact", "<sip:far@127.0.0.1:%u>", self->port);
    if (!dice(self, 3))
        net_sip_msg_set_body(request, "application/sdp", "v=0\r\n", -1);
    if (!dice(self, 3))
        net_sip_msg_add_printf(request, "Session-Expires", "%d", 80 + dice(self, 100));
    if (!dice(self, 4))
        net_sip_msg_add(request, "Supported", "timer");
    if (!dice(self, 8))
        net_sip_msg_add(request, "Require", dice(self, 2) ? "100rel" : "unheard-of");
    net_sip_msg_add(request, "Event", "reg");
    net_sip_msg_add_printf(request, "Expires", "%d", dice(self, 3) ? 100 : 0);
    net_sip_msg_add(request, "Subscription-State", dice(self, 4) ? "active;expires=50" : "terminated");
}

static void
ask_something(Monkey *self)
{
    static const char *const methods[] = {"INVITE", "SUBSCRIBE", "OPTIONS", "CANCEL", "INVITE"};
    const char *method = methods[dice(self, G_N_ELEMENTS(methods))];
    g_autoptr(NetSipMsg) request = net_sip_msg_new_request(method, "sip:near@127.0.0.1");

    with_via(self, request, strcmp(method, "CANCEL") == 0);
    net_sip_msg_add(request, "From", "<sip:far@x>;tag=far");
    net_sip_msg_add(request, "To", "<sip:near@x>");
    net_sip_msg_add_printf(request, "Call-ID", "far%u", self->branch);
    net_sip_msg_add_printf(request, "CSeq", "1 %s", method);
    decorate(self, request);
    send_message(self, request);
}

/* Something in the dialog that a message of the UA belongs to. */
static void
ask_in_dialog(Monkey *self, const NetSipMsg *seen)
{
    static const char *const methods[] = {"ACK",    "BYE",   "INVITE",    "UPDATE", "INFO",
                                          "NOTIFY", "PRACK", "SUBSCRIBE", "ACK"};
    const char *method = methods[dice(self, G_N_ELEMENTS(methods))];
    bool ours = net_sip_msg_is_request(seen); /* the UA is the From of its requests */
    g_autoptr(NetSipMsg) request = net_sip_msg_new_request(method, "sip:near@127.0.0.1");

    with_via(self, request, false);
    net_sip_msg_add(request, "From", net_sip_msg_header(seen, ours ? "To" : "From", 0));
    net_sip_msg_add(request, "To", net_sip_msg_header(seen, ours ? "From" : "To", 0));
    if (!net_sip_msg_from_tag(request)) {
        g_autofree char *from = g_strconcat(net_sip_msg_header(request, "From", 0), ";tag=far", NULL);

        net_sip_msg_set(request, "From", from);
    }
    net_sip_msg_add(request, "Call-ID", net_sip_msg_call_id(seen));
    net_sip_msg_add_printf(request, "CSeq", "%d %s", strcmp(method, "ACK") == 0 ? 1 : 1 + dice(self, 20),
                           method);
    decorate(self, request);
    send_message(self, request);
}

static void
far_end_acts(Monkey *self)
{
    const NetSipMsg *seen;

    receive(self);
    seen = pick(self, self->received);
    if (!seen || !dice(self, 4))
        ask_something(self);
    else if (net_sip_msg_is_request(seen) && dice(self, 4))
        answer_something(self, seen);
    else
        ask_in_dialog(self, seen);
}

/* --- Run ------------------------------------------------------------------------------------- */

static void
step(Monkey *self)
{
    static const int jumps_ms[] = {0, 0, 0, 0, 1, 100, 500, 4000};
    int jump_ms = dice(self, 50) ? jumps_ms[dice(self, G_N_ELEMENTS(jumps_ms))] : 33000;

    if (dice(self, 2))
        owner_acts(self);
    else
        far_end_acts(self);
    base_clock_fake_advance(self->clock, jump_ms * (int64_t)1000);
    net_sip_ua_run_timers(self->ua);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static Monkey *
monkey_new(guint32 seed)
{
    Monkey *self = g_new0(Monkey, 1);
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) bound = NULL;
    NetSipUaConfig config = {.name = "near", .session_expires_s = 120};

    self->rand = g_rand_new_with_seed(seed);
    self->clock = config.clock ? NULL : base_clock_fake_new(1000000);
    config.clock = self->clock;
    self->ua = net_sip_ua_new(&config, &ua_events, self);
    net_sip_ua_listen(self->ua, NET_SIP_UDP, "127.0.0.1", 0, "p", &self->ua_port, NULL);
    self->ua_address = g_inet_socket_address_new(loopback, self->ua_port);
    self->socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, 0, NULL);
    g_socket_bind(self->socket, any, FALSE, NULL);
    bound = g_socket_get_local_address(self->socket, NULL);
    self->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    self->sessions = g_ptr_array_new();
    self->incoming = g_ptr_array_new();
    self->subscriptions = g_ptr_array_new();
    self->notifiers = g_ptr_array_new();
    self->challenges = g_ptr_array_new();
    self->received = g_ptr_array_new_with_free_func((GDestroyNotify)net_sip_msg_free);

    return self;
}

static void
free_all(GPtrArray *list, void (*destroy)(void *object))
{
    while (list->len)
        destroy(g_ptr_array_steal_index_fast(list, 0));
}

static void
let_go(Monkey *self)
{
    free_all(self->sessions, (void (*)(void *))net_sip_session_free);
    free_all(self->incoming, (void (*)(void *))net_sip_incoming_free);
    free_all(self->subscriptions, (void (*)(void *))net_sip_subscription_free);
    free_all(self->notifiers, (void (*)(void *))net_sip_notifier_free);
    free_all(self->challenges, (void (*)(void *))net_sip_challenge_decline);
}

static void
monkey_free(Monkey *self)
{
    let_go(self);
    net_sip_ua_free(self->ua);
    g_ptr_array_unref(self->sessions);
    g_ptr_array_unref(self->incoming);
    g_ptr_array_unref(self->subscriptions);
    g_ptr_array_unref(self->notifiers);
    g_ptr_array_unref(self->challenges);
    g_ptr_array_unref(self->received);
    g_object_unref(self->socket);
    g_object_unref(self->ua_address);
    base_clock_fake_free(self->clock);
    g_rand_free(self->rand);
    g_free(self);
}

static guint32
number_of(const char *variable, guint32 usual)
{
    const char *text = g_getenv(variable);

    return text ? (guint32)g_ascii_strtoull(text, NULL, 10) : usual;
}

static void
test_anything(void)
{
    Monkey *self = monkey_new(number_of("MONKEY_SEED", 1));

    for (guint32 i = number_of("MONKEY_STEPS", 4000); i > 0; i--)
        step(self);
    monkey_free(self);
}

/* After all is let go and time has passed, no transaction, timer or dialog is left. */
static void
test_nothing_stays(void)
{
    Monkey *self = monkey_new(number_of("MONKEY_SEED", 2));

    for (int i = 0; i < 1000; i++)
        step(self);
    for (int i = 0; i < 100; i++) {
        let_go(self);
        base_clock_fake_advance(self->clock, 5 * (int64_t)1000000);
        net_sip_ua_run_timers(self->ua);
        receive(self);
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    g_assert_true(net_sip_ua_is_idle(self->ua));
    monkey_free(self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/sip-monkey/anything", test_anything);
    g_test_add_func("/net/sip-monkey/nothing-stays", test_nothing_stays);

    return g_test_run();
}
