/* imstv-mdf: the media delivery function. */
#include "lib/base/daemon.h"
#include "lib/base/headend-config.h"
#include "mdf/channels/sources.h"
#include "mdf/control/whep.h"
#include "mdf/mdf.h"

static const BaseConfigKey keys[] = {BASE_HEADEND_KEYS, MDF_KEYS, MDF_SOURCES_KEYS, MDF_WHEP_KEYS};

static bool
start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    Mdf *mdf = mdf_new(config, error);
    g_autofree char *status = mdf ? mdf_describe(mdf) : NULL;

    if (!mdf)
        return false;
    *ret_state = mdf;
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
    mdf_stop(state, on_stopped, daemon);
}

static void
free_state(void *state)
{
    mdf_free(state);
}

int
main(int argc, char **argv)
{
    static const BaseDaemonSpec spec = {
        .name = "imstv-mdf",
        .summary = "media delivery function: reels, ICE, DTLS-SRTP, Xp and WHEP",
        .keys = keys,
        .n_keys = G_N_ELEMENTS(keys),
        .start = start,
        .stop = stop,
        .free = free_state,
    };

    return base_daemon_main(argc, argv, &spec);
}
