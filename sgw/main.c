/* imstv-sgw: the signalling gateway. */

#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "sgw/sgw.h"

static bool
on_start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    Sgw *sgw = sgw_new(config, error);
    g_autofree char *status = NULL;

    if (!sgw)
        return false;
    *ret_state = sgw;
    status = g_strdup_printf("page=%u admin=%u", sgw_port(sgw), sgw_admin_port(sgw));
    base_notice(NULL, "serving the page on http://%s:%u/", base_config_string(config, "sgw", "listen"),
                sgw_port(sgw));
    base_daemon_ready(daemon, status);
    return true;
}

static void
on_stopped(void *user_data)
{
    base_daemon_quit(user_data);
}

static void
on_stop(BaseDaemon *daemon, void *state)
{
    sgw_stop(state, on_stopped, daemon);
}

static void
on_free(void *state)
{
    sgw_free(state);
}

int
main(int argc, char **argv)
{
    const BaseDaemonSpec spec = {
        .name = "imstv-sgw",
        .summary = "signalling gateway between browsers and IMS",
        .keys = sgw_keys,
        .n_keys = sgw_n_keys,
        .start = on_start,
        .stop = on_stop,
        .free = on_free,
    };

    return base_daemon_main(argc, argv, &spec);
}
