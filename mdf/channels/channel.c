#include "mdf/channels/channel.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/reel/reel-live.h"
#include "mdf/channels/input-process.h"

#define WATCH_MS 1000u
#define STILL_LOOKS_MAX 6u

/* Every channel has both, whether its source has or not. */
static const ReelTrackInfo tracks[] = {
    {.kind = REEL_VIDEO, .codec = REEL_CODEC_H264, .clock_rate = 90000},
    {.kind = REEL_AUDIO, .codec = REEL_CODEC_OPUS, .clock_rate = 48000, .channels = 2},
};

struct MdfChannel {
    const MdfChannelParts *parts;
    char *id, *title, *url;
    ReelProgramme *programme;
    MdfInputProcess *input;
    bool signal;              /* an input that is only starting changes nothing */
    uint32_t former_restarts; /* of inputs with another URL */
    unsigned watch_source;
    uint64_t tail_serial; /* seen last */
    unsigned n_still;     /* looks in a row that saw the same */
};

static void
on_started(void *user_data, ReelPipe *pipe)
{
    MdfChannel *self = user_data;

    reel_feed_connect(self->parts->feed, self->programme, pipe);
}

static void
on_told(void *user_data)
{
    MdfChannel *self = user_data;
    const char *state = mdf_input_process_status(self->input)->state;
    bool signal = self->signal;

    if (strcmp(state, "live") == 0)
        signal = true;
    else if (strcmp(state, "no-signal") == 0 || strcmp(state, "failed") == 0)
        signal = false;
    if (signal == self->signal)
        return;
    self->signal = signal;
    self->parts->signal_changed(self->parts->user_data, self->id, signal);
}

static const MdfInputProcessEvents input_events = {.started = on_started, .told = on_told};

static void
start_input(MdfChannel *self)
{
    const MdfInputProcessConfig config = {.program = self->parts->input_program,
                                          .channel_id = self->id,
                                          .url = self->url,
                                          .tracks = tracks,
                                          .n_tracks = G_N_ELEMENTS(tracks)};

    self->input = mdf_input_process_new(&config, &input_events, self);
}

/* An input that says it is live while nothing arrives in the window is not believed. */
static gboolean
on_watch(gpointer user_data)
{
    MdfChannel *self = user_data;
    uint64_t serial = reel_programme_tail_serial(self->programme);
    bool live = strcmp(mdf_input_process_status(self->input)->state, "live") == 0;

    self->n_still = live && serial == self->tail_serial ? self->n_still + 1 : 0;
    self->tail_serial = serial;
    if (self->n_still >= STILL_LOOKS_MAX) {
        self->n_still = 0;
        mdf_input_process_replace(self->input, "the input says live, but nothing comes");
    }
    return G_SOURCE_CONTINUE;
}

MdfChannel *
mdf_channel_new(const MdfChannelParts *parts, const char *id, const char *title, const char *url)
{
    MdfChannel *self = g_new0(MdfChannel, 1);
    const BaseLogFields fields = {.channel = id};
    g_autofree char *name = g_strconcat("channel:", id, NULL);
    g_autofree char *folder = g_build_filename(parts->state_dir, "channels", id, NULL);

    self->parts = parts;
    self->id = g_strdup(id);
    self->title = g_strdup(title);
    self->url = g_strdup(url);
    self->signal = true; /* until the contrary is known */
    self->programme = reel_live_new(parts->cache, name, tracks, G_N_ELEMENTS(tracks), parts->window_s);
    if (parts->archive_s > 0)
        reel_archive_add(parts->archive, self->programme, folder, parts->archive_s);
    start_input(self);
    self->watch_source = g_timeout_add(WATCH_MS, on_watch, self);
    base_notice(&fields, "channel %s (%s) from %s", id, title, url);
    return self;
}

void
mdf_channel_free(MdfChannel *self)
{
    const BaseLogFields fields = {.channel = self ? self->id : NULL};

    if (!self)
        return;
    base_notice(&fields, "channel %s ends", self->id);
    g_source_remove(self->watch_source);
    mdf_input_process_free(self->input);
    reel_feed_end(self->parts->feed, self->programme);
    reel_archive_remove(self->parts->archive, self->programme);
    reel_programme_unref(self->programme);
    g_free(self->id);
    g_free(self->title);
    g_free(self->url);
    g_free(self);
}

void
mdf_channel_update(MdfChannel *self, const char *title, const char *url)
{
    if (strcmp(self->title, title) != 0) {
        g_free(self->title);
        self->title = g_strdup(title);
    }
    if (strcmp(self->url, url) == 0)
        return;
    g_free(self->url);
    self->url = g_strdup(url);
    self->former_restarts += mdf_input_process_restarts(self->input);
    mdf_input_process_free(self->input);
    start_input(self);
}

ReelProgramme *
mdf_channel_programme(const MdfChannel *self)
{
    return self->programme;
}

bool
mdf_channel_has_signal(const MdfChannel *self)
{
    return self->signal;
}

int
mdf_channel_input_pid(const MdfChannel *self)
{
    return mdf_input_process_pid(self->input);
}

void
mdf_channel_status(const MdfChannel *self, MdfChannelStatus *ret_status)
{
    const MdfInputStatus *input = mdf_input_process_status(self->input);

    *ret_status =
        (MdfChannelStatus){.id = self->id,
                           .title = self->title,
                           .state = input->state,
                           .input = self->url,
                           .video = input->video,
                           .audio = input->audio,
                           .last_error = input->error,
                           .bitrate_kbps = input->bitrate_kbps,
                           .b_frames = input->b_frames,
                           .restarts = self->former_restarts + mdf_input_process_restarts(self->input),
                           .delay_us = input->delay_us};
}

void
mdf_channel_figures(const MdfChannel *self, MdfChannelFigures *ret_figures)
{
    const MdfInputStatus *input = mdf_input_process_status(self->input);
    ReelLiveStats video, audio;
    MdfChannelStatus status;

    mdf_channel_status(self, &status);
    reel_live_stats(self->programme, 0, &video);
    reel_live_stats(self->programme, 1, &audio);
    *ret_figures = (MdfChannelFigures){
        .id = self->id,
        .up = strcmp(status.state, "live") == 0,
        .bitrate_kbps = status.bitrate_kbps,
        .b_frames = status.b_frames,
        .delay_us = status.delay_us,
        .restarts = status.restarts,
        .jumps = (int64_t)input->jumps,
        .rebuilds = (int64_t)input->rebuilds,
        .records = (int64_t)(video.records + audio.records),
        .bytes = (int64_t)(video.bytes + audio.bytes),
        .dropped = (int64_t)(video.dropped + audio.dropped + input->dropped),
        .refused = (int64_t)video.lies,
        .window_blocks = (int64_t)(video.blocks + audio.blocks),
    };
}
