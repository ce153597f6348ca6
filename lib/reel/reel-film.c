/* Films: tracks in files, read through the block cache. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/reel/programme.h"
#include "lib/reel/queue.h"

/* Words of the map; every other one is the handle of a block in the pool. */
#define MAP_ABSENT 0u
#define MAP_REQUESTED 1u
#define MAP_BAD 2u

#define PREFETCH_MAX 16u
#define REQUESTS_MAX 64u

typedef struct {
    ReelTrack track;
    int fd;
    ReelFileHeader header;
    int64_t *first_dues; /* per block */
    ReelKey *keys;
    _Atomic uint64_t *map; /* per block */
    ReelQueue *requests;   /* block numbers that a helper shall read */
} ReelFilmTrack;

static void
film_kick(ReelProgramme *film)
{
    if (atomic_load_explicit(&film->queued, memory_order_relaxed) || atomic_exchange(&film->queued, true))
        return;
    reel_programme_ref(film);
    if (!reel_block_cache_queue(film->cache, film)) {
        atomic_store(&film->queued, false); /* the next peek tries again */
        reel_programme_unref(film);
    }
}

static void
film_request(ReelFilmTrack *self, uint64_t number)
{
    uint64_t absent = MAP_ABSENT;

    if (!atomic_compare_exchange_strong(&self->map[number], &absent, MAP_REQUESTED))
        return;
    if (!reel_queue_push(self->requests, number))
        atomic_store(&self->map[number], MAP_ABSENT);
}

static ReelBlockResult
film_acquire(ReelTrack *track, uint64_t number, uint64_t *ret_handle, const uint8_t **ret_block)
{
    ReelFilmTrack *self = (ReelFilmTrack *)track;
    uint64_t entry;
    const uint8_t *block;

    if (number >= self->header.n_blocks)
        return REEL_BLOCK_END;
    entry = atomic_load(&self->map[number]);
    if (entry == MAP_BAD)
        return REEL_BLOCK_BAD;
    block = entry > MAP_BAD ? reel_pool_pin(track->programme->pool, entry) : NULL;
    if (block) {
        *ret_handle = entry;
        *ret_block = block;
        return REEL_BLOCK_OK;
    }
    film_request(self, number);
    film_kick(track->programme);
    return REEL_BLOCK_WAIT;
}

static bool
film_is_sealed(const ReelTrack *track, uint64_t number)
{
    (void)track;
    (void)number;
    return true;
}

static void
film_prefetch(ReelTrack *track, uint64_t number, int64_t until_us)
{
    ReelFilmTrack *self = (ReelFilmTrack *)track;
    bool asked = false;

    for (uint64_t next = number + 1; next < self->header.n_blocks && next <= number + PREFETCH_MAX; next++) {
        if (next > number + 1 && self->first_dues[next] > until_us)
            break;
        if (atomic_load_explicit(&self->map[next], memory_order_relaxed) == MAP_ABSENT) {
            film_request(self, next);
            asked = true;
        }
    }
    if (asked)
        film_kick(track->programme);
}

static bool
film_first_due(const ReelTrack *track, uint64_t number, int64_t *ret_us)
{
    const ReelFilmTrack *self = (const ReelFilmTrack *)track;

    if (number >= self->header.n_blocks)
        return false;
    *ret_us = self->first_dues[number];
    return true;
}

/* Number of keys due at or before @due_us. */
static uint64_t
count_keys_before(const ReelFilmTrack *self, int64_t due_us)
{
    uint64_t low = 0, high = self->header.n_keys;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (self->keys[middle].due_us <= due_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
film_find(const ReelTrack *track, ReelFind find, int64_t due_us, ReelPosition *ret_position)
{
    const ReelFilmTrack *self = (const ReelFilmTrack *)track;
    uint64_t n_before, at;

    if (self->header.n_keys == 0)
        return false;
    if (find == REEL_FIND_BEFORE) {
        n_before = count_keys_before(self, due_us);
        at = n_before > 0 ? n_before - 1 : 0;
    } else {
        at = due_us == INT64_MIN ? 0 : count_keys_before(self, due_us - 1);
    }
    if (at >= self->header.n_keys)
        return false;
    *ret_position = (ReelPosition){
        .due_us = self->keys[at].due_us, .block = self->keys[at].block, .offset = self->keys[at].offset};
    return true;
}

static bool
film_range(const ReelTrack *track, int64_t *ret_first_us, int64_t *ret_newest_entry_us, int64_t *ret_last_us)
{
    const ReelFilmTrack *self = (const ReelFilmTrack *)track;

    *ret_first_us = self->header.first_due_us;
    *ret_newest_entry_us =
        self->header.n_keys > 0 ? self->keys[self->header.n_keys - 1].due_us : self->header.first_due_us;
    *ret_last_us = self->header.end_us;
    return true;
}

static void
film_free(ReelTrack *track)
{
    ReelFilmTrack *self = (ReelFilmTrack *)track;

    if (self->map) {
        for (uint64_t i = 0; i < self->header.n_blocks; i++) {
            uint64_t entry = atomic_load(&self->map[i]);
            if (entry > MAP_BAD)
                reel_pool_drop(track->programme->pool, entry, false);
        }
    }
    if (self->fd >= 0)
        close(self->fd);
    g_free(self->map);
    g_free(self->first_dues);
    g_free(self->keys);
    reel_queue_free(self->requests);
    g_free(self);
}

static const ReelTrackOps film_ops = {.acquire = film_acquire,
                                      .is_sealed = film_is_sealed,
                                      .prefetch = film_prefetch,
                                      .first_due = film_first_due,
                                      .find = film_find,
                                      .range = film_range,
                                      .free = film_free};

/* Reads exactly @length bytes; a shorter file or an error is false. */
static bool
read_all(int fd, void *buffer, size_t length, uint64_t offset)
{
    uint8_t *at = buffer;

    while (length > 0) {
        ssize_t n = pread(fd, at, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return true;
}

static ReelFill
fill_block(ReelFilmTrack *self, uint64_t number)
{
    ReelPool *pool = self->track.programme->pool;
    uint32_t slot = reel_pool_take(pool, false);
    ReelFill result = REEL_FILL_OK;
    uint8_t *block;

    if (slot == REEL_NO_SLOT)
        return REEL_FILL_STARVED;
    block = reel_pool_memory(pool, slot);
    if (!read_all(self->fd, block, REEL_BLOCK_SIZE, REEL_FILE_HEADER_SIZE + number * REEL_BLOCK_SIZE))
        result = REEL_FILL_READ_ERROR;
    else if (!reel_block_is_valid(block, self->header.first_block + number, self->header.reel_id))
        result = REEL_FILL_CORRUPT;
    if (result == REEL_FILL_OK)
        reel_pool_publish(pool, slot, ((const ReelBlockHeader *)block)->used, &self->map[number]);
    else
        reel_pool_give_back(pool, slot, false);
    return result;
}

static void
fill_track(ReelFilmTrack *self)
{
    ReelProgramme *programme = self->track.programme;
    uint64_t number;

    while (reel_queue_pop(self->requests, &number)) {
        ReelFill result = fill_block(self, number);
        if (result == REEL_FILL_STARVED)
            atomic_store(&self->map[number], MAP_ABSENT); /* whoever needs it asks again */
        else if (result != REEL_FILL_OK)
            atomic_store(&self->map[number], MAP_BAD);
        if (result == REEL_FILL_CORRUPT || result == REEL_FILL_READ_ERROR)
            atomic_fetch_add(&programme->corrupt_blocks, 1);
        reel_block_cache_count_fill(programme->cache, result);
    }
}

void
reel_film_fill(ReelProgramme *film)
{
    for (unsigned i = 0; i < film->n_tracks; i++)
        fill_track((ReelFilmTrack *)film->tracks[i]);
    atomic_store(&film->queued, false);
    /* A request that came since is kicked by the next peek of its cursor. */
    reel_programme_unref(film);
}

/* The index must point at places that can hold a record, in order: blocks themselves are checked on
 * fill, and that an entry is really a record's start by the cursor. */
static bool
tables_are_valid(const ReelFilmTrack *self)
{
    const ReelFileHeader *header = &self->header;

    for (uint64_t i = 1; i < header->n_blocks; i++)
        if (self->first_dues[i] < self->first_dues[i - 1])
            return false;
    for (uint64_t i = 0; i < header->n_keys; i++) {
        const ReelKey *key = &self->keys[i];
        if (key->block >= header->n_blocks || key->offset < sizeof(ReelBlockHeader) || key->offset % 8 != 0 ||
            key->offset > REEL_BLOCK_SIZE - sizeof(ReelRecordHeader) ||
            (i > 0 && key->due_us < self->keys[i - 1].due_us))
            return false;
    }
    return true;
}

static bool
read_tables(ReelFilmTrack *self, GError **error)
{
    const ReelFileHeader *header = &self->header;
    size_t dues_size = header->n_blocks * sizeof(int64_t), keys_size = header->n_keys * sizeof(ReelKey);
    uint32_t crc;

    self->first_dues = g_malloc(dues_size);
    self->keys = g_malloc(MAX(keys_size, 1));
    if (!read_all(self->fd, self->first_dues, dues_size, header->tables_offset) ||
        !read_all(self->fd, self->keys, keys_size, header->tables_offset + dues_size)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "its index cannot be read");
        return false;
    }
    crc = reel_crc32c(reel_crc32c(0, self->first_dues, dues_size), self->keys, keys_size);
    if (crc != header->tables_crc32c || !tables_are_valid(self)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "its index is damaged");
        return false;
    }
    return true;
}

static bool
read_header(ReelFilmTrack *self, const char *path, GError **error)
{
    g_autofree uint8_t *page = g_malloc(REEL_FILE_HEADER_SIZE);
    struct stat info;

    self->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (self->fd < 0 || fstat(self->fd, &info) < 0) {
        g_set_error(error, BASE_ERROR, errno == ENOENT ? BASE_ERROR_NOT_FOUND : BASE_ERROR_UNAVAILABLE,
                    "cannot be opened: %s", g_strerror(errno));
        return false;
    }
    if (!S_ISREG(info.st_mode) || !read_all(self->fd, page, REEL_FILE_HEADER_SIZE, 0)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "not a reel, or not finished");
        return false;
    }
    return reel_file_header_parse(page, (uint64_t)info.st_size, &self->header, error);
}

static bool
add_file(ReelProgramme *programme, const char *path, GError **error)
{
    ReelFilmTrack *self = g_new0(ReelFilmTrack, 1);

    self->track.ops = &film_ops;
    self->fd = -1;
    reel_programme_add_track(programme, &self->track); /* freed with the programme, finished or not */
    if (!read_header(self, path, error) || !read_tables(self, error)) {
        g_prefix_error(error, "reel %s: ", path);
        return false;
    }
    reel_file_header_get_info(&self->header, &self->track.info);
    self->map = g_new0(_Atomic uint64_t, self->header.n_blocks);
    self->requests = reel_queue_new(REQUESTS_MAX);
    return true;
}

static GPtrArray *
list_reels(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &cause);
    const char *name;

    if (!dir) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "%s", cause->message);
        return NULL;
    }
    while ((name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".reel") && name[0] != '.')
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    return g_steal_pointer(&names);
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

ReelProgramme *
reel_programme_open(ReelBlockCache *cache, const char *name, const char *folder, GError **error)
{
    g_autoptr(GPtrArray) paths = list_reels(folder, error);
    g_autoptr(ReelProgramme) self = NULL;

    if (!paths)
        return NULL;
    if (paths->len == 0 || paths->len > REEL_TRACKS_MAX) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "%s holds %u reels: 1 to %u are possible", folder,
                    paths->len, REEL_TRACKS_MAX);
        return NULL;
    }
    g_ptr_array_sort(paths, compare_names);
    self = reel_programme_new(cache, name, false);
    for (unsigned i = 0; i < paths->len; i++)
        if (!add_file(self, paths->pdata[i], error))
            return NULL;
    return g_steal_pointer(&self);
}
