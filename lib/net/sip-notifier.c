/* The notifier's side of RFC 6665. */
#include <string.h>

#include "lib/net/sip-subscription.h"
#include "lib/net/sip-ua-private.h"

typedef struct {
    char *event, *content_type, *body;
} Content;

struct NetSipNotifier {
    NetSipUa *ua;
    const NetSipNotifierEvents *events; /* NULL once the owner has freed it, and before it is accepted */
    void *user_data;
    NetSipFlow *flow;
    NetSipDialog *dialog;
    NetSipMsg *subscribe;
    NetSipServerTxn *txn; /* the first SUBSCRIBE, until accepted */
    char *contact;
    guint max_expires_s;
    int64_t until_us;
    bool owned;      /* not freed by its owner */
    bool once;       /* Expires 0 at first: one NOTIFY */
    bool terminated; /* the last NOTIFY is sent or waits */
    bool over;
    const char *reason; /* of the termination; interned */
    NetSipRequest *request;
    Content last; /* what the state is */
    bool waits;   /* `last` has to be sent after the one under way */
    NetSipTimer lapse;
};

static const NetSipUsageOps usage_ops;

static NetSipTimers *
timers_of(const NetSipNotifier *self)
{
    return net_sip_layer_timers(net_sip_ua_layer(self->ua));
}

static void
content_set(Content *self, const char *event, const char *content_type, const char *body)
{
    Content fresh = {g_strdup(event), g_strdup(content_type), g_strdup(body)};

    g_free(self->event);
    g_free(self->content_type);
    g_free(self->body);
    *self = fresh;
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static void
stop(NetSipNotifier *self)
{
    self->over = true;
    net_sip_timers_stop(timers_of(self), &self->lapse);
    g_clear_pointer(&self->request, net_sip_request_abandon);
    net_sip_ua_remove_usage(self->ua, self->dialog->call_id, self->dialog->local_tag);
}

static void
destroy(void *data)
{
    NetSipNotifier *self = data;

    stop(self);
    net_sip_ua_remove_orphan(self->ua, self);
    net_sip_server_txn_unref(self->txn);
    net_sip_flow_unref(self->flow);
    net_sip_dialog_free(self->dialog);
    net_sip_msg_free(self->subscribe);
    content_set(&self->last, NULL, NULL, NULL);
    g_free(self->contact);
    g_free(self);
}

static void
finish(NetSipNotifier *self)
{
    if (self->over)
        return;
    stop(self);
    if (!self->owned)
        destroy(self);
    else if (self->events)
        self->events->ended(self, self->user_data);
}

NetSipNotifier *
net_sip_notifier_new(NetSipUa *ua, NetSipServerTxn *txn)
{
    const NetSipMsg *subscribe = net_sip_server_txn_request(txn);
    NetSipDialog *dialog = net_sip_dialog_new_uas(subscribe, net_sip_server_txn_tag(txn));
    NetSipNotifier *self;

    if (!dialog || !net_sip_msg_header(subscribe, "Event", 0)) {
        net_sip_dialog_free(dialog);
        net_sip_server_txn_reply(txn, 400, "Missing Contact or Event");
        return NULL;
    }
    self = g_new0(NetSipNotifier, 1);
    self->ua = ua;
    self->owned = true;
    self->dialog = dialog;
    self->subscribe = net_sip_msg_copy(subscribe);
    self->flow = net_sip_flow_ref(net_sip_server_txn_flow(txn));
    self->contact = net_sip_ua_contact(self->flow, subscribe, "To");
    self->txn = net_sip_server_txn_ref(txn);
    net_sip_ua_add_usage(ua, dialog->call_id, dialog->local_tag, &usage_ops, self);

    return self;
}

/* --- NOTIFY ---------------------------------------------------------------------------------- */

static guint
left_s(const NetSipNotifier *self)
{
    int64_t left_us = self->until_us - net_sip_timers_now_us(timers_of(self));

    return left_us > 0 ? (guint)((left_us + 999999) / 1000000) : 0;
}

/* The Event as subscribed: the package and, if there was one, its id. */
static char *
event_of(const NetSipNotifier *self)
{
    const char *event = net_sip_msg_header(self->subscribe, "Event", 0);
    g_autofree char *id = net_sip_msg_header_param(self->subscribe, "Event", 0, "id");
    g_autofree char *package = g_strndup(event, strcspn(event, "; \t"));

    return id ? g_strdup_printf("%s;id=%s", package, id) : g_strdup(package);
}

static void on_notified(const NetSipMsg *response, void *user_data);
static void on_not_notified(const GError *error, void *user_data);
static const NetSipRequestOps notify_ops = {.final = on_notified, .failed = on_not_notified};

static void
send_notify(NetSipNotifier *self)
{
    NetSipMsg *notify = net_sip_dialog_request(self->dialog, "NOTIFY", 0, self->contact);
    g_autofree char *event = self->last.event ? g_strdup(self->last.event) : event_of(self);

    self->waits = false;
    net_sip_msg_add(notify, "Event", event);
    if (self->terminated)
        net_sip_msg_add_printf(notify, "Subscription-State", "terminated;reason=%s", self->reason);
    else
        net_sip_msg_add_printf(notify, "Subscription-State", "active;expires=%u", left_s(self));
    if (self->last.content_type)
        net_sip_msg_set_body(notify, self->last.content_type, self->last.body ? self->last.body : "", -1);
    g_clear_pointer(&self->request, net_sip_request_abandon);
    self->request = net_sip_request_start(self->ua, self->flow, self->dialog, notify, &notify_ops, self);
}

static void
send_or_wait(NetSipNotifier *self)
{
    if (self->request)
        self->waits = true;
    else
        send_notify(self);
}

static void
terminate(NetSipNotifier *self, const char *reason)
{
    if (self->over || self->terminated)
        return;
    self->terminated = true;
    self->reason = g_intern_string(reason);
    net_sip_timers_stop(timers_of(self), &self->lapse);
    send_or_wait(self);
}

static void
after_notify(NetSipNotifier *self, bool ok)
{
    bool was_last = self->terminated && !self->waits;

    g_clear_pointer(&self->request, net_sip_request_abandon);
    if (!ok || was_last)
        finish(self);
    else if (self->waits)
        send_notify(self);
}

static void
on_notified(const NetSipMsg *response, void *user_data)
{
    after_notify(user_data, net_sip_msg_status(response) < 300);
}

static void
on_not_notified(const GError *error, void *user_data)
{
    (void)error;
    after_notify(user_data, false);
}

static void
on_lapsed(void *user_data)
{
    terminate(user_data, "timeout");
}

/* --- SUBSCRIBE ------------------------------------------------------------------------------- */

static guint
granted_s(const NetSipNotifier *self, const NetSipMsg *subscribe)
{
    return MIN(net_sip_msg_number(subscribe, "Expires", self->max_expires_s), self->max_expires_s);
}

static void
accept(NetSipNotifier *self, NetSipServerTxn *txn, guint expires_s)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(net_sip_server_txn_request(txn), 200, NULL);

    net_sip_msg_add_printf(response, "Expires", "%u", expires_s);
    net_sip_msg_add_printf(response, "Contact", "<%s>", self->contact);
    net_sip_ua_sign(self->ua, response);
    self->until_us = net_sip_timers_now_us(timers_of(self)) + (int64_t)expires_s * 1000000;
    if (expires_s > 0)
        net_sip_timers_start(timers_of(self), &self->lapse, (int64_t)expires_s * 1000, on_lapsed, self);
    net_sip_server_txn_respond(txn, response);
}

void
net_sip_notifier_accept(NetSipNotifier *self,
                        guint max_expires_s,
                        const NetSipNotifierEvents *events,
                        void *user_data)
{
    g_autoptr(NetSipServerTxn) txn = g_steal_pointer(&self->txn);
    guint expires_s;

    g_return_if_fail(txn);
    self->events = events;
    self->user_data = user_data;
    self->max_expires_s = max_expires_s;
    expires_s = granted_s(self, self->subscribe);
    self->once = expires_s == 0;
    accept(self, txn, expires_s);
}

void
net_sip_notifier_reject(NetSipNotifier *self, int status, const char *reason)
{
    if (self->txn)
        net_sip_server_txn_reply(self->txn, status, reason);
    destroy(self);
}

static void
take_subscribe(NetSipNotifier *self, NetSipServerTxn *txn)
{
    const NetSipMsg *subscribe = net_sip_server_txn_request(txn);
    guint expires_s = granted_s(self, subscribe);

    if (self->txn || self->terminated) { /* not answered yet, or over */
        net_sip_server_txn_reply(txn, self->txn ? 500 : 481, NULL);
        return;
    }
    accept(self, txn, expires_s);
    if (expires_s == 0)
        terminate(self, "timeout");
    else if (self->events && self->events->refreshed)
        self->events->refreshed(self, subscribe, self->user_data);
}

static void
take_request(void *usage, NetSipServerTxn *txn)
{
    NetSipNotifier *self = usage;
    const NetSipMsg *request = net_sip_server_txn_request(txn);

    if (g_strcmp0(self->dialog->remote_tag, net_sip_msg_from_tag(request)) != 0)
        net_sip_server_txn_reply(txn, 481, NULL);
    else if (!net_sip_dialog_take_request(self->dialog, request))
        net_sip_server_txn_reply(txn, 500, "CSeq Out Of Order");
    else if (net_sip_msg_is_method(request, "SUBSCRIBE"))
        take_subscribe(self, txn);
    else
        net_sip_server_txn_reply(txn, 405, NULL);
}

static void
take_flow_lost(void *usage, NetSipFlow *flow, const GError *error)
{
    NetSipNotifier *self = usage;

    (void)error;
    if (self->flow == flow)
        finish(self);
}

static const char *
reference_point(void *usage)
{
    return net_sip_msg_reference_point(((NetSipNotifier *)usage)->subscribe);
}

static const NetSipUsageOps usage_ops = {
    .request = take_request,
    .flow_lost = take_flow_lost,
    .reference_point = reference_point,
};

/* --- Interface ------------------------------------------------------------------------------- */

void
net_sip_notifier_notify(NetSipNotifier *self, const char *event, const char *content_type, const char *body)
{
    if (self->over || self->terminated)
        return;
    content_set(&self->last, event, content_type, body);
    if (self->once)
        terminate(self, "timeout");
    else
        send_or_wait(self);
}

void
net_sip_notifier_terminate(NetSipNotifier *self,
                           const char *reason,
                           const char *content_type,
                           const char *body)
{
    if (self->over || self->terminated)
        return;
    if (content_type) {
        g_autofree char *event = g_strdup(self->last.event);

        content_set(&self->last, event, content_type, body);
    }
    terminate(self, reason);
}

void
net_sip_notifier_free(NetSipNotifier *self)
{
    if (!self)
        return;
    if (self->txn)
        net_sip_server_txn_reply(self->txn, 480, NULL);
    if (self->over || self->txn) {
        destroy(self);
        return;
    }
    self->owned = false;
    self->events = NULL;
    net_sip_ua_add_orphan(self->ua, self, destroy);
    terminate(self, "noresource");
}

const NetSipMsg *
net_sip_notifier_subscribe_message(const NetSipNotifier *self)
{
    return self->subscribe;
}

NetSipFlow *
net_sip_notifier_flow(const NetSipNotifier *self)
{
    return self->flow;
}

guint
net_sip_notifier_expires_s(const NetSipNotifier *self)
{
    return left_s(self);
}
