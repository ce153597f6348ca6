#include <glib.h>
#include <string.h>

#include "mdf/delivery/dtls.h"

enum {
    QUEUE_MAX = 64,
};

/* One end and the datagrams on their way to the other. */
typedef struct {
    MdfDtls *dtls;
    MdfDtlsState state;
    GPtrArray *out; /* of GBytes */
} End;

static void
on_send(const uint8_t *data, size_t length, void *user_data)
{
    End *end = user_data;

    g_assert_cmpuint(length, <=, MDF_DTLS_MTU);
    g_assert_cmpuint(end->out->len, <, QUEUE_MAX);
    g_ptr_array_add(end->out, g_bytes_new(data, length));
}

static MdfDtlsParameters
parameters(const MdfDtlsContext *peer, bool active)
{
    MdfDtlsParameters p = {.active = active, .hash = "sha-256", .fingerprint_bytes = 32};
    const char *hex = strchr(mdf_dtls_context_fingerprint(peer), ' ') + 1;

    for (unsigned i = 0; i < 32; i++)
        p.fingerprint[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[3 * i]) << 4 | g_ascii_xdigit_value(hex[3 * i + 1]));
    return p;
}

static void
end_init(End *end, const MdfDtlsContext *own, const MdfDtlsParameters *p)
{
    end->out = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    end->state = MDF_DTLS_HANDSHAKE;
    end->dtls = mdf_dtls_new(own, p, on_send, end);
}

static void
end_clear(End *end)
{
    mdf_dtls_free(end->dtls);
    g_ptr_array_unref(end->out);
}

/* Delivers what @from has sent; @lose: the datagram of that number is lost (-1: none). */
static bool
deliver(End *from, End *to, int lose)
{
    g_autoptr(GPtrArray) batch = g_steal_pointer(&from->out);

    from->out = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (unsigned i = 0; i < batch->len; i++) {
        gsize length;
        const uint8_t *data = g_bytes_get_data(g_ptr_array_index(batch, i), &length);
        if ((int)i != lose)
            to->state = mdf_dtls_receive(to->dtls, data, length);
    }

    return batch->len > 0;
}

/* One turn each; true while anything was said. */
static bool
exchange(End *client, End *server)
{
    bool asked = deliver(client, server, -1);
    bool answered = deliver(server, client, -1);

    return asked || answered;
}

static void
run(End *client, End *server)
{
    client->state = mdf_dtls_start(client->dtls);
    while (exchange(client, server)) {
    }
}

typedef struct {
    MdfDtlsContext *a, *b;
    End client, server;
} Fixture;

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    MdfDtlsParameters for_client, for_server;

    f->a = mdf_dtls_context_new(NULL);
    f->b = mdf_dtls_context_new(NULL);
    g_assert_true(f->a && f->b);
    for_client = parameters(f->b, true);
    for_server = parameters(f->a, false);
    end_init(&f->client, f->a, &for_client);
    end_init(&f->server, f->b, &for_server);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    end_clear(&f->client);
    end_clear(&f->server);
    mdf_dtls_context_free(f->a);
    mdf_dtls_context_free(f->b);
}

static void
test_keys_agree(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    MdfSrtpKeys client = {0}, server = {0};
    size_t bytes;

    g_assert_false(mdf_dtls_export(f->server.dtls, &server));
    run(&f->client, &f->server);
    g_assert_cmpint(f->client.state, ==, MDF_DTLS_CONNECTED);
    g_assert_cmpint(f->server.state, ==, MDF_DTLS_CONNECTED);
    g_assert_true(mdf_dtls_export(f->client.dtls, &client));
    g_assert_true(mdf_dtls_export(f->server.dtls, &server));
    g_assert_cmpint(client.profile, ==, MDF_SRTP_AEAD_AES_128_GCM);
    bytes = mdf_srtp_key_bytes(client.profile) + mdf_srtp_salt_bytes(client.profile);
    g_assert_cmpmem(client.local, bytes, server.remote, bytes);
    g_assert_cmpmem(client.remote, bytes, server.local, bytes);
    g_assert_cmpint(mdf_dtls_timeout_us(f->client.dtls), ==, -1);
}

/* No keys for a certificate that signalling has not named. */
static void
wrong_fingerprint(Fixture *f, bool at_server)
{
    MdfDtlsParameters wrong = parameters(at_server ? f->b : f->a, !at_server);
    End *end = at_server ? &f->server : &f->client;
    MdfSrtpKeys keys;

    end_clear(end);
    end_init(end, at_server ? f->b : f->a, &wrong);
    run(&f->client, &f->server);
    g_assert_cmpint(end->state, ==, MDF_DTLS_FAILED);
    g_assert_false(mdf_dtls_export(end->dtls, &keys));
}

static void
test_wrong_fingerprint_of_client(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    wrong_fingerprint(f, true);
}

static void
test_wrong_fingerprint_of_server(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    wrong_fingerprint(f, false);
}

/* A flight is lost; the retransmission timer brings it again. */
static void
test_loss(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    int64_t left_us;

    mdf_dtls_start(f->client.dtls);
    deliver(&f->client, &f->server, 0);
    left_us = mdf_dtls_timeout_us(f->client.dtls);
    g_assert_cmpint(left_us, >=, 0);
    g_assert_cmpint(left_us, <=, 200 * 1000);
    while (mdf_dtls_timeout_us(f->client.dtls) > 0)
        g_usleep(1000); /* OpenSSL has no other clock */
    mdf_dtls_handle_timeout(f->client.dtls);
    while (exchange(&f->client, &f->server)) {
    }
    g_assert_cmpint(f->client.state, ==, MDF_DTLS_CONNECTED);
    g_assert_cmpint(f->server.state, ==, MDF_DTLS_CONNECTED);
}

static void
test_goodbye(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    run(&f->client, &f->server);
    mdf_dtls_close(f->server.dtls);
    deliver(&f->server, &f->client, -1);
    g_assert_cmpint(f->client.state, ==, MDF_DTLS_CLOSED);
}

/* Random bytes do not end a handshake that the real peer goes on with. */
static void
test_noise(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t noise[100] = {22, 0xfe, 0xfd};

    mdf_dtls_start(f->client.dtls);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 13; k < sizeof noise; k++)
            noise[k] = (uint8_t)g_test_rand_int();
        f->server.state = mdf_dtls_receive(f->server.dtls, noise, 1 + (size_t)g_test_rand_int_range(0, 12));
    }
    while (exchange(&f->client, &f->server)) {
    }
    g_assert_cmpint(f->server.state, ==, MDF_DTLS_CONNECTED);
}

/* A handshake that never completes may not eat for ever. */
static void
test_byte_cap(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    uint8_t junk[1000] = {22, 0xfe, 0xfd, 9, 9}; /* an epoch to come: dropped by OpenSSL */

    for (unsigned i = 0; i <= MDF_DTLS_HANDSHAKE_BYTES_MAX / sizeof junk; i++)
        f->server.state = mdf_dtls_receive(f->server.dtls, junk, sizeof junk);
    g_assert_cmpint(f->server.state, ==, MDF_DTLS_FAILED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/dtls/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("keys-agree", test_keys_agree);
    ADD("wrong-fingerprint-of-the-client", test_wrong_fingerprint_of_client);
    ADD("wrong-fingerprint-of-the-server", test_wrong_fingerprint_of_server);
    ADD("lost-flight-comes-again", test_loss);
    ADD("goodbye", test_goodbye);
    ADD("noise-is-dropped", test_noise);
    ADD("bytes-are-capped", test_byte_cap);
    return g_test_run();
}
