#include <gio/gio.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/rtsp-conn.h"

typedef struct {
    NetRtspServer *server;
    NetRtspClient *client;
    GPtrArray *held; /* of NetRtspRequest: requests that the handler keeps */
    bool hold;
    unsigned requests, closed, announced, up, down;
    uint64_t connection;
    unsigned done;
    unsigned status;
    GError *error;
    GString *order; /* methods as they were answered */
} Fixture;

static void
wait_for(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        g_main_context_iteration(NULL, TRUE);
}

static void
on_request(void *user_data, NetRtspRequest *request)
{
    Fixture *f = user_data;

    f->requests++;
    f->connection = net_rtsp_request_connection(request);
    if (f->hold)
        g_ptr_array_add(f->held, request);
    else
        net_rtsp_request_respond(request, proto_rtsp_response_new(200, NULL));
}

static void
on_server_closed(void *user_data, uint64_t connection)
{
    Fixture *f = user_data;

    g_assert_cmpuint(connection, >=, 1);
    f->closed++;
}

static const NetRtspServerEvents server_events = {.request = on_request, .closed = on_server_closed};

static unsigned
on_announce(void *user_data, const ProtoRtspMsg *request, const char *session)
{
    Fixture *f = user_data;
    ProtoRtspNotice notice;

    f->announced++;
    g_assert_true(proto_rtsp_notice_parse(request, &notice));
    return g_strcmp0(session, "s1") == 0 ? 200 : 454;
}

static void
on_state(void *user_data, bool connected, const GError *error)
{
    Fixture *f = user_data;

    g_assert_true(connected == (error == NULL));
    *(connected ? &f->up : &f->down) += 1;
}

static const NetRtspClientEvents client_events = {.announce = on_announce, .state = on_state};

static void
on_done(void *user_data, const ProtoRtspMsg *response, const GError *error)
{
    Fixture *f = user_data;

    f->done++;
    g_clear_error(&f->error);
    f->status = response ? response->status : 0;
    f->error = error ? g_error_copy(error) : NULL;
    if (response)
        g_string_append_printf(f->order, "%s ", proto_rtsp_header(response, "Session"));
}

static void
set_up(Fixture *f, const NetRtspServerLimits *limits)
{
    g_autoptr(GError) error = NULL;

    memset(f, 0, sizeof *f);
    f->held = g_ptr_array_new();
    f->order = g_string_new(NULL);
    f->server = net_rtsp_server_new("127.0.0.1", 0, limits, &server_events, f, &error);
    g_assert_no_error(error);
    f->client = net_rtsp_client_new("127.0.0.1", net_rtsp_server_port(f->server), &client_events, f, &error);
    g_assert_no_error(error);
}

static void
release(Fixture *f, guint index, unsigned status)
{
    NetRtspRequest *request = g_ptr_array_steal_index(f->held, index);

    net_rtsp_request_respond(request, proto_rtsp_response_new(status, NULL));
}

static void
tear_down(Fixture *f)
{
    while (f->held->len)
        release(f, 0, 200);
    net_rtsp_client_free(f->client);
    net_rtsp_server_free(f->server);
    g_ptr_array_unref(f->held);
    g_string_free(f->order, TRUE);
    g_clear_error(&f->error);
}

static unsigned
send_play(Fixture *f, const char *session, unsigned deadline_ms)
{
    ProtoRtspMsg *request = proto_rtsp_request_new("PLAY", "rtsp://127.0.0.1/s/1");

    if (session)
        proto_rtsp_set_header(request, "Session", session);
    proto_rtsp_set_header(request, "Session-ID", "0123456789abcdef0123456789abcdef");
    return net_rtsp_client_send(f->client, request, deadline_ms, on_done, f);
}

static void
test_request(void)
{
    Fixture f;

    set_up(&f, NULL);
    send_play(&f, "s1", 5000);
    wait_for(&f.done, 1);
    g_assert_no_error(f.error);
    g_assert_cmpuint(f.status, ==, 200);
    g_assert_cmpuint(f.up, ==, 1);
    g_assert_cmpstr(f.order->str, ==, "s1 ");
    tear_down(&f);
}

static void
test_sessions_do_not_wait(void)
{
    Fixture f;

    set_up(&f, NULL);
    f.hold = true;
    send_play(&f, "s1", 5000);
    send_play(&f, "s1", 5000);
    send_play(&f, "s2", 5000);
    wait_for(&f.requests, 2); /* the first of each */
    release(&f, 1, 200);
    wait_for(&f.done, 1);
    release(&f, 0, 200);
    wait_for(&f.requests, 3);
    release(&f, 0, 200);
    wait_for(&f.done, 3);
    g_assert_cmpstr(f.order->str, ==, "s2 s1 s1 ");
    tear_down(&f);
}

static void
test_deadline(void)
{
    Fixture f;

    set_up(&f, NULL);
    f.hold = true;
    send_play(&f, "s1", 30);
    wait_for(&f.done, 1);
    g_assert_error(f.error, BASE_ERROR, BASE_ERROR_TIMEOUT);
    wait_for(&f.requests, 1);
    release(&f, 0, 200); /* late: dropped by the client */
    f.hold = false;
    send_play(&f, "s1", 5000);
    wait_for(&f.done, 2);
    g_assert_cmpuint(f.status, ==, 200);
    tear_down(&f);
}

static void
test_cancel(void)
{
    Fixture f;
    unsigned first, second;

    set_up(&f, NULL);
    f.hold = true;
    first = send_play(&f, "s1", 5000);
    second = send_play(&f, "s1", 5000);
    wait_for(&f.requests, 1);
    net_rtsp_client_cancel(f.client, second);
    net_rtsp_client_cancel(f.client, first);
    send_play(&f, "s2", 5000);
    wait_for(&f.requests, 2);
    release(&f, 0, 200);
    release(&f, 0, 200);
    wait_for(&f.done, 1);
    g_assert_cmpstr(f.order->str, ==, "s2 ");
    tear_down(&f);
}

static void
test_announce(void)
{
    static const char *const sessions[] = {"s1", "other"};
    Fixture f;

    set_up(&f, NULL);
    send_play(&f, "s1", 5000);
    wait_for(&f.done, 1);
    for (unsigned i = 0; i < 2; i++) {
        ProtoRtspMsg *announce = proto_rtsp_request_new("ANNOUNCE", "rtsp://127.0.0.1/s/1");
        proto_rtsp_set_header(announce, "Session", sessions[i]);
        proto_rtsp_set_header(announce, "Notice", "2101 \"End-of-Stream Reached\" npt=30.0");
        net_rtsp_server_send(f.server, f.connection, announce, 5000, on_done, &f);
        wait_for(&f.done, 2 + i);
        g_assert_cmpuint(f.status, ==, i == 0 ? 200 : 454);
    }
    g_assert_cmpuint(f.announced, ==, 2);
    net_rtsp_server_send(f.server, 999, proto_rtsp_request_new("ANNOUNCE", "*"), 5000, on_done, &f);
    wait_for(&f.done, 4);
    g_assert_error(f.error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    tear_down(&f);
}

static void
test_reconnect(void)
{
    g_autoptr(GError) error = NULL;
    Fixture f;
    uint16_t port;

    set_up(&f, NULL);
    f.hold = true;
    port = net_rtsp_server_port(f.server);
    send_play(&f, "s1", 5000);
    send_play(&f, "s1", 5000);
    wait_for(&f.requests, 1);
    net_rtsp_server_free(f.server);
    wait_for(&f.done, 1); /* the one on the wire is lost, the other waits for the new connection */
    g_assert_error(f.error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    g_assert_cmpuint(f.down, ==, 1);
    release(&f, 0, 200); /* to nowhere */
    f.hold = false;
    f.server = net_rtsp_server_new("127.0.0.1", port, NULL, &server_events, &f, &error);
    g_assert_no_error(error);
    wait_for(&f.done, 2);
    g_assert_no_error(f.error);
    g_assert_cmpuint(f.up, ==, 2);
    tear_down(&f);
}

static void
test_refused_connection(void)
{
    Fixture f;

    set_up(&f, NULL);
    g_clear_pointer(&f.server, net_rtsp_server_free);
    send_play(&f, "s1", 150);
    wait_for(&f.done, 1);
    g_assert_error(f.error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    g_assert_cmpuint(f.up, ==, 0);
    tear_down(&f);
}

/* ---- what a stranger may send ---- */

typedef struct {
    GSocketConnection *connection;
    GString *received;
    unsigned closed, reads;
    char buffer[4096];
} Raw;

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Raw *raw = user_data;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);

    if (n <= 0) {
        raw->closed++;
        return;
    }
    raw->reads++;
    g_string_append_len(raw->received, raw->buffer, n);
    g_input_stream_read_async(G_INPUT_STREAM(source), raw->buffer, sizeof raw->buffer, 0, NULL, on_read, raw);
}

static void
raw_open(Raw *raw, const Fixture *f)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GError) error = NULL;

    memset(raw, 0, sizeof *raw);
    raw->received = g_string_new(NULL);
    g_socket_client_set_enable_proxy(client,
                                     FALSE); /* libproxy throws exceptions, which ASan without C++ cannot */
    raw->connection =
        g_socket_client_connect_to_host(client, "127.0.0.1", net_rtsp_server_port(f->server), NULL, &error);
    g_assert_no_error(error);
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(raw->connection)), raw->buffer,
                              sizeof raw->buffer, 0, NULL, on_read, raw);
}

static void
raw_send(Raw *raw, const char *text)
{
    g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(raw->connection)), text,
                                            strlen(text), NULL, NULL, NULL));
}

/* The far end has closed; nothing is in flight any more. */
static void
raw_close(Raw *raw)
{
    if (!raw->closed)
        g_socket_shutdown(g_socket_connection_get_socket(raw->connection), TRUE, TRUE, NULL);
    wait_for(&raw->closed, 1);
    g_object_unref(raw->connection);
    g_string_free(raw->received, TRUE);
}

static void
raw_wait(Raw *raw, const char *text)
{
    while (!strstr(raw->received->str, text)) {
        g_assert_cmpuint(raw->closed, ==, 0);
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
test_cseq(void)
{
    Fixture f;
    Raw raw;

    set_up(&f, NULL);
    raw_open(&raw, &f);
    raw_send(&raw, "PLAY rtsp://h/ RTSP/1.0\r\n\r\n");
    raw_wait(&raw, "RTSP/1.0 400 Bad Request\r\n\r\n");
    raw_send(&raw, "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 9\r\n\r\n");
    raw_wait(&raw, "RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n");
    raw_close(&raw);
    tear_down(&f);
}

static void
test_garbage(void)
{
    Fixture f;
    Raw raw;

    set_up(&f, NULL);
    raw_open(&raw, &f);
    raw_send(&raw, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(&raw.closed, 1);
    g_assert_nonnull(strstr(raw.received->str, "RTSP/1.0 400"));
    wait_for(&f.closed, 1);
    g_assert_cmpuint(f.requests, ==, 0);
    raw_close(&raw);
    tear_down(&f);
}

static void
test_pipelining_cap(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Fixture f;
    Raw raw;

    set_up(&f, NULL);
    f.hold = true;
    raw_open(&raw, &f);
    for (int i = 1; i <= 1000; i++)
        g_string_append_printf(text, "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: %d\r\nSession: s\r\n\r\n", i);
    raw_send(&raw, text->str);
    raw_wait(&raw, "CSeq: 1000\r\n");
    g_assert_cmpuint(f.requests, ==, 1); /* three wait behind it, the others were refused */
    g_assert_null(strstr(raw.received->str, "CSeq: 4\r\n"));
    g_assert_nonnull(strstr(raw.received->str, "503 Service Unavailable\r\nRetry-After: 1\r\nCSeq: 5\r\n"));
    raw_close(&raw);
    wait_for(&f.closed, 1);
    tear_down(&f);
}

static void
test_connection_cap(void)
{
    NetRtspServerLimits limits = net_rtsp_server_limits_default;
    Fixture f;
    Raw first, second;

    limits.max_connections = 1;
    set_up(&f, &limits);
    raw_open(&first, &f);
    raw_send(&first, "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    raw_wait(&first, "200 OK");
    raw_open(&second, &f);
    wait_for(&second.closed, 1);
    raw_close(&second);
    raw_close(&first);
    tear_down(&f);
}

static void
test_slow_message(void)
{
    NetRtspServerLimits limits = net_rtsp_server_limits_default;
    Fixture f;
    Raw raw;

    limits.receive_timeout_s = 1;
    set_up(&f, &limits);
    raw_open(&raw, &f);
    raw_send(&raw, "PLAY rtsp://h/ RTSP/1.0\r\n");
    wait_for(&raw.closed, 1);
    raw_close(&raw);
    tear_down(&f);
}

static void
test_peer_that_does_not_read(void)
{
    g_autofree char *body = g_strnfill(60000, 'x');
    Fixture f;
    Raw raw;

    set_up(&f, NULL);
    raw_open(&raw, &f);
    raw_send(&raw, "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    wait_for(&f.requests, 1);
    for (int i = 0; i < 400;
         i++) { /* 24 MB: more than the kernel's buffers and ours; nobody reads meanwhile */
        ProtoRtspMsg *announce = proto_rtsp_request_new("ANNOUNCE", "rtsp://h/");
        proto_rtsp_set_body(announce, "text/plain", body, -1);
        net_rtsp_server_send(f.server, f.connection, announce, 60000, NULL, NULL);
    }
    wait_for(&f.closed, 1);
    raw_close(&raw);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/rtsp-conn/request-and-answer", test_request);
    g_test_add_func("/net/rtsp-conn/sessions-do-not-wait-for-each-other", test_sessions_do_not_wait);
    g_test_add_func("/net/rtsp-conn/deadline", test_deadline);
    g_test_add_func("/net/rtsp-conn/cancel", test_cancel);
    g_test_add_func("/net/rtsp-conn/announce", test_announce);
    g_test_add_func("/net/rtsp-conn/reconnects", test_reconnect);
    g_test_add_func("/net/rtsp-conn/refused-connection", test_refused_connection);
    g_test_add_func("/net/rtsp-conn/cseq-is-needed", test_cseq);
    g_test_add_func("/net/rtsp-conn/garbage-closes", test_garbage);
    g_test_add_func("/net/rtsp-conn/pipelining-is-capped", test_pipelining_cap);
    g_test_add_func("/net/rtsp-conn/connections-are-capped", test_connection_cap);
    g_test_add_func("/net/rtsp-conn/unfinished-message-closes", test_slow_message);
    g_test_add_func("/net/rtsp-conn/peer-that-does-not-read-is-cut-off", test_peer_that_does_not_read);
    return g_test_run();
}
