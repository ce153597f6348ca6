/* tests/integration/reel-reader.h - reads a published film back as a receiver would: RTP payloads to access
 * units. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    GByteArray *bytes; /* video: byte stream with start codes; audio: one Opus packet */
    int64_t due_us;
    uint32_t rtp_ticks;
    bool key;
} ReaderUnit;

/* All access units of a track of <state>/content/@id; fails the test on anything wrong with the packets.
 * @video: which track. @ret_duration_us: may be NULL. (transfer full) (element ReaderUnit) */
GPtrArray *reader_units(const char *state, const char *id, bool video, int64_t *ret_duration_us);
