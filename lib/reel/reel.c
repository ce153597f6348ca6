#include "lib/reel/reel.h"

#include "lib/reel/programme.h"

const char *
reel_codec_name(ReelCodec codec)
{
    switch (codec) {
    case REEL_CODEC_H264:
        return "H264";
    case REEL_CODEC_OPUS:
        return "opus";
    case REEL_CODEC_VP8:
        return "VP8";
    case REEL_CODEC_VP9:
        return "VP9";
    case REEL_CODEC_AV1:
        return "AV1";
    }
    return NULL;
}

ReelProgramme *
reel_programme_new(ReelBlockCache *cache, const char *name, bool live)
{
    ReelProgramme *self = g_new0(ReelProgramme, 1);

    atomic_init(&self->refs, 1);
    self->name = g_strdup(name);
    self->live = live;
    self->cache = cache;
    self->pool = reel_block_cache_pool(cache);
    return self;
}

void
reel_programme_add_track(ReelProgramme *self, ReelTrack *track)
{
    g_assert(self->n_tracks < REEL_TRACKS_MAX);
    track->programme = self;
    self->tracks[self->n_tracks++] = track;
}

ReelProgramme *
reel_programme_ref(ReelProgramme *self)
{
    atomic_fetch_add(&self->refs, 1);
    return self;
}

void
reel_programme_unref(ReelProgramme *self)
{
    if (!self || atomic_fetch_sub(&self->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < self->n_tracks; i++)
        self->tracks[i]->ops->free(self->tracks[i]);
    g_free(self->name);
    g_free(self);
}

const char *
reel_programme_name(const ReelProgramme *self)
{
    return self->name;
}

bool
reel_programme_is_live(const ReelProgramme *self)
{
    return self->live;
}

unsigned
reel_programme_n_tracks(const ReelProgramme *self)
{
    return self->n_tracks;
}

const ReelTrackInfo *
reel_programme_track(const ReelProgramme *self, unsigned track)
{
    return track < self->n_tracks ? &self->tracks[track]->info : NULL;
}

int
reel_programme_find_track(const ReelProgramme *self, ReelKind kind, ReelCodec codec)
{
    for (unsigned i = 0; i < self->n_tracks; i++) {
        const ReelTrackInfo *info = &self->tracks[i]->info;
        if (info->kind == kind && (codec == 0 || info->codec == codec))
            return (int)i;
    }
    return -1;
}

bool
reel_programme_range(const ReelProgramme *self, int64_t *ret_first_us, int64_t *ret_last_us)
{
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;
    bool video_decides = self->live && reel_programme_find_track(self, REEL_VIDEO, 0) >= 0;

    for (unsigned i = 0; i < self->n_tracks; i++) {
        const ReelTrack *track = self->tracks[i];
        int64_t first, newest, last;
        if (video_decides && track->info.kind != REEL_VIDEO)
            continue;
        if (!track->ops->range(track, &first, &newest, &last))
            continue;
        first_us = MIN(first_us, first);
        last_us = MAX(last_us, self->live ? newest : last);
    }
    if (last_us < first_us)
        return false;
    *ret_first_us = self->live ? first_us : 0;
    *ret_last_us = last_us;
    return true;
}

uint64_t
reel_programme_tail_serial(const ReelProgramme *self)
{
    return atomic_load_explicit(&self->tail_serial, memory_order_relaxed);
}

bool
reel_programme_is_gone(const ReelProgramme *self)
{
    return atomic_load_explicit(&self->gone, memory_order_acquire);
}

uint64_t
reel_programme_corrupt_blocks(const ReelProgramme *self)
{
    return atomic_load_explicit(&self->corrupt_blocks, memory_order_relaxed);
}
