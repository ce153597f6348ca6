/* imstv-iptv: the application servers that an operator may already own: service discovery (SDF), service
 * control (SCF) and service selection (SSF). */
#include "iptv/iptv.h"
#include "lib/base/daemon.h"

typedef struct {
    BaseDaemon *daemon;
    Iptv *iptv;
} State;

static void
on_stopped(Iptv *iptv G_GNUC_UNUSED, void *user_data)
{
    base_daemon_quit(((State *)user_data)->daemon);
}

static const IptvEvents events = {.stopped = on_stopped};

static bool
start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    IptvSettings *settings = iptv_settings_new(config, error);
    State *state;

    if (!settings)
        return false;

    state = g_new0(State, 1);
    state->daemon = daemon;
    state->iptv = iptv_new(settings, &events, state, error);
    if (!state->iptv) {
        g_free(state);
        return false;
    }
    *ret_state = state;
    base_daemon_ready(daemon, iptv_status(state->iptv));
    return true;
}

static void
stop(BaseDaemon *daemon G_GNUC_UNUSED, void *user_data)
{
    iptv_stop(((State *)user_data)->iptv);
}

static void
free_state(void *user_data)
{
    State *state = user_data;

    iptv_free(state->iptv);
    g_free(state);
}

int
main(int argc, char **argv)
{
    const BaseDaemonSpec spec = {
        .name = "imstv-iptv",
        .summary = "service discovery, service control and service selection functions",
        .keys = iptv_config_keys,
        .n_keys = iptv_n_config_keys,
        .start = start,
        .stop = stop,
        .free = free_state,
    };

    return base_daemon_main(argc, argv, &spec);
}
