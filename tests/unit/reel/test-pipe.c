/* The ring between an input process and the MDF, and what a lying writer can do to it. */
#include "lib/reel/reel-pipe.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/reel/reel-fixture.h"

#define CAPACITY (64u << 10)
#define RING_OFFSET 4096u

typedef struct {
    ReelPipe *reader;
    ReelPipe *writer;
} Pipe;

static void
setup(Pipe *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->reader = reel_pipe_new(fixture_tracks, 2, CAPACITY, &error);
    g_assert_no_error(error);
    f->writer = reel_pipe_attach(reel_pipe_fd(f->reader), &error);
    g_assert_no_error(error);
}

static void
teardown(Pipe *f, gconstpointer data)
{
    (void)data;
    reel_pipe_free(f->writer);
    reel_pipe_free(f->reader);
}

static void
test_carries_records_round_and_round(Pipe *f, gconstpointer data)
{
    uint8_t buffer[REEL_PAYLOAD_MAX];
    ReelRecord record;

    (void)data;
    g_assert_cmpuint(reel_pipe_n_tracks(f->writer), ==, 2);
    g_assert_cmpuint(reel_pipe_track(f->writer, 1)->codec, ==, REEL_CODEC_OPUS);
    for (uint32_t frame = 0; frame < 2000; frame++) {
        record = fixture_record(buffer, frame % 3 ? REEL_VIDEO : REEL_AUDIO, frame, 0, 5);
        g_assert_true(reel_pipe_write(f->writer, frame % 3 ? 0 : 1, &record));
        memset(buffer, 0, sizeof(buffer));
        g_assert_cmpint(reel_pipe_read(f->reader, &record), ==, REEL_PIPE_RECORD);
        g_assert_cmpuint(fixture_check(&record).frame, ==, frame);
        g_assert_cmpuint(record.track, ==, frame % 3 ? 0 : 1);
        g_assert_cmpint(reel_pipe_read(f->reader, &record), ==, REEL_PIPE_EMPTY);
    }
}

static void
test_full_refuses_then_goes_on(Pipe *f, gconstpointer data)
{
    uint8_t buffer[REEL_PAYLOAD_MAX];
    ReelRecord record = fixture_record(buffer, REEL_VIDEO, 1, 0, 0), got;
    unsigned written = 0;

    (void)data;
    while (reel_pipe_write(f->writer, 0, &record))
        written++;
    g_assert_cmpuint(written, ==, CAPACITY / (24 + 1152));
    g_assert_cmpint(reel_pipe_read(f->reader, &got), ==, REEL_PIPE_RECORD);
    g_assert_true(reel_pipe_write(f->writer, 0, &record));
    while (reel_pipe_read(f->reader, &got) == REEL_PIPE_RECORD)
        fixture_check(&got);
}

static void
test_memory_cannot_be_cut(Pipe *f, gconstpointer data)
{
    (void)data;
    g_assert_cmpint(ftruncate(reel_pipe_fd(f->reader), 0), ==, -1);
    g_assert_cmpint(ftruncate(reel_pipe_fd(f->reader), 1 << 30), ==, -1);
}

/* Scribbles over all of the shared memory, positions included, while the reader reads. */
static void
test_lying_writer_hurts_nobody(Pipe *f, gconstpointer data)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(42);
    uint8_t *memory =
        mmap(NULL, RING_OFFSET + CAPACITY, PROT_READ | PROT_WRITE, MAP_SHARED, reel_pipe_fd(f->reader), 0);
    unsigned lies = 0, records = 0;
    ReelRecord record;

    (void)data;
    g_assert_true(memory != MAP_FAILED);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t at = (uint32_t)g_rand_int_range(random, 0, (int)(RING_OFFSET + CAPACITY - 8));
        uint64_t value = ((uint64_t)g_rand_int(random) << 32) | g_rand_int(random);
        if (i % 3 == 0)
            at = (uint32_t)g_rand_int_range(random, 0, 64) * 8; /* the page with the positions */
        if (i % 2 == 0)
            value &= 0x1ffff;
        memcpy(memory + at, &value, sizeof(value));
        for (unsigned n = 0; n < 100; n++) {
            ReelPipeResult result = reel_pipe_read(f->reader, &record);
            if (result == REEL_PIPE_EMPTY)
                break;
            lies += result == REEL_PIPE_LIE;
            if (result != REEL_PIPE_RECORD)
                continue;
            records++;
            g_assert_cmpuint(record.length, >=, 1);
            g_assert_cmpuint(record.length, <=, REEL_PAYLOAD_MAX);
            g_assert_cmpuint(record.track, <, 2);
        }
    }
    g_assert_cmpuint(lies, >, 0);
    munmap(memory, RING_OFFSET + CAPACITY);
}

static void
test_refuses_foreign_memory(void)
{
    int fd = memfd_create("x", MFD_CLOEXEC);
    g_autoptr(GError) error = NULL;

    g_assert_null(reel_pipe_attach(fd, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(ftruncate(fd, RING_OFFSET + CAPACITY), ==, 0);
    g_assert_null(reel_pipe_attach(fd, &error));
    g_assert_nonnull(error);
    close(fd);
}

static void
test_writer_finds_its_tracks(Pipe *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelWriter) writer = reel_writer_new_live(reel_pipe_fd(f->reader), &error);
    ReelTrackInfo vp9 = {.kind = REEL_VIDEO, .codec = REEL_CODEC_VP9, .clock_rate = 90000};
    uint8_t buffer[REEL_PAYLOAD_MAX];
    ReelRecord record = fixture_record(buffer, REEL_AUDIO, 3, 0, 0);

    (void)data;
    g_assert_no_error(error);
    g_assert_cmpint(reel_writer_add_track(writer, &fixture_tracks[1], &error), ==, 1);
    g_assert_cmpint(reel_writer_add_track(writer, &vp9, &error), ==, -1);
    g_assert_nonnull(error);
    g_assert_true(reel_writer_append(writer, 1, &record));
    g_assert_cmpint(reel_pipe_read(f->reader, &record), ==, REEL_PIPE_RECORD);
    fixture_check(&record);
}

#define ADD(path, func) g_test_add(path, Pipe, NULL, setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/reel/pipe/carries-records-round-and-round", test_carries_records_round_and_round);
    ADD("/reel/pipe/full-refuses-then-goes-on", test_full_refuses_then_goes_on);
    ADD("/reel/pipe/memory-cannot-be-cut", test_memory_cannot_be_cut);
    ADD("/reel/pipe/lying-writer-hurts-nobody", test_lying_writer_hurts_nobody);
    ADD("/reel/pipe/writer-finds-its-tracks", test_writer_finds_its_tracks);
    g_test_add_func("/reel/pipe/refuses-foreign-memory", test_refuses_foreign_memory);
    return g_test_run();
}
