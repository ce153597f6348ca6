/* faults.md 10: a disk that stands still holds up those who watch what is on it, and nobody else. The
 * program's own pread stands in for the kernel's. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/reel/reel-fixture.h"

static _Atomic bool frozen;

static bool
is_slow(int fd)
{
    char link[64], target[512];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = 0;
    return strstr(target, "/slow/") != NULL;
}

ssize_t
pread(int fd, void *buffer, size_t length, off_t offset)
{
    while (frozen && is_slow(fd))
        g_usleep(1000);
    return syscall(SYS_pread64, fd, buffer, length, offset);
}

static void
test_only_its_viewers_wait(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *slow_folder = g_build_filename(folder, "slow", NULL);
    g_autofree char *good_folder = g_build_filename(folder, "good", NULL);
    g_autoptr(ReelBlockCache) cache = fixture_cache(256);
    g_autoptr(ReelProgramme) slow = NULL, good = NULL;
    g_autoptr(ReelCursor) slow_cursor = NULL, good_cursor = NULL;
    unsigned n_records = 0;
    ReelRecord record;
    int64_t wake_us;

    g_mkdir(slow_folder, 0700);
    g_mkdir(good_folder, 0700);
    fixture_write_film(slow_folder, 10);
    fixture_write_film(good_folder, 10);
    slow = reel_programme_open(cache, "asset:slow", slow_folder, NULL);
    good = reel_programme_open(cache, "asset:good", good_folder, NULL);
    slow_cursor = fixture_cursor(slow);
    good_cursor = fixture_cursor(good);

    frozen = true;
    g_assert_cmpint(reel_cursor_peek(slow_cursor, 1000, &record, &wake_us), ==, REEL_NEXT_WAIT);
    g_assert_cmpint(wake_us, >, 1000);
    g_assert_cmpint(wake_us, <=, 11000);
    while (fixture_next(good_cursor, &record) == REEL_NEXT_RECORD) {
        fixture_check(&record);
        reel_cursor_advance(good_cursor);
        n_records++;
        g_assert_cmpint(reel_cursor_peek(slow_cursor, 1000, &record, &wake_us), ==, REEL_NEXT_WAIT);
    }
    g_assert_cmpuint(n_records, ==, 10 * (25 * FIXTURE_PACKETS + 50));
    frozen = false;
    g_assert_cmpint(fixture_next(slow_cursor, &record), ==, REEL_NEXT_RECORD);
    fixture_check(&record);
    fixture_remove(folder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reel/slow-disk/only-its-viewers-wait", test_only_its_viewers_wait);
    return g_test_run();
}
