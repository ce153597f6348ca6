/* imstv asset: films in and out of the catalogue. */
#include "cli/asset.h"

#include "cli/asset-job.h"
#include "cli/output.h"
#include "lib/base/error.h"
#include "lib/proto/json-print.h"
#include "lib/store/catalogue.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "imstv: usage: imstv asset add FILE [--id ID] [--title TEXT] [--credit TEXT] [--synopsis TEXT] "
    "| list | show ID | remove ID\n";

static const char help[] = "Usage: imstv [--state DIR] [--json] asset VERB ...\n\n"
                           "Films: takes them in, lists them, removes them.\n\n"
                           "  add FILE    take a film in (MP4, MOV, MKV or MPEG-TS): probe it, say what "
                           "would not play, conform it,\n"
                           "              publish it\n"
                           "    --id ID          id in addresses (default: from the title)\n"
                           "    --title TEXT     title (default: from the file's name)\n"
                           "    --credit TEXT    who made it, and its licence\n"
                           "    --synopsis TEXT  what it is about\n"
                           "  list        all films: id, length, title\n"
                           "  show ID     one film with its tracks\n"
                           "  remove ID   take it off the catalogue and delete its files\n";

typedef struct {
    char *id, *title, *credit, *synopsis;
} Options;

static void
options_clear(Options *self)
{
    g_free(self->id);
    g_free(self->title);
    g_free(self->credit);
    g_free(self->synopsis);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static void
set_text(JsonObject *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_string_member(object, name, value);
}

static int
add_over_api(const char *port, const char *file, const Options *options, bool json)
{
    g_autoptr(JsonObject) request = json_object_new();
    g_autoptr(JsonObject) job = NULL;
    g_autoptr(GError) error = NULL;

    set_text(request, "file", file);
    set_text(request, "id", options->id);
    set_text(request, "title", options->title);
    set_text(request, "credit", options->credit);
    set_text(request, "synopsis", options->synopsis);
    job = cli_asset_job_run(port, request, !json, &error);
    if (job == NULL)
        return cli_fail(error);
    if (json) {
        g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), job);
        g_autofree char *text = proto_json_print(root, true);

        printf("%s\n", text);
    } else {
        printf("%s: published as \"%s\".\n", json_object_get_string_member_with_default(job, "title", ""),
               json_object_get_string_member_with_default(job, "asset", ""));
    }
    return 0;
}

/* No headend runs: imstv-ingest does it and ends. Ctrl-C reaches it too: it is in our process group. */
static int
run_ingest(const CliContext *context, GStrv arguments)
{
    g_autofree char *program = g_build_filename(context->program_dir, "imstv-ingest", NULL);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) argv = NULL;
    g_autoptr(GError) error = NULL;
    int status = 0;

    g_strv_builder_add_many(builder, program, "--state", context->state_dir, NULL);
    g_strv_builder_addv(builder, (const char **)arguments);
    argv = g_strv_builder_end(builder);
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &status,
                      &error))
        return cli_fail(error);
    if (g_spawn_check_wait_status(status, &error))
        return 0;
    return error->domain == G_SPAWN_EXIT_ERROR ? error->code : cli_fail(error);
}

static void
add_option(GStrvBuilder *builder, const char *name, const char *value)
{
    if (value != NULL)
        g_strv_builder_add_many(builder, name, value, NULL);
}

static int
add_alone(const CliContext *context, const char *file, const Options *options)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) arguments = NULL;

    g_strv_builder_add_many(builder, "--once", file, NULL);
    if (context->json)
        g_strv_builder_add(builder, "--json");
    add_option(builder, "--id", options->id);
    add_option(builder, "--title", options->title);
    add_option(builder, "--credit", options->credit);
    add_option(builder, "--synopsis", options->synopsis);
    arguments = g_strv_builder_end(builder);
    return run_ingest(context, arguments);
}

static int
add(int argc, char **argv, const CliContext *context)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"id", 0, 0, G_OPTION_ARG_STRING, &options.id, "Id (default: from the title)", "ID"},
        {"title", 0, 0, G_OPTION_ARG_STRING, &options.title, "Title (default: from the file's name)", "TEXT"},
        {"credit", 0, 0, G_OPTION_ARG_STRING, &options.credit, "Who made it, and its licence", "TEXT"},
        {"synopsis", 0, 0, G_OPTION_ARG_STRING, &options.synopsis, "What it is about", "TEXT"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) parser =
        g_option_context_new("FILE - take a film in: MP4, MOV, MKV or MPEG-TS");
    g_autofree char *file = NULL;
    g_autofree char *port = NULL;
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, &argc, &argv, &error)) {
        cli_fail(error);
        return 2;
    }
    if (argc != 2) {
        fputs(usage, stderr);
        return 2;
    }
    file = g_canonicalize_filename(argv[1], NULL);
    port = cli_headend_value(context, "ingest", "http_port");
    return port != NULL ? add_over_api(port, file, &options, context->json)
                        : add_alone(context, file, &options);
}

static void
describe_tracks(JsonBuilder *builder, const StoreAsset *asset)
{
    json_builder_set_member_name(builder, "tracks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < asset->tracks->len; i++) {
        const StoreTrack *track = g_ptr_array_index(asset->tracks, i);

        json_builder_begin_object(builder);
        cli_json_add_string(builder, "kind",
                            track->kind == STORE_TRACK_AUDIO   ? "audio"
                            : track->kind == STORE_TRACK_VIDEO ? "video"
                                                               : "trick");
        cli_json_add_string(builder, "codec", track->codec);
        cli_json_add_string(builder, "file", track->file);
        if (track->language != NULL)
            cli_json_add_string(builder, "language", track->language);
        if (track->width > 0) {
            cli_json_add_int(builder, "width", track->width);
            cli_json_add_int(builder, "height", track->height);
            json_builder_set_member_name(builder, "fps");
            json_builder_add_double_value(builder, track->fps);
        }
        cli_json_add_int(builder, "bitrate_kbps", track->bitrate_kbps);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
describe(JsonBuilder *builder, const StoreAsset *asset)
{
    json_builder_begin_object(builder);
    cli_json_add_string(builder, "id", asset->id);
    cli_json_add_string(builder, "title", asset->title);
    if (asset->synopsis != NULL)
        cli_json_add_string(builder, "synopsis", asset->synopsis);
    if (asset->credit != NULL)
        cli_json_add_string(builder, "credit", asset->credit);
    json_builder_set_member_name(builder, "duration");
    json_builder_add_double_value(builder, (double)((asset->duration_us + 500) / 1000) / 1000);
    cli_json_add_int(builder, "created", asset->created);
    describe_tracks(builder, asset);
    json_builder_end_object(builder);
}

static int
list(StoreCatalogue *catalogue, bool json)
{
    g_autoptr(GPtrArray) assets = store_catalogue_list(catalogue);
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < assets->len; i++) {
        const StoreAsset *asset = g_ptr_array_index(assets, i);
        int seconds = (int)(asset->duration_us / G_USEC_PER_SEC);

        if (json)
            describe(builder, asset);
        else
            printf("%-28s %2d:%02d:%02d  %s\n", asset->id, seconds / 3600, seconds / 60 % 60, seconds % 60,
                   asset->title);
    }
    json_builder_end_array(builder);
    if (json)
        cli_print_json(builder);
    return 0;
}

static void
print_line(const char *name, const char *value)
{
    if (value != NULL)
        printf("%-10s %s\n", name, value);
}

static void
print_asset(const StoreAsset *asset)
{
    print_line("id", asset->id);
    print_line("title", asset->title);
    print_line("synopsis", asset->synopsis);
    print_line("credit", asset->credit);
    printf("%-10s %.1f s\n", "duration", (double)asset->duration_us / 1e6);
    for (guint i = 0; i < asset->tracks->len; i++) {
        const StoreTrack *track = g_ptr_array_index(asset->tracks, i);

        if (track->width > 0)
            printf("%-10s %s %ux%u, %g frames a second, %u kbit/s\n", "picture", track->codec, track->width,
                   track->height, track->fps, track->bitrate_kbps);
        else
            printf("%-10s %s%s%s, %u kbit/s\n", "sound", track->codec, track->language != NULL ? " " : "",
                   track->language != NULL ? track->language : "", track->bitrate_kbps);
    }
}

static int
show_asset(StoreCatalogue *catalogue, const char *id, bool json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreAsset) asset = store_catalogue_get(catalogue, id, &error);

    if (asset == NULL)
        return cli_fail(error);
    if (json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        describe(builder, asset);
        cli_print_json(builder);
    } else {
        print_asset(asset);
    }
    return 0;
}

static int
remove_asset(const CliContext *context, char *id)
{
    g_autofree char *port = cli_headend_value(context, "ingest", "http_port");
    g_autofree char *escaped = g_uri_escape_string(id, NULL, FALSE);
    g_autofree char *path = g_strconcat("/api/v1/assets/", escaped, NULL);
    g_autoptr(GError) error = NULL;

    if (port == NULL)
        return run_ingest(context, (char *[]){"--remove", id, NULL});
    if (!cli_asset_request(port, "DELETE", path, &error))
        return cli_fail(error);
    printf("asset %s removed\n", id);
    return 0;
}

int
cli_asset_main(int argc, char **argv, const CliContext *context)
{
    const char *verb = argc > 1 ? argv[1] : "";
    g_autoptr(StoreCatalogue) catalogue = NULL;
    g_autoptr(GError) error = NULL;

    if (cli_help_asked(argc, argv, help))
        return 0;
    if (strcmp(verb, "add") == 0)
        return add(argc - 1, argv + 1, context);
    if (strcmp(verb, "remove") == 0 && argc == 3)
        return remove_asset(context, argv[2]);
    if (!(strcmp(verb, "list") == 0 && argc == 2) && !(strcmp(verb, "show") == 0 && argc == 3)) {
        fputs(usage, stderr);
        return 2;
    }
    catalogue = store_catalogue_new(context->state_dir, &error);
    if (catalogue == NULL)
        return cli_fail(error);
    return strcmp(verb, "list") == 0 ? list(catalogue, context->json)
                                     : show_asset(catalogue, argv[2], context->json);
}
