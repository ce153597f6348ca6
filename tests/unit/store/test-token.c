#include <string.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/store/token.h"
#include "tests/unit/temp-dir.h"

typedef struct {
    char *dir;
    Store *store;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    fixture->dir = temp_dir_new();
    fixture->store = store_open(fixture->dir, NULL);
    g_assert_nonnull(fixture->store);
    g_assert_true(store_user_add(fixture->store, "demo", "imstv.test", "demo", NULL, NULL));
}

static void
tear_down(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    store_free(fixture->store);
    temp_dir_free(fixture->dir);
}

static void
check(Store *store, const char *token, const char *content, int64_t now_s, int code)
{
    g_autoptr(GError) error = NULL;
    bool ok = store_token_check(store, token, content, now_s, &error);

    g_assert_cmpint(ok ? -1 : error->code, ==, code);
}

static void
test_opens_what_it_names(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *one = store_token_issue(fixture->store, "sip:demo@imstv.test", "asset:film", 60, NULL);
    g_autofree char *all = store_token_issue(fixture->store, "sip:demo@imstv.test", "*", 60, NULL);
    int64_t now = time(NULL);

    check(fixture->store, one, "asset:film", now, -1);
    check(fixture->store, one, "asset:other", now, BASE_ERROR_FORBIDDEN);
    check(fixture->store, one, "nonsense", now, BASE_ERROR_NOT_FOUND);
    check(fixture->store, one, "asset:../x", now, BASE_ERROR_NOT_FOUND);
    check(fixture->store, all, "asset:other", now, -1);
    check(fixture->store, all, "channel:none", now, BASE_ERROR_NOT_FOUND);
    check(fixture->store, one, "asset:film", now + 61, BASE_ERROR_UNAUTHORIZED);

    store_grant_remove(fixture->store, "demo@imstv.test", "basic", NULL);
    check(fixture->store, one, "asset:film", now, BASE_ERROR_FORBIDDEN);
    store_user_remove(fixture->store, "demo@imstv.test", NULL);
    check(fixture->store, one, "asset:film", now, BASE_ERROR_NOT_FOUND);
}

static void
test_other_process_shares_the_secret(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(Store) other = store_open(fixture->dir, NULL);
    g_autofree char *token = store_token_issue(other, "sip:demo@imstv.test", "*", 60, NULL);
    g_autoptr(StoreToken) parsed = store_token_parse(fixture->store, token, time(NULL), NULL);

    g_assert_cmpstr(parsed->sub, ==, "sip:demo@imstv.test");
    g_assert_cmpstr(parsed->content, ==, "*");
}

static void
test_forgeries_are_refused(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    /* {"alg":"none"} . {"sub":"sip:demo@imstv.test","content":"*","exp":99999999999} */
    static const char *const forged[] = {
        "",
        "..",
        "a.b.c.d",
        "eyJhbGciOiJub25lIn0."
        "eyJzdWIiOiJzaXA6ZGVtb0BpbXN0di50ZXN0IiwiY29udGVudCI6IioiLCJleHAiOjk5OTk5OTk5OTk5fQ.",
        "eyJhbGciOiJub25lIn0."
        "eyJzdWIiOiJzaXA6ZGVtb0BpbXN0di50ZXN0IiwiY29udGVudCI6IioiLCJleHAiOjk5OTk5OTk5OTk5fQ.AAAA",
    };
    g_autofree char *token = store_token_issue(fixture->store, "sip:demo@imstv.test", "*", 60, NULL);
    g_autofree char *long_token = g_strnfill(10000, 'a');

    for (unsigned i = 0; i < G_N_ELEMENTS(forged); i++)
        check(fixture->store, forged[i], "asset:film", time(NULL), BASE_ERROR_UNAUTHORIZED);
    check(fixture->store, long_token, "asset:film", time(NULL), BASE_ERROR_UNAUTHORIZED);

    for (size_t i = 0; i < strlen(token); i++) { /* a change anywhere; the last letter carries spare bits */
        char original = token[i];

        token[i] = original == 'x' ? 'y' : 'x';
        check(fixture->store, token, "asset:film", time(NULL), BASE_ERROR_UNAUTHORIZED);
        token[i] = original;
    }
}

static void
test_issue_checks_its_arguments(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GError) nobody = NULL;

    g_assert_null(store_token_issue(fixture->store, "sip:nobody@imstv.test", "*", 60, &nobody));
    g_assert_error(nobody, BASE_ERROR, BASE_ERROR_NOT_FOUND);
    g_assert_null(store_token_issue(fixture->store, "sip:demo@imstv.test", "film", 60, NULL));
    g_assert_null(store_token_issue(fixture->store, "sip:demo@imstv.test", "asset:../x", 60, NULL));
    g_assert_null(store_token_issue(fixture->store, "sip:demo@imstv.test", "*", 0, NULL));
}

#define ADD(path, test) g_test_add("/token/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("opens-what-it-names", test_opens_what_it_names);
    ADD("other-process-shares-the-secret", test_other_process_shares_the_secret);
    ADD("forgeries-are-refused", test_forgeries_are_refused);
    ADD("issue-checks-its-arguments", test_issue_checks_its_arguments);

    return g_test_run();
}
