/* What the far end of a session asks for: the first INVITE to us and all requests in the dialog. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-session-private.h"

/* --- 2xx until its ACK (RFC 3261 13.3.1.4, also over TCP) ------------------------------------- */

void
net_sip_session_stop_answer(NetSipSession *self)
{
    net_sip_timers_stop(net_sip_session_timers(self), &self->answer_timer);
    g_clear_pointer(&self->answer, net_sip_msg_free);
    g_clear_pointer(&self->answer_txn, net_sip_server_txn_unref);
}

static void
no_ack_came(NetSipSession *self)
{
    bool ending = self->state == NET_SIP_SESSION_ENDING;

    net_sip_session_stop_answer(self);
    if (ending)
        self->state = NET_SIP_SESSION_CONFIRMED; /* the BYE has waited long enough */
    net_sip_session_hang_up(self, ending ? self->why : NET_SIP_ENDED_NO_ANSWER,
                            "SIP;cause=408;text=\"No ACK\"");
}

static void
on_repeat_answer(void *user_data)
{
    NetSipSession *self = user_data;
    NetSipTimers *timers = net_sip_session_timers(self);

    if (net_sip_timers_now_us(timers) >= self->answer_deadline_us) {
        no_ack_came(self);
        return;
    }
    self->answer_interval_ms = MIN(self->answer_interval_ms * 2, NET_SIP_T2_MS);
    net_sip_timers_start(timers, &self->answer_timer, self->answer_interval_ms, on_repeat_answer, self);
    net_sip_server_txn_respond(self->answer_txn, self->answer);
}

static void
repeat_until_ack(NetSipSession *self, NetSipServerTxn *txn, const NetSipMsg *response)
{
    NetSipTimers *timers = net_sip_session_timers(self);

    net_sip_session_stop_answer(self);
    self->answer = net_sip_msg_copy(response);
    self->answer_txn = net_sip_server_txn_ref(txn);
    self->answer_cseq = net_sip_msg_cseq(response);
    self->answer_interval_ms = NET_SIP_T1_MS;
    self->answer_deadline_us = net_sip_timers_now_us(timers) + 64 * NET_SIP_T1_MS * (int64_t)1000;
    net_sip_timers_start(timers, &self->answer_timer, self->answer_interval_ms, on_repeat_answer, self);
}

static void
take_ack(void *usage, const NetSipMsg *ack)
{
    NetSipSession *self = usage;

    if (!self->answer || net_sip_msg_cseq(ack) != self->answer_cseq)
        return;
    net_sip_session_stop_answer(self);
    if (self->state == NET_SIP_SESSION_ENDING) {
        NetSipEnd why = self->why;
        g_autofree char *reason = g_steal_pointer(&self->reason);

        self->state = NET_SIP_SESSION_CONFIRMED;
        net_sip_session_hang_up(self, why, reason);
    } else if (self->events && self->events->acknowledged) {
        self->events->acknowledged(self, ack, self->user_data);
    }
}

/* --- First INVITE ---------------------------------------------------------------------------- */

static void
on_cancelled(NetSipServerTxn *txn, const NetSipMsg *cancel, void *user_data)
{
    NetSipSession *self = user_data;

    net_sip_server_txn_reply(txn, 487, NULL);
    net_sip_session_finish(self, NET_SIP_ENDED_CANCELLED, cancel, NULL);
}

NetSipSession *
net_sip_session_new_uas(NetSipUa *ua, NetSipServerTxn *txn)
{
    const NetSipMsg *invite = net_sip_server_txn_request(txn);
    NetSipDialog *dialog;
    NetSipSession *self;

    if (!net_sip_session_timer_check(ua, txn))
        return NULL;
    dialog = net_sip_dialog_new_uas(invite, net_sip_server_txn_tag(txn));
    if (!dialog) {
        net_sip_server_txn_reply(txn, 400, "Missing Contact");
        return NULL;
    }
    self = net_sip_session_alloc(ua);
    self->state = NET_SIP_SESSION_CALLED;
    self->dialog = dialog;
    self->invite = net_sip_msg_copy(invite);
    self->reference_point = net_sip_msg_reference_point(invite);
    self->flow = net_sip_flow_ref(net_sip_server_txn_flow(txn));
    self->contact = net_sip_ua_contact(self->flow, invite, "To");
    self->invite_txn = net_sip_server_txn_ref(txn);
    self->peer_updates = net_sip_msg_has_token(invite, "Allow", "UPDATE");
    net_sip_server_txn_set_cancelled(txn, on_cancelled, self);
    net_sip_ua_add_usage(ua, dialog->call_id, dialog->local_tag, &net_sip_session_usage, self);

    return self;
}

static void
complete_response(NetSipSession *self, const NetSipMsg *request, NetSipMsg *response)
{
    int status = net_sip_msg_status(response);

    net_sip_ua_sign(self->ua, response);
    if (self->reference_point)
        net_sip_msg_set_reference_point(response, self->reference_point);
    if (status <= 100 || status >= 300)
        return;
    if (!net_sip_msg_header(response, "Contact", 0))
        net_sip_msg_add_printf(response, "Contact", "<%s>", self->contact);
    if (status < 200)
        return;
    if (!net_sip_msg_header(response, "Allow", 0))
        net_sip_msg_add(response, "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, MESSAGE");
    net_sip_session_timer_answer(self, request, response);
    net_sip_session_remember_offer(self, response);
}

NetSipMsg *
net_sip_session_response(NetSipSession *self, int status, const char *reason)
{
    NetSipMsg *response = net_sip_msg_new_response(self->invite, status, reason);

    net_sip_msg_set_to_tag(response, self->dialog->local_tag);

    return response;
}

void
net_sip_session_respond(NetSipSession *self, NetSipMsg *response)
{
    g_autoptr(NetSipMsg) message = response;
    g_autoptr(NetSipServerTxn) txn = NULL;
    int status = net_sip_msg_status(message);

    if (self->state != NET_SIP_SESSION_CALLED || !self->invite_txn)
        return;
    complete_response(self, self->invite, message);
    if (status < 200) {
        /* Who requires reliable provisional responses (RFC 3262 3) gets none from us but the final one. */
        if (status == 100 || !net_sip_msg_has_token(self->invite, "Require", "100rel"))
            net_sip_server_txn_respond(self->invite_txn, message);
        return;
    }
    net_sip_server_txn_set_cancelled(self->invite_txn, NULL, NULL);
    txn = g_steal_pointer(&self->invite_txn);
    if (status < 300) {
        self->state = NET_SIP_SESSION_CONFIRMED;
        repeat_until_ack(self, txn, message);
    } else {
        self->state = NET_SIP_SESSION_ENDED;
        net_sip_ua_remove_usage(self->ua, self->dialog->call_id, self->dialog->local_tag);
    }
    net_sip_server_txn_respond(txn, message);
}

void
net_sip_session_reply(NetSipSession *self, int status, const char *reason)
{
    net_sip_session_respond(self, net_sip_session_response(self, status, reason));
}

/* --- Requests in the dialog ------------------------------------------------------------------ */

static void
on_reinvite_response(NetSipIncoming *incoming, NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;

    if (response)
        complete_response(self, net_sip_incoming_request(incoming), response);
    if (response && net_sip_msg_status(response) < 200)
        return;
    if (response && net_sip_msg_status(response) < 300)
        repeat_until_ack(self, net_sip_incoming_txn(incoming), response);
    self->their_reinvite = NULL;
}

static void
on_reinvite_cancelled(NetSipServerTxn *txn, const NetSipMsg *cancel, void *user_data)
{
    (void)cancel;
    (void)user_data;
    net_sip_server_txn_reply(txn, 487, NULL);
}

static void
take_reinvite(NetSipSession *self, NetSipServerTxn *txn)
{
    bool ours_is_open = self->request_open && !net_sip_timer_is_running(&self->glare_timer);

    if (ours_is_open || self->ack_cseq) {
        net_sip_server_txn_reply(txn, 491, NULL);
        return;
    }
    if (self->state != NET_SIP_SESSION_CONFIRMED || self->their_reinvite || self->answer) {
        g_autoptr(NetSipMsg) busy = net_sip_msg_new_response(net_sip_server_txn_request(txn), 500, NULL);

        net_sip_msg_add_printf(busy, "Retry-After", "%d", g_random_int_range(0, 11));
        net_sip_server_txn_respond(txn, busy);
        return;
    }
    if (!net_sip_session_timer_check(self->ua, txn))
        return;
    if (!self->events || !self->events->reinvite) {
        net_sip_server_txn_reply(txn, 488, NULL);
        return;
    }
    net_sip_server_txn_set_cancelled(txn, on_reinvite_cancelled, NULL);
    self->their_reinvite = net_sip_incoming_new(self->ua, txn);
    net_sip_incoming_set_hook(self->their_reinvite, on_reinvite_response, self);
    self->events->reinvite(self, self->their_reinvite, self->user_data);
}

/* UPDATE without an offer: a session refresh. */
static void
take_refresh(NetSipSession *self, NetSipServerTxn *txn)
{
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    g_autoptr(NetSipMsg) response = NULL;

    if (!net_sip_session_timer_check(self->ua, txn))
        return;
    response = net_sip_msg_new_response(request, 200, NULL);
    complete_response(self, request, response);
    net_sip_server_txn_respond(txn, response);
}

static void
take_bye(NetSipSession *self, NetSipServerTxn *txn)
{
    net_sip_server_txn_reply(txn, 200, NULL);
    if (self->invite_txn)
        net_sip_server_txn_reply(self->invite_txn, 487, NULL);
    net_sip_session_finish(self, NET_SIP_ENDED_BYE, net_sip_server_txn_request(txn), NULL);
}

static void
take_other(NetSipSession *self, NetSipServerTxn *txn)
{
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    bool update = net_sip_msg_is_method(request, "UPDATE");

    if (net_sip_msg_is_method(request, "PRACK"))
        net_sip_server_txn_reply(txn, 481, NULL); /* we send no reliable provisional responses */
    else if (update && net_sip_msg_content_type(request) == NULL)
        take_refresh(self, txn);
    else if (update && (self->request_open || self->their_reinvite))
        net_sip_server_txn_reply(txn, 491, NULL);
    else if (self->events && self->events->request)
        self->events->request(self, net_sip_incoming_new(self->ua, txn), self->user_data);
    else
        net_sip_server_txn_reply(txn, 405, NULL);
}

/* Another branch of a forked INVITE, or an early dialog that we do not know. */
static bool
is_stranger(const NetSipSession *self, const NetSipMsg *request)
{
    return !self->dialog || (self->dialog->remote_tag &&
                             g_strcmp0(self->dialog->remote_tag, net_sip_msg_from_tag(request)) != 0);
}

static void
take_request(void *usage, NetSipServerTxn *txn)
{
    NetSipSession *self = usage;
    const NetSipMsg *request = net_sip_server_txn_request(txn);

    if (is_stranger(self, request) || self->state == NET_SIP_SESSION_ENDED)
        net_sip_server_txn_reply(txn, 481, NULL);
    else if (!net_sip_dialog_take_request(self->dialog, request))
        net_sip_server_txn_reply(txn, 500, "CSeq Out Of Order");
    else if (net_sip_msg_is_method(request, "BYE"))
        take_bye(self, txn);
    else if (net_sip_msg_is_method(request, "INVITE"))
        take_reinvite(self, txn);
    else
        take_other(self, txn);
}

static void
take_flow_lost(void *usage, NetSipFlow *flow, const GError *error)
{
    NetSipSession *self = usage;

    if (self->flow != flow)
        return;
    if (self->state == NET_SIP_SESSION_CONFIRMED && self->events && self->events->flow_lost &&
        self->events->flow_lost(self, error, self->user_data))
        return;
    net_sip_session_finish(self, NET_SIP_ENDED_LOST, NULL, error);
}

static const char *
reference_point(void *usage)
{
    return ((NetSipSession *)usage)->reference_point;
}

const NetSipUsageOps net_sip_session_usage = {
    .request = take_request,
    .ack = take_ack,
    .flow_lost = take_flow_lost,
    .reference_point = reference_point,
};
