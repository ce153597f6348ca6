/* What a session does over time: two user agents on one fake clock, joined by loopback TCP. */
#include <glib.h>
#include <string.h>

#include "lib/net/sip-ua.h"

typedef struct {
    NetSipUa *ua;
    NetSipSession *session;
    GString *log;
    bool stopped;   /* its clock stands still */
    bool holds_ack; /* does not acknowledge */
} Side;

typedef struct {
    BaseClock *clock;
    Side a, b;
    uint16_t port;
} Fixture;

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    Side *self = user_data;

    g_string_append_printf(self->log, "answered:%u ", net_sip_msg_number(response, "Session-Expires", 0));
    if (!self->holds_ack)
        net_sip_session_ack(session, NULL, NULL);
}

static void
on_acknowledged(NetSipSession *session, const NetSipMsg *ack, void *user_data)
{
    (void)session;
    (void)ack;
    g_string_append(((Side *)user_data)->log, "ack ");
}

static void
on_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    (void)session;
    (void)message;
    (void)error;
    g_string_append_printf(((Side *)user_data)->log, "ended:%d ", (int)why);
}

static void
on_reinvite(NetSipSession *session, NetSipIncoming *incoming, void *user_data)
{
    (void)session;
    g_string_append(((Side *)user_data)->log, "reinvite ");
    net_sip_incoming_reply(incoming, 200, NULL);
}

static const NetSipSessionEvents session_events = {
    .answered = on_answered,
    .acknowledged = on_acknowledged,
    .reinvite = on_reinvite,
    .ended = on_ended,
};

static void
on_invite(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Side *self = user_data;

    (void)ua;
    (void)invite;
    self->session = session;
    net_sip_session_set_events(session, &session_events, self);
    net_sip_session_reply(session, 200, NULL);
}

static const NetSipUaEvents ua_events = {.invite = on_invite};

static void
side_init(Fixture *f, Side *self, guint expires_s, guint min_se_s)
{
    NetSipUaConfig config = {.clock = f->clock, .session_expires_s = expires_s, .min_se_s = min_se_s};

    self->ua = net_sip_ua_new(&config, &ua_events, self);
    self->log = g_string_new(NULL);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    bool strict = GPOINTER_TO_INT(data);

    f->clock = base_clock_fake_new(1000000);
    side_init(f, &f->a, 200, 0);
    side_init(f, &f->b, 0, strict ? 500 : 0);
    net_sip_ua_listen(f->b.ua, NET_SIP_TCP, "127.0.0.1", 0, "p", &f->port, NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    net_sip_session_free(f->a.session);
    net_sip_session_free(f->b.session);
    net_sip_ua_free(f->a.ua);
    net_sip_ua_free(f->b.ua);
    g_string_free(f->a.log, TRUE);
    g_string_free(f->b.log, TRUE);
    base_clock_fake_free(f->clock);
}

static gboolean
on_tick(gpointer user_data)
{
    (void)user_data;
    return G_SOURCE_CONTINUE;
}

/* Lets both sides talk until nothing has moved for a while. */
static void
settle(Fixture *f)
{
    guint tick = g_timeout_add(1, on_tick, NULL);

    for (int quiet = 0; quiet < 12; quiet++) {
        if (!f->a.stopped)
            net_sip_ua_run_timers(f->a.ua);
        net_sip_ua_run_timers(f->b.ua);
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(tick);
}

static void
advance(Fixture *f, int seconds)
{
    base_clock_fake_advance(f->clock, seconds * (int64_t)1000000);
    settle(f);
}

static void
call(Fixture *f)
{
    g_autofree char *uri = g_strdup_printf("sip:b@127.0.0.1:%u;transport=tcp", f->port);
    NetSipMsg *invite = net_sip_msg_new_request("INVITE", uri);

    net_sip_msg_add(invite, "From", "<sip:a@x>");
    net_sip_msg_set_body(invite, "application/sdp", "v=0\r\n", -1);
    f->a.session = net_sip_session_invite(f->a.ua, NULL, invite, &session_events, &f->a);
    settle(f);
}

/* RFC 4028: the caller refreshes at half of the interval, both live on. */
static void
test_refreshes_keep_it_alive(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    g_assert_cmpstr(f->a.log->str, ==, "answered:200 ");
    for (int i = 0; i < 20; i++)
        advance(f, 50);
    g_assert_true(net_sip_session_is_confirmed(f->a.session));
    g_assert_true(net_sip_session_is_confirmed(f->b.session));
    g_assert_cmpstr(f->b.log->str, ==, "ack ");
}

/* RFC 4028 10: no refresh comes, the other side says BYE before the interval is over. */
static void
test_silence_ends_it(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    f->a.stopped = true;
    advance(f, 100);
    g_assert_true(net_sip_session_is_confirmed(f->b.session));
    advance(f, 68);
    g_assert_false(net_sip_session_is_confirmed(f->b.session));
    advance(f, 33);
    g_assert_cmpstr(f->b.log->str, ==, "ack ended:4 ");
}

/* RFC 4028 7.3: 422, and again with what the far end wants. */
static void
test_422_is_retried(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    g_assert_cmpstr(f->a.log->str, ==, "answered:500 ");
}

/* RFC 3261 13.3.1.4: no ACK within 32 s: BYE. The caller acknowledges late by itself. */
static void
test_missing_ack_ends_it(Fixture *f, gconstpointer data)
{
    (void)data;
    f->a.holds_ack = true;
    call(f);
    for (int i = 0; i < 36; i++)
        advance(f, 1);
    g_assert_nonnull(strstr(f->a.log->str, "ended:"));
    g_assert_nonnull(strstr(f->b.log->str, "ended:"));
}

static void
on_reinvited(const NetSipMsg *response, const GError *error, void *user_data)
{
    Side *self = user_data;

    g_assert_no_error(error);
    g_string_append_printf(self->log, "re:%d ", net_sip_msg_status(response));
    net_sip_session_ack(self->session, NULL, NULL);
}

static void
reinvite(Side *self)
{
    net_sip_session_reinvite(self->session, net_sip_session_new_request(self->session, "INVITE"),
                             on_reinvited, self);
}

/* RFC 3261 14.1: both get 491; the called side tries again within 2 s, the calling side after 2.1 s or more.
 */
static void
test_glare_is_retried(Fixture *f, gconstpointer data)
{
    (void)data;
    call(f);
    reinvite(&f->a);
    reinvite(&f->b);
    settle(f);
    g_assert_cmpstr(f->b.log->str, ==, "ack ");
    advance(f, 2);
    g_assert_cmpstr(f->b.log->str, ==, "ack re:200 ");
    advance(f, 2);
    g_assert_cmpstr(f->b.log->str, ==, "ack re:200 reinvite ack ");
    g_assert_cmpstr(f->a.log->str, ==, "answered:200 reinvite ack re:200 ");
}

#define ADD(path, strict, test) g_test_add(path, Fixture, GINT_TO_POINTER(strict), set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/net/sip-session/refreshes-keep-it-alive", 0, test_refreshes_keep_it_alive);
    ADD("/net/sip-session/422-is-retried", 1, test_422_is_retried);
    ADD("/net/sip-session/missing-ack-ends-it", 0, test_missing_ack_ends_it);
    ADD("/net/sip-session/glare-is-retried", 0, test_glare_is_retried);
    ADD("/net/sip-session/silence-ends-it", 0, test_silence_ends_it);

    return g_test_run();
}
