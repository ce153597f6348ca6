#include "content/h264.h"

#include <string.h>

enum {
    NAL_SLICE = 1,
    NAL_IDR = 5,
    NAL_SPS = 7,
    NAL_PPS = 8,
    RBSP_MAX = 512, /* as much of a NAL unit as is ever looked at */
};

/* A NAL unit's first bytes without emulation prevention, read bit by bit; past the end come zeros and `over`.
 */
typedef struct {
    uint8_t bytes[RBSP_MAX];
    size_t n_bits, position;
    bool over;
} Bits;

/* Drops the 03 of 00 00 03. Spec: H.264 7.4.1.1. */
static void
bits_init(Bits *self, const uint8_t *nal, size_t length)
{
    size_t n = 0;
    int zeros = 0;

    for (size_t i = 1; i < length && n < sizeof self->bytes; i++) { /* from 1: behind the NAL header */
        if (zeros >= 2 && nal[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[i] == 0 ? zeros + 1 : 0;
        self->bytes[n++] = nal[i];
    }
    self->n_bits = n * 8;
    self->position = 0;
    self->over = false;
}

static unsigned
bits_u(Bits *self, unsigned n)
{
    unsigned value = 0;

    for (; n > 0; n--) {
        unsigned bit = 0;

        if (self->position < self->n_bits)
            bit = self->bytes[self->position / 8] >> (7 - self->position % 8) & 1;
        else
            self->over = true;
        self->position++;
        value = value << 1 | bit;
    }
    return value;
}

/* Exp-Golomb. Spec: H.264 9.1. */
static unsigned
bits_ue(Bits *self)
{
    unsigned zeros = 0;

    while (zeros < 31 && !self->over && bits_u(self, 1) == 0)
        zeros++;
    return (1U << zeros) - 1 + bits_u(self, zeros);
}

/* se(v): only its length matters here. */
static void
bits_skip_se(Bits *self)
{
    (void)bits_ue(self);
}

static bool
has_chroma_fields(unsigned profile_idc)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

    return memchr(profiles, (int)profile_idc, sizeof profiles) != NULL;
}

static void
skip_scaling_list(Bits *bits, unsigned size)
{
    int last = 8, next = 8;

    for (unsigned i = 0; i < size && !bits->over; i++) {
        if (next != 0) {
            unsigned code = bits_ue(bits);
            int delta = code & 1 ? (int)(code / 2 + 1) : -(int)(code / 2);

            next = (int)((unsigned)(last + delta) & 0xff);
        }
        last = next == 0 ? last : next;
    }
}

static void
read_chroma(Bits *bits, ContentH264Sps *sps)
{
    unsigned luma, chroma;

    sps->chroma_format_idc = bits_ue(bits);
    if (sps->chroma_format_idc == 3)
        bits_u(bits, 1); /* separate_colour_plane_flag */
    luma = bits_ue(bits);
    chroma = bits_ue(bits);
    sps->bit_depth = 8 + (luma > chroma ? luma : chroma);
    bits_u(bits, 1);       /* qpprime_y_zero_transform_bypass_flag */
    if (bits_u(bits, 1)) { /* seq_scaling_matrix_present_flag */
        unsigned lists = sps->chroma_format_idc == 3 ? 12 : 8;

        for (unsigned i = 0; i < lists; i++) {
            if (bits_u(bits, 1))
                skip_scaling_list(bits, i < 6 ? 16 : 64);
        }
    }
}

static void
skip_order_count(Bits *bits)
{
    unsigned type = bits_ue(bits);

    if (type == 0) {
        bits_ue(bits);
    } else if (type == 1) {
        unsigned cycle;

        bits_u(bits, 1);
        bits_skip_se(bits);
        bits_skip_se(bits);
        cycle = bits_ue(bits);
        for (unsigned i = 0; i < cycle && !bits->over; i++)
            bits_skip_se(bits);
    }
}

/* Spec: H.264 7.3.2.1.1. */
static void
read_sps(const uint8_t *nal, size_t length, ContentH264Sps *ret_sps)
{
    ContentH264Sps sps = {.chroma_format_idc = 1, .bit_depth = 8, .pps_ids = ret_sps->pps_ids};
    Bits bits;

    bits_init(&bits, nal, length);
    sps.profile_idc = bits_u(&bits, 8);
    sps.constraints = bits_u(&bits, 8);
    sps.level_idc = bits_u(&bits, 8);
    bits_ue(&bits); /* seq_parameter_set_id */
    if (has_chroma_fields(sps.profile_idc))
        read_chroma(&bits, &sps);
    bits_ue(&bits); /* log2_max_frame_num_minus4 */
    skip_order_count(&bits);
    bits_ue(&bits);   /* max_num_ref_frames */
    bits_u(&bits, 1); /* gaps_in_frame_num_value_allowed_flag */
    bits_ue(&bits);   /* pic_width_in_mbs_minus1 */
    bits_ue(&bits);   /* pic_height_in_map_units_minus1 */
    sps.frame_mbs_only = bits_u(&bits, 1);
    sps.valid = !bits.over;
    if (sps.valid)
        *ret_sps = sps;
}

/* Spec: H.264 7.3.2.2. */
static void
read_pps(const uint8_t *nal, size_t length, ContentH264Sps *sps)
{
    Bits bits;
    unsigned id;

    bits_init(&bits, nal, length);
    id = bits_ue(&bits);
    if (!bits.over)
        sps->pps_ids |= UINT64_C(1) << (id < 63 ? id : 63);
}

/* Slice types 1 and 6 are B. Spec: H.264 7.3.3, table 7-6. */
static void
read_slice(const uint8_t *nal, size_t length, ContentH264Picture *picture)
{
    Bits bits;

    bits_init(&bits, nal, length);
    bits_ue(&bits); /* first_mb_in_slice */
    if (bits_ue(&bits) % 5 == 1)
        picture->b_slice = true;
    picture->idr = picture->idr || (nal[0] & 0x1f) == NAL_IDR;
    picture->slices++;
}

typedef struct {
    ContentH264Sps *sps;
    ContentH264Picture *picture;
} Reader;

static void
read_nal(const uint8_t *nal, size_t length, void *user_data)
{
    Reader *reader = user_data;
    unsigned type = nal[0] & 0x1f;

    if (type == NAL_SPS)
        read_sps(nal, length, reader->sps);
    else if (type == NAL_PPS)
        read_pps(nal, length, reader->sps);
    else if (type == NAL_SLICE || type == NAL_IDR)
        read_slice(nal, length, reader->picture);
}

void
content_h264_read(const uint8_t *data, size_t length, ContentH264Sps *sps, ContentH264Picture *ret_picture)
{
    ContentH264Picture picture = {0};
    Reader reader = {.sps = sps, .picture = &picture};

    content_h264_each_nal(data, length, read_nal, &reader);
    *ret_picture = picture;
}

/* The next 00 00 01 at or behind @from; @length if there is none. */
static size_t
find_start_code(const uint8_t *data, size_t length, size_t from)
{
    while (from + 3 <= length) {
        const uint8_t *one = memchr(data + from + 2, 1, length - from - 2);

        if (one == NULL)
            return length;
        if (one[-1] == 0 && one[-2] == 0)
            return (size_t)(one - data) - 2;
        from = (size_t)(one - data) - 1;
    }
    return length;
}

void
content_h264_each_nal(const uint8_t *data, size_t length, ContentH264Nal nal, void *user_data)
{
    size_t start = find_start_code(data, length, 0);

    while (start < length) {
        size_t begin = start + 3;
        size_t end = find_start_code(data, length, begin);

        start = end;
        while (end > begin && data[end - 1] == 0)
            end--; /* trailing zeros, and the first byte of a four-byte start code */
        if (end > begin)
            nal(data + begin, end - begin, user_data);
    }
}

const char *
content_h264_profile_name(const ContentH264Sps *sps)
{
    if (!sps->valid)
        return "";
    switch (sps->profile_idc) {
    case 66:
        return sps->constraints & 0x40 ? "Constrained Baseline" : "Baseline";
    case 77:
        return "Main";
    case 88:
        return "Extended";
    case 100:
        return "High";
    case 110:
        return "High 10";
    case 122:
        return "High 4:2:2";
    case 244:
        return "High 4:4:4";
    default:
        return "";
    }
}
