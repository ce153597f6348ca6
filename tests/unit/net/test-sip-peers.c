/* Who may speak SIP to a listener: hosts that are not named are dropped before a byte of theirs is read. */
#include <gio/gio.h>
#include <string.h>

#include "lib/base/metrics.h"
#include "lib/net/sip-ua.h"

static const char options[] =
    "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKpeers\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: peers\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

static gboolean
on_deadline(gpointer user_data)
{
    (void)user_data;
    g_error("no answer and no end of the connection");
    return G_SOURCE_REMOVE;
}

/* What comes back for an OPTIONS over TCP: the status line, or "" if the connection is closed. (transfer
 * full) */
static char *
ask(const char *const *peers)
{
    static const NetSipUaEvents events = {0};
    NetSipUaConfig config = {.transport.peers = peers};
    g_autoptr(NetSipUa) ua = net_sip_ua_new(&config, &events, NULL);
    g_autoptr(GSocket) socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = NULL;
    guint deadline = g_timeout_add_seconds(10, on_deadline, NULL);
    char answer[1024] = "";
    gssize length;
    uint16_t port;

    g_assert_true(net_sip_ua_listen(ua, NET_SIP_TCP, "127.0.0.1", 0, "ISC", &port, NULL));
    address = g_inet_socket_address_new(loopback, port);
    g_assert_true(g_socket_connect(socket, address, NULL, NULL));
    g_assert_cmpint(g_socket_send(socket, options, strlen(options), NULL, NULL), ==, strlen(options));
    g_socket_set_blocking(socket, FALSE);
    while (!(g_socket_condition_check(socket, G_IO_IN | G_IO_HUP) & (G_IO_IN | G_IO_HUP)))
        g_main_context_iteration(NULL, FALSE);
    length = g_socket_receive(socket, answer, sizeof answer - 1, NULL, NULL);
    g_source_remove(deadline);
    return g_strndup(answer, length > 0 ? strcspn(answer, "\r") : 0);
}

static void
test_a_named_peer_is_answered(void)
{
    g_autofree char *answer = ask((const char *const[]){"192.0.2.1", "127.0.0.1", NULL});
    g_autofree char *open = ask(NULL);

    g_assert_cmpstr(answer, ==, "SIP/2.0 200 OK");
    g_assert_cmpstr(open, ==, "SIP/2.0 200 OK");
}

static void
test_a_stranger_is_dropped_and_counted(void)
{
    g_autofree char *answer = ask((const char *const[]){"192.0.2.1", NULL});

    g_assert_cmpstr(answer, ==, "");
    g_assert_cmpint(base_metric_get(base_counter("imstv_sip_strangers_total", NULL, "")), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/sip-peers/named", test_a_named_peer_is_answered);
    g_test_add_func("/net/sip-peers/stranger", test_a_stranger_is_dropped_and_counted);
    return g_test_run();
}
