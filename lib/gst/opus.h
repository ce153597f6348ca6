/* lib/gst/opus.h - how long an Opus packet lasts. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Samples at 48 kHz, 120..5760; 0 if it is no Opus packet.
 * Spec: RFC 6716 3.1, 3.2. */
uint32_t gstreel_opus_samples(const uint8_t *packet, size_t length);
