/* Progress where no terminal is: a line per tenth, nothing that needs erasing. */
#include "lib/base/progress.h"

#include <string.h>

static char *
shown(const double *fractions, size_t n)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = tmpfile();
    BaseProgress *progress = base_progress_new(out, "film");

    for (size_t i = 0; i < n; i++)
        base_progress_update(progress, fractions[i], i % 2 ? "fast" : NULL);
    base_progress_say(progress, "a word");
    base_progress_free(progress);

    length = (size_t)ftell(out);
    text = g_malloc0(length + 1);
    rewind(out);
    g_assert_cmpuint(fread(text, 1, length, out), ==, length);
    fclose(out);
    return text;
}

static void
test_lines(void)
{
    static const double steps[] = {0, 0.05, 0.11, 0.19, 0.5, 1.7};
    g_autofree char *text = shown(steps, G_N_ELEMENTS(steps));

    g_assert_cmpstr(text, ==, "film: 11 %\nfilm: 50 %\nfilm: 100 %, fast\na word\n");
}

static void
test_nothing(void)
{
    g_autofree char *text = shown(NULL, 0);

    g_assert_cmpstr(text, ==, "a word\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/progress/a-line-per-tenth", test_lines);
    g_test_add_func("/base/progress/nothing-without-progress", test_nothing);
    return g_test_run();
}
