/* imstv-core: the embedded IMS core as a daemon. */
#include "core/core.h"
#include "lib/base/daemon.h"
#include "lib/base/headend-config.h"
#include "lib/net/admin.h"

static const BaseConfigKey keys[] = {
    BASE_HEADEND_KEYS,
    {"core", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "address of the SIP ports"},
    {"core", "port", BASE_CONFIG_INT, "5060", 0, 65535, NULL,
     "SIP port for terminals (Gm), UDP and TCP; 0: chosen"},
    {"core", "isc_port", BASE_CONFIG_INT, "0", 0, 65535, NULL,
     "SIP port for application servers (ISC), UDP and TCP; 0: chosen"},
    {"core", "triggers", BASE_CONFIG_LIST, NULL, 0, 0, NULL,
     "trigger table: entries 'METHODS REGEX SIP-URI', matched in order against the Request-URI"},
    {"core", "third_party", BASE_CONFIG_LIST, NULL, 0, 0, NULL,
     "SIP URIs that get a REGISTER for each registration"},
    {"core", "trusted", BASE_CONFIG_LIST, NULL, 0, 0, NULL,
     "addresses that may use the ISC port, besides those of triggers and third_party"},
    {"core", "expires_max_s", BASE_CONFIG_INT, "600", 20, 86400, NULL,
     "longest registration; nine tenths are granted"},
    {"core", "admin_port", BASE_CONFIG_INT, "9991", 0, 65535, NULL,
     "metrics and health on loopback; 0: chosen"},
};

typedef struct {
    Store *store;
    Core *core;
    NetAdmin *admin;
} Daemon;

static void
daemon_free(void *state)
{
    Daemon *self = state;

    net_admin_free(self->admin);
    core_free(self->core);
    store_free(self->store);
    g_free(self);
}

static Core *
make_core(const BaseConfig *config, Store *store, GError **error)
{
    CoreConfig core = {
        .listen = base_config_string(config, "core", "listen"),
        .port = (uint16_t)base_config_int(config, "core", "port"),
        .isc_port = (uint16_t)base_config_int(config, "core", "isc_port"),
        .home_domain = base_config_string(config, "headend", "home_domain"),
        .triggers = base_config_list(config, "core", "triggers"),
        .third_party = base_config_list(config, "core", "third_party"),
        .trusted = base_config_list(config, "core", "trusted"),
        .expires_max_s = (guint)base_config_int(config, "core", "expires_max_s"),
    };

    return core_new(&core, store, error);
}

static bool
start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    Daemon *self = g_new0(Daemon, 1);
    g_autofree char *status = NULL;
    uint16_t admin_port = 0;

    self->store = store_open(base_config_string(config, "headend", "state_dir"), error);
    if (self->store)
        self->core = make_core(config, self->store, error);
    if (self->core)
        self->admin =
            net_admin_new((uint16_t)base_config_int(config, "core", "admin_port"), &admin_port, error);
    if (!self->admin) {
        daemon_free(self);
        return false;
    }
    *ret_state = self;
    net_admin_set_ready(self->admin, NULL);
    status = g_strdup_printf("sip=%u isc=%u admin=%u", core_port(self->core), core_isc_port(self->core),
                             admin_port);
    base_daemon_ready(daemon, status);

    return true;
}

static void
stop(BaseDaemon *daemon, void *state)
{
    (void)state;
    base_daemon_quit(daemon);
}

static const BaseDaemonSpec spec = {
    .name = "imstv-core",
    .summary = "embedded IMS core: registrar, proxy and trigger table",
    .keys = keys,
    .n_keys = G_N_ELEMENTS(keys),
    .start = start,
    .stop = stop,
    .free = daemon_free,
};

int
main(int argc, char **argv)
{
    return base_daemon_main(argc, argv, &spec);
}
