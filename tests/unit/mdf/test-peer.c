/* One transport on a fake clock, with a DTLS client of our own as the browser. */
#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#include "mdf/delivery/peer.h"

#define SECOND G_USEC_PER_SEC

typedef struct {
    MdfDtlsContext *server_context, *client_context;
    MdfSealContext *seal;
    MdfPeer *peer;
    MdfDtls *client;
    MdfDtlsState client_state;
    GQueue to_client, to_server; /* of GBytes */
    int64_t now_us;
    MdfIceCredentials credentials;
    unsigned connected, failed, rtcp, sent_to_other_port;
    MdfCloseReason reason;
} Fixture;

static MdfAddress
address(uint16_t port)
{
    MdfAddress a = {0};

    a.v4.sin_family = AF_INET;
    a.v4.sin_port = htons(port);
    a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void
on_send(const MdfAddress *to, const uint8_t *data, size_t length, void *user_data)
{
    Fixture *f = user_data;

    f->sent_to_other_port += ntohs(to->v4.sin_port) != 1;
    g_queue_push_tail(&f->to_client, g_bytes_new(data, length));
}

static void
on_connected(void *user_data)
{
    ((Fixture *)user_data)->connected++;
}

static void
on_rtcp(const uint8_t *data, size_t length, int64_t now_us G_GNUC_UNUSED, void *user_data)
{
    g_assert_cmpuint(length, ==, 8);
    g_assert_cmphex(data[1], ==, 201);
    ((Fixture *)user_data)->rtcp++;
}

static void
on_failed(MdfCloseReason reason, void *user_data)
{
    ((Fixture *)user_data)->failed++;
    ((Fixture *)user_data)->reason = reason;
}

static const MdfPeerEvents events = {on_send, on_connected, on_rtcp, on_failed};

static void
on_client_send(const uint8_t *data, size_t length, void *user_data)
{
    g_queue_push_tail(&((Fixture *)user_data)->to_server, g_bytes_new(data, length));
}

static MdfDtlsParameters
dtls_parameters(const MdfDtlsContext *peer, bool active)
{
    MdfDtlsParameters p = {.active = active, .hash = "sha-256", .fingerprint_bytes = 32};
    const char *hex = strchr(mdf_dtls_context_fingerprint(peer), ' ') + 1;

    for (unsigned i = 0; i < 32; i++)
        p.fingerprint[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[3 * i]) << 4 | g_ascii_xdigit_value(hex[3 * i + 1]));
    return p;
}

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    MdfPeerParameters parameters = {0};
    MdfDtlsParameters for_client;

    f->server_context = mdf_dtls_context_new(NULL);
    f->client_context = mdf_dtls_context_new(NULL);
    f->seal = mdf_seal_context_new(true);
    f->now_us = 1000 * SECOND;
    mdf_ice_credentials_init(&f->credentials, "browser");
    parameters.credentials = f->credentials;
    parameters.dtls = dtls_parameters(f->client_context, false);
    for_client = dtls_parameters(f->server_context, true);
    f->peer = mdf_peer_new(&parameters, f->server_context, f->seal, &events, f, f->now_us);
    f->client = mdf_dtls_new(f->client_context, &for_client, on_client_send, f);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_peer_free(f->peer);
    mdf_dtls_free(f->client);
    mdf_seal_context_free(f->seal);
    mdf_dtls_context_free(f->server_context);
    mdf_dtls_context_free(f->client_context);
    g_queue_clear_full(&f->to_client, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&f->to_server, (GDestroyNotify)g_bytes_unref);
}

static void
check(Fixture *f, uint16_t port, bool nominate)
{
    g_autofree char *name = g_strdup_printf("%s:%s", f->credentials.local_ufrag, f->credentials.remote_ufrag);
    MdfAddress from = address(port);
    MdfIceChange change;

    mdf_peer_handle_check(f->peer, &from, name, strlen(name), nominate, f->now_us, &change);
}

/* Carries datagrams both ways until there are none. */
static void
exchange(Fixture *f)
{
    while (f->to_server.length > 0 || f->to_client.length > 0) {
        GBytes *up = g_queue_pop_head(&f->to_server), *down;
        if (up)
            mdf_peer_handle_dtls(f->peer, g_bytes_get_data(up, NULL), g_bytes_get_size(up), f->now_us);
        g_clear_pointer(&up, g_bytes_unref);
        down = g_queue_pop_head(&f->to_client);
        if (down)
            f->client_state =
                mdf_dtls_receive(f->client, g_bytes_get_data(down, NULL), g_bytes_get_size(down));
        g_clear_pointer(&down, g_bytes_unref);
    }
}

static void
connect_all(Fixture *f)
{
    check(f, 1, true);
    mdf_dtls_start(f->client);
    exchange(f);
    g_assert_cmpuint(f->connected, ==, 1);
}

static void
test_connects(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    connect_all(f);
    g_assert_true(mdf_peer_is_connected(f->peer));
    g_assert_nonnull(mdf_peer_seal(f->peer));
    g_assert_cmpint(f->client_state, ==, MDF_DTLS_CONNECTED);
    g_assert_cmpuint(f->sent_to_other_port, ==, 0);
}

/* A ClientHello before any check is not even looked at. */
static void
test_no_dtls_before_check(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_dtls_start(f->client);
    exchange(f);
    g_assert_cmpuint(f->to_client.length, ==, 0);
    g_assert_cmpuint(mdf_peer_counters(f->peer)->dtls_refused, >, 0);
    g_assert_cmpint(f->client_state, ==, MDF_DTLS_HANDSHAKE);
}

/* Keys may be there before the nomination; media may not flow. */
static void
test_nomination_last(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    check(f, 1, false);
    mdf_dtls_start(f->client);
    exchange(f);
    g_assert_cmpint(f->client_state, ==, MDF_DTLS_CONNECTED);
    g_assert_cmpuint(f->connected, ==, 0);
    check(f, 1, true);
    g_assert_cmpuint(f->connected, ==, 1);
}

static void
test_consent(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    connect_all(f);
    for (unsigned i = 0; i < 20; i++) {
        f->now_us += 25 * SECOND;
        g_assert_cmpint(mdf_peer_run(f->peer, f->now_us), >, f->now_us);
        check(f, 1, false);
    }
    f->now_us += 30 * SECOND;
    mdf_peer_run(f->peer, f->now_us);
    g_assert_cmpuint(f->failed, ==, 1);
    g_assert_cmpint(f->reason, ==, MDF_CLOSE_CONSENT_LOST);
    g_assert_false(mdf_peer_is_connected(f->peer));
    g_assert_cmpint(mdf_peer_run(f->peer, f->now_us + SECOND), ==, INT64_MAX);
    g_assert_cmpuint(f->failed, ==, 1);
}

static void
test_ice_timeout(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    int64_t next_us = mdf_peer_run(f->peer, f->now_us);

    g_assert_cmpint(next_us, ==, f->now_us + 30 * SECOND);
    mdf_peer_run(f->peer, next_us);
    g_assert_cmpint(f->reason, ==, MDF_CLOSE_ICE_TIMEOUT);
}

/* Checks alone do not keep a handshake open for ever. */
static void
test_dtls_timeout(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    check(f, 1, true);
    for (unsigned i = 0; i < 31 && f->failed == 0; i++) {
        f->now_us += SECOND;
        check(f, 1, true);
        mdf_peer_run(f->peer, f->now_us);
    }
    g_assert_cmpuint(f->failed, ==, 1);
    g_assert_cmpint(f->reason, ==, MDF_CLOSE_DTLS_FAILED);
}

static void
test_moves_with_nomination(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    connect_all(f);
    check(f, 2, false);
    g_assert_cmpuint(ntohs(mdf_peer_address(f->peer)->v4.sin_port), ==, 1);
    check(f, 2, true);
    g_assert_cmpuint(ntohs(mdf_peer_address(f->peer)->v4.sin_port), ==, 2);
}

/* Only RTCP of the peer itself is believed, and each packet once. */
static void
test_rtcp(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t clear[64] __attribute__((aligned(8))) = {0x80, 201, 0, 1, 0, 0, 0, 7};
    uint8_t sealed[256] __attribute__((aligned(8))), copy[256] __attribute__((aligned(8)));
    MdfSrtpKeys keys;
    g_autoptr(MdfSrtcp) browser = NULL;
    size_t length;

    mdf_peer_handle_rtcp(f->peer, clear, 8, f->now_us); /* before there are keys */
    connect_all(f);
    g_assert_true(mdf_dtls_export(f->client, &keys));
    browser = mdf_srtcp_new(&keys);
    memcpy(sealed, clear, 8);
    length = mdf_srtcp_protect(browser, sealed, 8, sizeof sealed);
    memcpy(copy, sealed, sizeof copy);
    mdf_peer_handle_rtcp(f->peer, copy, length, f->now_us);
    g_assert_cmpuint(f->rtcp, ==, 1);
    memcpy(copy, sealed, sizeof copy);
    mdf_peer_handle_rtcp(f->peer, copy, length, f->now_us); /* replayed */
    memcpy(copy, clear, 8);
    mdf_peer_handle_rtcp(f->peer, copy, 8, f->now_us); /* in clear */
    memset(copy, 0x81, 100);
    mdf_peer_handle_rtcp(f->peer, copy, 100, f->now_us);
    g_assert_cmpuint(f->rtcp, ==, 1);
    g_assert_cmpuint(mdf_peer_counters(f->peer)->rtcp_refused, ==, 4);
}

static void
test_goodbye(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    connect_all(f);
    mdf_dtls_close(f->client);
    exchange(f);
    g_assert_cmpint(f->reason, ==, MDF_CLOSE_PEER_BYE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/peer/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("connects", test_connects);
    ADD("no-dtls-before-a-check", test_no_dtls_before_check);
    ADD("nomination-last", test_nomination_last);
    ADD("consent", test_consent);
    ADD("ice-timeout", test_ice_timeout);
    ADD("dtls-timeout", test_dtls_timeout);
    ADD("moves-with-nomination", test_moves_with_nomination);
    ADD("rtcp", test_rtcp);
    ADD("goodbye", test_goodbye);
    return g_test_run();
}
