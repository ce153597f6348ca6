#include "iptv/scf-call.h"

#include <string.h>

#include "iptv/scf-invite.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define RETRY_AFTER_S 5

struct IptvScfCall {
    const IptvScfRules *rules;
    NetSipUa *ua;
    NetSipSession *viewer; /* NULL once over */
    NetSipSession *mcf;    /* NULL once over, and between two attempts */
    IptvScfRequest request;
    IptvScfRequest proposed; /* by a re-INVITE that is under way */
    unsigned attempt;        /* index of the media control function in the settings */
    bool ending;             /* both legs were told to end */
    bool answered;           /* 200 has gone to the viewer */
    NetSipIncoming *pending; /* a re-INVITE that waits for the other side's answer */
    bool pending_of_viewer;  /* who sent it */
    bool ack_due;            /* the other leg's 2xx wants its ACK when this one has come */
    char *session_id, *call_id;
    guint over_source;
    const IptvScfCallEvents *events;
    void *user_data;
};

static const NetSipSessionEvents viewer_events;
static const NetSipSessionEvents mcf_events;

static BaseLogFields
log_fields(const IptvScfCall *self)
{
    return (BaseLogFields){.session = self->session_id,
                           .call_id = self->call_id,
                           .channel = self->request.id,
                           .user = self->request.impu};
}

static void
count_outcome(const char *outcome)
{
    g_autofree char *labels = g_strdup_printf("outcome=\"%s\"", outcome);

    base_metric_add(base_counter("imstv_iptv_calls_total", labels, "Calls by how their set-up ended"), 1);
}

/* ---- the end ---- */

static gboolean
on_over(gpointer user_data)
{
    IptvScfCall *self = user_data;

    self->over_source = 0;
    self->events->over(self, self->user_data);
    return G_SOURCE_REMOVE;
}

/* Told from the main loop: the legs' events come from inside of things that still hold the call. */
static void
check_over(IptvScfCall *self)
{
    if (!self->viewer && !self->mcf && !self->over_source)
        self->over_source = g_idle_add(on_over, self);
}

static void
drop_pending(IptvScfCall *self, int status)
{
    NetSipIncoming *pending = g_steal_pointer(&self->pending);

    if (pending)
        net_sip_incoming_reply(pending, status, NULL);
}

/* One leg has ended by itself. */
static void
drop_leg(IptvScfCall *self, NetSipSession **leg)
{
    g_clear_pointer(leg, net_sip_session_free);
    drop_pending(self, 481);
}

/* The value of a Reason header that tells the other side why. (transfer full) */
static char *
reason_of(const NetSipMsg *message, NetSipEnd why)
{
    const char *given = message ? net_sip_msg_header(message, "Reason", 0) : NULL;

    if (given)
        return g_strdup(given);
    switch (why) {
    case NET_SIP_ENDED_EXPIRED:
        return g_strdup("SIP;cause=408;text=\"Session Timer\"");
    case NET_SIP_ENDED_LOST:
    case NET_SIP_ENDED_NO_ANSWER:
        return g_strdup("SIP;cause=503;text=\"Connection Lost\"");
    case NET_SIP_ENDED_REFUSED:
    case NET_SIP_ENDED_CANCELLED:
    case NET_SIP_ENDED_BYE:
    case NET_SIP_ENDED_LOCALLY:
        break;
    }
    return NULL;
}

void
iptv_scf_call_end(IptvScfCall *self, const char *reason)
{
    drop_pending(self, 481);
    self->ending = true;
    if (self->mcf)
        net_sip_session_end(self->mcf, reason);
    if (self->viewer)
        net_sip_session_end(self->viewer, reason);
    check_over(self);
}

/* ---- towards the media control function ---- */

static void
call_mcf(IptvScfCall *self)
{
    const char *uri = self->rules->settings->mcfs[self->attempt];

    self->mcf = net_sip_session_invite(self->ua, NULL,
                                       iptv_scf_invite_build(self->rules, self->viewer, &self->request, uri),
                                       &mcf_events, self);
    net_sip_session_set_reference_point(self->mcf, "y2");
}

/* A failure of this one control function, of which another one knows nothing. */
static bool
is_worth_another(NetSipEnd why, const NetSipMsg *message)
{
    int status = message ? net_sip_msg_status(message) : 0;

    if (why == NET_SIP_ENDED_NO_ANSWER || why == NET_SIP_ENDED_LOST)
        return true;
    return why == NET_SIP_ENDED_REFUSED &&
           (status == 408 || status == 480 || (status >= 300 && status < 400) ||
            (status >= 500 && status < 600));
}

static void
refuse_viewer(IptvScfCall *self, int status, const NetSipMsg *message)
{
    NetSipMsg *response = net_sip_session_response(self->viewer, status, NULL);
    BaseLogFields fields = log_fields(self);

    if (message)
        net_sip_msg_copy_header(response, message, "Warning");
    if (message && net_sip_msg_header(message, "Retry-After", 0))
        net_sip_msg_copy_header(response, message, "Retry-After");
    else if (status == 503)
        net_sip_msg_add_printf(response, "Retry-After", "%d", RETRY_AFTER_S);

    base_info(&fields, "call refused by the media control function: %d", status);
    count_outcome(status >= 500 ? "mcf-failed" : "mcf-refused");
    net_sip_session_respond(self->viewer, response);
    drop_leg(self, &self->viewer);
}

/* No media control function is left, or this one's word is final. */
static void
give_up(IptvScfCall *self, NetSipEnd why, const NetSipMsg *message)
{
    int status = message && why == NET_SIP_ENDED_REFUSED ? net_sip_msg_status(message) : 503;

    if (!self->viewer)
        return;
    if (status < 400 || status == 408 || status == 480) /* redirections end here, TS 183 063 5.3.3 */
        status = 503;
    refuse_viewer(self, status, message);
}

static void
on_mcf_ended(NetSipSession *session G_GNUC_UNUSED,
             NetSipEnd why,
             const NetSipMsg *message,
             const GError *error,
             void *user_data)
{
    IptvScfCall *self = user_data;
    BaseLogFields fields = log_fields(self);
    g_autofree char *reason = reason_of(message, why);

    drop_leg(self, &self->mcf);
    if (!self->viewer || self->ending) {
        check_over(self);
        return;
    }
    if (self->answered) {
        base_info(&fields, "call ended by the media control function%s%s", error ? ": " : "",
                  error ? error->message : "");
        net_sip_session_end(self->viewer, reason);
        return;
    }
    if (is_worth_another(why, message) && self->rules->settings->mcfs[self->attempt + 1]) {
        base_warning(&fields, "media control function %s failed%s%s, trying the next one",
                     self->rules->settings->mcfs[self->attempt], error ? ": " : "",
                     error ? error->message : "");
        self->attempt++;
        call_mcf(self);
        return;
    }
    give_up(self, why, message);
    check_over(self);
}

static void
on_mcf_progress(NetSipSession *session G_GNUC_UNUSED, const NetSipMsg *response, void *user_data)
{
    IptvScfCall *self = user_data;

    if (self->viewer && !self->answered && net_sip_msg_status(response) != 100)
        net_sip_session_reply(self->viewer, net_sip_msg_status(response), NULL);
}

/* 200 for the viewer from the media control function's. NULL if its answer is none. (transfer full) */
static char *
viewer_answer(IptvScfCall *self, const IptvScfRequest *request, const NetSipMsg *response, GError **error)
{
    if (!net_sip_msg_has_content_type(response, "application/sdp")) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the answer has no SDP");
        return NULL;
    }
    return iptv_scf_request_answer(self->rules, request, net_sip_msg_body(response, NULL), error);
}

static void
on_mcf_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    IptvScfCall *self = user_data;
    BaseLogFields fields = log_fields(self);
    g_autoptr(GError) error = NULL;
    g_autofree char *sdp = viewer_answer(self, &self->request, response, &error);
    NetSipMsg *ok;

    if (!sdp) {
        base_warning(&fields, "bad answer of the media control function: %s", error->message);
        net_sip_session_ack(session, NULL, NULL);
        net_sip_session_end(session, "SIP;cause=500;text=\"Bad Answer\"");
        if (self->viewer)
            refuse_viewer(self, 500, NULL);
        return;
    }
    if (!self->viewer) { /* hung up meanwhile */
        net_sip_session_ack(session, NULL, NULL);
        net_sip_session_end(session, NULL);
        return;
    }
    ok = net_sip_session_response(self->viewer, 200, NULL);
    net_sip_msg_set_body(ok, "application/sdp", sdp, -1);
    self->answered = true;
    self->ack_due = true;
    count_outcome("answered");
    base_info(&fields, "call established: %s", self->request.kind == STORE_CHANNEL ? "channel" : "film");
    net_sip_session_respond(self->viewer, ok);
}

/* ---- the viewer ---- */

static void
on_viewer_acknowledged(NetSipSession *session G_GNUC_UNUSED,
                       const NetSipMsg *ack G_GNUC_UNUSED,
                       void *user_data)
{
    IptvScfCall *self = user_data;

    if (self->ack_due && self->mcf)
        net_sip_session_ack(self->mcf, NULL, NULL);
    self->ack_due = false;
}

static void
on_viewer_ended(NetSipSession *session G_GNUC_UNUSED,
                NetSipEnd why,
                const NetSipMsg *message,
                const GError *error,
                void *user_data)
{
    IptvScfCall *self = user_data;
    BaseLogFields fields = log_fields(self);
    g_autofree char *reason = reason_of(message, why);

    if (why != NET_SIP_ENDED_LOCALLY)
        base_info(&fields, "call %s by the viewer%s%s", self->answered ? "ended" : "taken back",
                  error ? ": " : "", error ? error->message : "");
    if (!self->answered)
        count_outcome("cancelled");
    drop_leg(self, &self->viewer);

    if (self->mcf && self->ack_due) { /* a 2xx that was never acknowledged is acknowledged before the BYE */
        net_sip_session_ack(self->mcf, NULL, NULL);
        self->ack_due = false;
    }
    if (self->mcf && !self->ending)
        net_sip_session_end(self->mcf, reason);
    check_over(self);
}

/* ---- re-INVITE, both ways ---- */

/* What the sender of the re-INVITE gets for the other side's 2xx. NULL: it is no use. (transfer full) */
static char *
relayed_answer(IptvScfCall *self, const NetSipMsg *response)
{
    if (self->pending_of_viewer)
        return viewer_answer(self, &self->proposed, response, NULL);
    return net_sip_msg_has_content_type(response, "application/sdp")
               ? g_strdup(net_sip_msg_body(response, NULL))
               : NULL;
}

/* A change that both sides have accepted is what the call is about from now on. */
static void
accept_proposed(IptvScfCall *self)
{
    if (!self->pending_of_viewer)
        return;
    iptv_scf_request_clear(&self->request);
    self->request = self->proposed;
    self->proposed = (IptvScfRequest){0};
}

static void
finish_pending(IptvScfCall *self, int status, const char *sdp, const NetSipMsg *response)
{
    NetSipIncoming *pending = g_steal_pointer(&self->pending);
    NetSipMsg *answer = net_sip_incoming_response(pending, status, NULL);

    if (sdp)
        net_sip_msg_set_body(answer, "application/sdp", sdp, -1);
    else if (response)
        net_sip_msg_copy_header(answer, response, "Warning");
    net_sip_incoming_respond(pending, answer);
}

/* The other side's final answer to the re-INVITE that was carried over. */
static void
on_reinvite_answered(const NetSipMsg *response, const GError *error G_GNUC_UNUSED, void *user_data)
{
    IptvScfCall *self = user_data;
    NetSipSession *asked = self->pending_of_viewer ? self->mcf : self->viewer;
    int status = response ? net_sip_msg_status(response) : 503;
    g_autofree char *sdp = NULL;

    if (status < 300 && asked) /* offer and answer are complete: nothing to wait for */
        net_sip_session_ack(asked, NULL, NULL);
    if (!self->pending)
        return;

    if (status < 300) {
        sdp = relayed_answer(self, response);
        status = sdp ? 200 : 500;
    }
    if (sdp)
        accept_proposed(self);
    finish_pending(self, status, sdp, response);
}

static void
carry_reinvite(IptvScfCall *self, NetSipSession *to, NetSipIncoming *incoming, const char *sdp)
{
    NetSipMsg *request = net_sip_session_new_request(to, "INVITE");

    self->pending = incoming;
    self->pending_of_viewer = to == self->mcf;
    net_sip_msg_set_body(request, "application/sdp", sdp, -1);
    net_sip_session_reinvite(to, request, on_reinvite_answered, self);
}

static void
on_viewer_reinvite(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    IptvScfCall *self = user_data;
    BaseLogFields fields = log_fields(self);
    g_autoptr(GError) error = NULL;

    if (self->pending || !self->mcf) {
        net_sip_incoming_reply(incoming, self->pending ? 491 : 481, NULL);
        return;
    }
    iptv_scf_request_clear(&self->proposed);
    if (!iptv_scf_request_reread(self->rules, &self->request, net_sip_incoming_request(incoming),
                                 &self->proposed, &error)) {
        base_info(&fields, "change of the call refused: %s", error->message);
        net_sip_incoming_reply(incoming, base_error_sip_status(error), NULL);
        return;
    }
    carry_reinvite(self, self->mcf, incoming, self->proposed.sdp);
}

static void
on_mcf_reinvite(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    IptvScfCall *self = user_data;
    const NetSipMsg *request = net_sip_incoming_request(incoming);

    if (self->pending || !self->viewer || !self->answered)
        net_sip_incoming_reply(incoming, self->viewer ? 491 : 481, NULL);
    else if (!net_sip_msg_has_content_type(request, "application/sdp"))
        net_sip_incoming_reply(incoming, 488, NULL);
    else
        carry_reinvite(self, self->viewer, incoming, net_sip_msg_body(request, NULL));
}

static const NetSipSessionEvents viewer_events = {
    .acknowledged = on_viewer_acknowledged,
    .reinvite = on_viewer_reinvite,
    .ended = on_viewer_ended,
};

static const NetSipSessionEvents mcf_events = {
    .progress = on_mcf_progress,
    .answered = on_mcf_answered,
    .reinvite = on_mcf_reinvite,
    .ended = on_mcf_ended,
};

/* ---- life ---- */

IptvScfCall *
iptv_scf_call_new(const IptvScfRules *rules,
                  NetSipUa *ua,
                  NetSipSession *session,
                  IptvScfRequest *request,
                  const IptvScfCallEvents *events,
                  void *user_data)
{
    IptvScfCall *self = g_new0(IptvScfCall, 1);

    self->rules = rules;
    self->ua = ua;
    self->viewer = session;
    self->request = *request;
    *request = (IptvScfRequest){0};
    self->session_id = g_strdup(net_sip_session_id(session));
    self->call_id = g_strdup(net_sip_session_call_id(session));
    self->events = events;
    self->user_data = user_data;

    net_sip_session_set_events(session, &viewer_events, self);
    call_mcf(self);
    return self;
}

void
iptv_scf_call_free(IptvScfCall *self)
{
    if (!self)
        return;

    if (self->over_source)
        g_source_remove(self->over_source);
    drop_pending(self, 481);
    net_sip_session_free(self->mcf);
    net_sip_session_free(self->viewer);
    iptv_scf_request_clear(&self->request);
    iptv_scf_request_clear(&self->proposed);
    g_free(self->session_id);
    g_free(self->call_id);
    g_free(self);
}
