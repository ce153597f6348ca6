#include "lib/reel/reel-writer.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/reel/reel-file.h"
#include "lib/reel/reel-format.h"
#include "lib/reel/reel-pipe.h"

#define SEGMENT_US (60 * G_USEC_PER_SEC)
#define SEGMENT_BYTES (64u << 20)

typedef struct {
    ReelTrackInfo info;
    ReelWriterStats stats;
    ReelFile *file;
    uint8_t *block; /* being filled */
    uint32_t used;  /* 0: no block begun */
    uint64_t reel_id, number, segment;
    int64_t segment_due_us;
    uint64_t segment_bytes;
    int64_t frame_us; /* longest distance of two frames so far: how long the last one lasts */
    bool started;
    GError *error; /* the first one; nothing is written afterwards */
} WriterTrack;

struct ReelWriter {
    char *folder;   /* films */
    ReelPipe *pipe; /* channels */
    GMutex mutex;   /* the pipe has one writing end for all streaming threads; and n_tracks */
    unsigned n_tracks;
    WriterTrack tracks[REEL_TRACKS_MAX];
};

ReelWriter *
reel_writer_new_files(const char *folder)
{
    ReelWriter *self = g_new0(ReelWriter, 1);

    self->folder = g_strdup(folder);
    g_mutex_init(&self->mutex);
    return self;
}

ReelWriter *
reel_writer_new_live(int fd, GError **error)
{
    ReelPipe *pipe = reel_pipe_attach(fd, error);
    ReelWriter *self;

    if (!pipe)
        return NULL;
    self = g_new0(ReelWriter, 1);
    self->pipe = pipe;
    g_mutex_init(&self->mutex);
    self->n_tracks = reel_pipe_n_tracks(pipe);
    for (unsigned i = 0; i < self->n_tracks; i++)
        self->tracks[i].info = *reel_pipe_track(pipe, i);
    return self;
}

void
reel_writer_free(ReelWriter *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < self->n_tracks; i++) {
        reel_file_free(self->tracks[i].file);
        g_aligned_free(self->tracks[i].block);
        g_clear_error(&self->tracks[i].error);
    }
    reel_pipe_free(self->pipe);
    g_mutex_clear(&self->mutex);
    g_free(self->folder);
    g_free(self);
}

static int
find_live_track(const ReelWriter *self, const ReelTrackInfo *info, GError **error)
{
    for (unsigned i = 0; i < self->n_tracks; i++)
        if (self->tracks[i].info.kind == info->kind && self->tracks[i].info.codec == info->codec)
            return (int)i;
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "the channel has no track for %s",
                reel_codec_name(info->codec) ? reel_codec_name(info->codec) : "this codec");
    return -1;
}

static int
add_file_track(ReelWriter *self, const ReelTrackInfo *info, GError **error)
{
    g_autofree char *name = NULL, *path = NULL;
    WriterTrack *track;

    if (self->n_tracks >= REEL_TRACKS_MAX) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "more than %u tracks", REEL_TRACKS_MAX);
        return -1;
    }
    track = &self->tracks[self->n_tracks];
    name = g_strdup_printf("%02u-%s.reel", self->n_tracks, info->kind == REEL_VIDEO ? "video" : "audio");
    path = g_build_filename(self->folder, name, NULL);
    base_random_bytes(&track->reel_id, sizeof(track->reel_id));
    track->file = reel_file_new(path, info->kind, track->reel_id, 0, error);
    if (!track->file)
        return -1;
    track->info = *info;
    track->block = g_aligned_alloc0(1, REEL_BLOCK_SIZE, 64);
    return (int)self->n_tracks++;
}

int
reel_writer_add_track(ReelWriter *self, const ReelTrackInfo *info, GError **error)
{
    int track;

    g_mutex_lock(&self->mutex);
    track = self->pipe ? find_live_track(self, info, error) : add_file_track(self, info, error);
    g_mutex_unlock(&self->mutex);
    return track;
}

void
reel_writer_update_track(ReelWriter *self, int track, const ReelTrackInfo *info)
{
    g_assert(track >= 0 && (unsigned)track < self->n_tracks);
    g_mutex_lock(&self->mutex);
    self->tracks[track].info = *info;
    g_mutex_unlock(&self->mutex);
}

static bool
flush_block(WriterTrack *track)
{
    if (track->used == 0)
        return true;
    reel_block_seal(track->block, track->used);
    memset(track->block + track->used, 0, REEL_BLOCK_SIZE - track->used);
    track->used = 0;
    track->number++;
    return reel_file_append(track->file, track->block, &track->error);
}

static bool
begin_block(WriterTrack *track, const ReelRecord *record, bool starts_segment)
{
    if (!flush_block(track))
        return false;
    if (starts_segment) {
        track->segment++;
        track->segment_due_us = record->due_us;
        track->segment_bytes = 0;
    }
    reel_block_begin(track->block, track->number, track->segment, track->reel_id, starts_segment);
    track->used = sizeof(ReelBlockHeader);
    return true;
}

static bool
append_to_file(WriterTrack *track, const ReelRecord *record)
{
    bool entry = (record->flags & REEL_ENTRY) == REEL_ENTRY;
    bool cut = !track->started || (entry && (record->due_us - track->segment_due_us >= SEGMENT_US ||
                                             track->segment_bytes >= SEGMENT_BYTES));

    if (track->error)
        return false;
    if ((cut || track->used == 0 || REEL_BLOCK_SIZE - track->used < reel_record_size(record->length)) &&
        !begin_block(track, record, cut))
        return false;
    track->used = reel_block_put(track->block, track->used, record);
    track->segment_bytes += reel_record_size(record->length);
    return true;
}

static void
count(WriterTrack *track, const ReelRecord *record)
{
    ReelWriterStats *stats = &track->stats;

    if (!track->started)
        stats->first_due_us = record->due_us;
    else if (record->due_us > stats->last_due_us)
        track->frame_us = MAX(track->frame_us, record->due_us - stats->last_due_us);
    track->started = true;
    stats->last_due_us = record->due_us;
    stats->records++;
    stats->bytes += record->length;
    stats->key_frames += track->info.kind == REEL_VIDEO && (record->flags & REEL_ENTRY) == REEL_ENTRY;
}

static bool
append(ReelWriter *self, unsigned index, const ReelRecord *given)
{
    WriterTrack *track = &self->tracks[index];
    ReelRecord record = *given;

    if (track->info.kind == REEL_AUDIO)
        record.flags |= REEL_ENTRY;
    if (track->started)
        record.due_us = MAX(record.due_us, track->stats.last_due_us);
    if (record.length == 0 || record.length > REEL_PAYLOAD_MAX ||
        (!track->started && (record.flags & REEL_ENTRY) != REEL_ENTRY) ||
        !(self->pipe ? reel_pipe_write(self->pipe, index, &record) : append_to_file(track, &record))) {
        track->stats.dropped++;
        return false;
    }
    count(track, &record);
    return true;
}

bool
reel_writer_append(ReelWriter *self, int track, const ReelRecord *record)
{
    bool written;

    g_assert(track >= 0 && (unsigned)track < self->n_tracks);
    if (!self->pipe)
        return append(self, (unsigned)track, record);
    g_mutex_lock(&self->mutex); /* one pipe for all streaming threads */
    written = append(self, (unsigned)track, record);
    g_mutex_unlock(&self->mutex);
    return written;
}

static bool
finish_track(WriterTrack *track, int64_t *ret_end_us, GError **error)
{
    *ret_end_us = track->stats.last_due_us + track->frame_us;
    if (track->error == NULL)
        flush_block(track);
    if (track->error) {
        g_propagate_error(error, g_error_copy(track->error));
        return false;
    }
    if (track->info.bitrate_kbps == 0 && *ret_end_us > track->stats.first_due_us)
        track->info.bitrate_kbps =
            (uint32_t)(track->stats.bytes * 8000 / (uint64_t)(*ret_end_us - track->stats.first_due_us));
    return reel_file_finish(track->file, &track->info, *ret_end_us, error);
}

bool
reel_writer_finish(ReelWriter *self, int64_t *ret_duration_us, GError **error)
{
    int64_t duration_us = 0;

    if (self->pipe)
        return true;
    if (self->n_tracks == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "%s: no track was written", self->folder);
        return false;
    }
    for (unsigned i = 0; i < self->n_tracks; i++) {
        int64_t end_us;
        if (!finish_track(&self->tracks[i], &end_us, error))
            return false;
        duration_us = MAX(duration_us, end_us);
    }
    if (ret_duration_us)
        *ret_duration_us = duration_us;
    return true;
}

void
reel_writer_stats(const ReelWriter *self, int track, ReelWriterStats *ret_stats)
{
    g_assert(track >= 0 && (unsigned)track < self->n_tracks);
    g_mutex_lock((GMutex *)&self->mutex);
    *ret_stats = self->tracks[track].stats;
    g_mutex_unlock((GMutex *)&self->mutex);
}
