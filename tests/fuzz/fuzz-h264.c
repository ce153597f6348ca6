/* H.264 as it comes out of foreign files: whatever the bytes, reading ends, and no NAL unit lies outside them. */
#include <glib.h>
#include <stdint.h>

#include "content/h264.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *begin, *end;
} Range;

static void
check_inside(const uint8_t *nal, size_t length, void *user_data)
{
    const Range *range = user_data;

    if (length == 0 || nal < range->begin || nal + length > range->end)
        g_error("a NAL unit lies outside its stream");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Range range = {data, data + size};
    ContentH264Sps sps = {0};
    ContentH264Picture picture;

    content_h264_read(data, size, &sps, &picture);
    content_h264_profile_name(&sps);
    content_h264_each_nal(data, size, check_inside, &range);
    return 0;
}
