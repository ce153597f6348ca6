#include "lib/gst/h264.h"

#include <string.h>

typedef struct {
    GByteArray *stream; /* reassembled as a byte stream */
    unsigned n_payloads, n_first, n_last;
    uint16_t longest;
} Depacketized;

static void
put_nal(GByteArray *stream, const uint8_t *nal, size_t length)
{
    g_byte_array_append(stream, (const uint8_t[]){0, 0, 0, 1}, 4);
    g_byte_array_append(stream, nal, (guint)length);
}

/* RFC 6184 read backwards. */
static bool
depacketize(void *user_data, const uint8_t *payload, uint16_t length, bool first, bool last)
{
    Depacketized *self = user_data;
    uint8_t header;

    self->n_payloads++;
    self->n_first += first;
    self->n_last += last;
    self->longest = MAX(self->longest, length);
    switch (payload[0] & 0x1f) {
    case 24:
        for (unsigned at = 1; at < length; at += 2 + (payload[at] << 8 | payload[at + 1]))
            put_nal(self->stream, payload + at + 2, (size_t)(payload[at] << 8 | payload[at + 1]));
        break;
    case 28:
        header = (payload[0] & 0xe0) | (payload[1] & 0x1f);
        if (payload[1] & 0x80)
            put_nal(self->stream, &header, 1);
        g_byte_array_append(self->stream, payload + 2, length - 2u);
        break;
    default:
        put_nal(self->stream, payload, length);
        break;
    }
    return true;
}

static const uint8_t sps[] = {0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9};
static const uint8_t pps[] = {0x68, 0xeb, 0xe3};
static const uint8_t delimiter[] = {0x09, 0xf0};
static const uint8_t sei[] = {0x06, 0x05, 0x01, 0x02, 0x80};

static GByteArray *
make_unit(bool key, size_t slice_length)
{
    GByteArray *unit = g_byte_array_new();
    g_autofree uint8_t *slice = g_malloc(slice_length);

    for (size_t i = 0; i < slice_length; i++)
        slice[i] = (uint8_t)(i * 7 % 251 + 4); /* no start code, no zero at the end */
    slice[0] = key ? 0x65 : 0x41;
    put_nal(unit, delimiter, sizeof(delimiter));
    if (key) {
        put_nal(unit, sps, sizeof(sps));
        put_nal(unit, pps, sizeof(pps));
    }
    put_nal(unit, sei, sizeof(sei));
    put_nal(unit, slice, slice_length);
    slice[0] = key ? 0x65 : 0x01;
    g_byte_array_append(unit, (const uint8_t[]){0, 0, 1}, 3); /* short start code */
    g_byte_array_append(unit, slice, 100);
    return unit;
}

static void
test_keeps_what_counts(void)
{
    g_autoptr(GByteArray) key = make_unit(true, 300), delta = make_unit(false, 300);
    GstreelParameterSets sets = {0};
    GstreelAccessUnit unit;
    char profile[7];

    g_assert_true(gstreel_access_unit_parse(&unit, delta->data, delta->len));
    g_assert_false(unit.idr);
    g_assert_false(unit.discardable);
    gstreel_parameter_sets_update(&sets, &unit);
    g_assert_false(gstreel_parameter_sets_complete(&sets));
    g_assert_true(gstreel_access_unit_parse(&unit, key->data, key->len));
    g_assert_true(unit.idr);
    g_assert_cmpuint(unit.n_dropped, ==, 2);
    g_assert_cmpuint(unit.n_nals, ==, 2);
    g_assert_cmpuint(unit.nals[1].length, ==, 100);
    gstreel_parameter_sets_update(&sets, &unit);
    g_assert_true(gstreel_parameter_sets_complete(&sets));
    gstreel_parameter_sets_profile(&sets, profile);
    g_assert_cmpstr(profile, ==, "64001f");
}

static void
test_round_trip(void)
{
    for (size_t length = 101; length < 5000; length += 37) {
        g_autoptr(GByteArray) data = make_unit(true, length), expected = g_byte_array_new();
        GstreelParameterSets sets = {0};
        GstreelAccessUnit unit;
        Depacketized got = {.stream = g_byte_array_new()};

        g_assert_true(gstreel_access_unit_parse(&unit, data->data, data->len));
        gstreel_parameter_sets_update(&sets, &unit);
        put_nal(expected, sps, sizeof(sps));
        put_nal(expected, pps, sizeof(pps));
        for (unsigned i = 0; i < unit.n_nals; i++)
            put_nal(expected, unit.nals[i].data, unit.nals[i].length);
        g_assert_true(gstreel_packetize(&unit, &sets, 1150, depacketize, &got));
        g_assert_cmpmem(got.stream->data, got.stream->len, expected->data, expected->len);
        g_assert_cmpuint(got.n_first, ==, 1);
        g_assert_cmpuint(got.n_last, ==, 1);
        g_assert_cmpuint(got.longest, <=, 1150);
        g_byte_array_unref(got.stream);
    }
}

static void
test_garbage_is_refused(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    GstreelAccessUnit unit;
    uint8_t data[600];

    g_assert_false(gstreel_access_unit_parse(&unit, (const uint8_t *)"", 0));
    g_assert_false(gstreel_access_unit_parse(&unit, (const uint8_t[]){0, 0, 1}, 3));
    for (unsigned i = 0; i < 20000; i++) {
        size_t length = (size_t)g_rand_int_range(random, 1, sizeof(data));
        for (size_t at = 0; at < length; at++)
            data[at] = g_rand_int_range(random, 0, 3) ? 0 : (uint8_t)g_rand_int_range(random, 0, 8);
        g_autofree uint8_t *tight = g_memdup2(data, length); /* so that a read beyond is seen */
        Depacketized got = {.stream = g_byte_array_new()};
        if (gstreel_access_unit_parse(&unit, tight, length))
            gstreel_packetize(&unit, NULL, 100, depacketize, &got);
        g_byte_array_unref(got.stream);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gst/h264/keeps-what-counts", test_keeps_what_counts);
    g_test_add_func("/gst/h264/round-trip", test_round_trip);
    g_test_add_func("/gst/h264/garbage-is-refused", test_garbage_is_refused);
    return g_test_run();
}
