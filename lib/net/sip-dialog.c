#include "lib/net/sip-dialog.h"

#include <string.h>

#include "lib/base/id.h"

static NetSipDialog *
dialog_alloc(const NetSipMsg *message)
{
    NetSipDialog *self = g_new0(NetSipDialog, 1);

    self->references = 1;
    self->call_id = g_strdup(net_sip_msg_call_id(message));
    self->routes = g_ptr_array_new_with_free_func(g_free);
    self->session_id = g_strdup(net_sip_msg_session_id(message));
    self->reference_point = net_sip_msg_reference_point(message);

    return self;
}

static void
take_routes(NetSipDialog *self, const NetSipMsg *message, bool reversed)
{
    const char *route;

    for (guint i = 0; (route = net_sip_msg_header(message, "Record-Route", i)); i++)
        g_ptr_array_insert(self->routes, reversed ? 0 : -1, g_strdup(route));
}

NetSipDialog *
net_sip_dialog_new_uac(const NetSipMsg *request, const NetSipMsg *response)
{
    g_autoptr(NetSipDialog) self = dialog_alloc(request);

    self->local = g_strdup(net_sip_msg_header(request, "From", 0));
    self->remote = g_strdup(net_sip_msg_header(response, "To", 0));
    self->local_tag = g_strdup(net_sip_msg_from_tag(request));
    self->remote_tag = g_strdup(net_sip_msg_to_tag(response));
    self->target = net_sip_msg_address_uri(response, "Contact", 0);
    self->local_cseq = net_sip_msg_cseq(request);
    take_routes(self, response, true);
    if (!self->target) /* wrong of the far end, but the way back is known */
        self->target = g_strdup(net_sip_msg_request_uri(request));

    return self->remote_tag ? g_steal_pointer(&self) : NULL;
}

NetSipDialog *
net_sip_dialog_new_notified(const NetSipMsg *request, const NetSipMsg *notify)
{
    g_autoptr(NetSipDialog) self = dialog_alloc(request);

    self->local = g_strdup(net_sip_msg_header(request, "From", 0));
    self->remote = g_strdup(net_sip_msg_header(notify, "From", 0));
    self->local_tag = g_strdup(net_sip_msg_from_tag(request));
    self->remote_tag = g_strdup(net_sip_msg_from_tag(notify));
    self->target = net_sip_msg_address_uri(notify, "Contact", 0);
    self->local_cseq = net_sip_msg_cseq(request);
    take_routes(self, notify, false);

    return self->remote_tag && self->target ? g_steal_pointer(&self) : NULL;
}

NetSipDialog *
net_sip_dialog_new_uas(const NetSipMsg *request, const char *local_tag)
{
    g_autoptr(NetSipDialog) self = dialog_alloc(request);
    g_autoptr(NetSipAddress) to = net_sip_msg_address(request, "To", 0);

    net_sip_address_set_param(to, "tag", local_tag);
    self->local = net_sip_address_to_string(to);
    self->remote = g_strdup(net_sip_msg_header(request, "From", 0));
    self->local_tag = g_strdup(local_tag);
    self->remote_tag = g_strdup(net_sip_msg_from_tag(request)); /* NULL: RFC 2543 */
    self->target = net_sip_msg_address_uri(request, "Contact", 0);
    self->local_cseq = (uint32_t)(g_random_int() & 0xffff);
    self->remote_cseq = net_sip_msg_cseq(request);
    self->has_remote_cseq = true;
    take_routes(self, request, false);

    return self->target ? g_steal_pointer(&self) : NULL;
}

NetSipDialog *
net_sip_dialog_ref(NetSipDialog *self)
{
    self->references++;
    return self;
}

void
net_sip_dialog_free(NetSipDialog *self)
{
    if (!self || --self->references > 0)
        return;
    g_free(self->call_id);
    g_free(self->local);
    g_free(self->remote);
    g_free(self->local_tag);
    g_free(self->remote_tag);
    g_free(self->target);
    g_ptr_array_unref(self->routes);
    g_free(self->session_id);
    g_free(self);
}

/* Spec: RFC 3261 12.2.1.1: a first hop without lr wants to be the Request-URI. */
static void
put_routes(const NetSipDialog *self, NetSipMsg *request)
{
    guint n = self->routes->len;
    g_autoptr(NetSipAddress) first =
        n > 0 ? net_sip_address_parse(g_ptr_array_index(self->routes, 0), NULL) : NULL;
    bool strict = first && !net_sip_uri_param(net_sip_address_uri(first), "lr");

    for (guint i = strict ? 1 : 0; i < n; i++)
        net_sip_msg_add(request, "Route", g_ptr_array_index(self->routes, i));
    if (strict) {
        g_autofree char *hop = net_sip_uri_to_string(net_sip_address_uri(first));

        net_sip_msg_set_request_uri(request, hop);
        net_sip_msg_add_printf(request, "Route", "<%s>", self->target);
    }
}

static bool
carries_contact(const char *method)
{
    static const char *const methods[] = {"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"};

    for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;

    return false;
}

NetSipMsg *
net_sip_dialog_request(NetSipDialog *self, const char *method, uint32_t cseq, const char *contact)
{
    NetSipMsg *request = net_sip_msg_new_request(method, self->target);

    put_routes(self, request);
    net_sip_msg_add(request, "From", self->local);
    net_sip_msg_add(request, "To", self->remote);
    net_sip_msg_add(request, "Call-ID", self->call_id);
    net_sip_msg_add_printf(request, "CSeq", "%u %s", cseq ? cseq : ++self->local_cseq, method);
    net_sip_msg_add(request, "Max-Forwards", "70");
    if (contact && carries_contact(method))
        net_sip_msg_add_printf(request, "Contact", "<%s>", contact);
    if (self->session_id)
        net_sip_msg_set_session_id(request, self->session_id, true);
    if (self->reference_point)
        net_sip_msg_set_reference_point(request, self->reference_point);

    return request;
}

bool
net_sip_dialog_take_request(NetSipDialog *self, const NetSipMsg *request)
{
    uint32_t cseq = net_sip_msg_cseq(request);

    if (self->has_remote_cseq && cseq < self->remote_cseq)
        return false;
    self->remote_cseq = cseq;
    self->has_remote_cseq = true;
    if (carries_contact(net_sip_msg_method(request)))
        net_sip_dialog_update_target(self, request);

    return true;
}

void
net_sip_dialog_update_target(NetSipDialog *self, const NetSipMsg *message)
{
    char *target = net_sip_msg_address_uri(message, "Contact", 0);

    if (!target)
        return;
    g_free(self->target);
    self->target = target;
}
