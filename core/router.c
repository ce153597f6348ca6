/* What happens to a request that is not REGISTER: who sent it, which triggers it meets, where it goes.
 *
 * From a terminal: source check, asserted identity, originating triggers, then the called side. From a
 * trusted server: back from a trigger (it carries our dialog identifier), originating on a user's behalf
 * (Route with user "orig"), or terminating. Spec: TS 24.229 5.2.6 and 5.4.3, RFC 3261 16. */
#include <string.h>

#include "core/core-private.h"
#include "core/identity.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define Y2_USER "y2"

typedef struct {
    Core *core;
    NetSipServerTxn *txn;
    const NetSipMsg *request; /* as received */
    NetSipMsg *msg;           /* what goes on */
    NetSipFlow *flow;
    const CoreBinding *binding; /* Gm: whose connection it is */
    bool gm;
    bool orig;   /* a Route of ours had the user part "orig" */
    bool marked; /* ... or was the dialog identifier */
    bool y2;     /* ... or "y2": the leg between service and media control */
    CoreMark mark;
} Routing;

static void
refuse(Routing *self, int status, const char *reason)
{
    BaseLogFields fields = {.session = net_sip_msg_session_id(self->request),
                            .call_id = net_sip_msg_call_id(self->request)};

    base_metric_add(base_counter("imstv_core_refused_total", NULL, "requests refused by the core"), 1);
    base_info(&fields, "%s %s from %s refused: %d %s", net_sip_msg_method(self->request),
              net_sip_msg_request_uri(self->request), net_sip_flow_peer(self->flow), status,
              reason ? reason : net_sip_reason(status));
    net_sip_server_txn_reply(self->txn, status, reason);
}

/* --- Sending on ------------------------------------------------------------------------------ */

static bool
makes_dialog(const NetSipMsg *request)
{
    return net_sip_msg_is_method(request, "INVITE") || net_sip_msg_is_method(request, "SUBSCRIBE") ||
           net_sip_msg_is_method(request, "REFER");
}

/* One for the P-CSCF where a terminal is on this side, one for the S-CSCF on top. */
static void
record_route(Routing *self, bool towards_terminal, NetSipTransportKind kind)
{
    if (!makes_dialog(self->msg))
        return;
    if (self->gm) {
        g_autofree char *p = core_uri(self->core, "mo", false, net_sip_flow_kind(self->flow));

        g_autofree char *value = g_strdup_printf("<%s>", p);

        net_sip_msg_prepend(self->msg, "Record-Route", value);
    }
    {
        g_autofree char *s = core_uri(self->core,
                                      self->y2           ? Y2_USER
                                      : towards_terminal ? "mt"
                                                         : "mo",
                                      true, kind);
        g_autofree char *value = g_strdup_printf("<%s>", s);

        net_sip_msg_prepend(self->msg, "Record-Route", value);
    }
    if (towards_terminal) {
        g_autofree char *p = core_uri(self->core, "mt", false, kind);
        g_autofree char *value = g_strdup_printf("<%s>", p);

        net_sip_msg_prepend(self->msg, "Record-Route", value);
    }
}

static void
forward(Routing *self, NetSipFlow *flow)
{
    net_sip_proxy_forward(self->core->ua, self->txn, g_steal_pointer(&self->msg), flow);
}

/* Whatever a terminal writes into a Route or as target: it reaches our servers and nobody behind us. */
static bool
may_reach(const Routing *self, const char *hop)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(hop, NULL);
    const char *host = uri ? net_sip_uri_host(uri) : NULL;

    return !self->gm || (host && g_hash_table_contains(self->core->trusted, host));
}

/* Next hop by Route or Request-URI. */
static NetSipFlow *
next_flow(Routing *self, const char *reference_point, GError **error)
{
    g_autofree char *route = net_sip_msg_address_uri(self->msg, "Route", 0);
    const char *hop = route ? route : net_sip_msg_request_uri(self->msg);

    if (!may_reach(self, hop)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "'%s' is no server of ours", hop);
        return NULL;
    }

    return net_sip_flow_towards(net_sip_ua_transport(self->core->ua), hop, reference_point, error);
}

static NetSipTransportKind
kind_of(const char *hop)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(hop, NULL);
    const char *transport = uri ? net_sip_uri_param(uri, "transport") : NULL;

    return transport && g_ascii_strcasecmp(transport, "tcp") == 0 ? NET_SIP_TCP : NET_SIP_UDP;
}

/* --- The called side ------------------------------------------------------------------------- */

static void
to_terminals(Routing *self, GPtrArray *bindings, const char *called)
{
    NetSipProxy *proxy = NULL;

    for (guint i = 0; i < bindings->len; i++) {
        const CoreBinding *binding = g_ptr_array_index(bindings, i);

        if (!net_sip_flow_is_open(binding->flow))
            continue; /* registered, but not reachable until it registers again */
        if (!proxy) {
            record_route(self, true, net_sip_flow_kind(binding->flow));
            net_sip_msg_add_printf(self->msg, "P-Called-Party-ID", "<%s>", called);
            proxy = net_sip_proxy_new(self->core->ua, self->txn, NULL, NULL);
        }
        net_sip_msg_set_request_uri(self->msg, binding->contact);
        net_sip_proxy_add(proxy, net_sip_msg_copy(self->msg), binding->flow);
    }
    if (proxy)
        net_sip_proxy_go(proxy);
    else
        refuse(self, 480, NULL);
}

static void to_server(Routing *self, int index, int direction, const char *served, bool registered);

/* A name of the home domain: a registered user, an absent one, a service identity, or nobody. */
static void
to_home(Routing *self, const char *called)
{
    g_autoptr(GPtrArray) bindings = core_registrar_of_user(self->core->registrar, called);
    g_autoptr(StoreUser) user = NULL;
    int index;

    if (bindings->len > 0) {
        to_terminals(self, bindings, called);
        return;
    }
    user = store_user_get_by_impu(self->core->store, called, NULL);
    if (user) {
        refuse(self, 480, NULL);
        return;
    }
    index = self->marked || self->gm
                ? -1
                : core_triggers_match(self->core->triggers, net_sip_msg_method(self->msg),
                                      net_sip_msg_request_uri(self->msg), 0);
    if (index >= 0)
        to_server(self, index, 2, called, false);
    else
        refuse(self, 604, NULL);
}

/* Only servers may address a machine directly: that is how the media control function is reached. */
static void
to_machine(Routing *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NetSipFlow) flow = NULL;

    self->y2 = true;
    record_route(self, false, kind_of(net_sip_msg_request_uri(self->msg)));
    net_sip_msg_set_reference_point(self->msg, CORE_Y2);
    flow = next_flow(self, CORE_Y2, &error);
    if (flow)
        forward(self, flow);
    else
        refuse(self, 478, NULL);
}

static void
to_called_side(Routing *self)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(self->msg), NULL);
    const char *host = uri ? net_sip_uri_host(uri) : NULL;
    g_autofree char *called = uri ? net_sip_uri_aor(uri) : NULL;

    if (host && strcmp(host, self->core->home_domain) == 0)
        to_home(self, called);
    else if (uri && core_is_us(self->core, uri))
        refuse(self, 604, NULL);
    else if (host && !self->gm && g_hostname_is_ip_address(host))
        to_machine(self);
    else
        refuse(self, 478, NULL);
}

/* --- The calling side: triggers -------------------------------------------------------------- */

static void
to_server(Routing *self, int index, int direction, const char *served, bool registered)
{
    Core *core = self->core;
    const char *server = core_triggers_server(core->triggers, index);
    NetSipTransportKind kind = kind_of(server);
    g_autofree char *us = core_uri(core, "iscmark", true, kind);
    CoreMark mark = {.skip = index + 1, .direction = direction, .served = (char *)served};
    g_autofree char *back = core_mark_build(&mark, us);
    g_autofree char *top = g_strdup_printf("<%s;lr>", server);
    g_autoptr(NetSipFlow) flow = net_sip_flow_towards(net_sip_ua_transport(core->ua), server, CORE_ISC, NULL);

    record_route(self, false, kind);
    net_sip_msg_remove(self->msg, "Route");
    net_sip_msg_add(self->msg, "Route", top);
    net_sip_msg_add(self->msg, "Route", back);
    net_sip_msg_remove(self->msg, "P-Served-User");
    net_sip_msg_add_printf(self->msg, "P-Served-User", "<%s>;sescase=%s;regstate=%s", served,
                           direction == 0 ? "orig" : "term", registered ? "reg" : "unreg");
    net_sip_msg_set_reference_point(self->msg, CORE_ISC);
    if (flow)
        forward(self, flow);
    else
        refuse(self, 480, NULL);
}

static void
serve_caller(Routing *self, const char *served, int start)
{
    g_autoptr(GPtrArray) bindings = core_registrar_of_user(self->core->registrar, served);
    int index = core_triggers_match(self->core->triggers, net_sip_msg_method(self->msg),
                                    net_sip_msg_request_uri(self->msg), start);

    if (index >= 0)
        to_server(self, index, 0, served, bindings->len > 0);
    else
        to_called_side(self);
}

/* --- By sender ------------------------------------------------------------------------------- */

static void
from_terminal(Routing *self)
{
    g_autofree char *impu = g_strdup(self->binding->impu);

    if (!self->orig) {
        refuse(self, 400, "Not On Service-Route");
        return;
    }
    net_sip_msg_remove(self->msg, "Route"); /* behind the Service-Route the way is ours */
    core_identity_assert(self->msg, impu, self->core->listen, self->core->home_domain);
    serve_caller(self, impu, 0);
}

static void
from_server(Routing *self)
{
    g_autofree char *asserted = core_identity_of(self->msg);

    core_identity_trust(self->msg, self->core->listen, self->core->home_domain);
    if (self->marked && self->mark.direction == 0)
        serve_caller(self, self->mark.served, self->mark.skip);
    else if (self->orig && !self->marked && !asserted)
        refuse(self, 403, "No Asserted Identity");
    else if (self->orig && !self->marked)
        serve_caller(self, asserted, 0);
    else
        to_called_side(self);
}

/* In a dialog: along the route set, else to the target. */
static void
in_dialog(Routing *self)
{
    g_autoptr(NetSipUri) target = net_sip_uri_parse(net_sip_msg_request_uri(self->msg), NULL);
    bool routed = net_sip_msg_header(self->msg, "Route", 0) != NULL;
    const CoreBinding *binding = routed ? NULL : core_registrar_of_contact(self->core->registrar, target);
    g_autoptr(NetSipFlow) flow = NULL;

    if (self->gm)
        core_identity_assert(self->msg, self->binding->impu, self->core->listen, self->core->home_domain);
    if (binding && net_sip_flow_is_open(binding->flow))
        flow = net_sip_flow_ref(binding->flow);
    else if (!binding && (routed || !core_is_us(self->core, target)))
        flow = next_flow(self, CORE_ISC, NULL);
    if (flow)
        forward(self, flow);
    else
        refuse(self, 481, NULL);
}

/* --- Entry ----------------------------------------------------------------------------------- */

/* Sees each Route of ours that is taken off. */
static bool
note_route(const NetSipUri *uri, void *user_data)
{
    Routing *self = user_data;

    if (!core_is_us(self->core, uri))
        return false;
    if (g_strcmp0(net_sip_uri_user(uri), "orig") == 0)
        self->orig = true;
    if (g_strcmp0(net_sip_uri_user(uri), Y2_USER) == 0) {
        self->y2 = true;
        net_sip_msg_set_reference_point(self->msg, CORE_Y2);
    }
    if (!self->marked && !self->gm)
        self->marked = core_mark_parse(uri, &self->mark);

    return true;
}

static bool
may_send(const Routing *self)
{
    if (self->gm)
        return self->binding != NULL;

    return g_hash_table_contains(self->core->trusted, net_sip_flow_remote_host(self->flow));
}

/* OPTIONS to the core itself, and subscriptions to registration events, are for the user agent in it. */
static bool
is_for_us(const Routing *self)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(self->request), NULL);
    const char *event = net_sip_msg_header(self->request, "Event", 0);

    if (net_sip_msg_to_tag(self->request))
        return false;
    if (net_sip_msg_is_method(self->request, "OPTIONS"))
        return !net_sip_uri_user(uri) && core_is_us(self->core, uri);

    return net_sip_msg_is_method(self->request, "SUBSCRIBE") && event && strcspn(event, "; \t") == 3 &&
           strncmp(event, "reg", 3) == 0 && g_strcmp0(net_sip_uri_host(uri), self->core->home_domain) == 0;
}

static bool
refuse_extensions(Routing *self)
{
    g_autoptr(NetSipMsg) response = NULL;

    if (!net_sip_msg_header(self->request, "Proxy-Require", 0))
        return false;
    response = net_sip_msg_new_response(self->request, 420, NULL);
    for (guint i = 0; i < net_sip_msg_header_count(self->request, "Proxy-Require"); i++)
        net_sip_msg_add(response, "Unsupported", net_sip_msg_header(self->request, "Proxy-Require", i));
    net_sip_server_txn_respond(self->txn, response);

    return true;
}

static void
route(Routing *self)
{
    if (!net_sip_proxy_count_hop(self->msg)) {
        refuse(self, 483, NULL);
        return;
    }
    if (refuse_extensions(self))
        return;
    net_sip_proxy_pop_routes(self->msg, note_route, self);
    if (net_sip_msg_to_tag(self->request))
        in_dialog(self);
    else if (self->gm)
        from_terminal(self);
    else
        from_server(self);
}

static Routing
routing_init(Core *core, NetSipFlow *flow, NetSipServerTxn *txn, const NetSipMsg *request)
{
    Routing self = {.core = core, .txn = txn, .request = request, .flow = flow, .gm = core_is_gm(flow)};

    self.msg = net_sip_msg_copy(request);
    net_sip_msg_set_reference_point(self.msg, NULL);
    self.binding = self.gm ? core_registrar_of_flow(core->registrar, flow) : NULL;

    return self;
}

static void
routing_clear(Routing *self)
{
    net_sip_msg_free(self->msg);
    g_free(self->mark.served);
}

static bool
on_request(NetSipServerTxn *txn, void *user_data)
{
    Core *core = user_data;
    NetSipFlow *flow = net_sip_server_txn_flow(txn);
    const NetSipMsg *request = net_sip_server_txn_request(txn);
    Routing self = routing_init(core, flow, txn, request);
    bool ours = false;

    if (net_sip_msg_is_method(request, "REGISTER") && self.gm)
        core_handle_register(core, txn);
    else if (is_for_us(&self) && (may_send(&self) || net_sip_msg_is_method(request, "OPTIONS")))
        ours = true;
    else if (!may_send(&self) || net_sip_msg_is_method(request, "REGISTER"))
        refuse(&self, 403, self.gm ? "Not Registered" : NULL);
    else
        route(&self);
    routing_clear(&self);

    return !ours;
}

/* Nobody answers an ACK: what may not pass is dropped. */
static void
on_ack(NetSipFlow *flow, const NetSipMsg *ack, void *user_data)
{
    Core *core = user_data;
    Routing self = routing_init(core, flow, NULL, ack);
    g_autoptr(NetSipUri) target = net_sip_uri_parse(net_sip_msg_request_uri(ack), NULL);
    const CoreBinding *binding = NULL;
    g_autoptr(NetSipFlow) next = NULL;

    if (may_send(&self) && net_sip_proxy_count_hop(self.msg)) {
        net_sip_proxy_pop_routes(self.msg, note_route, &self);
        if (!net_sip_msg_header(self.msg, "Route", 0))
            binding = core_registrar_of_contact(core->registrar, target);
        if (binding)
            next = net_sip_flow_ref(binding->flow);
        else if (net_sip_msg_header(self.msg, "Route", 0) || !core_is_us(core, target))
            next = next_flow(&self, CORE_ISC, NULL);
        if (next)
            net_sip_proxy_forward_ack(core->ua, g_steal_pointer(&self.msg), next);
    }
    routing_clear(&self);
}

/* A server's call to a machine is y2, and so is what follows our Record-Route of it; everything else has its
 * flow's name. */
static const char *
on_reference_point(NetSipFlow *flow, const NetSipMsg *request, void *user_data)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(request), NULL);

    g_autofree char *route_user = net_sip_msg_user(request, "Route");

    (void)user_data;
    if (core_is_gm(flow) || !uri || !net_sip_uri_host(uri))
        return NULL;
    if (net_sip_msg_to_tag(request))
        return g_strcmp0(route_user, Y2_USER) == 0 ? CORE_Y2 : NULL;

    return g_hostname_is_ip_address(net_sip_uri_host(uri)) ? CORE_Y2 : NULL;
}

const NetSipProxyFilter core_router = {
    .admit = core_admit,
    .request = on_request,
    .ack = on_ack,
    .reference_point = on_reference_point,
};
