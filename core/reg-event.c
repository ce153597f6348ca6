/* The registration event package: who watches an identity hears of every change, also of those that the
 * network makes. Spec: RFC 3680, TS 24.229 5.4.2.1. */
#include <string.h>

#include "core/core-private.h"
#include "core/identity.h"

#define MAX_WATCHERS 20000
#define MAX_EXPIRES_S 600000
#define REGINFO "application/reginfo+xml"
#define MAX_CONTACTS 32               /* in one document, which is partial if there are more */
#define PAUSE_US (5 * G_USEC_PER_SEC) /* between NOTIFYs about others (RFC 3680 4.10) */

typedef struct {
    Core *core;
    NetSipNotifier *notifier;
    char *impu;
    guint version;
    int64_t told_us;
    bool dirty; /* something has changed that can wait */
} CoreWatcher;

/* --- Document -------------------------------------------------------------------------------- */

static void
append_contact(GString *out, Core *core, const CoreBinding *binding, CoreRegEvent event)
{
    g_autofree char *uri = g_markup_escape_text(binding->contact, -1);
    bool active = event == CORE_REGISTERED || event == CORE_REFRESHED;

    g_string_append_printf(out, "<contact id=\"%s\" state=\"%s\" event=\"%s\"", binding->id,
                           active ? "active" : "terminated", core_reg_event_name(event));
    if (active)
        g_string_append_printf(out, " expires=\"%u\"", core_registrar_expires_s(core->registrar, binding));
    g_string_append_printf(out, "><uri>%s</uri></contact>", uri);
}

static bool
is_own(const CoreWatcher *self, const CoreBinding *binding)
{
    NetSipFlow *flow = net_sip_notifier_flow(self->notifier);

    return net_sip_flow_kind(flow) == net_sip_flow_kind(binding->flow) &&
           strcmp(net_sip_flow_peer(flow), net_sip_flow_peer(binding->flow)) == 0;
}

/* The watcher's own contact first: it must not be the one that is left out. */
static void
append_contacts(GString *out, CoreWatcher *self, GPtrArray *bindings)
{
    guint written = 0;

    for (guint i = 0; i < bindings->len; i++)
        if (is_own(self, g_ptr_array_index(bindings, i)))
            append_contact(out, self->core, g_ptr_array_index(bindings, i), CORE_REGISTERED);
    for (guint i = 0; i < bindings->len && written < MAX_CONTACTS; i++) {
        if (is_own(self, g_ptr_array_index(bindings, i)))
            continue;
        append_contact(out, self->core, g_ptr_array_index(bindings, i), CORE_REGISTERED);
        written++;
    }
}

/* @gone: a binding that has just ended, or NULL. */
static char *
reginfo(CoreWatcher *self, const CoreBinding *gone, CoreRegEvent why)
{
    g_autoptr(GPtrArray) bindings = core_registrar_of_user(self->core->registrar, self->impu);
    g_autofree char *aor = g_markup_escape_text(self->impu, -1);
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n");

    g_string_append_printf(out,
                           "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"%u\" state=\"%s\">"
                           "<registration aor=\"%s\" id=\"r\" state=\"%s\">",
                           self->version++, bindings->len > MAX_CONTACTS ? "partial" : "full", aor,
                           bindings->len > 0 ? "active"
                           : gone            ? "terminated"
                                             : "init");
    append_contacts(out, self, bindings);
    if (gone)
        append_contact(out, self->core, gone, why);
    g_string_append(out, "</registration></reginfo>\n");

    return g_string_free(out, FALSE);
}

/* --- Watchers -------------------------------------------------------------------------------- */

static void
watcher_free(CoreWatcher *self)
{
    g_hash_table_remove(self->core->watchers, self);
    net_sip_notifier_free(self->notifier);
    g_free(self->impu);
    g_free(self);
}

static void
tell(CoreWatcher *self, const CoreBinding *gone, CoreRegEvent why)
{
    g_autofree char *body = reginfo(self, gone, why);
    g_autoptr(GPtrArray) left = core_registrar_of_user(self->core->registrar, self->impu);

    self->dirty = false;
    self->told_us = base_clock_now_us(self->core->clock);
    if (gone && left->len == 0)
        net_sip_notifier_terminate(self->notifier, why == CORE_REJECTED ? "rejected" : "noresource", REGINFO,
                                   body);
    else
        net_sip_notifier_notify(self->notifier, NULL, REGINFO, body);
}

static void
on_refreshed(NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data)
{
    (void)notifier;
    (void)subscribe;
    tell(user_data, NULL, CORE_REGISTERED);
}

static void
on_ended(NetSipNotifier *notifier, void *user_data)
{
    (void)notifier;
    watcher_free(user_data);
}

static const NetSipNotifierEvents notifier_events = {.refreshed = on_refreshed, .ended = on_ended};

/* The subscriber: the registered user of a Gm connection, or whom a trusted server asserts. */
static char *
subscriber_of(Core *self, NetSipNotifier *notifier, const NetSipMsg *subscribe)
{
    NetSipFlow *flow = net_sip_notifier_flow(notifier);
    const CoreBinding *binding = core_registrar_of_flow(self->registrar, flow);

    if (core_is_gm(flow))
        return binding ? g_strdup(binding->impu) : NULL;

    return core_identity_of(subscribe);
}

void
core_handle_subscribe(Core *self, NetSipNotifier *notifier, const NetSipMsg *subscribe)
{
    const char *event = net_sip_msg_header(subscribe, "Event", 0);
    g_autofree char *impu = net_sip_uri_aor_of(net_sip_msg_request_uri(subscribe));
    g_autofree char *subscriber = subscriber_of(self, notifier, subscribe);
    CoreWatcher *watcher;

    if (strcspn(event, "; \t") != 3 || strncmp(event, "reg", 3) != 0) {
        net_sip_notifier_reject(notifier, 489, NULL);
        return;
    }
    if (!subscriber || (core_is_gm(net_sip_notifier_flow(notifier)) && g_strcmp0(subscriber, impu) != 0)) {
        net_sip_notifier_reject(notifier, 403, NULL);
        return;
    }
    if (g_hash_table_size(self->watchers) >= MAX_WATCHERS) {
        net_sip_notifier_reject(notifier, 503, NULL);
        return;
    }
    watcher = g_new0(CoreWatcher, 1);
    watcher->core = self;
    watcher->notifier = notifier;
    watcher->impu = g_steal_pointer(&impu);
    g_hash_table_add(self->watchers, watcher);
    net_sip_notifier_accept(notifier, MAX_EXPIRES_S, &notifier_events, watcher);
    tell(watcher, NULL, CORE_REGISTERED);
}

/* A watcher hears at once of its own contact and of the end of all; what others of the same user do can wait,
 * or many browsers of one user would tell each other of every click. */
static void
change(CoreWatcher *self, const CoreBinding *binding, CoreRegEvent event, bool last)
{
    bool gone = event != CORE_REGISTERED;

    if (last || is_own(self, binding))
        tell(self, gone ? binding : NULL, event);
    else
        self->dirty = true;
}

void
core_reg_event_changed(Core *self, const CoreBinding *binding, CoreRegEvent event)
{
    g_autoptr(GPtrArray) left = core_registrar_of_user(self->registrar, binding->impu);
    g_autoptr(GList) watchers = g_hash_table_get_keys(self->watchers);

    if (event == CORE_REFRESHED)
        return;
    for (GList *l = watchers; l; l = l->next)
        if (strcmp(((CoreWatcher *)l->data)->impu, binding->impu) == 0)
            change(l->data, binding, event, left->len == 0);
}

void
core_reg_event_sweep(Core *self)
{
    int64_t now = base_clock_now_us(self->clock);
    g_autoptr(GList) watchers = g_hash_table_get_keys(self->watchers);

    for (GList *l = watchers; l; l = l->next) {
        CoreWatcher *watcher = l->data;

        if (watcher->dirty && now - watcher->told_us >= PAUSE_US)
            tell(watcher, NULL, CORE_REGISTERED);
    }
}

void
core_reg_event_clear(Core *self)
{
    g_autoptr(GList) watchers = g_hash_table_get_keys(self->watchers);

    for (GList *l = watchers; l; l = l->next)
        watcher_free(l->data);
}
