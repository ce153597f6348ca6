#include "core/core.h"

#include <string.h>

#include "core/core-private.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#define PORT_TRIES 8

/* --- Addresses ------------------------------------------------------------------------------- */

bool
core_is_gm(const NetSipFlow *flow)
{
    return g_strcmp0(net_sip_flow_reference_point(flow), CORE_GM) == 0;
}

char *
core_uri(const Core *self, const char *user, bool isc, NetSipTransportKind kind)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_new("sip", user, self->listen, isc ? self->isc_port : self->port);

    net_sip_uri_set_param(uri, "transport", kind == NET_SIP_TCP ? "tcp" : "udp");
    net_sip_uri_set_param(uri, "lr", NULL);

    return net_sip_uri_to_string(uri);
}

bool
core_is_us(const Core *self, const NetSipUri *uri)
{
    uint16_t port = net_sip_uri_port(uri) ? net_sip_uri_port(uri) : 5060;
    const char *host = net_sip_uri_host(uri);

    if (host && g_ascii_strcasecmp(host, "localhost") == 0)
        host = "127.0.0.1";

    return g_strcmp0(host, self->listen) == 0 && (port == self->port || port == self->isc_port);
}

static void
trust_uri(Core *self, const char *text)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(text, NULL);

    if (uri && net_sip_uri_host(uri))
        g_hash_table_add(self->trusted, g_strdup(net_sip_uri_host(uri)));
}

static void
trust_servers(Core *self, const CoreConfig *config)
{
    g_hash_table_add(self->trusted, g_strdup(self->listen));
    for (int i = 0; i < core_triggers_count(self->triggers); i++)
        trust_uri(self, core_triggers_server(self->triggers, i));
    for (char **uri = self->third_party; *uri; uri++)
        trust_uri(self, *uri);
    for (const char *const *host = config->trusted; host && *host; host++)
        g_hash_table_add(self->trusted, g_strdup(*host));
}

/* --- Events ---------------------------------------------------------------------------------- */

static void
on_subscribe(NetSipUa *ua, NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data)
{
    (void)ua;
    core_handle_subscribe(user_data, notifier, subscribe);
}

static const NetSipUaEvents ua_events = {.subscribe = on_subscribe};

static void
on_binding_changed(const CoreBinding *binding, CoreRegEvent event, void *user_data)
{
    Core *self = user_data;
    BaseLogFields fields = {.user = binding->impu};

    if (event != CORE_REGISTERED && event != CORE_REFRESHED)
        base_info(&fields, "registration from %s ended: %s", binding->source, core_reg_event_name(event));
    core_reg_event_changed(self, binding, event);
    core_third_party_register(self, binding, event);
}

static const CoreRegistrarEvents registrar_events = {.changed = on_binding_changed};

static gboolean
on_sweep(gpointer user_data)
{
    Core *self = user_data;

    core_registrar_sweep(self->registrar);
    core_reg_event_sweep(self);

    return G_SOURCE_CONTINUE;
}

/* A user who was removed is put out by the network. */
static void
on_store_changed(void *user_data)
{
    Core *self = user_data;
    g_auto(GStrv) users = core_registrar_users(self->registrar);

    for (char **impu = users; *impu; impu++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(StoreUser) user = store_user_get_by_impu(self->store, *impu, &error);

        if (!user && g_error_matches(error, BASE_ERROR, BASE_ERROR_NOT_FOUND))
            core_registrar_unbind_user(self->registrar, *impu, CORE_REJECTED);
    }
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

/* UDP and TCP under one number; one that the system chose for TCP may be taken for UDP. */
static bool
listen_both(Core *self, uint16_t port, const char *reference_point, uint16_t *ret_port, GError **error)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        g_autoptr(GError) why = NULL;
        uint16_t got = 0;

        if (!net_sip_ua_listen(self->ua, NET_SIP_UDP, self->listen, port, reference_point, &got, error))
            return false;
        if (net_sip_ua_listen(self->ua, NET_SIP_TCP, self->listen, got, reference_point, NULL, &why)) {
            *ret_port = got;
            return true;
        }
        if (port != 0 || i == PORT_TRIES - 1) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
    }

    return false;
}

static void
start_services(Core *self, const BaseClock *clock)
{
    self->clock = clock;
    self->registrar = core_registrar_new(clock, &registrar_events, self);
    self->nonces = core_nonces_new(clock);
    self->watchers = g_hash_table_new(NULL, NULL);
    self->told = g_hash_table_new_full(NULL, NULL, core_told_free, NULL);
    self->sweep = g_timeout_add_seconds(1, on_sweep, self);
    self->watch = store_watch(self->store, on_store_changed, self);
    net_sip_ua_set_filter(self->ua, &core_router, self);
}

/* It is written into Route headers and Contacts, so it has to be one that others can send to. */
static bool
is_address(const char *listen, GError **error)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(listen);

    if (address && !g_inet_address_get_is_any(address))
        return true;
    g_set_error(
        error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
        "core.listen = \"%s\": has to be an IP address of this machine, not a name and not the wildcard",
        listen);

    return false;
}

Core *
core_new(const CoreConfig *config, Store *store, GError **error)
{
    g_autoptr(Core) self = g_new0(Core, 1);
    NetSipUaConfig ua_config = {.name = "imstv-core/" IMSTV_VERSION, .clock = config->clock};

    if (!is_address(config->listen, error))
        return NULL;
    self->store = store;
    self->listen = g_strdup(config->listen);
    self->home_domain = g_ascii_strdown(config->home_domain, -1);
    self->expires_max_s = config->expires_max_s;
    self->third_party = g_strdupv((char **)config->third_party);
    if (!self->third_party)
        self->third_party = g_new0(char *, 1);
    self->trusted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->triggers = core_triggers_new(config->triggers, error);
    if (!self->triggers)
        return NULL;
    trust_servers(self, config);
    self->ua = net_sip_ua_new(&ua_config, &ua_events, self);
    start_services(self, config->clock ? config->clock : base_clock_monotonic());
    if (!listen_both(self, config->port, CORE_GM, &self->port, error) ||
        !listen_both(self, config->isc_port, CORE_ISC, &self->isc_port, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
core_free(Core *self)
{
    if (!self)
        return;
    if (self->sweep)
        g_source_remove(self->sweep);
    if (self->watch)
        store_unwatch(self->store, self->watch);
    if (self->watchers)
        core_reg_event_clear(self);
    g_clear_pointer(&self->watchers, g_hash_table_unref);
    net_sip_ua_free(self->ua);
    g_clear_pointer(&self->told, g_hash_table_unref);
    core_registrar_free(self->registrar);
    core_nonces_free(self->nonces);
    core_triggers_free(self->triggers);
    g_clear_pointer(&self->trusted, g_hash_table_unref);
    g_strfreev(self->third_party);
    g_free(self->listen);
    g_free(self->home_domain);
    g_free(self);
}

uint16_t
core_port(const Core *self)
{
    return self->port;
}

uint16_t
core_isc_port(const Core *self)
{
    return self->isc_port;
}
