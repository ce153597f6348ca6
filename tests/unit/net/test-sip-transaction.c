/* The transaction machines on a fake clock, against a peer that is a bare UDP or TCP socket. */
#include <gio/gio.h>
#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-transaction.h"

typedef struct {
    BaseClock *clock;
    NetSipLayer *layer;
    uint16_t port;
    GSocket *peer; /* UDP, or TCP once connected */
    uint16_t peer_port;
    GSocketAddress *layer_address;
    NetSipServerTxn *txn; /* the last request's */
    NetSipFlow *flow;
    GString *log;
    bool hold; /* keep the transaction unanswered */
} Fixture;

/* --- Events ---------------------------------------------------------------------------------- */

static void
on_cancelled(NetSipServerTxn *txn, const NetSipMsg *cancel, void *user_data)
{
    (void)cancel;
    g_string_append(((Fixture *)user_data)->log, "cancelled ");
    net_sip_server_txn_reply(txn, 487, NULL);
}

static void
on_request(NetSipServerTxn *txn, void *user_data)
{
    Fixture *f = user_data;

    g_string_append_printf(f->log, "%s ", net_sip_msg_method(net_sip_server_txn_request(txn)));
    if (f->hold) {
        net_sip_server_txn_unref(f->txn);
        f->txn = net_sip_server_txn_ref(txn);
        net_sip_server_txn_set_cancelled(txn, on_cancelled, f);
    }
}

static void
on_ack(NetSipFlow *flow, const NetSipMsg *ack, void *user_data)
{
    (void)flow;
    (void)ack;
    g_string_append(((Fixture *)user_data)->log, "ACK ");
}

static const NetSipLayerEvents layer_events = {.request = on_request, .ack = on_ack};

static void
on_response(NetSipClientTxn *txn, const NetSipMsg *response, void *user_data)
{
    (void)txn;
    g_assert_null(net_sip_msg_header(response, "Via", 0));
    g_string_append_printf(((Fixture *)user_data)->log, "%d ", net_sip_msg_status(response));
}

static void
on_failed(NetSipClientTxn *txn, const GError *error, void *user_data)
{
    (void)txn;
    g_string_append_printf(((Fixture *)user_data)->log, "failed:%d ", error->code);
}

static const NetSipClientEvents client_events = {.response = on_response, .failed = on_failed};

/* --- Fixture --------------------------------------------------------------------------------- */

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) bound = NULL;
    g_autoptr(GError) error = NULL;

    f->clock = base_clock_fake_new(1000000);
    f->log = g_string_new(NULL);
    f->layer = net_sip_layer_new(f->clock, NULL, GPOINTER_TO_UINT(data), &layer_events, f);
    net_sip_transport_listen(net_sip_layer_transport(f->layer), NET_SIP_UDP, "127.0.0.1", 0, "Gm", &f->port,
                             &error);
    g_assert_no_error(error);
    f->layer_address = g_inet_socket_address_new(loopback, f->port);
    f->peer = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, 0, NULL);
    g_socket_bind(f->peer, any, FALSE, NULL);
    g_socket_set_timeout(f->peer, 5);
    bound = g_socket_get_local_address(f->peer, NULL);
    f->peer_port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    f->flow = net_sip_transport_reach(net_sip_layer_transport(f->layer), NET_SIP_UDP, "127.0.0.1",
                                      f->peer_port, NULL, NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    (void)data;
    net_sip_server_txn_unref(f->txn);
    net_sip_flow_unref(f->flow);
    net_sip_layer_free(f->layer);
    base_clock_fake_free(f->clock);
    g_object_unref(f->peer);
    g_object_unref(f->layer_address);
    g_string_free(f->log, TRUE);
}

static void
advance(Fixture *f, int ms)
{
    base_clock_fake_advance(f->clock, ms * (int64_t)1000);
    net_sip_timers_run(net_sip_layer_timers(f->layer));
}

/* Sends from the peer and lets the layer take it. */
static void
peer_send(Fixture *f, const char *text)
{
    g_socket_send_to(f->peer, f->layer_address, text, strlen(text), NULL, NULL);
    g_main_context_iteration(NULL, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* What the peer has got since: number of datagrams; the last one. */
static int
peer_got(Fixture *f, NetSipMsg **ret_last)
{
    char buffer[65536];
    int n = 0;

    while (g_socket_condition_check(f->peer, G_IO_IN) & G_IO_IN) {
        gssize length = g_socket_receive(f->peer, buffer, sizeof buffer, NULL, NULL);

        if (ret_last) {
            net_sip_msg_free(*ret_last);
            *ret_last = net_sip_msg_parse(buffer, (size_t)length, NULL, NULL);
        }
        n++;
    }

    return n;
}

static NetSipClientTxn *
start(Fixture *f, const char *method)
{
    NetSipMsg *request = net_sip_msg_new_request(method, "sip:b@x");

    net_sip_msg_add(request, "From", "<sip:a@x>;tag=1");
    net_sip_msg_add(request, "To", "<sip:b@x>");
    net_sip_msg_add(request, "Call-ID", "c");
    net_sip_msg_add_printf(request, "CSeq", "1 %s", method);

    return net_sip_client_txn_start(f->layer, f->flow, request, &client_events, f);
}

static void
peer_answer(Fixture *f, const NetSipMsg *request, int status)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(request, status, NULL);
    g_autoptr(GBytes) bytes = NULL;

    net_sip_msg_set_to_tag(response, "9");
    bytes = net_sip_msg_to_bytes(response);
    g_socket_send_to(f->peer, f->layer_address, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), NULL,
                     NULL);
    g_main_context_iteration(NULL, TRUE);
}

/* A request from the peer. */
static char *
request_text(const Fixture *f, const char *method, const char *branch)
{
    return g_strdup_printf("%s sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%s;rport\r\n"
                           "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 %s\r\n\r\n",
                           method, f->peer_port, branch, method);
}

/* --- Client ---------------------------------------------------------------------------------- */

/* RFC 3261 17.1.2.2: E at 500 ms, doubling to 4 s; F at 32 s. */
static void
test_non_invite_times_out(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "OPTIONS");
    static const int steps[] = {500, 1000, 2000, 4000, 4000};

    (void)data;
    g_assert_cmpint(peer_got(f, NULL), ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        advance(f, steps[i] - 1);
        g_assert_cmpint(peer_got(f, NULL), ==, 0);
        advance(f, 1);
        g_assert_cmpint(peer_got(f, NULL), ==, 1);
    }
    advance(f, 32000 - 11500 - 1);
    g_assert_cmpstr(f->log->str, ==, "");
    advance(f, 1);
    g_assert_cmpstr(f->log->str, ==, "failed:8 ");
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 0);
    net_sip_client_txn_release(txn);
}

/* 17.1.1.2: A doubles without a limit; B at 32 s; a provisional response stops both. */
static void
test_invite_retransmission(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "INVITE");
    g_autoptr(NetSipMsg) invite = NULL;

    (void)data;
    advance(f, 500);
    advance(f, 1000);
    advance(f, 2000);
    advance(f, 4000);
    advance(f, 8000);
    g_assert_cmpint(peer_got(f, &invite), ==, 6);
    peer_answer(f, invite, 180);
    advance(f, 60000);
    g_assert_cmpint(peer_got(f, NULL), ==, 0);
    g_assert_cmpstr(f->log->str, ==, "180 ");
    net_sip_client_txn_release(txn);
}

/* 17.1.1.3: each repetition of the refusal gets the ACK again, with the INVITE's branch; D is 32 s. */
static void
test_refusal_is_acknowledged(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "INVITE");
    g_autoptr(NetSipMsg) invite = NULL, ack = NULL;

    (void)data;
    g_assert_cmpint(peer_got(f, &invite), ==, 1);
    peer_answer(f, invite, 486);
    peer_answer(f, invite, 486);
    g_assert_cmpint(peer_got(f, &ack), ==, 2);
    g_assert_cmpstr(net_sip_msg_method(ack), ==, "ACK");
    g_assert_cmpstr(net_sip_msg_header(ack, "Via", 0), ==, net_sip_msg_header(invite, "Via", 0));
    g_assert_cmpstr(net_sip_msg_to_tag(ack), ==, "9");
    g_assert_cmpstr(f->log->str, ==, "486 ");
    advance(f, 32000);
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 0);
    net_sip_client_txn_release(txn);
}

/* RFC 6026 7.2: repeated 2xx reach the user for 32 s. */
static void
test_repeated_2xx_reach_the_user(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "INVITE");
    g_autoptr(NetSipMsg) invite = NULL;

    (void)data;
    peer_got(f, &invite);
    peer_answer(f, invite, 200);
    advance(f, 31999);
    peer_answer(f, invite, 200);
    g_assert_cmpstr(f->log->str, ==, "200 200 ");
    g_assert_cmpint(peer_got(f, NULL), ==, 0); /* the ACK is not the transaction's */
    advance(f, 1);
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 0);
    net_sip_client_txn_release(txn);
}

/* 9.1: CANCEL waits for a provisional response and has the INVITE's branch. */
static void
test_cancel_waits(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "INVITE");
    g_autoptr(NetSipMsg) invite = NULL, cancel = NULL;

    (void)data;
    peer_got(f, &invite);
    net_sip_client_txn_cancel(txn, "SIP;cause=200");
    g_assert_cmpint(peer_got(f, NULL), ==, 0);
    peer_answer(f, invite, 100);
    g_assert_cmpint(peer_got(f, &cancel), ==, 1);
    g_assert_cmpstr(net_sip_msg_method(cancel), ==, "CANCEL");
    g_assert_cmpstr(net_sip_msg_header(cancel, "Via", 0), ==, net_sip_msg_header(invite, "Via", 0));
    g_assert_cmpstr(net_sip_msg_header(cancel, "Reason", 0), ==, "SIP;cause=200");
    peer_answer(f, cancel, 200);
    peer_answer(f, invite, 487);
    g_assert_cmpstr(f->log->str, ==, "100 487 ");
    net_sip_client_txn_release(txn);
}

static void
test_wrong_branch_is_ignored(Fixture *f, gconstpointer data)
{
    NetSipClientTxn *txn = start(f, "OPTIONS");
    g_autoptr(NetSipMsg) request = NULL;

    (void)data;
    peer_got(f, &request);
    net_sip_msg_set(request, "Via", "SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKguess");
    peer_answer(f, request, 200);
    g_assert_cmpstr(f->log->str, ==, "");
    net_sip_client_txn_release(txn);
}

/* --- Server ---------------------------------------------------------------------------------- */

/* 17.2.2: a repeated request gets the same response, for 32 s. */
static void
test_server_repeats_its_answer(Fixture *f, gconstpointer data)
{
    g_autofree char *options = request_text(f, "OPTIONS", "1");

    (void)data;
    f->hold = true;
    peer_send(f, options);
    peer_send(f, options);
    g_assert_cmpint(peer_got(f, NULL), ==, 0);
    net_sip_server_txn_reply(f->txn, 200, NULL);
    net_sip_server_txn_reply(f->txn, 404, NULL); /* too late */
    peer_send(f, options);
    {
        g_autoptr(NetSipMsg) last = NULL;

        g_assert_cmpint(peer_got(f, &last), ==, 2);
        g_assert_cmpint(net_sip_msg_status(last), ==, 200);
        g_assert_nonnull(net_sip_msg_to_tag(last));
    }
    g_assert_cmpstr(f->log->str, ==, "OPTIONS ");
    advance(f, 32000);
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 0);
}

/* 17.2.1: 100 at once; G repeats a refusal until the ACK; I after it. */
static void
test_invite_refusal_is_repeated(Fixture *f, gconstpointer data)
{
    g_autofree char *invite = request_text(f, "INVITE", "1");
    g_autofree char *ack = request_text(f, "ACK", "1");

    (void)data;
    f->hold = true;
    peer_send(f, invite);
    g_assert_cmpint(peer_got(f, NULL), ==, 1);
    net_sip_server_txn_reply(f->txn, 488, NULL);
    advance(f, 500);
    advance(f, 1000);
    advance(f, 2000);
    advance(f, 4000);
    advance(f, 4000);
    g_assert_cmpint(peer_got(f, NULL), ==, 6);
    peer_send(f, ack);
    advance(f, 4000);
    g_assert_cmpint(peer_got(f, NULL), ==, 0);
    advance(f, 1000);
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 0);
    g_assert_cmpstr(f->log->str, ==, "INVITE ");
}

static void
test_cancel_of_an_invite(Fixture *f, gconstpointer data)
{
    g_autofree char *invite = request_text(f, "INVITE", "1");
    g_autofree char *cancel = request_text(f, "CANCEL", "1");
    g_autofree char *stray = request_text(f, "CANCEL", "2");
    g_autoptr(NetSipMsg) last = NULL;

    (void)data;
    f->hold = true;
    peer_send(f, stray);
    g_assert_cmpint(peer_got(f, &last), ==, 1);
    g_assert_cmpint(net_sip_msg_status(last), ==, 481);
    peer_send(f, invite);
    peer_send(f, cancel);
    g_assert_cmpint(peer_got(f, &last), ==, 3); /* 100, 200 to CANCEL, 487 */
    g_assert_cmpint(net_sip_msg_status(last), ==, 487);
    g_assert_cmpstr(f->log->str, ==, "INVITE cancelled ");
}

static void
test_nobody_answers(Fixture *f, gconstpointer data)
{
    g_autofree char *options = request_text(f, "OPTIONS", "1");
    g_autoptr(NetSipMsg) last = NULL;

    (void)data;
    peer_send(f, options);
    g_assert_cmpint(peer_got(f, &last), ==, 1);
    g_assert_cmpint(net_sip_msg_status(last), ==, 500);
}

/* The fixture allows three transactions. */
static void
test_flood_is_refused(Fixture *f, gconstpointer data)
{
    g_autoptr(NetSipMsg) last = NULL;

    (void)data;
    f->hold = true;
    for (int i = 0; i < 5; i++) {
        g_autofree char *branch = g_strdup_printf("%d", i);
        g_autofree char *invite = request_text(f, "INVITE", branch);

        peer_send(f, invite);
    }
    g_assert_cmpstr(f->log->str, ==, "INVITE INVITE INVITE ");
    g_assert_cmpint(peer_got(f, &last), ==, 3 + 2 + 2); /* 100s, 500 for those let go, 503s */
    g_assert_cmpint(net_sip_msg_status(last), ==, 503);
    g_assert_cmpuint(net_sip_msg_number(last, "Retry-After", 0), >, 0);
    g_assert_cmpuint(net_sip_layer_count(f->layer), ==, 3);
}

static void
test_malformed_is_answered(Fixture *f, gconstpointer data)
{
    g_autoptr(NetSipMsg) last = NULL;
    g_autofree char *text =
        g_strdup_printf("OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u\r\nFrom: "
                        "<sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
                        "Content-Length: 99\r\n\r\n",
                        f->peer_port);

    (void)data;
    peer_send(f, "complete nonsense\r\n\r\n");
    g_assert_cmpint(peer_got(f, NULL), ==, 0);
    peer_send(f, text);
    g_assert_cmpint(peer_got(f, &last), ==, 1);
    g_assert_cmpint(net_sip_msg_status(last), ==, 400);
}

/* --- Connections ----------------------------------------------------------------------------- */

static GSocket *
connect_tcp(Fixture *f)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = NULL;
    GSocket *socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);
    uint16_t port = 0;

    net_sip_transport_listen(net_sip_layer_transport(f->layer), NET_SIP_TCP, "127.0.0.1", 0, "Gm", &port,
                             NULL);
    address = g_inet_socket_address_new(loopback, port);
    g_socket_connect(socket, address, NULL, NULL);
    g_socket_set_timeout(socket, 5);

    return socket;
}

static void
tcp_send(GSocket *socket, const char *text)
{
    g_socket_send(socket, text, strlen(text), NULL, NULL);
    g_main_context_iteration(NULL, TRUE);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static bool
is_closed(GSocket *socket)
{
    char buffer[4096];

    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_socket_set_blocking(socket, FALSE);

    return g_socket_receive(socket, buffer, sizeof buffer, NULL, NULL) == 0;
}

/* A byte every now and then does not keep a connection. */
static void
test_slow_stranger(Fixture *f, gconstpointer data)
{
    g_autoptr(GSocket) socket = connect_tcp(f);

    (void)data;
    tcp_send(socket, "OPT");
    for (int i = 0; i < 5; i++) {
        g_assert_false(is_closed(socket));
        advance(f, 5000);
        tcp_send(socket, "I");
    }
    advance(f, 5000);
    g_assert_true(is_closed(socket));
}

/* Once a message has come, the connection may be idle for longer, and CRLFs keep it. */
static void
test_idle_connection(Fixture *f, gconstpointer data)
{
    g_autoptr(GSocket) socket = connect_tcp(f);
    g_autofree char *options = request_text(f, "OPTIONS", "1");
    g_autofree char *whole = g_strndup(options, strlen(options) - 2);
    g_autofree char *text = g_strconcat(whole, "Content-Length: 0\r\n\r\n", NULL);
    char buffer[4096];

    (void)data;
    tcp_send(socket, text);
    g_assert_cmpint(g_socket_receive(socket, buffer, sizeof buffer, NULL, NULL), >, 0);
    for (int i = 0; i < 3; i++) {
        advance(f, 170000);
        tcp_send(socket, "\r\n\r\n");
        g_assert_false(is_closed(socket));
    }
    advance(f, 180000);
    g_assert_true(is_closed(socket));
}

/* --- Timers ---------------------------------------------------------------------------------- */

static void
on_expired(void *user_data)
{
    (*(int *)user_data)++;
}

static void
test_heap(void)
{
    BaseClock *clock = base_clock_fake_new(0);
    NetSipTimers *timers = net_sip_timers_new(clock);
    NetSipTimer timer[200] = {0};
    int fired = 0;

    for (int i = 0; i < 200; i++)
        net_sip_timers_start(timers, &timer[i], (i * 7919) % 1000 + 1, on_expired, &fired);
    for (int i = 0; i < 200; i += 2)
        net_sip_timers_stop(timers, &timer[i]);
    g_assert_cmpuint(net_sip_timers_count(timers), ==, 100);
    for (int ms = 0; ms < 1000; ms++) {
        base_clock_fake_advance(clock, 1000);
        net_sip_timers_run(timers);
        for (int i = 1; i < 200; i += 2)
            g_assert_true(net_sip_timer_is_running(&timer[i]) == ((i * 7919) % 1000 + 1 > ms + 1));
    }
    g_assert_cmpint(fired, ==, 100);
    net_sip_timers_free(timers);
    base_clock_fake_free(clock);
}

#define ADD(path, test) g_test_add(path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/net/sip-transaction/non-invite-times-out", test_non_invite_times_out);
    ADD("/net/sip-transaction/invite-retransmission", test_invite_retransmission);
    ADD("/net/sip-transaction/refusal-is-acknowledged", test_refusal_is_acknowledged);
    ADD("/net/sip-transaction/repeated-2xx-reach-the-user", test_repeated_2xx_reach_the_user);
    ADD("/net/sip-transaction/cancel-waits", test_cancel_waits);
    ADD("/net/sip-transaction/wrong-branch-is-ignored", test_wrong_branch_is_ignored);
    ADD("/net/sip-transaction/server-repeats-its-answer", test_server_repeats_its_answer);
    ADD("/net/sip-transaction/invite-refusal-is-repeated", test_invite_refusal_is_repeated);
    ADD("/net/sip-transaction/cancel-of-an-invite", test_cancel_of_an_invite);
    ADD("/net/sip-transaction/nobody-answers", test_nobody_answers);
    ADD("/net/sip-transaction/malformed-is-answered", test_malformed_is_answered);
    ADD("/net/sip-transport/slow-stranger", test_slow_stranger);
    ADD("/net/sip-transport/idle-connection", test_idle_connection);
    g_test_add("/net/sip-transaction/flood-is-refused", Fixture, GUINT_TO_POINTER(3), set_up,
               test_flood_is_refused, tear_down);
    g_test_add_func("/net/sip-timer/heap", test_heap);

    return g_test_run();
}
