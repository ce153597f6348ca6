/* lib/gst/reel-sink.h - the end of every GStreamer pipeline: elementary stream -> RTP payloads -> reel.
 *
 * An element (GstBin) with one sink pad "sink" that takes
 *   REEL_CODEC_H264  video/x-h264, any stream format and alignment
 *   REEL_CODEC_OPUS  audio/x-opus
 * Inside: parser ! appsink. Access units become payloads of at most REEL_PAYLOAD_MAX bytes (h264.h;
 * rtph264pay would put out delimiters as packets of their own and not say what a key frame is):
 * access-unit delimiters, filler and SEI are dropped, SPS and PPS are put in front of every IDR, key
 * frames are judged by NAL type. Records are stamped with running time (films: the timeline begins at
 * 0 with the segment) or as the caller says (channels). */
#pragma once

#include "lib/reel/reel-writer.h"

#include <gst/gst.h>

/* The Opus encoder of all reels: constant bit rate, in-band FEC, no DTX, frames of 20 ms. libopus
 * spends bits on FEC only where it expects losses, and codes a copy into each packet from above 5 %.
 * For gst_parse_launch; raw audio of 48 kHz goes in. */
#define GSTREEL_OPUS_ENCODER                                                                                 \
    "opusenc bitrate=128000 bitrate-type=cbr inband-fec=true packet-loss-percentage=10 dtx=false "            \
    "frame-size=20"

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

/* @codec: REEL_CODEC_H264 or OPUS. @writer: borrowed, outlives the element; the track is added when
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
    uint64_t waiting;         /* access units dropped because no key frame has come yet */
    uint64_t reordered;       /* frames whose PTS went back: B-frames; browsers would not show them */
    int64_t last_frame_us;    /* monotonic time of the newest one; 0: none */
    ReelTrackInfo info;
} GstreelSinkStats;
/* Thread: any. */
void gstreel_sink_stats(GstreelSink *self, GstreelSinkStats *ret_stats);
