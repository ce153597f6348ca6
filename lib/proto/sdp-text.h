/* lib/proto/sdp-text.h - SDP text <-> GStreamer's SDP message, with the checks that its parser leaves out.
 * Only for lib/proto. */
#pragma once

#include <glib.h>
#include <gst/sdp/gstsdpmessage.h>
#include <stdbool.h>

#define PROTO_SDP_MAX_BYTES 65536
#define PROTO_SDP_MAX_LINE_BYTES 15000 /* GStreamer's parser cuts lines at 16 KiB */
#define PROTO_SDP_MAX_MEDIA 32

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstSDPMedia, gst_sdp_media_free)

/* Errors: PROTOCOL without v=0, o=, s= or t=, or with a line that is not x=...; TOO_LARGE over a cap. */
GstSDPMessage *proto_sdp_parse(const char *text, GError **error);
/* (transfer full) */
char *proto_sdp_text(const GstSDPMessage *sdp);
