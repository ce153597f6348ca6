/* What a flow tells about itself. */
#include "lib/net/sip-flow.h"
#include "lib/net/sip-via.h"

NetSipTransportKind
net_sip_flow_kind(const NetSipFlow *self)
{
    return self->kind;
}

bool
net_sip_flow_is_reliable(const NetSipFlow *self)
{
    return self->kind != NET_SIP_UDP;
}

guint
net_sip_flow_transactions(const NetSipFlow *self)
{
    return self->transactions;
}

void
net_sip_flow_count_transaction(NetSipFlow *self, int delta)
{
    self->transactions = (guint)((int)self->transactions + delta);
}

bool
net_sip_flow_is_own(const NetSipFlow *self)
{
    return self->origin == NET_SIP_FLOW_OWN;
}

bool
net_sip_flow_is_open(const NetSipFlow *self)
{
    return self->state == NET_SIP_FLOW_OPEN || self->state == NET_SIP_FLOW_CONNECTING;
}

const char *
net_sip_flow_local_host(const NetSipFlow *self)
{
    return self->local_host;
}

uint16_t
net_sip_flow_local_port(const NetSipFlow *self)
{
    return self->local_port;
}

const char *
net_sip_flow_remote_host(const NetSipFlow *self)
{
    return self->remote_host;
}

uint16_t
net_sip_flow_remote_port(const NetSipFlow *self)
{
    return self->remote_port;
}

const char *
net_sip_flow_peer(const NetSipFlow *self)
{
    return self->peer;
}

const char *
net_sip_flow_reference_point(const NetSipFlow *self)
{
    return self->reference_point;
}

void
net_sip_flow_set_reference_point(NetSipFlow *self, const char *name)
{
    self->reference_point = g_intern_string(name);
}

char *
net_sip_flow_contact_uri(const NetSipFlow *self, const char *user)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_new("sip", user, self->contact_host, self->contact_port);

    net_sip_uri_set_param(uri, "transport", self->kind == NET_SIP_TCP ? "tcp" : "udp");

    return net_sip_uri_to_string(uri);
}

char *
net_sip_flow_sent_by(const NetSipFlow *self)
{
    return net_sip_host_port(self->contact_host, self->contact_port);
}

void
net_sip_flow_set_owner(NetSipFlow *self, void *owner)
{
    self->owner = owner;
}

void *
net_sip_flow_owner(const NetSipFlow *self)
{
    return self->owner;
}
