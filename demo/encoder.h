/* demo/encoder.h - the demo encoder: draws, encodes, multiplexes; in real time to UDP or as fast as possible
 * to a file. */
#pragma once

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name;  /* stands in the picture */
    uint8_t number;    /* channel number in the counter and of the colours */
    int width, height; /* even */
    int fps;
    int bitrate_kbps;
    int key_interval_ms;
    int b_frames; /* films only; live has none */
    int tone_hz;
    const char *audio;  /* "aac", "mp3", "ac3", "opus", "none" */
    int audio_channels; /* 1, 2 or 6 */
    const char *host;   /* live: where to send to; NULL: a film */
    int port;
    const char *file; /* film: .mp4, .mov, .mkv or .ts */
    double seconds;   /* film: length; live: 0 = until stopped */
} DemoEncoderOptions;

/* Runs until the end, an error, or until *@stop is set (by a signal handler).
 * Errors: INVALID_ARGUMENT for an option that makes no sense; UNAVAILABLE where an element is missing, the
 * file cannot be written or encoding fails. */
bool demo_encoder_run(const DemoEncoderOptions *options, const volatile sig_atomic_t *stop, GError **error);
