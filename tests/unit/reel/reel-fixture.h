/* tests/unit/reel/reel-fixture.h - small films and records whose payloads say where they belong. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "lib/reel/block-cache.h"
#include "lib/reel/cursor.h"
#include "lib/reel/reel-writer.h"

#define FIXTURE_FRAME_US 40000
#define FIXTURE_GOP 50
#define FIXTURE_PACKETS 4
#define FIXTURE_AUDIO_US 20000

G_GNUC_UNUSED static const ReelTrackInfo fixture_tracks[2] = {
    {.kind = REEL_VIDEO, .codec = REEL_CODEC_H264, .clock_rate = 90000, .width = 64, .height = 36},
    {.kind = REEL_AUDIO, .codec = REEL_CODEC_OPUS, .clock_rate = 48000, .channels = 2, .language = "en"}};

typedef struct {
    uint32_t kind, frame, packet, check;
} FixtureMark;

/* The payload of packet @packet of frame @frame: a mark, then bytes derived from it. */
static inline uint16_t
fixture_payload(uint8_t *buffer, ReelKind kind, uint32_t frame, uint32_t packet)
{
    uint16_t length = kind == REEL_VIDEO ? (packet == FIXTURE_PACKETS - 1 ? 333 : 1150) : 160;
    FixtureMark mark = {kind, frame, packet, kind * 7919u + frame * 31u + packet};

    memcpy(buffer, &mark, sizeof(mark));
    for (unsigned i = sizeof(mark); i < length; i++)
        buffer[i] = (uint8_t)(mark.check + i);
    return length;
}

static inline FixtureMark
fixture_check(const ReelRecord *record)
{
    FixtureMark mark;

    g_assert_cmpuint(record->length, >=, sizeof(mark));
    memcpy(&mark, record->payload, sizeof(mark));
    g_assert_cmpuint(mark.check, ==, mark.kind * 7919u + mark.frame * 31u + mark.packet);
    for (unsigned i = sizeof(mark); i < record->length; i++)
        g_assert_cmpuint(record->payload[i], ==, (uint8_t)(mark.check + i));
    return mark;
}

/* One record; times count from @base_us. */
static inline ReelRecord
fixture_record(uint8_t *buffer, ReelKind kind, uint32_t frame, uint32_t packet, int64_t base_us)
{
    int64_t at_us = (int64_t)frame * (kind == REEL_VIDEO ? FIXTURE_FRAME_US : FIXTURE_AUDIO_US);
    ReelRecord record = {.payload = buffer, .due_us = base_us + at_us};

    record.length = fixture_payload(buffer, kind, frame, packet);
    record.rtp_ticks = (uint32_t)(at_us * (kind == REEL_VIDEO ? 9 : 48) / (kind == REEL_VIDEO ? 100 : 1000));
    if (kind == REEL_AUDIO) {
        record.flags = REEL_FLAG_FRAME_START | REEL_FLAG_MARKER | REEL_FLAG_KEY;
        return record;
    }
    record.flags = (packet == 0 ? REEL_FLAG_FRAME_START : 0) |
                   (packet == FIXTURE_PACKETS - 1 ? REEL_FLAG_MARKER : 0) |
                   (frame % FIXTURE_GOP == 0 ? REEL_FLAG_KEY : 0);
    return record;
}

static inline void
fixture_write_film(const char *folder, unsigned seconds)
{
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    g_autoptr(GError) error = NULL;
    uint8_t buffer[REEL_PAYLOAD_MAX];
    int64_t duration_us = 0;
    int video = reel_writer_add_track(writer, &fixture_tracks[0], &error);
    int audio = reel_writer_add_track(writer, &fixture_tracks[1], &error);

    g_assert_no_error(error);
    for (uint32_t frame = 0; frame < seconds * 25; frame++)
        for (uint32_t packet = 0; packet < FIXTURE_PACKETS; packet++) {
            ReelRecord record = fixture_record(buffer, REEL_VIDEO, frame, packet, 0);
            g_assert_true(reel_writer_append(writer, video, &record));
        }
    for (uint32_t frame = 0; frame < seconds * 50; frame++) {
        ReelRecord record = fixture_record(buffer, REEL_AUDIO, frame, 0, 0);
        g_assert_true(reel_writer_append(writer, audio, &record));
    }
    g_assert_true(reel_writer_finish(writer, &duration_us, &error));
    g_assert_no_error(error);
    g_assert_cmpint(duration_us, ==, (int64_t)seconds * G_USEC_PER_SEC);
}

static inline char *
fixture_folder(void)
{
    char *folder = g_dir_make_tmp("imstv-reel-XXXXXX", NULL);

    g_assert_nonnull(folder);
    return folder;
}

static inline void
fixture_remove(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            fixture_remove(path);
        else
            g_unlink(path);
    }
    g_rmdir(folder);
}

static inline ReelBlockCache *
fixture_cache(unsigned blocks)
{
    g_autoptr(GError) error = NULL;
    ReelBlockCache *cache = reel_block_cache_new((uint64_t)blocks * REEL_BLOCK_SIZE, 2, &error);

    g_assert_no_error(error);
    return cache;
}

static inline ReelCursor *
fixture_cursor(ReelProgramme *programme)
{
    g_autoptr(GError) error = NULL;
    unsigned tracks[2] = {0, 1};
    ReelCursor *cursor = reel_cursor_new(programme, tracks, 2, &error);

    g_assert_no_error(error);
    return cursor;
}

/* Peeks, waiting for the helper threads as long as it takes. */
static inline ReelNext
fixture_next(ReelCursor *cursor, ReelRecord *ret_record)
{
    int64_t wake_us;
    ReelNext next;

    while ((next = reel_cursor_peek(cursor, g_get_monotonic_time(), ret_record, &wake_us)) == REEL_NEXT_WAIT)
        g_thread_yield();
    return next;
}
