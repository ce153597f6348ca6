#include "lib/reel/reel-format.h"

#include <string.h>

#include "lib/base/error.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t
crc32c_hardware(uint32_t crc, const uint8_t *data, size_t length)
{
    uint64_t crc64 = crc;

    for (; length >= 8; length -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, sizeof(word));
        crc64 = _mm_crc32_u64(crc64, word);
    }
    crc = (uint32_t)crc64;
    for (; length > 0; length--, data++)
        crc = _mm_crc32_u8(crc, *data);
    return crc;
}
#endif

static uint32_t
crc32c_software(uint32_t crc, const uint8_t *data, size_t length)
{
    for (; length > 0; length--, data++) {
        crc ^= *data;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
    }
    return crc;
}

uint32_t
reel_crc32c(uint32_t crc, const void *data, size_t length)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_hardware(crc, data, length);
#endif
    return ~crc32c_software(crc, data, length);
}

void
reel_block_begin(uint8_t *block, uint64_t number, uint64_t segment, uint64_t reel_id, bool starts_segment)
{
    ReelBlockHeader *header = (ReelBlockHeader *)block;

    memset(header, 0, sizeof(*header));
    header->magic = REEL_BLOCK_MAGIC;
    header->used = sizeof(*header);
    header->number = number;
    header->segment = segment;
    header->reel_id = reel_id;
    header->flags = starts_segment ? REEL_BLOCK_STARTS_SEGMENT : 0;
}

uint32_t
reel_block_put(uint8_t *block, uint32_t used, const ReelRecord *record)
{
    const ReelRecordHeader header = {.due_us = record->due_us,
                                     .rtp_ticks = record->rtp_ticks,
                                     .length = record->length,
                                     .flags = record->flags};
    uint32_t size = reel_record_size(record->length);
    uint8_t *at = block + used;

    if (size > REEL_BLOCK_SIZE - used)
        return 0;
    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), record->payload, record->length);
    memset(at + sizeof(header) + record->length, 0, size - sizeof(header) - record->length);
    return used + size;
}

void
reel_block_seal(uint8_t *block, uint32_t used)
{
    ReelBlockHeader *header = (ReelBlockHeader *)block;

    header->n_records = 0;
    header->first_due_us = 0;
    header->last_due_us = 0;
    header->flags &= REEL_BLOCK_STARTS_SEGMENT;
    for (uint32_t at = sizeof(*header); at < used;) {
        const ReelRecordHeader *record = (const ReelRecordHeader *)(block + at);
        if (header->n_records++ == 0)
            header->first_due_us = record->due_us;
        header->last_due_us = record->due_us;
        if ((record->flags & REEL_ENTRY) == REEL_ENTRY)
            header->flags |= REEL_BLOCK_HAS_ENTRY;
        at += reel_record_size(record->length);
    }
    header->used = used;
    header->crc32c = reel_crc32c(0, block + 8, used - 8);
}

/* Each record inside the block, of a legal length, in order of due time, and as many as promised. */
static bool
records_are_valid(const uint8_t *block, const ReelBlockHeader *header)
{
    uint32_t at = sizeof(*header), n_records = 0;
    int64_t last_due_us = header->first_due_us;

    while (at < header->used) {
        const ReelRecordHeader *record = (const ReelRecordHeader *)(block + at);
        if (header->used - at < sizeof(*record) || record->length == 0 || record->length > REEL_PAYLOAD_MAX ||
            header->used - at < reel_record_size(record->length) || record->due_us < last_due_us)
            return false;
        last_due_us = record->due_us;
        n_records++;
        at += reel_record_size(record->length);
    }
    return n_records == header->n_records && n_records > 0 && last_due_us == header->last_due_us;
}

bool
reel_block_is_valid(const uint8_t *block, uint64_t number, uint64_t reel_id)
{
    const ReelBlockHeader *header = (const ReelBlockHeader *)block;

    return header->magic == REEL_BLOCK_MAGIC && header->number == number && header->reel_id == reel_id &&
           header->used > sizeof(*header) && header->used <= REEL_BLOCK_SIZE && header->used % 8 == 0 &&
           header->crc32c == reel_crc32c(0, block + 8, header->used - 8) && records_are_valid(block, header);
}

void
reel_file_header_set_info(ReelFileHeader *header, const ReelTrackInfo *info)
{
    header->kind = info->kind;
    header->codec = info->codec;
    header->clock_rate = info->clock_rate;
    header->bitrate_kbps = info->bitrate_kbps;
    header->channels = info->channels;
    header->width = info->width;
    header->height = info->height;
    memcpy(header->language, info->language, sizeof(header->language));
    memcpy(header->profile, info->profile, sizeof(header->profile));
}

void
reel_file_header_get_info(const ReelFileHeader *header, ReelTrackInfo *ret_info)
{
    *ret_info = (ReelTrackInfo){.kind = (ReelKind)header->kind,
                                .codec = (ReelCodec)header->codec,
                                .clock_rate = header->clock_rate,
                                .channels = header->channels,
                                .width = header->width,
                                .height = header->height,
                                .bitrate_kbps = header->bitrate_kbps};
    g_strlcpy(ret_info->language, header->language, sizeof(ret_info->language));
    g_strlcpy(ret_info->profile, header->profile, sizeof(ret_info->profile));
}

void
reel_file_header_seal(uint8_t *page, const ReelFileHeader *header)
{
    ReelFileHeader *sealed = (ReelFileHeader *)page;

    memset(page, 0, REEL_FILE_HEADER_SIZE);
    memcpy(page, header, sizeof(*header));
    memcpy(sealed->magic, REEL_FILE_MAGIC, sizeof(sealed->magic));
    sealed->version = REEL_FILE_VERSION;
    sealed->crc32c = reel_crc32c(0, page + 16, REEL_FILE_HEADER_SIZE - 16);
}

static const char *
header_fault(const uint8_t *page, const ReelFileHeader *header, uint64_t file_size)
{
    uint64_t tables_size;

    if (memcmp(header->magic, REEL_FILE_MAGIC, sizeof(header->magic)) != 0)
        return "not a reel, or not finished";
    if (header->version != REEL_FILE_VERSION)
        return "written by another version";
    if (header->crc32c != reel_crc32c(0, page + 16, REEL_FILE_HEADER_SIZE - 16))
        return "its header is damaged";
    if (header->n_blocks == 0 || header->n_blocks > REEL_BLOCKS_MAX || header->n_keys > REEL_KEYS_MAX ||
        header->clock_rate == 0 || (header->kind != REEL_VIDEO && header->kind != REEL_AUDIO) ||
        memchr(header->language, 0, sizeof(header->language)) == NULL ||
        memchr(header->profile, 0, sizeof(header->profile)) == NULL)
        return "its header makes no sense";
    tables_size = header->n_blocks * sizeof(int64_t) + header->n_keys * sizeof(ReelKey);
    if (header->tables_offset != REEL_FILE_HEADER_SIZE + header->n_blocks * REEL_BLOCK_SIZE ||
        file_size < header->tables_offset + tables_size)
        return "it is cut short";
    return NULL;
}

bool
reel_file_header_parse(const uint8_t *page, uint64_t file_size, ReelFileHeader *ret_header, GError **error)
{
    ReelFileHeader header;
    const char *fault;

    memcpy(&header, page, sizeof(header));
    fault = header_fault(page, &header, file_size);
    if (fault) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, fault);
        return false;
    }
    *ret_header = header;
    return true;
}
