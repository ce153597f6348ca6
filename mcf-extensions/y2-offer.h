/* mcf-extensions/y2-offer.h - what an INVITE of the SCF asks for: content, media, granted channels. Pure. */
#pragma once

#include "lib/net/sip-msg.h"
#include "lib/proto/sdp-iptv.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *content;      /* "asset:ID" or "channel:ID" from the To user part */
    char *media;        /* the offer without the IPTV lines, for Xp */
    ProtoIptvRtsp line; /* the viewer's iptv_rtsp line */
    ProtoBc bc;         /* channel asked for, and granted list */
} McfOffer;
void mcf_offer_clear(McfOffer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(McfOffer, mcf_offer_clear)

/* @content_prefix: in front of the content id in the To user part. @ret_offer: initialised here.
 * Errors: NOT_FOUND for a To that names no content; NOT_ACCEPTABLE for an offer without iptv_rtsp line or
 * WebRTC media; PROTOCOL for a malformed one; FORBIDDEN for a channel outside the granted list. */
bool mcf_offer_read(const NetSipMsg *invite,
                    const char *content_prefix,
                    const char *home_domain,
                    McfOffer *ret_offer,
                    GError **error);

/* True if both SDPs ask for the same media: all but the origin line is equal. */
bool mcf_offer_same_media(const char *a, const char *b);
