#include "lib/net/sip-session.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/sip-session-private.h"

#define NO_ACK_MS (64 * NET_SIP_T1_MS)

static void start_invite(NetSipSession *self, NetSipMsg *invite);

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipTimers *
net_sip_session_timers(const NetSipSession *self)
{
    return net_sip_layer_timers(net_sip_ua_layer(self->ua));
}

NetSipSession *
net_sip_session_alloc(NetSipUa *ua)
{
    NetSipSession *self = g_new0(NetSipSession, 1);

    self->ua = ua;
    self->pending = g_ptr_array_new_with_free_func(net_sip_session_pending_free);

    return self;
}

static void
stop_all(NetSipSession *self)
{
    NetSipTimers *timers = net_sip_session_timers(self);

    net_sip_session_timer_stop(self);
    net_sip_session_stop_answer(self);
    net_sip_timers_stop(timers, &self->ack_timer);
    net_sip_timers_stop(timers, &self->glare_timer);
    net_sip_timers_stop(timers, &self->end_timer);
    g_clear_pointer(&self->request, net_sip_request_abandon);
    g_clear_pointer(&self->bye, net_sip_request_abandon);
    g_ptr_array_set_size(self->pending, 0);
    if (self->their_reinvite)
        net_sip_incoming_set_hook(self->their_reinvite, NULL, NULL);
    self->their_reinvite = NULL;
    if (self->invite_txn)
        net_sip_server_txn_set_cancelled(self->invite_txn, NULL, NULL);
    g_clear_pointer(&self->invite_txn, net_sip_server_txn_unref);
    if (self->invite)
        net_sip_ua_remove_usage(self->ua, net_sip_msg_call_id(self->invite),
                                self->dialog ? self->dialog->local_tag : net_sip_msg_from_tag(self->invite));
}

static void
destroy(void *data)
{
    NetSipSession *self = data;

    stop_all(self);
    net_sip_ua_remove_orphan(self->ua, self);
    g_ptr_array_unref(self->pending);
    net_sip_flow_unref(self->flow);
    net_sip_dialog_free(self->dialog);
    net_sip_msg_free(self->invite);
    net_sip_msg_free(self->ack);
    g_clear_error(&self->end_error);
    g_free(self->contact);
    g_free(self->reason);
    g_free(self->offer);
    g_free(self->offer_type);
    g_free(self);
}

void
net_sip_session_finish(NetSipSession *self, NetSipEnd why, const NetSipMsg *message, const GError *error)
{
    if (self->state == NET_SIP_SESSION_ENDED)
        return;
    self->state = NET_SIP_SESSION_ENDED;
    if (self->orphan) {
        destroy(self);
        return;
    }
    stop_all(self);
    if (self->events && self->events->ended)
        self->events->ended(self, why, message, error, self->user_data);
}

void
net_sip_session_free(NetSipSession *self)
{
    if (!self)
        return;
    if (self->state == NET_SIP_SESSION_ENDED) {
        destroy(self);
        return;
    }
    self->orphan = true;
    self->events = NULL;
    g_ptr_array_set_size(self->pending, 0);
    self->reinvite_done = NULL;
    net_sip_ua_add_orphan(self->ua, self, destroy);
    net_sip_session_end(self, NULL);
}

/* --- Ending ---------------------------------------------------------------------------------- */

static void
on_end_timer(void *user_data)
{
    NetSipSession *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->end_error);

    net_sip_session_finish(self, self->why, NULL, error);
}

void
net_sip_session_finish_later(NetSipSession *self, NetSipEnd why)
{
    self->state = NET_SIP_SESSION_ENDING;
    self->why = why;
    net_sip_timers_start(net_sip_session_timers(self), &self->end_timer, 0, on_end_timer, self);
}

static void
on_bye_done(const NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;

    net_sip_session_finish(self, self->why, response, NULL);
}

static void
on_bye_failed(const GError *error, void *user_data)
{
    NetSipSession *self = user_data;

    net_sip_session_finish(self, self->why, NULL, error);
}

static const NetSipRequestOps bye_ops = {.final = on_bye_done, .failed = on_bye_failed};

static void
send_bye(NetSipSession *self)
{
    NetSipMsg *bye = net_sip_session_new_request(self, "BYE");

    if (self->reason)
        net_sip_msg_add(bye, "Reason", self->reason);
    self->bye = net_sip_request_start(self->ua, self->flow, self->dialog, bye, &bye_ops, self);
}

void
net_sip_session_hang_up(NetSipSession *self, NetSipEnd why, const char *reason)
{
    if (self->state != NET_SIP_SESSION_CONFIRMED)
        return;
    self->state = NET_SIP_SESSION_ENDING;
    self->why = why;
    g_free(self->reason);
    self->reason = g_strdup(reason);
    net_sip_session_timer_stop(self);
    if (self->ack_cseq)
        net_sip_session_ack(self, NULL, NULL);
    if (!self->answer) /* else BYE follows the ACK (RFC 3261 15) */
        send_bye(self);
}

void
net_sip_session_end(NetSipSession *self, const char *reason)
{
    switch (self->state) {
    case NET_SIP_SESSION_CALLING:
        self->state = NET_SIP_SESSION_ENDING;
        self->why = NET_SIP_ENDED_LOCALLY;
        net_sip_request_cancel(self->request, reason);
        break;
    case NET_SIP_SESSION_CALLED:
        net_sip_session_reply(self, 480, NULL);
        net_sip_session_finish_later(self, NET_SIP_ENDED_LOCALLY);
        break;
    case NET_SIP_SESSION_CONFIRMED:
        net_sip_session_hang_up(self, NET_SIP_ENDED_LOCALLY, reason);
        break;
    case NET_SIP_SESSION_ENDING:
    case NET_SIP_SESSION_ENDED:
        if (self->orphan && self->state == NET_SIP_SESSION_ENDED)
            destroy(self);
        break;
    }
}

/* --- Our INVITE ------------------------------------------------------------------------------ */

void
net_sip_session_remember_offer(NetSipSession *self, const NetSipMsg *message)
{
    const char *type = net_sip_msg_content_type(message);

    if (!type || strcmp(type, "application/sdp") != 0)
        return;
    g_free(self->offer);
    g_free(self->offer_type);
    self->offer = g_strdup(net_sip_msg_body(message, NULL));
    self->offer_type = g_strdup(type);
}

static void
on_no_ack(void *user_data)
{
    net_sip_session_hang_up(user_data, NET_SIP_ENDED_NO_ANSWER, "SIP;cause=408;text=\"No ACK\"");
}

void
net_sip_session_want_ack(NetSipSession *self, uint32_t cseq)
{
    self->ack_cseq = cseq;
    g_clear_pointer(&self->ack, net_sip_msg_free);
    net_sip_timers_start(net_sip_session_timers(self), &self->ack_timer, NO_ACK_MS, on_no_ack, self);
}

static void
send_ack(NetSipSession *self, NetSipMsg *ack)
{
    g_autoptr(NetSipFlow) flow = net_sip_ua_route(self->ua, self->flow, ack, NULL);
    g_autoptr(NetSipMsg) copy = net_sip_msg_copy(ack);

    net_sip_ua_sign(self->ua, copy);
    if (flow)
        net_sip_layer_send_ack(net_sip_ua_layer(self->ua), flow, copy);
    else if (ack == self->ack)
        self->ack_waits = true;
}

void
net_sip_session_ack(NetSipSession *self, const char *content_type, const char *body)
{
    const char *credentials;

    if (!self->dialog || !self->ack_cseq)
        return;
    g_clear_pointer(&self->ack, net_sip_msg_free);
    self->ack = net_sip_dialog_request(self->dialog, "ACK", self->ack_cseq, self->contact);
    if (content_type)
        net_sip_msg_set_body(self->ack, content_type, body, -1);
    /* Credentials of the INVITE hold for its ACK (RFC 3261 22.1). */
    credentials = self->request
                      ? net_sip_msg_header(net_sip_request_message(self->request), "Proxy-Authorization", 0)
                      : NULL;
    if (credentials)
        net_sip_msg_add(self->ack, "Proxy-Authorization", credentials);
    self->ack_cseq = 0;
    net_sip_timers_stop(net_sip_session_timers(self), &self->ack_timer);
    send_ack(self, self->ack);
}

/* A 2xx from another branch than the one that was taken: ACK and BYE. */
static void
drop_fork(NetSipSession *self, const NetSipMsg *response)
{
    g_autoptr(NetSipDialog) other = net_sip_dialog_new_uac(net_sip_request_message(self->request), response);
    g_autoptr(NetSipMsg) ack = NULL;

    if (!other)
        return;
    ack = net_sip_dialog_request(other, "ACK", other->local_cseq, self->contact);
    send_ack(self, ack);
    net_sip_request_in_dialog(self->ua, self->flow, other, net_sip_dialog_request(other, "BYE", 0, NULL),
                              NULL, NULL);
}

void
net_sip_session_take_repeated(NetSipSession *self, const NetSipMsg *response)
{
    if (net_sip_msg_status(response) >= 300 || !self->dialog)
        return;
    if (g_strcmp0(net_sip_msg_to_tag(response), self->dialog->remote_tag) != 0)
        drop_fork(self, response);
    else if (self->ack && net_sip_msg_cseq(response) == net_sip_msg_cseq(self->ack))
        send_ack(self, self->ack);
}

/* An early dialog that a provisional response made, or the one of the 2xx. */
static bool
set_dialog(NetSipSession *self, const NetSipMsg *response)
{
    NetSipDialog *fresh = net_sip_dialog_new_uac(net_sip_request_message(self->request), response);

    if (!fresh)
        return false;
    if (self->dialog)
        fresh->local_cseq = MAX(fresh->local_cseq, self->dialog->local_cseq);
    fresh->reference_point = self->reference_point;
    net_sip_dialog_free(self->dialog);
    self->dialog = fresh;

    return true;
}

static void
send_prack(NetSipSession *self, const NetSipMsg *response)
{
    uint32_t rseq = net_sip_msg_number(response, "RSeq", 0);
    NetSipMsg *prack;

    if (!rseq || !net_sip_msg_has_token(response, "Require", "100rel") || rseq <= self->rseq)
        return;
    self->rseq = rseq;
    prack = net_sip_session_new_request(self, "PRACK");
    net_sip_msg_add_printf(prack, "RAck", "%u %u INVITE", rseq, net_sip_msg_cseq(response));
    net_sip_request_in_dialog(self->ua, self->flow, self->dialog, prack, NULL, NULL);
}

static void
on_provisional(const NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;

    if (net_sip_msg_status(response) == 100)
        return;
    if (net_sip_msg_to_tag(response) && net_sip_msg_header(response, "Contact", 0) &&
        set_dialog(self, response))
        send_prack(self, response);
    if (self->state == NET_SIP_SESSION_CALLING && self->events && self->events->progress)
        self->events->progress(self, response, self->user_data);
}

static void
take_answer(NetSipSession *self, const NetSipMsg *response)
{
    bool cancelled = self->state == NET_SIP_SESSION_ENDING;

    if (!set_dialog(self, response)) {
        g_autoptr(GError) error =
            g_error_new(BASE_ERROR, BASE_ERROR_PROTOCOL, "2xx to INVITE without a To tag");

        net_sip_session_finish(self, NET_SIP_ENDED_NO_ANSWER, NULL, error);
        return;
    }
    self->state = NET_SIP_SESSION_CONFIRMED;
    self->peer_updates = net_sip_msg_has_token(response, "Allow", "UPDATE");
    net_sip_session_want_ack(self, net_sip_msg_cseq(response));
    if (cancelled) {
        net_sip_session_hang_up(self, NET_SIP_ENDED_LOCALLY, NULL);
        return;
    }
    net_sip_session_timer_take_response(self, response);
    if (self->events && self->events->answered)
        self->events->answered(self, response, self->user_data);
}

/* 422: the same again with the interval that the far end wants. */
static bool
retry_longer(NetSipSession *self, const NetSipMsg *response)
{
    guint wanted = net_sip_msg_status(response) == 422 ? net_sip_session_timer_wanted(response) : 0;
    g_autofree char *cseq = NULL, *value = NULL;
    NetSipMsg *again;

    if (!wanted || self->retried || self->state != NET_SIP_SESSION_CALLING)
        return false;
    self->retried = true;
    again = net_sip_msg_copy(net_sip_request_message(self->request));
    cseq = g_strdup_printf("%u INVITE", net_sip_msg_cseq(again) + 1);
    value = g_strdup_printf("%u", wanted);
    net_sip_msg_set(again, "CSeq", cseq);
    net_sip_msg_set(again, "Session-Expires", value);
    net_sip_msg_set(again, "Min-SE", value);
    net_sip_request_abandon(self->request);
    start_invite(self, again);

    return true;
}

static void
on_final(const NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;

    if (!self->request_open) {
        net_sip_session_take_repeated(self, response);
        return;
    }
    if (retry_longer(self, response))
        return;
    self->request_open = false;
    if (net_sip_msg_status(response) < 300)
        take_answer(self, response);
    else
        net_sip_session_finish(
            self, self->state == NET_SIP_SESSION_ENDING ? NET_SIP_ENDED_LOCALLY : NET_SIP_ENDED_REFUSED,
            response, NULL);
}

static void
on_failed(const GError *error, void *user_data)
{
    NetSipSession *self = user_data;

    net_sip_session_finish(
        self, self->state == NET_SIP_SESSION_ENDING ? NET_SIP_ENDED_LOCALLY : NET_SIP_ENDED_NO_ANSWER, NULL,
        error);
}

static const NetSipRequestOps invite_ops = {
    .provisional = on_provisional, .final = on_final, .failed = on_failed};

static void
start_invite(NetSipSession *self, NetSipMsg *invite)
{
    self->request_open = true;
    self->request = net_sip_request_start(self->ua, self->flow, NULL, invite, &invite_ops, self);
}

NetSipSession *
net_sip_session_invite(
    NetSipUa *ua, NetSipFlow *flow, NetSipMsg *invite, const NetSipSessionEvents *events, void *user_data)
{
    NetSipSession *self = net_sip_session_alloc(ua);
    NetSipFlow *used;

    self->events = events;
    self->user_data = user_data;
    self->outgoing = true;
    self->state = NET_SIP_SESSION_CALLING;
    self->flow = flow ? net_sip_flow_ref(flow) : NULL;
    self->reference_point = net_sip_msg_reference_point(invite);
    net_sip_session_timer_ask(self, invite, net_sip_ua_config(ua)->session_expires_s);
    net_sip_session_remember_offer(self, invite);
    start_invite(self, invite);
    used = net_sip_request_flow(self->request);
    if (!used)
        return self; /* fails from the main loop */
    if (!self->flow)
        self->flow = net_sip_flow_ref(used);
    self->invite = net_sip_msg_copy(invite);
    self->contact = net_sip_msg_address_uri(invite, "Contact", 0);
    net_sip_ua_add_usage(ua, net_sip_msg_call_id(invite), net_sip_msg_from_tag(invite),
                         &net_sip_session_usage, self);

    return self;
}

/* --- Another flow ---------------------------------------------------------------------------- */

static char *
contact_on(const NetSipSession *self, NetSipFlow *flow)
{
    g_autoptr(NetSipUri) old = self->contact ? net_sip_uri_parse(self->contact, NULL) : NULL;

    return net_sip_flow_contact_uri(flow, old ? net_sip_uri_user(old) : NULL);
}

void
net_sip_session_move(NetSipSession *self, NetSipFlow *flow)
{
    g_autofree char *old = NULL;

    if (self->flow == flow || self->state != NET_SIP_SESSION_CONFIRMED)
        return;
    net_sip_flow_unref(self->flow);
    self->flow = net_sip_flow_ref(flow);
    old = self->contact;
    self->contact = contact_on(self, flow);
    if (self->ack_waits && self->ack) {
        self->ack_waits = false;
        send_ack(self, self->ack);
    }
    if (g_strcmp0(old, self->contact) != 0)
        net_sip_session_refresh_target(self);
}

/* --- Getters --------------------------------------------------------------------------------- */

void
net_sip_session_set_events(NetSipSession *self, const NetSipSessionEvents *events, void *user_data)
{
    self->events = events;
    self->user_data = user_data;
}

void *
net_sip_session_user_data(const NetSipSession *self)
{
    return self->user_data;
}

bool
net_sip_session_is_confirmed(const NetSipSession *self)
{
    return self->state == NET_SIP_SESSION_CONFIRMED;
}

NetSipUa *
net_sip_session_ua(const NetSipSession *self)
{
    return self->ua;
}

NetSipFlow *
net_sip_session_flow(const NetSipSession *self)
{
    return self->flow;
}

const char *
net_sip_session_call_id(const NetSipSession *self)
{
    return self->invite ? net_sip_msg_call_id(self->invite) : "";
}

const char *
net_sip_session_id(const NetSipSession *self)
{
    const char *id = self->invite ? net_sip_msg_session_id(self->invite) : NULL;

    return id ? id : "";
}

const NetSipMsg *
net_sip_session_invite_message(const NetSipSession *self)
{
    return self->invite;
}

void
net_sip_session_set_reference_point(NetSipSession *self, const char *reference_point)
{
    self->reference_point = g_intern_string(reference_point);
    if (self->dialog)
        self->dialog->reference_point = self->reference_point;
}
