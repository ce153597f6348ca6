/* What the headend needs of an IMS core, whichever it is.
 *
 *   core-contract --launch PATH-OF-IMSTV-CORE [--udp]
 *   core-contract --core HOST:PORT --domain D --users NAME:PASSWORD,NAME:PASSWORD --as-port N
 *
 * The second form is for a core that runs already: it must have both users, and an originating trigger for
 * INVITE and MESSAGE on ^sip:iptv- that leads to this machine's port N (TCP), which also gets third-party
 * REGISTERs. Numbers of refusals are those measured at Kamailio 5.6.3. */
#include <glib.h>
#include <string.h>

#include "tests/integration/contract-peers.h"
#include "tests/integration/core-process.h"

static struct {
    char *launch, *core, *domain, *users;
    int as_port;
    gboolean udp; /* terminals use UDP */
    char *host;
    uint16_t port, server_port;
    char **names, **passwords;
    Peer *server; /* lives through all tests: the core knows its port */
    CoreProcess *process;
} env = {.as_port = 0};

/* --- Environment ----------------------------------------------------------------------------- */

static void
split_users(void)
{
    g_auto(GStrv) pairs = g_strsplit(env.users, ",", -1);
    guint n = g_strv_length(pairs);

    env.names = g_new0(char *, n + 1);
    env.passwords = g_new0(char *, n + 1);
    for (guint i = 0; i < n; i++) {
        g_auto(GStrv) parts = g_strsplit(pairs[i], ":", 2);

        env.names[i] = g_strdup(parts[0]);
        env.passwords[i] = g_strdup(parts[1]);
    }
}

static void
env_set_up(void)
{
    split_users();
    env.server = peer_new_server((uint16_t)env.as_port, &env.server_port);
    if (env.launch) {
        env.process = core_process_start(env.launch, env.domain, env.users, env.server_port);
        env.host = g_strdup("127.0.0.1");
        env.port = env.process->port;
        return;
    }
    g_auto(GStrv) parts = g_strsplit(env.core, ":", 2);

    env.host = g_strdup(parts[0]);
    env.port = (uint16_t)g_ascii_strtoull(parts[1], NULL, 10);
}

static int
env_tear_down(void)
{
    int status = 0;

    peer_free(env.server);
    if (env.process)
        status = core_process_stop(env.process);
    g_free(env.host);
    g_strfreev(env.names);
    g_strfreev(env.passwords);

    return status;
}

/* --- Helpers --------------------------------------------------------------------------------- */

static Peer *
terminal(guint user)
{
    return peer_new_terminal(env.udp ? NET_SIP_UDP : NET_SIP_TCP, env.host, env.port, env.domain,
                             env.names[user], env.passwords[user]);
}

static Peer *
registered(guint user)
{
    Peer *self = terminal(user);

    g_assert_cmpint(peer_register(self, 600), ==, 200);

    return self;
}

static char *
at_home(const char *name)
{
    return g_strdup_printf("sip:%s@%s", name, env.domain);
}

/* Forgets what the server has seen, once it is quiet about registrations. */
static void
server_reset(void)
{
    g_ptr_array_set_size(env.server->requests, 0);
    net_sip_session_free(g_steal_pointer(&env.server->session));
    env.server->answer_status = 200;
    env.server->ended = env.server->acknowledged = env.server->in_dialog = 0;
}

static bool
is_method(const NetSipMsg *request, const char *method)
{
    return net_sip_msg_is_method(request, method);
}

/* The nth request of that method at the server; NULL if there are fewer. */
static const NetSipMsg *
server_seen(const char *method, guint nth)
{
    for (guint i = 0; i < env.server->requests->len; i++) {
        const NetSipMsg *request = g_ptr_array_index(env.server->requests, i);

        if (is_method(request, method) && nth-- == 0)
            return request;
    }

    return NULL;
}

static void
unregister(Peer *self)
{
    g_assert_cmpint(peer_register(self, 0), ==, 200);
    peer_free(self);
}

/* --- Registration ---------------------------------------------------------------------------- */

static void
test_register_is_challenged_and_granted(void)
{
    Peer *self = terminal(0);
    g_autofree char *associated = NULL, *expires = NULL;
    guint64 granted;

    g_assert_cmpint(peer_register(self, 600), ==, 200);
    g_assert_cmpint(self->challenges, ==, 1);
    associated = net_sip_msg_aor(self->registered, "P-Associated-URI");
    g_assert_cmpstr(associated, ==, self->impu);
    g_assert_cmpuint(self->service_routes->len, >=, 1);
    expires = net_sip_msg_header_param(self->registered, "Contact", 0, "expires");
    granted =
        expires ? g_ascii_strtoull(expires, NULL, 10) : net_sip_msg_number(self->registered, "Expires", 0);
    g_assert_cmpuint(granted, >=, 530); /* nine tenths of what was asked */
    g_assert_cmpuint(granted, <=, 540);
    unregister(self);
}

static void
test_every_register_is_challenged(void)
{
    Peer *self = registered(0);

    g_assert_cmpint(peer_register(self, 600), ==, 200);
    g_assert_cmpint(self->challenges, ==, 2);
    g_assert_cmpint(peer_register(self, 0), ==, 200);
    g_assert_cmpint(self->challenges, ==, 3);
    peer_free(self);
}

static void
test_old_nonce_is_challenged_again(void)
{
    Peer *self = registered(0);

    self->reuse_nonce = true; /* nc=2 on the nonce of the first REGISTER */
    g_assert_cmpint(peer_register(self, 600), ==, 200);
    g_assert_cmpint(self->challenges, ==, 3);
    unregister(self);
}

static void
test_wrong_password(void)
{
    g_autoptr(Peer) self = terminal(0);
    int status;

    g_free(self->password);
    self->password = g_strdup("wrong");
    status = peer_register(self, 600);
    g_assert_true(status == 401 || status == 403);
}

static void
test_unknown_user(void)
{
    g_autoptr(Peer) self = peer_new_terminal(env.udp ? NET_SIP_UDP : NET_SIP_TCP, env.host, env.port,
                                             env.domain, "nobody-knows", "x");
    int status = peer_register(self, 600);

    g_assert_true(status == 401 || status == 403 || status == 404);
}

static void
test_third_party_register(void)
{
    Peer *self;
    g_autofree char *impu = NULL;

    server_reset();
    self = registered(0);
    WAIT(server_seen("REGISTER", 0), "third-party REGISTER");
    impu = net_sip_msg_aor(server_seen("REGISTER", 0), "To");
    g_assert_cmpstr(impu, ==, self->impu);
    g_assert_cmpuint(net_sip_msg_number(server_seen("REGISTER", 0), "Expires", 0), >, 0);
    g_assert_true(net_sip_msg_has_content_type(server_seen("REGISTER", 0), "application/3gpp-ims+xml"));
    unregister(self);
    WAIT(server_seen("REGISTER", 1), "third-party REGISTER of the end");
    g_assert_cmpuint(net_sip_msg_number(server_seen("REGISTER", 1), "Expires", 1), ==, 0);
}

/* --- Source ---------------------------------------------------------------------------------- */

static void
test_unregistered_source_is_refused(void)
{
    g_autoptr(Peer) self = terminal(0);
    g_autofree char *film = at_home("iptv-film");

    g_assert_cmpint(peer_call(self, film), ==, 403);
}

static void
test_other_connection_is_refused_until_it_registers(void)
{
    Peer *first = registered(0);
    Peer *second = terminal(0);
    g_autofree char *film = at_home("iptv-film");

    g_ptr_array_add(second->service_routes, g_strdup(g_ptr_array_index(first->service_routes, 0)));
    g_assert_cmpint(peer_call(second, film), ==, 403);
    server_reset();
    g_assert_cmpint(peer_register(second, 600), ==, 200);
    g_assert_cmpint(peer_call(second, film), ==, 200);
    peer_hang_up(second);
    unregister(second);
    unregister(first);
}

static void
test_each_connection_has_its_user(void)
{
    Peer *a = registered(0), *b = registered(1);
    g_autofree char *film = at_home("iptv-film");
    g_autofree char *from_a = NULL, *from_b = NULL;

    server_reset();
    g_assert_cmpint(peer_call(a, film), ==, 200);
    peer_hang_up(a);
    g_assert_cmpint(peer_call(b, film), ==, 200);
    peer_hang_up(b);
    from_a = net_sip_msg_aor(server_seen("INVITE", 0), "P-Asserted-Identity");
    from_b = net_sip_msg_aor(server_seen("INVITE", 1), "P-Asserted-Identity");
    g_assert_cmpstr(from_a, ==, a->impu);
    g_assert_cmpstr(from_b, ==, b->impu);
    unregister(a);
    unregister(b);
}

/* --- Triggers -------------------------------------------------------------------------------- */

static void
test_invite_reaches_the_server(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film%23hd");
    g_autoptr(NetSipAddress) top = NULL, back = NULL;
    g_autofree char *identity = NULL, *served = NULL, *icid = NULL;
    const NetSipMsg *invite;

    server_reset();
    g_assert_cmpint(peer_call(self, film), ==, 200);
    invite = server_seen("INVITE", 0);
    g_assert_cmpstr(net_sip_msg_request_uri(invite), ==, film);
    identity = net_sip_msg_aor(invite, "P-Asserted-Identity");
    g_assert_cmpstr(identity, ==, self->impu); /* and not what the terminal claimed */
    g_assert_cmpuint(net_sip_msg_header_count(invite, "P-Asserted-Identity"), ==, 1);
    served = net_sip_msg_aor(invite, "P-Served-User");
    g_assert_cmpstr(served, ==, self->impu);
    g_assert_cmpuint(net_sip_msg_header_count(invite, "Record-Route"), >=, 1);
    icid = net_sip_msg_header_param(invite, "P-Charging-Vector", 0, "none");
    g_assert_nonnull(strstr(net_sip_msg_header(invite, "P-Charging-Vector", 0), "icid-value="));
    top = net_sip_msg_address(invite, "Route", 0);
    back = net_sip_msg_address(invite, "Route", 1);
    g_assert_nonnull(top);
    g_assert_cmpuint(net_sip_uri_port(net_sip_address_uri(top)), ==, env.server_port);
    g_assert_nonnull(back); /* with the dialog identifier in it */
    g_assert_nonnull(net_sip_uri_param(net_sip_address_uri(back), "lr"));
    g_assert_cmpstr(net_sip_msg_body(invite, NULL), ==, "v=0\r\n");
    peer_hang_up(self);
    unregister(self);
}

static void
test_call_in_dialog_both_ways(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");

    server_reset();
    g_assert_cmpint(peer_call(self, film), ==, 200);
    WAIT(env.server->acknowledged, "ACK at the server");
    net_sip_session_request(self->session, net_sip_session_new_request(self->session, "INFO"), NULL, NULL);
    WAIT(env.server->in_dialog == 1, "INFO at the server");
    net_sip_session_request(env.server->session, net_sip_session_new_request(env.server->session, "INFO"),
                            NULL, NULL);
    WAIT(self->in_dialog == 1, "INFO at the terminal");
    peer_hang_up(env.server);
    WAIT(self->ended, "BYE at the terminal");
    g_assert_cmpint(self->ended, ==, NET_SIP_ENDED_BYE + 1);
    unregister(self);
}

static void
test_cancel_reaches_the_server(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");
    NetSipMsg *invite = peer_request(self, "INVITE", film);

    server_reset();
    env.server->answer_status = 0;
    net_sip_session_free(self->session);
    self->ended = 0;
    self->session = NULL;
    {
        static const NetSipSessionEvents quiet = {0};

        self->session = net_sip_session_invite(self->ua, self->flow, invite, &quiet, self);
    }
    WAIT(server_seen("INVITE", 0), "INVITE at the server");
    net_sip_session_end(self->session, NULL);
    WAIT(env.server->ended, "CANCEL at the server");
    g_assert_cmpint(env.server->ended, ==, NET_SIP_ENDED_CANCELLED + 1);
    unregister(self);
}

/* The server as back-to-back user agent: its own INVITE goes back through the core to another machine. */
static NetSipMsg *
return_request(const NetSipMsg *invite, const char *uri)
{
    NetSipMsg *again = net_sip_msg_new_request("INVITE", uri);

    for (guint i = 1; i < net_sip_msg_header_count(invite, "Route"); i++)
        net_sip_msg_add(again, "Route", net_sip_msg_header(invite, "Route", i));
    net_sip_msg_copy_header(again, invite, "P-Asserted-Identity");
    net_sip_msg_copy_header(again, invite, "P-Charging-Vector");
    net_sip_msg_add_printf(again, "From", "<%s>", env.server->impu ? env.server->impu : "sip:scf@127.0.0.1");
    net_sip_msg_add(again, "To", "<sip:iptv-film@imstv.test>");
    net_sip_msg_set_body(again, "application/sdp", "v=0\r\n", -1);

    return again;
}

static void
on_leg_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    *(int *)user_data = net_sip_msg_status(response);
    net_sip_session_ack(session, NULL, NULL);
}

static void
on_leg_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    (void)session;
    (void)why;
    (void)error;
    *(int *)user_data = message ? net_sip_msg_status(message) : -1;
}

static const NetSipSessionEvents leg_events = {.answered = on_leg_answered, .ended = on_leg_ended};

static void
test_server_calls_on_without_a_second_trigger(void)
{
    Peer *self = registered(0);
    uint16_t mcf_port = 0;
    g_autoptr(Peer) mcf = peer_new_server(0, &mcf_port);
    g_autofree char *film = at_home("iptv-film");
    g_autofree char *uri = g_strdup_printf("sip:mcf@127.0.0.1:%u;transport=tcp", mcf_port);
    NetSipSession *leg;
    int status = 0;

    server_reset();
    g_assert_cmpint(peer_call(self, film), ==, 200);
    leg = net_sip_session_invite(env.server->ua, NULL, return_request(server_seen("INVITE", 0), uri),
                                 &leg_events, &status);
    WAIT(status, "answer of the media control function");
    g_assert_cmpint(status, ==, 200);
    g_assert_cmpuint(mcf->requests->len, ==, 1);
    g_assert_cmpstr(net_sip_msg_request_uri(g_ptr_array_index(mcf->requests, 0)), ==, uri);
    {
        g_autofree char *identity =
            net_sip_msg_aor(g_ptr_array_index(mcf->requests, 0), "P-Asserted-Identity");

        g_assert_cmpstr(identity, ==, self->impu);
    }
    WAIT(mcf->acknowledged, "ACK at the media control function");
    status = 0;
    net_sip_session_end(leg, NULL);
    WAIT(status, "end of the second leg");
    WAIT(mcf->ended, "BYE at the media control function");
    net_sip_session_free(leg);
    g_assert_null(server_seen("INVITE", 1));
    peer_hang_up(self);
    unregister(self);
}

static void
test_returned_request_is_not_triggered_again(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");
    NetSipSession *leg;
    int status = 0;

    server_reset();
    g_assert_cmpint(peer_call(self, film), ==, 200);
    leg = net_sip_session_invite(env.server->ua, NULL, return_request(server_seen("INVITE", 0), film),
                                 &leg_events, &status);
    WAIT(status, "refusal");
    g_assert_cmpint(status, >=, 400);
    g_assert_null(server_seen("INVITE", 1));
    net_sip_session_free(leg);
    peer_hang_up(self);
    unregister(self);
}

static void
test_refusal_of_the_server_passes(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");

    server_reset();
    env.server->answer_status = 488;
    g_assert_cmpint(peer_call(self, film), ==, 488);
    unregister(self);
}

/* --- Refusals -------------------------------------------------------------------------------- */

static void
test_nobody_of_that_name(void)
{
    Peer *self = registered(0);
    g_autofree char *nobody = at_home("film");

    g_assert_cmpint(peer_call(self, nobody), ==, 604);
    unregister(self);
}

static void
test_foreign_domain(void)
{
    Peer *self = registered(0);

    g_assert_cmpint(peer_call(self, "sip:iptv-film.example@foreign.invalid"), >=, 400);
    g_assert_cmpint(peer_call(self, "sip:film@foreign.invalid"), ==, 478);
    unregister(self);
}

static void
test_too_many_hops(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");
    NetSipMsg *message = peer_request(self, "MESSAGE", film);

    server_reset();
    net_sip_msg_add(message, "Max-Forwards", "0");
    g_assert_cmpint(peer_send(self, message), ==, 483);
    g_assert_null(server_seen("MESSAGE", 0));
    unregister(self);
}

/* --- Towards the terminal -------------------------------------------------------------------- */

static void
test_message_reaches_the_registered_connection(void)
{
    Peer *self = registered(0);
    g_autofree char *film = at_home("iptv-film");
    NetSipMsg *message;

    server_reset();
    g_assert_cmpint(peer_call(self, film), ==, 200); /* shows the server the way back to the S-CSCF */
    message = net_sip_msg_new_request("MESSAGE", self->impu);
    net_sip_msg_add(message, "From", "<sip:iptv-sdf@imstv.test>");
    net_sip_msg_add(message, "P-Asserted-Identity", "<sip:iptv-sdf@imstv.test>");
    {
        g_autoptr(NetSipAddress) back = net_sip_msg_address(server_seen("INVITE", 0), "Record-Route", 0);
        g_autofree char *route = net_sip_address_to_string(back);

        net_sip_msg_add(message, "Route", route);
    }
    g_assert_cmpint(peer_send(env.server, message), ==, 200);
    g_assert_cmpuint(self->requests->len, ==, 1);
    g_assert_true(self->request_flow == self->flow);
    peer_hang_up(self);
    unregister(self);
}

/* --- Registration events --------------------------------------------------------------------- */

static void
on_notify(NetSipSubscription *subscription, const NetSipMsg *notify, void *user_data)
{
    (void)subscription;
    g_ptr_array_add(((Peer *)user_data)->notifies, net_sip_msg_copy(notify));
}

static void
on_subscription_ended(NetSipSubscription *subscription,
                      const NetSipMsg *message,
                      const GError *error,
                      void *user_data)
{
    (void)subscription;
    (void)message;
    (void)error;
    ((Peer *)user_data)->subscription_over = true;
}

static const NetSipSubscriptionEvents subscription_events = {.notify = on_notify,
                                                             .ended = on_subscription_ended};

static void
test_registration_events(void)
{
    Peer *self = registered(0);
    NetSipMsg *subscribe = peer_request(self, "SUBSCRIBE", self->impu);
    const NetSipMsg *notify;

    net_sip_msg_add_printf(subscribe, "To", "<%s>", self->impu);
    net_sip_msg_add(subscribe, "Event", "reg");
    net_sip_msg_add(subscribe, "Accept", "application/reginfo+xml");
    net_sip_msg_add(subscribe, "Expires", "600");
    self->subscription = net_sip_subscribe(self->ua, self->flow, subscribe, &subscription_events, self);
    WAIT(self->notifies->len >= 1, "first NOTIFY");
    notify = g_ptr_array_index(self->notifies, 0);
    g_assert_true(net_sip_msg_has_content_type(notify, "application/reginfo+xml"));
    g_assert_nonnull(strstr(net_sip_msg_body(notify, NULL), "state=\"active\""));
    g_assert_nonnull(strstr(net_sip_msg_body(notify, NULL), self->impu));
    g_assert_cmpint(peer_register(self, 0), ==, 200);
    WAIT(self->notifies->len >= 2, "NOTIFY of the end");
    notify = g_ptr_array_index(self->notifies, self->notifies->len - 1);
    g_assert_nonnull(strstr(net_sip_msg_body(notify, NULL), "state=\"terminated\""));
    peer_free(self);
}

/* --- Main ------------------------------------------------------------------------------------ */

static const struct {
    const char *path;
    GTestFunc test;
} tests[] = {
    {"/contract/register/is-challenged-and-granted", test_register_is_challenged_and_granted},
    {"/contract/register/every-one-is-challenged", test_every_register_is_challenged},
    {"/contract/register/old-nonce-is-challenged-again", test_old_nonce_is_challenged_again},
    {"/contract/register/wrong-password", test_wrong_password},
    {"/contract/register/unknown-user", test_unknown_user},
    {"/contract/register/third-party", test_third_party_register},
    {"/contract/source/unregistered-is-refused", test_unregistered_source_is_refused},
    {"/contract/source/other-connection-is-refused", test_other_connection_is_refused_until_it_registers},
    {"/contract/source/each-connection-has-its-user", test_each_connection_has_its_user},
    {"/contract/trigger/invite-reaches-the-server", test_invite_reaches_the_server},
    {"/contract/trigger/in-dialog-both-ways", test_call_in_dialog_both_ways},
    {"/contract/trigger/cancel-reaches-the-server", test_cancel_reaches_the_server},
    {"/contract/trigger/server-calls-on", test_server_calls_on_without_a_second_trigger},
    {"/contract/trigger/no-second-one", test_returned_request_is_not_triggered_again},
    {"/contract/trigger/refusal-passes", test_refusal_of_the_server_passes},
    {"/contract/refusal/nobody-of-that-name", test_nobody_of_that_name},
    {"/contract/refusal/foreign-domain", test_foreign_domain},
    {"/contract/refusal/too-many-hops", test_too_many_hops},
    {"/contract/terminal/message-on-the-registered-connection",
     test_message_reaches_the_registered_connection},
    {"/contract/terminal/registration-events", test_registration_events},
};

static const GOptionEntry options[] = {
    {"launch", 0, 0, G_OPTION_ARG_FILENAME, &env.launch, "starts this imstv-core", "PATH"},
    {"core", 0, 0, G_OPTION_ARG_STRING, &env.core, "a core that runs", "HOST:PORT"},
    {"domain", 0, 0, G_OPTION_ARG_STRING, &env.domain, "home domain", "NAME"},
    {"users", 0, 0, G_OPTION_ARG_STRING, &env.users, "two users", "NAME:PASSWORD,NAME:PASSWORD"},
    {"udp", 0, 0, G_OPTION_ARG_NONE, &env.udp, "terminals use UDP, else TCP", NULL},
    {"as-port", 0, 0, G_OPTION_ARG_INT, &env.as_port, "TCP port that the core's trigger leads to", "N"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    int failed;

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_set_ignore_unknown_options(context, TRUE);
    if (!g_option_context_parse(context, &argc, &argv, &error) || (!env.launch && !env.core)) {
        g_printerr("%s\n", error ? error->message : "one of --launch and --core is needed");
        return 2;
    }
    g_test_init(&argc, &argv, NULL);
    if (!env.domain)
        env.domain = g_strdup("imstv.test");
    if (!env.users)
        env.users = g_strdup("alice:secret-a,bob:secret-b");
    env_set_up();
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].test);
    failed = g_test_run();

    return env_tear_down() || failed;
}
