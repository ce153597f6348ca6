/* imstv-mcf: the media control function. */
#include "lib/base/daemon.h"
#include "lib/base/headend-config.h"
#include "mcf-extensions/mcf.h"

static const BaseConfigKey keys[] = {BASE_HEADEND_KEYS, MCF_KEYS};

static bool
start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    Mcf *mcf = mcf_new(config, error);
    g_autofree char *status = mcf ? mcf_describe(mcf) : NULL;

    if (!mcf)
        return false;
    *ret_state = mcf;
    base_daemon_ready(daemon, status);
    return true;
}

static void
on_stopped(void *user_data)
{
    base_daemon_quit(user_data);
}

static void
stop(BaseDaemon *daemon, void *state)
{
    mcf_stop(state, on_stopped, daemon);
}

static void
free_state(void *state)
{
    mcf_free(state);
}

int
main(int argc, char **argv)
{
    static const BaseDaemonSpec spec = {
        .name = "imstv-mcf",
        .summary = "media control function: y2 (SIP), Xc (RTSP), Xp (HTTP)",
        .keys = keys,
        .n_keys = G_N_ELEMENTS(keys),
        .start = start,
        .stop = stop,
        .free = free_state,
    };

    return base_daemon_main(argc, argv, &spec);
}
