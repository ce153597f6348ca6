#include "lib/net/sip-ua.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/sip-proxy.h"
#include "lib/net/sip-ua-private.h"

#define ALLOWED "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, MESSAGE, SUBSCRIBE, NOTIFY"

typedef struct {
    const NetSipUsageOps *ops;
    void *usage;
} Usage;

struct NetSipUa {
    NetSipUaConfig config;
    char *name;
    const NetSipUaEvents *events;
    void *user_data;
    NetSipLayer *layer;
    GHashTable *usages;  /* "call-id|tag" -> Usage */
    GHashTable *orphans; /* object -> destroy function */
    const NetSipProxyFilter *filter;
    void *filter_data;
};

/* --- Usages ---------------------------------------------------------------------------------- */

static char *
usage_key(const char *call_id, const char *tag)
{
    return g_strdup_printf("%s|%s", call_id, tag ? tag : "");
}

void
net_sip_ua_add_usage(
    NetSipUa *self, const char *call_id, const char *local_tag, const NetSipUsageOps *ops, void *usage)
{
    Usage *entry = g_new(Usage, 1);

    *entry = (Usage){ops, usage};
    g_hash_table_replace(self->usages, usage_key(call_id, local_tag), entry);
}

void
net_sip_ua_remove_usage(NetSipUa *self, const char *call_id, const char *local_tag)
{
    g_autofree char *key = usage_key(call_id, local_tag);

    g_hash_table_remove(self->usages, key);
}

bool
net_sip_ua_has_usage(NetSipUa *self, const char *call_id, const char *local_tag, const void *usage)
{
    g_autofree char *key = usage_key(call_id, local_tag);
    Usage *entry = g_hash_table_lookup(self->usages, key);

    return entry && entry->usage == usage;
}

static Usage *
find_usage(NetSipUa *self, const NetSipMsg *request)
{
    g_autofree char *key = usage_key(net_sip_msg_call_id(request), net_sip_msg_to_tag(request));

    return g_hash_table_lookup(self->usages, key);
}

void
net_sip_ua_add_orphan(NetSipUa *self, void *usage, void (*destroy)(void *usage))
{
    g_hash_table_insert(self->orphans, usage, (gpointer)(guintptr)destroy);
}

void
net_sip_ua_remove_orphan(NetSipUa *self, void *usage)
{
    g_hash_table_remove(self->orphans, usage);
}

/* --- Completing what we send ----------------------------------------------------------------- */

static void
set_if_missing(NetSipMsg *message, const char *name, const char *value)
{
    if (!net_sip_msg_header(message, name, 0))
        net_sip_msg_add(message, name, value);
}

void
net_sip_ua_sign(const NetSipUa *self, NetSipMsg *message)
{
    if (self->name)
        set_if_missing(message, net_sip_msg_is_request(message) ? "User-Agent" : "Server", self->name);
}

char *
net_sip_ua_contact(NetSipFlow *flow, const NetSipMsg *message, const char *from_header)
{
    g_autofree char *user = net_sip_msg_user(message, from_header);

    return net_sip_flow_contact_uri(flow, user);
}

static void
complete_from(NetSipMsg *request)
{
    g_autoptr(NetSipAddress) from = net_sip_msg_address(request, "From", 0);
    g_autofree char *tag = NULL, *text = NULL;

    if (!from || net_sip_msg_from_tag(request))
        return;
    tag = base_id_new();
    net_sip_address_set_param(from, "tag", tag);
    text = net_sip_address_to_string(from);
    net_sip_msg_set(request, "From", text);
}

static void
complete_contact(NetSipFlow *flow, NetSipMsg *request)
{
    g_autofree char *uri = NULL;

    if (net_sip_msg_header(request, "Contact", 0) || net_sip_msg_is_method(request, "MESSAGE"))
        return;
    uri = net_sip_ua_contact(flow, request, "From");
    net_sip_msg_add_printf(request, "Contact", "<%s>", uri);
}

void
net_sip_ua_complete(NetSipUa *self, NetSipFlow *flow, NetSipMsg *request)
{
    g_autofree char *id = base_id_new();
    g_autofree char *session_id = base_id_new();

    complete_from(request);
    if (!net_sip_msg_header(request, "To", 0))
        net_sip_msg_add_printf(request, "To", "<%s>", net_sip_msg_request_uri(request));
    set_if_missing(request, "Call-ID", id);
    if (!net_sip_msg_header(request, "CSeq", 0))
        net_sip_msg_add_printf(request, "CSeq", "1 %s", net_sip_msg_method(request));
    set_if_missing(request, "Max-Forwards", "70");
    complete_contact(flow, request);
    if (net_sip_msg_is_method(request, "INVITE"))
        set_if_missing(request, "Allow", ALLOWED);
    if (!net_sip_msg_session_id(request))
        net_sip_msg_set_session_id(request, session_id, false);
    net_sip_ua_sign(self, request);
}

/* --- Routing --------------------------------------------------------------------------------- */

NetSipFlow *
net_sip_ua_route(NetSipUa *self, NetSipFlow *preferred, const NetSipMsg *message, GError **error)
{
    g_autofree char *hop = net_sip_msg_address_uri(message, "Route", 0);
    NetSipFlow *flow;

    if (preferred && net_sip_flow_is_own(preferred)) {
        if (net_sip_flow_is_open(preferred))
            return net_sip_flow_ref(preferred);
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "connection with %s is closed",
                    net_sip_flow_peer(preferred));
        return NULL;
    }
    flow = net_sip_flow_towards(net_sip_layer_transport(self->layer),
                                hop ? hop : net_sip_msg_request_uri(message),
                                preferred ? net_sip_flow_reference_point(preferred) : NULL, error);
    if (!flow && preferred && net_sip_flow_is_open(preferred)) {
        g_clear_error(error);
        return net_sip_flow_ref(preferred);
    }

    return flow;
}

/* --- Requests to us -------------------------------------------------------------------------- */

static bool
knows_extension(const char *tag)
{
    return g_ascii_strcasecmp(tag, "timer") == 0 || g_ascii_strcasecmp(tag, "100rel") == 0;
}

/* Spec: RFC 3261 8.2.2.3. */
static bool
refuse_extensions(NetSipServerTxn *txn)
{
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    g_autoptr(NetSipMsg) response = NULL;
    const char *tag;

    for (guint i = 0; (tag = net_sip_msg_header(request, "Require", i)); i++) {
        if (!tag[0] || knows_extension(tag))
            continue;
        if (!response)
            response = net_sip_msg_new_response(request, 420, NULL);
        net_sip_msg_add(response, "Unsupported", tag);
    }
    if (response)
        net_sip_server_txn_respond(txn, response);

    return response != NULL;
}

static void
refuse_method(NetSipServerTxn *txn)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(net_sip_server_txn_request(txn), 405, NULL);

    net_sip_msg_add(response, "Allow", ALLOWED);
    net_sip_server_txn_respond(txn, response);
}

static void
answer_options(NetSipUa *self, NetSipServerTxn *txn)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(net_sip_server_txn_request(txn), 200, NULL);

    net_sip_msg_add(response, "Allow", ALLOWED);
    net_sip_msg_add(response, "Supported", "timer, 100rel");
    net_sip_ua_sign(self, response);
    net_sip_server_txn_respond(txn, response);
}

static void
take_invite(NetSipUa *self, NetSipServerTxn *txn)
{
    NetSipSession *session;

    if (!self->events->invite) {
        refuse_method(txn);
        return;
    }
    session = net_sip_session_new_uas(self, txn);
    if (session)
        self->events->invite(self, session, net_sip_server_txn_request(txn), self->user_data);
}

static void
take_subscribe(NetSipUa *self, NetSipServerTxn *txn)
{
    NetSipNotifier *notifier;

    if (!self->events->subscribe) {
        net_sip_server_txn_reply(txn, 489, NULL);
        return;
    }
    notifier = net_sip_notifier_new(self, txn);
    if (notifier)
        self->events->subscribe(self, notifier, net_sip_server_txn_request(txn), self->user_data);
}

static void
take_outside_dialog(NetSipUa *self, NetSipServerTxn *txn)
{
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    const char *method = net_sip_msg_method(request);

    if (strcmp(method, "INVITE") == 0)
        take_invite(self, txn);
    else if (strcmp(method, "SUBSCRIBE") == 0)
        take_subscribe(self, txn);
    else if (strcmp(method, "BYE") == 0 || strcmp(method, "NOTIFY") == 0 || strcmp(method, "PRACK") == 0 ||
             strcmp(method, "UPDATE") == 0)
        net_sip_server_txn_reply(txn, 481, NULL);
    else if (self->events->request)
        self->events->request(self, net_sip_incoming_new(self, txn), self->user_data);
    else if (strcmp(method, "OPTIONS") == 0)
        answer_options(self, txn);
    else
        refuse_method(txn);
}

static int
on_admit(NetSipFlow *flow, const NetSipMsg *request, void *user_data)
{
    NetSipUa *self = user_data;

    return self->filter && self->filter->admit ? self->filter->admit(flow, request, self->filter_data) : 0;
}

static void
on_request(NetSipServerTxn *txn, void *user_data)
{
    NetSipUa *self = user_data;
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(request), NULL);
    /* A NOTIFY may come before the To tag of its dialog is known to us: the key is our tag anyway. */
    Usage *usage = net_sip_msg_to_tag(request) ? find_usage(self, request) : NULL;

    if (!usage && self->filter && self->filter->request(txn, self->filter_data))
        return;
    if (!g_str_has_prefix(net_sip_uri_scheme(uri), "sip") && strcmp(net_sip_uri_scheme(uri), "tel") != 0) {
        net_sip_server_txn_reply(txn, 416, NULL);
        return;
    }
    if (refuse_extensions(txn))
        return;
    if (usage)
        usage->ops->request(usage->usage, txn);
    else if (net_sip_msg_to_tag(request))
        net_sip_server_txn_reply(txn, 481, NULL);
    else
        take_outside_dialog(self, txn);
}

static void
on_ack(NetSipFlow *flow, const NetSipMsg *ack, void *user_data)
{
    NetSipUa *self = user_data;
    Usage *usage = find_usage(self, ack);

    if (usage && usage->ops->ack)
        usage->ops->ack(usage->usage, ack);
    else if (!usage && self->filter)
        self->filter->ack(flow, ack, self->filter_data);
}

static const char *
on_reference_point(NetSipFlow *flow, const NetSipMsg *request, void *user_data)
{
    NetSipUa *self = user_data;
    Usage *usage = net_sip_msg_to_tag(request) ? find_usage(self, request) : NULL;

    if (!usage && self->filter && self->filter->reference_point)
        return self->filter->reference_point(flow, request, self->filter_data);
    return usage ? usage->ops->reference_point(usage->usage) : NULL;
}

/* --- Flows ----------------------------------------------------------------------------------- */

static void
on_flow_connected(NetSipFlow *flow, void *user_data)
{
    NetSipUa *self = user_data;

    if (net_sip_flow_is_own(flow) && self->events->flow_connected)
        self->events->flow_connected(self, flow, self->user_data);
}

static void
on_flow_lost(NetSipFlow *flow, const GError *error, void *user_data)
{
    NetSipUa *self = user_data;
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key;

    if (!net_sip_flow_is_own(flow))
        return; /* what was agreed over it goes on over another */
    g_hash_table_iter_init(&iter, self->usages);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(keys, g_strdup(key));
    for (guint i = 0; i < keys->len; i++) {
        Usage *usage = g_hash_table_lookup(self->usages, g_ptr_array_index(keys, i));

        if (usage)
            usage->ops->flow_lost(usage->usage, flow, error);
    }
    if (self->events->flow_lost)
        self->events->flow_lost(self, flow, error, self->user_data);
}

static const NetSipLayerEvents layer_events = {
    .admit = on_admit,
    .request = on_request,
    .ack = on_ack,
    .reference_point = on_reference_point,
    .flow_connected = on_flow_connected,
    .flow_lost = on_flow_lost,
};

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipUa *
net_sip_ua_new(const NetSipUaConfig *config, const NetSipUaEvents *events, void *user_data)
{
    NetSipUa *self = g_new0(NetSipUa, 1);

    self->config = *config;
    self->name = g_strdup(config->name);
    self->config.name = self->name;
    if (!self->config.min_se_s)
        self->config.min_se_s = 90;
    self->events = events;
    self->user_data = user_data;
    self->usages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->orphans = g_hash_table_new(NULL, NULL);
    self->layer =
        net_sip_layer_new(config->clock, &config->transport, config->max_transactions, &layer_events, self);

    return self;
}

void
net_sip_ua_free(NetSipUa *self)
{
    if (!self)
        return;
    for (;;) {
        GHashTableIter iter;
        gpointer object, destroy;

        g_hash_table_iter_init(&iter, self->orphans);
        if (!g_hash_table_iter_next(&iter, &object, &destroy))
            break;
        g_hash_table_remove(self->orphans, object);
        ((void (*)(void *))(guintptr)destroy)(object);
    }
    net_sip_layer_free(self->layer);
    g_hash_table_unref(self->usages);
    g_hash_table_unref(self->orphans);
    g_free(self->name);
    g_free(self);
}

bool
net_sip_ua_listen(NetSipUa *self,
                  NetSipTransportKind kind,
                  const char *host,
                  uint16_t port,
                  const char *reference_point,
                  uint16_t *ret_port,
                  GError **error)
{
    return net_sip_transport_listen(net_sip_layer_transport(self->layer), kind, host, port, reference_point,
                                    ret_port, error);
}

NetSipFlow *
net_sip_ua_open_flow(NetSipUa *self,
                     NetSipTransportKind kind,
                     const char *host,
                     uint16_t port,
                     const char *local_host,
                     const char *reference_point,
                     GError **error)
{
    return net_sip_transport_open(net_sip_layer_transport(self->layer), kind, host, port, local_host,
                                  reference_point, error);
}

void
net_sip_ua_run_timers(NetSipUa *self)
{
    net_sip_timers_run(net_sip_layer_timers(self->layer));
}

bool
net_sip_ua_is_idle(const NetSipUa *self)
{
    return net_sip_layer_count(self->layer) == 0 && g_hash_table_size(self->usages) == 0 &&
           g_hash_table_size(self->orphans) == 0;
}

NetSipTransport *
net_sip_ua_transport(NetSipUa *self)
{
    return net_sip_layer_transport(self->layer);
}

NetSipLayer *
net_sip_ua_layer(NetSipUa *self)
{
    return self->layer;
}

const NetSipUaConfig *
net_sip_ua_config(const NetSipUa *self)
{
    return &self->config;
}

void
net_sip_ua_set_filter(NetSipUa *self, const NetSipProxyFilter *filter, void *user_data)
{
    self->filter = filter;
    self->filter_data = user_data;
}

bool
net_sip_ua_wants_challenges(const NetSipUa *self)
{
    return self->events->challenge != NULL;
}

void
net_sip_ua_raise_challenge(NetSipUa *self, NetSipChallenge *challenge)
{
    self->events->challenge(self, challenge, self->user_data);
}
