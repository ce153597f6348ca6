#include "lib/reel/reel-archive.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/reel/programme.h"
#include "lib/reel/reel-file.h"
#include "lib/reel/reel-live.h"

#define LOOK_EVERY_US (500 * 1000)
#define PRUNE_EVERY_US (10 * G_USEC_PER_SEC)
#define SEGMENT_US (60 * G_USEC_PER_SEC)
#define SEGMENT_BLOCKS 1024u /* 64 MB */

typedef struct {
    ReelFile *file; /* being written; NULL: none, or given up */
    char *path;     /* of the finished file */
    char *partial;
    uint64_t next; /* block to copy */
    uint64_t segment_blocks;
    int64_t segment_due_us, last_due_us;
} ArchiveTrack;

typedef struct {
    ReelProgramme *programme; /* NULL: end the thread */
    char *folder;             /* NULL: remove */
    unsigned retention_s;
    ArchiveTrack tracks[REEL_TRACKS_MAX];
} Job;

struct ReelArchive {
    GAsyncQueue *commands;
    GThread *thread;
    GPtrArray *jobs; /* the thread's */
    uint8_t *block;
    int64_t pruned_us;
    _Atomic uint64_t segments, bytes, lost, errors;
};

static void
track_give_up(ArchiveTrack *track)
{
    g_clear_pointer(&track->file, reel_file_free); /* deletes what is unfinished */
    g_clear_pointer(&track->path, g_free);
    g_clear_pointer(&track->partial, g_free);
}

static void
job_free(void *data)
{
    Job *job = data;

    for (unsigned i = 0; i < REEL_TRACKS_MAX; i++)
        track_give_up(&job->tracks[i]);
    if (job->programme)
        reel_programme_unref(job->programme);
    g_free(job->folder);
    g_free(job);
}

static void
report(ReelArchive *self, const Job *job, const GError *error)
{
    const BaseLogFields fields = {.channel = job->programme->name};

    atomic_fetch_add(&self->errors, 1);
    base_warning(&fields, "archive: %s; this segment is not kept", error->message);
}

static void
finish_segment(ReelArchive *self, const Job *job, unsigned index)
{
    ArchiveTrack *track = (ArchiveTrack *)&job->tracks[index];
    g_autoptr(GError) error = NULL;

    if (!track->file)
        return;
    if (!reel_file_finish(track->file, &job->programme->tracks[index]->info, track->last_due_us, &error))
        report(self, job, error);
    else if (rename(track->partial, track->path) == 0)
        atomic_fetch_add(&self->segments, 1);
    track_give_up(track);
}

static void
begin_segment(ReelArchive *self, const Job *job, unsigned index, const ReelBlockHeader *header)
{
    ArchiveTrack *track = (ArchiveTrack *)&job->tracks[index];
    ReelKind kind = job->programme->tracks[index]->info.kind;
    g_autoptr(GError) error = NULL;

    /* Wall-clock time in the name sorts segments across restarts of the MDF. */
    track->path = g_strdup_printf("%s/%02u-%s-%015" G_GINT64_FORMAT ".reel", job->folder, index,
                                  kind == REEL_VIDEO ? "video" : "audio", g_get_real_time() / 1000);
    track->partial = g_strconcat(track->path, ".partial", NULL);
    unlink(track->partial);
    track->segment_blocks = 0;
    track->segment_due_us = header->first_due_us;
    track->file = reel_file_new(track->partial, kind, header->reel_id, header->number, &error);
    if (!track->file) {
        report(self, job, error);
        track_give_up(track);
    }
}

static bool
segment_is_full(const ArchiveTrack *track, const ReelBlockHeader *header)
{
    return (header->flags & REEL_BLOCK_STARTS_SEGMENT) &&
           (header->first_due_us - track->segment_due_us >= SEGMENT_US ||
            track->segment_blocks >= SEGMENT_BLOCKS);
}

static void
write_block(ReelArchive *self, const Job *job, unsigned index)
{
    ArchiveTrack *track = (ArchiveTrack *)&job->tracks[index];
    const ReelBlockHeader *header = (const ReelBlockHeader *)self->block;
    g_autoptr(GError) error = NULL;

    if (track->file && segment_is_full(track, header))
        finish_segment(self, job, index);
    if (!track->file &&
        (header->flags & REEL_BLOCK_STARTS_SEGMENT)) /* after an error: wait for the next one */
        begin_segment(self, job, index, header);
    if (!track->file)
        return;
    track->last_due_us = header->last_due_us;
    track->segment_blocks++;
    if (reel_file_append(track->file, self->block, &error)) {
        atomic_fetch_add(&self->bytes, REEL_BLOCK_SIZE);
        return;
    }
    report(self, job, error);
    track_give_up(track);
}

/* Copies what has been completed since the last time. */
static void
copy_track(ReelArchive *self, const Job *job, unsigned index)
{
    ArchiveTrack *track = (ArchiveTrack *)&job->tracks[index];
    uint64_t first, next;

    reel_live_blocks(job->programme, index, &first, &next);
    if (track->next < first) {
        atomic_fetch_add(&self->lost, first - track->next);
        finish_segment(self, job, index); /* up to the hole */
        track->next = first;
    }
    while (track->next < next) {
        ReelLiveCopy copied = reel_live_copy_block(job->programme, index, track->next, self->block);
        if (copied == REEL_LIVE_COPY_NOT_YET)
            return;
        track->next++;
        if (copied == REEL_LIVE_COPY_OK)
            write_block(self, job, index);
    }
}

static void
prune(const Job *job)
{
    g_autoptr(GDir) dir = g_dir_open(job->folder, 0, NULL);
    int64_t oldest_ms = g_get_real_time() / 1000 - (int64_t)job->retention_s * 1000;
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(job->folder, name, NULL);
        const char *time = strrchr(name, '-');
        if (time && g_str_has_suffix(name, ".reel") &&
            g_ascii_strtoll(time + 1, NULL, 10) < oldest_ms - 60000)
            unlink(path);
    }
}

static void
remove_job(ReelArchive *self, const ReelProgramme *programme)
{
    for (unsigned i = 0; i < self->jobs->len; i++) {
        Job *job = self->jobs->pdata[i];
        if (job->programme != programme)
            continue;
        for (unsigned track = 0; track < programme->n_tracks; track++) {
            copy_track(self, job, track);
            finish_segment(self, job, track);
        }
        g_ptr_array_remove_index_fast(self->jobs, i);
        return;
    }
}

/* Returns false when the thread is to end. */
static bool
obey(ReelArchive *self, Job *command)
{
    if (!command->programme) {
        job_free(command);
        while (self->jobs->len > 0)
            remove_job(self, ((const Job *)self->jobs->pdata[0])->programme);
        return false;
    }
    if (command->folder) {
        g_mkdir_with_parents(command->folder, 0755);
        g_ptr_array_add(self->jobs, command);
    } else {
        remove_job(self, command->programme);
        job_free(command);
    }
    return true;
}

static void
look(ReelArchive *self)
{
    int64_t now_us = g_get_monotonic_time();
    bool prune_now = now_us - self->pruned_us >= PRUNE_EVERY_US;

    if (prune_now)
        self->pruned_us = now_us;
    for (unsigned i = 0; i < self->jobs->len; i++) {
        const Job *job = self->jobs->pdata[i];
        for (unsigned track = 0; track < job->programme->n_tracks; track++)
            copy_track(self, job, track);
        if (prune_now)
            prune(job);
    }
}

static void *
run_archive(void *data)
{
    ReelArchive *self = data;

    for (;;) {
        Job *command = self->jobs->len > 0 ? g_async_queue_timeout_pop(self->commands, LOOK_EVERY_US)
                                           : g_async_queue_pop(self->commands);
        if (command && !obey(self, command))
            return NULL;
        look(self);
    }
}

ReelArchive *
reel_archive_new(void)
{
    ReelArchive *self = g_new0(ReelArchive, 1);

    self->commands = g_async_queue_new_full(job_free);
    self->jobs = g_ptr_array_new_with_free_func(job_free);
    self->block = g_aligned_alloc0(1, REEL_BLOCK_SIZE, 64);
    self->thread = g_thread_new("reel-archive", run_archive, self);
    return self;
}

void
reel_archive_free(ReelArchive *self)
{
    if (!self)
        return;
    g_async_queue_push(self->commands, g_new0(Job, 1));
    g_thread_join(self->thread);
    g_ptr_array_unref(self->jobs);
    g_async_queue_unref(self->commands);
    g_aligned_free(self->block);
    g_free(self);
}

static void
post(ReelArchive *self, ReelProgramme *programme, const char *folder, unsigned retention_s)
{
    Job *command = g_new0(Job, 1);

    command->programme = reel_programme_ref(programme);
    command->folder = g_strdup(folder);
    command->retention_s = retention_s;
    g_async_queue_push(self->commands, command);
}

void
reel_archive_add(ReelArchive *self, ReelProgramme *programme, const char *folder, unsigned retention_s)
{
    g_assert(reel_programme_is_live(programme) && folder);
    post(self, programme, folder, retention_s);
}

void
reel_archive_remove(ReelArchive *self, ReelProgramme *programme)
{
    post(self, programme, NULL, 0);
}

void
reel_archive_stats(const ReelArchive *self, ReelArchiveStats *ret_stats)
{
    *ret_stats = (ReelArchiveStats){.segments = atomic_load(&self->segments),
                                    .bytes = atomic_load(&self->bytes),
                                    .lost = atomic_load(&self->lost),
                                    .errors = atomic_load(&self->errors)};
}
