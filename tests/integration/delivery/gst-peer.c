#include "tests/integration/delivery/gst-peer.h"

#include <gst/sdp/sdp.h>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "lib/gst/h264.h"
#include "lib/proto/rtp.h"

struct GstPeer {
    GstElement *pipeline, *webrtc;
    char *offer;
    GMutex lock;
    GstPeerCounts counts;
    uint16_t last_sequence;
    uint32_t last_timestamp;
};

/* ---- what comes ---- */

static void
count_video(GstPeer *self, const ProtoRtpPacket *packet)
{
    GstPeerCounts *counts = &self->counts;

    if (counts->video_packets > 0) {
        counts->lost += (uint16_t)(packet->sequence - self->last_sequence - 1);
        counts->timestamp_errors += (int32_t)(packet->timestamp - self->last_timestamp) < 0;
        counts->video_ssrc_changes += packet->ssrc != counts->video_ssrc;
    }
    counts->video_ssrc = packet->ssrc;
    self->last_sequence = packet->sequence;
    self->last_timestamp = packet->timestamp;
    counts->video_packets++;
}

static GstPadProbeReturn
on_rtp(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstPeer *self = user_data;
    GstBuffer *buffer = gst_pad_probe_info_get_buffer(info);
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const char *media = caps ? gst_structure_get_string(gst_caps_get_structure(caps, 0), "media") : NULL;
    ProtoRtpPacket packet;
    GstMapInfo map;

    gst_buffer_map(buffer, &map, GST_MAP_READ);
    g_mutex_lock(&self->lock);
    if (proto_rtp_parse(map.data, map.size, &packet)) {
        if (g_strcmp0(media, "video") == 0)
            count_video(self, &packet);
        else
            self->counts.audio_packets++;
    }
    g_mutex_unlock(&self->lock);
    gst_buffer_unmap(buffer, &map);

    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_frame(GstPad *pad G_GNUC_UNUSED, GstPadProbeInfo *info, gpointer user_data)
{
    GstPeer *self = user_data;
    GstMapInfo map;
    g_autofree GstreelAccessUnit *unit = g_new0(GstreelAccessUnit, 1);

    gst_buffer_map(gst_pad_probe_info_get_buffer(info), &map, GST_MAP_READ);
    g_mutex_lock(&self->lock);
    if (gstreel_access_unit_parse(unit, map.data, map.size)) {
        self->counts.frames++;
        self->counts.key_frames += unit->idr && unit->sps.length && unit->pps.length;
    }
    g_mutex_unlock(&self->lock);
    gst_buffer_unmap(gst_pad_probe_info_get_buffer(info), &map);

    return GST_PAD_PROBE_OK;
}

static void
on_pad_added(GstElement *webrtc G_GNUC_UNUSED, GstPad *pad, gpointer user_data)
{
    GstPeer *self = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const char *media = gst_structure_get_string(gst_caps_get_structure(caps, 0), "media");
    bool video = g_strcmp0(media, "video") == 0;
    g_autoptr(GstElement) tail = gst_parse_bin_from_description(
        video ? "rtph264depay name=depay ! video/x-h264,stream-format=byte-stream,alignment=au ! fakesink "
                "sync=false"
              : "fakesink sync=false name=depay",
        TRUE, NULL);
    g_autoptr(GstPad) sink = gst_element_get_static_pad(tail, "sink");

    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_rtp, self, NULL);
    if (video) {
        g_autoptr(GstElement) depay = gst_bin_get_by_name(GST_BIN(tail), "depay");
        g_autoptr(GstPad) source = gst_element_get_static_pad(depay, "src");
        gst_pad_add_probe(source, GST_PAD_PROBE_TYPE_BUFFER, on_frame, self, NULL);
    }
    gst_bin_add(GST_BIN(self->pipeline), gst_object_ref(tail));
    gst_element_sync_state_with_parent(tail);
    gst_pad_link(pad, sink);
}

/* ---- signalling ---- */

static void
add_transceiver(GstPeer *self, const char *text)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(text);
    GstWebRTCRTPTransceiver *transceiver = NULL;

    g_signal_emit_by_name(self->webrtc, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY,
                          caps, &transceiver);
    g_clear_object(&transceiver);
}

/* libnice would look for a router on every interface. */
static void
turn_upnp_off(GstElement *webrtc)
{
    g_autoptr(GObject) ice = NULL, agent = NULL;

    g_object_get(webrtc, "ice-agent", &ice, NULL);
    g_object_get(ice, "agent", &agent, NULL);
    g_object_set(agent, "upnp", FALSE, NULL);
}

GstPeer *
gst_peer_new(void)
{
    GstPeer *self = g_new0(GstPeer, 1);

    g_mutex_init(&self->lock);
    self->pipeline = gst_pipeline_new(NULL);
    self->webrtc = gst_element_factory_make("webrtcbin", NULL);
    g_assert_nonnull(self->webrtc);
    g_object_set(self->webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", 20, NULL);
    turn_upnp_off(self->webrtc);
    gst_bin_add(GST_BIN(self->pipeline), self->webrtc);
    g_signal_connect(self->webrtc, "pad-added", G_CALLBACK(on_pad_added), self);
    add_transceiver(self, "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
                          "packetization-mode=(string)1,profile-level-id=(string)42e01f");
    add_transceiver(self, "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=97,"
                          "encoding-params=(string)2");
    gst_element_set_state(self->pipeline, GST_STATE_PLAYING);

    return self;
}

void
gst_peer_free(GstPeer *self)
{
    if (!self)
        return;
    gst_element_set_state(self->pipeline, GST_STATE_NULL);
    gst_object_unref(self->pipeline);
    g_mutex_clear(&self->lock);
    g_free(self->offer);
    g_free(self);
}

char *
gst_peer_offer(GstPeer *self)
{
    GstPromise *promise = gst_promise_new();
    GstWebRTCSessionDescription *offer = NULL;
    char *text;

    g_signal_emit_by_name(self->webrtc, "create-offer", NULL, promise);
    g_assert_cmpint(gst_promise_wait(promise), ==, GST_PROMISE_RESULT_REPLIED);
    gst_structure_get(gst_promise_get_reply(promise), "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &offer,
                      NULL);
    gst_promise_unref(promise);
    promise = gst_promise_new();
    g_signal_emit_by_name(self->webrtc, "set-local-description", offer, promise);
    gst_promise_wait(promise);
    gst_promise_unref(promise);
    text = gst_sdp_message_as_text(offer->sdp);
    gst_webrtc_session_description_free(offer);

    return text;
}

void
gst_peer_answer(GstPeer *self, const char *sdp)
{
    GstPromise *promise = gst_promise_new();
    GstWebRTCSessionDescription *answer;
    GstSDPMessage *message;

    gst_sdp_message_new_from_text(sdp, &message);
    answer = gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message);
    g_signal_emit_by_name(self->webrtc, "set-remote-description", answer, promise);
    gst_promise_wait(promise);
    gst_promise_unref(promise);
    gst_webrtc_session_description_free(answer);
}

void
gst_peer_counts(GstPeer *self, GstPeerCounts *ret_counts)
{
    g_mutex_lock(&self->lock);
    *ret_counts = self->counts;
    g_mutex_unlock(&self->lock);
}
