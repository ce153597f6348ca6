#include "sgw/gm-build.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/discovery.h"

#define MAX_USER_BYTES 128
#define MAX_CONTENT_ID_BYTES 200
#define MAX_ROUTES 16
#define SDF_EXPIRES_S 7200
#define NIL_UUID "00000000000000000000000000000000"
#define ICSI "urn:urn-7:3gpp-service.ims.icsi.iptv"

static bool
is_user_part(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isalnum(text[i]) && !strchr("-_.+", text[i]))
            return false;
    }
    return length > 0 && length <= MAX_USER_BYTES;
}

SgwGmIdentity *
sgw_gm_identity_new(const SgwSettings *settings, const char *user, GError **error)
{
    const char *at = user ? strchr(user, '@') : NULL;
    SgwGmIdentity *self = NULL;

    if (!at || !is_user_part(user, (size_t)(at - user))) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "the user is written as name@%s",
                    settings->home_domain);
        return NULL;
    }
    if (g_ascii_strcasecmp(at + 1, settings->home_domain) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "only users of %s can log in here",
                    settings->home_domain);
        return NULL;
    }
    self = g_new0(SgwGmIdentity, 1);
    self->impi = g_strdup_printf("%.*s@%s", (int)(at - user), user, settings->home_domain);
    self->impu = g_strconcat("sip:", self->impi, NULL);
    return self;
}

void
sgw_gm_identity_free(SgwGmIdentity *self)
{
    if (!self)
        return;
    g_free(self->impi);
    g_free(self->impu);
    g_strfreev(self->associated);
    g_strfreev(self->service_route);
    g_free(self);
}

static char **
collect(const NetSipMsg *message, const char *name, bool uri_only)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    guint count = MIN(net_sip_msg_header_count(message, name), MAX_ROUTES);

    for (guint i = 0; i < count; i++) {
        char *value = uri_only ? net_sip_msg_address_uri(message, name, i)
                               : g_strdup(net_sip_msg_header(message, name, i));
        if (value)
            g_ptr_array_add(values, value);
    }
    if (values->len == 0)
        return NULL;
    g_ptr_array_add(values, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&values), FALSE);
}

void
sgw_gm_identity_learn(SgwGmIdentity *self, const NetSipMsg *response)
{
    g_strfreev(self->service_route);
    g_strfreev(self->associated);
    self->service_route = collect(response, "Service-Route", false);
    self->associated = collect(response, "P-Associated-URI", true);
    if (self->associated && g_str_has_prefix(self->associated[0], "sip:")) {
        g_free(self->impu);
        self->impu = g_strdup(self->associated[0]);
    }
}

/* What every request of a terminal carries. */
static NetSipMsg *
new_request(const SgwSettings *settings,
            const SgwGmIdentity *identity,
            const char *method,
            const char *target)
{
    NetSipMsg *request = net_sip_msg_new_request(method, target);

    net_sip_msg_add_printf(request, "From", "<%s>", identity->impu);
    net_sip_msg_add_printf(request, "To", "<%s>", target);
    net_sip_msg_add_printf(request, "Route", "<sip:%s:%u;transport=%s;lr>", settings->pcscf_host,
                           settings->pcscf_port, settings->gm_transport == NET_SIP_TCP ? "tcp" : "udp");
    for (char **route = identity->service_route; route && *route; route++)
        net_sip_msg_add(request, "Route", *route);
    net_sip_msg_add_printf(request, "P-Preferred-Identity", "<%s>", identity->impu);
    net_sip_msg_add(request, "P-Access-Network-Info", "IEEE-802.11");
    return request;
}

NetSipMsg *
sgw_gm_build_register(const SgwSettings *settings,
                      const SgwGmIdentity *identity,
                      const char *contact,
                      const char *call_id,
                      uint32_t cseq,
                      unsigned expires_s)
{
    g_autofree char *registrar = g_strconcat("sip:", settings->home_domain, NULL);
    NetSipMsg *request = net_sip_msg_new_request("REGISTER", registrar);

    net_sip_msg_add_printf(request, "From", "<sip:%s>", identity->impi);
    net_sip_msg_add_printf(request, "To", "<sip:%s>", identity->impi);
    net_sip_msg_add_printf(request, "Contact", "<%s>;expires=%u", contact, expires_s);
    net_sip_msg_add_printf(request, "Expires", "%u", expires_s);
    net_sip_msg_add(request, "Call-ID", call_id);
    net_sip_msg_add_printf(request, "CSeq", "%u REGISTER", cseq);
    net_sip_msg_add_printf(request, "Authorization",
                           "Digest username=\"%s\", realm=\"%s\", nonce=\"\", uri=\"%s\", response=\"\"",
                           identity->impi, settings->home_domain, registrar);
    net_sip_msg_add(request, "Supported", "path");
    net_sip_msg_add(request, "P-Access-Network-Info", "IEEE-802.11");
    return request;
}

NetSipMsg *
sgw_gm_build_subscribe_reg(const SgwSettings *settings, const SgwGmIdentity *identity)
{
    NetSipMsg *request = new_request(settings, identity, "SUBSCRIBE", identity->impu);

    net_sip_msg_add(request, "Event", "reg");
    net_sip_msg_add(request, "Accept", "application/reginfo+xml");
    net_sip_msg_add_printf(request, "Expires", "%u", settings->register_expires_s);
    return request;
}

NetSipMsg *
sgw_gm_build_subscribe_sdf(const SgwSettings *settings, const SgwGmIdentity *identity)
{
    g_autofree char *target = g_strdup_printf("sip:%s@%s", settings->sdf_psi, settings->home_domain);
    NetSipMsg *request = new_request(settings, identity, "SUBSCRIBE", target);

    net_sip_msg_add(request, "Event",
                    "ua-profile;profile-type=application;appids=\"" PROTO_DISCOVERY_APPIDS "\"");
    net_sip_msg_add(request, "Accept", PROTO_DISCOVERY_TYPE);
    net_sip_msg_add_printf(request, "Expires", "%u", SDF_EXPIRES_S);
    net_sip_msg_add(request, "P-Preferred-Service", ICSI);
    return request;
}

NetSipMsg *
sgw_gm_build_invite(const SgwSettings *settings,
                    const SgwGmIdentity *identity,
                    const char *target,
                    const char *session_id,
                    const char *sdp)
{
    NetSipMsg *request = new_request(settings, identity, "INVITE", target);

    net_sip_msg_add(request, "P-Preferred-Service", ICSI);
    net_sip_msg_add_printf(request, "Session-ID", "%s;remote=" NIL_UUID, session_id);
    net_sip_msg_add(request, "Supported", "timer");
    net_sip_msg_set_body(request, "application/sdp", sdp, -1);
    return request;
}

char *
sgw_gm_content_uri(const SgwSettings *settings, const char *content_id, GError **error)
{
    g_autofree char *user = NULL;
    g_autoptr(NetSipUri) uri = NULL;
    size_t length = strlen(content_id);
    bool printable = length > 0 && length <= MAX_CONTENT_ID_BYTES;

    for (const char *c = content_id; printable && *c; c++)
        printable = g_ascii_isgraph(*c);
    if (!printable) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "this is no content id");
        return NULL;
    }
    user = g_strconcat(settings->content_prefix, content_id, NULL);
    uri = net_sip_uri_new("sip", user, settings->home_domain, 0);
    return net_sip_uri_to_string(uri);
}

char *
sgw_gm_broadcast_uri(const SgwSettings *settings)
{
    return g_strdup_printf("sip:%s@%s", settings->bc_psi, settings->home_domain);
}
