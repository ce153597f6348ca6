/* imstv user: subscribers. */
#include "cli/cli.h"
#include "cli/output.h"
#include "lib/base/error.h"
#include "lib/store/store.h"
#include "lib/store/token.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TOKEN_LIFETIME_S 86400
#define LINE_MAX_BYTES 256

static const char help[] =
    "Usage: imstv [--state DIR] [--json] user VERB ...\n\n"
    "Subscribers. A name without @DOMAIN belongs to the home domain.\n\n"
    "  add NAME         add a subscriber\n"
    "    --password PASSWORD   without it, it is asked for or read from standard input\n"
    "    --package ID          granted package; repeatable (default: basic)\n"
    "  list             all subscribers: private and public identity, packages\n"
    "  remove NAME      remove a subscriber\n"
    "  password NAME    change the password (--password as above)\n"
    "  token NAME       print a token for standard players (WHEP)\n"
    "    --content KIND:ID     what it opens: asset:ID or channel:ID (default: all that the user may see)\n"
    "    --lifetime-s N        how long, in seconds (default: 86400)\n";

typedef struct {
    char *password, *content;
    char **packages;
    gint64 lifetime_s;
} Options;

static void
options_clear(Options *options)
{
    g_free(options->password);
    g_free(options->content);
    g_strfreev(options->packages);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static char *
home_domain(const CliContext *context)
{
    g_autofree char *path = g_build_filename(context->state_dir, "imstv.conf", NULL);
    g_autoptr(GKeyFile) file = g_key_file_new();
    char *value = cli_headend_value(context, "headend", "home_domain");

    if (value == NULL && g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        value = g_key_file_get_value(file, "headend", "home_domain", NULL);
    return value != NULL ? value : g_strdup("imstv.test");
}

static char *
impi_of(const CliContext *context, const char *name)
{
    g_autofree char *domain = home_domain(context);

    return strchr(name, '@') != NULL ? g_strdup(name) : g_strdup_printf("%s@%s", name, domain);
}

/* From a terminal without echo, otherwise the first line of standard input. (transfer full) */
static char *
read_password(void)
{
    struct termios before, quiet;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    char line[LINE_MAX_BYTES];
    bool got;

    if (terminal) {
        fprintf(stderr, "Password: ");
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    got = fgets(line, sizeof line, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return got ? g_strndup(line, strcspn(line, "\r\n")) : g_strdup("");
}

static int
add(const char *name, Options *options, const CliContext *context, Store *store)
{
    g_autofree char *domain = home_domain(context);
    g_autoptr(GError) error = NULL;

    if (options->password == NULL)
        options->password = read_password();
    if (!store_user_add(store, name, domain, options->password, (const char *const *)options->packages,
                        &error))
        return cli_fail(error);
    printf("user %s@%s added\n", name, domain);
    return 0;
}

static int
set_password(const char *name, Options *options, const CliContext *context, Store *store)
{
    g_autofree char *impi = impi_of(context, name);
    g_autoptr(GError) error = NULL;

    if (options->password == NULL)
        options->password = read_password();
    if (!store_user_set_password(store, impi, options->password, &error))
        return cli_fail(error);
    printf("password of %s changed\n", impi);
    return 0;
}

static int
remove_user(const char *name, Options *options, const CliContext *context, Store *store)
{
    g_autofree char *impi = impi_of(context, name);
    g_autoptr(GError) error = NULL;

    (void)options;
    if (!store_user_remove(store, impi, &error))
        return cli_fail(error);
    printf("user %s removed\n", impi);
    return 0;
}

static int
print_token(const char *name, Options *options, const CliContext *context, Store *store)
{
    g_autofree char *impi = impi_of(context, name);
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreUser) user = store_user_get(store, impi, &error);
    g_autofree char *token = NULL;

    if (user != NULL)
        token = store_token_issue(store, user->impu, options->content != NULL ? options->content : "*",
                                  options->lifetime_s, &error);
    if (token == NULL)
        return cli_fail(error);
    puts(token);
    return 0;
}

static void
print_users_json(const GPtrArray *users)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < users->len; i++) {
        const StoreUser *user = g_ptr_array_index(users, i);

        json_builder_begin_object(builder);
        cli_json_add_string(builder, "impi", user->impi);
        cli_json_add_string(builder, "impu", user->impu);
        cli_json_add_strings(builder, "packages", (const char *const *)user->packages);
        cli_json_add_int(builder, "created", user->created);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    cli_print_json(builder);
}

static int
list(bool json, Store *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) users = store_user_list(store, &error);

    if (users == NULL)
        return cli_fail(error);
    if (json) {
        print_users_json(users);
        return 0;
    }
    for (guint i = 0; i < users->len; i++) {
        const StoreUser *user = g_ptr_array_index(users, i);
        g_autofree char *packages = g_strjoinv(" ", user->packages);

        printf("%-32s %-36s %s\n", user->impi, user->impu, packages);
    }
    return 0;
}

static const struct {
    const char *name;
    int (*run)(const char *name, Options *options, const CliContext *context, Store *store);
} verbs[] = {{"add", add}, {"remove", remove_user}, {"password", set_password}, {"token", print_token}};

static int
usage(void)
{
    fprintf(
        stderr,
        "imstv: usage: imstv user add NAME [--password PASSWORD] [--package ID ...] | list | remove NAME\n"
        "       imstv user password NAME [--password PASSWORD]\n"
        "       imstv user token NAME [--content asset:ID|channel:ID] [--lifetime-s N]\n"
        "Without --password it is asked for, or read from standard input.\n");
    return 2;
}

int
cli_user_main(int argc, char **argv, const CliContext *context)
{
    g_auto(Options) options = {.lifetime_s = TOKEN_LIFETIME_S};
    const GOptionEntry entries[] = {
        {"password", 0, 0, G_OPTION_ARG_STRING, &options.password, "Password", "PASSWORD"},
        {"package", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.packages, "Granted package; repeatable", "ID"},
        {"content", 0, 0, G_OPTION_ARG_STRING, &options.content, "What a token opens (default: all)",
         "KIND:ID"},
        {"lifetime-s", 0, 0, G_OPTION_ARG_INT64, &options.lifetime_s, "Life of a token in seconds", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) parser = g_option_context_new("VERB [NAME] - subscribers");
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = NULL;

    if (cli_help_asked(argc, argv, help))
        return 0;
    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, &argc, &argv, &error)) {
        cli_fail(error);
        return 2;
    }
    if (argc < 2 || argc > 3 || (argc == 2) != (strcmp(argv[1], "list") == 0))
        return usage();
    store = store_open(context->state_dir, &error);
    if (store == NULL)
        return cli_fail(error);
    if (argc == 2)
        return list(context->json, store);
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argv[2], &options, context, store);
    return usage();
}
