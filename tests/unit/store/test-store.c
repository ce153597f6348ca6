#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/store/store.h"
#include "tests/unit/temp-dir.h"

typedef struct {
    char *dir;
    Store *store;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    fixture->dir = temp_dir_new();
    fixture->store = store_open(fixture->dir, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    store_free(fixture->store);
    temp_dir_free(fixture->dir);
}

static void
add_channel(Store *store, const char *id, const char *package)
{
    char *inputs[] = {(char *)"udp://127.0.0.1:5000", NULL};
    StoreChannel channel = {.id = (char *)id, .package = (char *)package, .inputs = inputs};
    g_autoptr(GError) error = NULL;

    store_channel_add(store, &channel, &error);
    g_assert_no_error(error);
}

static void
test_user_has_digest_and_default_package(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreUser) user = NULL;

    g_assert_true(store_user_add(fixture->store, "demo", "imstv.test", "demo", NULL, &error));
    user = store_user_get(fixture->store, "demo@imstv.test", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(user->impu, ==, "sip:demo@imstv.test");
    g_assert_cmpstr(user->realm, ==, "imstv.test");
    /* printf 'demo@imstv.test:imstv.test:demo' | md5sum */
    g_assert_cmpstr(user->ha1, ==, "5e7e1c7412211e188aa58ba43a14000b");
    g_assert_cmpstr(user->packages[0], ==, "basic");
    g_assert_null(user->packages[1]);
}

static void
test_user_names_are_checked(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    static const char *const bad[] = {"", "a b", "x@y", "a\"b", "a;b", "a\nb"};
    static const char *const packages[] = {"gold", NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(store_user_add(fixture->store, bad[i], "imstv.test", "pw", NULL, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    g_autoptr(GError) no_package = NULL;
    g_autoptr(GError) no_password = NULL;
    g_autoptr(GError) taken = NULL;

    g_assert_false(store_user_add(fixture->store, "a", "imstv.test", "pw", packages, &no_package));
    g_assert_error(no_package, BASE_ERROR, BASE_ERROR_NOT_FOUND);
    g_assert_false(store_user_add(fixture->store, "a", "imstv.test", "", NULL, &no_password));
    g_assert_error(no_password, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    g_assert_true(store_user_add(fixture->store, "a", "imstv.test", "pw", NULL, NULL));
    g_assert_false(store_user_add(fixture->store, "a", "imstv.test", "pw", NULL, &taken));
    g_assert_error(taken, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
}

static void
test_user_by_any_spelling_of_impu(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    static const char *const same[] = {"sip:demo@imstv.test", "SIP:demo@IMSTV.test",
                                       "sip:demo@imstv.test:5060", "sip:demo@imstv.test;user=phone?a=b",
                                       "demo@imstv.test"};
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreUser) other = NULL;

    store_user_add(fixture->store, "demo", "imstv.test", "demo", NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(same); i++) {
        g_autoptr(StoreUser) user = store_user_get_by_impu(fixture->store, same[i], NULL);

        g_assert_nonnull(user);
    }
    other = store_user_get_by_impu(fixture->store, "sip:Demo@imstv.test", &error);
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
test_user_removed_and_password_changed(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreUser) before = NULL, after = NULL;
    g_autoptr(GPtrArray) left = NULL;

    store_user_add(fixture->store, "demo", "imstv.test", "demo", NULL, NULL);
    before = store_user_get(fixture->store, "demo@imstv.test", NULL);
    g_assert_true(store_user_set_password(fixture->store, "demo@imstv.test", "other", NULL));
    after = store_user_get(fixture->store, "demo@imstv.test", NULL);
    g_assert_cmpstr(before->ha1, !=, after->ha1);

    g_assert_true(store_user_remove(fixture->store, "demo@imstv.test", NULL));
    g_assert_false(store_user_remove(fixture->store, "demo@imstv.test", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
    left = store_user_list(fixture->store, NULL);
    g_assert_cmpuint(left->len, ==, 0);
}

static void
test_channels_get_numbers_and_package(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    char *inputs[] = {(char *)"udp://a:1", (char *)"udp://b:2", NULL};
    StoreChannel seven = {.id = (char *)"seven", .title = (char *)"Seven", .lcn = 7, .inputs = inputs};
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(StoreChannel) got = NULL;

    add_channel(fixture->store, "one", NULL);
    g_assert_true(store_channel_add(fixture->store, &seven, NULL));
    add_channel(fixture->store, "eight", NULL);

    list = store_channel_list(fixture->store, NULL);
    g_assert_cmpuint(list->len, ==, 3);
    g_assert_cmpuint(((StoreChannel *)g_ptr_array_index(list, 0))->lcn, ==, 1);
    g_assert_cmpuint(((StoreChannel *)g_ptr_array_index(list, 2))->lcn, ==, 8);

    got = store_channel_get(fixture->store, "seven", NULL);
    g_assert_cmpstr(got->title, ==, "Seven");
    g_assert_cmpstr(got->package, ==, "basic");
    g_assert_cmpstr(got->inputs[1], ==, "udp://b:2");
    g_assert_null(got->inputs[2]);
}

static void
test_channel_ids_are_checked(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    static const char *const bad[] = {"", "A", "-a", "a/b", "..", "sdf", "bc", "mcf", "a\nb"};
    char *inputs[] = {(char *)"udp://a:1", NULL};
    char *no_url[] = {(char *)"a:1", NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        StoreChannel channel = {.id = (char *)bad[i], .inputs = inputs};
        g_autoptr(GError) error = NULL;

        g_assert_false(store_channel_add(fixture->store, &channel, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    StoreChannel without = {.id = (char *)"x"};
    StoreChannel wrong = {.id = (char *)"x", .inputs = no_url};
    StoreChannel taken = {.id = (char *)"two", .lcn = 1, .inputs = inputs};

    g_assert_false(store_channel_add(fixture->store, &without, NULL));
    g_assert_false(store_channel_add(fixture->store, &wrong, NULL));
    add_channel(fixture->store, "one", NULL);
    g_assert_false(store_channel_add(fixture->store, &taken, NULL));
}

static void
check_rights(Store *store, StoreContentKind kind, const char *id, int code)
{
    g_autoptr(GError) error = NULL;
    bool granted = store_rights_check(store, "sip:demo@imstv.test", kind, id, &error);

    g_assert_cmpint(granted ? -1 : error->code, ==, code);
}

static void
test_rights_follow_packages(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    Store *store = fixture->store;

    check_rights(store, STORE_ASSET, "film", BASE_ERROR_NOT_FOUND);
    store_user_add(store, "demo", "imstv.test", "demo", NULL, NULL);
    g_assert_true(store_package_add(store, "gold", "Gold", NULL));
    add_channel(store, "one", NULL);
    add_channel(store, "rich", "gold");

    check_rights(store, STORE_CHANNEL, "one", -1);
    check_rights(store, STORE_CHANNEL, "rich", BASE_ERROR_FORBIDDEN);
    check_rights(store, STORE_CHANNEL, "none", BASE_ERROR_NOT_FOUND);
    check_rights(store, STORE_ASSET, "film", -1); /* in no package: open to the default package */

    g_assert_true(store_package_add_content(store, "gold", STORE_ASSET, "film", NULL));
    check_rights(store, STORE_ASSET, "film", BASE_ERROR_FORBIDDEN);
    g_assert_true(store_grant_add(store, "demo@imstv.test", "gold", NULL));
    check_rights(store, STORE_ASSET, "film", -1);
    check_rights(store, STORE_CHANNEL, "rich", -1);

    g_assert_true(store_grant_remove(store, "demo@imstv.test", "basic", NULL));
    check_rights(store, STORE_CHANNEL, "one", BASE_ERROR_FORBIDDEN);
    check_rights(store, STORE_ASSET, "other", BASE_ERROR_FORBIDDEN);
}

static void
test_packages_with_content(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) granted = NULL, all = NULL;
    const StorePackage *basic;

    store_user_add(fixture->store, "demo", "imstv.test", "demo", NULL, NULL);
    store_package_add(fixture->store, "gold", NULL, NULL);
    add_channel(fixture->store, "two", NULL);
    add_channel(fixture->store, "one", NULL);
    add_channel(fixture->store, "rich", "gold");

    granted = store_rights_packages(fixture->store, "sip:demo@imstv.test", NULL);
    g_assert_cmpuint(granted->len, ==, 1);
    basic = g_ptr_array_index(granted, 0);
    g_assert_cmpstr(basic->id, ==, "basic");
    g_assert_cmpstr(basic->channels[0], ==, "two"); /* by number */
    g_assert_cmpstr(basic->channels[1], ==, "one");
    g_assert_null(basic->channels[2]);

    all = store_package_list(fixture->store, NULL);
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_false(store_package_remove(fixture->store, "gold", NULL)); /* holds content */
    store_channel_remove(fixture->store, "rich", NULL);
    g_assert_true(store_package_remove(fixture->store, "gold", NULL));
    g_assert_false(store_package_remove(fixture->store, "basic", NULL));
}

static void
test_state_outlives_the_process(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GBytes) value = g_bytes_new_static("a\0b", 3);
    g_autoptr(GBytes) got = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) keys = NULL;
    g_auto(GStrv) left = NULL;
    g_autoptr(GBytes) gone = NULL;

    g_assert_true(store_state_put(fixture->store, "w2", "k1", value, 0, NULL));
    g_assert_true(store_state_put(fixture->store, "w2", "k2", value, 100, NULL));
    store_free(fixture->store);
    fixture->store = store_open(fixture->dir, NULL);

    got = store_state_get(fixture->store, "w2", "k1", NULL);
    g_assert_true(g_bytes_equal(got, value));
    keys = store_state_keys(fixture->store, "w2", NULL);
    g_assert_cmpuint(g_strv_length(keys), ==, 2);
    g_assert_true(store_state_remove(fixture->store, "w2", "k1", NULL));
    g_assert_true(store_state_remove(fixture->store, "w2", "k1", NULL));
    left = store_state_keys(fixture->store, "w2", NULL);
    g_assert_cmpstr(left[0], ==, "k2");
    gone = store_state_get(fixture->store, "w2", "k1", &error);
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
test_file_is_private_and_damage_is_told(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *path = g_build_filename(fixture->dir, "imstv.db", NULL);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    g_autoptr(GError) error = NULL;
    struct stat status;

    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);

    g_clear_pointer(&fixture->store, store_free);
    unlink(wal);
    g_assert_true(
        g_file_set_contents(path, "this is no database, and long enough to be looked at", -1, NULL));
    g_assert_null(store_open(fixture->dir, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INTERNAL);
}

static void
count(void *user_data)
{
    ++*(int *)user_data;
}

static void
iterate_until(const int *counter)
{
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

    while (*counter == 0 && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(*counter, >, 0);
}

/* Another process adds channels and is killed in the middle of it. */
static void
add_channels_for_ever(const char *dir, int ready_fd)
{
    g_autoptr(Store) store = store_open(dir, NULL);

    for (int i = 0;; i++) {
        g_autofree char *id = g_strdup_printf("c%d", i);

        add_channel(store, id, NULL);
        if (i == 20 && write(ready_fd, "x", 1) != 1)
            _exit(1);
    }
}

static void
test_change_of_another_process_is_noticed(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) channels = NULL;
    int pipe_fds[2], status, noticed = 0;
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    pid = fork();
    if (pid == 0)
        add_channels_for_ever(fixture->dir, pipe_fds[1]);

    store_watch(fixture->store, count, &noticed);
    g_assert_cmpint(read(pipe_fds[0], &byte, 1), ==, 1);
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    iterate_until(&noticed);

    channels = store_channel_list(fixture->store, NULL);
    g_assert_cmpuint(channels->len, >, 20);
    for (unsigned i = 0; i < channels->len; i++) { /* all or nothing: each has its package */
        const StoreChannel *channel = g_ptr_array_index(channels, i);

        g_assert_cmpstr(channel->package, ==, "basic");
    }
    add_channel(fixture->store, "after", NULL); /* and no lock is left */
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void
test_own_change_is_told_too(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    int noticed = 0;
    unsigned id = store_watch(fixture->store, count, &noticed);

    add_channel(fixture->store, "one", NULL);
    g_assert_cmpint(noticed, ==, 0); /* from the main loop only */
    iterate_until(&noticed);
    store_unwatch(fixture->store, id);
}

static void
test_several_open_a_new_store_together(void)
{
    g_autofree char *dir = temp_dir_new();
    pid_t pids[6];

    for (unsigned i = 0; i < G_N_ELEMENTS(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            Store *store = store_open(dir, NULL);
            g_autofree char *name = g_strdup_printf("user%u", i);
            bool ok = store && store_user_add(store, name, "imstv.test", "x", NULL, NULL);

            store_free(store);
            _exit(ok ? 0 : 1);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(pids); i++) {
        int status;

        g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
        g_assert_cmpint(status, ==, 0);
    }
    temp_dir_free(g_steal_pointer(&dir));
}

#define ADD(path, test) g_test_add("/store/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("user-has-digest-and-default-package", test_user_has_digest_and_default_package);
    ADD("user-names-are-checked", test_user_names_are_checked);
    ADD("user-by-any-spelling-of-impu", test_user_by_any_spelling_of_impu);
    ADD("user-removed-and-password-changed", test_user_removed_and_password_changed);
    ADD("channels-get-numbers-and-package", test_channels_get_numbers_and_package);
    ADD("channel-ids-are-checked", test_channel_ids_are_checked);
    ADD("rights-follow-packages", test_rights_follow_packages);
    ADD("packages-with-content", test_packages_with_content);
    ADD("state-outlives-the-process", test_state_outlives_the_process);
    ADD("file-is-private-and-damage-is-told", test_file_is_private_and_damage_is_told);
    ADD("change-of-another-process-is-noticed", test_change_of_another_process_is_noticed);
    ADD("own-change-is-told-too", test_own_change_is_told_too);
    g_test_add_func("/store/several-open-a-new-store-together", test_several_open_a_new_store_together);

    return g_test_run();
}
