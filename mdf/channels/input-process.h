/* mdf/channels/input-process.h - starts, watches and replaces the imstv-input of one channel.
 *
 * A process that ends is started again after 100 ms, then 200 ms, ... at most 2 s, from the beginning once
 * one has run for 10 s. One that says nothing for 6 s is killed. Each gets memory of its own, so that
 * what a crash leaves behind is nobody's concern. Main thread. */
#pragma once

#include "lib/reel/reel-pipe.h"

typedef struct MdfInputProcess MdfInputProcess;

/* What the process said last; see input/input.h. */
typedef struct {
    char state[16];
    char video[64], audio[64];
    char error[160];
    uint32_t bitrate_kbps;
    bool b_frames;
    int64_t delay_us;
    uint64_t jumps, rebuilds, dropped;
} MdfInputStatus;

typedef struct {
    /* A process was started that writes into @pipe (transfer full). */
    void (*started)(void *user_data, ReelPipe *pipe);
    /* The status is a new one. May be NULL. */
    void (*told)(void *user_data);
} MdfInputProcessEvents;

typedef struct {
    const char *program;    /* path, or a name in PATH */
    const char *channel_id; /* for logs */
    const char *url;
    const ReelTrackInfo *tracks;
    unsigned n_tracks;
} MdfInputProcessConfig;

/* @config: copied, but tracks are borrowed. @events: borrowed with @user_data; the first one comes from the
 * main loop. Never fails: what goes wrong stands in the status and is tried again. */
MdfInputProcess *mdf_input_process_new(const MdfInputProcessConfig *config,
                                       const MdfInputProcessEvents *events,
                                       void *user_data);
/* Kills the process. */
void mdf_input_process_free(MdfInputProcess *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfInputProcess, mdf_input_process_free)

/* Kills the process for @reason (shown as its error); another one is started. Nothing if none runs. */
void mdf_input_process_replace(MdfInputProcess *self, const char *reason);

const MdfInputStatus *mdf_input_process_status(const MdfInputProcess *self);
/* Times a process ended and was replaced. */
uint32_t mdf_input_process_restarts(const MdfInputProcess *self);
/* 0 while none runs. */
int mdf_input_process_pid(const MdfInputProcess *self);
