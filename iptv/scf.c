#include "iptv/scf.h"

#include "iptv/scf-call.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define RETRY_AFTER_S 5
#define DRAIN_LIMIT_MS 2000 /* a far end that is gone answers no BYE */

struct IptvScf {
    IptvScfRules rules;
    NetSipUa *ua;
    GHashTable *calls; /* of IptvScfCall, owned */
    bool draining;
    guint drained_source, drain_limit;
    const IptvScfEvents *events;
    void *user_data;
};

static BaseMetric *
call_gauge(void)
{
    return base_gauge("imstv_iptv_calls", NULL, "Calls through the service control function");
}

IptvScf *
iptv_scf_new(const IptvSettings *settings,
             NetSipUa *ua,
             Store *store,
             StoreCatalogue *catalogue,
             const IptvScfEvents *events,
             void *user_data)
{
    IptvScf *self = g_new0(IptvScf, 1);

    self->rules = (IptvScfRules){.settings = settings, .store = store, .catalogue = catalogue};
    self->ua = ua;
    self->calls = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)iptv_scf_call_free, NULL);
    self->events = events;
    self->user_data = user_data;
    return self;
}

void
iptv_scf_free(IptvScf *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->drained_source, g_source_remove);
    g_clear_handle_id(&self->drain_limit, g_source_remove);
    g_hash_table_unref(self->calls);
    g_free(self);
}

static gboolean
on_drained(gpointer user_data)
{
    IptvScf *self = user_data;

    self->drained_source = 0;
    g_clear_handle_id(&self->drain_limit, g_source_remove);
    self->events->drained(self, self->user_data);
    return G_SOURCE_REMOVE;
}

static gboolean
on_drain_limit(gpointer user_data)
{
    IptvScf *self = user_data;

    self->drain_limit = 0;
    if (self->drained_source)
        return G_SOURCE_REMOVE;
    base_warning(NULL, "%u calls were not ended in order", g_hash_table_size(self->calls));
    return on_drained(self);
}

static void
check_drained(IptvScf *self)
{
    if (self->draining && g_hash_table_size(self->calls) == 0 && !self->drained_source)
        self->drained_source = g_idle_add(on_drained, self);
}

static void
on_call_over(IptvScfCall *call, void *user_data)
{
    IptvScf *self = user_data;

    g_hash_table_remove(self->calls, call);
    base_metric_set(call_gauge(), g_hash_table_size(self->calls));
    check_drained(self);
}

static const IptvScfCallEvents call_events = {.over = on_call_over};

static void
refuse(NetSipSession *session, const NetSipMsg *invite, int status, const char *why)
{
    NetSipMsg *response = net_sip_session_response(session, status, NULL);
    g_autofree char *impu = net_sip_msg_address_uri(invite, "P-Asserted-Identity", 0);
    BaseLogFields fields = {
        .session = net_sip_session_id(session), .call_id = net_sip_session_call_id(session), .user = impu};
    g_autofree char *labels = g_strdup_printf("outcome=\"%d\"", status);

    base_info(&fields, "call refused: %d, %s", status, why);
    base_metric_add(base_counter("imstv_iptv_calls_total", labels, "Calls by how their set-up ended"), 1);

    if (status == 503)
        net_sip_msg_add_printf(response, "Retry-After", "%d", RETRY_AFTER_S);
    if (status == 488) { /* 399: miscellaneous, RFC 3261 20.43 */
        g_autofree char *text = g_strdelimit(g_strdup(why), "\"\\\r\n", '\'');

        net_sip_msg_add_printf(response, "Warning", "399 imstv \"%s\"", text);
    }
    net_sip_session_respond(session, response);
    net_sip_session_free(session);
}

/* 0, or why no call can be taken at all. */
static int
check_general(const IptvScf *self, const NetSipMsg *invite, const char **ret_why)
{
    if (self->draining) {
        *ret_why = "shutting down";
        return 503;
    }
    if (g_hash_table_size(self->calls) >= self->rules.settings->max_calls) {
        *ret_why = "too many calls";
        return 503;
    }
    if (net_sip_msg_number(invite, "Max-Forwards", 70) == 0) {
        *ret_why = "too many hops";
        return 483;
    }
    return 0;
}

void
iptv_scf_handle_invite(IptvScf *self, NetSipSession *session, const NetSipMsg *invite)
{
    g_auto(IptvScfRequest) request = {0};
    g_autoptr(GError) error = NULL;
    const char *why = NULL;
    int status = check_general(self, invite, &why);
    IptvScfCall *call;

    if (status) {
        refuse(session, invite, status, why);
        return;
    }
    if (!iptv_scf_request_read(&self->rules, invite, &request, &error)) {
        refuse(session, invite, base_error_sip_status(error), error->message);
        return;
    }
    call = iptv_scf_call_new(&self->rules, self->ua, session, &request, &call_events, self);
    g_hash_table_add(self->calls, call);
    base_metric_set(call_gauge(), g_hash_table_size(self->calls));
}

void
iptv_scf_drain(IptvScf *self)
{
    g_autoptr(GList) calls = g_hash_table_get_keys(self->calls); /* `over` comes later, from the main loop */

    if (self->draining)
        return;
    self->draining = true;
    self->drain_limit = g_timeout_add(DRAIN_LIMIT_MS, on_drain_limit, self);
    for (GList *item = calls; item; item = item->next)
        iptv_scf_call_end(item->data, "SIP;cause=503;text=\"Shutting Down\"");
    check_drained(self);
}
