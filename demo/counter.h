/* demo/counter.h - the machine-readable counter in the picture: 96 bits as blocks; layout in demo/README.md.
 * Pure: no clocks, no I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DEMO_COUNTER_COLUMNS = 32,
    DEMO_COUNTER_ROWS = 3,
    DEMO_COUNTER_BYTES = 12,
    DEMO_COUNTER_ROWS_PER_PICTURE = 18, /* a block is height / 18 tall */
};

typedef struct {
    uint32_t frame;
    uint64_t clock_ms; /* 48 bits: wall clock (live) or media time (film) */
    uint8_t channel;
} DemoCounter;

/* The 12 bytes with their checksum. */
void demo_counter_build(const DemoCounter *counter, uint8_t ret_bytes[DEMO_COUNTER_BYTES]);

/* False if the checksum is wrong; then @ret_counter is untouched. */
bool demo_counter_parse(const uint8_t bytes[DEMO_COUNTER_BYTES], DemoCounter *ret_counter);

/* Draws the blocks into a luma plane of @width x @height. */
void demo_counter_draw(const DemoCounter *counter, uint8_t *luma, size_t stride, int width, int height);

/* Reads the blocks back from a luma plane, from the centre of each block. False: no counter there. */
bool demo_counter_read(const uint8_t *luma, size_t stride, int width, int height, DemoCounter *ret_counter);
