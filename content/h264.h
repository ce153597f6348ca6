/* content/h264.h - what an H.264 stream holds, judged from its NAL units. Pure; takes any bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool valid;
    unsigned profile_idc, constraints, level_idc;
    unsigned chroma_format_idc;
    unsigned bit_depth;  /* the larger of luma and chroma */
    bool frame_mbs_only; /* false: may be interlaced */
    uint64_t pps_ids;    /* picture parameter sets seen so far, a bit each (63: that or higher) */
} ContentH264Sps;

typedef struct {
    bool idr;     /* an IDR slice: closed key frame */
    bool b_slice; /* a bi-predictive slice */
    unsigned slices;
} ContentH264Picture;

/* Reads one access unit in byte-stream format (Annex B). @sps: kept by the caller over the whole stream,
 * renewed whenever a sequence parameter set comes by. Spec: ITU-T H.264 7.3.1, 7.3.2.1.1, 7.3.3, Annex B. */
void
content_h264_read(const uint8_t *data, size_t length, ContentH264Sps *sps, ContentH264Picture *ret_picture);

/* "Constrained Baseline", "Main", "High", ...; "" if unknown. */
const char *content_h264_profile_name(const ContentH264Sps *sps);

/* Calls @nal for each NAL unit (without start code and trailing zeros) of a byte stream. */
typedef void (*ContentH264Nal)(const uint8_t *nal, size_t length, void *user_data);
void content_h264_each_nal(const uint8_t *data, size_t length, ContentH264Nal nal, void *user_data);
