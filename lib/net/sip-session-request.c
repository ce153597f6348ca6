/* What the owner of a session asks of its dialog: INFO and the like, re-INVITE, glare. */
#include "lib/base/error.h"
#include "lib/net/sip-session-private.h"

typedef struct {
    NetSipSession *session;
    NetSipRequest *request;
    NetSipResponseFunc done;
    void *user_data;
    NetSipTimer late;
    GError *error;
} Pending;

static void send_reinvite(NetSipSession *self, NetSipMsg *request);

void
net_sip_session_pending_free(gpointer data)
{
    Pending *self = data;

    net_sip_request_abandon(self->request);
    net_sip_timers_stop(net_sip_session_timers(self->session), &self->late);
    g_clear_error(&self->error);
    g_free(self);
}

/* --- Our requests in the dialog -------------------------------------------------------------- */

NetSipMsg *
net_sip_session_new_request(NetSipSession *self, const char *method)
{
    NetSipMsg *request;

    if (!self->dialog) /* nobody has answered yet: sending it will fail */
        return net_sip_msg_new_request(method, "sip:nobody.invalid");
    request = net_sip_dialog_request(self->dialog, method, 0, self->contact);
    if (self->reference_point)
        net_sip_msg_set_reference_point(request, self->reference_point);

    return request;
}

static void
pending_finish(Pending *pending, const NetSipMsg *response, const GError *error)
{
    NetSipSession *session = pending->session;
    NetSipResponseFunc done = pending->done;
    void *user_data = pending->user_data;

    g_ptr_array_remove_fast(session->pending, pending);
    if (done)
        done(response, error, user_data);
}

static void
on_pending_done(const NetSipMsg *response, void *user_data)
{
    Pending *pending = user_data;
    NetSipSession *session = pending->session;
    int status = net_sip_msg_status(response);

    if (status == 408 || status == 481) /* the dialog is gone (RFC 3261 12.2.1.2); told after @done */
        net_sip_session_finish_later(session, NET_SIP_ENDED_EXPIRED);
    pending_finish(pending, response, NULL);
}

static void
on_pending_failed(const GError *error, void *user_data)
{
    pending_finish(user_data, NULL, error);
}

static void
on_pending_late(void *user_data)
{
    Pending *pending = user_data;
    g_autoptr(GError) error = g_steal_pointer(&pending->error);

    pending_finish(pending, NULL, error);
}

static const NetSipRequestOps pending_ops = {.final = on_pending_done, .failed = on_pending_failed};

static Pending *
pending_new(NetSipSession *self, NetSipResponseFunc done, void *user_data)
{
    Pending *pending = g_new0(Pending, 1);

    pending->session = self;
    pending->done = done;
    pending->user_data = user_data;
    g_ptr_array_add(self->pending, pending);

    return pending;
}

/* Reports from the main loop that @request (transfer full) was not sent. */
static void
refuse_later(NetSipSession *self,
             NetSipMsg *request,
             BaseErrorCode code,
             const char *why,
             NetSipResponseFunc done,
             void *user_data)
{
    Pending *pending = pending_new(self, done, user_data);

    net_sip_msg_free(request);
    pending->error = g_error_new_literal(BASE_ERROR, (gint)code, why);
    net_sip_timers_start(net_sip_session_timers(self), &pending->late, 0, on_pending_late, pending);
}

void
net_sip_session_request(NetSipSession *self, NetSipMsg *request, NetSipResponseFunc done, void *user_data)
{
    Pending *pending;

    if (!self->dialog || self->state == NET_SIP_SESSION_ENDED) {
        refuse_later(self, request, BASE_ERROR_UNAVAILABLE, "there is no dialog to send it in", done,
                     user_data);
        return;
    }
    pending = pending_new(self, done, user_data);
    pending->request =
        net_sip_request_start(self->ua, self->flow, self->dialog, request, &pending_ops, pending);
}

/* --- re-INVITE ------------------------------------------------------------------------------- */

static void
on_glare_over(void *user_data)
{
    NetSipSession *self = user_data;
    g_autofree char *cseq = NULL;
    NetSipMsg *again;

    if (self->their_reinvite || self->answer) { /* the other side's is not through */
        net_sip_timers_start(net_sip_session_timers(self), &self->glare_timer, NET_SIP_T1_MS, on_glare_over,
                             self);
        return;
    }
    again = net_sip_msg_copy(net_sip_request_message(self->request));
    cseq = g_strdup_printf("%u INVITE", ++self->dialog->local_cseq);
    net_sip_msg_set(again, "CSeq", cseq);
    send_reinvite(self, again);
}

/* Spec: RFC 3261 14.1. */
static void
retry_after_glare(NetSipSession *self)
{
    int64_t delay_ms = self->outgoing ? g_random_int_range(210, 401) * 10 : g_random_int_range(0, 201) * 10;

    self->retried = true;
    net_sip_timers_start(net_sip_session_timers(self), &self->glare_timer, delay_ms, on_glare_over, self);
}

static void
reinvite_finish(NetSipSession *self, const NetSipMsg *response, const GError *error)
{
    NetSipResponseFunc done = self->reinvite_done;

    self->request_open = false;
    self->reinvite_done = NULL;
    if (done)
        done(response, error, self->reinvite_data);
    else if (response && net_sip_msg_status(response) < 300)
        net_sip_session_ack(self, NULL, NULL);
}

static void
on_reinvite_final(const NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;
    int status = net_sip_msg_status(response);

    if (!self->request_open) {
        net_sip_session_take_repeated(self, response);
        return;
    }
    if (status == 491 && !self->retried && self->state == NET_SIP_SESSION_CONFIRMED) {
        retry_after_glare(self);
        return;
    }
    if (status < 300) {
        net_sip_dialog_update_target(self->dialog, response);
        net_sip_session_want_ack(self, net_sip_msg_cseq(response));
        net_sip_session_timer_take_response(self, response);
    } else if ((status == 408 || status == 481) && self->state == NET_SIP_SESSION_CONFIRMED) {
        net_sip_session_finish_later(self, NET_SIP_ENDED_EXPIRED);
    }
    reinvite_finish(self, response, NULL);
}

static void
on_reinvite_failed(const GError *error, void *user_data)
{
    reinvite_finish(user_data, NULL, error);
}

static const NetSipRequestOps reinvite_ops = {.final = on_reinvite_final, .failed = on_reinvite_failed};

static void
send_reinvite(NetSipSession *self, NetSipMsg *request)
{
    self->request_open = true;
    net_sip_request_abandon(self->request);
    net_sip_session_remember_offer(self, request);
    self->request = net_sip_request_start(self->ua, self->flow, self->dialog, request, &reinvite_ops, self);
}

void
net_sip_session_reinvite(NetSipSession *self, NetSipMsg *request, NetSipResponseFunc done, void *user_data)
{
    if (self->state != NET_SIP_SESSION_CONFIRMED || self->request_open || self->ack_cseq ||
        self->their_reinvite || self->answer) {
        refuse_later(self, request, BASE_ERROR_BUSY, "another offer is under way", done, user_data);
        return;
    }
    self->retried = false;
    self->reinvite_done = done;
    self->reinvite_data = user_data;
    if (!net_sip_msg_header(request, "Session-Expires", 0) && self->interval_s)
        net_sip_session_timer_ask(self, request, self->interval_s);
    send_reinvite(self, request);
}
