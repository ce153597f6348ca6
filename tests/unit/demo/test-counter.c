/* The counter in the picture survives what a codec and a scaler do to it. */
#include "demo/counter.h"
#include "demo/picture.h"

#include <glib.h>
#include <string.h>

static const DemoCounter sample = {.frame = 0xdeadbeef, .clock_ms = 0x0193a5b7c9d1, .channel = 42};

static void
assert_sample(const DemoCounter *counter)
{
    g_assert_cmphex(counter->frame, ==, sample.frame);
    g_assert_cmphex(counter->clock_ms, ==, sample.clock_ms);
    g_assert_cmphex(counter->channel, ==, sample.channel);
}

/* The bytes of demo/README.md, which a page decodes too. */
static void
test_layout(void)
{
    static const uint8_t expected[11] = {0xde, 0xad, 0xbe, 0xef, 0x01, 0x93, 0xa5, 0xb7, 0xc9, 0xd1, 42};
    uint8_t bytes[DEMO_COUNTER_BYTES];
    DemoCounter counter;

    demo_counter_build(&sample, bytes);
    g_assert_cmpmem(bytes, 11, expected, 11);
    g_assert_true(demo_counter_parse(bytes, &counter));
    assert_sample(&counter);
    bytes[3] ^= 1;
    g_assert_false(demo_counter_parse(bytes, &counter));
}

static void
test_flat_pictures(void)
{
    uint8_t luma[64 * 36];
    DemoCounter counter;

    memset(luma, 16, sizeof luma);
    g_assert_false(demo_counter_read(luma, 64, 64, 36, &counter));
    memset(luma, 235, sizeof luma);
    g_assert_false(demo_counter_read(luma, 64, 64, 36, &counter));
}

static void
test_sizes(void)
{
    static const int sizes[][2] = {{64, 36}, {320, 180}, {640, 360}, {854, 480}, {1280, 720}, {1920, 1080}};

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(DemoPicture) picture = demo_picture_new(sizes[i][0], sizes[i][1], "one", 1);
        g_autofree uint8_t *pixels = g_malloc(demo_picture_size(picture));
        DemoCounter counter;

        demo_picture_draw(picture, &sample, "12:34:56.789", 3.25, pixels);
        g_assert_true(demo_counter_read(pixels, (size_t)sizes[i][0], sizes[i][0], sizes[i][1], &counter));
        assert_sample(&counter);
    }
}

/* Scaled down by dropping pixels, with noise of 40 steps on top. */
static void
test_small_and_noisy(void)
{
    enum { W = 1280, H = 720, SMALL_W = 160, SMALL_H = 90 };
    g_autoptr(DemoPicture) picture = demo_picture_new(W, H, "two", 2);
    g_autofree uint8_t *pixels = g_malloc(demo_picture_size(picture));
    g_autoptr(GRand) noise = g_rand_new_with_seed(7);
    uint8_t small[SMALL_W * SMALL_H];
    DemoCounter counter;

    demo_picture_draw(picture, &sample, "", 0, pixels);
    for (int y = 0; y < SMALL_H; y++) {
        for (int x = 0; x < SMALL_W; x++) {
            int value = pixels[y * H / SMALL_H * W + x * W / SMALL_W] + g_rand_int_range(noise, -40, 41);

            small[y * SMALL_W + x] = (uint8_t)CLAMP(value, 0, 255);
        }
    }
    g_assert_true(demo_counter_read(small, SMALL_W, SMALL_W, SMALL_H, &counter));
    assert_sample(&counter);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/demo/counter/layout", test_layout);
    g_test_add_func("/demo/counter/flat-pictures-have-none", test_flat_pictures);
    g_test_add_func("/demo/counter/any-size", test_sizes);
    g_test_add_func("/demo/counter/small-and-noisy", test_small_and_noisy);
    return g_test_run();
}
