/* The parts of the core that need no socket but one to stand for a terminal's connection. */
#include <glib.h>
#include <string.h>

#include "core/identity.h"
#include "core/nonces.h"
#include "core/registrar.h"
#include "core/triggers.h"
#include "lib/base/error.h"
#include "lib/net/sip-timer.h"

/* --- Triggers -------------------------------------------------------------------------------- */

static void
test_triggers(void)
{
    static const char *const table[] = {"INVITE,MESSAGE ^sip:iptv- sip:1.2.3.4:5070;transport=tcp",
                                        "* ^sip:bob@ sip:1.2.3.5", NULL};
    g_autoptr(CoreTriggers) triggers = core_triggers_new(table, NULL);

    g_assert_cmpint(core_triggers_match(triggers, "INVITE", "sip:iptv-film@x", 0), ==, 0);
    g_assert_cmpint(core_triggers_match(triggers, "INVITE", "sip:iptv-film@x", 1), ==, -1);
    g_assert_cmpint(core_triggers_match(triggers, "OPTIONS", "sip:iptv-film@x", 0), ==, -1);
    g_assert_cmpint(core_triggers_match(triggers, "OPTIONS", "sip:bob@x", 0), ==, 1);
    g_assert_cmpstr(core_triggers_server(triggers, 0), ==, "sip:1.2.3.4:5070;transport=tcp");
}

static void
test_bad_triggers(void)
{
    static const char *const bad[] = {"INVITE ^sip:", "INVITE ( sip:1.2.3.4", "INVITE ^sip: not-a-uri", ""};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const table[] = {bad[i], NULL};
        g_autoptr(GError) error = NULL;

        g_assert_null(core_triggers_new(table, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
}

/* --- Nonces ---------------------------------------------------------------------------------- */

static void
test_a_nonce_is_good_once(void)
{
    BaseClock *clock = base_clock_fake_new(0);
    CoreNonces *nonces = core_nonces_new(clock);
    g_autofree char *nonce = g_strdup(core_nonces_issue(nonces, "a@x"));

    g_assert_false(core_nonces_use(nonces, nonce, "b@x"));
    g_assert_true(core_nonces_use(nonces, nonce, "a@x"));
    g_assert_false(core_nonces_use(nonces, nonce, "a@x"));
    g_assert_false(core_nonces_use(nonces, "made-up", "a@x"));
    core_nonces_free(nonces);
    base_clock_fake_free(clock);
}

static void
test_nonces_age_and_are_capped(void)
{
    BaseClock *clock = base_clock_fake_new(0);
    CoreNonces *nonces = core_nonces_new(clock);
    g_autofree char *old = g_strdup(core_nonces_issue(nonces, "a@x"));

    base_clock_fake_advance(clock, CORE_NONCE_LIFE_S * (int64_t)1000000);
    g_assert_false(core_nonces_use(nonces, old, "a@x"));
    for (int i = 0; i < CORE_MAX_NONCES + 10; i++)
        core_nonces_issue(nonces, "a@x");
    g_assert_cmpuint(core_nonces_count(nonces), ==, CORE_MAX_NONCES);
    core_nonces_free(nonces);
    base_clock_fake_free(clock);
}

/* --- Identity -------------------------------------------------------------------------------- */

static void
test_what_a_terminal_says_of_itself_goes(void)
{
    g_autoptr(NetSipMsg) request = net_sip_msg_new_request("INVITE", "sip:x@y");

    net_sip_msg_add(request, "P-Asserted-Identity", "<sip:boss@y>");
    net_sip_msg_add(request, "p-asserted-identity", "<tel:1>");
    net_sip_msg_add(request, "P-Charging-Vector", "icid-value=free");
    net_sip_msg_add(request, "P-Served-User", "<sip:boss@y>");
    core_identity_assert(request, "sip:a@y", "1.2.3.4", "y");
    g_assert_cmpuint(net_sip_msg_header_count(request, "P-Asserted-Identity"), ==, 1);
    g_assert_cmpstr(net_sip_msg_header(request, "P-Asserted-Identity", 0), ==, "<sip:a@y>");
    g_assert_null(strstr(net_sip_msg_header(request, "P-Charging-Vector", 0), "free"));
    g_assert_null(net_sip_msg_header(request, "P-Served-User", 0));
}

static void
test_mark_round_trip(void)
{
    CoreMark mark = {.skip = 2, .direction = 0, .served = (char *)"sip:demo@imstv.test"}, again;
    g_autofree char *text = core_mark_build(&mark, "sip:iscmark@127.0.0.1:5;transport=tcp;lr");
    g_autoptr(NetSipAddress) address = net_sip_address_parse(text, NULL);

    g_assert_cmpstr(text, ==,
                    "<sip:iscmark@127.0.0.1:5;transport=tcp;lr;s=2;h=0;d=0;a="
                    "7369703a64656d6f40696d7374762e74657374>");
    g_assert_true(core_mark_parse(net_sip_address_uri(address), &again));
    g_assert_cmpint(again.skip, ==, 2);
    g_assert_cmpstr(again.served, ==, mark.served);
    g_free(again.served);
}

static void
test_bad_marks(void)
{
    static const char *const bad[] = {"sip:orig@h;s=1;d=0;a=61",    "sip:iscmark@h;s=-1;d=0;a=61",
                                      "sip:iscmark@h;s=1;d=3;a=61", "sip:iscmark@h;s=1;d=0;a=6",
                                      "sip:iscmark@h;s=1;d=0",      "sip:iscmark@h;s=1;d=0;a=ff"};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(NetSipUri) uri = net_sip_uri_parse(bad[i], NULL);
        CoreMark mark;

        g_assert_false(core_mark_parse(uri, &mark));
    }
}

/* --- Registrar ------------------------------------------------------------------------------- */

typedef struct {
    BaseClock *clock;
    NetSipTimers *timers;
    NetSipTransport *transport;
    CoreRegistrar *registrar;
    GString *log;
    uint16_t port;
} Fixture;

static void
on_changed(const CoreBinding *binding, CoreRegEvent event, void *user_data)
{
    g_string_append_printf(((Fixture *)user_data)->log, "%s:%s ", binding->impu, core_reg_event_name(event));
}

static const CoreRegistrarEvents events = {.changed = on_changed};
static const NetSipTransportEvents transport_events = {0};

static void
set_up(Fixture *f, gconstpointer data)
{
    (void)data;
    f->clock = base_clock_fake_new(0);
    f->timers = net_sip_timers_new(f->clock);
    f->transport = net_sip_transport_new(NULL, f->timers, &transport_events, NULL);
    net_sip_transport_listen(f->transport, NET_SIP_UDP, "127.0.0.1", 0, "Gm", &f->port, NULL);
    f->registrar = core_registrar_new(f->clock, &events, f);
    f->log = g_string_new(NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    core_registrar_free(f->registrar);
    net_sip_transport_free(f->transport);
    net_sip_timers_free(f->timers);
    base_clock_fake_free(f->clock);
    g_string_free(f->log, TRUE);
}

/* A terminal's source: any UDP port will do, nothing is sent. */
static NetSipFlow *
source(Fixture *f, uint16_t port)
{
    NetSipFlow *flow = net_sip_transport_reach(f->transport, NET_SIP_UDP, "127.0.0.1", port, "Gm", NULL);

    g_assert_nonnull(flow);

    return flow;
}

static void
test_source_belongs_to_one_user(Fixture *f, gconstpointer data)
{
    g_autoptr(NetSipFlow) one = source(f, 1001);
    g_autoptr(NetSipFlow) two = source(f, 1002);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(
        core_registrar_bind(f->registrar, one, "a@x", "sip:a@x", "sip:a@127.0.0.1:1001", 100, NULL));
    g_assert_false(
        core_registrar_bind(f->registrar, one, "b@x", "sip:b@x", "sip:b@127.0.0.1:1001", 100, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN);
    g_assert_null(core_registrar_of_flow(f->registrar, two));
    g_assert_cmpstr(core_registrar_of_flow(f->registrar, one)->impu, ==, "sip:a@x");
    g_assert_true(
        core_registrar_bind(f->registrar, one, "a@x", "sip:a@x", "sip:a@127.0.0.1:1001", 100, NULL));
    g_assert_cmpstr(f->log->str, ==, "sip:a@x:registered sip:a@x:refreshed ");
}

static void
test_bindings_expire(Fixture *f, gconstpointer data)
{
    g_autoptr(NetSipFlow) one = source(f, 1001);
    g_autoptr(NetSipFlow) two = source(f, 1002);

    (void)data;
    core_registrar_bind(f->registrar, one, "a@x", "sip:a@x", "sip:a@127.0.0.1:1001", 100, NULL);
    core_registrar_bind(f->registrar, two, "a@x", "sip:a@x", "sip:a@127.0.0.1:1002", 200, NULL);
    base_clock_fake_advance(f->clock, 100 * (int64_t)1000000);
    core_registrar_sweep(f->registrar);
    g_assert_cmpuint(core_registrar_count(f->registrar), ==, 1);
    core_registrar_unbind_user(f->registrar, "sip:a@x", CORE_REJECTED);
    g_assert_cmpuint(core_registrar_count(f->registrar), ==, 0);
    g_assert_true(g_str_has_suffix(f->log->str, "sip:a@x:expired sip:a@x:rejected "));
}

static void
test_nobody_takes_anothers_contact(Fixture *f, gconstpointer data)
{
    g_autoptr(NetSipFlow) one = source(f, 1001);
    g_autoptr(NetSipFlow) two = source(f, 1002);
    g_autoptr(NetSipUri) contact = net_sip_uri_parse("sip:a@127.0.0.1:1001", NULL);

    (void)data;
    core_registrar_bind(f->registrar, one, "a@x", "sip:a@x", "sip:a@127.0.0.1:1001", 100, NULL);
    core_registrar_bind(f->registrar, two, "b@x", "sip:b@x", "sip:b@127.0.0.1:1001", 100, NULL);
    g_assert_cmpstr(core_registrar_of_contact(f->registrar, contact)->impu, ==, "sip:a@x");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/triggers/match", test_triggers);
    g_test_add_func("/core/triggers/refused", test_bad_triggers);
    g_test_add_func("/core/nonces/good-once", test_a_nonce_is_good_once);
    g_test_add_func("/core/nonces/age-and-cap", test_nonces_age_and_are_capped);
    g_test_add_func("/core/identity/asserted", test_what_a_terminal_says_of_itself_goes);
    g_test_add_func("/core/identity/mark", test_mark_round_trip);
    g_test_add_func("/core/identity/bad-marks", test_bad_marks);
    g_test_add("/core/registrar/source-belongs-to-one-user", Fixture, NULL, set_up,
               test_source_belongs_to_one_user, tear_down);
    g_test_add("/core/registrar/expire", Fixture, NULL, set_up, test_bindings_expire, tear_down);
    g_test_add("/core/registrar/contact-is-first-come", Fixture, NULL, set_up,
               test_nobody_takes_anothers_contact, tear_down);

    return g_test_run();
}
