/* imstv: the command line. */
#include "cli/asset.h"
#include "cli/cli.h"
#include "lib/base/log.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*main)(int argc, char **argv, const CliContext *context);
    const char *help;
} commands[] = {
    {"run", cli_run_main, "start the whole headend on this machine"},
    {"status", cli_status_main, "what runs, and how it is"},
    {"asset", cli_asset_main, "films: add, list, show, remove"},
    {"channel", cli_channel_main, "live channels: add, list, remove"},
    {"user", cli_user_main, "subscribers: add, list, remove, password, token"},
    {"bench", cli_bench_main, "many viewers against a headend, counted"},
};

static void
print_help(FILE *out)
{
    fprintf(out, "Usage: imstv [--state DIR] [--json] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n  --state DIR  the state folder (default: ./var)\n"
                 "  --json       lists and results as JSON\n"
                 "  --version    print the version\n\n"
                 "imstv COMMAND --help tells more.\n");
}

/* The daemons stand beside this program; symbolic links in that folder are not followed, because a build
 * tree has one folder of links to all programs. */
static char *
find_program_dir(const char *argv0)
{
    g_autofree char *program = g_find_program_in_path(argv0);
    g_autofree char *absolute = g_canonicalize_filename(program != NULL ? program : argv0, NULL);

    return g_path_get_dirname(absolute);
}

/* --json may stand anywhere: takes it out. Returns the new argc. */
static int
take_json(int argc, char **argv, bool *ret_json)
{
    int kept = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            *ret_json = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    return kept;
}

/* Takes the options that stand before the command. Returns the index of the command; 0: usage. */
static int
parse_globals(int argc, char **argv, const char **ret_state)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--state") == 0 && i + 1 < argc)
            *ret_state = argv[++i];
        else if (g_str_has_prefix(argv[i], "--state="))
            *ret_state = argv[i] + strlen("--state=");
        else if (argv[i][0] == '-')
            return 0;
        else
            return i;
    }
    return 0;
}

static int
dispatch(int argc, char **argv, const CliContext *context)
{
    g_autofree char *name = g_strconcat("imstv ", argv[0], NULL);

    g_set_prgname(name); /* in the help of a command */
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].main(argc, argv, context);
    fprintf(stderr, "imstv: no command \"%s\"; imstv --help lists them\n", argv[0]);
    return 2;
}

int
main(int argc, char **argv)
{
    g_autofree char *program_dir = find_program_dir(argv[0]);
    g_autofree char *state_dir = NULL;
    const char *state = "./var";
    bool json = false;
    CliContext context;
    int command;

    setlocale(LC_CTYPE, "");
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("imstv %s\n", IMSTV_VERSION);
        return 0;
    }
    argc = take_json(argc, argv, &json);
    command = parse_globals(argc, argv, &state);
    if (command == 0) {
        print_help(stderr);
        return 2;
    }
    base_log_init("imstv", BASE_LOG_WARNING);
    state_dir = g_canonicalize_filename(state, NULL);
    context = (CliContext){.state_dir = state_dir, .json = json, .program_dir = program_dir};
    return dispatch(argc - command, argv + command, &context);
}
