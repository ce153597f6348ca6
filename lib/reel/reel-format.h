/* lib/reel/reel-format.h - the bytes of blocks and files (docs/reel.md). Pure: no I/O.
 *
 * Little endian throughout; imstv runs on little-endian machines only, so the structs are the layout. */
#pragma once

#include "lib/reel/reel.h"

#include <stddef.h>

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);

#define REEL_FILE_MAGIC "IMSTVREL"
#define REEL_FILE_VERSION 1u
#define REEL_FILE_HEADER_SIZE 4096u
#define REEL_BLOCK_MAGIC 0x4b4c4252u /* "RBLK" */
#define REEL_BLOCK_STARTS_SEGMENT 1u
#define REEL_BLOCK_HAS_ENTRY 2u
#define REEL_KEYS_MAX 4000000u    /* a day of key frames every 20 ms */
#define REEL_BLOCKS_MAX 16777216u /* 1 TiB */

typedef struct {
    uint32_t magic;
    uint32_t crc32c; /* of bytes 8..used */
    uint32_t used;   /* bytes in use, this header included */
    uint32_t n_records;
    uint64_t number;  /* in the track */
    uint64_t segment; /* in the track */
    int64_t first_due_us, last_due_us;
    uint32_t flags;
    uint32_t zero;
    uint64_t reel_id; /* of the track: a block of another file is noticed */
} ReelBlockHeader;
G_STATIC_ASSERT(sizeof(ReelBlockHeader) == 64);

/* Followed by the payload and 0..7 bytes of padding. */
typedef struct {
    int64_t due_us;
    uint32_t rtp_ticks;
    uint16_t length;
    uint16_t flags;
} ReelRecordHeader;
G_STATIC_ASSERT(sizeof(ReelRecordHeader) == 16);

typedef struct {
    int64_t due_us;
    uint32_t block; /* counted from the first block of the file */
    uint32_t offset;
} ReelKey;
G_STATIC_ASSERT(sizeof(ReelKey) == 16);

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t crc32c; /* of bytes 16..4096 */
    uint64_t reel_id;
    uint32_t kind, codec;
    uint32_t clock_rate;
    uint32_t bitrate_kbps;
    uint16_t channels, width, height, zero;
    char language[16]; /* NUL-padded */
    char profile[16];
    uint64_t first_block; /* number of the first block */
    uint64_t n_blocks;
    uint64_t n_keys;
    uint64_t tables_offset; /* n_blocks int64 first due times, then n_keys ReelKey */
    int64_t first_due_us, end_us;
    uint32_t tables_crc32c;
    uint32_t zero2;
} ReelFileHeader;
G_STATIC_ASSERT(sizeof(ReelFileHeader) == 136);

/* CRC-32C (Castagnoli), as in RFC 3720 B.4. @crc: 0 to begin. */
uint32_t reel_crc32c(uint32_t crc, const void *data, size_t length);

static inline uint32_t
reel_record_size(uint16_t length)
{
    return (uint32_t)sizeof(ReelRecordHeader) + ((length + 7u) & ~7u);
}

/* Empties @block (REEL_BLOCK_SIZE bytes, 8-byte aligned) and writes its header. */
void
reel_block_begin(uint8_t *block, uint64_t number, uint64_t segment, uint64_t reel_id, bool starts_segment);
/* Appends a record at @used; returns the new number of bytes in use, or 0 if it does not fit. Only the
 * record's bytes are written: the caller publishes and keeps the header up to date. */
uint32_t reel_block_put(uint8_t *block, uint32_t used, const ReelRecord *record);
/* Completes the header of a block whose records fill @used bytes: counts, times, flags, checksum. */
void reel_block_seal(uint8_t *block, uint32_t used);
/* True if checksum and structure are right and it is the block it should be: afterwards readers may
 * walk it without further checks. */
bool reel_block_is_valid(const uint8_t *block, uint64_t number, uint64_t reel_id);

/* Fills the header's fields that describe the track. */
void reel_file_header_set_info(ReelFileHeader *header, const ReelTrackInfo *info);
void reel_file_header_get_info(const ReelFileHeader *header, ReelTrackInfo *ret_info);
/* @page: REEL_FILE_HEADER_SIZE bytes. */
void reel_file_header_seal(uint8_t *page, const ReelFileHeader *header);
/* Errors: PROTOCOL with what is wrong. */
bool
reel_file_header_parse(const uint8_t *page, uint64_t file_size, ReelFileHeader *ret_header, GError **error);
