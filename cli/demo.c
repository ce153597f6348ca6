#include "cli/demo.h"

#include "cli/plan.h"
#include "lib/base/error.h"
#include "lib/store/store.h"

#include <string.h>

#define DEMO_USER "demo"
#define DEMO_PASSWORD "demo"
#define INPUT_PREFIX "udp://127.0.0.1:"

static const struct {
    const char *id, *title;
    unsigned lcn;
} channels[] = {{"one", "Channel One", 1}, {"two", "Channel Two", 2}};

static bool
ensure_user(Store *store, const char *home_domain, GError **error)
{
    g_autofree char *impi = g_strdup_printf("%s@%s", DEMO_USER, home_domain);
    g_autoptr(StoreUser) user = store_user_get(store, impi, NULL);

    return user != NULL || store_user_add(store, DEMO_USER, home_domain, DEMO_PASSWORD, NULL, error);
}

static bool
ensure_channel(Store *store, size_t index, GError **error)
{
    g_autoptr(StoreChannel) have = store_channel_get(store, channels[index].id, NULL);
    g_autofree char *input = NULL;
    char *inputs[] = {NULL, NULL};
    StoreChannel channel = {.id = (char *)channels[index].id,
                            .title = (char *)channels[index].title,
                            .lcn = channels[index].lcn,
                            .inputs = inputs};
    uint16_t port;

    if (have != NULL)
        return true;
    port = cli_free_port(true, false);
    if (port == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no free UDP port for channel %s", channel.id);
        return false;
    }
    inputs[0] = input = g_strdup_printf(INPUT_PREFIX "%u", port);
    return store_channel_add(store, &channel, error);
}

bool
cli_demo_prepare(const CliContext *context, const char *home_domain, GError **error)
{
    g_autoptr(Store) store = store_open(context->state_dir, error);

    if (store == NULL || !ensure_user(store, home_domain, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(channels); i++)
        if (!ensure_channel(store, i, error))
            return false;
    return true;
}

bool
cli_demo_start(const CliContext *context, CliSupervisor *supervisor, GError **error)
{
    g_autoptr(Store) store = store_open(context->state_dir, error);
    g_autofree char *program = g_build_filename(context->program_dir, "imstv-demo-encoder", NULL);

    if (store == NULL)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(channels); i++) {
        g_autoptr(StoreChannel) channel = store_channel_get(store, channels[i].id, NULL);
        g_autofree char *name = g_strdup_printf("demo-encoder-%s", channels[i].id);

        /* the operator may have removed the channel, or given it an input of their own */
        if (channel == NULL || !g_str_has_prefix(channel->inputs[0], INPUT_PREFIX))
            continue;
        if (!cli_supervisor_add(supervisor, name,
                                (const char *const[]){program, "--channel", channels[i].id, "--output",
                                                      channel->inputs[0], NULL},
                                false, error))
            return false;
    }
    return true;
}
