/* lib/gst/h264.h - H.264 access units into RTP payloads: which NAL units a reel keeps, what a key
 * frame is, and packetization mode 1. Pure: no I/O, no GStreamer.
 * Spec: ITU-T H.264 7.4.1 and Annex B, RFC 6184 5.4-5.8. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GSTREEL_NALS_MAX 512u /* of one access unit */
#define GSTREEL_PARAMETER_SET_MAX 512u

typedef struct {
    const uint8_t *data; /* first byte is the NAL header */
    uint32_t length;
} GstreelNal;

/* One access unit, cut at its start codes. Lends the bytes it was parsed from. */
typedef struct {
    GstreelNal nals[GSTREEL_NALS_MAX]; /* without delimiters, filler, SEI and parameter sets */
    unsigned n_nals;
    GstreelNal sps, pps; /* the last ones of the unit; length 0: none */
    unsigned n_dropped;
    bool idr;         /* has an IDR slice */
    bool discardable; /* no slice is a reference (nal_ref_idc 0) */
} GstreelAccessUnit;

/* @data: byte stream format. Returns false if there is no slice in it, or too many NAL units. */
bool gstreel_access_unit_parse(GstreelAccessUnit *self, const uint8_t *data, size_t length);

/* The parameter sets that are put in front of every IDR. */
typedef struct {
    uint8_t sps[GSTREEL_PARAMETER_SET_MAX], pps[GSTREEL_PARAMETER_SET_MAX];
    uint32_t sps_length, pps_length;
} GstreelParameterSets;

/* Keeps those of @unit, if it has any. */
void gstreel_parameter_sets_update(GstreelParameterSets *self, const GstreelAccessUnit *unit);
/* True once both are known: an IDR is then a key frame. */
bool gstreel_parameter_sets_complete(const GstreelParameterSets *self);
/* profile-level-id of RFC 6184 8.1, six hex digits; @ret_text has 7 bytes. */
void gstreel_parameter_sets_profile(const GstreelParameterSets *self, char *ret_text);

/* Called for each payload in order; @last: of the access unit. Return false to stop. */
typedef bool (*GstreelPayload)(
    void *user_data, const uint8_t *payload, uint16_t length, bool first, bool last);

/* Cuts @unit into payloads of at most @max_payload bytes: SPS and PPS as one STAP-A in front if @sets is
 * given, then single NAL units and FU-A. Returns false if a call did. */
bool gstreel_packetize(const GstreelAccessUnit *unit,
                       const GstreelParameterSets *sets,
                       uint16_t max_payload,
                       GstreelPayload emit,
                       void *user_data);
