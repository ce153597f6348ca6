#include <glib.h>

#include "lib/base/error.h"
#include "lib/proto/candidate.h"

static void
test_round_trip(void)
{
    const char *text = "candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host";
    ProtoCandidate candidate;
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(proto_candidate_parse(text, &candidate, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(candidate.port, ==, 8189);
    g_assert_cmpint(candidate.type, ==, PROTO_CANDIDATE_HOST);
    proto_candidate_build(&candidate, out);
    g_assert_cmpstr(out->str, ==, text);
}

/* As Chromium writes them: an mDNS name, and words after the type. */
static void
test_browser(void)
{
    ProtoCandidate candidate;

    g_assert_true(
        proto_candidate_parse("a=candidate:842163049 1 udp 1677729535 "
                              "0b0a6b5c-0d3c-4f0f-9a66-6f2a6a5f0c1d.local 51234 typ srflx raddr 0.0.0.0 "
                              "rport 0 generation 0 network-cost 999",
                              &candidate, NULL));
    g_assert_cmpint(candidate.type, ==, PROTO_CANDIDATE_SRFLX);
    g_assert_cmpuint(candidate.priority, ==, 1677729535);
    g_assert_true(g_str_has_suffix(candidate.address, ".local"));
}

static void
test_refuses(void)
{
    static const char *const bad[] = {
        "",
        "candidate:1 1 udp 2130706431 192.0.2.1 8189 typ",
        "candidate:1 1 udp 2130706431 192.0.2.1 8189 typ best",
        "candidate:1 1 udp 2130706431 192.0.2.1 65536 typ host",
        "candidate:1 1 udp -1 192.0.2.1 1 typ host",
        "candidate:1 257 udp 1 192.0.2.1 1 typ host",
        "candidate: 1 udp 1 192.0.2.1 1 typ host",
        "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        ProtoCandidate candidate;
        g_assert_false(proto_candidate_parse(bad[i], &candidate, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    }
}

/* RFC 8445 5.1.2.1: 2^24 * 126 + 2^8 * 65535 + 255 */
static void
test_priority(void)
{
    g_assert_cmpuint(proto_candidate_priority(PROTO_CANDIDATE_HOST, 65535, 1), ==, 2130706431);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/candidate/round-trip", test_round_trip);
    g_test_add_func("/proto/candidate/as-browsers-write-it", test_browser);
    g_test_add_func("/proto/candidate/refuses", test_refuses);
    g_test_add_func("/proto/candidate/priority", test_priority);
    return g_test_run();
}
