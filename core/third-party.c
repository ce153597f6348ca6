/* Third-party REGISTER: application servers learn who is registered. Spec: TS 24.229 5.4.1.7. */
#include "core/core-private.h"
#include "lib/base/id.h"
#include "lib/base/log.h"

typedef struct {
    Core *core;
    char *server;
    char *impu;
} Told;

void
core_told_free(gpointer data)
{
    Told *told = data;

    g_free(told->server);
    g_free(told->impu);
    g_free(told);
}

static void
on_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    Told *told = user_data;
    BaseLogFields fields = {.user = told->impu};

    if (!response)
        base_warning(&fields, "third-party REGISTER to %s: %s; it will hear of the next one", told->server,
                     error->message);
    else if (net_sip_msg_status(response) >= 300)
        base_warning(&fields, "third-party REGISTER refused by %s with %d; it will hear of the next one",
                     told->server, net_sip_msg_status(response));
    g_hash_table_remove(told->core->told, told);
}

static void
tell(Core *self, const char *server, const CoreBinding *binding, guint expires_s)
{
    NetSipMsg *request = net_sip_msg_new_request("REGISTER", server);
    g_autofree char *us = core_uri(self, "scscf", true, NET_SIP_TCP);
    g_autofree char *icid = base_id_new();
    g_autoptr(NetSipFlow) flow = net_sip_flow_towards(net_sip_ua_transport(self->ua), server, CORE_ISC, NULL);
    Told *told = g_new(Told, 1);

    *told = (Told){self, g_strdup(server), g_strdup(binding->impu)};
    g_hash_table_add(self->told, told);
    net_sip_msg_add_printf(request, "From", "<sip:scscf@%s>", self->home_domain);
    net_sip_msg_add_printf(request, "To", "<%s>", binding->impu);
    net_sip_msg_add_printf(request, "Contact", "<%s>", us);
    net_sip_msg_add_printf(request, "Expires", "%u", expires_s);
    net_sip_msg_add_printf(request, "P-Associated-URI", "<%s>", binding->impu);
    net_sip_msg_add_printf(request, "P-Charging-Vector", "icid-value=%s;icid-generated-at=%s", icid,
                           self->listen);
    net_sip_msg_set_body(
        request, "application/3gpp-ims+xml",
        "<?xml version=\"1.0\"?>\n<ims-3gpp version=\"1\"><service-info></service-info></ims-3gpp>\n", -1);
    net_sip_msg_set_reference_point(request, CORE_ISC);
    net_sip_ua_request(self->ua, flow, request, on_done, told);
}

void
core_third_party_register(Core *self, const CoreBinding *binding, CoreRegEvent event)
{
    bool active = event == CORE_REGISTERED || event == CORE_REFRESHED;
    g_autoptr(GPtrArray) left = core_registrar_of_user(self->registrar, binding->impu);
    guint expires_s = active ? core_registrar_expires_s(self->registrar, binding) : 0;

    if (!active && left->len > 0) /* still there on another connection */
        return;
    for (char **server = self->third_party; *server; server++)
        tell(self, *server, binding, expires_s);
}
