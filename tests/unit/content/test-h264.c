/* NAL units made by hand and by x264 (headers of real streams). */
#include "content/h264.h"

#include <glib.h>
#include <string.h>

/* SPS of x264: 1280x720, High, level 3.1. */
static const uint8_t sps_high[] = {0,    0,    0,    1,    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9,
                                   0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0,    0,    3,    0,
                                   0x10, 0,    0,    3,    3,    0x20, 0xf1, 0x83, 0x19, 0x60};

static ContentH264Picture
read_unit(const uint8_t *data, size_t length, ContentH264Sps *sps)
{
    ContentH264Picture picture;

    content_h264_read(data, length, sps, &picture);
    return picture;
}

static void
test_sps(void)
{
    ContentH264Sps sps = {0};
    ContentH264Picture picture = read_unit(sps_high, sizeof sps_high, &sps);

    g_assert_true(sps.valid);
    g_assert_cmpuint(sps.profile_idc, ==, 100);
    g_assert_cmpuint(sps.level_idc, ==, 31);
    g_assert_cmpuint(sps.chroma_format_idc, ==, 1);
    g_assert_cmpuint(sps.bit_depth, ==, 8);
    g_assert_true(sps.frame_mbs_only);
    g_assert_cmpstr(content_h264_profile_name(&sps), ==, "High");
    g_assert_cmpuint(picture.slices, ==, 0);
}

/* Slice headers: first_mb 0 is bit 1; slice_type 7 (I) 0001000, 5 (P) 00110, 6 (B) 00111, 1 (B) 010. */
static void
test_slices(void)
{
    static const uint8_t idr[] = {0, 0, 0, 1, 0x65, 0x88, 0x80};
    static const uint8_t p[] = {0, 0, 1, 0x41, 0x9a, 0x80};
    static const uint8_t b6[] = {0, 0, 1, 0x01, 0x9e, 0x80};
    static const uint8_t b1[] = {0, 0, 1, 0x01, 0xa8, 0x80};
    static const uint8_t recovery_point[] = {0,    0, 1, 0x06, 0x06, 0x01, 0x84,
                                             0x80, 0, 0, 1,    0x41, 0x88, 0x80};
    ContentH264Sps sps = {0};
    ContentH264Picture picture = read_unit(idr, sizeof idr, &sps);

    g_assert_true(picture.idr && !picture.b_slice && picture.slices == 1);
    picture = read_unit(p, sizeof p, &sps);
    g_assert_true(!picture.idr && !picture.b_slice && picture.slices == 1);
    g_assert_true(read_unit(b6, sizeof b6, &sps).b_slice);
    g_assert_true(read_unit(b1, sizeof b1, &sps).b_slice);
    /* An I slice of an open group is no key frame. */
    picture = read_unit(recovery_point, sizeof recovery_point, &sps);
    g_assert_true(!picture.idr && picture.slices == 1);
}

static void
test_several_parameter_sets(void)
{
    static const uint8_t first[] = {0, 0, 1, 0x68, 0xc0}, second[] = {0, 0, 1, 0x68, 0x50}; /* ids 0 and 1 */
    ContentH264Sps sps = {0};

    read_unit(first, sizeof first, &sps);
    g_assert_cmphex(sps.pps_ids, ==, 1);
    read_unit(sps_high, sizeof sps_high, &sps);
    read_unit(second, sizeof second, &sps);
    g_assert_cmphex(sps.pps_ids, ==, 3);
}

static void
count(const uint8_t *nal, size_t length, void *user_data)
{
    g_assert_cmpuint(length, >, 0);
    g_assert_nonnull(nal);
    (*(unsigned *)user_data)++;
}

static void
test_splits(void)
{
    static const uint8_t stream[] = {0, 0, 0, 1,    9, 0x10, 0, 0, 0, 1, 0x67, 1,
                                     0, 0, 1, 0x68, 2, 0,    0, 0, 0, 1, 0x65};
    unsigned n = 0;

    content_h264_each_nal(stream, sizeof stream, count, &n);
    g_assert_cmpuint(n, ==, 4);
    content_h264_each_nal(stream, 3, count, &n);
    content_h264_each_nal(stream, 0, count, &n);
    content_h264_each_nal((const uint8_t *)"\0\0\1", 3, count, &n);
    g_assert_cmpuint(n, ==, 4);
}

/* Any bytes are taken: cut and changed copies of a header, under the sanitizers. */
static void
test_any_bytes(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(264);

    for (int round = 0; round < 20000; round++) {
        uint8_t data[sizeof sps_high + 8];
        ContentH264Sps sps = {0};
        size_t length = (size_t)g_rand_int_range(random, 0, sizeof data);
        g_autofree uint8_t *exact = NULL;

        memset(data, 0xff, sizeof data);
        memcpy(data, sps_high, sizeof sps_high);
        for (int i = 0; i < 4; i++)
            data[g_rand_int_range(random, 4, sizeof data)] = (uint8_t)g_rand_int(random);
        exact = g_memdup2(data, length); /* so that reading past the end is seen */
        read_unit(exact, length, &sps);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/h264/reads-parameter-sets", test_sps);
    g_test_add_func("/content/h264/knows-slices", test_slices);
    g_test_add_func("/content/h264/counts-parameter-sets", test_several_parameter_sets);
    g_test_add_func("/content/h264/splits-a-byte-stream", test_splits);
    g_test_add_func("/content/h264/takes-any-bytes", test_any_bytes);
    return g_test_run();
}
