#include "iptv/sdf.h"

#include <string.h>

#include "iptv/sip-identity.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/proto/discovery.h"

#define MAX_SUBSCRIPTIONS 100000
#define MAX_PUSHED 100000
#define SETTLE_MS 500 /* an operator who adds ten channels is one change */
#define NOTIFY_EVENT "ua-profile;effective-by=0"

struct IptvSdf {
    const IptvSettings *settings;
    NetSipUa *ua;
    Store *store;
    IptvOffering *offering;
    char *location;            /* of SD&S */
    char *version;             /* of the offering, as terminals know it */
    GHashTable *subscriptions; /* of NetSipNotifier, owned */
    GHashTable *pushed;        /* IMPU -> Pushed */
    guint timer;               /* a change settles */
};

/* A terminal that was told by MESSAGE, because its registration was announced to us. */
typedef struct {
    char *impu;
    char *route; /* its S-CSCF */
    int64_t expires_us;
} Pushed;

static BaseMetric *
notify_counter(const char *how)
{
    g_autofree char *labels = g_strdup_printf("how=\"%s\"", how);

    return base_counter("imstv_iptv_sdf_sent_total", labels, "Discovery documents sent to terminals");
}

static BaseMetric *
subscription_gauge(void)
{
    return base_gauge("imstv_iptv_sdf_subscriptions", NULL,
                      "Subscriptions to the service discovery function");
}

static void
pushed_free(gpointer data)
{
    Pushed *pushed = data;

    g_free(pushed->impu);
    g_free(pushed->route);
    g_free(pushed);
}

IptvSdf *
iptv_sdf_new(const IptvSettings *settings, NetSipUa *ua, Store *store, IptvOffering *offering)
{
    IptvSdf *self = g_new0(IptvSdf, 1);

    self->settings = settings;
    self->ua = ua;
    self->store = store;
    self->offering = offering;
    self->version = iptv_offering_version(offering);
    self->location = g_strdup("");
    self->subscriptions = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)net_sip_notifier_free, NULL);
    self->pushed = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pushed_free);
    return self;
}

void
iptv_sdf_free(IptvSdf *self)
{
    if (!self)
        return;

    if (self->timer)
        g_source_remove(self->timer);
    g_hash_table_unref(self->subscriptions);
    g_hash_table_unref(self->pushed);
    g_free(self->version);
    g_free(self->location);
    g_free(self);
}

void
iptv_sdf_set_ssf_url(IptvSdf *self, const char *url)
{
    g_free(self->location);
    self->location = g_strconcat(url, "/dvb/sdns", NULL);
}

static char *
build_document(const IptvSdf *self)
{
    static const char *const payloads[] = {"02", "05", "06", NULL};
    ProtoSsf ssf = {
        .id = (char *)"ssf-1",
        .version = self->version,
        .technology = (char *)"dvb.org_iptv",
        .domain = self->settings->home_domain,
        .name = self->settings->provider_name,
        .location = self->location,
        .payloads = (char **)payloads,
    };
    g_autoptr(GPtrArray) ssfs = g_ptr_array_new();

    g_ptr_array_add(ssfs, &ssf);
    return proto_discovery_build(ssfs);
}

/* ---- pull ---- */

static void
send_notify(IptvSdf *self, NetSipNotifier *notifier)
{
    g_autofree char *document = build_document(self);

    base_metric_add(notify_counter("notify"), 1);
    net_sip_notifier_notify(notifier, NOTIFY_EVENT, PROTO_DISCOVERY_TYPE, document);
}

static void
on_refreshed(NetSipNotifier *notifier, const NetSipMsg *subscribe G_GNUC_UNUSED, void *user_data)
{
    send_notify(user_data, notifier);
}

static void
on_subscription_ended(NetSipNotifier *notifier, void *user_data)
{
    IptvSdf *self = user_data;

    g_hash_table_remove(self->subscriptions, notifier);
    base_metric_set(subscription_gauge(), g_hash_table_size(self->subscriptions));
}

static const NetSipNotifierEvents notifier_events = {
    .refreshed = on_refreshed,
    .ended = on_subscription_ended,
};

static bool
has_event(const NetSipMsg *subscribe)
{
    const char *event = net_sip_msg_header(subscribe, "Event", 0);
    size_t length = strlen("ua-profile");

    return event && g_ascii_strncasecmp(event, "ua-profile", length) == 0 &&
           strchr("; \t", event[length]) != NULL; /* finds the NUL as well */
}

/* No Accept: whatever the package's default is, we have one document only. */
static bool
accepts_document(const NetSipMsg *subscribe)
{
    guint n = net_sip_msg_header_count(subscribe, "Accept");

    for (guint i = 0; i < n; i++) {
        const char *type = net_sip_msg_header(subscribe, "Accept", i);

        if (g_ascii_strncasecmp(type, PROTO_DISCOVERY_TYPE, strlen(PROTO_DISCOVERY_TYPE)) == 0 ||
            g_str_has_prefix(type, "*/*") || g_str_has_prefix(type, "application/*"))
            return true;
    }
    return n == 0;
}

/* 0, or the status to refuse with. */
static int
check_subscribe(const IptvSdf *self, const NetSipMsg *subscribe, const char *identity, const char **ret_why)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(subscribe), NULL);
    g_autoptr(StoreUser) user = identity ? store_user_get_by_impu(self->store, identity, NULL) : NULL;
    const char *called = uri ? net_sip_uri_user(uri) : NULL;

    *ret_why = NULL;
    if (!called || !g_str_equal(called, self->settings->sdf_user))
        return 404;
    if (!has_event(subscribe))
        return 489;
    if (!accepts_document(subscribe))
        return 406;
    if (!user) {
        *ret_why = identity ? "Unknown User" : "No Asserted Identity";
        return 403;
    }
    if (g_hash_table_size(self->subscriptions) >= MAX_SUBSCRIPTIONS)
        return 503;
    return 0;
}

void
iptv_sdf_handle_subscribe(IptvSdf *self, NetSipNotifier *notifier, const NetSipMsg *subscribe)
{
    g_autofree char *identity = iptv_asserted_identity(subscribe);
    BaseLogFields fields = {.session = net_sip_msg_session_id(subscribe),
                            .call_id = net_sip_msg_call_id(subscribe),
                            .user = identity};
    const char *why;
    int status = check_subscribe(self, subscribe, identity, &why);

    if (status) {
        base_info(&fields, "discovery refused: %d %s", status, why ? why : net_sip_reason(status));
        net_sip_notifier_reject(notifier, status, why);
        return;
    }
    base_info(&fields, "discovery: subscribed");
    g_hash_table_add(self->subscriptions, notifier);
    base_metric_set(subscription_gauge(), g_hash_table_size(self->subscriptions));
    net_sip_notifier_accept(notifier, self->settings->subscription_max_s, &notifier_events, self);
    send_notify(self, notifier);
}

/* ---- push ---- */

static void
on_message_answered(const NetSipMsg *response, const GError *error, void *user_data G_GNUC_UNUSED)
{
    if (!response)
        base_warning(NULL, "discovery document could not be pushed: %s", error->message);
    else if (net_sip_msg_status(response) >= 300)
        base_info(NULL, "discovery document was pushed and refused: %d", net_sip_msg_status(response));
}

static void
push(IptvSdf *self, const Pushed *pushed)
{
    NetSipMsg *message = net_sip_msg_new_request("MESSAGE", pushed->impu);
    g_autofree char *document = build_document(self);
    g_autofree char *own =
        g_strdup_printf("<sip:%s@%s>", self->settings->sdf_user, self->settings->home_domain);

    net_sip_msg_add(message, "From", own);
    net_sip_msg_add_printf(message, "To", "<%s>", pushed->impu);
    net_sip_msg_add(message, "P-Asserted-Identity", own);
    if (pushed->route)
        net_sip_msg_add(message, "Route", pushed->route);
    net_sip_msg_set_body(message, PROTO_DISCOVERY_TYPE, document, -1);

    base_metric_add(notify_counter("message"), 1);
    net_sip_ua_request(self->ua, NULL, message, on_message_answered, NULL);
}

/* Where the S-CSCF wants to be reached: the Contact of its REGISTER, made a loose route. (transfer full) */
static char *
route_to_core(const NetSipMsg *request)
{
    g_autofree char *contact = net_sip_msg_address_uri(request, "Contact", 0);
    g_autoptr(NetSipUri) uri = contact ? net_sip_uri_parse(contact, NULL) : NULL;
    g_autofree char *text = NULL;

    if (!uri)
        return NULL;
    net_sip_uri_set_param(uri, "lr", NULL);
    text = net_sip_uri_to_string(uri);
    return g_strdup_printf("<%s>", text);
}

static void
remember_and_push(IptvSdf *self, const NetSipMsg *request, const char *impu, unsigned expires_s)
{
    Pushed *pushed = g_hash_table_lookup(self->pushed, impu);
    bool known = pushed && pushed->expires_us > g_get_monotonic_time();

    if (!pushed) {
        if (g_hash_table_size(self->pushed) >= MAX_PUSHED)
            return;
        pushed = g_new0(Pushed, 1);
        pushed->impu = g_strdup(impu);
        g_hash_table_insert(self->pushed, pushed->impu, pushed);
    }
    g_free(pushed->route);
    pushed->route = route_to_core(request);
    pushed->expires_us = g_get_monotonic_time() + expires_s * G_USEC_PER_SEC;
    if (!known) /* a refresh of a registration is no news */
        push(self, pushed);
}

void
iptv_sdf_handle_register(IptvSdf *self, NetSipIncoming *incoming)
{
    const NetSipMsg *request = net_sip_incoming_request(incoming);
    g_autofree char *impu = net_sip_msg_aor(request, "To");
    g_autoptr(StoreUser) user = impu ? store_user_get_by_impu(self->store, impu, NULL) : NULL;
    unsigned expires_s = MIN(net_sip_msg_number(request, "Expires", 600), 86400);
    NetSipMsg *response;

    if (!user) {
        net_sip_incoming_reply(incoming, 404, NULL);
        return;
    }
    if (expires_s > 0)
        remember_and_push(self, request, user->impu, expires_s);
    else
        g_hash_table_remove(self->pushed, user->impu);

    response = net_sip_incoming_response(incoming, 200, NULL);
    net_sip_msg_add_printf(response, "Expires", "%u", expires_s);
    net_sip_incoming_respond(incoming, response);
}

/* ---- changes ---- */

static void
notify_all(IptvSdf *self)
{
    g_autoptr(GList) notifiers = g_hash_table_get_keys(self->subscriptions);

    for (GList *item = notifiers; item; item = item->next) {
        if (g_hash_table_contains(self->subscriptions, item->data)) /* one may end while others are told */
            send_notify(self, item->data);
    }
}

static void
push_all(IptvSdf *self)
{
    int64_t now_us = g_get_monotonic_time();
    GHashTableIter iter;
    gpointer item;

    g_hash_table_iter_init(&iter, self->pushed);
    while (g_hash_table_iter_next(&iter, NULL, &item)) {
        if (((Pushed *)item)->expires_us <= now_us)
            g_hash_table_iter_remove(&iter);
        else
            push(self, item);
    }
}

static gboolean
on_settled(gpointer user_data)
{
    IptvSdf *self = user_data;
    g_autofree char *version = iptv_offering_version(self->offering);

    self->timer = 0;
    if (g_str_equal(version, self->version))
        return G_SOURCE_REMOVE;

    g_free(self->version);
    self->version = g_steal_pointer(&version);
    notify_all(self);
    push_all(self);
    return G_SOURCE_REMOVE;
}

void
iptv_sdf_offering_changed(IptvSdf *self)
{
    if (!self->timer)
        self->timer = g_timeout_add(SETTLE_MS, on_settled, self);
}
