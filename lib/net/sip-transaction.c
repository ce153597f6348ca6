#include "lib/net/sip-transaction.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/base/metrics.h"
#include "lib/net/sip-transaction-private.h"
#include "lib/net/sip-via.h"

#define RETRY_AFTER_S 5

/* --- Table ----------------------------------------------------------------------------------- */

guint
net_sip_layer_count(const NetSipLayer *self)
{
    return g_hash_table_size(self->servers) + g_hash_table_size(self->clients);
}

bool
net_sip_layer_has_room(const NetSipLayer *self)
{
    return net_sip_layer_count(self) < self->max_transactions;
}

void
net_sip_layer_count_changed(NetSipLayer *self)
{
    base_metric_set(base_gauge("imstv_sip_transactions", NULL, "live SIP transactions"),
                    net_sip_layer_count(self));
}

/* --- Requests -------------------------------------------------------------------------------- */

/* Where the request really came from (RFC 3261 18.2.1, RFC 3581 4). */
static void
mark_via(NetSipFlow *flow, NetSipMsg *request)
{
    const char *top = net_sip_msg_header(request, "Via", 0);
    g_autoptr(NetSipVia) via = net_sip_via_parse(top);
    g_autofree char *rport = net_sip_msg_header_param(request, "Via", 0, "rport");
    g_autofree char *marked = NULL;

    if (!rport && strcmp(via->host, net_sip_flow_remote_host(flow)) == 0 && !via->received)
        return;
    marked = net_sip_via_mark(top, net_sip_flow_remote_host(flow), net_sip_flow_remote_port(flow));
    net_sip_msg_set_nth(request, "Via", 0, marked);
}

static void
reply_stateless(NetSipFlow *flow, const NetSipMsg *request, int status)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(request, status, NULL);

    if (status == 503)
        net_sip_msg_add_printf(response, "Retry-After", "%d", RETRY_AFTER_S);
    if (!net_sip_msg_to_tag(response)) {
        g_autofree char *tag = base_id_new();

        net_sip_msg_set_to_tag(response, tag);
    }
    net_sip_flow_send(flow, response, NULL);
}

static void
take_ack(NetSipLayer *self, NetSipFlow *flow, const NetSipMsg *ack)
{
    g_autofree char *key = net_sip_server_key(ack, "INVITE");
    NetSipServerTxn *txn = g_hash_table_lookup(self->servers, key);

    if (!txn || !net_sip_server_txn_take_ack(txn))
        self->events->ack(flow, ack, self->user_data);
}

static void
take_new(NetSipLayer *self, NetSipFlow *flow, const NetSipMsg *request, const char *key)
{
    g_autoptr(NetSipServerTxn) txn = NULL;
    bool cancel = net_sip_msg_is_method(request, "CANCEL");
    int refused = !cancel && self->events->admit ? self->events->admit(flow, request, self->user_data) : 0;

    if (refused) {
        base_metric_add(base_counter("imstv_sip_not_admitted_total", NULL, "refused without a transaction"),
                        1);
        reply_stateless(flow, request, refused);
        return;
    }
    if (!net_sip_layer_has_room(self)) {
        base_metric_add(
            base_counter("imstv_sip_transactions_refused_total", NULL, "503: too many transactions"), 1);
        reply_stateless(flow, request, 503);
        return;
    }
    txn =
        net_sip_server_txn_ref(net_sip_server_txn_new(self, flow, net_sip_msg_copy(request), g_strdup(key)));
    if (cancel) {
        g_autofree char *invite_key = net_sip_server_key(request, "INVITE");
        NetSipServerTxn *invite = g_hash_table_lookup(self->servers, invite_key);

        net_sip_server_txn_reply(txn, invite ? 200 : 481, NULL);
        if (invite)
            net_sip_server_txn_take_cancel(invite, request);
        return;
    }
    if (net_sip_msg_is_method(request, "INVITE"))
        net_sip_server_txn_reply(txn, 100, NULL);
    self->events->request(txn, self->user_data);
}

static void
take_request(NetSipLayer *self, NetSipFlow *flow, NetSipMsg *request)
{
    g_autofree char *key = NULL;
    NetSipServerTxn *txn;

    mark_via(flow, request);
    if (self->events->reference_point) {
        const char *name = self->events->reference_point(flow, request, self->user_data);

        if (name)
            net_sip_msg_set_reference_point(request, name);
    }
    net_sip_flow_trace(flow, request, false);
    if (net_sip_msg_is_method(request, "ACK")) {
        take_ack(self, flow, request);
        return;
    }
    key = net_sip_server_key(request, net_sip_msg_method(request));
    txn = g_hash_table_lookup(self->servers, key);
    if (txn)
        net_sip_server_txn_take_again(txn);
    else
        take_new(self, flow, request, key);
}

/* --- Responses ------------------------------------------------------------------------------- */

static NetSipClientTxn *
find_client(NetSipLayer *self, const NetSipMsg *response)
{
    g_autofree char *branch = net_sip_msg_header_param(response, "Via", 0, "branch");
    g_autofree char *key = branch ? net_sip_client_key(branch, net_sip_msg_method(response)) : NULL;

    return key ? g_hash_table_lookup(self->clients, key) : NULL;
}

static void
take_response(NetSipLayer *self, NetSipFlow *flow, NetSipMsg *response)
{
    NetSipClientTxn *txn = find_client(self, response);

    if (txn) {
        const char *name = net_sip_msg_reference_point(net_sip_client_txn_request(txn));

        if (name)
            net_sip_msg_set_reference_point(response, name);
    }
    net_sip_flow_trace(flow, response, false);
    if (txn)
        net_sip_client_txn_take(txn, response);
    else if (self->events->stray)
        self->events->stray(flow, response, self->user_data);
}

/* --- Transport events ------------------------------------------------------------------------ */

static void
on_received(NetSipFlow *flow, NetSipMsg *message, void *user_data)
{
    if (net_sip_msg_is_request(message))
        take_request(user_data, flow, message);
    else
        take_response(user_data, flow, message);
}

static void
on_malformed(NetSipFlow *flow, const NetSipMsg *partial, int status, const GError *error, void *user_data)
{
    (void)error;
    (void)user_data;
    if (partial)
        reply_stateless(flow, partial, status);
}

static void
on_connected(NetSipFlow *flow, void *user_data)
{
    NetSipLayer *self = user_data;

    if (self->events->flow_connected)
        self->events->flow_connected(flow, self->user_data);
}

/* The values of a table of transactions, which may change while they are told. */
static GPtrArray *
values_of(GHashTable *table)
{
    GPtrArray *values = g_ptr_array_sized_new(g_hash_table_size(table));
    GHashTableIter iter;
    gpointer txn;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, NULL, &txn))
        g_ptr_array_add(values, txn);

    return values;
}

static void
on_lost(NetSipFlow *flow, const GError *error, void *user_data)
{
    NetSipLayer *self = user_data;
    g_autoptr(GPtrArray) clients = values_of(self->clients);
    g_autoptr(GPtrArray) servers = values_of(self->servers);

    for (guint i = 0; i < clients->len; i++)
        net_sip_client_txn_ref(g_ptr_array_index(clients, i));
    for (guint i = 0; i < servers->len; i++)
        net_sip_server_txn_flow_lost(g_ptr_array_index(servers, i), flow);
    for (guint i = 0; i < clients->len; i++) {
        net_sip_client_txn_flow_lost(g_ptr_array_index(clients, i), flow, error);
        net_sip_client_txn_unref(g_ptr_array_index(clients, i));
    }
    if (self->events->flow_lost)
        self->events->flow_lost(flow, error, self->user_data);
}

static const NetSipTransportEvents transport_events = {
    .received = on_received,
    .malformed = on_malformed,
    .connected = on_connected,
    .lost = on_lost,
};

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipLayer *
net_sip_layer_new(const BaseClock *clock,
                  const NetSipTransportConfig *transport,
                  guint max_transactions,
                  const NetSipLayerEvents *events,
                  void *user_data)
{
    NetSipLayer *self = g_new0(NetSipLayer, 1);

    self->events = events;
    self->user_data = user_data;
    self->max_transactions = max_transactions ? max_transactions : 20000;
    self->timers = net_sip_timers_new(clock);
    self->transport = net_sip_transport_new(transport, self->timers, &transport_events, self);
    self->servers =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)net_sip_server_txn_unref);
    self->clients =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)net_sip_client_txn_unref);

    return self;
}

void
net_sip_layer_free(NetSipLayer *self)
{
    GHashTableIter iter;
    gpointer txn;

    if (!self)
        return;
    self->closing = true;
    g_hash_table_iter_init(&iter, self->servers);
    while (g_hash_table_iter_next(&iter, NULL, &txn))
        net_sip_server_txn_terminate(txn);
    g_hash_table_iter_init(&iter, self->clients);
    while (g_hash_table_iter_next(&iter, NULL, &txn))
        net_sip_client_txn_terminate(txn);
    g_hash_table_unref(self->servers);
    g_hash_table_unref(self->clients);
    net_sip_transport_free(self->transport);
    net_sip_timers_free(self->timers);
    g_free(self);
}

NetSipTransport *
net_sip_layer_transport(NetSipLayer *self)
{
    return self->transport;
}

NetSipTimers *
net_sip_layer_timers(NetSipLayer *self)
{
    return self->timers;
}
