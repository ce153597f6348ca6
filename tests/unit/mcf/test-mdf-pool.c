#include <glib.h>

#include "lib/base/error.h"
#include "mcf-extensions/mdf-pool.h"

#define A "http://127.0.0.1:1"
#define B "http://127.0.0.1:2"
#define C "http://127.0.0.1:3"

typedef struct {
    McfMdfPool *pool;
    GString *lost;
} Fixture;

static void
on_lost(void *user_data, const char *base)
{
    Fixture *f = user_data;

    g_string_append_printf(f->lost, "%s ", base);
}

static const McfMdfPoolEvents events = {.lost = on_lost};

static void
set_up(Fixture *f)
{
    static const char *const bases[] = {A "/", B, C, NULL};

    f->lost = g_string_new(NULL);
    f->pool = mcf_mdf_pool_new(bases, &events, f);
}

static void
tear_down(Fixture *f)
{
    mcf_mdf_pool_free(f->pool);
    g_string_free(f->lost, TRUE);
}

static void
says(Fixture *f, const char *base, const char *instance, int viewers, int capacity)
{
    McfXpReply status = {.viewers = viewers, .capacity = capacity};

    g_strlcpy(status.instance, instance, sizeof status.instance);
    mcf_mdf_pool_heard(f->pool, base, &status, NULL);
}

static void
fails(Fixture *f, const char *base, BaseErrorCode code)
{
    g_autoptr(GError) error = g_error_new_literal(BASE_ERROR, (gint)code, "x");

    mcf_mdf_pool_heard(f->pool, base, NULL, error);
}

static void
expect(Fixture *f, const char *candidates)
{
    g_auto(GStrv) list = mcf_mdf_pool_candidates(f->pool);
    g_autofree char *text = g_strjoinv(" ", list);

    g_assert_cmpstr(text, ==, candidates);
}

static void
test_order(void)
{
    Fixture f;

    set_up(&f);
    expect(&f, A " " B " " C); /* nothing heard yet: all may serve */
    g_assert_false(mcf_mdf_pool_any_up(f.pool));
    says(&f, B, "b", 50, 100);
    expect(&f, B " " A " " C);
    says(&f, C, "c", 10, 100);
    expect(&f, C " " B " " A);
    says(&f, C, "c", 100, 100); /* full goes behind those with room, but may have room again */
    expect(&f, B " " C " " A);
    g_assert_true(mcf_mdf_pool_any_up(f.pool));
    tear_down(&f);
}

static void
test_placed(void)
{
    Fixture f;

    set_up(&f);
    says(&f, A, "a", 0, 10);
    says(&f, B, "b", 1, 10);
    mcf_mdf_pool_placed(f.pool, A);
    mcf_mdf_pool_placed(f.pool, A);
    expect(&f, B " " A " " C);
    tear_down(&f);
}

static void
test_lost_by_refusal(void)
{
    Fixture f;

    set_up(&f);
    says(&f, A, "a", 0, 10);
    fails(&f, B, BASE_ERROR_UNAVAILABLE); /* was never up: nothing is lost */
    g_assert_cmpstr(f.lost->str, ==, "");
    fails(&f, A, BASE_ERROR_UNAVAILABLE);
    fails(&f, A, BASE_ERROR_UNAVAILABLE);
    g_assert_cmpstr(f.lost->str, ==, A " ");
    expect(&f, C);
    fails(&f, C, BASE_ERROR_UNAVAILABLE);
    expect(&f, A " " B " " C); /* all down: one may be back by now */
    tear_down(&f);
}

static void
test_lost_by_silence(void)
{
    Fixture f;

    set_up(&f);
    says(&f, A, "a", 0, 10);
    fails(&f, A, BASE_ERROR_TIMEOUT);
    g_assert_cmpstr(f.lost->str, ==, "");
    says(&f, A, "a", 0, 10);
    fails(&f, A, BASE_ERROR_TIMEOUT);
    g_assert_cmpstr(f.lost->str, ==, "");
    fails(&f, A, BASE_ERROR_TIMEOUT);
    g_assert_cmpstr(f.lost->str, ==, A " ");
    tear_down(&f);
}

static void
test_lost_by_restart(void)
{
    Fixture f;

    set_up(&f);
    says(&f, A, "a", 5, 10);
    says(&f, A, "a", 6, 10);
    g_assert_cmpstr(f.lost->str, ==, "");
    says(&f, A, "a2", 0, 10);
    g_assert_cmpstr(f.lost->str, ==, A " ");
    expect(&f, A " " B " " C);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mcf/mdf-pool/least-loaded-first", test_order);
    g_test_add_func("/mcf/mdf-pool/counts-what-it-placed", test_placed);
    g_test_add_func("/mcf/mdf-pool/a-refused-connection-is-a-loss", test_lost_by_refusal);
    g_test_add_func("/mcf/mdf-pool/two-missed-answers-are-a-loss", test_lost_by_silence);
    g_test_add_func("/mcf/mdf-pool/a-new-instance-is-a-loss", test_lost_by_restart);
    return g_test_run();
}
