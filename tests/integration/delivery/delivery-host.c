/* tests/integration/delivery/delivery-host.c - the delivery engine alone, driven line by line on standard
 * input, for tests with a browser at the other end:
 *   offer PROGRAMME BASE64 | reoffer BASE64 | play [NPT] | pause | zap PROGRAMME | status | close | quit
 * PROGRAMME: film, one, two. Answers and events are JSON lines on standard output. */
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "mdf/delivery/engine.h"
#include "tests/integration/delivery/media-fixture.h"

typedef struct {
    GMainLoop *loop;
    MdfEngine *engine;
    MdfViewer *viewer;
    ReelBlockCache *cache;
    ReelProgramme *film;
    FixtureChannel *one, *two;
} Host;

static void
say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static ReelProgramme *
programme(Host *host, const char *name)
{
    if (strcmp(name, "one") == 0)
        return fixture_channel_programme(host->one);
    if (strcmp(name, "two") == 0)
        return fixture_channel_programme(host->two);

    return host->film;
}

static void
on_done(const MdfPlayResult *result, const GError *error, void *user_data)
{
    if (error)
        say("{\"done\":\"%s\",\"error\":\"%s\"}", (const char *)user_data, error->message);
    else
        say("{\"done\":\"%s\",\"state\":\"%s\",\"npt_start\":%.3f,\"npt_end\":%.3f,\"rtp_time\":%u,"
            "\"media_time\":%.3f}",
            (const char *)user_data, mdf_viewer_state_name(result->state), result->npt_start_s,
            result->npt_end_s, result->rtp_time, result->media_time_s);
}

static void
on_connected(MdfViewer *viewer G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    say("{\"event\":\"connected\"}");
}

static void
on_end(MdfViewer *viewer G_GNUC_UNUSED, double npt_s, void *user_data G_GNUC_UNUSED)
{
    say("{\"event\":\"end-of-stream\",\"npt\":%.3f}", npt_s);
}

static void
on_closed(MdfViewer *viewer G_GNUC_UNUSED, MdfCloseReason reason, void *user_data)
{
    ((Host *)user_data)->viewer = NULL;
    say("{\"event\":\"closed\",\"reason\":\"%s\"}", mdf_close_reason_name(reason));
}

static const MdfViewerEvents events = {
    .connected = on_connected,
    .end_of_stream = on_end,
    .closed = on_closed,
};

static void
answer_line(const char *answer, const GError *error)
{
    g_autofree char *text = answer ? g_base64_encode((const guchar *)answer, strlen(answer)) : NULL;

    if (answer)
        say("{\"answer\":\"%s\"}", text);
    else
        say("{\"error\":\"%s\"}", error->message);
}

static char *
decode(const char *text)
{
    gsize length;
    g_autofree guchar *bytes = g_base64_decode(text, &length);

    return g_strndup((const char *)bytes, length);
}

static void
handle_offer(Host *host, const char *name, const char *text)
{
    g_autofree char *offer = decode(text), *answer = NULL;
    g_autoptr(GError) error = NULL;
    const MdfViewerRequest request = {.offer = offer, .programme = programme(host, name), .name = name};

    mdf_viewer_close(host->viewer);
    host->viewer = mdf_engine_add_viewer(host->engine, &request, &events, host, &answer, &error);
    answer_line(answer, error);
}

static void
handle_reoffer(Host *host, const char *text)
{
    g_autofree char *offer = decode(text), *answer = NULL;
    g_autoptr(GError) error = NULL;

    answer = mdf_viewer_reoffer(host->viewer, offer, &error);
    answer_line(answer, error);
}

static void
handle_status(Host *host)
{
    MdfViewerStatus s;
    MdfEngineStatus e;

    mdf_viewer_status(host->viewer, &s);
    mdf_engine_status(host->engine, &e);
    say("{\"status\":\"%s\",\"position\":%.3f,\"duration\":%.3f,\"packets\":%" G_GUINT64_FORMAT
        ",\"resent\":%" G_GUINT64_FORMAT ",\"keys\":%" G_GUINT64_FORMAT
        ",\"rtt_us\":%u,\"kbps\":%u,\"lost\":%u,\"dropped\":%" G_GUINT64_FORMAT "}",
        mdf_viewer_state_name(s.state), s.position_s, s.duration_s, s.packets, s.packets_resent,
        s.key_frame_requests, s.round_trip_us, s.bandwidth_kbps, s.fraction_lost, e.packets_dropped);
}

static void
handle_line(Host *host, const char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strchomp((char *)line), " ", 3);
    const char *command = words[0] ? words[0] : "";

    if (strcmp(command, "quit") == 0)
        g_main_loop_quit(host->loop);
    else if (strcmp(command, "offer") == 0 && words[1] && words[2])
        handle_offer(host, words[1], words[2]);
    else if (!host->viewer)
        say("{\"error\":\"no viewer\"}");
    else if (strcmp(command, "reoffer") == 0 && words[1])
        handle_reoffer(host, words[1]);
    else if (strcmp(command, "play") == 0)
        mdf_viewer_play(host->viewer, words[1] ? g_ascii_strtod(words[1], NULL) : NAN, 1, on_done, "play");
    else if (strcmp(command, "pause") == 0)
        mdf_viewer_pause(host->viewer, on_done, "pause");
    else if (strcmp(command, "zap") == 0 && words[1])
        mdf_viewer_zap(host->viewer, programme(host, words[1]), words[1], on_done, "zap");
    else if (strcmp(command, "status") == 0)
        handle_status(host);
    else if (strcmp(command, "close") == 0)
        mdf_viewer_close(g_steal_pointer(&host->viewer));
}

static gboolean
on_input(GIOChannel *channel, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Host *host = user_data;
    g_autofree char *line = NULL;

    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
        g_main_loop_quit(host->loop);
        return G_SOURCE_REMOVE;
    }
    handle_line(host, line);

    return G_SOURCE_CONTINUE;
}

/* Makes the film only if it is not there yet. */
static void
make_film(const char *folder, unsigned seconds, unsigned tone_hz)
{
    g_autoptr(GError) error = NULL;

    if (g_file_test(folder, G_FILE_TEST_IS_DIR))
        return;
    g_mkdir_with_parents(folder, 0700);
    if (!fixture_make_film(folder, seconds, tone_hz, &error))
        g_error("film: %s", error->message);
}

static void
set_up(Host *host, const char *folder)
{
    static const char *const addresses[] = {"127.0.0.1", NULL};
    const MdfEngineConfig config = {.media_addresses = addresses, .workers = 1, .capacity_viewers = 100};
    g_autofree char *first = g_build_filename(folder, "first", NULL);
    g_autofree char *second = g_build_filename(folder, "second", NULL);
    g_autoptr(GError) error = NULL;

    make_film(first, 20, 440);
    make_film(second, 20, 880);
    host->loop = g_main_loop_new(NULL, FALSE);
    host->cache = reel_block_cache_new(64 << 20, 2, &error);
    g_assert_no_error(error);
    host->film = reel_programme_open(host->cache, "asset:film", first, &error);
    g_assert_no_error(error);
    host->one = fixture_channel_new(host->cache, "channel:one", first, &error);
    g_assert_no_error(error);
    host->two = fixture_channel_new(host->cache, "channel:two", second, &error);
    g_assert_no_error(error);
    host->engine = mdf_engine_fanout_new(&config, &error);
    g_assert_no_error(error);
}

static void
tear_down(Host *host)
{
    mdf_viewer_close(host->viewer);
    mdf_engine_free(host->engine);
    fixture_channel_free(host->one);
    fixture_channel_free(host->two);
    reel_programme_unref(host->film);
    reel_block_cache_free(host->cache);
    g_main_loop_unref(host->loop);
}

int
main(int argc, char **argv)
{
    Host host = {0};
    g_autoptr(GIOChannel) input = g_io_channel_unix_new(0);

    gst_init(&argc, &argv);
    base_log_init("delivery-host", BASE_LOG_DEBUG);
    set_up(&host, argc > 1 ? argv[1] : "delivery-media");
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, &host);
    say("{\"ready\":true,\"port\":%u}", mdf_engine_media_port(host.engine));
    g_main_loop_run(host.loop);
    tear_down(&host);

    return 0;
}
