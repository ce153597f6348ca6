/* Challenges and credentials, from the network and through the browser. */
#include <glib.h>
#include <stdint.h>

#include "lib/proto/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(ProtoDigestChallenge) challenge = proto_digest_challenge_parse(text, NULL);
    g_autoptr(ProtoDigestCredentials) credentials = proto_digest_credentials_parse(text, NULL);
    uint8_t rand[16], autn[16];

    if (challenge) {
        g_autofree char *built = proto_digest_challenge_build(challenge);
        g_autoptr(ProtoDigestChallenge) again = proto_digest_challenge_parse(built, NULL);

        g_assert_nonnull(again);
        proto_digest_aka_nonce(challenge->nonce, rand, autn);
    }
    if (credentials) {
        g_autofree char *built = proto_digest_credentials_build(credentials);
        g_autoptr(ProtoDigestCredentials) again = proto_digest_credentials_parse(built, NULL);

        g_assert_nonnull(again);
        proto_digest_verify(credentials, "00112233445566778899aabbccddeeff", "REGISTER", data, size);
    }
    return 0;
}
