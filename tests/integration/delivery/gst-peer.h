/* tests/integration/delivery/gst-peer.h - GStreamer's webrtcbin as a viewer: offers to receive video and
 * audio, counts what comes. */
#pragma once

#include <glib.h>
#include <gst/gst.h>
#include <stdint.h>

typedef struct GstPeer GstPeer;

typedef struct {
    unsigned video_packets, audio_packets;
    unsigned frames, key_frames; /* access units after depayloading; key: with SPS, PPS and IDR */
    unsigned lost;               /* gaps in the video's sequence numbers */
    unsigned timestamp_errors;   /* video timestamps that went back */
    uint32_t video_ssrc;
    unsigned video_ssrc_changes;
} GstPeerCounts;

GstPeer *gst_peer_new(void);
void gst_peer_free(GstPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstPeer, gst_peer_free)

/* Blocks (and runs the main context) until the offer is made. (transfer full) */
char *gst_peer_offer(GstPeer *self);
void gst_peer_answer(GstPeer *self, const char *sdp);
void gst_peer_counts(GstPeer *self, GstPeerCounts *ret_counts);
