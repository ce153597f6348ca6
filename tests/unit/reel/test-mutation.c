/* faults.md 9: a thousand random mutations of a reel's files; what is sent is always what was written. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/reel/reel-fixture.h"

#define FILM_S 6u

static const char *const names[] = {"00-video.reel", "01-audio.reel"};

static void
mutate(GRand *random, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, names[g_rand_int_range(random, 0, 2)], NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat info;
    uint8_t bytes[64];
    off_t at;

    g_assert_cmpint(fstat(fd, &info), ==, 0);
    at = g_rand_int_range(random, 0, (int)MAX(info.st_size, 1));
    switch (g_rand_int_range(random, 0, 6)) {
    case 0:
        g_assert_cmpint(ftruncate(fd, at), ==, 0);
        break;
    case 1: /* another place of the same file, as a disk that mixes up its blocks */
        g_assert_cmpint(pread(fd, bytes, sizeof(bytes), at / 2), >=, 0);
        g_assert_cmpint(pwrite(fd, bytes, sizeof(bytes), at), >, 0);
        break;
    case 2: /* in the headers and the index */
        at = g_rand_boolean(random) ? g_rand_int_range(random, 0, 200) : MAX(info.st_size - 100, 0);
        G_GNUC_FALLTHROUGH;
    default:
        for (unsigned i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)g_rand_int(random);
        g_assert_cmpint(pwrite(fd, bytes, (size_t)g_rand_int_range(random, 1, 64), at), >, 0);
        break;
    }
    close(fd);
}

static void
copy(const char *from, const char *to)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *source = g_build_filename(from, names[i], NULL);
        g_autofree char *target = g_build_filename(to, names[i], NULL);
        g_autofree char *data = NULL;
        size_t length;
        g_assert_true(g_file_get_contents(source, &data, &length, NULL));
        g_assert_true(
            g_file_set_contents_full(target, data, (gssize)length, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    }
}

/* Every record that comes out is whole and from where it says it is. Returns how many. */
static unsigned
play(ReelBlockCache *cache, const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelProgramme) film = reel_programme_open(cache, "asset:mutant", folder, &error);
    g_autoptr(ReelCursor) cursor = NULL;
    unsigned n_records = 0, steps = 0;
    int64_t last_us = -1;
    ReelNext next;
    ReelRecord record;

    if (!film) {
        g_assert_nonnull(error);
        return 0;
    }
    cursor = fixture_cursor(film);
    while ((next = fixture_next(cursor, &record)) != REEL_NEXT_END) {
        g_assert_cmpuint(++steps, <, 10000);
        if (next == REEL_NEXT_GAP)
            continue;
        FixtureMark mark = fixture_check(&record);
        g_assert_cmpint(record.due_us, ==,
                        (int64_t)mark.frame *
                            (mark.kind == REEL_VIDEO ? FIXTURE_FRAME_US : FIXTURE_AUDIO_US));
        g_assert_cmpint(record.due_us, >=, last_us);
        last_us = record.due_us;
        n_records++;
        reel_cursor_advance(cursor);
    }
    return n_records;
}

static void
test_thousand_mutations(void)
{
    g_autofree char *original = fixture_folder(), *mutant = fixture_folder();
    g_autoptr(ReelBlockCache) cache = fixture_cache(64);
    g_autoptr(GRand) random = g_rand_new_with_seed(20261120);
    unsigned whole = FILM_S * (25 * FIXTURE_PACKETS + 50), damaged = 0;

    fixture_write_film(original, FILM_S);
    g_assert_cmpuint(play(cache, original), ==, whole);
    for (unsigned i = 0; i < 1000; i++) {
        copy(original, mutant);
        mutate(random, mutant);
        damaged += play(cache, mutant) != whole;
    }
    g_test_message("%u of 1000 mutations were noticed", damaged);
    g_assert_cmpuint(damaged, >, 300);
    fixture_remove(original);
    fixture_remove(mutant);
}

/* Two films whose files were exchanged: block by block another reel. */
static void
test_swapped_blocks_are_noticed(void)
{
    g_autofree char *one = fixture_folder(), *two = fixture_folder();
    g_autofree char *path_one = g_build_filename(one, names[0], NULL),
                    *path_two = g_build_filename(two, names[0], NULL);
    g_autoptr(ReelBlockCache) cache = fixture_cache(64);
    g_autofree uint8_t *block = g_malloc(REEL_BLOCK_SIZE);
    int from, to;

    fixture_write_film(one, FILM_S);
    fixture_write_film(two, FILM_S);
    from = open(path_one, O_RDONLY | O_CLOEXEC);
    to = open(path_two, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(pread(from, block, REEL_BLOCK_SIZE, 4096 + REEL_BLOCK_SIZE), ==, REEL_BLOCK_SIZE);
    g_assert_cmpint(pwrite(to, block, REEL_BLOCK_SIZE, 4096 + REEL_BLOCK_SIZE), ==, REEL_BLOCK_SIZE);
    close(from);
    close(to);
    g_assert_cmpuint(play(cache, two), <, FILM_S * (25 * FIXTURE_PACKETS + 50));
    fixture_remove(one);
    fixture_remove(two);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reel/mutation/thousand", test_thousand_mutations);
    g_test_add_func("/reel/mutation/swapped-blocks", test_swapped_blocks_are_noticed);
    return g_test_run();
}
