/* Films from the writer through the block cache to the cursor. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/reel/reel-format.h"
#include "tests/unit/reel/reel-fixture.h"

typedef struct {
    char *folder;
    ReelBlockCache *cache;
    ReelProgramme *film;
    ReelCursor *cursor;
} Film;

#define FILM_S 30u

static void
setup(Film *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->folder = fixture_folder();
    fixture_write_film(f->folder, FILM_S);
    f->cache = fixture_cache(data ? GPOINTER_TO_UINT(data) : 256);
    f->film = reel_programme_open(f->cache, "asset:film", f->folder, &error);
    g_assert_no_error(error);
    f->cursor = fixture_cursor(f->film);
}

static void
teardown(Film *f, gconstpointer data)
{
    (void)data;
    reel_cursor_free(f->cursor);
    reel_programme_unref(f->film);
    reel_block_cache_free(f->cache);
    fixture_remove(f->folder);
    g_free(f->folder);
}

static void
test_describes_itself(Film *f, gconstpointer data)
{
    int64_t first_us, last_us;

    (void)data;
    g_assert_false(reel_programme_is_live(f->film));
    g_assert_cmpuint(reel_programme_n_tracks(f->film), ==, 2);
    g_assert_cmpstr(reel_programme_track(f->film, 1)->language, ==, "en");
    g_assert_cmpuint(reel_programme_track(f->film, 0)->bitrate_kbps, >, 700);
    g_assert_cmpint(reel_programme_find_track(f->film, REEL_AUDIO, 0), ==, 1);
    g_assert_cmpint(reel_programme_find_track(f->film, REEL_VIDEO, REEL_CODEC_VP9), ==, -1);
    g_assert_true(reel_programme_range(f->film, &first_us, &last_us));
    g_assert_cmpint(first_us, ==, 0);
    g_assert_cmpint(last_us, ==, FILM_S * G_USEC_PER_SEC);
}

/* Every packet of both tracks, whole, once, in order of due time. */
static void
test_plays_everything_in_order(Film *f, gconstpointer data)
{
    int64_t last_us = -1;
    uint32_t n_video = 0, n_audio = 0;
    ReelRecord record;

    (void)data;
    while (fixture_next(f->cursor, &record) == REEL_NEXT_RECORD) {
        FixtureMark mark = fixture_check(&record);
        g_assert_cmpint(record.due_us, >=, last_us);
        last_us = record.due_us;
        if (record.track == 0)
            g_assert_cmpuint(mark.frame * FIXTURE_PACKETS + mark.packet, ==, n_video++);
        else
            g_assert_cmpuint(mark.frame, ==, n_audio++);
        reel_cursor_advance(f->cursor);
    }
    g_assert_cmpint(fixture_next(f->cursor, &record), ==, REEL_NEXT_END);
    g_assert_cmpuint(n_video, ==, FILM_S * 25 * FIXTURE_PACKETS);
    g_assert_cmpuint(n_audio, ==, FILM_S * 50);
}

static void
test_seeks_to_the_key_frame_before(Film *f, gconstpointer data)
{
    (void)data;
    for (int64_t want_us = -500000; want_us < (int64_t)(FILM_S + 2) * G_USEC_PER_SEC; want_us += 730001) {
        int64_t at_us, expected_us = CLAMP(want_us, 0, (int64_t)FILM_S * G_USEC_PER_SEC - 1);
        bool video = false, audio = false;
        ReelRecord record;

        expected_us -= expected_us % (FIXTURE_GOP * FIXTURE_FRAME_US);
        g_assert_true(reel_cursor_seek(f->cursor, want_us, &at_us));
        g_assert_cmpint(at_us, ==, expected_us);
        while (!(video && audio)) {
            g_assert_cmpint(fixture_next(f->cursor, &record), ==, REEL_NEXT_RECORD);
            if (record.track == 0 && !video)
                g_assert_cmpint(record.flags & REEL_ENTRY, ==, REEL_ENTRY);
            if (!(record.track == 0 ? video : audio))
                g_assert_cmpint(record.due_us, ==, expected_us);
            *(record.track == 0 ? &video : &audio) = true;
            fixture_check(&record);
            reel_cursor_advance(f->cursor);
        }
    }
}

static void
test_steps_by_key_frames(Film *f, gconstpointer data)
{
    int64_t at_us;

    (void)data;
    g_assert_true(reel_cursor_seek_key(f->cursor, 2000001, 1, &at_us));
    g_assert_cmpint(at_us, ==, 4000000);
    g_assert_true(reel_cursor_seek_key(f->cursor, 3999999, -1, &at_us));
    g_assert_cmpint(at_us, ==, 2000000);
    g_assert_false(reel_cursor_seek_key(f->cursor, (int64_t)FILM_S * G_USEC_PER_SEC, 1, &at_us));
    g_assert_false(reel_cursor_seek_key(f->cursor, -1, -1, &at_us));
}

static void
test_sound_alone_starts_anywhere(Film *f, gconstpointer data)
{
    g_autoptr(ReelCursor) cursor = reel_cursor_new(f->film, (const unsigned[]){1}, 1, NULL);
    int64_t at_us;
    ReelRecord record;

    (void)data;
    g_assert_true(reel_cursor_seek(cursor, 12340000, &at_us));
    g_assert_cmpint(at_us, ==, 12340000);
    g_assert_cmpint(fixture_next(cursor, &record), ==, REEL_NEXT_RECORD);
    g_assert_cmpint(record.due_us, ==, 12340000);
}

/* A small cache turns blocks over; soft references of old packets then fail, never lie. */
static void
test_references_survive_or_fail(Film *f, gconstpointer data)
{
    g_autoptr(GArray) refs = g_array_new(false, false, sizeof(ReelRef));
    g_autoptr(GArray) frames = g_array_new(false, false, sizeof(FixtureMark));
    ReelBlockCacheStats stats;
    unsigned alive = 0;
    ReelRecord record;

    (void)data;
    while (fixture_next(f->cursor, &record) == REEL_NEXT_RECORD) {
        FixtureMark mark = fixture_check(&record);
        g_array_append_val(refs, record.ref);
        g_array_append_val(frames, mark);
        reel_cursor_advance(f->cursor);
    }
    for (unsigned i = 0; i < refs->len; i++) {
        const ReelRef *ref = &g_array_index(refs, ReelRef, i);
        ReelRecord again = {0};
        again.payload = reel_ref_pin(f->cache, ref, &again.length, &again.flags, &again.rtp_ticks);
        if (!again.payload)
            continue;
        g_assert_cmpuint(fixture_check(&again).check, ==, g_array_index(frames, FixtureMark, i).check);
        reel_ref_unpin(f->cache, ref);
        alive++;
    }
    reel_block_cache_stats(f->cache, &stats);
    g_assert_cmpuint(alive, >, 0);
    if (GPOINTER_TO_UINT(data) == 64)
        g_assert_cmpuint(stats.evictions, ==, 0); /* the film is smaller than this */
}

static void
flip(const char *folder, const char *name, off_t offset)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    g_assert_cmpint(pread(fd, &byte, 1, offset), ==, 1);
    byte ^= 0x10;
    g_assert_cmpint(pwrite(fd, &byte, 1, offset), ==, 1);
    close(fd);
}

/* A damaged block: nothing of it is sent, video goes on at the next key frame, sound is not disturbed. */
static void
test_skips_damage_to_the_next_key_frame(Film *f, gconstpointer data)
{
    bool gap = false;
    uint32_t frames_after = 0, n_audio = 0;
    ReelNext next;
    ReelRecord record;

    (void)data;
    flip(f->folder, "00-video.reel", REEL_FILE_HEADER_SIZE + 5 * (off_t)REEL_BLOCK_SIZE + 3000);
    while ((next = fixture_next(f->cursor, &record)) != REEL_NEXT_END) {
        if (next == REEL_NEXT_GAP) {
            g_assert_false(gap);
            gap = true;
            g_assert_cmpint(record.due_us % (FIXTURE_GOP * FIXTURE_FRAME_US), ==, 0);
            continue;
        }
        g_assert_cmpint(next, ==, REEL_NEXT_RECORD);
        fixture_check(&record);
        n_audio += record.track == 1;
        if (record.track == 0 && gap && frames_after++ == 0)
            g_assert_cmpint(record.flags & REEL_ENTRY, ==, REEL_ENTRY);
        reel_cursor_advance(f->cursor);
    }
    g_assert_true(gap);
    g_assert_cmpuint(frames_after, >, 1000);
    g_assert_cmpuint(n_audio, ==, FILM_S * 50);
    g_assert_cmpuint(reel_cursor_skipped_blocks(f->cursor), ==, 1);
    g_assert_cmpuint(reel_programme_corrupt_blocks(f->film), ==, 1);
}

static void
test_last_block_damaged_just_ends(Film *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(f->folder, "00-video.reel", NULL);
    ReelNext next;
    ReelRecord record;

    (void)data;
    g_assert_cmpint(truncate(path, REEL_FILE_HEADER_SIZE + 20 * REEL_BLOCK_SIZE), ==, 0); /* under a viewer */
    while ((next = fixture_next(f->cursor, &record)) != REEL_NEXT_END) {
        if (next == REEL_NEXT_RECORD)
            fixture_check(&record);
        reel_cursor_advance(f->cursor);
    }
    g_assert_cmpuint(reel_cursor_skipped_blocks(f->cursor), >, 0);
}

static void
test_refuses_what_is_no_reel(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *path = g_build_filename(folder, "00-video.reel", NULL);
    g_autoptr(ReelBlockCache) cache = fixture_cache(64);
    g_autoptr(GError) error = NULL;

    g_assert_null(reel_programme_open(cache, "asset:x", folder, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(path, "short", 5, NULL));
    g_assert_null(reel_programme_open(cache, "asset:x", folder, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    g_clear_error(&error);
    fixture_remove(folder);
    g_assert_null(reel_programme_open(cache, "asset:x", folder, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
test_unfinished_files_vanish(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *path = g_build_filename(folder, "00-video.reel", NULL);
    g_autoptr(GError) error = NULL;
    ReelWriter *writer = reel_writer_new_files(folder);

    g_assert_cmpint(reel_writer_add_track(writer, &fixture_tracks[0], &error), ==, 0);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_false(reel_writer_finish(writer, NULL, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE);
    reel_writer_free(writer);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    fixture_remove(folder);
}

/* A limit on file size stands for a full disk: appends are refused, finish says why. */
static void
test_disk_full_is_one_clear_error(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(GError) error = NULL;
    uint8_t buffer[REEL_PAYLOAD_MAX];
    struct rlimit before, small;
    bool refused = false;
    ReelWriter *writer = reel_writer_new_files(folder);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 3 * REEL_BLOCK_SIZE, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    g_assert_cmpint(reel_writer_add_track(writer, &fixture_tracks[0], &error), ==, 0);
    for (uint32_t frame = 0; frame < 400; frame++) {
        ReelRecord record = fixture_record(buffer, REEL_VIDEO, frame, 0, 0);
        refused |= !reel_writer_append(writer, 0, &record);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    g_assert_true(refused);
    g_assert_false(reel_writer_finish(writer, NULL, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    reel_writer_free(writer);
    fixture_remove(folder);
}

#define ADD(path, size, func) g_test_add(path, Film, GUINT_TO_POINTER(size), setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/reel/film/describes-itself", 256, test_describes_itself);
    ADD("/reel/film/plays-everything-in-order", 256, test_plays_everything_in_order);
    ADD("/reel/film/plays-through-a-small-cache", 64, test_plays_everything_in_order);
    ADD("/reel/film/seeks-to-the-key-frame-before", 256, test_seeks_to_the_key_frame_before);
    ADD("/reel/film/steps-by-key-frames", 256, test_steps_by_key_frames);
    ADD("/reel/film/sound-alone-starts-anywhere", 256, test_sound_alone_starts_anywhere);
    ADD("/reel/film/references-survive-or-fail", 64, test_references_survive_or_fail);
    ADD("/reel/film/skips-damage-to-the-next-key-frame", 256, test_skips_damage_to_the_next_key_frame);
    ADD("/reel/film/cut-off-while-playing-just-ends", 256, test_last_block_damaged_just_ends);
    g_test_add_func("/reel/film/refuses-what-is-no-reel", test_refuses_what_is_no_reel);
    g_test_add_func("/reel/film/unfinished-files-vanish", test_unfinished_files_vanish);
    g_test_add_func("/reel/film/disk-full-is-one-clear-error", test_disk_full_is_one_clear_error);
    return g_test_run();
}
