/* tests/unit/mdf/delivery-fixture.h - a programme in memory whose payloads say where they belong. */
#pragma once

#include <glib.h>
#include <string.h>

#include "lib/reel/block-cache.h"
#include "lib/reel/reel-live.h"
#include "lib/reel/reel.h"

enum {
    FRAME_US = 40000,
    AUDIO_US = 20000,
    GOP_FRAMES = 50, /* two seconds */
    FRAME_PACKETS = 3,
    VIDEO_TRACK = 0,
    AUDIO_TRACK = 1,
};

static const ReelTrackInfo fixture_tracks[] = {
    {.kind = REEL_VIDEO, .codec = REEL_CODEC_H264, .clock_rate = 90000, .bitrate_kbps = 2500},
    {.kind = REEL_AUDIO, .codec = REEL_CODEC_OPUS, .clock_rate = 48000, .channels = 2},
};

static inline void
fixture_append_frame(ReelProgramme *live, int64_t due_us, bool key)
{
    uint8_t payload[1000];

    for (unsigned i = 0; i < FRAME_PACKETS; i++) {
        ReelRecord record = {
            .payload = payload,
            .length = i == FRAME_PACKETS - 1 ? 300 : 1000,
            .flags = (uint16_t)((key ? REEL_FLAG_KEY : 0) | (i == 0 ? REEL_FLAG_FRAME_START : 0) |
                                (i == FRAME_PACKETS - 1 ? REEL_FLAG_MARKER : 0)),
            .rtp_ticks = (uint32_t)(due_us / 1000 * 90),
            .due_us = due_us,
        };
        memset(payload, (int)(due_us / FRAME_US), sizeof payload);
        payload[0] = (uint8_t)i;
        g_assert_true(reel_live_append(live, VIDEO_TRACK, &record));
    }
}

static inline void
fixture_append_sound(ReelProgramme *live, int64_t due_us)
{
    uint8_t payload[160];
    ReelRecord record = {
        .payload = payload,
        .length = sizeof payload,
        .flags = REEL_FLAG_FRAME_START | REEL_FLAG_KEY | REEL_FLAG_MARKER,
        .rtp_ticks = (uint32_t)(due_us / 1000 * 48),
        .due_us = due_us,
    };

    memset(payload, 0x55, sizeof payload);
    g_assert_true(reel_live_append(live, AUDIO_TRACK, &record));
}

/* A channel with @seconds of media from @start_us on, key frames every two seconds. */
static inline ReelProgramme *
fixture_channel(ReelBlockCache *cache, const char *name, int64_t start_us, unsigned seconds)
{
    ReelProgramme *live = reel_live_new(cache, name, fixture_tracks, 2, 600);

    for (unsigned i = 0; i < seconds * 25; i++)
        fixture_append_frame(live, start_us + (int64_t)i * FRAME_US, i % GOP_FRAMES == 0);
    for (unsigned i = 0; i < seconds * 50; i++)
        fixture_append_sound(live, start_us + (int64_t)i * AUDIO_US);

    return live;
}
