/* Sources over a real store, catalogue and imstv-input; the channel's transport stream comes from here. */
#include "mdf/channels/sources.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/headend-config.h"
#include "lib/base/metrics.h"
#include "lib/store/store.h"
#include "tests/unit/reel/reel-fixture.h"

#define DEADLINE_S 30

static const BaseConfigKey keys[] = {BASE_HEADEND_KEYS, MDF_SOURCES_KEYS};

typedef struct {
    char *state;
    Store *store; /* of another process, so to say */
    MdfSources *sources;
} Fixture;

static void
setup(Fixture *f, gconstpointer program)
{
    g_autoptr(BaseConfig) config = base_config_new(keys, G_N_ELEMENTS(keys));
    g_autoptr(GError) error = NULL;
    g_autofree char *set_state = NULL, *set_program = g_strconcat("mdf.input_program=", program, NULL);

    f->state = fixture_folder();
    set_state = g_strconcat("headend.state_dir=", f->state, NULL);
    g_assert_true(base_config_set(config, set_state, &error));
    g_assert_true(base_config_set(config, set_program, &error));
    g_assert_true(base_config_set(config, "mdf.cache_mb=32", &error));
    g_assert_true(base_config_set(config, "mdf.archive_s=60", &error));
    f->store = store_open(f->state, &error);
    g_assert_no_error(error);
    f->sources = mdf_sources_new(config, &error);
    g_assert_no_error(error);
}

static void
teardown(Fixture *f, gconstpointer data)
{
    (void)data;
    mdf_sources_free(f->sources);
    store_free(f->store);
    fixture_remove(f->state);
    g_free(f->state);
}

typedef struct {
    MdfChannelStatus status; /* strings not kept */
    char state[16], error[160];
    unsigned n;
} Found;

static void
on_channel(const MdfChannelStatus *status, void *user_data)
{
    Found *found = user_data;

    found->status = *status;
    g_strlcpy(found->state, status->state, sizeof(found->state));
    g_strlcpy(found->error, status->last_error, sizeof(found->error));
    found->n++;
}

static Found
look(Fixture *f)
{
    Found found = {0};

    mdf_sources_foreach_channel(f->sources, on_channel, &found);
    return found;
}

typedef bool (*Condition)(const Found *found);

static gboolean
wake(gpointer data)
{
    (void)data;
    return G_SOURCE_CONTINUE;
}

static Found
run_until(Fixture *f, Condition condition)
{
    int64_t deadline_us = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;
    unsigned waker = g_timeout_add(20, wake, NULL);
    Found found;

    while (found = look(f), !condition(&found)) {
        if (g_get_monotonic_time() > deadline_us)
            g_error("state %s, error %s, %u channels", found.state, found.error, found.n);
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(waker);
    return found;
}

static bool
is_there(const Found *found)
{
    return found->n == 1;
}

static bool
is_gone(const Found *found)
{
    return found->n == 0;
}

static bool
was_restarted(const Found *found)
{
    return found->n == 1 && found->status.restarts >= 2;
}

static void
add_channel(Fixture *f, const char *id)
{
    char *inputs[] = {(char *)"udp://127.0.0.1:9", NULL};
    StoreChannel channel = {.id = (char *)id, .title = (char *)"One", .inputs = inputs};
    g_autoptr(GError) error = NULL;

    g_assert_true(store_channel_add(f->store, &channel, &error));
    g_assert_no_error(error);
}

/* A channel that another process adds appears, and is played to its end when it is removed. */
static void
test_channels_come_and_go(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelProgramme) channel = NULL;
    g_autoptr(ReelCursor) cursor = NULL;
    ReelRecord record;

    (void)data;
    g_assert_null(mdf_sources_lookup(f->sources, "channel:one", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    add_channel(f, "one");
    run_until(f, is_there);
    channel = mdf_sources_lookup(f->sources, "channel:one", &error);
    g_assert_no_error(error);
    g_assert_true(reel_programme_is_live(channel));
    g_assert_cmpstr(reel_programme_name(channel), ==, "channel:one");
    cursor = fixture_cursor(channel);
    g_assert_cmpint(fixture_next(cursor, &record), ==, REEL_NEXT_EDGE);
    g_assert_true(store_channel_remove(f->store, "one", &error));
    run_until(f, is_gone);
    while (!reel_programme_is_gone(channel))
        g_thread_yield(); /* the feed's thread says so */
    g_assert_cmpint(fixture_next(cursor, &record), ==, REEL_NEXT_END);
}

static void
test_lookup_right_after_adding(Fixture *f, gconstpointer data)
{
    g_autoptr(ReelProgramme) channel = NULL;
    g_autoptr(GError) error = NULL;

    (void)data;
    add_channel(f, "two");
    channel = mdf_sources_lookup(f->sources, "channel:two", &error);
    g_assert_no_error(error);
}

static void
test_ended_input_is_started_again(Fixture *f, gconstpointer data)
{
    g_autofree char *metrics = NULL;

    (void)data;
    add_channel(f, "one");
    run_until(f, was_restarted);
    metrics = base_metrics_render();
    g_assert_nonnull(strstr(metrics, "imstv_mdf_channel_input_restarts_total{channel=\"one\"}"));
    g_assert_nonnull(strstr(metrics, "imstv_mdf_cache_blocks"));
}

/* Stands for an input: a shell script that gets the status socket as descriptor 4. */
static char *
script(const char *text)
{
    char *path = g_strdup_printf("%s/imstv-input-%08x.sh", g_get_tmp_dir(), g_random_int());
    g_autofree char *whole = g_strconcat("#!/bin/sh\n", text, "\n", NULL);

    g_assert_true(g_file_set_contents_full(path, whole, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
    return path;
}

static bool
was_replaced(const Found *found)
{
    return found->n == 1 && found->status.restarts >= 1;
}

static void
test_input_is_replaced(const char *text, const char *reason)
{
    g_autofree char *program = script(text);
    Fixture f;
    Found found;

    setup(&f, program);
    add_channel(&f, "one");
    found = run_until(&f, was_replaced);
    g_assert_nonnull(strstr(found.error, reason));
    teardown(&f, NULL);
    g_unlink(program);
}

static void
test_silent_input(void)
{
    test_input_is_replaced("exec sleep 60", "hung");
}

static void
test_boasting_input(void)
{
    test_input_is_replaced("while sleep 0.5; do echo '{\"state\":\"live\"}' >&4; done", "nothing comes");
}

static void
publish(Fixture *f, const char *id)
{
    g_autofree char *folder = g_build_filename(f->state, "content", id, NULL);
    g_autofree char *path = g_build_filename(folder, "asset.json", NULL);
    g_autofree char *json =
        g_strdup_printf("{\"id\":\"%s\",\"title\":\"T\",\"duration_us\":4000000,\"tracks\":["
                        "{\"kind\":\"video\",\"file\":\"00-video.reel\",\"codec\":\"H264\"}]}",
                        id);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    fixture_write_film(folder, 4);
    g_assert_true(g_file_set_contents(path, json, -1, NULL));
}

typedef struct {
    MdfSources *sources;
    const char *source;
    ReelProgramme *film;
    GError *error;
    bool ready;
} Opening;

static void
on_ready(void *user_data)
{
    Opening *opening = user_data;

    opening->ready = true;
    opening->film = mdf_sources_lookup(opening->sources, opening->source, &opening->error);
}

/* Looks a film up as the MDF does: gets it ready first. */
static ReelProgramme *
open_film(Fixture *f, const char *source, GError **error)
{
    Opening opening = {.sources = f->sources, .source = source};

    mdf_sources_prepare(f->sources, source, on_ready, &opening);
    while (!opening.ready)
        g_main_context_iteration(NULL, TRUE);
    if (opening.error)
        g_propagate_error(error, opening.error);
    return opening.film;
}

static void
test_films(Fixture *f, gconstpointer data)
{
    g_autoptr(ReelProgramme) film = NULL, again = NULL;
    g_autoptr(ReelCursor) cursor = NULL;
    g_autoptr(GError) error = NULL;
    ReelRecord record;

    (void)data;
    publish(f, "bunny");
    film = open_film(f, "asset:bunny", &error);
    g_assert_no_error(error);
    again = open_film(f, "asset:bunny", &error);
    g_assert_true(film == again);
    cursor = fixture_cursor(film);
    g_assert_cmpint(fixture_next(cursor, &record), ==, REEL_NEXT_RECORD);
    fixture_check(&record);
}

static void
test_what_is_not_there(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *source;
        BaseErrorCode code;
    } cases[] = {
        {"asset:nothing", BASE_ERROR_NOT_FOUND},
        {"channel:nothing", BASE_ERROR_NOT_FOUND},
        {"asset:../../etc", BASE_ERROR_INVALID_ARGUMENT},
        {"asset:", BASE_ERROR_INVALID_ARGUMENT},
        {"film:bunny", BASE_ERROR_INVALID_ARGUMENT},
        {"", BASE_ERROR_INVALID_ARGUMENT},
        {"asset:broken", BASE_ERROR_PROTOCOL},
    };
    g_autofree char *path = g_build_filename(f->state, "content", "broken", "00-video.reel", NULL);

    (void)data;
    publish(f, "broken");
    g_assert_true(g_file_set_contents(path, "nonsense", -1, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(open_film(f, cases[i].source, &error));
        g_assert_error(error, BASE_ERROR, (gint)cases[i].code);
    }
}

#define ADD(path, program, func) g_test_add(path, Fixture, program, setup, func, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/mdf/sources/channels-come-and-go", "sleep", test_channels_come_and_go);
    ADD("/mdf/sources/lookup-right-after-adding", "/nonexistent", test_lookup_right_after_adding);
    ADD("/mdf/sources/ended-input-is-started-again", "false", test_ended_input_is_started_again);
    ADD("/mdf/sources/films", "false", test_films);
    ADD("/mdf/sources/what-is-not-there", "false", test_what_is_not_there);
    g_test_add_func("/mdf/sources/silent-input-is-replaced", test_silent_input);
    g_test_add_func("/mdf/sources/boasting-input-is-replaced", test_boasting_input);
    return g_test_run();
}
