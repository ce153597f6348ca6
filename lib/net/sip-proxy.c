#include "lib/net/sip-proxy.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-ua-private.h"

#define TIMER_C_MS 181000
#define MAX_BRANCHES 16

typedef struct {
    NetSipProxy *proxy;
    NetSipClientTxn *txn;
    NetSipMsg *request; /* until it is sent */
    NetSipFlow *flow;
    bool over;
    NetSipTimer timer_c;
} Branch;

struct NetSipProxy {
    NetSipUa *ua;
    NetSipServerTxn *txn;
    void (*edit)(NetSipMsg *response, void *user_data);
    void *user_data;
    GPtrArray *branches; /* Branch */
    NetSipMsg *best;     /* final response so far */
    bool answered;
    NetSipTimer linger; /* an unreliable hop may lose a 2xx: its repetitions pass, too (RFC 6026 7.3) */
    bool going;         /* branches are being started: do not free */
};

static void take_result(Branch *branch, NetSipMsg *response);

/* --- Messages -------------------------------------------------------------------------------- */

void
net_sip_proxy_pop_routes(NetSipMsg *request,
                         bool (*is_us)(const NetSipUri *uri, void *user_data),
                         void *user_data)
{
    for (;;) {
        g_autoptr(NetSipAddress) top = net_sip_msg_address(request, "Route", 0);

        if (!top || !is_us(net_sip_address_uri(top), user_data))
            return;
        net_sip_msg_remove_nth(request, "Route", 0);
    }
}

bool
net_sip_proxy_count_hop(NetSipMsg *request)
{
    uint32_t left = net_sip_msg_number(request, "Max-Forwards", 71);
    g_autofree char *value = NULL;

    if (left == 0)
        return false;
    value = g_strdup_printf("%u", MIN(left, 255u) - 1);
    net_sip_msg_set(request, "Max-Forwards", value);

    return true;
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static NetSipTimers *
timers_of(const NetSipProxy *self)
{
    return net_sip_layer_timers(net_sip_ua_layer(self->ua));
}

static void
branch_free(gpointer data)
{
    Branch *self = data;

    net_sip_timers_stop(timers_of(self->proxy), &self->timer_c);
    net_sip_client_txn_release(self->txn);
    net_sip_msg_free(self->request);
    net_sip_flow_unref(self->flow);
    g_free(self);
}

static void
destroy(void *data)
{
    NetSipProxy *self = data;

    net_sip_server_txn_set_cancelled(self->txn, NULL, NULL);
    net_sip_timers_stop(timers_of(self), &self->linger);
    net_sip_ua_remove_orphan(self->ua, self);
    g_ptr_array_unref(self->branches);
    net_sip_msg_free(self->best);
    net_sip_server_txn_unref(self->txn);
    g_free(self);
}

static void
cancel_all(NetSipProxy *self, const char *reason)
{
    for (guint i = 0; i < self->branches->len; i++) {
        Branch *branch = g_ptr_array_index(self->branches, i);

        if (!branch->over && branch->txn)
            net_sip_client_txn_cancel(branch->txn, reason);
    }
}

static void
on_cancelled(NetSipServerTxn *txn, const NetSipMsg *cancel, void *user_data)
{
    (void)txn;
    cancel_all(user_data, net_sip_msg_header(cancel, "Reason", 0));
}

NetSipProxy *
net_sip_proxy_new(NetSipUa *ua,
                  NetSipServerTxn *txn,
                  void (*edit)(NetSipMsg *response, void *user_data),
                  void *user_data)
{
    NetSipProxy *self = g_new0(NetSipProxy, 1);

    self->ua = ua;
    self->txn = net_sip_server_txn_ref(txn);
    self->edit = edit;
    self->user_data = user_data;
    self->branches = g_ptr_array_new_with_free_func(branch_free);
    self->going = true;
    net_sip_server_txn_set_cancelled(txn, on_cancelled, self);
    net_sip_ua_add_orphan(ua, self, destroy);

    return self;
}

/* --- Responses ------------------------------------------------------------------------------- */

static void
send_back(NetSipProxy *self, const NetSipMsg *response)
{
    g_autoptr(NetSipMsg) copy = net_sip_msg_copy(response);

    net_sip_msg_set_reference_point(copy, net_sip_msg_reference_point(net_sip_server_txn_request(self->txn)));
    if (self->edit)
        self->edit(copy, self->user_data);
    if (net_sip_msg_status(copy) >= 200)
        self->answered = true;
    net_sip_server_txn_respond(self->txn, copy);
}

/* Spec: RFC 3261 16.7 (6): 6xx before all, then the lowest class; within 4xx, one that helps the caller. */
static int
rank(const NetSipMsg *response)
{
    int status = net_sip_msg_status(response);

    if (status >= 600)
        return 0;
    if (status == 401 || status == 407 || status == 415 || status == 420 || status == 484)
        return 399;
    if (status == 408 || status == 503)
        return 599;

    return status;
}

static void
keep_best(NetSipProxy *self, const NetSipMsg *response)
{
    if (self->best && rank(self->best) <= rank(response))
        return;
    net_sip_msg_free(self->best);
    self->best = net_sip_msg_copy(response);
}

static bool
must_linger(const NetSipProxy *self)
{
    if (!self->answered || !net_sip_msg_is_method(net_sip_server_txn_request(self->txn), "INVITE"))
        return false;
    for (guint i = 0; i < self->branches->len; i++) {
        Branch *branch = g_ptr_array_index(self->branches, i);

        if (branch->flow && !net_sip_flow_is_reliable(branch->flow))
            return true;
    }

    return !net_sip_flow_is_reliable(net_sip_server_txn_flow(self->txn));
}

/* Frees the context when every branch is through. Call last. */
static void
check_done(NetSipProxy *self)
{
    if (self->going)
        return;
    for (guint i = 0; i < self->branches->len; i++)
        if (!((Branch *)g_ptr_array_index(self->branches, i))->over)
            return;
    if (!self->answered && self->best)
        send_back(self, self->best);
    if (must_linger(self))
        net_sip_timers_start(timers_of(self), &self->linger, 64 * NET_SIP_T1_MS, destroy, self);
    else
        destroy(self);
}

static void
take_result(Branch *branch, NetSipMsg *response)
{
    NetSipProxy *self = branch->proxy;
    int status = net_sip_msg_status(response);
    bool invite = net_sip_msg_is_method(net_sip_server_txn_request(self->txn), "INVITE");

    branch->over = true;
    net_sip_timers_stop(timers_of(self), &branch->timer_c);
    if (status < 300 && (invite || !self->answered))
        send_back(self, response);
    else if (status >= 300)
        keep_best(self, response);
    if (status < 300 || status >= 600)
        cancel_all(self, "SIP;cause=200;text=\"Call completed elsewhere\"");
    check_done(self);
}

static void
on_timer_c(void *user_data)
{
    Branch *branch = user_data;

    net_sip_client_txn_cancel(branch->txn, NULL);
}

static void
on_response(NetSipClientTxn *txn, const NetSipMsg *response, void *user_data)
{
    Branch *branch = user_data;
    g_autoptr(NetSipMsg) copy = NULL;

    (void)txn;
    if (branch->over) {
        if (net_sip_msg_status(response) / 100 == 2)
            send_back(branch->proxy, response);
        return;
    }
    if (net_sip_msg_status(response) >= 200) {
        copy = net_sip_msg_copy(response);
        take_result(branch, copy);
        return;
    }
    if (net_sip_msg_is_method(net_sip_server_txn_request(branch->proxy->txn), "INVITE"))
        net_sip_timers_start(timers_of(branch->proxy), &branch->timer_c, TIMER_C_MS, on_timer_c, branch);
    if (net_sip_msg_status(response) > 100 && !branch->proxy->answered)
        send_back(branch->proxy, response);
}

static void
refuse(Branch *branch, const GError *error)
{
    int status = base_error_sip_status(error);
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(net_sip_server_txn_request(branch->proxy->txn),
                                                             status == 408 ? 408 : 480, NULL);

    if (status != 408)
        net_sip_msg_add(response, "Warning", "399 imstv \"next hop cannot be reached\"");
    take_result(branch, response);
}

static void
on_failed(NetSipClientTxn *txn, const GError *error, void *user_data)
{
    (void)txn;
    refuse(user_data, error);
}

static const NetSipClientEvents client_events = {.response = on_response, .failed = on_failed};

/* --- Branches -------------------------------------------------------------------------------- */

void
net_sip_proxy_add(NetSipProxy *self, NetSipMsg *request, NetSipFlow *flow)
{
    Branch *branch;

    if (self->branches->len >= MAX_BRANCHES) {
        net_sip_msg_free(request);
        return;
    }
    branch = g_new0(Branch, 1);
    branch->proxy = self;
    branch->request = request;
    branch->flow = flow ? net_sip_flow_ref(flow) : NULL;
    g_ptr_array_add(self->branches, branch);
}

static void
start_branch(Branch *branch)
{
    NetSipUa *ua = branch->proxy->ua;
    g_autoptr(GError) error = NULL;

    if (!branch->flow)
        branch->flow = net_sip_ua_route(ua, NULL, branch->request, &error);
    if (!branch->flow) {
        refuse(branch, error);
        return;
    }
    branch->txn = net_sip_client_txn_start(net_sip_ua_layer(ua), branch->flow,
                                           g_steal_pointer(&branch->request), &client_events, branch);
}

void
net_sip_proxy_go(NetSipProxy *self)
{
    for (guint i = 0; i < self->branches->len; i++)
        start_branch(g_ptr_array_index(self->branches, i));
    self->going = false;
    check_done(self);
}

void
net_sip_proxy_forward(NetSipUa *ua, NetSipServerTxn *txn, NetSipMsg *request, NetSipFlow *flow)
{
    NetSipProxy *self = net_sip_proxy_new(ua, txn, NULL, NULL);

    net_sip_proxy_add(self, request, flow);
    net_sip_proxy_go(self);
}

void
net_sip_proxy_forward_ack(NetSipUa *ua, NetSipMsg *ack, NetSipFlow *flow)
{
    g_autoptr(NetSipMsg) message = ack;
    g_autoptr(NetSipFlow) way = flow ? net_sip_flow_ref(flow) : net_sip_ua_route(ua, NULL, message, NULL);

    if (way)
        net_sip_layer_send_ack(net_sip_ua_layer(ua), way, message);
}
