/* The delivery engine with GStreamer's webrtcbin (libnice, OpenSSL, libsrtp) as the viewer: connects in both
 * DTLS roles, plays, pauses, seeks, zaps, ends. */
#include <arpa/inet.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <ifaddrs.h>
#include <math.h>
#include <net/if.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "mdf/delivery/engine.h"
#include "tests/integration/delivery/gst-peer.h"
#include "tests/integration/delivery/media-fixture.h"

#define PATIENCE_US (60 * G_USEC_PER_SEC)

enum {
    CAPACITY = 10,
};

/* The media is made once for all tests. */
typedef struct {
    char *folder;
    ReelBlockCache *cache;
    ReelProgramme *film;
    FixtureChannel *one, *two;
    MdfEngine *engine;
} Headend;

typedef struct {
    Headend *headend;
    MdfViewer *viewer;
    GstPeer *peer;
    bool connected, closed, done;
    unsigned ends;
    MdfCloseReason reason;
    MdfPlayResult result;
} Fixture;

/* ---- waiting: for an event, never for a time ---- */

static gboolean
wake(gpointer unused G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

#define wait_for(condition)                                                                                  \
    do {                                                                                                     \
        int64_t give_up_us = g_get_monotonic_time() + PATIENCE_US;                                           \
        guint source = g_timeout_add(5, wake, NULL);                                                         \
        while (!(condition) && g_get_monotonic_time() < give_up_us)                                          \
            g_main_context_iteration(NULL, TRUE);                                                            \
        g_source_remove(source);                                                                             \
        g_assert_true(condition);                                                                            \
    } while (0)

static GstPeerCounts
counts(const Fixture *f)
{
    GstPeerCounts c;

    gst_peer_counts(f->peer, &c);
    return c;
}

/* ---- events ---- */

static void
on_connected(MdfViewer *viewer G_GNUC_UNUSED, void *user_data)
{
    ((Fixture *)user_data)->connected = true;
}

static void
on_end(MdfViewer *viewer G_GNUC_UNUSED, double npt_s G_GNUC_UNUSED, void *user_data)
{
    ((Fixture *)user_data)->ends++;
}

static void
on_closed(MdfViewer *viewer G_GNUC_UNUSED, MdfCloseReason reason, void *user_data)
{
    Fixture *f = user_data;

    f->closed = true;
    f->reason = reason;
    f->viewer = NULL;
}

static const MdfViewerEvents events = {on_connected, on_end, on_closed};

static void
on_done(const MdfPlayResult *result, const GError *error, void *user_data)
{
    Fixture *f = user_data;

    g_assert_no_error(error);
    f->result = *result;
    f->done = true;
}

static void
play(Fixture *f, double npt_s)
{
    f->done = false;
    mdf_viewer_play(f->viewer, npt_s, 1, on_done, f);
    wait_for(f->done);
}

static void
zap(Fixture *f, ReelProgramme *programme)
{
    f->done = false;
    mdf_viewer_zap(f->viewer, programme, NULL, on_done, f);
    wait_for(f->done);
}

/* ---- set-up ---- */

static char *
replace(const char *text, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(text, from, -1);

    return g_strjoinv(to, parts);
}

/* @setup: what the offer says about DTLS roles. */
static void
join(Fixture *f, ReelProgramme *programme, const char *setup)
{
    g_autofree char *own = NULL, *offer = NULL, *answer = NULL, *line = g_strconcat("a=setup:", setup, NULL);
    g_autoptr(GError) error = NULL;
    MdfViewerRequest request = {.programme = programme};

    f->peer = gst_peer_new();
    own = gst_peer_offer(f->peer);
    offer = replace(own, "a=setup:actpass", line);
    request.offer = offer;
    f->viewer = mdf_engine_add_viewer(f->headend->engine, &request, &events, f, &answer, &error);
    g_assert_no_error(error);
    gst_peer_answer(f->peer, answer);
    wait_for(f->connected);
}

static void
set_up(Fixture *f, gconstpointer headend)
{
    f->headend = (Headend *)headend;
}

static void
tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
    mdf_viewer_close(f->viewer);
    gst_peer_free(f->peer);
}

/* ---- tests ---- */

static void
test_film(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    join(f, f->headend->film, "actpass");
    g_assert_cmpuint(counts(f).video_packets, ==, 0); /* paused until play */
    play(f, NAN);
    g_assert_cmpint(f->result.state, ==, MDF_VIEWER_PLAYING);
    g_assert_cmpfloat(f->result.npt_start_s, ==, 0);
    g_assert_cmpfloat(f->result.npt_end_s, >, 5);
    wait_for(counts(f).frames >= 50 && counts(f).audio_packets >= 90);
    g_assert_cmpuint(counts(f).lost, ==, 0);
    g_assert_cmpuint(counts(f).timestamp_errors, ==, 0);
    g_assert_cmpuint(counts(f).key_frames, >=, 1);
}

static void
test_active_role(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    join(f, f->headend->film, "passive");
    play(f, NAN);
    wait_for(counts(f).frames >= 5);
}

static void
test_pause(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    unsigned before;
    int64_t until_us;

    join(f, f->headend->film, "actpass");
    play(f, NAN);
    wait_for(counts(f).frames >= 10);
    f->done = false;
    mdf_viewer_pause(f->viewer, on_done, f);
    wait_for(f->done);
    g_assert_cmpint(f->result.state, ==, MDF_VIEWER_PAUSED);
    until_us = g_get_monotonic_time() + G_USEC_PER_SEC / 4; /* what is under way arrives */
    wait_for(g_get_monotonic_time() >= until_us);
    before = counts(f).video_packets;
    until_us = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
    wait_for(g_get_monotonic_time() >= until_us);
    g_assert_cmpuint(counts(f).video_packets, ==, before);
    play(f, NAN);
    wait_for(counts(f).video_packets > before + 20);
    g_assert_cmpuint(counts(f).lost, ==, 0);
}

static void
test_seek_and_end(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    join(f, f->headend->film, "actpass");
    play(f, NAN);
    wait_for(counts(f).frames >= 5);
    play(f, 4.9);
    g_assert_cmpfloat(f->result.npt_start_s, ==, 4.0);
    g_assert_cmpfloat(f->result.media_time_s, >=, 4.0);
    g_assert_cmpfloat(f->result.media_time_s, <, 4.1);
    wait_for(f->ends == 1);
    play(f, 1.0);
    wait_for(counts(f).key_frames >= 3);
    g_assert_cmpuint(counts(f).lost, ==, 0);
    g_assert_cmpuint(counts(f).timestamp_errors, ==, 0);
}

static void
test_zaps(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    ReelProgramme *channels[] = {fixture_channel_programme(f->headend->two),
                                 fixture_channel_programme(f->headend->one)};

    join(f, channels[1], "actpass");
    play(f, NAN);
    wait_for(counts(f).frames >= 5);
    for (unsigned i = 0; i < 20; i++) {
        unsigned before = counts(f).key_frames;
        zap(f, channels[i % 2]);
        g_assert_cmpfloat(f->result.npt_end_s, <, 0);
        wait_for(counts(f).key_frames > before);
    }
    zap(f, f->headend->film);
    g_assert_cmpfloat(f->result.npt_start_s, ==, 0);
    g_assert_cmpuint(counts(f).video_ssrc_changes, ==, 0);
    g_assert_cmpuint(counts(f).lost, ==, 0);
    g_assert_cmpuint(counts(f).timestamp_errors, ==, 0);
}

/* One more than there are places. */
static void
test_full(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    MdfViewer *others[CAPACITY] = {NULL};
    g_autofree char *offer = NULL, *answer = NULL;
    g_autoptr(GError) error = NULL;
    MdfViewerRequest request = {.programme = f->headend->film};
    MdfEngineStatus status;

    f->peer = gst_peer_new();
    request.offer = offer = gst_peer_offer(f->peer);
    for (unsigned i = 0; i < CAPACITY; i++) {
        g_autofree char *ignored = NULL;
        others[i] = mdf_engine_add_viewer(f->headend->engine, &request, &events, f, &ignored, &error);
        g_assert_no_error(error);
    }
    g_assert_null(mdf_engine_add_viewer(f->headend->engine, &request, &events, f, &answer, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_BUSY);
    for (unsigned i = 0; i < CAPACITY; i++)
        mdf_viewer_close(others[i]);
    mdf_engine_status(f->headend->engine, &status);
    g_assert_cmpuint(status.viewers, ==, 0);
}

/* The certificate is not the one that the offer named: no media, and an end with a reason. */
static void
test_wrong_fingerprint(Fixture *f, gconstpointer headend G_GNUC_UNUSED)
{
    g_autofree char *own = NULL, *offer = NULL, *answer = NULL;
    g_autoptr(GError) error = NULL;
    MdfViewerRequest request = {.programme = f->headend->film};
    char *digit;

    f->peer = gst_peer_new();
    own = gst_peer_offer(f->peer);
    offer = g_strdup(own);
    for (char *p = offer; (p = strstr(p, "a=fingerprint:sha-256 ")); p++) {
        digit = p + strlen("a=fingerprint:sha-256 ");
        *digit = *digit == '0' ? '1' : '0';
    }
    request.offer = offer;
    f->viewer = mdf_engine_add_viewer(f->headend->engine, &request, &events, f, &answer, &error);
    g_assert_no_error(error);
    mdf_viewer_play(f->viewer, NAN, 1, NULL, NULL);
    gst_peer_answer(f->peer, answer);
    wait_for(f->closed);
    g_assert_cmpint(f->reason, ==, MDF_CLOSE_DTLS_FAILED);
    g_assert_false(f->connected);
    g_assert_cmpuint(counts(f).video_packets, ==, 0);
}

/* ---- the headend ---- */

static char *
make_film(const Headend *headend, const char *name, unsigned tone_hz)
{
    char *folder = g_build_filename(headend->folder, name, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    fixture_make_film(folder, 6, tone_hz, &error);
    g_assert_no_error(error);
    return folder;
}

/* libnice binds to an interface, and from there 127.0.0.1 cannot be reached: our own addresses can, and the
 * packets stay on this machine. */
static char **
own_addresses(void)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    struct ifaddrs *list = NULL;

    g_strv_builder_add(builder, "127.0.0.1");
    g_assert_cmpint(getifaddrs(&list), ==, 0);
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        char text[INET_ADDRSTRLEN];
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
            continue;
        inet_ntop(AF_INET, &((const struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof text);
        g_strv_builder_add(builder, text);
    }
    freeifaddrs(list);

    return g_strv_builder_end(builder);
}

static void
headend_init(Headend *self)
{
    g_auto(GStrv) addresses = own_addresses();
    const MdfEngineConfig config = {
        .media_addresses = (const char *const *)addresses, .workers = 2, .capacity_viewers = CAPACITY};
    g_autofree char *first = NULL, *second = NULL;
    g_autoptr(GError) error = NULL;

    self->folder = g_dir_make_tmp("imstv-delivery-XXXXXX", NULL);
    first = make_film(self, "first", 440);
    second = make_film(self, "second", 880);
    self->cache = reel_block_cache_new(64 << 20, 2, &error);
    self->film = reel_programme_open(self->cache, "asset:film", first, &error);
    self->one = fixture_channel_new(self->cache, "channel:one", first, &error);
    self->two = fixture_channel_new(self->cache, "channel:two", second, &error);
    self->engine = mdf_engine_fanout_new(&config, &error);
    g_assert_no_error(error);
}

static void
remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            remove_folder(path);
        else
            g_unlink(path);
    }
    g_rmdir(folder);
}

static void
headend_clear(Headend *self)
{
    mdf_engine_free(self->engine);
    fixture_channel_free(self->one);
    fixture_channel_free(self->two);
    reel_programme_unref(self->film);
    reel_block_cache_free(self->cache);
    remove_folder(self->folder);
    g_free(self->folder);
}

int
main(int argc, char **argv)
{
    Headend headend = {0};
    int result;

    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    base_log_init("test-webrtcbin", BASE_LOG_WARNING);
    headend_init(&headend);
#define ADD(name, function)                                                                                  \
    g_test_add("/delivery/webrtcbin/" name, Fixture, &headend, set_up, function, tear_down)
    ADD("film", test_film);
    ADD("active-dtls-role", test_active_role);
    ADD("pause", test_pause);
    ADD("seek-and-end", test_seek_and_end);
    ADD("zaps", test_zaps);
    ADD("full", test_full);
    ADD("wrong-fingerprint", test_wrong_fingerprint);
    result = g_test_run();
    headend_clear(&headend);

    return result;
}
