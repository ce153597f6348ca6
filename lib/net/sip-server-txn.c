/* Server transactions. Spec: RFC 3261 17.2, RFC 6026 7.1. */
#include <string.h>

#include "lib/base/id.h"
#include "lib/net/sip-transaction-private.h"
#include "lib/net/sip-via.h"

struct NetSipServerTxn {
    int references;
    NetSipLayer *layer;  /* NULL once terminated */
    NetSipFlow *flow;    /* where the request came from */
    NetSipFlow *answers; /* where responses go */
    NetSipMsg *request;
    char *key;
    char *tag;
    bool is_invite;
    bool counted; /* on its flow: until it is answered, a refused INVITE until its ACK */
    NetSipTxnState state;
    NetSipMsg *last; /* response to send again */
    NetSipTimer retransmit, life;
    int64_t interval_ms;
    void (*cancelled)(NetSipServerTxn *txn, const NetSipMsg *cancel, void *user_data);
    void *cancelled_data;
};

/* Spec: RFC 3261 17.2.3. Branches without the cookie come from RFC 2543 elements. */
char *
net_sip_server_key(const NetSipMsg *request, const char *method)
{
    g_autoptr(NetSipVia) via = net_sip_via_parse(net_sip_msg_header(request, "Via", 0));
    g_autofree char *sent_by = net_sip_host_port(via->host, via->port);

    if (via->branch && g_str_has_prefix(via->branch, NET_SIP_BRANCH_COOKIE))
        return g_strdup_printf("%s|%s|%s", via->branch, sent_by, method);

    return g_strdup_printf("%s|%u|%s|%s|%s", net_sip_msg_call_id(request), net_sip_msg_cseq(request),
                           net_sip_msg_from_tag(request) ? net_sip_msg_from_tag(request) : "", sent_by,
                           method);
}

/* A UDP response goes back to the source port only if rport was asked for, else to sent-by's port. */
static NetSipFlow *
answer_flow(NetSipLayer *layer, NetSipFlow *flow, const NetSipMsg *request)
{
    g_autoptr(NetSipVia) via = net_sip_via_parse(net_sip_msg_header(request, "Via", 0));
    uint16_t port = via->port ? via->port : 5060;
    NetSipFlow *other;

    if (net_sip_flow_is_reliable(flow) || via->rport || port == net_sip_flow_remote_port(flow))
        return net_sip_flow_ref(flow);
    other = net_sip_transport_reach(layer->transport, NET_SIP_UDP, net_sip_flow_remote_host(flow), port,
                                    net_sip_flow_reference_point(flow), NULL);

    return other ? other : net_sip_flow_ref(flow);
}

NetSipServerTxn *
net_sip_server_txn_new(NetSipLayer *layer, NetSipFlow *flow, NetSipMsg *request, char *key)
{
    NetSipServerTxn *self = g_new0(NetSipServerTxn, 1);

    self->references = 1; /* the table's */
    self->layer = layer;
    self->flow = net_sip_flow_ref(flow);
    self->request = request;
    self->answers = answer_flow(layer, flow, request);
    self->key = key;
    self->tag = base_id_new();
    self->is_invite = net_sip_msg_is_method(request, "INVITE");
    self->counted = true;
    net_sip_flow_count_transaction(flow, 1);
    g_hash_table_insert(layer->servers, g_strdup(key), self);
    net_sip_layer_count_changed(layer);

    return self;
}

NetSipServerTxn *
net_sip_server_txn_ref(NetSipServerTxn *self)
{
    self->references++;
    return self;
}

void
net_sip_server_txn_unref(NetSipServerTxn *self)
{
    if (!self)
        return;
    /* Only the table is left and nobody will answer: do it for them. */
    if (self->references == 2 && self->layer && !self->layer->closing && self->state < NET_SIP_TXN_COMPLETED)
        net_sip_server_txn_reply(self, 500, NULL);
    if (--self->references > 0)
        return;
    net_sip_flow_unref(self->flow);
    net_sip_flow_unref(self->answers);
    net_sip_msg_free(self->request);
    net_sip_msg_free(self->last);
    g_free(self->key);
    g_free(self->tag);
    g_free(self);
}

static void
uncount(NetSipServerTxn *self)
{
    if (self->counted)
        net_sip_flow_count_transaction(self->flow, -1);
    self->counted = false;
}

void
net_sip_server_txn_terminate(NetSipServerTxn *self)
{
    NetSipLayer *layer = self->layer;

    if (!layer)
        return;
    self->state = NET_SIP_TXN_TERMINATED;
    self->layer = NULL;
    uncount(self);
    net_sip_timers_stop(layer->timers, &self->retransmit);
    net_sip_timers_stop(layer->timers, &self->life);
    g_clear_pointer(&self->last, net_sip_msg_free);
    if (layer->closing)
        return;
    g_hash_table_remove(layer->servers, self->key);
    net_sip_layer_count_changed(layer);
}

static void
on_life_over(void *user_data)
{
    net_sip_server_txn_terminate(user_data);
}

/* --- Responses ------------------------------------------------------------------------------- */

/* The connection that the request came on is gone: try the address in its Via (RFC 3261 18.2.2). */
static void
reconnect(NetSipServerTxn *self)
{
    g_autoptr(NetSipVia) via = net_sip_via_parse(net_sip_msg_header(self->request, "Via", 0));
    NetSipFlow *other;

    if (net_sip_flow_is_open(self->answers) || !net_sip_flow_is_reliable(self->answers))
        return;
    other = net_sip_transport_reach(self->layer->transport, NET_SIP_TCP,
                                    net_sip_flow_remote_host(self->answers), via->port ? via->port : 5060,
                                    net_sip_flow_reference_point(self->answers), NULL);
    if (other) {
        net_sip_flow_unref(self->answers);
        self->answers = other;
    }
}

static void
send_last(NetSipServerTxn *self)
{
    reconnect(self);
    net_sip_flow_send(self->answers, self->last, NULL);
}

static void
on_retransmit(void *user_data)
{
    NetSipServerTxn *self = user_data;

    self->interval_ms = MIN(self->interval_ms * 2, NET_SIP_T2_MS);
    net_sip_timers_start(self->layer->timers, &self->retransmit, self->interval_ms, on_retransmit, self);
    send_last(self);
}

static void
complete(NetSipServerTxn *self)
{
    bool reliable = net_sip_flow_is_reliable(self->answers);
    int64_t life_ms = 64 * NET_SIP_T1_MS; /* Timers H and J */

    self->state = NET_SIP_TXN_COMPLETED;
    if (self->is_invite && !reliable) {
        self->interval_ms = NET_SIP_T1_MS; /* Timer G */
        net_sip_timers_start(self->layer->timers, &self->retransmit, self->interval_ms, on_retransmit, self);
    }
    if (!self->is_invite && reliable)
        life_ms = 0;
    net_sip_timers_start(self->layer->timers, &self->life, life_ms, on_life_over, self);
}

static void
accept(NetSipServerTxn *self)
{
    /* Timer L waits for repeated INVITEs; a reliable transport has none, and 32 s of every call would fill
     * the table long before the machine is busy. */
    int64_t life_ms = net_sip_flow_is_reliable(self->flow) ? NET_SIP_T4_MS : 64 * NET_SIP_T1_MS;

    self->state = NET_SIP_TXN_ACCEPTED;
    uncount(self);
    net_sip_timers_start(self->layer->timers, &self->life, life_ms, on_life_over, self);
}

void
net_sip_server_txn_respond(NetSipServerTxn *self, const NetSipMsg *response)
{
    int status = net_sip_msg_status(response);
    bool again = self->state == NET_SIP_TXN_ACCEPTED && status / 100 == 2;

    if (!self->layer || (self->state >= NET_SIP_TXN_COMPLETED && !again))
        return;
    net_sip_msg_free(self->last);
    self->last = net_sip_msg_copy(response);
    if (status > 100 && !net_sip_msg_to_tag(self->last))
        net_sip_msg_set_to_tag(self->last, self->tag);
    send_last(self);
    if (again)
        return;
    if (status < 200)
        self->state = NET_SIP_TXN_PROCEEDING;
    else if (status < 300 && self->is_invite)
        accept(self);
    else
        complete(self);
}

void
net_sip_server_txn_reply(NetSipServerTxn *self, int status, const char *reason)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(self->request, status, reason);

    net_sip_server_txn_respond(self, response);
}

/* --- Requests that belong to it -------------------------------------------------------------- */

void
net_sip_server_txn_take_again(NetSipServerTxn *self)
{
    /* A repeated 2xx is the business of the layer above (RFC 6026 7.1). */
    if (self->last && (self->state == NET_SIP_TXN_PROCEEDING || self->state == NET_SIP_TXN_COMPLETED))
        send_last(self);
}

bool
net_sip_server_txn_take_ack(NetSipServerTxn *self)
{
    if (!self->is_invite || self->state == NET_SIP_TXN_ACCEPTED || self->state < NET_SIP_TXN_COMPLETED)
        return false;
    if (self->state == NET_SIP_TXN_COMPLETED) {
        self->state = NET_SIP_TXN_CONFIRMED;
        uncount(self);
        net_sip_timers_stop(self->layer->timers, &self->retransmit);
        net_sip_timers_start(self->layer->timers, &self->life,
                             net_sip_flow_is_reliable(self->answers) ? 0 : NET_SIP_T4_MS, on_life_over,
                             self); /* Timer I */
    }

    return true;
}

void
net_sip_server_txn_take_cancel(NetSipServerTxn *self, const NetSipMsg *cancel)
{
    if (self->state < NET_SIP_TXN_COMPLETED && self->cancelled)
        self->cancelled(self, cancel, self->cancelled_data);
}

void
net_sip_server_txn_flow_lost(NetSipServerTxn *self, const NetSipFlow *flow)
{
    /* Nothing to repeat on a dead connection; an unanswered request may still get its answer by a new one. */
    if (self->answers == flow && self->state >= NET_SIP_TXN_COMPLETED)
        net_sip_server_txn_terminate(self);
}

/* --- Getters --------------------------------------------------------------------------------- */

const NetSipMsg *
net_sip_server_txn_request(const NetSipServerTxn *self)
{
    return self->request;
}

NetSipFlow *
net_sip_server_txn_flow(const NetSipServerTxn *self)
{
    return self->flow;
}

const char *
net_sip_server_txn_tag(const NetSipServerTxn *self)
{
    return self->tag;
}

bool
net_sip_server_txn_is_answered(const NetSipServerTxn *self)
{
    return self->state >= NET_SIP_TXN_COMPLETED;
}

void
net_sip_server_txn_set_cancelled(NetSipServerTxn *self,
                                 void (*cancelled)(NetSipServerTxn *txn,
                                                   const NetSipMsg *cancel,
                                                   void *user_data),
                                 void *user_data)
{
    self->cancelled = cancelled;
    self->cancelled_data = user_data;
}
