/* imstv bench: hands over to imstv-bench, a program of its own beside this one. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int
cli_bench_main(int argc, char **argv, const CliContext *context)
{
    g_autofree char *program = g_build_filename(context->program_dir, "imstv-bench", NULL);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();

    g_ptr_array_add(arguments, program);
    for (int i = 1; i < argc; i++)
        g_ptr_array_add(arguments, argv[i]);
    if (context->json) /* main has taken it out */
        g_ptr_array_add(arguments, (char *)"--json");
    g_ptr_array_add(arguments, NULL);
    execv(program, (char **)arguments->pdata);
    fprintf(stderr, "imstv: %s cannot be started: %s\n", program, g_strerror(errno));
    return 1;
}
