/* Client transactions. Spec: RFC 3261 9.1 and 17.1, RFC 6026 7.2. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/sip-transaction-private.h"
#include "lib/net/sip-via.h"

struct NetSipClientTxn {
    int references;
    NetSipLayer *layer; /* NULL once terminated */
    NetSipFlow *flow;
    NetSipMsg *request;
    char *key;
    bool is_invite;
    NetSipTxnState state;
    NetSipTimer retransmit, life;
    int64_t interval_ms;
    GError *error; /* why it fails, when the timer of a failed start fires */
    bool wants_cancel, cancel_sent;
    char *cancel_reason;
    NetSipMsg *ack; /* for a refusal, to be repeated */
    const NetSipClientEvents *events;
    void *user_data;
};

static void on_timeout(void *user_data);

char *
net_sip_client_key(const char *branch, const char *method)
{
    return g_strdup_printf("%s|%s", branch, method);
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipClientTxn *
net_sip_client_txn_ref(NetSipClientTxn *self)
{
    self->references++;
    return self;
}

void
net_sip_client_txn_unref(NetSipClientTxn *self)
{
    if (!self || --self->references > 0)
        return;
    net_sip_flow_unref(self->flow);
    net_sip_msg_free(self->request);
    net_sip_msg_free(self->ack);
    g_free(self->key);
    g_free(self->cancel_reason);
    g_clear_error(&self->error);
    g_free(self);
}

void
net_sip_client_txn_release(NetSipClientTxn *self)
{
    if (!self)
        return;
    self->events = NULL;
    net_sip_client_txn_unref(self);
}

void
net_sip_client_txn_terminate(NetSipClientTxn *self)
{
    NetSipLayer *layer = self->layer;

    if (!layer)
        return;
    self->state = NET_SIP_TXN_TERMINATED;
    self->layer = NULL;
    net_sip_timers_stop(layer->timers, &self->retransmit);
    net_sip_timers_stop(layer->timers, &self->life);
    if (layer->closing)
        return;
    g_hash_table_remove(layer->clients, self->key);
    net_sip_layer_count_changed(layer);
}

static void
on_life_over(void *user_data)
{
    net_sip_client_txn_terminate(user_data);
}

static void
fail(NetSipClientTxn *self, const GError *error)
{
    const NetSipClientEvents *events = self->events;

    net_sip_client_txn_ref(self);
    net_sip_client_txn_terminate(self);
    if (events)
        events->failed(self, error, self->user_data);
    net_sip_client_txn_unref(self);
}

static void
on_timeout(void *user_data)
{
    NetSipClientTxn *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->error);

    if (!error)
        error = g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "no answer from %s to %s",
                            net_sip_flow_peer(self->flow), net_sip_msg_method(self->request));
    fail(self, error);
}

/* --- Sending --------------------------------------------------------------------------------- */

static char *
put_via(NetSipFlow *flow, NetSipMsg *request)
{
    g_autofree char *id = base_id_new();
    g_autofree char *sent_by = net_sip_flow_sent_by(flow);
    char *branch = g_strconcat(NET_SIP_BRANCH_COOKIE, id, NULL);
    g_autofree char *via =
        g_strdup_printf("SIP/2.0/%s %s;branch=%s;rport",
                        net_sip_flow_kind(flow) == NET_SIP_TCP ? "TCP" : "UDP", sent_by, branch);

    net_sip_msg_prepend(request, "Via", via);

    return branch;
}

/* Timers A and E. */
static void
on_retransmit(void *user_data)
{
    NetSipClientTxn *self = user_data;

    self->interval_ms *= 2;
    if (!self->is_invite)
        self->interval_ms =
            self->state == NET_SIP_TXN_PROCEEDING ? NET_SIP_T2_MS : MIN(self->interval_ms, NET_SIP_T2_MS);
    net_sip_timers_start(self->layer->timers, &self->retransmit, self->interval_ms, on_retransmit, self);
    net_sip_flow_send(self->flow, self->request, NULL);
}

static void
start(NetSipClientTxn *self)
{
    NetSipTimers *timers = self->layer->timers;
    bool room = net_sip_layer_has_room(self->layer);

    if (!room)
        g_set_error(&self->error, BASE_ERROR, BASE_ERROR_BUSY, "too many SIP transactions");
    if (!room || !net_sip_flow_send(self->flow, self->request, &self->error)) {
        net_sip_timers_start(timers, &self->life, 0, on_timeout, self);
        return;
    }
    self->interval_ms = NET_SIP_T1_MS;
    if (!net_sip_flow_is_reliable(self->flow))
        net_sip_timers_start(timers, &self->retransmit, self->interval_ms, on_retransmit, self);
    net_sip_timers_start(timers, &self->life, 64 * NET_SIP_T1_MS, on_timeout, self); /* B and F */
}

static NetSipClientTxn *
client_txn_new(NetSipLayer *layer, NetSipFlow *flow, NetSipMsg *request, const char *branch)
{
    NetSipClientTxn *self = g_new0(NetSipClientTxn, 1);

    self->references = 2; /* the table's and the caller's */
    self->layer = layer;
    self->flow = net_sip_flow_ref(flow);
    self->request = request;
    self->is_invite = net_sip_msg_is_method(request, "INVITE");
    self->key = net_sip_client_key(branch, net_sip_msg_method(request));
    g_hash_table_insert(layer->clients, g_strdup(self->key), self);
    net_sip_layer_count_changed(layer);
    start(self);

    return self;
}

NetSipClientTxn *
net_sip_client_txn_start(NetSipLayer *layer,
                         NetSipFlow *flow,
                         NetSipMsg *request,
                         const NetSipClientEvents *events,
                         void *user_data)
{
    g_autofree char *branch = put_via(flow, request);
    NetSipClientTxn *self = client_txn_new(layer, flow, request, branch);

    self->events = events;
    self->user_data = user_data;

    return self;
}

bool
net_sip_layer_send_ack(NetSipLayer *self, NetSipFlow *flow, NetSipMsg *ack)
{
    g_autofree char *branch G_GNUC_UNUSED = put_via(flow, ack);

    (void)self;
    return net_sip_flow_send(flow, ack, NULL);
}

/* --- ACK and CANCEL -------------------------------------------------------------------------- */

/* The hop-by-hop twin of a request: same branch, Request-URI, route and CSeq number. */
static NetSipMsg *
make_twin(NetSipClientTxn *self, const char *method)
{
    static const char *const same[] = {"From", "Call-ID", "Route", "Max-Forwards", "Session-ID"};
    NetSipMsg *twin = net_sip_msg_new_request(method, net_sip_msg_request_uri(self->request));

    net_sip_msg_add(twin, "Via", net_sip_msg_header(self->request, "Via", 0));
    for (guint i = 0; i < G_N_ELEMENTS(same); i++)
        net_sip_msg_copy_header(twin, self->request, same[i]);
    net_sip_msg_add_printf(twin, "CSeq", "%u %s", net_sip_msg_cseq(self->request), method);
    if (net_sip_msg_reference_point(self->request))
        net_sip_msg_set_reference_point(twin, net_sip_msg_reference_point(self->request));

    return twin;
}

static void
acknowledge(NetSipClientTxn *self, const NetSipMsg *response)
{
    if (!self->ack) {
        self->ack = make_twin(self, "ACK");
        net_sip_msg_copy_header(self->ack, response, "To");
    }
    net_sip_flow_send(self->flow, self->ack, NULL);
}

static void
send_cancel(NetSipClientTxn *self)
{
    g_autofree char *branch = net_sip_msg_header_param(self->request, "Via", 0, "branch");
    NetSipMsg *cancel = make_twin(self, "CANCEL");

    net_sip_msg_copy_header(cancel, self->request, "To");
    if (self->cancel_reason)
        net_sip_msg_add(cancel, "Reason", self->cancel_reason);
    self->cancel_sent = true;
    net_sip_client_txn_release(client_txn_new(self->layer, self->flow, cancel, branch));
    /* A far end that never answers the INVITE after that is given up (RFC 3261 9.1). */
    net_sip_timers_start(self->layer->timers, &self->life, 64 * NET_SIP_T1_MS, on_timeout, self);
}

void
net_sip_client_txn_cancel(NetSipClientTxn *self, const char *reason)
{
    if (!self->layer || self->cancel_sent || self->state >= NET_SIP_TXN_COMPLETED)
        return;
    self->wants_cancel = true;
    g_free(self->cancel_reason);
    self->cancel_reason = g_strdup(reason);
    if (self->state == NET_SIP_TXN_PROCEEDING)
        send_cancel(self);
}

/* --- Receiving ------------------------------------------------------------------------------- */

static void
take_provisional(NetSipClientTxn *self)
{
    if (self->state > NET_SIP_TXN_PROCEEDING)
        return;
    if (self->state == NET_SIP_TXN_TRYING && self->is_invite) {
        net_sip_timers_stop(self->layer->timers, &self->retransmit);
        net_sip_timers_stop(self->layer->timers, &self->life);
    }
    self->state = NET_SIP_TXN_PROCEEDING;
    if (self->wants_cancel && !self->cancel_sent)
        send_cancel(self);
}

/* False for a repetition that nobody wants to see. */
static bool
take_final(NetSipClientTxn *self, const NetSipMsg *response)
{
    bool accepted = self->is_invite && net_sip_msg_status(response) < 300;
    bool reliable = net_sip_flow_is_reliable(self->flow);
    bool repeated = self->state >= NET_SIP_TXN_COMPLETED;
    int64_t life_ms;

    if (self->is_invite && !accepted && self->state != NET_SIP_TXN_ACCEPTED)
        acknowledge(self, response);
    if (repeated)
        return accepted && self->state == NET_SIP_TXN_ACCEPTED;
    self->state = accepted ? NET_SIP_TXN_ACCEPTED : NET_SIP_TXN_COMPLETED;
    net_sip_timers_stop(self->layer->timers, &self->retransmit);
    if (accepted)
        life_ms = reliable ? NET_SIP_T4_MS : 64 * NET_SIP_T1_MS; /* Timer M; see Timer L */
    else if (reliable)
        life_ms = 0;
    else
        life_ms = self->is_invite ? 64 * NET_SIP_T1_MS : NET_SIP_T4_MS; /* Timers D and K */
    net_sip_timers_start(self->layer->timers, &self->life, life_ms, on_life_over, self);

    return true;
}

void
net_sip_client_txn_take(NetSipClientTxn *self, NetSipMsg *response)
{
    bool wanted = true;

    net_sip_client_txn_ref(self);
    net_sip_msg_remove_nth(response, "Via", 0);
    if (net_sip_msg_status(response) < 200) {
        wanted = self->state < NET_SIP_TXN_COMPLETED;
        take_provisional(self);
    } else {
        wanted = take_final(self, response);
    }
    if (wanted && self->events)
        self->events->response(self, response, self->user_data);
    net_sip_client_txn_unref(self);
}

void
net_sip_client_txn_flow_lost(NetSipClientTxn *self, const NetSipFlow *flow, const GError *error)
{
    if (self->flow != flow || !self->layer)
        return;
    if (self->state < NET_SIP_TXN_COMPLETED)
        fail(self, error);
    else
        net_sip_client_txn_terminate(self);
}

/* --- Getters --------------------------------------------------------------------------------- */

const NetSipMsg *
net_sip_client_txn_request(const NetSipClientTxn *self)
{
    return self->request;
}

NetSipFlow *
net_sip_client_txn_flow(const NetSipClientTxn *self)
{
    return self->flow;
}
