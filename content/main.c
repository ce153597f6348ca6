/* imstv-ingest: films in. Four uses of one program:
 *   imstv-ingest --config FILE ...            the daemon (lib/base/daemon.h)
 *   imstv-ingest --once FILE [--state DIR]    takes one file in and ends
 *   imstv-ingest --remove ID [--state DIR]    takes one asset out and ends
 *   imstv-ingest --job FILE --out DIR         the disposable child of both (content/job.h) */
#include "content/api.h"
#include "content/job.h"
#include "content/once.h"
#include "content/publish.h"
#include "content/queue.h"
#include "lib/base/daemon.h"
#include "lib/base/headend-config.h"
#include "lib/base/log.h"
#include "lib/net/admin.h"
#include "lib/net/http-api.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const BaseConfigKey keys[] = {
    BASE_HEADEND_KEYS,
    {"ingest", "listen", BASE_CONFIG_STRING, "127.0.0.1", 0, 0, NULL, "address of the HTTP API"},
    {"ingest", "http_port", BASE_CONFIG_INT, "8193", 0, 65535, NULL, "port of the HTTP API; 0: any"},
    {"ingest", "admin_port", BASE_CONFIG_INT, "9995", 0, 65535, NULL,
     "metrics and health on loopback; 0: any"},
};

typedef struct {
    NetAdmin *admin;
    NetHttpApi *http;
    ContentQueue *queue;
    ContentApi *api;
} Ingest;

static void
ingest_free(void *state)
{
    Ingest *self = state;

    if (self == NULL)
        return;
    net_http_api_free(self->http);
    content_api_free(self->api);
    content_queue_free(self->queue);
    net_admin_free(self->admin);
    g_free(self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ingest, ingest_free)

static char *
own_program(GError **error)
{
    return g_file_read_link("/proc/self/exe", error);
}

static bool
listen_all(Ingest *self, const BaseConfig *config, uint16_t *ret_http, uint16_t *ret_admin, GError **error)
{
    self->http = net_http_api_new(&(NetHttpApiOptions){.reference_point = "API"});
    self->admin = net_admin_new((uint16_t)base_config_int(config, "ingest", "admin_port"), ret_admin, error);
    return self->admin != NULL &&
           net_http_api_listen(self->http, base_config_string(config, "ingest", "listen"),
                               (uint16_t)base_config_int(config, "ingest", "http_port"), ret_http, error);
}

static bool
start(BaseDaemon *daemon, const BaseConfig *config, void **ret_state, GError **error)
{
    const char *state_dir = base_config_string(config, "headend", "state_dir");
    g_autoptr(Ingest) self = g_new0(Ingest, 1);
    g_autofree char *program = own_program(error);
    g_autofree char *status = NULL;
    uint16_t http_port = 0, admin_port = 0;
    unsigned recovered;

    if (program == NULL || !listen_all(self, config, &http_port, &admin_port, error))
        return false;

    recovered = content_recover(state_dir);
    if (recovered > 0)
        base_notice(NULL, "deleted %u unfinished folders of an earlier run", recovered);
    self->queue = content_queue_new(state_dir, program);
    self->api = content_api_new(self->http, self->queue, state_dir);
    net_admin_set_ready(self->admin, NULL);

    status = g_strdup_printf("http=%u admin=%u", http_port, admin_port);
    *ret_state = g_steal_pointer(&self);
    base_daemon_ready(daemon, status);
    return true;
}

static void
stop(BaseDaemon *daemon, void *state)
{
    (void)state;
    base_daemon_quit(daemon);
}

typedef struct {
    char *once, *remove, *job, *out, *state, *id, *title, *credit, *synopsis;
    int parent;
    gboolean json;
} Options;

static void
options_clear(Options *self)
{
    char *const strings[] = {self->once, self->remove, self->job,    self->out,     self->state,
                             self->id,   self->title,  self->credit, self->synopsis};

    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
parse(int *argc, char ***argv, Options *options, GError **error)
{
    GOptionEntry entries[] = {
        {"once", 0, 0, G_OPTION_ARG_FILENAME, &options->once, "take in this file and end", "FILE"},
        {"remove", 0, 0, G_OPTION_ARG_STRING, &options->remove, "take this asset out and end", "ID"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "print the outcome as JSON", NULL},
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &options->state, "state folder (./var)", "DIR"},
        {"id", 0, 0, G_OPTION_ARG_STRING, &options->id, "of the asset (from the title)", "ID"},
        {"title", 0, 0, G_OPTION_ARG_STRING, &options->title, "of the film (from the file's name)", "TEXT"},
        {"credit", 0, 0, G_OPTION_ARG_STRING, &options->credit, "who made it, and its licence", "TEXT"},
        {"synopsis", 0, 0, G_OPTION_ARG_STRING, &options->synopsis, "what it is about", "TEXT"},
        {"job", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options->job, NULL, NULL},
        {"out", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options->out, NULL, NULL},
        {"parent", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options->parent, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- take a film into the catalogue");

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static int
usage_error(const char *message)
{
    fprintf(stderr, "imstv-ingest: %s\n", message);
    return 2;
}

static int
remove_main(const char *state_dir, const char *id)
{
    g_autoptr(GError) error = NULL;

    if (!content_remove(state_dir, id, &error)) {
        fprintf(stderr, "imstv-ingest: %s\n", error->message);
        return 1;
    }
    printf("asset %s removed\n", id);
    return 0;
}

/* --once, --remove and --job: no daemon. */
static int
single_main(int argc, char **argv)
{
    g_auto(Options) options = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(ContentRequest) request = NULL;
    g_autofree char *program = own_program(&error);

    if (program == NULL || !parse(&argc, &argv, &options, &error))
        return usage_error(error->message);
    if (options.job != NULL && options.out != NULL)
        content_job_main(options.job, options.out, options.parent != 0 ? options.parent : getppid());
    if (options.remove != NULL)
        return remove_main(options.state != NULL ? options.state : "./var", options.remove);
    if (options.once == NULL)
        return usage_error("--once needs a file");

    request = content_request_new(options.once, options.id, options.title, options.credit, options.synopsis,
                                  &error);
    if (request == NULL)
        return usage_error(error->message);
    return content_once_run(options.state != NULL ? options.state : "./var", program, request, options.json);
}

int
main(int argc, char **argv)
{
    static const BaseDaemonSpec spec = {
        .name = "imstv-ingest",
        .summary = "takes films in: probes, conforms, publishes (--once FILE: one file and end)",
        .keys = keys,
        .n_keys = G_N_ELEMENTS(keys),
        .start = start,
        .stop = stop,
        .free = ingest_free,
    };

    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "--once") || g_str_has_prefix(argv[i], "--remove") ||
            strcmp(argv[i], "--job") == 0)
            return single_main(argc, argv);
    }
    return base_daemon_main(argc, argv, &spec);
}
