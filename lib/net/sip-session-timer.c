/* Session timers. Spec: RFC 4028. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-session-private.h"

#define STALE_RETRY_MS 2000

static void on_due(void *user_data);

static void
arm(NetSipSession *self)
{
    int64_t interval_ms = (int64_t)self->interval_s * 1000;

    if (!self->interval_s) {
        net_sip_timers_stop(net_sip_session_timers(self), &self->refresh_timer);
        return;
    }
    net_sip_timers_start(net_sip_session_timers(self), &self->refresh_timer,
                         self->we_refresh ? interval_ms / 2 : interval_ms - MIN(32000, interval_ms / 3),
                         on_due, self);
}

void
net_sip_session_timer_stop(NetSipSession *self)
{
    net_sip_timers_stop(net_sip_session_timers(self), &self->refresh_timer);
    g_clear_pointer(&self->refresh, net_sip_request_abandon);
}

guint
net_sip_session_timer_wanted(const NetSipMsg *response)
{
    uint32_t min_se = net_sip_msg_number(response, "Min-SE", 0);

    return min_se >= 90 && min_se <= 86400 ? min_se : 0;
}

void
net_sip_session_timer_ask(NetSipSession *self, NetSipMsg *invite, guint interval_s)
{
    const NetSipUaConfig *config = net_sip_ua_config(self->ua);

    if (!net_sip_msg_has_token(invite, "Supported", "timer"))
        net_sip_msg_add(invite, "Supported", "timer");
    if (!interval_s)
        return;
    if (!net_sip_msg_header(invite, "Session-Expires", 0))
        net_sip_msg_add_printf(invite, "Session-Expires", "%u", MAX(interval_s, config->min_se_s));
    if (!net_sip_msg_header(invite, "Min-SE", 0))
        net_sip_msg_add_printf(invite, "Min-SE", "%u", config->min_se_s);
}

/* --- Their request --------------------------------------------------------------------------- */

bool
net_sip_session_timer_check(NetSipUa *ua, NetSipServerTxn *txn)
{
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    guint min_se_s = net_sip_ua_config(ua)->min_se_s;
    g_autoptr(NetSipMsg) response = NULL;

    if (net_sip_msg_number(request, "Session-Expires", G_MAXUINT32) >= min_se_s ||
        !net_sip_msg_has_token(request, "Supported", "timer"))
        return true;
    response = net_sip_msg_new_response(request, 422, NULL);
    net_sip_msg_add_printf(response, "Min-SE", "%u", min_se_s);
    net_sip_server_txn_respond(txn, response);

    return false;
}

void
net_sip_session_timer_answer(NetSipSession *self, const NetSipMsg *request, NetSipMsg *response)
{
    bool supported = net_sip_msg_has_token(request, "Supported", "timer");
    g_autofree char *refresher = net_sip_msg_header_param(request, "Session-Expires", 0, "refresher");
    uint32_t asked = net_sip_msg_number(request, "Session-Expires", 0);

    self->interval_s = asked ? asked : net_sip_ua_config(self->ua)->session_expires_s;
    self->we_refresh = !supported || g_strcmp0(refresher, "uas") == 0;
    if (!net_sip_msg_has_token(response, "Supported", "timer"))
        net_sip_msg_add(response, "Supported", "timer");
    if (self->interval_s && !net_sip_msg_header(response, "Session-Expires", 0)) {
        net_sip_msg_add_printf(response, "Session-Expires", "%u;refresher=%s", self->interval_s,
                               self->we_refresh ? "uas" : "uac");
        if (!self->we_refresh)
            net_sip_msg_add(response, "Require", "timer");
    }
    arm(self);
}

/* --- Our request ----------------------------------------------------------------------------- */

void
net_sip_session_timer_take_response(NetSipSession *self, const NetSipMsg *response)
{
    g_autofree char *refresher = net_sip_msg_header_param(response, "Session-Expires", 0, "refresher");

    self->interval_s = net_sip_msg_number(response, "Session-Expires", 0);
    if (self->interval_s && self->interval_s < 30) /* not below any sense */
        self->interval_s = 30;
    self->we_refresh = g_strcmp0(refresher, "uas") != 0;
    if (net_sip_msg_header(response, "Allow", 0))
        self->peer_updates = net_sip_msg_has_token(response, "Allow", "UPDATE");
    arm(self);
}

/* --- Refreshing ------------------------------------------------------------------------------ */

static void
refresh_failed(NetSipSession *self, int status)
{
    if (status == 481 || status == 408) {
        net_sip_session_hang_up(self, NET_SIP_ENDED_EXPIRED, "SIP;cause=408;text=\"Session refresh failed\"");
        return;
    }
    if (!self->interval_s || !self->we_refresh)
        return; /* not our turn, only our address was to be told */
    /* Refused for another reason: once more before the far end gives up. */
    net_sip_timers_start(net_sip_session_timers(self), &self->refresh_timer,
                         self->target_stale ? STALE_RETRY_MS : (int64_t)self->interval_s * 1000 / 6, on_due,
                         self);
}

static void
on_refreshed(const NetSipMsg *response, void *user_data)
{
    NetSipSession *self = user_data;
    int status = net_sip_msg_status(response);
    guint wanted = status == 422 ? net_sip_session_timer_wanted(response) : 0;

    g_clear_pointer(&self->refresh, net_sip_request_abandon);
    if (status < 300) {
        self->target_stale = false;
        net_sip_dialog_update_target(self->dialog, response);
        net_sip_session_timer_take_response(self, response);
        return;
    }
    if (wanted)
        self->interval_s = wanted;
    refresh_failed(self, status);
}

static void
on_not_refreshed(const GError *error, void *user_data)
{
    NetSipSession *self = user_data;

    g_clear_pointer(&self->refresh, net_sip_request_abandon);
    refresh_failed(self, base_error_sip_status(error) == 408 ? 408 : 503);
}

static const NetSipRequestOps refresh_ops = {.final = on_refreshed, .failed = on_not_refreshed};

static void
put_interval(NetSipSession *self, NetSipMsg *request)
{
    net_sip_msg_add(request, "Supported", "timer");
    if (self->interval_s)
        net_sip_msg_add_printf(request, "Session-Expires", "%u;refresher=%s", self->interval_s,
                               self->we_refresh ? "uac" : "uas");
}

static void
refresh_by_update(NetSipSession *self)
{
    NetSipMsg *update = net_sip_session_new_request(self, "UPDATE");

    put_interval(self, update);
    self->refresh = net_sip_request_start(self->ua, self->flow, self->dialog, update, &refresh_ops, self);
}

static void
on_reinvited(const NetSipMsg *response, const GError *error, void *user_data)
{
    NetSipSession *self = user_data;

    if (response && net_sip_msg_status(response) < 300) {
        self->target_stale = false;
        net_sip_session_ack(self, NULL, NULL);
    } else if (self->state == NET_SIP_SESSION_CONFIRMED) {
        refresh_failed(self, response ? net_sip_msg_status(response) : base_error_sip_status(error));
    }
}

static void
refresh_by_invite(NetSipSession *self)
{
    NetSipMsg *invite = net_sip_session_new_request(self, "INVITE");

    put_interval(self, invite);
    if (self->offer)
        net_sip_msg_set_body(invite, self->offer_type, self->offer, -1);
    net_sip_session_reinvite(self, invite, on_reinvited, self);
}

static void
refresh(NetSipSession *self)
{
    if (self->peer_updates)
        refresh_by_update(self);
    else
        refresh_by_invite(self);
}

void
net_sip_session_refresh_target(NetSipSession *self)
{
    self->target_stale = true;
    if (self->refresh || self->request_open || self->their_reinvite || self->answer || self->ack_cseq)
        refresh_failed(self, 491);
    else
        refresh(self);
}

static void
on_due(void *user_data)
{
    NetSipSession *self = user_data;

    if (!self->we_refresh)
        net_sip_session_hang_up(self, NET_SIP_ENDED_EXPIRED, "SIP;cause=408;text=\"Session timer expired\"");
    else if (self->refresh || self->request_open || self->their_reinvite)
        arm(self); /* something that refreshes is under way */
    else
        refresh(self);
}
