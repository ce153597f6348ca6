/* input/input-ts.h - MPEG-TS over UDP into a reel: one GStreamer pipeline, made anew whenever it is
 * in doubt.
 *
 *   udpsrc ! queue ! tsdemux ! (video) reel sink
 *                            ! (audio) input-sound.h
 *
 * Video is H.264 and passes untouched; AAC, MPEG audio, AC-3 and Opus become Opus on the channel's line of
 * time. The first usable video and audio stream of the programme are taken. */
#pragma once

#include "input/source-clock.h"
#include "lib/gst/reel-sink.h"

typedef struct InputTs InputTs;

/* udp://ADDRESS:PORT, udp://@GROUP:PORT, udp://:PORT; ?program=N chooses a programme, &iface=NAME the
 * interface of a multicast group. */
typedef struct {
    char *address;
    unsigned port;
    int program;     /* -1: the first */
    char *interface; /* NULL: the system's choice */
} InputTsUrl;

/* Errors: INVALID_ARGUMENT. Clear with input_ts_url_clear. */
bool input_ts_url_parse(InputTsUrl *self, const char *url, GError **error);
void input_ts_url_clear(InputTsUrl *self);

/* All borrowed; @writer and @clock outlive it. Starts at once. Errors: UNAVAILABLE. */
InputTs *input_ts_new(const InputTsUrl *url, ReelWriter *writer, InputSourceClock *clock, GError **error);
void input_ts_free(InputTs *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InputTs, input_ts_free)

typedef struct {
    uint64_t bytes;        /* received */
    int64_t last_bytes_us; /* monotonic; 0: none yet */
    int64_t last_video_us;
    uint64_t video_frames, audio_frames, reordered;
    char video[64], audio[64]; /* "H.264 1280x720", "AAC"; "" while unknown */
    char error[160];           /* last one; "" if none */
    bool failed;               /* the pipeline is dead or the programme changed: make a new one */
} InputTsStats;
/* Also handles what the pipeline had to say; to be called about twice a second. */
void input_ts_poll(InputTs *self, InputTsStats *ret_stats);
