/* REGISTER: challenge, check, bind, answer.
 *
 * Every REGISTER is challenged with a nonce of its own, the one with Expires 0 too; what was asked for is
 * granted to nine tenths; a source belongs to one user. So does a real core.
 * Spec: TS 24.229 5.2.2 and 5.4.1, RFC 3261 10, RFC 3327 (Path), RFC 3608 (Service-Route). */
#include <string.h>

#include "core/core-private.h"
#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/proto/digest.h"

typedef struct {
    Core *core;
    NetSipServerTxn *txn;
    const NetSipMsg *request;
    char *impu;
    char *impi;
    ProtoDigestCredentials *credentials; /* NULL if there are none */
} Registration;

static void
refuse(Registration *self, int status, const char *reason)
{
    base_metric_add(base_counter("imstv_core_registers_total", "result=\"refused\"", "REGISTER requests"), 1);
    net_sip_server_txn_reply(self->txn, status, reason);
}

/* --- Authentication -------------------------------------------------------------------------- */

static void
challenge(Registration *self, bool stale)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(self->request, 401, NULL);
    ProtoDigestChallenge fields = {
        .realm = self->core->home_domain,
        .nonce = (char *)core_nonces_issue(self->core->nonces, self->impi),
        .algorithm = PROTO_DIGEST_MD5,
        .qop_auth = true,
        .stale = stale,
    };
    g_autofree char *value = proto_digest_challenge_build(&fields);

    base_metric_add(base_counter("imstv_core_registers_total", "result=\"challenged\"", "REGISTER requests"),
                    1);
    net_sip_msg_add(response, "WWW-Authenticate", value);
    net_sip_server_txn_respond(self->txn, response);
}

/* The digest-uri must be the Request-URI, or at least name the same domain (RFC 2617 3.2.2.5). */
static bool
is_for_this_request(const Registration *self)
{
    g_autoptr(NetSipUri) theirs = net_sip_uri_parse(self->credentials->uri, NULL);
    g_autoptr(NetSipUri) ours = net_sip_uri_parse(net_sip_msg_request_uri(self->request), NULL);

    return theirs && g_strcmp0(net_sip_uri_host(theirs), net_sip_uri_host(ours)) == 0 &&
           strcmp(self->credentials->realm, self->core->home_domain) == 0;
}

/* True if the response is right and its nonce was fresh; otherwise the request is answered. */
static bool
authenticate(Registration *self, const char *ha1)
{
    const ProtoDigestCredentials *credentials = self->credentials;
    size_t length = 0;
    const char *body = net_sip_msg_body(self->request, &length);
    bool right;

    if (!credentials || !credentials->response[0]) {
        challenge(self, false);
        return false;
    }
    right = is_for_this_request(self) && proto_digest_verify(credentials, ha1, "REGISTER", body, length);
    if (!core_nonces_use(self->core->nonces, credentials->nonce, self->impi) ||
        (credentials->qop != PROTO_DIGEST_QOP_NONE && credentials->nc != 1)) {
        challenge(self, right);
        return false;
    }
    if (!right)
        refuse(self, 403, "Authentication Failed");

    return right;
}

/* --- Answer ---------------------------------------------------------------------------------- */

static guint
asked_s(const Registration *self)
{
    g_autofree char *param = net_sip_msg_header_param(self->request, "Contact", 0, "expires");
    guint64 seconds = net_sip_msg_number(self->request, "Expires", self->core->expires_max_s);

    if (param && !g_ascii_string_to_unsigned(param, 10, 0, G_MAXUINT32, &seconds, NULL))
        seconds = self->core->expires_max_s;

    return (guint)MIN(seconds, self->core->expires_max_s);
}

static void
confirm(Registration *self, const char *contact, guint granted_s)
{
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(self->request, 200, NULL);
    NetSipTransportKind kind = net_sip_flow_kind(net_sip_server_txn_flow(self->txn));
    g_autofree char *path = core_uri(self->core, "term", false, kind);
    g_autofree char *service_route = core_uri(self->core, "orig", true, kind);

    if (granted_s > 0) {
        net_sip_msg_add_printf(response, "Contact", "<%s>;expires=%u", contact, granted_s);
        net_sip_msg_add_printf(response, "Path", "<%s>", path);
        net_sip_msg_add_printf(response, "Service-Route", "<%s>", service_route);
    }
    net_sip_msg_add_printf(response, "P-Associated-URI", "<%s>", self->impu);
    net_sip_server_txn_respond(self->txn, response);
}

static void
bind(Registration *self, const char *contact, guint granted_s)
{
    NetSipFlow *flow = net_sip_server_txn_flow(self->txn);
    g_autoptr(GError) error = NULL;
    BaseLogFields fields = {.user = self->impu,
                            .call_id = net_sip_msg_call_id(self->request),
                            .session = net_sip_msg_session_id(self->request)};

    if (!core_registrar_bind(self->core->registrar, flow, self->impi, self->impu, contact, granted_s,
                             &error)) {
        refuse(self, base_error_sip_status(error),
               error->code == BASE_ERROR_FORBIDDEN ? "Connection In Use" : NULL);
        return;
    }
    base_info(&fields, "registered from %s for %u s", net_sip_flow_peer(flow), granted_s);
}

/* "*" or Expires 0 ends the binding of this source. */
static void
complete(Registration *self)
{
    const char *value = net_sip_msg_header(self->request, "Contact", 0);
    g_autofree char *contact = net_sip_msg_address_uri(self->request, "Contact", 0);
    guint granted_s = asked_s(self) * 9 / 10;
    NetSipFlow *flow = net_sip_server_txn_flow(self->txn);

    base_metric_add(base_counter("imstv_core_registers_total", "result=\"ok\"", "REGISTER requests"), 1);
    if (value && !contact && granted_s > 0) {
        refuse(self, 400, "Contact * needs Expires 0");
        return;
    }
    if (!value) { /* a query */
        confirm(self, "", 0);
    } else if (granted_s == 0) {
        confirm(self, contact, 0);
        core_registrar_unbind(self->core->registrar, flow, CORE_UNREGISTERED);
    } else {
        bind(self, contact, granted_s);
        if (!net_sip_server_txn_is_answered(self->txn))
            confirm(self, contact, granted_s);
    }
}

/* --- Entry ----------------------------------------------------------------------------------- */

/* The private identity is in the Authorization of the first REGISTER on; without one it follows from To. */
static bool
identify(Registration *self)
{
    const char *authorization = net_sip_msg_header(self->request, "Authorization", 0);
    g_autoptr(GError) error = NULL;

    self->impu = net_sip_msg_aor(self->request, "To");
    if (!self->impu || !g_str_has_prefix(self->impu, "sip:")) {
        refuse(self, 400, NULL);
        return false;
    }
    if (authorization) {
        self->credentials = proto_digest_credentials_parse(authorization, &error);
        if (!self->credentials) {
            refuse(self, 400, "Malformed Authorization");
            return false;
        }
    }
    self->impi = g_strdup(self->credentials ? self->credentials->username : self->impu + strlen("sip:"));

    return true;
}

static void
run(Registration *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreUser) user = NULL;

    if (!identify(self))
        return;
    user = store_user_get(self->core->store, self->impi, &error);
    if (!user) {
        bool unknown = g_error_matches(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);

        refuse(self, unknown ? 403 : 500, unknown ? "User Unknown" : NULL);
        return;
    }
    if (strcmp(user->impu, self->impu) != 0) {
        refuse(self, 403, "Identities Do Not Match");
        return;
    }
    if (authenticate(self, user->ha1))
        complete(self);
}

void
core_handle_register(Core *core, NetSipServerTxn *txn)
{
    Registration self = {.core = core, .txn = txn, .request = net_sip_server_txn_request(txn)};

    run(&self);
    proto_digest_credentials_free(self.credentials);
    g_free(self.impi);
    g_free(self.impu);
}
