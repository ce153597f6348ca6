/* lib/gst/reel-sink.h - the end of every GStreamer pipeline: elementary stream -> RTP payloads -> reel.
 *
 * An element (GstBin) with one sink pad "sink" that takes
 *   video: video/x-h264, any stream format and alignment (also VP8, VP9: video/x-vp8, video/x-vp9)
 *   audio: audio/x-opus
 * Inside: parser ! filter ! payloader ! appsink. The filter drops access-unit delimiters, filler and
 * SEI, puts SPS and PPS in front of every IDR, and judges key frames by NAL type. Payloads are at
 * most REEL_PAYLOAD_MAX bytes. Records are stamped with stream time (films: the timeline begins at 0 with the
 * earliest buffer of the segment) or as the caller says (channels). */
#pragma once

#include "lib/reel/reel-writer.h"

#include <gst/gst.h>

typedef struct GstreelSink GstreelSink;

typedef struct {
    /* Maps a buffer's time to the reel's timeline; NULL: running time in us. Called on the streaming
     * thread, once per access unit.
     * @time_ns: running time of the presentation (PTS).
     * @flags: may be given REEL_FLAG_DISCONTINUITY.
     * @ret_due_us: when to send. @ret_pts_us: what the RTP timestamp says.
     * Returns false to drop the access unit. */
    bool (*stamp)(
        void *user_data, GstClockTime time_ns, uint16_t *flags, int64_t *ret_due_us, int64_t *ret_pts_us);
} GstreelSinkEvents;

/* @codec: REEL_CODEC_H264, OPUS, VP8 or VP9. @writer: borrowed, outlives the element; the track is added when
 * the first caps are known, with @language (may be NULL).
 * @events: may be NULL; borrowed with @user_data.
 * Returns the handle; the element belongs to it until it is put into a bin.
 * Errors: UNAVAILABLE if a GStreamer plug-in is missing (names the Debian package). */
GstreelSink *gstreel_sink_new(ReelCodec codec,
                              ReelWriter *writer,
                              const char *language,
                              const GstreelSinkEvents *events,
                              void *user_data,
                              GError **error);
/* The pipeline must be in state NULL. */
void gstreel_sink_free(GstreelSink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstreelSink, gstreel_sink_free)

GstElement *gstreel_sink_element(GstreelSink *self); /* lent */
/* The track in the writer, -1 before the first caps. */
int gstreel_sink_track(const GstreelSink *self);

typedef struct {
    uint64_t frames, key_frames, bytes;
    uint64_t dropped_nals;    /* delimiters, filler, SEI */
    uint64_t dropped_records; /* refused by the writer, or longer than a payload may be */
    uint64_t reordered;       /* frames whose PTS went back: B-frames; browsers would not show them */
    int64_t last_frame_us;    /* monotonic time of the newest one; 0: none */
    ReelTrackInfo info;
} GstreelSinkStats;
/* Thread: any. */
void gstreel_sink_stats(GstreelSink *self, GstreelSinkStats *ret_stats);
