#include "iptv/scf-request.h"

#include <string.h>

#include "iptv/sip-identity.h"
#include "lib/base/error.h"
#include "lib/proto/sdp-iptv.h"

void
iptv_scf_request_clear(IptvScfRequest *self)
{
    g_clear_pointer(&self->id, g_free);
    g_clear_pointer(&self->impu, g_free);
    g_clear_pointer(&self->sdp, g_free);
    g_clear_pointer(&self->packages, g_ptr_array_unref);
}

/* ---- what is asked for ---- */

/* "one:imstv.test" or "one" -> "one"; NULL if it is another domain's. (transfer full) */
static char *
own_channel(const IptvScfRules *rules, const char *bc_service)
{
    const char *colon = strchr(bc_service, ':');

    if (colon && g_ascii_strcasecmp(colon + 1, rules->settings->home_domain) != 0)
        return NULL;
    return colon ? g_strndup(bc_service, (gsize)(colon - bc_service)) : g_strdup(bc_service);
}

static bool
read_channel(const IptvScfRules *rules, const ProtoBc *bc, IptvScfRequest *request, GError **error)
{
    request->kind = STORE_CHANNEL;
    if (!bc->service) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "the offer names no channel (bc_service)");
        return false;
    }
    request->id = own_channel(rules, bc->service);
    if (!request->id || !store_id_is_valid(request->id)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no channel \"%.80s\"", bc->service);
        return false;
    }
    return true;
}

static bool
read_film(const IptvScfRules *rules, const char *user, IptvScfRequest *request, GError **error)
{
    const char *prefix = rules->settings->content_prefix;
    g_autoptr(StoreAsset) asset = NULL;

    request->kind = STORE_ASSET;
    if (!user || !g_str_has_prefix(user, prefix)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "\"%.80s\" is no content of this headend",
                    user ? user : "");
        return false;
    }
    asset = store_catalogue_get(rules->catalogue, user + strlen(prefix), error);
    if (!asset)
        return false;

    request->id = g_strdup(asset->id);
    return true;
}

static bool
read_target(const IptvScfRules *rules,
            const NetSipMsg *invite,
            const ProtoBc *bc,
            IptvScfRequest *request,
            GError **error)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(invite), error);
    const char *user;

    if (!uri)
        return false;
    user = net_sip_uri_user(uri);
    if (user && g_str_equal(user, rules->settings->bc_user))
        return read_channel(rules, bc, request, error);
    return read_film(rules, user, request, error);
}

/* ---- may it be? ---- */

static bool
check_rights(const IptvScfRules *rules, const IptvScfRequest *request, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(StoreUser) user = store_user_get_by_impu(rules->store, request->impu, &cause);

    if (!user) {
        if (cause->code == BASE_ERROR_NOT_FOUND) /* 404 would speak of the content */
            cause->code = BASE_ERROR_FORBIDDEN;
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    return store_rights_check(rules->store, request->impu, request->kind, request->id, error);
}

static bool
check_offer(const IptvScfRequest *request, const char *sdp, GError **error)
{
    g_auto(ProtoIptvRtsp) line = {0};
    g_autoptr(GError) cause = NULL;

    if (!proto_sdp_check_webrtc(sdp, error))
        return false;
    if (proto_sdp_iptv_parse(sdp, &line, &cause))
        return true;
    if (g_error_matches(cause, BASE_ERROR, BASE_ERROR_NOT_FOUND)) {
        if (request->kind == STORE_CHANNEL) /* plain watching needs no control channel */
            return true;
        cause->code = BASE_ERROR_NOT_ACCEPTABLE;
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return false;
}

static char *
service_id(const IptvScfRules *rules, const char *channel)
{
    return g_strdup_printf("%s:%s", channel, rules->settings->home_domain);
}

static void
add_package(const IptvScfRules *rules, ProtoBc *bc, const StorePackage *package)
{
    g_autoptr(GPtrArray) services = g_ptr_array_new_with_free_func(g_free);

    for (char **channel = package->channels; *channel; channel++)
        g_ptr_array_add(services, service_id(rules, *channel));
    if (services->len == 0)
        return;

    g_ptr_array_add(services, NULL);
    proto_bc_add_package(bc, package->id, (const char *const *)services->pdata);
}

/* @sdp with the channel and the granted list, or without any of it for a film. (transfer full) */
static char *
with_grants(const IptvScfRules *rules, const IptvScfRequest *request, const char *sdp, GError **error)
{
    g_auto(ProtoBc) bc = {0};

    if (request->kind == STORE_ASSET)
        return proto_sdp_bc_set(sdp, NULL, error);

    proto_bc_init(&bc);
    bc.service = service_id(rules, request->id);
    for (unsigned i = 0; i < request->packages->len; i++)
        add_package(rules, &bc, g_ptr_array_index(request->packages, i));
    return proto_sdp_bc_set(sdp, &bc, error);
}

static bool
check_and_grant(const IptvScfRules *rules, const char *sdp, IptvScfRequest *request, GError **error)
{
    if (!check_rights(rules, request, error) || !check_offer(request, sdp, error))
        return false;

    if (request->kind == STORE_CHANNEL) {
        request->packages = store_rights_packages(rules->store, request->impu, error);
        if (!request->packages)
            return false;
    }
    request->sdp = with_grants(rules, request, sdp, error);
    return request->sdp != NULL;
}

/* The offer of a request; NULL if it has none or not the right one. */
static const char *
offer_of(const NetSipMsg *message, GError **error)
{
    if (net_sip_msg_has_content_type(message, "application/sdp") && net_sip_msg_body(message, NULL)[0])
        return net_sip_msg_body(message, NULL);

    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "the request has no SDP offer");
    return NULL;
}

bool
iptv_scf_request_read(const IptvScfRules *rules,
                      const NetSipMsg *invite,
                      IptvScfRequest *ret_request,
                      GError **error)
{
    g_auto(IptvScfRequest) request = {0};
    g_auto(ProtoBc) bc = {0};
    const char *sdp;

    request.impu = iptv_asserted_identity(invite);
    if (!request.impu) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "the core asserts no identity");
        return false;
    }
    sdp = offer_of(invite, error);
    if (!sdp || !proto_sdp_bc_parse(sdp, &bc, error) || !read_target(rules, invite, &bc, &request, error) ||
        !check_and_grant(rules, sdp, &request, error))
        return false;

    *ret_request = request;
    request = (IptvScfRequest){0};
    return true;
}

bool
iptv_scf_request_reread(const IptvScfRules *rules,
                        const IptvScfRequest *initial,
                        const NetSipMsg *reinvite,
                        IptvScfRequest *ret_request,
                        GError **error)
{
    const char *sdp = offer_of(reinvite, error);
    g_auto(IptvScfRequest) request = {.kind = initial->kind};
    g_auto(ProtoBc) bc = {0};

    request.impu = g_strdup(initial->impu);
    if (!sdp || !proto_sdp_bc_parse(sdp, &bc, error))
        return false;

    if (initial->kind == STORE_ASSET || !bc.service)
        request.id = g_strdup(initial->id);
    else if (!read_channel(rules, &bc, &request, error))
        return false;
    if (!check_and_grant(rules, sdp, &request, error))
        return false;

    *ret_request = request;
    request = (IptvScfRequest){0};
    return true;
}

char *
iptv_scf_request_answer(const IptvScfRules *rules,
                        const IptvScfRequest *self,
                        const char *sdp,
                        GError **error)
{
    return with_grants(rules, self, sdp, error);
}

char *
iptv_scf_request_to(const IptvScfRules *rules, const IptvScfRequest *self)
{
    return g_strdup_printf("<sip:%s%s@%s>", rules->settings->content_prefix, self->id,
                           rules->settings->home_domain);
}
