/* input/input.h - keeps one channel's input running: makes its pipeline, watches it, makes it anew after
 * errors, silence or a changed programme, and tells the parent once a second how it goes.
 *
 * Status: one JSON object per line, {"state":"live","bitrate_kbps":3012,"video":"H.264
 * 1280x720","audio":"AAC", "b_frames":false,"delay_us":82000,"jumps":0,"rebuilds":0,"dropped":0,"error":""}.
 * States: starting, live, no-signal (nothing arrives), failed (something arrives that cannot be used; error
 * says what). */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Input Input;

typedef struct {
    /* A status line without newline, lent. */
    void (*status)(void *user_data, const char *line);
} InputEvents;

/* @url: see input-ts.h. @channel: its id, for the log; borrowed, outlives it, may be NULL.
 * @memory_fd: the channel's memory (reel-pipe); borrowed for the call.
 * @events: borrowed with @user_data. Runs on the default main context.
 * Errors: INVALID_ARGUMENT (URL), PROTOCOL (memory). */
Input *input_new(const char *url,
                 const char *channel,
                 int memory_fd,
                 const InputEvents *events,
                 void *user_data,
                 GError **error);
void input_free(Input *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Input, input_free)
