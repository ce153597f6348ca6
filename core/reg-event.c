/* The registration event package: who watches an identity hears of every change, also of those that the
 * network makes. Spec: RFC 3680, TS 24.229 5.4.2.1. */
#include <string.h>

#include "core/core-private.h"
#include "core/identity.h"

#define MAX_WATCHERS 20000
#define MAX_EXPIRES_S 600000
#define REGINFO "application/reginfo+xml"

typedef struct {
    Core *core;
    NetSipNotifier *notifier;
    char *impu;
    guint version;
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

/* Full state; @gone: a binding that has just ended, or NULL. */
static char *
reginfo(CoreWatcher *self, const CoreBinding *gone, CoreRegEvent why)
{
    g_autoptr(GPtrArray) bindings = core_registrar_of_user(self->core->registrar, self->impu);
    g_autofree char *aor = g_markup_escape_text(self->impu, -1);
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n");

    g_string_append_printf(out,
                           "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"%u\" state=\"full\">"
                           "<registration aor=\"%s\" id=\"r\" state=\"%s\">",
                           self->version++, aor,
                           bindings->len > 0 ? "active"
                           : gone            ? "terminated"
                                             : "init");
    for (guint i = 0; i < bindings->len; i++)
        append_contact(out, self->core, g_ptr_array_index(bindings, i), CORE_REGISTERED);
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

void
core_reg_event_changed(Core *self, const CoreBinding *binding, CoreRegEvent event)
{
    bool gone = event != CORE_REGISTERED && event != CORE_REFRESHED;
    g_autoptr(GList) watchers = g_hash_table_get_keys(self->watchers);

    if (event == CORE_REFRESHED)
        return;
    for (GList *l = watchers; l; l = l->next) {
        CoreWatcher *watcher = l->data;

        if (strcmp(watcher->impu, binding->impu) == 0)
            tell(watcher, gone ? binding : NULL, event);
    }
}

void
core_reg_event_clear(Core *self)
{
    g_autoptr(GList) watchers = g_hash_table_get_keys(self->watchers);

    for (GList *l = watchers; l; l = l->next)
        watcher_free(l->data);
}
