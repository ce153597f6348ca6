#include "sgw/call.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "sgw/call-private.h"
#include "sgw/gm-build.h"

/* --- network leg --- */

static void
on_answered(SgwNetworkLeg *leg G_GNUC_UNUSED, const char *sdp, void *user_data)
{
    SgwCall *self = user_data;

    self->sdp = sdp;
    sgw_call_handle(self, SGW_CALL_ON_ANSWER);
}

static void
on_reoffer_refused(SgwNetworkLeg *leg G_GNUC_UNUSED, int status, const char *reason, void *user_data)
{
    SgwCall *self = user_data;

    self->status = status;
    self->reason = reason;
    sgw_call_handle(self, SGW_CALL_ON_REFUSAL);
}

static void
on_ended(SgwNetworkLeg *leg, const SgwLegEnd *end, void *user_data)
{
    SgwCall *self = user_data;
    bool unexplained = self->gone_timer && end->status == 200;

    self->leg = NULL;
    self->status = unexplained ? 503 : end->status;
    self->reason = unexplained ? "media session gone" : end->reason;
    self->cause = unexplained ? SGW_CAUSE_MEDIA_LOST : end->cause;
    self->retry_after_s = end->retry_after_s;
    sgw_call_handle(self, SGW_CALL_ON_END);
    leg->ops->free(leg);
}

static const SgwNetworkLegEvents leg_events = {
    .answered = on_answered,
    .reoffer_refused = on_reoffer_refused,
    .ended = on_ended,
};

/* --- browser leg --- */

static BaseMetric *
live_calls(void)
{
    return base_gauge("imstv_sgw_calls", NULL, "calls of all viewers, those being set up included");
}

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
    self->dialog = g_strdup(sgw_call_dialog(self));
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

    base_metric_add(base_counter("imstv_sgw_call_attempts_total", NULL, "calls that pages asked for"), 1);
    base_metric_add(live_calls(), 1);
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
        log = sgw_call_fields(self);
        base_info(&log, "call of %s begins", self->target);
        return self;
    }
    sgw_call_fail(self, &self->start, base_error_sip_status(error), error->message);
    sgw_call_free(self);
    return NULL;
}

void
sgw_call_free(SgwCall *self)
{
    if (!self)
        return;
    base_metric_add(live_calls(), -1);
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    g_clear_handle_id(&self->gone_timer, g_source_remove);
    sgw_call_fail(self, &self->start, 487, "ended");
    sgw_call_fail(self, &self->shutdown, 487, "ended");
    sgw_call_fail(self, &self->zap, 487, "ended");
    sgw_media_control_free(self->media);
    if (self->leg)
        self->leg->ops->free(self->leg);
    g_free(self->subsession);
    g_free(self->id);
    g_free(self->dialog);
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
    sgw_call_handle(self, SGW_CALL_ON_START);
}

void
sgw_call_complete(SgwCall *self)
{
    sgw_call_handle(self, SGW_CALL_ON_COMPLETE);
}

void
sgw_call_shutdown(SgwCall *self, SgwW2Request *request)
{
    self->incoming = request;
    self->status = 0;
    self->reason = NULL;
    sgw_call_handle(self, SGW_CALL_ON_SHUTDOWN);
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
    sgw_call_handle(self, SGW_CALL_ON_DROP);
}

void
sgw_call_move(SgwCall *self, NetSipFlow *flow)
{
    if (self->leg)
        self->leg->ops->move(self->leg, flow);
}

void
sgw_call_give_up(SgwCall *self, int status, const char *cause, const char *reason)
{
    self->status = status;
    self->cause = cause;
    self->reason = reason;
    sgw_call_handle(self, SGW_CALL_ON_TIMEOUT);
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
