/* What strangers may do to the core (faults 14 to 17): it refuses, stays bounded, and serves its users
 * meanwhile. Usage: core-hostile PATH-OF-IMSTV-CORE */
#include <gio/gio.h>
#include <string.h>

#include "tests/integration/contract-peers.h"
#include "tests/integration/core-process.h"

static CoreProcess *core;

static GSocket *
attacker(GSocketType type)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback, core->port);
    g_autoptr(GError) error = NULL;
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, type, 0, NULL);

    g_socket_connect(socket, address, NULL, &error);
    g_assert_no_error(error);
    g_socket_set_timeout(socket, 10);

    return socket;
}

/* Sends all and reads until @expected comes or the connection ends. Returns what was read. */
static char *
exchange(GSocket *socket, const char *data, size_t length)
{
    GString *got = g_string_new(NULL);
    char buffer[4096];
    gssize n;

    for (size_t sent = 0; sent < length; sent += (size_t)n) {
        n = g_socket_send(socket, data + sent, length - sent, NULL, NULL);
        if (n <= 0)
            break;
    }
    while (!strstr(got->str, "\r\n\r\n") &&
           (n = g_socket_receive(socket, buffer, sizeof buffer, NULL, NULL)) > 0)
        g_string_append_len(got, buffer, n);

    return g_string_free(got, FALSE);
}

/* The core is well: a user registers, calls nobody, leaves. */
static void
assert_healthy(void)
{
    g_autoptr(Peer) user =
        peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "alice", "secret-a");

    g_assert_cmpint(peer_register(user, 600), ==, 200);
    g_assert_cmpint(peer_call(user, "sip:nobody@imstv.test"), ==, 604);
    g_assert_cmpint(peer_register(user, 0), ==, 200);
}

#define HEAD(length)                                                                                         \
    "OPTIONS sip:imstv.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: "               \
    "<sip:a@x>;tag=1\r\n"                                                                                    \
    "To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: " length "\r\n"

static void
check_refusal(const char *data, size_t length, const char *status)
{
    g_autoptr(GSocket) socket = attacker(G_SOCKET_TYPE_STREAM);
    g_autofree char *got = exchange(socket, data, length);
    g_autofree char *line = g_strdup_printf("SIP/2.0 %s ", status);

    if (status[0] && !g_str_has_prefix(got, line))
        g_error("%s expected, got '%.60s'", status, got);
    if (!status[0])
        g_assert_cmpstr(got, ==, "");
}

static void
test_lengths(void)
{
    check_refusal(HEAD("-1") "\r\n", strlen(HEAD("-1") "\r\n"), "400");
    check_refusal(HEAD("4294967296") "\r\n", strlen(HEAD("4294967296") "\r\n"), "400");
    check_refusal(HEAD("4294967295") "\r\n", strlen(HEAD("4294967295") "\r\n"), "413");
    check_refusal(HEAD("0") "Content-Length: 5\r\n\r\n", strlen(HEAD("0") "Content-Length: 5\r\n\r\n"),
                  "400");
    assert_healthy();
}

static void
test_large_headers(void)
{
    GString *text = g_string_new(HEAD("0") "X: ");

    for (int i = 0; i < 70000; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, "\r\n\r\n");
    check_refusal(text->str, text->len, "513");
    g_string_assign(text, HEAD("0"));
    for (int i = 0; i < 1500; i++)
        g_string_append(text, "Via: SIP/2.0/TCP a.example.com\r\n");
    g_string_append(text, "\r\n");
    check_refusal(text->str, text->len, "513");
    check_refusal("\0\0\0\0nonsense\r\n\r\n", 16, "");
    g_string_free(text, TRUE);
    assert_healthy();
}

static char *
invite(int i)
{
    return g_strdup_printf(
        "INVITE sip:iptv-film@imstv.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d;rport\r\n"
        "From: <sip:alice@imstv.test>;tag=%d\r\nTo: <sip:b@x>\r\nCall-ID: c%d\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n",
        i, i, i);
}

/* Fault 14: 5,000 INVITEs in a burst, no ACK ever. */
static void
test_invite_flood(void)
{
    g_autoptr(GSocket) socket = attacker(G_SOCKET_TYPE_DATAGRAM);

    for (int i = 0; i < 5000; i++) {
        g_autofree char *text = invite(i);

        g_socket_send(socket, text, strlen(text), NULL, NULL);
    }
    assert_healthy();
    g_assert_cmpint(core_process_metric(core, "imstv_sip_transactions"), <, 200);
}

static void
test_register_flood(void)
{
    g_autoptr(GSocket) socket = attacker(G_SOCKET_TYPE_DATAGRAM);

    for (int i = 0; i < 5000; i++) {
        g_autofree char *text = g_strdup_printf(
            "REGISTER sip:imstv.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKr%d;rport\r\n"
            "From: <sip:alice@imstv.test>;tag=%d\r\nTo: <sip:alice@imstv.test>\r\nCall-ID: r%d\r\n"
            "CSeq: 1 REGISTER\r\nContact: <sip:a@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n",
            i, i, i);

        g_socket_send(socket, text, strlen(text), NULL, NULL);
    }
    /* The rate lets others in again within seconds. */
    for (gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;;) {
        g_autoptr(Peer) user =
            peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "alice", "secret-a");

        if (peer_register(user, 600) == 200)
            break;
        g_assert_cmpint(g_get_monotonic_time(), <, until);
    }
    g_assert_cmpint(core_process_metric(core, "imstv_sip_transactions"), <, 10000);
}

/* A registered terminal is not let in without end, either. */
static void
test_flood_of_a_user(void)
{
    g_autoptr(Peer) user =
        peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "bob", "secret-b");
    int refused = 0;

    g_assert_cmpint(peer_register(user, 600), ==, 200);
    for (int i = 0; i < 200; i++) {
        int status = peer_call(user, "sip:nobody@imstv.test");

        g_assert_true(status == 604 || status == 503);
        refused += status == 503;
    }
    g_assert_cmpint(refused, <, 200);
    assert_healthy();
}

/* A listener at an address that is none of our servers'. */
static GSocket *
bystander(char **ret_uri)
{
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.2", 0);
    g_autoptr(GSocketAddress) bound = NULL;
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL) && g_socket_listen(socket, NULL));
    g_socket_set_blocking(socket, FALSE);
    bound = g_socket_get_local_address(socket, NULL);
    *ret_uri = g_strdup_printf("sip:x@127.0.0.2:%u;transport=tcp;lr",
                               g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));

    return socket;
}

/* A user who makes up a dialog must not reach machines of the network behind the core with it. */
static void
test_made_up_dialogs(void)
{
    g_autoptr(Peer) user =
        peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "bob", "secret-b");
    g_autofree char *target = NULL;
    g_autoptr(GSocket) socket = bystander(&target);
    NetSipMsg *to_target = peer_request(user, "INFO", target);
    NetSipMsg *by_route = peer_request(user, "INFO", "sip:nobody@imstv.test");
    g_autoptr(GSocket) reached = NULL;

    g_assert_cmpint(peer_register(user, 600), ==, 200);
    net_sip_msg_add_printf(to_target, "To", "<%s>;tag=made-up", target);
    g_assert_cmpint(peer_send(user, to_target), ==, 481);
    net_sip_msg_add(by_route, "To", "<sip:nobody@imstv.test>;tag=made-up");
    net_sip_msg_add_printf(by_route, "Route", "<%s>", target);
    g_assert_cmpint(peer_send(user, by_route), ==, 481);
    reached = g_socket_accept(socket, NULL, NULL);
    g_assert_null(reached);
    g_assert_cmpint(peer_register(user, 0), ==, 200);
}

/* Fault 35, in small: what comes and goes leaves nothing. */
static void
test_nothing_stays(void)
{
    gint64 flows;

    for (int i = 0; i < 50; i++) {
        g_autoptr(Peer) user =
            peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "alice", "secret-a");

        g_assert_cmpint(peer_register(user, 600), ==, 200);
        g_assert_cmpint(peer_register(user, 0), ==, 200);
    }
    WAIT(core_process_metric(core, "imstv_sip_flows") <= 3, "end of the connections");
    flows = core_process_metric(core, "imstv_sip_flows");
    g_assert_cmpint(flows, <=, 3);
    g_assert_cmpint(core_process_metric(core, "imstv_core_bindings"), <=, 2);
}

int
main(int argc, char **argv)
{
    int failed;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2);
    core = core_process_start(argv[1], "imstv.test", "alice:secret-a,bob:secret-b", 9);
    g_test_add_func("/hostile/core/lengths", test_lengths);
    g_test_add_func("/hostile/core/large-headers", test_large_headers);
    g_test_add_func("/hostile/core/invite-flood", test_invite_flood);
    g_test_add_func("/hostile/core/flood-of-a-user", test_flood_of_a_user);
    g_test_add_func("/hostile/core/made-up-dialogs", test_made_up_dialogs);
    g_test_add_func("/hostile/core/nothing-stays", test_nothing_stays);
    g_test_add_func("/hostile/core/register-flood", test_register_flood);
    failed = g_test_run();

    return core_process_stop(core) || failed;
}
