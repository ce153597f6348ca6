#include "sgw/call.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "sgw/gm-build.h"
#include "sgw/media-control.h"
#include "sgw/sdp-bridge.h"
#include "sgw/session-fsm.h"

struct SgwCall {
    SgwCallContext context;
    SgwCallState state;
    char *subsession;
    char *id; /* Session-ID */
    char *target;
    char *bc_service; /* of a channel; the one shown now, or asked for */
    char *browser_offer;
    SgwSdpOrigin origin;
    SgwNetworkLeg *leg;
    SgwMediaControl *media;
    SgwXcCommand play; /* what to send when the answer is there */
    bool autoplay;
    guint complete_timer;
    gint64 since_us;
    /* requests of the page that wait */
    SgwW2Request *start;
    SgwW2Request *shutdown;
    SgwW2Request *zap; /* while the network is asked for its channel */
    char *zap_service;
    /* what an event brought along, for the action */
    const char *sdp;
    int status;
    const char *reason;
    unsigned retry_after_s;
    SgwW2Request *incoming;
    bool media_gone;
};

static void handle(SgwCall *self, SgwCallEvent event);

static BaseLogFields
fields(const SgwCall *self)
{
    return (BaseLogFields){.session = self->id, .channel = self->target, .call_id = sgw_call_dialog(self)};
}

/* --- frames --- */

static void
fail(SgwCall *self, SgwW2Request **slot, int status, const char *reason)
{
    SgwW2Request *request = g_steal_pointer(slot);
    ProtoJsonrtcFrame *frame = NULL;

    if (!request)
        return;
    frame = sgw_w2_request_error(request, status, reason ? reason : "refused");
    json_object_set_string_member(frame->header, "session-id", self->id);
    if (self->retry_after_s > 0)
        json_object_set_int_member(frame->header, "retry-after", self->retry_after_s);
    sgw_w2_request_answer(request, frame);
}

static void
succeed(SgwCall *self, SgwW2Request **slot, const char *sdp)
{
    SgwW2Request *request = g_steal_pointer(slot);
    ProtoJsonrtcFrame *frame = NULL;

    if (!request)
        return;
    frame = sgw_w2_request_response(request, 200);
    json_object_set_string_member(frame->header, "session-id", self->id);
    if (sdp)
        json_object_set_string_member(proto_jsonrtc_payload(frame), "sdp", sdp);
    sgw_w2_request_answer(request, frame);
}

static void
tell_shutdown(SgwCall *self, int status, const char *reason)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_MESSAGE, "call", "shutdown");

    frame->subsession_id = g_strdup(self->subsession);
    json_object_set_string_member(frame->header, "session-id", self->id);
    json_object_set_int_member(frame->header, "error_code", status);
    json_object_set_string_member(frame->header, "reason", reason ? reason : "ended");
    sgw_w2_link_send(self->context.link, frame);
}

/* --- playback --- */

static void
on_not_granted(SgwMediaControl *media G_GNUC_UNUSED,
               SgwW2Request *request,
               const char *bc_service,
               void *user_data)
{
    SgwCall *self = user_data;

    self->incoming = request;
    g_free(self->zap_service);
    self->zap_service = g_strdup(bc_service);
    handle(self, SGW_CALL_ON_SWITCH);
}

static void
on_zapped(SgwMediaControl *media G_GNUC_UNUSED, const char *bc_service, void *user_data)
{
    SgwCall *self = user_data;

    g_free(self->bc_service);
    self->bc_service = g_strdup(bc_service);
    g_free(self->target);
    self->target = proto_bc_service_name(bc_service);
}

static void
on_media_gone(SgwMediaControl *media G_GNUC_UNUSED, void *user_data)
{
    SgwCall *self = user_data;

    self->media_gone = true; /* the MCF's BYE follows; where it does not, ours does */
    if (!self->complete_timer && self->state == SGW_CALL_UP) {
        self->reason = "media session gone";
        self->status = 503;
        handle(self, SGW_CALL_ON_DROP);
    }
}

static const SgwMediaControlEvents media_events = {
    .not_granted = on_not_granted,
    .zapped = on_zapped,
    .gone = on_media_gone,
};

static bool
open_media(SgwCall *self, const ProtoIptvRtsp *line, GError **error)
{
    SgwMediaControlConfig config = {
        .xc = self->context.xc,
        .link = self->context.link,
        .subsession = self->subsession,
        .call_id = self->id,
        .home_domain = self->context.settings->home_domain,
    };

    if (self->media && sgw_media_control_is(self->media, line))
        return true;
    g_clear_pointer(&self->media, sgw_media_control_free);
    self->media = sgw_media_control_new(&config, line, &media_events, self, error);
    return self->media != NULL;
}

/* --- actions --- */

static gboolean
on_complete_timeout(gpointer user_data)
{
    SgwCall *self = user_data;

    self->complete_timer = 0;
    self->status = 408;
    self->reason = "complete did not come";
    handle(self, SGW_CALL_ON_TIMEOUT);
    return G_SOURCE_REMOVE;
}

static void
give_up(SgwCall *self, int status, const char *reason)
{
    BaseLogFields log = fields(self);

    base_warning(&log, "call given up: %s", reason);
    self->state = SGW_CALL_ENDING;
    fail(self, &self->start, status, reason);
    self->leg->ops->acknowledge(self->leg);
    self->leg->ops->end(self->leg, status, reason);
}

static void
do_answer(SgwCall *self)
{
    g_autoptr(GError) error = NULL;
    g_auto(ProtoIptvRtsp) line = {0};
    g_autofree char *sdp = sgw_sdp_answer_to_browser(self->sdp, &line, &error);
    BaseLogFields log = fields(self);

    if (!sdp || !open_media(self, &line, &error)) {
        give_up(self, 502, error->message);
        return;
    }
    /* PLAY first: the media is on its way while the page handles the answer. */
    if (self->autoplay)
        sgw_media_control_autoplay(self->media, &self->play);
    succeed(self, &self->start, sdp);
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    self->complete_timer =
        g_timeout_add(self->context.settings->complete_timeout_ms, on_complete_timeout, self);
    base_info(&log, "answered after %" G_GINT64_FORMAT " ms",
              (g_get_monotonic_time() - self->since_us) / 1000);
}

static void
do_ack(SgwCall *self)
{
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    self->leg->ops->acknowledge(self->leg);
}

static void
do_end(SgwCall *self)
{
    fail(self, &self->start, 487, "ended");
    fail(self, &self->zap, 487, "ended");
    self->shutdown = g_steal_pointer(&self->incoming);
    self->leg->ops->end(self->leg, self->status ? self->status : 200, self->reason);
}

static void
do_ack_end(SgwCall *self)
{
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    self->leg->ops->acknowledge(self->leg);
    if (self->incoming)
        self->shutdown = g_steal_pointer(&self->incoming);
    self->leg->ops->end(self->leg, self->status ? self->status : 200, self->reason);
}

static void
do_reoffer(SgwCall *self)
{
    self->start = g_steal_pointer(&self->incoming);
    self->leg->ops->reoffer(self->leg, self->sdp);
}

static void
do_switch(SgwCall *self)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sdp =
        sgw_sdp_offer_to_ims(self->browser_offer, self->zap_service, &self->origin, &error);

    self->zap = g_steal_pointer(&self->incoming);
    if (sdp) {
        self->leg->ops->reoffer(self->leg, sdp);
        return;
    }
    self->state = SGW_CALL_UP;
    fail(self, &self->zap, 403, error->message);
}

static void
do_switched(SgwCall *self)
{
    SgwW2Request *request = g_steal_pointer(&self->zap);

    self->leg->ops->acknowledge(self->leg);
    sgw_media_control_zap_again(self->media, request, self->zap_service);
}

static void
do_no_switch(SgwCall *self)
{
    fail(self, self->incoming ? &self->incoming : &self->zap, 403, "this channel is not granted");
}

static void
finish(SgwCall *self)
{
    BaseLogFields log = fields(self);

    base_info(&log, "call is over after %.1f s: %d %s",
              (double)(g_get_monotonic_time() - self->since_us) / G_USEC_PER_SEC, self->status,
              self->reason ? self->reason : "");
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    g_clear_pointer(&self->media, sgw_media_control_free);
    self->context.over(self, self->context.user_data);
}

static void
do_tell(SgwCall *self)
{
    fail(self, &self->start, self->status, self->reason);
    fail(self, &self->zap, 487, "ended");
    tell_shutdown(self, self->status, self->reason);
    finish(self);
}

static void
act(SgwCall *self, SgwCallAction action)
{
    switch (action) {
    case SGW_CALL_DO_NOTHING:
        break;
    case SGW_CALL_DO_ANSWER:
        do_answer(self);
        break;
    case SGW_CALL_DO_REFUSE:
        fail(self, &self->start, self->status, self->reason);
        finish(self);
        break;
    case SGW_CALL_DO_ACK:
        do_ack(self);
        break;
    case SGW_CALL_DO_REOFFER:
        do_reoffer(self);
        break;
    case SGW_CALL_DO_GLARE:
        fail(self, &self->incoming, 491, "a change is under way");
        break;
    case SGW_CALL_DO_REREFUSE:
        fail(self, &self->start, self->status, self->reason);
        break;
    case SGW_CALL_DO_SWITCH:
        do_switch(self);
        break;
    case SGW_CALL_DO_SWITCHED:
        do_switched(self);
        break;
    case SGW_CALL_DO_NO_SWITCH:
        do_no_switch(self);
        break;
    case SGW_CALL_DO_END:
        do_end(self);
        break;
    case SGW_CALL_DO_ACK_END:
        do_ack_end(self);
        break;
    case SGW_CALL_DO_GIVE_UP:
        tell_shutdown(self, self->status, self->reason);
        do_ack_end(self);
        break;
    case SGW_CALL_DO_CONFIRM:
        succeed(self, &self->shutdown, NULL);
        finish(self);
        break;
    case SGW_CALL_DO_CONFIRM_NOW:
        succeed(self, &self->incoming, NULL);
        break;
    case SGW_CALL_DO_TELL:
        do_tell(self);
        break;
    }
}

/* Last statement of whoever calls it: the call may be freed in it. */
static void
handle(SgwCall *self, SgwCallEvent event)
{
    SgwCallStep step = sgw_call_step(self->state, event);
    BaseLogFields log = fields(self);

    base_debug(&log, "call %s -> %s", sgw_call_state_name(self->state), sgw_call_state_name(step.next));
    self->state = step.next;
    act(self, step.action);
}

/* --- network leg --- */

static void
on_answered(SgwNetworkLeg *leg G_GNUC_UNUSED, const char *sdp, void *user_data)
{
    SgwCall *self = user_data;

    self->sdp = sdp;
    handle(self, SGW_CALL_ON_ANSWER);
}

static void
on_reoffer_refused(SgwNetworkLeg *leg G_GNUC_UNUSED, int status, const char *reason, void *user_data)
{
    SgwCall *self = user_data;

    self->status = status;
    self->reason = reason;
    handle(self, SGW_CALL_ON_REFUSAL);
}

static void
on_ended(SgwNetworkLeg *leg, int status, const char *reason, unsigned retry_after_s, void *user_data)
{
    SgwCall *self = user_data;

    self->leg = NULL;
    self->status = self->media_gone && status == 200 ? 503 : status;
    self->reason = self->media_gone && status == 200 ? "media session gone" : reason;
    self->retry_after_s = retry_after_s;
    handle(self, SGW_CALL_ON_END);
    leg->ops->free(leg);
}

static const SgwNetworkLegEvents leg_events = {
    .answered = on_answered,
    .reoffer_refused = on_reoffer_refused,
    .ended = on_ended,
};

/* --- browser leg --- */

/* Reads what a `start` says into @self. */
static bool
read_start(SgwCall *self, const ProtoJsonrtcFrame *frame, GError **error)
{
    const char *target = proto_jsonrtc_header_string(frame, "target");
    const char *service = proto_jsonrtc_header_string(frame, "iptv_service");
    const char *offer = proto_jsonrtc_payload_string(frame, "sdp");
    bool broadcast = g_strcmp0(service, "bc") == 0;

    if (!target || !offer || (!broadcast && g_strcmp0(service, "cod") != 0)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                            "start needs target, iptv_service (cod or bc) and an offer");
        return false;
    }
    self->play = (SgwXcCommand){0};
    self->autoplay = true;
    proto_jsonrtc_header_bool(frame, "autoplay", &self->autoplay);
    if (!sgw_media_read_play(frame, &self->play, error))
        return false;
    g_free(self->target);
    self->target = g_strdup(target);
    g_free(self->browser_offer);
    self->browser_offer = g_strdup(offer);
    g_clear_pointer(&self->bc_service, g_free);
    if (broadcast)
        self->bc_service = sgw_media_bc_service(target, self->context.settings->home_domain);
    if (broadcast && !self->bc_service)
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "this is no channel id");
    return !broadcast || self->bc_service;
}

static bool
open_leg(SgwCall *self, GError **error)
{
    g_autofree char *target = NULL;
    g_autofree char *sdp = NULL;

    target = self->bc_service ? sgw_gm_broadcast_uri(self->context.settings)
                              : sgw_gm_content_uri(self->context.settings, self->target, error);
    if (!target)
        return false;
    sdp = sgw_sdp_offer_to_ims(self->browser_offer, self->bc_service, &self->origin, error);
    if (!sdp)
        return false;
    self->leg =
        self->context.open_leg(target, self->id, sdp, &leg_events, self, self->context.open_leg_data, error);
    return self->leg != NULL;
}

SgwCall *
sgw_call_new(const SgwCallContext *context,
             const char *id,
             SgwW2Request *request,
             const ProtoJsonrtcFrame *frame)
{
    SgwCall *self = g_new0(SgwCall, 1);
    g_autoptr(GError) error = NULL;
    BaseLogFields log;

    self->context = *context;
    self->state = SGW_CALL_INVITING;
    self->subsession = g_strdup(frame->subsession_id);
    self->id = g_strdup(id);
    self->since_us = g_get_monotonic_time();
    base_random_bytes(&self->origin.id, sizeof self->origin.id);
    self->origin.id >>= 2; /* fits where others keep it signed */
    self->origin.address = context->settings->local_host;
    self->start = request;
    if (read_start(self, frame, &error) && open_leg(self, &error)) {
        log = fields(self);
        base_info(&log, "call of %s begins", self->target);
        return self;
    }
    fail(self, &self->start, base_error_sip_status(error), error->message);
    sgw_call_free(self);
    return NULL;
}

void
sgw_call_free(SgwCall *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    fail(self, &self->start, 487, "ended");
    fail(self, &self->shutdown, 487, "ended");
    fail(self, &self->zap, 487, "ended");
    sgw_media_control_free(self->media);
    if (self->leg)
        self->leg->ops->free(self->leg);
    g_free(self->subsession);
    g_free(self->id);
    g_free(self->target);
    g_free(self->bc_service);
    g_free(self->browser_offer);
    g_free(self->zap_service);
    g_free(self);
}

void
sgw_call_restart(SgwCall *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sdp = NULL;

    if (self->state == SGW_CALL_UP) {
        if (!read_start(self, frame, &error) ||
            !(sdp = sgw_sdp_offer_to_ims(self->browser_offer, self->bc_service, &self->origin, &error))) {
            sgw_w2_request_fail_error(request, error);
            return;
        }
    }
    self->incoming = request;
    self->sdp = sdp;
    handle(self, SGW_CALL_ON_START);
}

void
sgw_call_complete(SgwCall *self)
{
    handle(self, SGW_CALL_ON_COMPLETE);
}

void
sgw_call_shutdown(SgwCall *self, SgwW2Request *request)
{
    self->incoming = request;
    self->status = 0;
    self->reason = NULL;
    handle(self, SGW_CALL_ON_SHUTDOWN);
}

void
sgw_call_media(SgwCall *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    if (self->media && self->state != SGW_CALL_ENDING)
        sgw_media_control_request(self->media, request, frame);
    else
        sgw_w2_request_fail(request, 454, "the call has no media now");
}

void
sgw_call_drop(SgwCall *self, const char *reason)
{
    self->status = 480;
    self->reason = reason;
    handle(self, SGW_CALL_ON_DROP);
}

const char *
sgw_call_subsession(const SgwCall *self)
{
    return self->subsession;
}

const char *
sgw_call_id(const SgwCall *self)
{
    return self->id;
}

const char *
sgw_call_target(const SgwCall *self)
{
    return self->target;
}

const char *
sgw_call_dialog(const SgwCall *self)
{
    return self->leg ? self->leg->ops->call_id(self->leg) : NULL;
}

bool
sgw_call_is_ending(const SgwCall *self)
{
    return self->state == SGW_CALL_ENDING || self->state == SGW_CALL_OVER;
}
