/* imstv status: asks each daemon's admin listener, and the MDF for its viewers and channels. */
#include "cli/cli.h"
#include "cli/output.h"
#include "lib/base/error.h"
#include "lib/net/http-client.h"

#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 2000

static const char help[] =
    "Usage: imstv [--state DIR] [--json] status\n\n"
    "What runs, and how it is: each daemon with the reason where it is not ready, the viewers, and each "
    "channel\n"
    "with the state of its input. Exit code 0: all is ready; 1: something is not, or no headend runs.\n";

static const char *const sections[] = {"sgw", "core", "iptv", "mcf", "mdf", "ingest"};

typedef struct {
    GMainLoop *loop;
    unsigned waiting;
    bool ready[G_N_ELEMENTS(sections)];
    char *why[G_N_ELEMENTS(sections)]; /* not ready, in words */
    JsonNode *mdf;                     /* answer of Xp, or NULL */
} Status;

typedef struct {
    Status *status;
    size_t index;
} Question;

static void
one_less(Status *status)
{
    if (--status->waiting == 0)
        g_main_loop_quit(status->loop);
}

static void
on_ready_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Question *question = user_data;
    Status *status = question->status;
    size_t index = question->index;

    status->ready[index] = answer != NULL && net_http_answer_status(answer) == 200;
    if (error != NULL)
        status->why[index] = g_strdup(error->message);
    else if (!status->ready[index])
        status->why[index] = g_strchomp(g_strdup(net_http_answer_body(answer, NULL)));
    one_less(status);
}

static void
on_mdf_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Status *status = user_data;

    (void)error;
    if (answer != NULL && net_http_answer_status(answer) == 200)
        status->mdf = json_from_string(net_http_answer_body(answer, NULL), NULL);
    one_less(status);
}

static void
ask(Status *status, NetHttpClient *client, const CliContext *context, Question *questions)
{
    g_autofree char *xp_port = cli_headend_value(context, "mdf", "xp_port");
    g_autofree char *xp_url = g_strdup_printf("http://127.0.0.1:%s/xp/v1/status", xp_port);

    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        g_autofree char *port = cli_headend_value(context, sections[i], "admin_port");
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%s/readyz", port);

        questions[i] = (Question){status, i};
        net_http_client_send(client, &(NetHttpRequest){.url = url, .deadline_ms = DEADLINE_MS},
                             on_ready_answer, &questions[i]);
    }
    net_http_client_send(client, &(NetHttpRequest){.url = xp_url, .deadline_ms = DEADLINE_MS}, on_mdf_answer,
                         status);
    status->waiting = G_N_ELEMENTS(sections) + 1;
    g_main_loop_run(status->loop);
}

static void
print_json(const Status *status)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "daemons");
    json_builder_begin_array(builder);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        json_builder_begin_object(builder);
        cli_json_add_string(builder, "name", sections[i]);
        json_builder_set_member_name(builder, "ready");
        json_builder_add_boolean_value(builder, status->ready[i]);
        cli_json_add_string(builder, "reason", status->why[i]);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "mdf");
    if (status->mdf != NULL)
        json_builder_add_value(builder, json_node_copy(status->mdf));
    else
        json_builder_add_null_value(builder);
    json_builder_end_object(builder);
    cli_print_json(builder);
}

static const char *
text_of(JsonObject *object, const char *name)
{
    return json_object_get_string_member_with_default(object, name, "");
}

static void
print_channel(JsonObject *channel)
{
    const char *error = text_of(channel, "last_error");

    printf("channel %-14s %-10s", text_of(channel, "id"), text_of(channel, "state"));
    if (text_of(channel, "video")[0] != '\0')
        printf(" %s, sound %s, %" G_GINT64_FORMAT " kbit/s, %" G_GINT64_FORMAT " ms delay",
               text_of(channel, "video"),
               text_of(channel, "audio")[0] != '\0' ? text_of(channel, "audio") : "none",
               json_object_get_int_member_with_default(channel, "bitrate_kbps", 0),
               json_object_get_int_member_with_default(channel, "delay_ms", 0));
    else
        printf(" %s", text_of(channel, "input"));
    printf("%s%s%s\n",
           json_object_get_boolean_member_with_default(channel, "b_frames", FALSE) ? ", B-FRAMES" : "",
           error[0] != '\0' ? ": " : "", error);
}

static void
print_mdf(JsonObject *mdf)
{
    JsonNode *node = json_object_get_member(mdf, "channels");
    JsonArray *channels = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    printf("viewers: %" G_GINT64_FORMAT " of at most %" G_GINT64_FORMAT "\n",
           json_object_get_int_member_with_default(mdf, "viewers", 0),
           json_object_get_int_member_with_default(mdf, "capacity", 0));
    for (guint i = 0; channels != NULL && i < json_array_get_length(channels); i++) {
        JsonNode *channel = json_array_get_element(channels, i);

        if (JSON_NODE_HOLDS_OBJECT(channel))
            print_channel(json_node_get_object(channel));
    }
}

static void
print_text(const Status *status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        printf("imstv-%-8s %s%s%s\n", sections[i], status->ready[i] ? "ready" : "NOT READY",
               status->why[i] != NULL ? ": " : "", status->why[i] != NULL ? status->why[i] : "");
    if (status->mdf != NULL && JSON_NODE_HOLDS_OBJECT(status->mdf))
        print_mdf(json_node_get_object(status->mdf));
}

static int
print(const Status *status, bool json)
{
    int exit_code = 0;

    if (json)
        print_json(status);
    else
        print_text(status);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        if (!status->ready[i])
            exit_code = 1;
    return exit_code;
}

int
cli_status_main(int argc, char **argv, const CliContext *context)
{
    g_autoptr(NetHttpClient) client = NULL;
    Status status = {0};
    Question questions[G_N_ELEMENTS(sections)];
    int exit_code;

    if (cli_help_asked(argc, argv, help))
        return 0;
    if (argc != 1) {
        fprintf(stderr, "imstv: usage: imstv [--json] status\n");
        return 2;
    }
    if (!cli_headend_runs(context)) {
        fprintf(stderr, "imstv: no headend runs on %s\n", context->state_dir);
        return 1;
    }
    client = net_http_client_new("admin");
    status.loop = g_main_loop_new(NULL, FALSE);
    ask(&status, client, context, questions);
    exit_code = print(&status, context->json);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        g_free(status.why[i]);
    g_clear_pointer(&status.mdf, json_node_unref);
    g_main_loop_unref(status.loop);
    return exit_code;
}
