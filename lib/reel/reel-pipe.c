#include "lib/reel/reel-pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"

#define PIPE_MAGIC "IMSTVPIP"
#define PIPE_VERSION 1u
#define PIPE_DATA_OFFSET 4096u
#define PIPE_CAPACITY_MIN (64u << 10)
#define PIPE_CAPACITY_MAX (256u << 20)

typedef struct {
    uint16_t kind, codec;
    uint32_t clock_rate;
    uint16_t channels, zero;
} PipeTrack;

/* The first page of the memory. */
typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t n_tracks;
    uint64_t capacity; /* bytes of the ring, which follows the page */
    PipeTrack tracks[REEL_TRACKS_MAX];
    _Alignas(64) _Atomic uint64_t written; /* bytes ever; the writer's */
    _Alignas(64) _Atomic uint64_t read;    /* bytes ever; the reader's */
} PipePage;
G_STATIC_ASSERT(offsetof(PipePage, written) == 256 && offsetof(PipePage, read) == 320);
G_STATIC_ASSERT(sizeof(PipePage) <= PIPE_DATA_OFFSET);

/* Followed by the payload and 0..7 bytes of padding. */
typedef struct {
    int64_t due_us;
    uint32_t rtp_ticks;
    uint16_t length;
    uint16_t flags;
    uint16_t track;
    uint16_t zero[3];
} PipeRecord;
G_STATIC_ASSERT(sizeof(PipeRecord) == 24);

struct ReelPipe {
    int fd; /* the reader's; -1 in the writer */
    size_t size;
    PipePage *page;
    uint8_t *ring;
    uint64_t capacity; /* private copies of what the page says */
    unsigned n_tracks;
    ReelTrackInfo tracks[REEL_TRACKS_MAX];
    uint64_t written, read;
    uint8_t payload[REEL_PAYLOAD_MAX + 8];
};

static inline size_t
pipe_record_size(uint16_t length)
{
    return sizeof(PipeRecord) + ((length + 7u) & ~7u);
}

static bool
map(ReelPipe *self, int fd, size_t size, GError **error)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "shared memory of a channel: %s",
                    g_strerror(errno));
        return false;
    }
    self->size = size;
    self->page = memory;
    self->ring = (uint8_t *)memory + PIPE_DATA_OFFSET;
    return true;
}

ReelPipe *
reel_pipe_new(const ReelTrackInfo *tracks, unsigned n_tracks, size_t capacity_bytes, GError **error)
{
    g_autoptr(ReelPipe) self = g_new0(ReelPipe, 1);

    g_assert(n_tracks <= REEL_TRACKS_MAX && capacity_bytes >= PIPE_CAPACITY_MIN &&
             capacity_bytes <= PIPE_CAPACITY_MAX && (capacity_bytes & (capacity_bytes - 1)) == 0);
    self->fd = memfd_create("imstv-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (self->fd < 0 || ftruncate(self->fd, (off_t)(PIPE_DATA_OFFSET + capacity_bytes)) != 0 ||
        fcntl(self->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "shared memory of a channel: %s",
                    g_strerror(errno));
        return NULL;
    }
    if (!map(self, self->fd, PIPE_DATA_OFFSET + capacity_bytes, error))
        return NULL;
    self->capacity = self->page->capacity = capacity_bytes;
    self->n_tracks = self->page->n_tracks = n_tracks;
    memcpy(self->page->magic, PIPE_MAGIC, sizeof(self->page->magic));
    self->page->version = PIPE_VERSION;
    for (unsigned i = 0; i < n_tracks; i++) {
        self->tracks[i] = tracks[i];
        self->page->tracks[i] = (PipeTrack){.kind = (uint16_t)tracks[i].kind,
                                            .codec = (uint16_t)tracks[i].codec,
                                            .clock_rate = tracks[i].clock_rate,
                                            .channels = tracks[i].channels};
    }
    return g_steal_pointer(&self);
}

static bool
page_is_ours(const PipePage *page, uint64_t file_size)
{
    return memcmp(page->magic, PIPE_MAGIC, sizeof(page->magic)) == 0 && page->version == PIPE_VERSION &&
           page->n_tracks <= REEL_TRACKS_MAX && page->capacity >= PIPE_CAPACITY_MIN &&
           page->capacity <= PIPE_CAPACITY_MAX && (page->capacity & (page->capacity - 1)) == 0 &&
           file_size == PIPE_DATA_OFFSET + page->capacity;
}

ReelPipe *
reel_pipe_attach(int fd, GError **error)
{
    g_autoptr(ReelPipe) self = g_new0(ReelPipe, 1);
    struct stat info;

    self->fd = -1;
    if (fstat(fd, &info) != 0 || info.st_size < (off_t)PIPE_DATA_OFFSET) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "descriptor %d is not the memory of a channel",
                    fd);
        return NULL;
    }
    if (!map(self, fd, (size_t)info.st_size, error))
        return NULL;
    if (!page_is_ours(self->page, (uint64_t)info.st_size)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "descriptor %d is not the memory of a channel",
                    fd);
        return NULL;
    }
    self->capacity = self->page->capacity;
    self->n_tracks = self->page->n_tracks;
    for (unsigned i = 0; i < self->n_tracks; i++) {
        const PipeTrack *track = &self->page->tracks[i];
        self->tracks[i] = (ReelTrackInfo){.kind = (ReelKind)track->kind,
                                          .codec = (ReelCodec)track->codec,
                                          .clock_rate = track->clock_rate,
                                          .channels = track->channels};
    }
    self->written = atomic_load(&self->page->written);
    return g_steal_pointer(&self);
}

void
reel_pipe_free(ReelPipe *self)
{
    if (!self)
        return;
    if (self->page)
        munmap(self->page, self->size);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

int
reel_pipe_fd(const ReelPipe *self)
{
    return self->fd;
}

unsigned
reel_pipe_n_tracks(const ReelPipe *self)
{
    return self->n_tracks;
}

const ReelTrackInfo *
reel_pipe_track(const ReelPipe *self, unsigned track)
{
    return &self->tracks[track];
}

static void
ring_put(ReelPipe *self, uint64_t at, const void *data, size_t length)
{
    size_t offset = at & (self->capacity - 1);
    size_t first = MIN(length, self->capacity - offset);

    memcpy(self->ring + offset, data, first);
    memcpy(self->ring, (const uint8_t *)data + first, length - first);
}

static void
ring_get(const ReelPipe *self, uint64_t at, void *data, size_t length)
{
    size_t offset = at & (self->capacity - 1);
    size_t first = MIN(length, self->capacity - offset);

    memcpy(data, self->ring + offset, first);
    memcpy((uint8_t *)data + first, self->ring, length - first);
}

bool
reel_pipe_write(ReelPipe *self, unsigned track, const ReelRecord *record)
{
    const PipeRecord header = {.due_us = record->due_us,
                               .rtp_ticks = record->rtp_ticks,
                               .length = record->length,
                               .flags = record->flags,
                               .track = (uint16_t)track};
    size_t size = pipe_record_size(record->length);
    uint64_t read = atomic_load_explicit(&self->page->read, memory_order_acquire);

    if (track >= self->n_tracks || record->length == 0 || record->length > REEL_PAYLOAD_MAX ||
        self->written - read > self->capacity - size)
        return false;
    ring_put(self, self->written, &header, sizeof(header));
    ring_put(self, self->written + sizeof(header), record->payload, record->length);
    self->written += size;
    atomic_store_explicit(&self->page->written, self->written, memory_order_release);
    return true;
}

static ReelPipeResult
throw_away(ReelPipe *self, uint64_t written)
{
    self->read = written;
    atomic_store_explicit(&self->page->read, self->read, memory_order_release);
    return REEL_PIPE_LIE;
}

ReelPipeResult
reel_pipe_read(ReelPipe *self, ReelRecord *ret_record)
{
    uint64_t written = atomic_load_explicit(&self->page->written, memory_order_acquire);
    uint64_t available = written - self->read;
    PipeRecord header;

    if (available == 0)
        return REEL_PIPE_EMPTY;
    if (available > self->capacity || available < sizeof(header) || written % 8 != 0)
        return throw_away(self, written & ~UINT64_C(7));
    ring_get(self, self->read, &header, sizeof(header));
    if (header.length == 0 || header.length > REEL_PAYLOAD_MAX || header.track >= self->n_tracks ||
        pipe_record_size(header.length) > available)
        return throw_away(self, written);
    ring_get(self, self->read + sizeof(header), self->payload, header.length);
    self->read += pipe_record_size(header.length);
    atomic_store_explicit(&self->page->read, self->read, memory_order_release);
    *ret_record = (ReelRecord){.payload = self->payload,
                               .length = header.length,
                               .flags = header.flags & 0x1f,
                               .track = header.track,
                               .rtp_ticks = header.rtp_ticks,
                               .due_us = header.due_us};
    return REEL_PIPE_RECORD;
}
