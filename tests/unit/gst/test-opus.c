#include "lib/gst/opus.h"

#include <glib.h>

/* RFC 6716 3.1, table 2, and 3.2. */
static void
test_lengths(void)
{
    static const struct {
        uint8_t bytes[2];
        size_t length;
        uint32_t samples;
    } cases[] = {
        {{0 << 3}, 1, 480},
        {{1 << 3}, 1, 960},
        {{3 << 3}, 1, 2880},
        {{12 << 3}, 1, 480},
        {{13 << 3}, 1, 960},
        {{16 << 3}, 1, 120},
        {{31 << 3 | 4}, 1, 960},
        {{31 << 3 | 1}, 1, 1920},
        {{31 << 3 | 2}, 1, 1920},
        {{31 << 3 | 3, 6}, 2, 5760},
        {{31 << 3 | 3, 0x86}, 2, 5760},
        {{31 << 3 | 3, 7}, 2, 0},
        {{31 << 3 | 3}, 1, 0},
        {{0}, 0, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(gstreel_opus_samples(cases[i].bytes, cases[i].length), ==, cases[i].samples);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gst/opus/lengths", test_lengths);
    return g_test_run();
}
