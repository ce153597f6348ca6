#include "iptv/scf-invite.h"

#define DEFAULT_MAX_FORWARDS 70
#define SIP_PORT 5060

/* What of the viewer's INVITE goes on to y2 as it is. */
static const char *const carried_headers[] = {"P-Asserted-Identity",   "P-Charging-Vector",
                                              "P-Access-Network-Info", "Privacy",
                                              "P-Asserted-Service",    "P-Charging-Function-Addresses"};

static void
set_max_forwards(NetSipMsg *invite, const NetSipMsg *from)
{
    uint32_t hops = net_sip_msg_number(from, "Max-Forwards", DEFAULT_MAX_FORWARDS);

    net_sip_msg_add_printf(invite, "Max-Forwards", "%u", hops > 0 ? hops - 1 : 0);
}

/* The address under which this leg reached us. A core that names us in the Request-URI alone (its answer from
 * the HSS was ours) puts no such entry in front. */
static bool
is_own_route(NetSipSession *viewer, const NetSipMsg *from)
{
    NetSipFlow *flow = net_sip_session_flow(viewer);
    g_autofree char *text = net_sip_msg_address_uri(from, "Route", 0);
    g_autoptr(NetSipUri) uri = text ? net_sip_uri_parse(text, NULL) : NULL;
    uint16_t port = uri ? net_sip_uri_port(uri) : 0;

    if (!uri || !flow || (port ? port : SIP_PORT) != net_sip_flow_local_port(flow))
        return false;
    return g_str_equal(net_sip_uri_host(uri), net_sip_flow_local_host(flow)) ||
           !g_hostname_is_ip_address(net_sip_uri_host(uri));
}

/* Ourselves off, the rest unchanged: the S-CSCF knows its call by what it put into its own entry. */
static void
copy_route(NetSipSession *viewer, NetSipMsg *invite, const NetSipMsg *from)
{
    net_sip_msg_copy_header(invite, from, "Route");
    if (is_own_route(viewer, from))
        net_sip_msg_remove_nth(invite, "Route", 0);
}

NetSipMsg *
iptv_scf_invite_build(const IptvScfRules *rules,
                      NetSipSession *viewer,
                      const IptvScfRequest *request,
                      const char *mcf_uri)
{
    const NetSipMsg *from = net_sip_session_invite_message(viewer);
    NetSipMsg *invite = net_sip_msg_new_request("INVITE", mcf_uri);
    g_autofree char *caller = net_sip_msg_address_uri(from, "From", 0);
    g_autofree char *to = iptv_scf_request_to(rules, request);

    net_sip_msg_add_printf(invite, "From", "<%s>", caller ? caller : request->impu);
    net_sip_msg_add(invite, "To", to);
    net_sip_msg_add_printf(invite, "Session-ID", "%s;remote=00000000000000000000000000000000",
                           net_sip_session_id(viewer));
    copy_route(viewer, invite, from);
    set_max_forwards(invite, from);
    for (unsigned i = 0; i < G_N_ELEMENTS(carried_headers); i++)
        net_sip_msg_copy_header(invite, from, carried_headers[i]);

    net_sip_msg_set_body(invite, "application/sdp", request->sdp, -1);
    net_sip_msg_set_reference_point(invite, "y2");
    return invite;
}
