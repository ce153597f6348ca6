#include "sgw/xa-client.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/proto/bcg.h"
#include "lib/proto/discovery.h"
#include "lib/proto/sdns.h"
#include "sgw/gm-build.h"
#include "sgw/xa-json.h"

#define MAX_WAITING 8
#define DISCOVERY_TIMEOUT_MS 8000
#define MAX_DOCUMENT_BYTES (1024 * 1024)

typedef struct {
    SgwXaDone done;
    void *user_data;
} Waiter;

struct SgwXaClient {
    const SgwServices *services;
    const SgwRegistration *registration;
    NetSipSubscription *subscription;
    char *session_id;
    GPtrArray *ssfs;    /* ProtoSsf; NULL: not known yet */
    GQueue discovering; /* Waiter */
    GQueue selecting;   /* Waiter */
    guint timer;        /* of the discovery */
    guint idle;         /* answers from what is known */
    /* the selection under way */
    GPtrArray *fetches; /* Fetch that are out */
    GPtrArray *channels, *packages, *guides, *films;
    GError *fault; /* the first one */
};

typedef struct {
    SgwXaClient *client;
    GPtrArray **slot; /* where the records go */
    GPtrArray *(*parse)(const char *xml, gssize length, GError **error);
    NetHttpCall *call;
} Fetch;

/* --- waiters --- */

static bool
wait_for(GQueue *queue, SgwXaDone done, void *user_data)
{
    Waiter *waiter = NULL;

    if (queue->length >= MAX_WAITING)
        return false;
    waiter = g_new0(Waiter, 1);
    waiter->done = done;
    waiter->user_data = user_data;
    g_queue_push_tail(queue, waiter);
    return true;
}

static void
release(GQueue *queue, JsonObject *result, const GError *error)
{
    GQueue waiting = *queue;
    Waiter *waiter = NULL;

    g_queue_init(queue);
    while ((waiter = g_queue_pop_head(&waiting))) {
        waiter->done(result, error, waiter->user_data);
        g_free(waiter);
    }
}

/* --- selection --- */

static void
clear_selection(SgwXaClient *self)
{
    for (guint i = 0; i < self->fetches->len; i++) {
        Fetch *fetch = self->fetches->pdata[i];
        net_http_call_cancel(fetch->call);
        g_free(fetch);
    }
    g_ptr_array_set_size(self->fetches, 0);
    g_clear_pointer(&self->channels, g_ptr_array_unref);
    g_clear_pointer(&self->packages, g_ptr_array_unref);
    g_clear_pointer(&self->guides, g_ptr_array_unref);
    g_clear_pointer(&self->films, g_ptr_array_unref);
    g_clear_error(&self->fault);
}

static void
finish_selection(SgwXaClient *self)
{
    g_autoptr(JsonObject) result = NULL;
    g_autoptr(GError) error = NULL;

    if (self->fault)
        base_warning(&(BaseLogFields){.session = self->session_id}, "service selection: %s",
                     self->fault->message);
    if (!self->channels && !self->films) {
        error = g_steal_pointer(&self->fault);
        if (!error)
            error = g_error_new_literal(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the SSF offers nothing");
    } else {
        result = sgw_xa_json_selection(self->channels, self->packages, self->films,
                                       self->services->settings->home_domain);
    }
    clear_selection(self);
    release(&self->selecting, result, error);
}

static void fetch_films(SgwXaClient *self);

static void
on_document(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    g_autofree Fetch *fetch = user_data;
    SgwXaClient *self = fetch->client;
    g_autoptr(GError) fault = error ? g_error_copy(error) : NULL;
    size_t length = 0;

    g_ptr_array_remove_fast(self->fetches, fetch);
    if (answer && net_http_answer_check(answer, &fault)) {
        const char *body = net_http_answer_body(answer, &length);
        *fetch->slot = fetch->parse(body, (gssize)length, &fault);
    }
    if (fault && !self->fault)
        self->fault = g_steal_pointer(&fault);
    if (fetch->slot == &self->guides)
        fetch_films(self);
    if (self->fetches->len == 0)
        finish_selection(self);
}

static void
fetch(SgwXaClient *self,
      const char *url,
      GPtrArray **slot,
      GPtrArray *(*parse)(const char *xml, gssize length, GError **error))
{
    const char *impu = sgw_registration_identity(self->registration)->impu;
    g_autofree char *identity = g_strdup_printf("\"%s\"", impu);
    const char *headers[] = {"X-3GPP-Intended-Identity", identity, NULL};
    Fetch *fetch = g_new0(Fetch, 1);

    fetch->client = self;
    fetch->slot = slot;
    fetch->parse = parse;
    fetch->call = net_http_client_send(self->services->xa,
                                       &(NetHttpRequest){.url = url,
                                                         .session_id = self->session_id,
                                                         .headers = headers,
                                                         .max_answer_bytes = MAX_DOCUMENT_BYTES},
                                       on_document, fetch);
    g_ptr_array_add(self->fetches, fetch);
}

/* The TV-Anytime document of the first guide. */
static void
fetch_films(SgwXaClient *self)
{
    const ProtoSdnsGuide *guide = self->guides && self->guides->len > 0 ? self->guides->pdata[0] : NULL;

    if (guide && guide->location)
        fetch(self, guide->location, &self->films, proto_bcg_parse);
}

static const ProtoSsf *
find_ssf(const SgwXaClient *self)
{
    for (guint i = 0; self->ssfs && i < self->ssfs->len; i++) {
        const ProtoSsf *ssf = self->ssfs->pdata[i];
        if (!ssf->technology || g_str_has_prefix(ssf->technology, "dvb.org"))
            return ssf;
    }
    return NULL;
}

static void
start_selection(SgwXaClient *self)
{
    static const struct {
        const char *payload;
        size_t slot;
        GPtrArray *(*parse)(const char *xml, gssize length, GError **error);
    } records[] = {
        {"02", G_STRUCT_OFFSET(SgwXaClient, channels), proto_sdns_parse_channels},
        {"05", G_STRUCT_OFFSET(SgwXaClient, packages), proto_sdns_parse_packages},
        {"06", G_STRUCT_OFFSET(SgwXaClient, guides), proto_sdns_parse_guides},
    };
    const ProtoSsf *ssf = find_ssf(self);
    g_autofree char *domain = NULL;

    if (!ssf) {
        g_autoptr(GError) error = g_error_new_literal(BASE_ERROR, BASE_ERROR_NOT_FOUND,
                                                      "the SDF names no service selection function");
        release(&self->selecting, NULL, error);
        return;
    }
    domain = g_uri_escape_string(ssf->domain ? ssf->domain : "ALL", NULL, FALSE);
    for (size_t i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autofree char *url = g_strdup_printf("%s/service_discovery?id=%s&Payload=%s&Segment=0001",
                                               ssf->location, domain, records[i].payload);
        fetch(self, url, &G_STRUCT_MEMBER(GPtrArray *, self, records[i].slot), records[i].parse);
    }
}

/* --- discovery --- */

static void
end_discovery(SgwXaClient *self, const GError *error)
{
    g_autoptr(JsonObject) result = self->ssfs ? sgw_xa_json_ssfs(self->ssfs) : NULL;

    g_clear_handle_id(&self->timer, g_source_remove);
    release(&self->discovering, result, result ? NULL : error);
    if (g_queue_is_empty(&self->selecting))
        return;
    if (!self->ssfs)
        release(&self->selecting, NULL, error);
    else if (self->fetches->len == 0)
        start_selection(self);
}

bool
sgw_xa_client_take(SgwXaClient *self, const char *xml, gssize length)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *ssfs = proto_discovery_parse(xml, length, &error);

    if (!ssfs) {
        base_warning(&(BaseLogFields){.session = self->session_id}, "discovery document: %s", error->message);
        return false;
    }
    g_clear_pointer(&self->ssfs, g_ptr_array_unref);
    self->ssfs = ssfs;
    end_discovery(self, NULL);
    return true;
}

static void
on_notify(NetSipSubscription *subscription G_GNUC_UNUSED, const NetSipMsg *notify, void *user_data)
{
    size_t length = 0;
    const char *body = net_sip_msg_body(notify, &length);

    if (length > 0)
        sgw_xa_client_take(user_data, body, (gssize)length);
}

static void
on_ended(NetSipSubscription *subscription, const NetSipMsg *message, const GError *error, void *user_data)
{
    SgwXaClient *self = user_data;
    g_autoptr(GError) why = NULL;
    int status = message && !net_sip_msg_is_request(message) ? net_sip_msg_status(message) : 0;

    net_sip_subscription_abandon(subscription);
    self->subscription = NULL;
    if (error)
        why = g_error_copy(error);
    else
        why = g_error_new(BASE_ERROR,
                          status >= 300 ? (gint)base_error_from_status(status) : BASE_ERROR_UNAVAILABLE,
                          "service discovery was refused: %d %s", status,
                          status ? net_sip_msg_reason(message) : "terminated");
    if (!self->ssfs)
        end_discovery(self, why);
}

static gboolean
on_discovery_timeout(gpointer user_data)
{
    SgwXaClient *self = user_data;
    g_autoptr(GError) error =
        g_error_new_literal(BASE_ERROR, BASE_ERROR_TIMEOUT, "the SDF accepted, but sent no NOTIFY in time");

    self->timer = 0;
    sgw_xa_client_leave(self);
    end_discovery(self, error);
    return G_SOURCE_REMOVE;
}

static gboolean
on_idle(gpointer user_data)
{
    SgwXaClient *self = user_data;

    self->idle = 0;
    end_discovery(self, NULL);
    return G_SOURCE_REMOVE;
}

static void
subscribe(SgwXaClient *self)
{
    static const NetSipSubscriptionEvents events = {.notify = on_notify, .ended = on_ended};
    NetSipMsg *request =
        sgw_gm_build_subscribe_sdf(self->services->settings, sgw_registration_identity(self->registration));

    g_free(self->session_id);
    self->session_id = base_id_new();
    net_sip_msg_add_printf(request, "Session-ID", "%s;remote=00000000000000000000000000000000",
                           self->session_id);
    self->subscription = net_sip_subscribe(self->services->ua, sgw_registration_flow(self->registration),
                                           request, &events, self);
    self->timer = g_timeout_add(DISCOVERY_TIMEOUT_MS, on_discovery_timeout, self);
}

static void
ensure_discovery(SgwXaClient *self)
{
    if (!self->subscription)
        subscribe(self);
    if (self->ssfs && !self->idle)
        self->idle = g_idle_add(on_idle, self);
}

static void
refuse_busy(SgwXaDone done, void *user_data)
{
    g_autoptr(GError) error =
        g_error_new_literal(BASE_ERROR, BASE_ERROR_BUSY, "too many requests of this kind at a time");

    done(NULL, error, user_data);
}

void
sgw_xa_client_discover(SgwXaClient *self, SgwXaDone done, void *user_data)
{
    if (wait_for(&self->discovering, done, user_data))
        ensure_discovery(self);
    else
        refuse_busy(done, user_data);
}

void
sgw_xa_client_select(SgwXaClient *self, SgwXaDone done, void *user_data)
{
    if (wait_for(&self->selecting, done, user_data))
        ensure_discovery(self);
    else
        refuse_busy(done, user_data);
}

/* --- lifecycle --- */

SgwXaClient *
sgw_xa_client_new(const SgwServices *services, const SgwRegistration *registration)
{
    SgwXaClient *self = g_new0(SgwXaClient, 1);

    self->services = services;
    self->registration = registration;
    self->fetches = g_ptr_array_new();
    g_queue_init(&self->discovering);
    g_queue_init(&self->selecting);
    return self;
}

void
sgw_xa_client_free(SgwXaClient *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    g_clear_handle_id(&self->idle, g_source_remove);
    sgw_xa_client_leave(self);
    clear_selection(self);
    g_ptr_array_unref(self->fetches);
    g_queue_clear_full(&self->discovering, g_free);
    g_queue_clear_full(&self->selecting, g_free);
    g_clear_pointer(&self->ssfs, g_ptr_array_unref);
    g_free(self->session_id);
    g_free(self);
}

void
sgw_xa_client_leave(SgwXaClient *self)
{
    net_sip_subscription_free(g_steal_pointer(&self->subscription));
}

void
sgw_xa_client_flow_lost(SgwXaClient *self)
{
    if (self->subscription)
        net_sip_subscription_abandon(g_steal_pointer(&self->subscription));
}

const char *
sgw_xa_client_session_id(const SgwXaClient *self)
{
    return self->session_id;
}
