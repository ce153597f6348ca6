#include "tests/integration/reel-reader.h"

#include "lib/reel/block-cache.h"
#include "lib/reel/cursor.h"

static const uint8_t start_code[4] = {0, 0, 0, 1};

static void
unit_free(gpointer data)
{
    ReaderUnit *unit = data;

    g_byte_array_unref(unit->bytes);
    g_free(unit);
}

static void
append_nal(GByteArray *bytes, const uint8_t *nal, guint length)
{
    g_byte_array_append(bytes, start_code, sizeof start_code);
    g_byte_array_append(bytes, nal, length);
}

/* Spec: RFC 6184 5.6 (single), 5.7.1 (STAP-A), 5.8 (FU-A). */
static void
depayload(GByteArray *bytes, const uint8_t *payload, guint length)
{
    unsigned type = payload[0] & 0x1f;

    if (type == 24) {
        for (guint at = 1; at + 2 <= length;) {
            guint size = (guint)payload[at] << 8 | payload[at + 1];

            g_assert_cmpuint(at + 2 + size, <=, length);
            append_nal(bytes, payload + at + 2, size);
            at += 2 + size;
        }
    } else if (type == 28) {
        g_assert_cmpuint(length, >, 2);
        if (payload[1] & 0x80) {
            uint8_t header = (uint8_t)((payload[0] & 0xe0) | (payload[1] & 0x1f));

            append_nal(bytes, &header, 1);
        }
        g_byte_array_append(bytes, payload + 2, length - 2);
    } else {
        g_assert_cmpuint(type, >=, 1);
        g_assert_cmpuint(type, <=, 23);
        append_nal(bytes, payload, length);
    }
}

static void
take(GPtrArray *units, const ReelRecord *record, bool video)
{
    ReaderUnit *unit;

    g_assert_cmpuint(record->length, <=, REEL_PAYLOAD_MAX);
    if (record->flags & REEL_FLAG_FRAME_START) {
        unit = g_new0(ReaderUnit, 1);
        unit->bytes = g_byte_array_new();
        unit->due_us = record->due_us;
        unit->rtp_ticks = record->rtp_ticks;
        unit->key = record->flags & REEL_FLAG_KEY;
        g_ptr_array_add(units, unit);
    }
    g_assert_cmpuint(units->len, >, 0);
    unit = g_ptr_array_index(units, units->len - 1);
    g_assert_cmpuint(unit->rtp_ticks, ==, record->rtp_ticks);
    if (video)
        depayload(unit->bytes, record->payload, record->length);
    else
        g_byte_array_append(unit->bytes, record->payload, record->length);
}

static void
read_all(ReelCursor *cursor, GPtrArray *units, bool video)
{
    int64_t give_up_us = g_get_monotonic_time() + 30 * G_USEC_PER_SEC, wake_us;
    ReelRecord record;
    ReelNext next;

    while ((next = reel_cursor_peek(cursor, g_get_monotonic_time(), &record, &wake_us)) != REEL_NEXT_END) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up_us);
        g_assert_cmpint(next, !=, REEL_NEXT_GAP);
        if (next == REEL_NEXT_RECORD) {
            take(units, &record, video);
            reel_cursor_advance(cursor);
        } else {
            g_usleep((gulong)CLAMP(wake_us - g_get_monotonic_time(), 100,
                                   10000)); /* a helper thread reads the block */
        }
    }
}

GPtrArray *
reader_units(const char *state, const char *id, bool video, int64_t *ret_duration_us)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_build_filename(state, "content", id, NULL);
    ReelBlockCache *cache = reel_block_cache_new(256 * REEL_BLOCK_SIZE, 1, &error);
    ReelProgramme *programme = reel_programme_open(cache, "asset:test", folder, &error);
    GPtrArray *units = g_ptr_array_new_with_free_func(unit_free);
    ReelCursor *cursor;
    unsigned track;
    int64_t first_us, last_us;

    g_assert_no_error(error);
    track = (unsigned)reel_programme_find_track(programme, video ? REEL_VIDEO : REEL_AUDIO, 0);
    g_assert_true(reel_programme_range(programme, &first_us, &last_us));
    g_assert_cmpint(first_us, ==, 0);
    if (ret_duration_us != NULL)
        *ret_duration_us = last_us;
    cursor = reel_cursor_new(programme, &track, 1, &error);
    g_assert_no_error(error);
    read_all(cursor, units, video);

    reel_cursor_free(cursor);
    reel_programme_unref(programme);
    reel_block_cache_free(cache);
    return units;
}
