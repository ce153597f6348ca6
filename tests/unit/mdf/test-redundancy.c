#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "lib/proto/rtp.h"
#include "mdf/delivery/redundancy.h"

enum {
    OPUS = 111,
    FRAME = 960,
};

static void
test_carries_the_one_before(void)
{
    MdfRedundancy red = {.payload_type = 63};
    uint8_t out[MDF_REDUNDANCY_PAYLOAD_MAX];

    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 0xfffffff0, (const uint8_t *)"one", 3, out), ==, 0);
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 0xfffffff0u + FRAME, (const uint8_t *)"three", 5, out),
                     ==, 13);
    g_assert_cmphex(proto_get32(out), ==, 0x80000000u | OPUS << 24 | FRAME << 10 | 3);
    g_assert_cmpuint(out[4], ==, OPUS);
    g_assert_cmpmem(out + 5, 8, "onethree", 8);
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 0xfffffff0u + 2 * FRAME, (const uint8_t *)"x", 1, out),
                     ==, 11);
    g_assert_cmpmem(out + 5, 6, "threex", 6);
}

/* The offset has 14 bits: what lies further back, or not back at all, is not repeated. */
static void
test_not_after_a_pause(void)
{
    static const struct {
        uint32_t step;
        bool repeated;
    } cases[] = {{FRAME, true}, {16383, true}, {16384, false}, {48000, false}, {0, false}, {-FRAME, false}};
    uint8_t out[MDF_REDUNDANCY_PAYLOAD_MAX];

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        MdfRedundancy red = {.payload_type = 63};

        mdf_redundancy_wrap(&red, OPUS, 5000, (const uint8_t *)"a", 1, out);
        g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 5000 + cases[i].step, (const uint8_t *)"b", 1, out),
                         ==, cases[i].repeated ? 7 : 0);
    }
}

static void
test_long_packets_go_alone(void)
{
    static const uint8_t payload[1150];
    MdfRedundancy red = {.payload_type = 63};
    uint8_t out[MDF_REDUNDANCY_PAYLOAD_MAX];

    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 0, payload, 480, out), ==, 0);
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 960, payload, 666, out), ==, 0);  /* no room */
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 1920, payload, 480, out), ==, 0); /* 666 not kept */
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 2880, payload, 665, out), ==, 1150);
    g_assert_cmpuint(mdf_redundancy_wrap(&red, OPUS, 3840, payload, sizeof payload, out), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mdf/redundancy/carries-the-one-before", test_carries_the_one_before);
    g_test_add_func("/mdf/redundancy/not-after-a-pause", test_not_after_a_pause);
    g_test_add_func("/mdf/redundancy/long-packets-go-alone", test_long_packets_go_alone);
    return g_test_run();
}
