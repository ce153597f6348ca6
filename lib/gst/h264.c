#include "lib/gst/h264.h"

#include <string.h>

enum {
    NAL_SLICE = 1,
    NAL_SLICE_PARTITION_C = 4,
    NAL_IDR = 5,
    NAL_SEI = 6,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_DELIMITER = 9,
    NAL_FILLER = 12,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
};

#define PAYLOAD_MAX 2048u

static inline unsigned
nal_type(const GstreelNal *nal)
{
    return nal->data[0] & 0x1f;
}

/* Where the next start code 00 00 01 begins, or @length. */
static size_t
find_start_code(const uint8_t *data, size_t from, size_t length)
{
    const uint8_t *at = data + from, *end = data + length;

    while (end - at >= 3) {
        at = memchr(at + 2, 1, (size_t)(end - at) - 2);
        if (!at)
            return length;
        if (at[-1] == 0 && at[-2] == 0)
            return (size_t)(at - 2 - data);
        at -= 1; /* the next candidate ends one byte later */
    }
    return length;
}

/* Returns false if the table is full. */
static bool
add_nal(GstreelAccessUnit *self, GstreelNal nal)
{
    switch (nal_type(&nal)) {
    case NAL_SEI:
    case NAL_DELIMITER:
    case NAL_FILLER:
        self->n_dropped++;
        return true;
    case NAL_SPS:
        self->sps = nal;
        return true;
    case NAL_PPS:
        self->pps = nal;
        return true;
    case NAL_IDR:
        self->idr = true;
        break;
    default:
        break;
    }
    if (nal_type(&nal) >= NAL_SLICE && nal_type(&nal) <= NAL_IDR && (nal.data[0] & 0x60) != 0)
        self->discardable = false;
    if (self->n_nals == GSTREEL_NALS_MAX)
        return false;
    self->nals[self->n_nals++] = nal;
    return true;
}

static bool
has_slice(const GstreelAccessUnit *self)
{
    for (unsigned i = 0; i < self->n_nals; i++)
        if (nal_type(&self->nals[i]) >= NAL_SLICE && nal_type(&self->nals[i]) <= NAL_IDR)
            return true;
    return false;
}

bool
gstreel_access_unit_parse(GstreelAccessUnit *self, const uint8_t *data, size_t length)
{
    size_t start = find_start_code(data, 0, length);

    self->n_nals = self->n_dropped = 0;
    self->sps.length = self->pps.length = 0;
    self->idr = false;
    self->discardable = true;
    while (start < length) {
        size_t begin = start + 3, end = find_start_code(data, begin, length);
        size_t next = end;
        while (end > begin && data[end - 1] == 0) /* trailing zeros, and the first of a long start code */
            end--;
        if (end > begin &&
            !add_nal(self, (GstreelNal){.data = data + begin, .length = (uint32_t)(end - begin)}))
            return false;
        start = next;
    }
    return has_slice(self);
}

static void
keep(uint8_t *buffer, uint32_t *length, const GstreelNal *nal)
{
    if (nal->length == 0 || nal->length > GSTREEL_PARAMETER_SET_MAX)
        return;
    memcpy(buffer, nal->data, nal->length);
    *length = nal->length;
}

void
gstreel_parameter_sets_update(GstreelParameterSets *self, const GstreelAccessUnit *unit)
{
    keep(self->sps, &self->sps_length, &unit->sps);
    keep(self->pps, &self->pps_length, &unit->pps);
}

bool
gstreel_parameter_sets_complete(const GstreelParameterSets *self)
{
    return self->sps_length >= 4 && self->pps_length > 0;
}

void
gstreel_parameter_sets_profile(const GstreelParameterSets *self, char *ret_text)
{
    g_snprintf(ret_text, 7, "%02x%02x%02x", self->sps[1], self->sps[2], self->sps[3]);
}

typedef struct {
    uint16_t max_payload;
    GstreelPayload emit;
    void *user_data;
    bool first;
} Packetizer;

static bool
emit(Packetizer *self, const uint8_t *payload, size_t length, bool last)
{
    bool first = self->first;

    self->first = false;
    return self->emit(self->user_data, payload, (uint16_t)length, first, last);
}

/* RFC 6184 5.7.1 */
static bool
emit_parameter_sets(Packetizer *self, const GstreelParameterSets *sets)
{
    uint8_t payload[1 + 2 + GSTREEL_PARAMETER_SET_MAX + 2 + GSTREEL_PARAMETER_SET_MAX];
    size_t length = 1 + 2 + sets->sps_length + 2 + sets->pps_length;
    uint8_t *at = payload;

    if (length > self->max_payload)
        return emit(self, sets->sps, sets->sps_length, false) &&
               emit(self, sets->pps, sets->pps_length, false);
    *at++ = (uint8_t)(((sets->sps[0] | sets->pps[0]) & 0xe0) | NAL_STAP_A);
    *at++ = (uint8_t)(sets->sps_length >> 8);
    *at++ = (uint8_t)sets->sps_length;
    memcpy(at, sets->sps, sets->sps_length);
    at += sets->sps_length;
    *at++ = (uint8_t)(sets->pps_length >> 8);
    *at++ = (uint8_t)sets->pps_length;
    memcpy(at, sets->pps, sets->pps_length);
    return emit(self, payload, length, false);
}

/* RFC 6184 5.8. All fragments but the last are of equal length, as one send of many packets wants. */
static bool
emit_fragments(Packetizer *self, const GstreelNal *nal, bool last_nal)
{
    uint8_t payload[PAYLOAD_MAX];
    uint32_t at = 1, room = self->max_payload - 2u;

    payload[0] = (uint8_t)((nal->data[0] & 0xe0) | NAL_FU_A);
    while (at < nal->length) {
        uint32_t part = MIN(room, nal->length - at);
        bool start = at == 1, end = at + part == nal->length;
        payload[1] = (uint8_t)((start ? 0x80 : 0) | (end ? 0x40 : 0) | (nal->data[0] & 0x1f));
        memcpy(payload + 2, nal->data + at, part);
        if (!emit(self, payload, part + 2, end && last_nal))
            return false;
        at += part;
    }
    return true;
}

bool
gstreel_packetize(const GstreelAccessUnit *unit,
                  const GstreelParameterSets *sets,
                  uint16_t max_payload,
                  GstreelPayload emit_payload,
                  void *user_data)
{
    Packetizer self = {
        .max_payload = max_payload, .emit = emit_payload, .user_data = user_data, .first = true};

    g_assert(max_payload > 2 && max_payload <= PAYLOAD_MAX);
    if (sets && !emit_parameter_sets(&self, sets))
        return false;
    for (unsigned i = 0; i < unit->n_nals; i++) {
        const GstreelNal *nal = &unit->nals[i];
        bool last = i + 1 == unit->n_nals;
        if (!(nal->length <= max_payload ? emit(&self, nal->data, nal->length, last)
                                         : emit_fragments(&self, nal, last)))
            return false;
    }
    return true;
}
