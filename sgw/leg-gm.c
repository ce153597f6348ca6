#include "sgw/leg-gm.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"

typedef struct {
    SgwNetworkLeg base;
    NetSipSession *session;
    char *local_sdp;  /* of our last offer, for refreshes by re-INVITE */
    char *remote_sdp; /* of the last answer */
} LegGm;

static LegGm *
of(SgwNetworkLeg *leg)
{
    return (LegGm *)leg;
}

/* --- events of the dialog --- */

static void
keep(char **slot, const char *text)
{
    g_free(*slot);
    *slot = g_strdup(text);
}

static const char *
sdp_of(const NetSipMsg *message)
{
    return net_sip_msg_has_content_type(message, "application/sdp") ? net_sip_msg_body(message, NULL) : NULL;
}

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    LegGm *self = user_data;
    const char *sdp = sdp_of(response);

    if (!sdp) {
        net_sip_session_ack(session, NULL, NULL);
        net_sip_session_end(session, "SIP;cause=488;text=\"no answer in the 200\"");
        return;
    }
    keep(&self->remote_sdp, sdp);
    self->base.events->answered(&self->base, sdp, self->base.user_data);
}

/* "SIP;cause=503;text=\"media gone\"" of a BYE; 200 if there is none. */
static int
cause_of(const NetSipMsg *message, char **ret_text)
{
    g_autofree char *cause = net_sip_msg_header_param(message, "Reason", 0, "cause");
    guint64 status = 200;

    *ret_text = net_sip_msg_header_param(message, "Reason", 0, "text");
    if (cause && !g_ascii_string_to_unsigned(cause, 10, 100, 699, &status, NULL))
        status = 200;
    return (int)status;
}

static void
report_end(LegGm *self, int status, const char *cause, const char *reason)
{
    SgwLegEnd end = {.status = status, .cause = cause, .reason = reason};

    self->base.events->ended(&self->base, &end, self->base.user_data);
}

static void
report_refusal(LegGm *self, const NetSipMsg *response)
{
    SgwLegEnd end = {.status = 500, .reason = "refused"};

    if (response) {
        end.status = net_sip_msg_status(response);
        end.reason = net_sip_msg_reason(response);
        end.retry_after_s = net_sip_msg_number(response, "Retry-After", 0);
    }
    if (end.status == 503 && end.retry_after_s > 0)
        end.cause = SGW_CAUSE_FULL;
    self->base.events->ended(&self->base, &end, self->base.user_data);
}

/* What the service says by the Reason of its BYE. */
static const char *
cause_of_bye(int status)
{
    if (status == 410)
        return SGW_CAUSE_CONTENT_GONE;
    return status == 503 ? SGW_CAUSE_MEDIA_LOST : NULL;
}

static void
on_ended(NetSipSession *session G_GNUC_UNUSED,
         NetSipEnd why,
         const NetSipMsg *message,
         const GError *error,
         void *user_data)
{
    LegGm *self = user_data;
    g_autofree char *text = NULL;
    int status = 0;

    switch (why) {
    case NET_SIP_ENDED_REFUSED:
        report_refusal(self, message);
        return;
    case NET_SIP_ENDED_BYE:
        status = message ? cause_of(message, &text) : 200;
        report_end(self, status, cause_of_bye(status), text ? text : "ended by the service");
        return;
    case NET_SIP_ENDED_NO_ANSWER:
        if (g_error_matches(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE))
            report_end(self, 503, SGW_CAUSE_NETWORK_LOST, error->message);
        else
            report_end(self, 408, NULL, "the network does not answer");
        return;
    case NET_SIP_ENDED_EXPIRED:
        report_end(self, 408, NULL, "the session has expired");
        return;
    case NET_SIP_ENDED_LOST:
        report_end(self, 503, SGW_CAUSE_NETWORK_LOST, error ? error->message : "the core cannot be reached");
        return;
    case NET_SIP_ENDED_CANCELLED:
    case NET_SIP_ENDED_LOCALLY:
        report_end(self, 200, NULL, "ended");
        return;
    }
}

/* A re-INVITE of the network: a refresh, or an offer that changes nothing, gets our last SDP again. Other
 * changes cannot be carried to a browser that is in the middle of its own negotiation: 488. */
static void
on_reinvite(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    LegGm *self = user_data;
    const char *offer = sdp_of(net_sip_incoming_request(incoming));
    NetSipMsg *response = NULL;

    if (offer && g_strcmp0(offer, self->remote_sdp) != 0) {
        net_sip_incoming_reply(incoming, 488, NULL);
        return;
    }
    response = net_sip_incoming_response(incoming, 200, NULL);
    net_sip_msg_set_body(response, "application/sdp", self->local_sdp, -1);
    net_sip_incoming_respond(incoming, response);
}

/* Reports about watching and the like are the SCF's business; a terminal takes note. */
static void
on_request(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data G_GNUC_UNUSED)
{
    const NetSipMsg *request = net_sip_incoming_request(incoming);
    bool known = net_sip_msg_is_method(request, "INFO") || net_sip_msg_is_method(request, "OPTIONS");

    net_sip_incoming_reply(incoming, known ? 200 : 405, NULL);
}

/* The picture does not come this way: the dialog waits for the viewer's next connection. If that does not
 * come in time, the registration ends, and all calls with it. */
static bool
on_flow_lost(NetSipSession *session G_GNUC_UNUSED,
             const GError *error G_GNUC_UNUSED,
             void *user_data G_GNUC_UNUSED)
{
    return true;
}

static const NetSipSessionEvents session_events = {
    .answered = on_answered,
    .reinvite = on_reinvite,
    .request = on_request,
    .flow_lost = on_flow_lost,
    .ended = on_ended,
};

/* --- operations --- */

static void
leg_acknowledge(SgwNetworkLeg *leg)
{
    net_sip_session_ack(of(leg)->session, NULL, NULL);
}

static void
on_reinvite_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    LegGm *self = user_data;
    int status = response ? net_sip_msg_status(response) : base_error_sip_status(error);
    const char *sdp = response ? sdp_of(response) : NULL;

    if (status >= 200 && status < 300 && sdp) {
        keep(&self->remote_sdp, sdp);
        self->base.events->answered(&self->base, sdp, self->base.user_data);
    } else {
        if (status >= 200 && status < 300)
            net_sip_session_ack(self->session, NULL, NULL);
        self->base.events->reoffer_refused(&self->base, status >= 300 ? status : 488,
                                           response ? net_sip_msg_reason(response) : error->message,
                                           self->base.user_data);
    }
}

static void
leg_reoffer(SgwNetworkLeg *leg, const char *sdp)
{
    LegGm *self = of(leg);
    NetSipMsg *request = net_sip_session_new_request(self->session, "INVITE");

    keep(&self->local_sdp, sdp);
    net_sip_msg_set_body(request, "application/sdp", sdp, -1);
    net_sip_session_reinvite(self->session, request, on_reinvite_done, self);
}

static void
leg_end(SgwNetworkLeg *leg, int cause, const char *reason)
{
    g_autofree char *value = reason ? g_strdup_printf("SIP;cause=%d;text=\"%s\"", cause, reason) : NULL;

    net_sip_session_end(of(leg)->session, value);
}

static void
leg_move(SgwNetworkLeg *leg, NetSipFlow *flow)
{
    net_sip_session_move(of(leg)->session, flow);
}

static void
leg_free(SgwNetworkLeg *leg)
{
    LegGm *self = of(leg);

    net_sip_session_free(self->session);
    g_free(self->local_sdp);
    g_free(self->remote_sdp);
    g_free(self);
}

static const char *
leg_call_id(const SgwNetworkLeg *leg)
{
    return net_sip_session_call_id(((const LegGm *)leg)->session);
}

static const SgwNetworkLegOps ops = {
    .acknowledge = leg_acknowledge,
    .reoffer = leg_reoffer,
    .end = leg_end,
    .move = leg_move,
    .free = leg_free,
    .call_id = leg_call_id,
};

SgwNetworkLeg *
sgw_leg_gm_new(const SgwServices *services,
               const SgwGmIdentity *identity,
               NetSipFlow *flow,
               const char *target,
               const char *call_id,
               const char *sdp,
               const SgwNetworkLegEvents *events,
               void *user_data)
{
    LegGm *self = g_new0(LegGm, 1);
    NetSipMsg *invite = sgw_gm_build_invite(services->settings, identity, target, call_id, sdp);

    self->base.ops = &ops;
    self->base.events = events;
    self->base.user_data = user_data;
    self->local_sdp = g_strdup(sdp);
    self->session = net_sip_session_invite(services->ua, flow, invite, &session_events, self);
    return &self->base;
}
