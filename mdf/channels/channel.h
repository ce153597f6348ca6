/* mdf/channels/channel.h - one live service: its window in memory, its input process, its archive.
 *
 * The window outlives input processes; a viewer notices their end as a discontinuity only. Main thread. */
#pragma once

#include "lib/reel/reel-archive.h"
#include "lib/reel/reel-feed.h"
#include "mdf/channels/sources.h"

typedef struct MdfChannel MdfChannel;

/* What all channels of an MDF share; borrowed, outlives them. */
typedef struct {
    ReelBlockCache *cache;
    ReelFeed *feed;
    ReelArchive *archive;
    const char *input_program;
    const char *state_dir;
    unsigned window_s, archive_s;
    /* A channel has begun or ceased to send; from the main loop. */
    void (*signal_changed)(void *user_data, const char *id, bool signal);
    void *user_data;
} MdfChannelParts;

/* Starts the input process. */
MdfChannel *mdf_channel_new(const MdfChannelParts *parts, const char *id, const char *title, const char *url);
/* Ends it: cursors on its programme reach the end. */
void mdf_channel_free(MdfChannel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfChannel, mdf_channel_free)

/* Another title or input; the same is nothing. */
void mdf_channel_update(MdfChannel *self, const char *title, const char *url);

ReelProgramme *mdf_channel_programme(const MdfChannel *self); /* lent */
/* False once its input has said that nothing usable arrives, until it says that it is live. */
bool mdf_channel_has_signal(const MdfChannel *self);
int mdf_channel_input_pid(const MdfChannel *self);
/* Strings are lent until the main loop runs. */
void mdf_channel_status(const MdfChannel *self, MdfChannelStatus *ret_status);
/* Figures for the metrics. */
typedef struct {
    const char *id; /* lent */
    int64_t up, bitrate_kbps, b_frames, delay_us;
    int64_t restarts, jumps, rebuilds;
    int64_t records, bytes, dropped, refused, window_blocks;
} MdfChannelFigures;
void mdf_channel_figures(const MdfChannel *self, MdfChannelFigures *ret_figures);
