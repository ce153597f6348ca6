/* sgw/call-actions.c - what a call does: the actions of session-fsm's table, and the events of its playback.
 */

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "sgw/call-private.h"

#define BYE_WAIT_MS 2000

BaseLogFields
sgw_call_fields(const SgwCall *self)
{
    return (BaseLogFields){.session = self->id, .channel = self->target, .call_id = self->dialog};
}

/* --- frames --- */

void
sgw_call_fail(SgwCall *self, SgwW2Request **slot, int status, const char *reason)
{
    SgwW2Request *request = g_steal_pointer(slot);
    ProtoJsonrtcFrame *frame = NULL;

    if (!request)
        return;
    frame = sgw_w2_request_error(request, status, reason ? reason : "refused");
    json_object_set_string_member(frame->header, "session-id", self->id);
    if (self->cause)
        json_object_set_string_member(frame->header, "cause", self->cause);
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
    if (self->cause)
        json_object_set_string_member(frame->header, "cause", self->cause);
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
    sgw_call_handle(self, SGW_CALL_ON_SWITCH);
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

static gboolean
on_no_bye(gpointer user_data)
{
    SgwCall *self = user_data;

    self->gone_timer = 0;
    sgw_call_give_up(self, 503, SGW_CAUSE_MEDIA_LOST, "media session gone");
    return G_SOURCE_REMOVE;
}

/* The MCF's BYE follows and says why; where it does not come, ours goes out. */
static void
on_media_gone(SgwMediaControl *media G_GNUC_UNUSED, void *user_data)
{
    SgwCall *self = user_data;

    if (!self->gone_timer)
        self->gone_timer = g_timeout_add(BYE_WAIT_MS, on_no_bye, self);
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
    sgw_call_give_up(self, 408, NULL, "complete did not come");
    return G_SOURCE_REMOVE;
}

static void
give_up(SgwCall *self, int status, const char *reason)
{
    BaseLogFields log = sgw_call_fields(self);

    base_warning(&log, "call given up: %s", reason);
    self->state = SGW_CALL_ENDING;
    sgw_call_fail(self, &self->start, status, reason);
    self->leg->ops->acknowledge(self->leg);
    self->leg->ops->end(self->leg, status, reason);
}

static void
do_answer(SgwCall *self)
{
    g_autoptr(GError) error = NULL;
    g_auto(ProtoIptvRtsp) line = {0};
    g_autofree char *sdp = sgw_sdp_answer_to_browser(self->sdp, &line, &error);
    BaseLogFields log = sgw_call_fields(self);

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
    base_metric_add(base_counter("imstv_sgw_calls_answered_total", NULL, "answers given to pages"), 1);
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
    sgw_call_fail(self, &self->start, 487, "ended");
    sgw_call_fail(self, &self->zap, 487, "ended");
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
    sgw_call_fail(self, &self->zap, 403, error->message);
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
    sgw_call_fail(self, self->incoming ? &self->incoming : &self->zap, 403, "this channel is not granted");
}

static void
finish(SgwCall *self)
{
    BaseLogFields log = sgw_call_fields(self);

    base_info(&log, "call is over after %.1f s: %d %s",
              (double)(g_get_monotonic_time() - self->since_us) / G_USEC_PER_SEC, self->status,
              self->reason ? self->reason : "");
    g_clear_handle_id(&self->complete_timer, g_source_remove);
    g_clear_handle_id(&self->gone_timer, g_source_remove);
    g_clear_pointer(&self->media, sgw_media_control_free);
    self->context.over(self, self->context.user_data);
}

static void
do_tell(SgwCall *self)
{
    sgw_call_fail(self, &self->start, self->status, self->reason);
    sgw_call_fail(self, &self->zap, 487, "ended");
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
        sgw_call_fail(self, &self->start, self->status, self->reason);
        finish(self);
        break;
    case SGW_CALL_DO_ACK:
        do_ack(self);
        break;
    case SGW_CALL_DO_REOFFER:
        do_reoffer(self);
        break;
    case SGW_CALL_DO_GLARE:
        sgw_call_fail(self, &self->incoming, 491, "a change is under way");
        break;
    case SGW_CALL_DO_REREFUSE:
        sgw_call_fail(self, &self->start, self->status, self->reason);
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

void
sgw_call_handle(SgwCall *self, SgwCallEvent event)
{
    SgwCallStep step = sgw_call_step(self->state, event);
    BaseLogFields log = sgw_call_fields(self);

    base_debug(&log, "call %s -> %s", sgw_call_state_name(self->state), sgw_call_state_name(step.next));
    self->state = step.next;
    act(self, step.action);
}
