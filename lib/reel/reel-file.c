#include "lib/reel/reel-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/reel/reel-format.h"

struct ReelFile {
    char *path;
    int fd;
    bool finished;
    ReelKind kind;
    ReelFileHeader header;
    GArray *first_dues; /* int64_t */
    GArray *keys;       /* ReelKey */
};

static bool
fail(ReelFile *self, const char *what, GError **error)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "%s: cannot %s: %s", self->path, what,
                g_strerror(errno));
    return false;
}

static bool
write_all(ReelFile *self, const void *data, size_t length, uint64_t offset, GError **error)
{
    const uint8_t *at = data;

    while (length > 0) {
        ssize_t n = pwrite(self->fd, at, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(self, "write", error);
        at += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return true;
}

ReelFile *
reel_file_new(const char *path, ReelKind kind, uint64_t reel_id, uint64_t first_block, GError **error)
{
    g_autoptr(ReelFile) self = g_new0(ReelFile, 1);

    self->path = g_strdup(path);
    self->kind = kind;
    self->first_dues = g_array_new(false, false, sizeof(int64_t));
    self->keys = g_array_new(false, false, sizeof(ReelKey));
    self->header.reel_id = reel_id;
    self->header.first_block = first_block;
    self->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (self->fd < 0) {
        self->finished = true; /* not ours to delete */
        fail(self, "create", error);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
reel_file_free(ReelFile *self)
{
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    if (!self->finished)
        unlink(self->path);
    g_array_unref(self->first_dues);
    g_array_unref(self->keys);
    g_free(self->path);
    g_free(self);
}

/* Video: every entry. Audio, where every record is one: the first of each block. */
static void
index_block(ReelFile *self, const uint8_t *block, const ReelBlockHeader *header)
{
    for (uint32_t at = sizeof(*header); at < header->used;) {
        const ReelRecordHeader *record = (const ReelRecordHeader *)(block + at);
        ReelKey key = {.due_us = record->due_us, .block = (uint32_t)self->header.n_blocks, .offset = at};
        if ((record->flags & REEL_ENTRY) == REEL_ENTRY) {
            g_array_append_val(self->keys, key);
            if (self->kind == REEL_AUDIO)
                return;
        }
        at += reel_record_size(record->length);
    }
}

bool
reel_file_append(ReelFile *self, const uint8_t *block, GError **error)
{
    const ReelBlockHeader *header = (const ReelBlockHeader *)block;

    if (self->header.n_blocks >= REEL_BLOCKS_MAX || self->keys->len >= REEL_KEYS_MAX - 4096) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "%s: too long for one reel", self->path);
        return false;
    }
    if (!write_all(self, block, REEL_BLOCK_SIZE,
                   REEL_FILE_HEADER_SIZE + self->header.n_blocks * REEL_BLOCK_SIZE, error))
        return false;
    index_block(self, block, header);
    if (self->header.n_blocks == 0)
        self->header.first_due_us = header->first_due_us;
    g_array_append_val(self->first_dues, header->first_due_us);
    self->header.n_blocks++;
    return true;
}

bool
reel_file_finish(ReelFile *self, const ReelTrackInfo *info, int64_t end_us, GError **error)
{
    g_autofree uint8_t *page = g_malloc0(REEL_FILE_HEADER_SIZE);
    ReelFileHeader *header = &self->header;
    size_t dues_size = self->first_dues->len * sizeof(int64_t), keys_size = self->keys->len * sizeof(ReelKey);

    if (header->n_blocks == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "%s: nothing to write", self->path);
        return false;
    }
    header->n_keys = self->keys->len;
    header->tables_offset = REEL_FILE_HEADER_SIZE + header->n_blocks * REEL_BLOCK_SIZE;
    header->tables_crc32c =
        reel_crc32c(reel_crc32c(0, self->first_dues->data, dues_size), self->keys->data, keys_size);
    header->end_us = end_us;
    reel_file_header_set_info(header, info);
    reel_file_header_seal(page, header);
    if (!write_all(self, self->first_dues->data, dues_size, header->tables_offset, error) ||
        !write_all(self, self->keys->data, keys_size, header->tables_offset + dues_size, error))
        return false;
    if (fsync(self->fd) != 0)
        return fail(self, "make it durable", error);
    if (!write_all(self, page, REEL_FILE_HEADER_SIZE, 0, error)) /* last: it makes the file valid */
        return false;
    if (fsync(self->fd) != 0)
        return fail(self, "make it durable", error);
    self->finished = true;
    return true;
}
