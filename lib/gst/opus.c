#include "lib/gst/opus.h"

/* Frame length of the 32 configurations of the TOC byte, in samples. */
static uint32_t
frame_samples(unsigned config)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960},
                          celt[] = {120, 240, 480, 960};

    if (config < 12)
        return silk[config % 4];
    if (config < 16)
        return hybrid[config % 2];
    return celt[config % 4];
}

uint32_t
gstreel_opus_samples(const uint8_t *packet, size_t length)
{
    uint32_t samples, n_frames;

    if (length == 0)
        return 0;
    switch (packet[0] & 3) {
    case 0:
        n_frames = 1;
        break;
    case 1:
    case 2:
        n_frames = 2;
        break;
    default:
        n_frames = length > 1 ? packet[1] & 0x3f : 0;
        break;
    }
    samples = n_frames * frame_samples(packet[0] >> 3);
    return samples <= 5760 ? samples : 0;
}
