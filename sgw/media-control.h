/* sgw/media-control.h - the playback of one call: media commands of the page (iptv_media) become RTSP on Xc,
 * outcomes and notices go back. Spec: docs/w2.md, media commands and events. */
#pragma once

#include "sgw/w2-link.h"
#include "sgw/xc-client.h"

#include <glib.h>
#include <stdbool.h>

typedef struct SgwMediaControl SgwMediaControl;

typedef struct {
    /* A zap was refused with 403: the network may still grant the channel. @request: (transfer full): give
     * it to sgw_media_control_zap_again, or fail it. */
    void (*not_granted)(SgwMediaControl *media,
                        SgwW2Request *request,
                        const char *bc_service,
                        void *user_data);
    /* The picture is another channel's now. May be NULL. */
    void (*zapped)(SgwMediaControl *media, const char *bc_service, void *user_data);
    /* The media session is gone for good (454, or notice 5402 with no BYE). The control must not be freed
     * in here. */
    void (*gone)(SgwMediaControl *media, void *user_data);
} SgwMediaControlEvents;

typedef struct {
    SgwXc *xc;
    SgwW2Link *link;
    const char *subsession;  /* copied */
    const char *call_id;     /* Session-ID; copied */
    const char *home_domain; /* completes bare channel names; copied */
} SgwMediaControlConfig;

/* @line: of the answer. @events: borrowed with @user_data. Errors: PROTOCOL. */
SgwMediaControl *sgw_media_control_new(const SgwMediaControlConfig *config,
                                       const ProtoIptvRtsp *line,
                                       const SgwMediaControlEvents *events,
                                       void *user_data,
                                       GError **error);
void sgw_media_control_free(SgwMediaControl *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwMediaControl, sgw_media_control_free)
bool sgw_media_control_is(const SgwMediaControl *self, const ProtoIptvRtsp *line);

/* Reads `npt` and `scale` of a header for a PLAY. Errors: INVALID_ARGUMENT. */
bool sgw_media_read_play(const ProtoJsonrtcFrame *frame, SgwXcCommand *ret_command, GError **error);
/* "two" -> "two:imstv.test"; NULL if it is no channel's name. (transfer full) */
char *sgw_media_bc_service(const char *name, const char *home_domain);

/* Plays without having been asked; the outcome goes to the page as an event. */
void sgw_media_control_autoplay(SgwMediaControl *self, const SgwXcCommand *play);
/* A request of the page. @request: (transfer full). */
void sgw_media_control_request(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame);
/* The network has granted the channel: once more. @request: (transfer full). */
void sgw_media_control_zap_again(SgwMediaControl *self, SgwW2Request *request, const char *bc_service);
