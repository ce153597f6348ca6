#include "core/registrar.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/metrics.h"

struct CoreRegistrar {
    const BaseClock *clock;
    const CoreRegistrarEvents *events;
    void *user_data;
    GHashTable *sources;  /* source -> CoreBinding, owned */
    GHashTable *contacts; /* "tcp host:port" of the Contact -> CoreBinding */
    GHashTable *users;    /* impu -> GPtrArray of CoreBinding */
};

const char *
core_reg_event_name(CoreRegEvent event)
{
    switch (event) {
    case CORE_REGISTERED:
        return "registered";
    case CORE_REFRESHED:
        return "refreshed";
    case CORE_UNREGISTERED:
        return "unregistered";
    case CORE_EXPIRED:
        return "expired";
    case CORE_DEACTIVATED:
        return "deactivated";
    case CORE_REJECTED:
        return "rejected";
    }
    return "registered";
}

/* --- Keys ------------------------------------------------------------------------------------ */

static char *
source_of(const NetSipFlow *flow)
{
    return g_strdup_printf("%s %s", net_sip_flow_kind(flow) == NET_SIP_TCP ? "tcp" : "udp",
                           net_sip_flow_peer(flow));
}

static char *
contact_key(const NetSipUri *uri)
{
    const char *transport = net_sip_uri_param(uri, "transport");
    bool tcp = transport && g_ascii_strcasecmp(transport, "tcp") == 0;

    return g_strdup_printf("%s %s:%u", tcp ? "tcp" : "udp", net_sip_uri_host(uri),
                           net_sip_uri_port(uri) ? net_sip_uri_port(uri) : 5060);
}

static char *
contact_key_of(const char *contact)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(contact, NULL);

    return uri && net_sip_uri_host(uri) ? contact_key(uri) : g_strdup(contact);
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static void
binding_free(gpointer data)
{
    CoreBinding *self = data;

    g_free(self->source);
    g_free(self->impi);
    g_free(self->impu);
    g_free(self->contact);
    g_free(self->id);
    net_sip_flow_unref(self->flow);
    g_free(self);
}

CoreRegistrar *
core_registrar_new(const BaseClock *clock, const CoreRegistrarEvents *events, void *user_data)
{
    CoreRegistrar *self = g_new0(CoreRegistrar, 1);

    self->clock = clock;
    self->events = events;
    self->user_data = user_data;
    self->sources = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, binding_free);
    self->contacts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);

    return self;
}

void
core_registrar_free(CoreRegistrar *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->users);
    g_hash_table_unref(self->contacts);
    g_hash_table_unref(self->sources);
    g_free(self);
}

static void
count(CoreRegistrar *self)
{
    base_metric_set(base_gauge("imstv_core_bindings", NULL, "registered contacts"),
                    core_registrar_count(self));
}

/* --- Changes --------------------------------------------------------------------------------- */

static GPtrArray *
list_of(CoreRegistrar *self, const char *impu)
{
    GPtrArray *list = g_hash_table_lookup(self->users, impu);

    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(self->users, g_strdup(impu), list);
    }

    return list;
}

static void
set_contact(CoreRegistrar *self, CoreBinding *binding, const char *contact)
{
    if (binding->contact) {
        g_autofree char *old = contact_key_of(binding->contact);

        if (g_hash_table_lookup(self->contacts, old) == binding)
            g_hash_table_remove(self->contacts, old);
    }
    g_free(binding->contact);
    binding->contact = g_strdup(contact);
    if (contact) {
        char *key = contact_key_of(contact);

        /* First come: nobody draws another user's requests to himself by registering his address. */
        if (g_hash_table_contains(self->contacts, key))
            g_free(key);
        else
            g_hash_table_insert(self->contacts, key, binding);
    }
}

static void remove_binding(CoreRegistrar *self, CoreBinding *binding, CoreRegEvent why);

/* Bindings whose connection is gone wait for their user to come back, but not at the expense of others. */
static void
drop_unreachable(CoreRegistrar *self)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    GHashTableIter iter;
    gpointer binding;

    g_hash_table_iter_init(&iter, self->sources);
    while (g_hash_table_iter_next(&iter, NULL, &binding))
        if (!net_sip_flow_is_open(((CoreBinding *)binding)->flow))
            g_ptr_array_add(gone, binding);
    for (guint i = 0; i < gone->len; i++)
        remove_binding(self, g_ptr_array_index(gone, i), CORE_DEACTIVATED);
}

static bool
is_full(const CoreRegistrar *self, const char *impu)
{
    GPtrArray *list = g_hash_table_lookup(self->users, impu);

    return core_registrar_count(self) >= CORE_MAX_BINDINGS ||
           (list && list->len >= CORE_MAX_BINDINGS_PER_USER);
}

static bool
has_room(CoreRegistrar *self, const char *impu, GError **error)
{
    if (is_full(self, impu))
        drop_unreachable(self);
    if (!is_full(self, impu))
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "too many registered contacts");

    return false;
}

static CoreBinding *
binding_new(CoreRegistrar *self, NetSipFlow *flow, const char *impi, const char *impu)
{
    CoreBinding *binding = g_new0(CoreBinding, 1);

    binding->source = source_of(flow);
    binding->impi = g_strdup(impi);
    binding->impu = g_strdup(impu);
    binding->id = base_id_new();
    g_hash_table_insert(self->sources, binding->source, binding);
    g_ptr_array_add(list_of(self, impu), binding);
    count(self);

    return binding;
}

bool
core_registrar_bind(CoreRegistrar *self,
                    NetSipFlow *flow,
                    const char *impi,
                    const char *impu,
                    const char *contact,
                    guint expires_s,
                    GError **error)
{
    CoreBinding *binding = (CoreBinding *)core_registrar_of_flow(self, flow);
    CoreRegEvent event = binding ? CORE_REFRESHED : CORE_REGISTERED;

    if (binding && strcmp(binding->impu, impu) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "this connection belongs to another user");
        return false;
    }
    if (!binding && !has_room(self, impu, error))
        return false;
    if (!binding)
        binding = binding_new(self, flow, impi, impu);
    net_sip_flow_ref(flow);
    net_sip_flow_unref(binding->flow);
    binding->flow = flow;
    binding->until_us = base_clock_now_us(self->clock) + (int64_t)expires_s * 1000000;
    set_contact(self, binding, contact);
    self->events->changed(binding, event, self->user_data);

    return true;
}

static void
remove_binding(CoreRegistrar *self, CoreBinding *binding, CoreRegEvent why)
{
    GPtrArray *list = list_of(self, binding->impu);
    g_autofree char *contact = g_strdup(binding->contact);

    set_contact(self, binding, NULL);
    binding->contact = g_steal_pointer(&contact);
    g_ptr_array_remove_fast(list, binding);
    if (list->len == 0)
        g_hash_table_remove(self->users, binding->impu);
    g_hash_table_steal(self->sources, binding->source);
    count(self);
    self->events->changed(binding, why, self->user_data);
    binding_free(binding);
}

void
core_registrar_unbind(CoreRegistrar *self, NetSipFlow *flow, CoreRegEvent why)
{
    CoreBinding *binding = (CoreBinding *)core_registrar_of_flow(self, flow);

    if (binding)
        remove_binding(self, binding, why);
}

void
core_registrar_unbind_user(CoreRegistrar *self, const char *impu, CoreRegEvent why)
{
    GPtrArray *list;

    while ((list = g_hash_table_lookup(self->users, impu)))
        remove_binding(self, g_ptr_array_index(list, 0), why);
}

void
core_registrar_sweep(CoreRegistrar *self)
{
    int64_t now = base_clock_now_us(self->clock);
    g_autoptr(GPtrArray) late = g_ptr_array_new();
    GHashTableIter iter;
    gpointer binding;

    g_hash_table_iter_init(&iter, self->sources);
    while (g_hash_table_iter_next(&iter, NULL, &binding))
        if (((CoreBinding *)binding)->until_us <= now)
            g_ptr_array_add(late, binding);
    for (guint i = 0; i < late->len; i++)
        remove_binding(self, g_ptr_array_index(late, i), CORE_EXPIRED);
}

/* --- Look-up --------------------------------------------------------------------------------- */

const CoreBinding *
core_registrar_of_flow(CoreRegistrar *self, const NetSipFlow *flow)
{
    g_autofree char *source = source_of(flow);

    return g_hash_table_lookup(self->sources, source);
}

const CoreBinding *
core_registrar_of_contact(CoreRegistrar *self, const NetSipUri *uri)
{
    g_autofree char *key = net_sip_uri_host(uri) ? contact_key(uri) : NULL;

    return key ? g_hash_table_lookup(self->contacts, key) : NULL;
}

GPtrArray *
core_registrar_of_user(CoreRegistrar *self, const char *impu)
{
    GPtrArray *list = g_hash_table_lookup(self->users, impu);
    GPtrArray *copy = g_ptr_array_new();

    for (guint i = 0; list && i < list->len; i++)
        g_ptr_array_add(copy, g_ptr_array_index(list, i));

    return copy;
}

char **
core_registrar_users(CoreRegistrar *self)
{
    GStrvBuilder *names = g_strv_builder_new();
    GHashTableIter iter;
    gpointer impu;
    char **result;

    g_hash_table_iter_init(&iter, self->users);
    while (g_hash_table_iter_next(&iter, &impu, NULL))
        g_strv_builder_add(names, impu);
    result = g_strv_builder_end(names);
    g_strv_builder_unref(names);

    return result;
}

guint
core_registrar_expires_s(const CoreRegistrar *self, const CoreBinding *binding)
{
    int64_t left_us = binding->until_us - base_clock_now_us(self->clock);

    return left_us > 0 ? (guint)((left_us + 999999) / 1000000) : 0;
}

guint
core_registrar_count(const CoreRegistrar *self)
{
    return g_hash_table_size(self->sources);
}
