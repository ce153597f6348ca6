/* imstv channel: live channels. The store is the wire: the running daemons notice the change. */
#include "cli/cli.h"
#include "cli/output.h"
#include "lib/base/error.h"
#include "lib/store/store.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: imstv [--state DIR] [--json] channel VERB ...\n\n"
    "Live channels. A running headend notices changes by itself.\n\n"
    "  add ID --input udp://ADDRESS:PORT   add a channel: MPEG-TS over UDP with H.264 (no B-frames) and "
    "sound\n"
    "    -i, --input URL     where it comes from; udp://@GROUP:PORT is multicast\n"
    "    -n, --name TITLE    title for people (default: the id)\n"
    "    -l, --lcn N         logical channel number (default: the next free one)\n"
    "    -p, --package ID    package that opens it (default: basic)\n"
    "  list                                all channels: number, id, title, package, input\n"
    "  remove ID                           remove a channel; its viewers are told\n";

typedef struct {
    char *name, *package;
    char **inputs;
    gint lcn;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->name);
    g_free(options->package);
    g_strfreev(options->inputs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
check_input(const char *url, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_PARSE_RELAXED, NULL);

    if (uri != NULL && strcmp(g_uri_get_scheme(uri), "udp") == 0 && g_uri_get_port(uri) > 0)
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                "--input %s: has to be udp://ADDRESS:PORT (MPEG-TS over UDP, unicast or multicast)", url);
    return false;
}

static int
add(int argc, char **argv, Store *store)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"input", 'i', 0, G_OPTION_ARG_STRING_ARRAY, &options.inputs, "Where the channel comes from",
         "udp://ADDRESS:PORT"},
        {"name", 'n', 0, G_OPTION_ARG_STRING, &options.name, "Title for people (default: the id)", "TITLE"},
        {"lcn", 'l', 0, G_OPTION_ARG_INT, &options.lcn, "Logical channel number (default: the next free)",
         "N"},
        {"package", 'p', 0, G_OPTION_ARG_STRING, &options.package, "Package (default: basic)", "ID"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) parser = g_option_context_new("ID - add a channel");
    g_autoptr(GError) error = NULL;
    StoreChannel channel = {0};

    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, &argc, &argv, &error)) {
        cli_fail(error);
        return 2;
    }
    if (argc != 2 || options.inputs == NULL || options.lcn < 0) {
        fprintf(stderr,
                "imstv: usage: imstv channel add ID --input udp://ADDRESS:PORT [--name TITLE] [--lcn N] "
                "[--package ID]\n");
        return 2;
    }
    for (char **input = options.inputs; *input != NULL; input++)
        if (!check_input(*input, &error))
            return cli_fail(error);
    channel = (StoreChannel){.id = argv[1],
                             .title = options.name,
                             .lcn = (unsigned)options.lcn,
                             .package = options.package,
                             .inputs = options.inputs};
    if (!store_channel_add(store, &channel, &error))
        return cli_fail(error);
    printf("channel %s added\n", argv[1]);
    return 0;
}

static void
print_channels_json(const GPtrArray *channels)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < channels->len; i++) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);

        json_builder_begin_object(builder);
        cli_json_add_string(builder, "id", channel->id);
        cli_json_add_string(builder, "title", channel->title);
        cli_json_add_int(builder, "lcn", channel->lcn);
        cli_json_add_string(builder, "package", channel->package);
        cli_json_add_strings(builder, "inputs", (const char *const *)channel->inputs);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    cli_print_json(builder);
}

static int
list(Store *store, bool json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) channels = store_channel_list(store, &error);

    if (channels == NULL)
        return cli_fail(error);
    if (json) {
        print_channels_json(channels);
        return 0;
    }
    for (guint i = 0; i < channels->len; i++) {
        const StoreChannel *channel = g_ptr_array_index(channels, i);
        g_autofree char *inputs = g_strjoinv(" ", channel->inputs);

        printf("%4u  %-20s %-24s %-12s %s\n", channel->lcn, channel->id, channel->title, channel->package,
               inputs);
    }
    return 0;
}

static int
remove_channel(const char *id, Store *store)
{
    g_autoptr(GError) error = NULL;

    if (!store_channel_remove(store, id, &error))
        return cli_fail(error);
    printf("channel %s removed\n", id);
    return 0;
}

int
cli_channel_main(int argc, char **argv, const CliContext *context)
{
    const char *verb = argc > 1 ? argv[1] : "";
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;

    if (cli_help_asked(argc, argv, help))
        return 0;
    if (strcmp(verb, "add") != 0 && !(strcmp(verb, "list") == 0 && argc == 2) &&
        !(strcmp(verb, "remove") == 0 && argc == 3)) {
        fprintf(stderr, "imstv: usage: imstv channel add ID --input URL ... | list | remove ID\n");
        return 2;
    }
    store = store_open(context->state_dir, &error);
    if (store == NULL)
        return cli_fail(error);
    if (strcmp(verb, "add") == 0)
        return add(argc - 1, argv + 1, store);
    return strcmp(verb, "list") == 0 ? list(store, context->json) : remove_channel(argv[2], store);
}
