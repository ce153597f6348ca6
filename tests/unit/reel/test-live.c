/* A channel's window: one thread appends, cursors follow. Time is whatever the test says. */
#include "lib/reel/reel-live.h"

#include "tests/unit/reel/reel-fixture.h"

#define START_US (INT64_C(1000) * G_USEC_PER_SEC)

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *channel;
    ReelCursor *cursor;
    uint32_t next_video, next_audio;
} Live;

static void
setup(Live *f, gconstpointer data)
{
    f->cache = fixture_cache(data ? GPOINTER_TO_UINT(data) : 512);
    f->channel = reel_live_new(f->cache, "channel:one", fixture_tracks, 2, 20);
    f->cursor = fixture_cursor(f->channel);
}

static void
teardown(Live *f, gconstpointer data)
{
    ReelBlockCacheStats stats;

    (void)data;
    reel_cursor_free(f->cursor);
    reel_programme_unref(f->channel);
    reel_block_cache_stats(f->cache, &stats);
    g_assert_cmpuint(stats.live_blocks, ==, 0);
    g_assert_cmpuint(stats.used_blocks, ==, 0);
    reel_block_cache_free(f->cache);
}

static void
append_frame(Live *f, ReelKind kind, uint32_t frame)
{
    uint8_t buffer[REEL_PAYLOAD_MAX];

    for (uint32_t packet = 0; packet < (kind == REEL_VIDEO ? FIXTURE_PACKETS : 1); packet++) {
        ReelRecord record = fixture_record(buffer, kind, frame, packet, START_US);
        reel_live_append(f->channel, kind == REEL_VIDEO ? 0 : 1, &record);
    }
}

/* Appends everything that is due before @until_us. */
static void
grow(Live *f, int64_t until_us)
{
    while ((int64_t)f->next_video * FIXTURE_FRAME_US < until_us)
        append_frame(f, REEL_VIDEO, f->next_video++);
    while ((int64_t)f->next_audio * FIXTURE_AUDIO_US < until_us)
        append_frame(f, REEL_AUDIO, f->next_audio++);
}

static ReelNext
peek(Live *f, int64_t now_us, ReelRecord *ret_record)
{
    int64_t wake_us;

    return reel_cursor_peek(f->cursor, START_US + now_us, ret_record, &wake_us);
}

static void
test_waits_for_the_first_key_frame(Live *f, gconstpointer data)
{
    int64_t first_us, last_us;
    ReelRecord record;

    (void)data;
    g_assert_false(reel_programme_range(f->channel, &first_us, &last_us));
    g_assert_cmpint(peek(f, 0, &record), ==, REEL_NEXT_EDGE);
    for (uint32_t frame = 7; frame < 50; frame++)
        append_frame(f, REEL_VIDEO, frame); /* no key frame among them */
    g_assert_cmpint(peek(f, 0, &record), ==, REEL_NEXT_EDGE);
    append_frame(f, REEL_VIDEO, 50);
    g_assert_cmpint(peek(f, 0, &record), ==, REEL_NEXT_RECORD);
    g_assert_cmpint(record.flags & REEL_ENTRY, ==, REEL_ENTRY);
    g_assert_cmpuint(fixture_check(&record).frame, ==, 50);
}

static void
test_joins_at_the_newest_key_frame_that_is_due(Live *f, gconstpointer data)
{
    ReelRecord record;

    (void)data;
    grow(f, 8500000); /* key frames at 0, 2, 4, 6, 8 s */
    g_assert_cmpint(peek(f, 7900000, &record), ==, REEL_NEXT_RECORD);
    g_assert_cmpint(record.due_us, ==, START_US + 6000000);
    g_assert_cmpint(record.flags & REEL_ENTRY, ==, REEL_ENTRY);
}

static void
test_follows_the_edge(Live *f, gconstpointer data)
{
    uint64_t serial = reel_programme_tail_serial(f->channel);
    uint32_t n_video = 0, n_audio = 0;
    ReelRecord record;

    (void)data;
    for (int64_t now_us = 100000; now_us <= 60000000; now_us += 100000) {
        ReelNext next;
        grow(f, now_us);
        g_assert_cmpuint(reel_programme_tail_serial(f->channel), !=, serial);
        serial = reel_programme_tail_serial(f->channel);
        while ((next = peek(f, now_us, &record)) == REEL_NEXT_RECORD) {
            FixtureMark mark = fixture_check(&record);
            if (record.track == 0)
                g_assert_cmpuint(mark.frame * FIXTURE_PACKETS + mark.packet, ==, n_video++);
            else
                g_assert_cmpuint(mark.frame, ==, n_audio++);
            reel_cursor_advance(f->cursor);
        }
        g_assert_cmpint(next, ==, REEL_NEXT_EDGE);
    }
    g_assert_cmpuint(n_video, ==, 60 * 25 * FIXTURE_PACKETS);
    g_assert_cmpuint(n_audio, ==, 60 * 50);
    g_assert_cmpuint(reel_cursor_fall_offs(f->cursor), ==, 0);
}

static void
test_window_falls_off_in_segments(Live *f, gconstpointer data)
{
    int64_t first_us, last_us;

    (void)data;
    grow(f, 120000000);
    g_assert_true(reel_programme_range(f->channel, &first_us, &last_us));
    g_assert_cmpint(last_us, >=, START_US + 118000000);
    g_assert_cmpint(first_us, <=, START_US + 100000000);
    g_assert_cmpint(first_us, >=, START_US + 90000000);
}

static void
test_cursor_that_fell_off_goes_to_the_oldest_key_frame(Live *f, gconstpointer data)
{
    int64_t first_us, last_us, gap_us;
    ReelRecord record;
    ReelNext next;

    (void)data;
    grow(f, 1000000);
    g_assert_cmpint(peek(f, 0, &record), ==, REEL_NEXT_RECORD);
    grow(f, 120000000); /* paused for two minutes */
    while ((next = peek(f, 120000000, &record)) == REEL_NEXT_RECORD) {
        fixture_check(&record); /* the block it stood in stays whole as long as it stands there */
        reel_cursor_advance(f->cursor);
    }
    g_assert_cmpint(next, ==, REEL_NEXT_GAP);
    gap_us = record.due_us;
    reel_programme_range(f->channel, &first_us, &last_us);
    g_assert_cmpint(gap_us, >=, first_us);
    g_assert_cmpint(gap_us, <=, first_us + 4 * G_USEC_PER_SEC);
    g_assert_cmpint(peek(f, 120000000, &record), ==, REEL_NEXT_RECORD);
    g_assert_cmpint(record.due_us, ==, gap_us);
    g_assert_cmpuint(reel_cursor_fall_offs(f->cursor), ==, 1);
}

static void
test_interruption_is_marked_and_starts_on_a_key_frame(Live *f, gconstpointer data)
{
    bool seen = false;
    ReelRecord record;

    (void)data;
    grow(f, 1500000);
    reel_live_interrupt(f->channel);
    f->next_video += 3;
    grow(f, 5000000);
    reel_cursor_seek(f->cursor, START_US, NULL);
    while (peek(f, 0, &record) == REEL_NEXT_RECORD) {
        FixtureMark mark = fixture_check(&record);
        if (record.track == 0 && (record.flags & REEL_FLAG_DISCONTINUITY)) {
            g_assert_cmpuint(mark.frame, ==, 50); /* the key frame after 37..41, which were dropped */
            g_assert_false(seen);
            seen = true;
        }
        if (record.track == 0)
            g_assert_false(mark.frame >= 38 && mark.frame < 50);
        reel_cursor_advance(f->cursor);
    }
    g_assert_true(seen);
}

static void
test_time_never_goes_back(Live *f, gconstpointer data)
{
    uint8_t buffer[REEL_PAYLOAD_MAX];
    ReelRecord record = fixture_record(buffer, REEL_VIDEO, 0, 0, START_US);
    int64_t last_us[2] = {INT64_MIN, INT64_MIN};
    g_autoptr(GRand) random = g_rand_new_with_seed(5);

    (void)data;
    for (unsigned i = 0; i < 20000; i++) { /* a writer that lies about everything */
        record.due_us = START_US + g_rand_int_range(random, -1000000, 1000000) * INT64_C(1000);
        record.length = (uint16_t)g_rand_int_range(random, 0, 1150);
        record.flags = (uint16_t)g_rand_int(random);
        if (i % 1000 == 999)
            record.due_us = i % 2000 == 999 ? INT64_MIN : INT64_MAX;
        reel_live_append(f->channel, (unsigned)g_rand_int_range(random, 0, 3), &record);
        if (i % 10 == 0)
            while (reel_cursor_peek(f->cursor, INT64_MAX / 4, &record, &(int64_t){0}) == REEL_NEXT_RECORD) {
                g_assert_cmpuint(record.length, <=, REEL_PAYLOAD_MAX);
                g_assert_cmpint(record.due_us, >=, last_us[record.track]);
                last_us[record.track] = record.due_us;
                reel_cursor_advance(f->cursor);
            }
        record.payload = buffer;
    }
}

/* More channel than memory: the window shortens, play-out goes on. */
static void
test_small_memory_shortens_the_window(Live *f, gconstpointer data)
{
    int64_t first_us, last_us;

    (void)data;
    reel_cursor_free(f->cursor);
    reel_programme_unref(f->channel);
    f->channel = reel_live_new(f->cache, "channel:long", fixture_tracks, 2, 1000);
    f->cursor = fixture_cursor(f->channel);
    grow(f, 200000000);
    g_assert_true(reel_programme_range(f->channel, &first_us, &last_us));
    g_assert_cmpint(last_us, ==, START_US + 198000000);
    g_assert_cmpint(first_us, >, START_US + 150000000);
}

static void
test_zaps_to_another_channel(Live *f, gconstpointer data)
{
    g_autoptr(ReelProgramme) other = reel_live_new(f->cache, "channel:two", fixture_tracks, 2, 20);
    g_autoptr(GError) error = NULL;
    uint8_t buffer[REEL_PAYLOAD_MAX];
    ReelRecord record;

    (void)data;
    grow(f, 5000000);
    g_assert_cmpint(peek(f, 5000000, &record), ==, REEL_NEXT_RECORD);
    record = fixture_record(buffer, REEL_VIDEO, 100, 0, START_US);
    g_assert_true(reel_live_append(other, 0, &record));
    g_assert_false(reel_cursor_switch(f->cursor, other, (const unsigned[]){0, 7}, 2, &error));
    g_assert_nonnull(error);
    g_assert_true(reel_cursor_switch(f->cursor, other, (const unsigned[]){0, 1}, 2, NULL));
    g_assert_cmpint(peek(f, 5000000, &record), ==, REEL_NEXT_RECORD);
    g_assert_cmpuint(fixture_check(&record).frame, ==, 100);
    reel_live_end(other);
    reel_cursor_advance(f->cursor);
    g_assert_cmpint(peek(f, 5000000, &record), ==, REEL_NEXT_END);
    g_assert_true(reel_cursor_switch(f->cursor, f->channel, (const unsigned[]){0, 1}, 2, NULL));
}

/* Two readers race with the appender through many turns of a small window. */
static void *
read_until_end(void *data)
{
    g_autoptr(ReelCursor) cursor = fixture_cursor(data);
    uint64_t n_records = 0;
    ReelRecord record;
    int64_t wake_us;

    for (;;) {
        switch (reel_cursor_peek(cursor, INT64_MAX / 4, &record, &wake_us)) {
        case REEL_NEXT_RECORD:
            fixture_check(&record);
            n_records++;
            reel_cursor_advance(cursor);
            if (n_records % 5000 == 0)
                reel_cursor_seek(cursor, 0, NULL); /* the oldest: right where it falls off */
            break;
        case REEL_NEXT_END:
            return GUINT_TO_POINTER(n_records > 0);
        case REEL_NEXT_WAIT:
        case REEL_NEXT_EDGE:
        case REEL_NEXT_GAP:
            g_thread_yield();
            break;
        }
    }
}

static void
test_readers_race_with_the_writer(Live *f, gconstpointer data)
{
    GThread *readers[2];

    (void)data;
    for (unsigned i = 0; i < 2; i++)
        readers[i] = g_thread_new("reader", read_until_end, f->channel);
    for (int64_t now_us = 0; now_us < 600000000; now_us += 1000000)
        grow(f, now_us);
    reel_live_end(f->channel);
    for (unsigned i = 0; i < 2; i++)
        g_assert_nonnull(g_thread_join(readers[i]));
}

#define ADD(path, size, func) g_test_add(path, Live, GUINT_TO_POINTER(size), setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/reel/live/waits-for-the-first-key-frame", 0, test_waits_for_the_first_key_frame);
    ADD("/reel/live/joins-at-the-newest-key-frame-that-is-due", 0,
        test_joins_at_the_newest_key_frame_that_is_due);
    ADD("/reel/live/follows-the-edge", 0, test_follows_the_edge);
    ADD("/reel/live/window-falls-off-in-segments", 0, test_window_falls_off_in_segments);
    ADD("/reel/live/fallen-cursor-goes-to-the-oldest-key-frame", 0,
        test_cursor_that_fell_off_goes_to_the_oldest_key_frame);
    ADD("/reel/live/interruption-is-marked", 0, test_interruption_is_marked_and_starts_on_a_key_frame);
    ADD("/reel/live/time-never-goes-back", 0, test_time_never_goes_back);
    ADD("/reel/live/small-memory-shortens-the-window", 64, test_small_memory_shortens_the_window);
    ADD("/reel/live/zaps-to-another-channel", 0, test_zaps_to_another_channel);
    ADD("/reel/live/readers-race-with-the-writer", 96, test_readers_race_with_the_writer);
    return g_test_run();
}
