#include "tests/integration/contract-peers.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/proto/digest.h"

gboolean
peer_tick(gpointer unused)
{
    (void)unused;
    return G_SOURCE_CONTINUE;
}

/* --- Session events -------------------------------------------------------------------------- */

static void
on_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    Peer *self = user_data;

    self->answered = net_sip_msg_status(response);
    net_sip_session_ack(session, NULL, NULL);
}

static void
on_acknowledged(NetSipSession *session, const NetSipMsg *ack, void *user_data)
{
    (void)session;
    (void)ack;
    ((Peer *)user_data)->acknowledged++;
}

static void
on_in_dialog(NetSipSession *session, NetSipIncoming *incoming, void *user_data)
{
    (void)session;
    ((Peer *)user_data)->in_dialog++;
    net_sip_incoming_reply(incoming, 200, NULL);
}

static void
on_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    Peer *self = user_data;

    (void)session;
    (void)error;
    self->ended = (int)why + 1;
    self->ended_status = message ? net_sip_msg_status(message) : -1;
}

static const NetSipSessionEvents session_events = {
    .answered = on_answered,
    .acknowledged = on_acknowledged,
    .reinvite = on_in_dialog,
    .request = on_in_dialog,
    .ended = on_ended,
};

/* --- UA events ------------------------------------------------------------------------------- */

static void
keep(Peer *self, const NetSipMsg *request, NetSipFlow *flow)
{
    g_ptr_array_add(self->requests, net_sip_msg_copy(request));
    net_sip_flow_unref(self->request_flow);
    self->request_flow = net_sip_flow_ref(flow);
}

static void
on_invite(NetSipUa *ua, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Peer *self = user_data;

    (void)ua;
    keep(self, invite, net_sip_session_flow(session));
    net_sip_session_free(self->session);
    self->session = session;
    self->ended = 0;
    net_sip_session_set_events(session, &session_events, self);
    net_sip_session_reply(session, self->answer_status ? self->answer_status : 180, NULL);
}

static void
on_request(NetSipUa *ua, NetSipIncoming *incoming, void *user_data)
{
    (void)ua;
    keep(user_data, net_sip_incoming_request(incoming), net_sip_incoming_flow(incoming));
    net_sip_incoming_reply(incoming, 200, NULL);
}

static char *
answer(Peer *self, NetSipChallenge *challenge, ProtoDigestChallenge *fields)
{
    const NetSipMsg *request = net_sip_challenge_request(challenge);
    g_autofree char *impi = g_strdup_printf("%s@%s", self->name, self->domain);
    g_autofree char *ha1 = proto_digest_ha1(impi, fields->realm, self->password);
    bool old = self->reuse_nonce && self->last_nonce;

    if (old) {
        g_free(fields->nonce);
        fields->nonce = g_strdup(self->last_nonce);
        self->reuse_nonce = false;
    } else {
        g_free(self->last_nonce);
        self->last_nonce = g_strdup(fields->nonce);
    }

    return proto_digest_answer(fields, impi, ha1, net_sip_msg_method(request),
                               net_sip_msg_request_uri(request), "0a4f113b", old ? 2 : 1, NULL, 0);
}

static void
on_challenge(NetSipUa *ua, NetSipChallenge *challenge, void *user_data)
{
    Peer *self = user_data;
    g_autoptr(ProtoDigestChallenge) fields =
        proto_digest_challenge_parse(net_sip_challenge_value(challenge), NULL);
    g_autofree char *value = NULL;

    (void)ua;
    g_assert_nonnull(fields);
    self->challenges++;
    value = answer(self, challenge, fields);
    net_sip_challenge_answer(challenge, value);
}

static const NetSipUaEvents ua_events = {
    .request = on_request, .invite = on_invite, .challenge = on_challenge};

/* --- Lifecycle ------------------------------------------------------------------------------- */

static Peer *
peer_alloc(void)
{
    Peer *self = g_new0(Peer, 1);
    NetSipUaConfig config = {.name = "contract/1"};

    self->ua = net_sip_ua_new(&config, &ua_events, self);
    self->requests = g_ptr_array_new_with_free_func((GDestroyNotify)net_sip_msg_free);
    self->notifies = g_ptr_array_new_with_free_func((GDestroyNotify)net_sip_msg_free);
    self->service_routes = g_ptr_array_new_with_free_func(g_free);
    self->answer_status = 200;
    self->call_id = base_id_new();

    return self;
}

Peer *
peer_new_terminal(NetSipTransportKind kind,
                  const char *core_host,
                  uint16_t core_port,
                  const char *domain,
                  const char *name,
                  const char *password)
{
    Peer *self = peer_alloc();
    g_autoptr(GError) error = NULL;

    self->domain = g_strdup(domain);
    self->name = g_strdup(name);
    self->password = g_strdup(password);
    self->impu = g_strdup_printf("sip:%s@%s", name, domain);
    self->flow = net_sip_ua_open_flow(self->ua, kind, core_host, core_port, NULL, "Gm", &error);
    g_assert_no_error(error);

    return self;
}

Peer *
peer_new_server(uint16_t port, uint16_t *ret_port)
{
    Peer *self = peer_alloc();
    g_autoptr(GError) error = NULL;

    self->server = true;
    net_sip_ua_listen(self->ua, NET_SIP_TCP, "127.0.0.1", port, "ISC", ret_port, &error);
    g_assert_no_error(error);

    return self;
}

void
peer_free(Peer *self)
{
    if (!self)
        return;
    net_sip_session_free(self->session);
    net_sip_subscription_abandon(self->subscription);
    net_sip_flow_unref(self->flow);
    net_sip_flow_unref(self->request_flow);
    net_sip_ua_free(self->ua);
    g_ptr_array_unref(self->requests);
    g_ptr_array_unref(self->notifies);
    g_ptr_array_unref(self->service_routes);
    net_sip_msg_free(self->registered);
    g_free(self->domain);
    g_free(self->name);
    g_free(self->password);
    g_free(self->impu);
    g_free(self->call_id);
    g_free(self->last_nonce);
    g_free(self);
}

/* --- Doing ----------------------------------------------------------------------------------- */

static void
on_response(const NetSipMsg *response, const GError *error, void *user_data)
{
    Peer *self = user_data;

    (void)error;
    self->response = response ? net_sip_msg_status(response) : -1;
    if (response && net_sip_msg_is_method(response, "REGISTER") && self->response == 200) {
        const char *route;

        self->cseq = net_sip_msg_cseq(response);
        net_sip_msg_free(self->registered);
        self->registered = net_sip_msg_copy(response);
        g_ptr_array_set_size(self->service_routes, 0);
        for (guint i = 0; (route = net_sip_msg_header(response, "Service-Route", i)); i++)
            g_ptr_array_add(self->service_routes, g_strdup(route));
    }
}

int
peer_send(Peer *self, NetSipMsg *request)
{
    self->response = 0;
    net_sip_ua_request(self->ua, self->flow, request, on_response, self);
    WAIT(self->response != 0, "final response");

    return self->response;
}

int
peer_register(Peer *self, guint expires_s)
{
    g_autofree char *domain_uri = g_strdup_printf("sip:%s", self->domain);
    g_autofree char *contact = net_sip_flow_contact_uri(self->flow, self->name);
    NetSipMsg *request = net_sip_msg_new_request("REGISTER", domain_uri);

    net_sip_msg_add_printf(request, "From", "<%s>", self->impu);
    net_sip_msg_add_printf(request, "To", "<%s>", self->impu);
    net_sip_msg_add_printf(request, "Contact", "<%s>", contact);
    net_sip_msg_add_printf(request, "Expires", "%u", expires_s);
    net_sip_msg_add(request, "Supported", "path");
    net_sip_msg_add(request, "P-Access-Network-Info", "IEEE-802.3");
    net_sip_msg_add(request, "Call-ID", self->call_id);
    net_sip_msg_add_printf(request, "CSeq", "%u REGISTER", self->cseq + 1);
    net_sip_msg_add_printf(request, "Authorization",
                           "Digest username=\"%s@%s\", realm=\"%s\", nonce=\"\", uri=\"%s\", response=\"\"",
                           self->name, self->domain, self->domain, domain_uri);

    return peer_send(self, request);
}

NetSipMsg *
peer_request(Peer *self, const char *method, const char *uri)
{
    NetSipMsg *request = net_sip_msg_new_request(method, uri);

    net_sip_msg_add_printf(request, "From", "<%s>", self->impu);
    if (self->flow)
        net_sip_msg_add_printf(request, "Route", "<sip:%s:%u;transport=tcp;lr>",
                               net_sip_flow_remote_host(self->flow), net_sip_flow_remote_port(self->flow));
    for (guint i = 0; i < self->service_routes->len; i++)
        net_sip_msg_add(request, "Route", g_ptr_array_index(self->service_routes, i));

    return request;
}

int
peer_call(Peer *self, const char *uri)
{
    NetSipMsg *invite = peer_request(self, "INVITE", uri);

    net_sip_msg_add(invite, "P-Asserted-Identity", "<sip:somebody-else@example.net>"); /* a lie */
    net_sip_msg_set_body(invite, "application/sdp", "v=0\r\n", -1);
    net_sip_session_free(self->session);
    self->ended = self->answered = 0;
    self->session = net_sip_session_invite(self->ua, self->flow, invite, &session_events, self);
    WAIT(self->answered || self->ended, "answer to INVITE");

    return self->answered ? self->answered : self->ended_status;
}

void
peer_hang_up(Peer *self)
{
    net_sip_session_end(self->session, NULL);
    WAIT(self->ended, "end of the call");
}

const NetSipMsg *
peer_wait_request(Peer *self, guint nth)
{
    WAIT(self->requests->len > nth, "request");

    return g_ptr_array_index(self->requests, nth);
}
