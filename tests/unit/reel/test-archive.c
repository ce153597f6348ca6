/* Channels on disk: what the archive writes are films. */
#include "lib/reel/reel-archive.h"

#include "lib/reel/reel-live.h"
#include "tests/unit/reel/reel-fixture.h"

#define START_US (INT64_C(1000) * G_USEC_PER_SEC)
#define SECONDS 150u

static void
grow(ReelProgramme *channel, unsigned from_s, unsigned to_s)
{
    uint8_t buffer[REEL_PAYLOAD_MAX];

    for (uint32_t frame = from_s * 25; frame < to_s * 25; frame++)
        for (uint32_t packet = 0; packet < FIXTURE_PACKETS; packet++) {
            ReelRecord record = fixture_record(buffer, REEL_VIDEO, frame, packet, START_US);
            g_assert_true(reel_live_append(channel, 0, &record));
        }
    for (uint32_t frame = from_s * 50; frame < to_s * 50; frame++) {
        ReelRecord record = fixture_record(buffer, REEL_AUDIO, frame, 0, START_US);
        g_assert_true(reel_live_append(channel, 1, &record));
    }
}

/* Every segment is a film of its own, they begin on key frames, and together they are everything. */
static void
test_segments_are_films(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(ReelBlockCache) cache = fixture_cache(512);
    g_autoptr(ReelProgramme) channel = reel_live_new(cache, "channel:one", fixture_tracks, 2, 300);
    g_autoptr(ReelProgramme) recording = NULL;
    g_autoptr(GError) error = NULL;
    ReelArchive *archive = reel_archive_new();
    ReelArchiveStats stats;
    unsigned n_packets = 0, n_segments = 0;

    reel_archive_add(archive, channel, folder, 3600);
    grow(channel, 0, SECONDS);
    reel_live_end(channel);
    reel_archive_remove(archive, channel);
    do {
        reel_archive_stats(archive, &stats);
        g_thread_yield();
    } while (stats.segments < 6); /* 150 s: three of each track */
    g_assert_cmpuint(stats.lost + stats.errors, ==, 0);
    reel_archive_free(archive);

    recording = reel_programme_open(cache, "asset:recording", folder, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < reel_programme_n_tracks(recording); i++) {
        g_autoptr(ReelCursor) cursor = reel_cursor_new(recording, &i, 1, NULL);
        uint32_t in_segment = 0;
        ReelRecord record;
        if (reel_programme_track(recording, i)->kind != REEL_VIDEO)
            continue;
        n_segments++;
        while (fixture_next(cursor, &record) == REEL_NEXT_RECORD) {
            FixtureMark mark = fixture_check(&record);
            if (in_segment++ == 0)
                g_assert_cmpint(record.flags & REEL_ENTRY, ==, REEL_ENTRY);
            g_assert_cmpuint(mark.frame * FIXTURE_PACKETS + mark.packet, ==, n_packets++);
            reel_cursor_advance(cursor);
        }
    }
    g_assert_cmpuint(n_segments, ==, 3);
    g_assert_cmpuint(n_packets, ==, SECONDS * 25 * FIXTURE_PACKETS);
    g_clear_pointer(&recording, reel_programme_unref);
    fixture_remove(folder);
}

/* A folder that cannot be written costs the archive, nothing else. */
static void
test_no_disk_loses_the_archive_only(void)
{
    g_autoptr(ReelBlockCache) cache = fixture_cache(512);
    g_autoptr(ReelProgramme) channel = reel_live_new(cache, "channel:one", fixture_tracks, 2, 300);
    g_autoptr(ReelCursor) cursor = fixture_cursor(channel);
    g_autoptr(ReelArchive) archive = reel_archive_new();
    ReelArchiveStats stats;
    ReelRecord record;

    reel_archive_add(archive, channel, "/proc/nothing", 3600);
    grow(channel, 0, 20);
    do {
        reel_archive_stats(archive, &stats);
        g_thread_yield();
    } while (stats.errors < 2);
    g_assert_cmpint(fixture_next(cursor, &record), ==, REEL_NEXT_RECORD);
    fixture_check(&record);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reel/archive/segments-are-films", test_segments_are_films);
    g_test_add_func("/reel/archive/no-disk-loses-the-archive-only", test_no_disk_loses_the_archive_only);
    return g_test_run();
}
