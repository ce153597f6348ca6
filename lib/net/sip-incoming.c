/* Requests to us that wait for the component's answer. */
#include "lib/net/sip-ua-private.h"

struct NetSipIncoming {
    NetSipUa *ua;
    NetSipServerTxn *txn;
    NetSipRespondHook hook;
    void *hook_data;
};

NetSipIncoming *
net_sip_incoming_new(NetSipUa *ua, NetSipServerTxn *txn)
{
    NetSipIncoming *self = g_new0(NetSipIncoming, 1);

    self->ua = ua;
    self->txn = net_sip_server_txn_ref(txn);

    return self;
}

void
net_sip_incoming_set_hook(NetSipIncoming *self, NetSipRespondHook hook, void *user_data)
{
    self->hook = hook;
    self->hook_data = user_data;
}

void
net_sip_incoming_free(NetSipIncoming *self)
{
    if (!self)
        return;
    if (self->hook)
        self->hook(self, NULL, self->hook_data);
    net_sip_server_txn_unref(self->txn); /* answers 500 if nobody did */
    g_free(self);
}

const NetSipMsg *
net_sip_incoming_request(const NetSipIncoming *self)
{
    return net_sip_server_txn_request(self->txn);
}

NetSipServerTxn *
net_sip_incoming_txn(const NetSipIncoming *self)
{
    return self->txn;
}

NetSipFlow *
net_sip_incoming_flow(const NetSipIncoming *self)
{
    return net_sip_server_txn_flow(self->txn);
}

NetSipMsg *
net_sip_incoming_response(const NetSipIncoming *self, int status, const char *reason)
{
    return net_sip_msg_new_response(net_sip_incoming_request(self), status, reason);
}

void
net_sip_incoming_respond(NetSipIncoming *self, NetSipMsg *response)
{
    NetSipRespondHook hook = self->hook;
    bool final = net_sip_msg_status(response) >= 200;

    net_sip_ua_sign(self->ua, response);
    if (final)
        self->hook = NULL;
    if (hook)
        hook(self, response, self->hook_data);
    net_sip_server_txn_respond(self->txn, response);
    net_sip_msg_free(response);
    if (final)
        net_sip_incoming_free(self);
}

void
net_sip_incoming_reply(NetSipIncoming *self, int status, const char *reason)
{
    net_sip_incoming_respond(self, net_sip_incoming_response(self, status, reason));
}
