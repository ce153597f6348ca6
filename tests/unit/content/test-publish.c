/* The content folder: whole assets or none, whatever happens. */
#include "content/publish.h"
#include "lib/base/error.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *state;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    (void)data;
    self->state = g_dir_make_tmp("content-XXXXXX", NULL);
}

static unsigned
count_entries(const char *path, const char *prefix)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    unsigned n = 0;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        n += g_str_has_prefix(name, prefix);
    return n;
}

static void
empty_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        if (g_file_test(child, G_FILE_TEST_IS_DIR))
            empty_folder(child);
        g_remove(child);
    }
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    empty_folder(self->state);
    g_rmdir(self->state);
    g_free(self->state);
}

static void
put_file(ContentStaging *staging, const char *name)
{
    g_autofree char *path = g_build_filename(content_staging_path(staging), name, NULL);

    g_assert_true(g_file_set_contents(path, "reel", -1, NULL));
}

static void
test_publishes(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ContentStaging) staging = content_staging_new(self->state, &error);
    g_autofree char *content = g_build_filename(self->state, "content", NULL);
    g_autofree char *reel = g_build_filename(content, "film", "00-video.reel", NULL);

    (void)data;
    g_assert_no_error(error);
    put_file(staging, "00-video.reel");
    g_assert_false(content_published(self->state, "film"));
    g_assert_true(content_staging_publish(staging, "film", "{}", &error));
    g_assert_no_error(error);
    g_assert_true(content_published(self->state, "film"));
    g_assert_true(g_file_test(reel, G_FILE_TEST_IS_REGULAR));
    g_assert_cmpuint(count_entries(content, "."), ==, 0);
}

static void
test_does_not_replace(Fixture *self, gconstpointer data)
{
    g_autoptr(ContentStaging) first = content_staging_new(self->state, NULL);
    g_autoptr(ContentStaging) second = content_staging_new(self->state, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *content = g_build_filename(self->state, "content", NULL);

    (void)data;
    g_assert_true(content_staging_publish(first, "film", "{}", NULL));
    g_assert_false(content_staging_publish(second, "film", "{}", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_BUSY);
    g_clear_pointer(&second, content_staging_free);
    g_assert_cmpuint(count_entries(content, ".staging-"), ==, 0);
    g_assert_true(content_published(self->state, "film"));
}

static void
test_refuses_bad_ids(Fixture *self, gconstpointer data)
{
    g_autoptr(ContentStaging) staging = content_staging_new(self->state, NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_false(content_staging_publish(staging, "../film", "{}", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(content_remove(self->state, "../content", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    g_assert_false(content_published(self->state, ".."));
}

static void
test_removes(Fixture *self, gconstpointer data)
{
    g_autoptr(ContentStaging) staging = content_staging_new(self->state, NULL);
    g_autofree char *content = g_build_filename(self->state, "content", NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    put_file(staging, "00-video.reel");
    g_assert_true(content_staging_publish(staging, "film", "{}", NULL));
    g_assert_true(content_remove(self->state, "film", &error));
    g_assert_no_error(error);
    g_assert_cmpuint(count_entries(content, ""), ==, 0);
    g_assert_false(content_remove(self->state, "film", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
test_unwritable(Fixture *self, gconstpointer data)
{
    g_autofree char *file = g_build_filename(self->state, "file", NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_file_set_contents(file, "", 0, NULL);
    g_assert_null(content_staging_new(file, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, file));
}

/* What a living process makes is left alone; what a dead one left is deleted. */
static void
test_recovers(Fixture *self, gconstpointer data)
{
    g_autoptr(ContentStaging) alive = content_staging_new(self->state, NULL);
    g_autofree char *content = g_build_filename(self->state, "content", NULL);
    g_autofree char *dead = g_build_filename(content, ".staging-0123", NULL);
    g_autofree char *dead_file = g_build_filename(dead, "00-video.reel", NULL);
    g_autofree char *removed = g_build_filename(content, ".removed-0123", NULL);

    (void)data;
    g_assert_cmpint(g_mkdir(dead, 0755) | g_mkdir(removed, 0755), ==, 0);
    g_file_set_contents(dead_file, "half", -1, NULL);
    g_assert_cmpuint(content_recover(self->state), ==, 2);
    g_assert_cmpuint(count_entries(content, "."), ==, 1);
    g_assert_true(g_file_test(content_staging_path(alive), G_FILE_TEST_IS_DIR));
}

/* Publishes and removes for ever, until it is killed. */
static void
churn(const char *state)
{
    for (;;) {
        ContentStaging *staging = content_staging_new(state, NULL);

        if (staging == NULL)
            _exit(1);
        put_file(staging, "00-video.reel");
        put_file(staging, "01-audio.reel");
        content_staging_publish(staging, "film", "{}", NULL);
        content_staging_free(staging);
        content_remove(state, "film", NULL);
    }
}

static void
assert_whole_or_absent(const char *state)
{
    g_autofree char *content = g_build_filename(state, "content", NULL);
    g_autofree char *film = g_build_filename(content, "film", NULL);

    content_recover(state);
    g_assert_cmpuint(count_entries(content, "."), ==, 0);
    if (g_file_test(film, G_FILE_TEST_EXISTS))
        g_assert_cmpuint(count_entries(film, ""), ==, 3);
}

static void
test_kill_at_any_point(Fixture *self, gconstpointer data)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(9);

    (void)data;
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        int status;

        if (child == 0)
            churn(self->state);
        g_usleep((gulong)g_rand_int_range(random, 200, 15000)); /* the random point */
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        g_assert_true(WIFSIGNALED(status));
        assert_whole_or_absent(self->state);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(Fixture *self, gconstpointer data);
    } tests[] = {
        {"/content/publish/one-rename", test_publishes},
        {"/content/publish/does-not-replace", test_does_not_replace},
        {"/content/publish/refuses-bad-ids", test_refuses_bad_ids},
        {"/content/publish/removes", test_removes},
        {"/content/publish/says-where-it-cannot-write", test_unwritable},
        {"/content/publish/recovers", test_recovers},
        {"/content/publish/killed-at-any-point", test_kill_at_any_point},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);
    return g_test_run();
}
