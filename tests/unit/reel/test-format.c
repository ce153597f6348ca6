#include "lib/reel/reel-format.h"

#include <string.h>

#include "tests/unit/reel/reel-fixture.h"

static uint8_t block[REEL_BLOCK_SIZE] __attribute__((aligned(64)));

/* RFC 3720 B.4 */
static void
test_crc_vectors(void)
{
    uint8_t zeros[32] = {0}, ones[32], up[32];

    memset(ones, 0xff, sizeof(ones));
    for (unsigned i = 0; i < sizeof(up); i++)
        up[i] = (uint8_t)i;
    g_assert_cmphex(reel_crc32c(0, zeros, sizeof(zeros)), ==, 0x8a9136aa);
    g_assert_cmphex(reel_crc32c(0, ones, sizeof(ones)), ==, 0x62a8ab43);
    g_assert_cmphex(reel_crc32c(0, up, sizeof(up)), ==, 0x46dd794e);
    g_assert_cmphex(reel_crc32c(reel_crc32c(0, up, 13), up + 13, 19), ==, 0x46dd794e);
}

static uint32_t
fill_block(unsigned n_records)
{
    uint8_t payload[REEL_PAYLOAD_MAX];
    uint32_t used = sizeof(ReelBlockHeader);

    reel_block_begin(block, 7, 1, 99, true);
    for (unsigned i = 0; i < n_records; i++) {
        ReelRecord record = fixture_record(payload, REEL_VIDEO, i, 0, 0);
        used = reel_block_put(block, used, &record);
        g_assert_cmpuint(used, >, 0);
    }
    reel_block_seal(block, used);
    return used;
}

static void
test_block_round_trip(void)
{
    const ReelBlockHeader *header = (const ReelBlockHeader *)block;

    fill_block(10);
    g_assert_cmpuint(header->n_records, ==, 10);
    g_assert_cmpint(header->last_due_us, ==, 9 * FIXTURE_FRAME_US);
    g_assert_cmphex(header->flags, ==, REEL_BLOCK_STARTS_SEGMENT | REEL_BLOCK_HAS_ENTRY);
    g_assert_true(reel_block_is_valid(block, 7, 99));
    g_assert_false(reel_block_is_valid(block, 8, 99));
    g_assert_false(reel_block_is_valid(block, 7, 98));
}

static void
test_full_block_refuses(void)
{
    uint8_t payload[REEL_PAYLOAD_MAX];
    ReelRecord record = fixture_record(payload, REEL_VIDEO, 0, 0, 0);

    g_assert_cmpuint(reel_block_put(block, REEL_BLOCK_SIZE - 1000, &record), ==, 0);
}

/* A checksum that somebody made to fit does not get structure past the walk. */
static void
test_structure_is_checked_too(void)
{
    ReelBlockHeader *header = (ReelBlockHeader *)block;
    ReelRecordHeader *record = (ReelRecordHeader *)(block + sizeof(*header));
    uint32_t used = fill_block(10);

    record->length = 1151;
    header->crc32c = reel_crc32c(0, block + 8, used - 8);
    g_assert_false(reel_block_is_valid(block, 7, 99));
    fill_block(10);
    record->due_us = INT64_MAX;
    header->crc32c = reel_crc32c(0, block + 8, used - 8);
    g_assert_false(reel_block_is_valid(block, 7, 99));
    fill_block(10);
    header->used = REEL_BLOCK_SIZE + 8;
    g_assert_false(reel_block_is_valid(block, 7, 99));
}

static void
test_every_flipped_bit_is_noticed(void)
{
    uint32_t used = fill_block(3);

    for (uint32_t bit = 0; bit < used * 8; bit += 5) {
        block[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        g_assert_false(reel_block_is_valid(block, 7, 99));
        block[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    g_assert_true(reel_block_is_valid(block, 7, 99));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reel/format/crc-vectors", test_crc_vectors);
    g_test_add_func("/reel/format/block-round-trip", test_block_round_trip);
    g_test_add_func("/reel/format/full-block-refuses", test_full_block_refuses);
    g_test_add_func("/reel/format/structure-is-checked-too", test_structure_is_checked_too);
    g_test_add_func("/reel/format/every-flipped-bit-is-noticed", test_every_flipped_bit_is_noticed);
    return g_test_run();
}
