#include "sgw/registration.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/proto/xml.h"

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS 5000
#define CHALLENGES 4 /* by how much a REGISTER can have raised the CSeq when we do not know */

struct SgwRegistration {
    const SgwServices *services;
    const SgwRegistrationEvents *events;
    void *user_data;
    void *flow_owner;
    SgwGmIdentity *identity;
    NetSipFlow *flow;
    char *contact;
    char *call_id;
    uint32_t cseq;
    NetSipRequest *request; /* REGISTER under way */
    NetSipSubscription *reg_event;
    bool registered;
    bool ended;
    gint64 expires_at_us;
    gint64 restore_until_us; /* 0: the connection stands */
    uint16_t local_port;     /* of the last connection: the network knows us by it */
    unsigned retry_ms;
    guint timer; /* refresh or retry */
    void (*log_out_done)(int status, void *user_data);
    void *log_out_data;
};

static void send_register(SgwRegistration *self, unsigned expires_s);

static BaseLogFields
fields(const SgwRegistration *self)
{
    return (BaseLogFields){.user = self->identity->impu, .call_id = self->call_id};
}

static bool
open_flow(SgwRegistration *self, GError **error)
{
    const SgwSettings *settings = self->services->settings;
    g_autofree char *name = g_strndup(self->identity->impi, strcspn(self->identity->impi, "@"));

    self->flow = net_sip_transport_reopen(net_sip_ua_transport(self->services->ua), settings->gm_transport,
                                          settings->pcscf_host, settings->pcscf_port, settings->local_host,
                                          self->local_port, "Gm", error);
    if (!self->flow)
        return false;
    self->local_port = net_sip_flow_local_port(self->flow);
    net_sip_flow_set_owner(self->flow, self->flow_owner);
    g_free(self->contact);
    self->contact = net_sip_flow_contact_uri(self->flow, name);
    return true;
}

static void
close_flow(SgwRegistration *self)
{
    if (self->request) {
        net_sip_request_abandon(self->request);
        self->cseq += CHALLENGES;
    }
    self->request = NULL;
    if (self->reg_event)
        net_sip_subscription_abandon(self->reg_event);
    self->reg_event = NULL;
    if (!self->flow)
        return;
    net_sip_flow_set_owner(self->flow, NULL);
    if (net_sip_flow_is_open(self->flow))
        net_sip_flow_close(self->flow);
    g_clear_pointer(&self->flow, net_sip_flow_unref);
}

SgwRegistration *
sgw_registration_new(const SgwServices *services,
                     const char *user,
                     void *flow_owner,
                     const SgwRegistrationEvents *events,
                     void *user_data,
                     GError **error)
{
    g_autoptr(SgwRegistration) self = g_new0(SgwRegistration, 1);

    self->services = services;
    self->events = events;
    self->user_data = user_data;
    self->flow_owner = flow_owner;
    self->retry_ms = RETRY_FIRST_MS;
    self->call_id = base_id_new();
    self->identity = sgw_gm_identity_new(services->settings, user, error);
    if (!self->identity || !open_flow(self, error))
        return NULL;
    send_register(self, services->settings->register_expires_s);
    return g_steal_pointer(&self);
}

void
sgw_registration_free(SgwRegistration *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    close_flow(self);
    sgw_gm_identity_free(self->identity);
    g_free(self->contact);
    g_free(self->call_id);
    g_free(self);
}

/* Reports the end; the owner may free us in it. */
static void
end(SgwRegistration *self, int status, const char *reason)
{
    BaseLogFields log = fields(self);

    if (self->ended)
        return;
    self->ended = true;
    self->registered = false;
    g_clear_handle_id(&self->timer, g_source_remove);
    base_info(&log, "registration ended: %d %s", status, reason);
    self->events->ended(self, status, reason, self->user_data);
}

/* --- reg event --- */

/* True if the document says that our own contact is no longer registered. */
static bool
says_terminated(const SgwRegistration *self, const NetSipMsg *notify, char **ret_event)
{
    size_t length = 0;
    const char *body = net_sip_msg_body(notify, &length);
    g_autoptr(ProtoXml) xml = length ? proto_xml_parse(body, (gssize)length, NULL) : NULL;
    const xmlNode *root = xml ? proto_xml_root(xml) : NULL;

    for (const xmlNode *n = root ? proto_xml_find(root, "contact") : NULL; n;
         n = proto_xml_find_next(n, root, "contact")) {
        g_autofree char *state = proto_xml_attribute(n, "state");
        g_autofree char *uri = proto_xml_text(proto_xml_child(n, "uri"));
        g_autoptr(NetSipUri) theirs = uri ? net_sip_uri_parse(uri, NULL) : NULL;
        g_autoptr(NetSipUri) ours = net_sip_uri_parse(self->contact, NULL);
        if (theirs && ours && net_sip_uri_equal(theirs, ours) && g_strcmp0(state, "terminated") == 0) {
            *ret_event = proto_xml_attribute(n, "event");
            return true;
        }
    }
    return false;
}

static void
on_reg_notify(NetSipSubscription *subscription G_GNUC_UNUSED, const NetSipMsg *notify, void *user_data)
{
    SgwRegistration *self = user_data;
    g_autofree char *event = NULL;

    if (self->registered && says_terminated(self, notify, &event))
        end(self, 403, event && *event ? event : "ended by the network");
}

static void
on_reg_ended(NetSipSubscription *subscription, const NetSipMsg *message, const GError *error, void *user_data)
{
    SgwRegistration *self = user_data;
    BaseLogFields log = fields(self);

    base_debug(&log, "reg event subscription is over: %s",
               error ? error->message : (message ? "ended by the core" : "lapsed"));
    if (subscription == self->reg_event) {
        self->reg_event = NULL;
        net_sip_subscription_abandon(subscription);
    }
}

static void
subscribe_reg(SgwRegistration *self)
{
    static const NetSipSubscriptionEvents events = {.notify = on_reg_notify, .ended = on_reg_ended};

    if (!self->reg_event)
        self->reg_event = net_sip_subscribe(
            self->services->ua, self->flow,
            sgw_gm_build_subscribe_reg(self->services->settings, self->identity), &events, self);
}

/* --- REGISTER --- */

/* What was granted to our contact: its expires parameter, else the Expires header. */
static unsigned
granted_s(const SgwRegistration *self, const NetSipMsg *response)
{
    g_autoptr(NetSipUri) ours = net_sip_uri_parse(self->contact, NULL);

    for (guint i = 0; i < net_sip_msg_header_count(response, "Contact"); i++) {
        g_autoptr(NetSipAddress) contact = net_sip_msg_address(response, "Contact", i);
        const char *expires = contact ? net_sip_address_param(contact, "expires") : NULL;
        guint64 seconds = 0;
        if (expires && ours && net_sip_uri_equal(net_sip_address_uri(contact), ours) &&
            g_ascii_string_to_unsigned(expires, 10, 0, G_MAXUINT32, &seconds, NULL))
            return (unsigned)seconds;
    }
    return net_sip_msg_number(response, "Expires", self->services->settings->register_expires_s);
}

static gboolean on_refresh_due(gpointer user_data);

static void
schedule(SgwRegistration *self, guint64 delay_ms)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    self->timer = g_timeout_add((guint)MIN(delay_ms, G_MAXINT32), on_refresh_due, self);
}

/* A registration is tried again as long as it lasts, and one whose connection is lost for restore_s: calls
 * go on meanwhile, but cannot be ended or changed. */
static bool
try_again(SgwRegistration *self)
{
    gint64 now_us = g_get_monotonic_time();

    if (!self->registered || now_us >= self->expires_at_us ||
        (self->restore_until_us && now_us >= self->restore_until_us))
        return false;
    schedule(self, self->retry_ms);
    self->retry_ms = MIN(self->retry_ms * 2, RETRY_MAX_MS);
    return true;
}

static void
end_unreachable(SgwRegistration *self)
{
    g_autofree char *reason =
        g_strdup_printf("the network could not be reached for %u s", self->services->settings->restore_s);

    end(self, 503, self->registered ? reason : "the core cannot be reached");
}

static gboolean
on_refresh_due(gpointer user_data)
{
    SgwRegistration *self = user_data;
    g_autoptr(GError) error = NULL;

    self->timer = 0;
    if (self->flow || open_flow(self, &error))
        send_register(self, self->services->settings->register_expires_s);
    else if (!try_again(self))
        end_unreachable(self);
    return G_SOURCE_REMOVE;
}

static void
handle_accepted(SgwRegistration *self, const NetSipMsg *response)
{
    unsigned expires_s = granted_s(self, response);
    bool first = !self->registered;
    BaseLogFields log;

    if (expires_s == 0) {
        end(self, 403, "the core granted no time");
        return;
    }
    self->registered = true;
    self->retry_ms = RETRY_FIRST_MS;
    self->restore_until_us = 0;
    self->expires_at_us = g_get_monotonic_time() + (gint64)expires_s * G_USEC_PER_SEC;
    sgw_gm_identity_learn(self->identity, response);
    schedule(self, (guint64)expires_s * 500);
    subscribe_reg(self);
    log = fields(self);
    base_log(first ? BASE_LOG_INFO : BASE_LOG_DEBUG, &log, "registered for %u s from port %u", expires_s,
             net_sip_flow_local_port(self->flow));
    self->events->registered(self, first, expires_s, self->user_data);
}

/* A refresh that failed for a passing reason is tried again while the old registration lasts. */
static void
handle_refused(SgwRegistration *self, int status, const char *reason)
{
    bool passing = status == 408 || status >= 500;

    if (!passing || !try_again(self))
        end(self, status, reason);
}

static void
on_register_done(const NetSipMsg *response, const GError *error, void *user_data)
{
    SgwRegistration *self = user_data;
    int status = response ? net_sip_msg_status(response) : base_error_sip_status(error);
    void (*done)(int, void *) = self->log_out_done;

    self->request = NULL;
    self->cseq = response ? MAX(self->cseq, net_sip_msg_cseq(response)) : self->cseq + CHALLENGES;
    if (!response && !net_sip_flow_is_open(self->flow))
        return; /* sgw_registration_flow_lost follows */
    if (done) {
        self->log_out_done = NULL;
        self->registered = false;
        done(status, self->log_out_data);
    } else if (status >= 200 && status < 300) {
        handle_accepted(self, response);
    } else {
        handle_refused(self, status, response ? net_sip_msg_reason(response) : error->message);
    }
}

static void
send_register(SgwRegistration *self, unsigned expires_s)
{
    NetSipMsg *request = NULL;

    if (self->request) {
        net_sip_request_abandon(self->request);
        self->cseq += CHALLENGES;
    }
    request = sgw_gm_build_register(self->services->settings, self->identity, self->contact, self->call_id,
                                    ++self->cseq, expires_s);
    self->request = net_sip_ua_request(self->services->ua, self->flow, request, on_register_done, self);
}

void
sgw_registration_log_out(SgwRegistration *self, void (*done)(int status, void *user_data), void *user_data)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    if (!self->flow || !self->registered) {
        done(200, user_data);
        return;
    }
    if (self->reg_event)
        net_sip_subscription_abandon(g_steal_pointer(&self->reg_event));
    self->log_out_done = done;
    self->log_out_data = user_data;
    send_register(self, 0);
}

bool
sgw_registration_flow_lost(SgwRegistration *self, const NetSipFlow *flow, const GError *why)
{
    BaseLogFields log = fields(self);

    if (flow != self->flow)
        return false;
    base_warning(&log, "connection to the core lost: %s", why ? why->message : "closed");
    close_flow(self);
    if (self->log_out_done) {
        self->log_out_done(503, self->log_out_data);
        return true;
    }
    if (!self->restore_until_us)
        self->restore_until_us =
            g_get_monotonic_time() + (gint64)self->services->settings->restore_s * G_USEC_PER_SEC;
    if (!try_again(self))
        end_unreachable(self);
    return true;
}

bool
sgw_registration_is_registered(const SgwRegistration *self)
{
    return self->registered;
}

const SgwGmIdentity *
sgw_registration_identity(const SgwRegistration *self)
{
    return self->identity;
}

NetSipFlow *
sgw_registration_flow(const SgwRegistration *self)
{
    return self->flow;
}
