/* The subscriber's side of RFC 6665. */
#include "lib/net/sip-subscription.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-ua-private.h"

#define DEFAULT_EXPIRES_S 600
#define NOTIFY_WAIT_MS (64 * NET_SIP_T1_MS) /* Timer N */

struct NetSipSubscription {
    NetSipUa *ua;
    const NetSipSubscriptionEvents *events; /* NULL once the owner has freed it */
    void *user_data;
    NetSipFlow *flow;
    NetSipDialog *dialog; /* from the 2xx or the first NOTIFY */
    NetSipMsg *subscribe; /* as first sent */
    NetSipRequest *request;
    char *contact;
    guint expires_s; /* asked for */
    bool notified;
    bool leaving; /* Expires 0 was sent */
    bool over;
    NetSipTimer refresh, lapse;
};

static const NetSipRequestOps subscribe_ops;

static NetSipTimers *
timers_of(const NetSipSubscription *self)
{
    return net_sip_layer_timers(net_sip_ua_layer(self->ua));
}

/* --- The end --------------------------------------------------------------------------------- */

static void
stop(NetSipSubscription *self)
{
    self->over = true;
    net_sip_timers_stop(timers_of(self), &self->refresh);
    net_sip_timers_stop(timers_of(self), &self->lapse);
    g_clear_pointer(&self->request, net_sip_request_abandon);
    if (self->subscribe)
        net_sip_ua_remove_usage(self->ua, net_sip_msg_call_id(self->subscribe),
                                net_sip_msg_from_tag(self->subscribe));
}

static void
destroy(void *data)
{
    NetSipSubscription *self = data;

    stop(self);
    net_sip_ua_remove_orphan(self->ua, self);
    net_sip_flow_unref(self->flow);
    net_sip_dialog_free(self->dialog);
    net_sip_msg_free(self->subscribe);
    g_free(self->contact);
    g_free(self);
}

static void
finish(NetSipSubscription *self, const NetSipMsg *message, const GError *error)
{
    if (self->over)
        return;
    stop(self);
    if (self->events)
        self->events->ended(self, message, error, self->user_data);
    else
        destroy(self);
}

static void
on_lapsed(void *user_data)
{
    g_autoptr(GError) error = g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "the subscription has lapsed");

    finish(user_data, NULL, error);
}

/* --- SUBSCRIBE ------------------------------------------------------------------------------- */

static void
send_again(NetSipSubscription *self, guint expires_s)
{
    static const char *const same[] = {
        "Event", "Accept", "Supported", "P-Access-Network-Info", "P-Preferred-Identity", "Authorization"};
    NetSipMsg *again = net_sip_dialog_request(self->dialog, "SUBSCRIBE", 0, self->contact);

    for (guint i = 0; i < G_N_ELEMENTS(same); i++)
        net_sip_msg_copy_header(again, self->subscribe, same[i]);
    net_sip_msg_add_printf(again, "Expires", "%u", expires_s);
    net_sip_request_abandon(self->request);
    self->request = net_sip_request_start(self->ua, self->flow, self->dialog, again, &subscribe_ops, self);
}

static void
on_refresh(void *user_data)
{
    NetSipSubscription *self = user_data;

    if (self->dialog)
        send_again(self, self->expires_s);
}

static void
set_life(NetSipSubscription *self, guint granted_s)
{
    net_sip_timers_start(timers_of(self), &self->refresh, (int64_t)granted_s * 1000 / 2, on_refresh, self);
    net_sip_timers_start(timers_of(self), &self->lapse, (int64_t)granted_s * 1000, on_lapsed, self);
}

static void
take_accepted(NetSipSubscription *self, const NetSipMsg *response)
{
    bool first = !self->dialog || !net_sip_timer_is_running(&self->lapse);
    guint granted_s = MIN(net_sip_msg_number(response, "Expires", self->expires_s), 86400u);

    if (!self->dialog)
        self->dialog = net_sip_dialog_new_uac(net_sip_request_message(self->request), response);
    else
        net_sip_dialog_update_target(self->dialog, response);
    if (!self->dialog) {
        g_autoptr(GError) error =
            g_error_new(BASE_ERROR, BASE_ERROR_PROTOCOL, "2xx to SUBSCRIBE makes no dialog");

        finish(self, NULL, error);
        return;
    }
    if (self->leaving || granted_s == 0) /* the last NOTIFY ends it */
        net_sip_timers_start(timers_of(self), &self->lapse, NOTIFY_WAIT_MS, on_lapsed, self);
    else
        set_life(self, granted_s);
    if (first && self->events && self->events->accepted)
        self->events->accepted(self, response, self->user_data);
}

static void
on_response(const NetSipMsg *response, void *user_data)
{
    NetSipSubscription *self = user_data;
    int status = net_sip_msg_status(response);

    if (status < 300)
        take_accepted(self, response);
    else if (!self->dialog || status == 404 || status == 410 || status == 416 || status == 481 ||
             status == 489 || status == 501 || status == 604)
        finish(self, response, NULL);
    /* else the refresh failed, the subscription goes on until it lapses (RFC 6665 4.1.2.2) */
}

static void
on_failed(const GError *error, void *user_data)
{
    NetSipSubscription *self = user_data;

    if (!self->dialog || self->leaving)
        finish(self, NULL, error);
}

static const NetSipRequestOps subscribe_ops = {.final = on_response, .failed = on_failed};

/* --- NOTIFY ---------------------------------------------------------------------------------- */

static void
take_state(NetSipSubscription *self, const NetSipMsg *notify)
{
    const char *value = net_sip_msg_header(notify, "Subscription-State", 0);
    g_autofree char *expires = net_sip_msg_header_param(notify, "Subscription-State", 0, "expires");
    guint64 left_s = expires ? g_ascii_strtoull(expires, NULL, 10) : 0;
    bool terminated = g_ascii_strncasecmp(value, "terminated", strcspn(value, "; \t")) == 0;

    if (terminated)
        finish(self, notify, NULL);
    else if (left_s > 0 && left_s <= 86400 && !self->leaving &&
             !net_sip_timer_is_running(&self->lapse)) /* NOTIFY before the 200 */
        set_life(self, (guint)left_s);
}

static void
take_notify(NetSipSubscription *self, NetSipServerTxn *txn)
{
    g_autoptr(NetSipServerTxn) held G_GNUC_UNUSED = net_sip_server_txn_ref(txn);
    const NetSipMsg *notify = net_sip_server_txn_request(txn);

    if (!self->dialog)
        self->dialog = net_sip_dialog_new_notified(net_sip_request_message(self->request), notify);
    if (!self->dialog || g_strcmp0(self->dialog->remote_tag, net_sip_msg_from_tag(notify)) != 0) {
        net_sip_server_txn_reply(txn, 481, NULL);
        return;
    }
    if (!net_sip_msg_header(notify, "Subscription-State", 0)) {
        net_sip_server_txn_reply(txn, 400, "Missing Subscription-State");
        return;
    }
    if (!net_sip_dialog_take_request(self->dialog, notify)) {
        net_sip_server_txn_reply(txn, 500, "CSeq Out Of Order");
        return;
    }
    net_sip_server_txn_reply(txn, 200, NULL);
    self->notified = true;
    if (self->events && self->events->notify) {
        /* The event may free us: then there is nothing left to do. */
        g_autofree char *call_id = g_strdup(net_sip_msg_call_id(self->subscribe));
        NetSipUa *ua = self->ua;

        self->events->notify(self, notify, self->user_data);
        if (!net_sip_ua_has_usage(ua, call_id, net_sip_msg_to_tag(notify), self))
            return;
    }
    take_state(self, notify);
}

static void
take_request(void *usage, NetSipServerTxn *txn)
{
    if (net_sip_msg_is_method(net_sip_server_txn_request(txn), "NOTIFY"))
        take_notify(usage, txn);
    else
        net_sip_server_txn_reply(txn, 405, NULL);
}

static void
take_flow_lost(void *usage, NetSipFlow *flow, const GError *error)
{
    NetSipSubscription *self = usage;

    if (self->flow == flow)
        finish(self, NULL, error);
}

static const char *
reference_point(void *usage)
{
    return net_sip_msg_reference_point(((NetSipSubscription *)usage)->subscribe);
}

static const NetSipUsageOps usage_ops = {
    .request = take_request,
    .flow_lost = take_flow_lost,
    .reference_point = reference_point,
};

/* --- Interface ------------------------------------------------------------------------------- */

NetSipSubscription *
net_sip_subscribe(NetSipUa *ua,
                  NetSipFlow *flow,
                  NetSipMsg *subscribe,
                  const NetSipSubscriptionEvents *events,
                  void *user_data)
{
    NetSipSubscription *self = g_new0(NetSipSubscription, 1);
    NetSipFlow *used;

    self->ua = ua;
    self->events = events;
    self->user_data = user_data;
    if (!net_sip_msg_header(subscribe, "Expires", 0))
        net_sip_msg_add_printf(subscribe, "Expires", "%d", DEFAULT_EXPIRES_S);
    self->expires_s = net_sip_msg_number(subscribe, "Expires", DEFAULT_EXPIRES_S);
    self->request = net_sip_request_start(ua, flow, NULL, subscribe, &subscribe_ops, self);
    used = net_sip_request_flow(self->request);
    if (!used)
        return self;
    self->flow = net_sip_flow_ref(flow ? flow : used);
    self->subscribe = net_sip_msg_copy(subscribe);
    self->contact = net_sip_msg_address_uri(subscribe, "Contact", 0);
    net_sip_ua_add_usage(ua, net_sip_msg_call_id(subscribe), net_sip_msg_from_tag(subscribe), &usage_ops,
                         self);

    return self;
}

void
net_sip_subscription_free(NetSipSubscription *self)
{
    if (!self)
        return;
    if (self->over || !self->dialog || self->leaving || self->expires_s == 0) {
        destroy(self);
        return;
    }
    self->events = NULL;
    self->leaving = true;
    net_sip_ua_add_orphan(self->ua, self, destroy);
    net_sip_timers_stop(timers_of(self), &self->refresh);
    send_again(self, 0);
}

void
net_sip_subscription_abandon(NetSipSubscription *self)
{
    if (self)
        destroy(self);
}

const char *
net_sip_subscription_session_id(const NetSipSubscription *self)
{
    const char *id = self->subscribe ? net_sip_msg_session_id(self->subscribe) : NULL;

    return id ? id : "";
}

NetSipFlow *
net_sip_subscription_flow(const NetSipSubscription *self)
{
    return self->flow;
}
