#include "demo/counter.h"

#include <string.h>

enum {
    LUMA_BLACK = 16, /* BT.601 and BT.709 video range */
    LUMA_WHITE = 235,
    LUMA_THRESHOLD = 127,
};

/* Polynomial 0x07, start 0xFF: a picture all black or all white does not pass. */
static uint8_t
crc8(const uint8_t *bytes, size_t length)
{
    uint8_t crc = 0xff;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)((crc & 0x80) ? (crc << 1) ^ 0x07 : crc << 1);
    }
    return crc;
}

static void
put(uint8_t *bytes, int n, uint64_t value)
{
    for (int i = n - 1; i >= 0; i--, value >>= 8)
        bytes[i] = (uint8_t)value;
}

static uint64_t
get(const uint8_t *bytes, int n)
{
    uint64_t value = 0;

    for (int i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

void
demo_counter_build(const DemoCounter *counter, uint8_t ret_bytes[DEMO_COUNTER_BYTES])
{
    put(ret_bytes, 4, counter->frame);
    put(ret_bytes + 4, 6, counter->clock_ms);
    ret_bytes[10] = counter->channel;
    ret_bytes[11] = crc8(ret_bytes, 11);
}

bool
demo_counter_parse(const uint8_t bytes[DEMO_COUNTER_BYTES], DemoCounter *ret_counter)
{
    if (crc8(bytes, 11) != bytes[11])
        return false;

    ret_counter->frame = (uint32_t)get(bytes, 4);
    ret_counter->clock_ms = get(bytes + 4, 6);
    ret_counter->channel = bytes[10];
    return true;
}

void
demo_counter_draw(const DemoCounter *counter, uint8_t *luma, size_t stride, int width, int height)
{
    uint8_t bytes[DEMO_COUNTER_BYTES];

    demo_counter_build(counter, bytes);
    for (int row = 0; row < DEMO_COUNTER_ROWS; row++) {
        int top = row * height / DEMO_COUNTER_ROWS_PER_PICTURE;
        int bottom = (row + 1) * height / DEMO_COUNTER_ROWS_PER_PICTURE;

        for (int column = 0; column < DEMO_COUNTER_COLUMNS; column++) {
            int bit = row * DEMO_COUNTER_COLUMNS + column;
            bool white = bytes[bit / 8] >> (7 - bit % 8) & 1;
            int left = column * width / DEMO_COUNTER_COLUMNS;
            int right = (column + 1) * width / DEMO_COUNTER_COLUMNS;

            for (int y = top; y < bottom; y++)
                memset(luma + (size_t)y * stride + left, white ? LUMA_WHITE : LUMA_BLACK,
                       (size_t)(right - left));
        }
    }
}

bool
demo_counter_read(const uint8_t *luma, size_t stride, int width, int height, DemoCounter *ret_counter)
{
    uint8_t bytes[DEMO_COUNTER_BYTES] = {0};

    for (int bit = 0; bit < DEMO_COUNTER_BYTES * 8; bit++) {
        int x = (2 * (bit % DEMO_COUNTER_COLUMNS) + 1) * width / (2 * DEMO_COUNTER_COLUMNS);
        int y = (2 * (bit / DEMO_COUNTER_COLUMNS) + 1) * height / (2 * DEMO_COUNTER_ROWS_PER_PICTURE);
        bool white = luma[(size_t)y * stride + (size_t)x] > LUMA_THRESHOLD;

        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] << 1 | white);
    }
    return demo_counter_parse(bytes, ret_counter);
}
