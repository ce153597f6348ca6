#include <glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/digest.h"

/* RFC 2617 3.5. */
static void
test_rfc2617(void)
{
    static const char value[] =
        "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
        "uri=\"/dir/index.html\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", "
        "response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    g_autoptr(ProtoDigestCredentials) credentials = proto_digest_credentials_parse(value, NULL);
    g_autofree char *ha1 = proto_digest_ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
    g_autofree char *wrong = proto_digest_ha1("Mufasa", "testrealm@host.com", "Circle of Life");

    g_assert_nonnull(credentials);
    g_assert_cmpuint(credentials->nc, ==, 1);
    g_assert_cmpstr(ha1, ==, "939e7578ed9e3c518a452acee763bce9");
    g_assert_true(proto_digest_verify(credentials, ha1, "GET", NULL, 0));
    g_assert_false(proto_digest_verify(credentials, ha1, "PUT", NULL, 0));
    g_assert_false(proto_digest_verify(credentials, wrong, "GET", NULL, 0));
    credentials->nc = 2;
    g_assert_false(proto_digest_verify(credentials, ha1, "GET", NULL, 0));
}

/* RFC 2069 as corrected: no qop. */
static void
test_without_qop(void)
{
    ProtoDigestCredentials credentials = {.nonce = (char *)"n", .uri = (char *)"sip:x"};
    g_autofree char *ha2 = g_compute_checksum_for_string(G_CHECKSUM_MD5, "REGISTER:sip:x", -1);
    g_autofree char *text = g_strdup_printf("%s:n:%s", "00112233445566778899aabbccddeeff", ha2);
    g_autofree char *expected = g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
    g_autofree char *response =
        proto_digest_response(&credentials, "00112233445566778899aabbccddeeff", "REGISTER", NULL, 0);

    g_assert_cmpstr(response, ==, expected);
}

static void
check_answer(const char *challenge_text, const char *qop)
{
    g_autoptr(ProtoDigestChallenge) challenge = proto_digest_challenge_parse(challenge_text, NULL);
    g_autofree char *ha1 = proto_digest_ha1("u@x", "x", "p");
    g_autofree char *value =
        proto_digest_answer(challenge, "u@x", ha1, "INVITE", "sip:y", "abc", 1, "body", 4);
    g_autoptr(ProtoDigestCredentials) credentials = proto_digest_credentials_parse(value, NULL);

    g_assert_nonnull(credentials);
    g_assert_true(proto_digest_verify(credentials, ha1, "INVITE", "body", 4));
    g_assert_true(!strstr(value, "qop=") == !qop);
    g_assert_true(!qop || strstr(value, qop));
    if (credentials->qop == PROTO_DIGEST_QOP_AUTH_INT)
        g_assert_false(proto_digest_verify(credentials, ha1, "INVITE", "BODY", 4));
}

static void
test_answers(void)
{
    check_answer("Digest realm=\"x\", nonce=\"n\", qop=\"auth-int,auth\"", "qop=auth,");
    check_answer("digest realm=x,nonce=\"n\",algorithm=MD5, qop=\"auth-int\" , opaque=\"o\"",
                 "qop=auth-int,");
    check_answer("Digest realm=\"x\", nonce=\"n==\"", NULL);
}

static void
test_challenge_round_trip(void)
{
    ProtoDigestChallenge fields = {
        .realm = (char *)"a \"quoted\" realm", .nonce = (char *)"n", .qop_auth = true, .stale = true};
    g_autofree char *value = proto_digest_challenge_build(&fields);
    g_autoptr(ProtoDigestChallenge) again = proto_digest_challenge_parse(value, NULL);

    g_assert_nonnull(again);
    g_assert_cmpstr(again->realm, ==, fields.realm);
    g_assert_true(again->qop_auth && again->stale && !again->qop_auth_int);
    g_assert_cmpint(again->algorithm, ==, PROTO_DIGEST_MD5);
}

/* TS 24.229 5.1.1.2: the first REGISTER has empty nonce and response. */
static void
test_first_register(void)
{
    g_autoptr(ProtoDigestCredentials) credentials =
        proto_digest_credentials_parse("Digest username=\"demo@imstv.test\", realm=\"imstv.test\", "
                                       "nonce=\"\", uri=\"sip:imstv.test\", response=\"\"",
                                       NULL);

    g_assert_nonnull(credentials);
    g_assert_cmpstr(credentials->nonce, ==, "");
    g_assert_cmpstr(credentials->response, ==, "");
}

/* RFC 3310 3.2: RAND and AUTN in the nonce; RES is binary and may hold a NUL byte. */
static void
test_aka(void)
{
    uint8_t bytes[32], rand[16], autn[16];
    g_autofree char *nonce = NULL;
    g_autofree char *cut = proto_digest_ha1_bytes("u", "r", "\x01\0\x02", 1);
    g_autofree char *whole = proto_digest_ha1_bytes("u", "r", "\x01\0\x02", 3);
    g_autoptr(ProtoDigestChallenge) challenge =
        proto_digest_challenge_parse("Digest realm=\"r\", nonce=\"x\", algorithm=AKAv1-MD5", NULL);

    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(i * 7);
    nonce = g_base64_encode(bytes, sizeof bytes);
    g_assert_true(proto_digest_aka_nonce(nonce, rand, autn));
    g_assert_cmpmem(rand, 16, bytes, 16);
    g_assert_cmpmem(autn, 16, bytes + 16, 16);
    g_assert_false(proto_digest_aka_nonce("c2hvcnQ=", rand, autn));
    g_assert_cmpstr(cut, !=, whole);
    g_assert_cmpint(challenge->algorithm, ==, PROTO_DIGEST_AKAV1_MD5);
}

static void
test_malformed(void)
{
    static const char *const bad[] = {
        "Digest realm=\"x",
        "Digest realm=\"x\", realm=\"y\", nonce=\"n\"",
        "Digest realm=\"x\"",
        "Digest nonce=\"n\"",
        "Digest =\"x\", nonce=\"n\", realm=\"r\"",
        "Basic realm=\"x\"",
        "Digest realm=\"x\", nonce=\"n\", algorithm=SHA-256",
        "Digest realm=\"x\", nonce=\"n\", qop=\"other\"",
        "",
    };
    static const char *const bad_credentials[] = {
        "Digest username=\"u\", response=\"short\"",
        "Digest username=\"u\", response=\"\", qop=auth, cnonce=\"c\"",
        "Digest username=\"u\", response=\"\", qop=auth, nc=1, cnonce=\"c\"",
        "Digest username=\"u\", response=\"\", qop=auth, nc=00000001",
        "Digest response=\"\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(proto_digest_challenge_parse(bad[i], &error));
        g_assert_true(error->domain == BASE_ERROR);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad_credentials); i++)
        g_assert_null(proto_digest_credentials_parse(bad_credentials[i], NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/digest/rfc2617-vector", test_rfc2617);
    g_test_add_func("/proto/digest/without-qop", test_without_qop);
    g_test_add_func("/proto/digest/answers", test_answers);
    g_test_add_func("/proto/digest/challenge-round-trip", test_challenge_round_trip);
    g_test_add_func("/proto/digest/first-register", test_first_register);
    g_test_add_func("/proto/digest/aka", test_aka);
    g_test_add_func("/proto/digest/malformed", test_malformed);

    return g_test_run();
}
