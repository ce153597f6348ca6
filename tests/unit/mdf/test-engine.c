/* The fan-out engine on a real port, seen from the network. */
#include <arpa/inet.h>
#include <glib.h>
#include <math.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "mdf/delivery/engine.h"
#include "tests/unit/mdf/delivery-fixture.h"

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *live;
    MdfEngine *engine;
    char *offer;
    int fd;
    unsigned done;
    GError *error;
} Fixture;

static void
no_event(MdfViewer *viewer G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
no_end(MdfViewer *viewer G_GNUC_UNUSED, double npt_s G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static void
no_close(MdfViewer *viewer G_GNUC_UNUSED, MdfCloseReason reason G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

static const MdfViewerEvents events = {no_event, no_end, no_close};

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    static const char *const addresses[] = {"127.0.0.1", NULL};
    const MdfEngineConfig config = {.media_addresses = addresses, .workers = 1, .capacity_viewers = 2};
    g_autofree char *path = g_build_filename(TEST_DATA, "offer-chromium.sdp", NULL);
    g_autoptr(GError) error = NULL;
    struct timeval patience = {10, 0};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    f->cache = reel_block_cache_new(16 << 20, 1, NULL);
    f->live = fixture_channel(f->cache, "channel:x", g_get_monotonic_time() - 5 * G_USEC_PER_SEC, 5);
    f->engine = mdf_engine_fanout_new(&config, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(path, &f->offer, NULL, NULL));
    f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    g_assert_cmpint(bind(f->fd, (struct sockaddr *)&own, sizeof own), ==, 0);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_engine_free(f->engine);
    reel_programme_unref(f->live);
    reel_block_cache_free(f->cache);
    close(f->fd);
    g_free(f->offer);
    g_clear_error(&f->error);
}

static MdfViewer *
add(Fixture *f, char **ret_answer)
{
    const MdfViewerRequest request = {.offer = f->offer, .programme = f->live};
    g_autoptr(GError) error = NULL;
    MdfViewer *viewer = mdf_engine_add_viewer(f->engine, &request, &events, f, ret_answer, &error);

    g_assert_no_error(error);
    return viewer;
}

static char *
value_of(const char *sdp, const char *key)
{
    const char *at = strstr(sdp, key);

    g_assert_nonnull(at);
    at += strlen(key);
    return g_strndup(at, strcspn(at, "\r\n"));
}

static void
send_to_engine(Fixture *f, const void *data, size_t length)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(mdf_engine_media_port(f->engine)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    g_assert_cmpint(sendto(f->fd, data, length, 0, (const struct sockaddr *)&to, sizeof to), ==,
                    (ssize_t)length);
}

static size_t
make_check(const char *name, const char *password, uint8_t *out, size_t size)
{
    static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                     STUN_ATTRIBUTE_FINGERPRINT, 0};
    StunAgent agent;
    StunMessage message;

    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return stun_usage_ice_conncheck_create(&agent, &message, out, size, (const uint8_t *)name, strlen(name),
                                           (const uint8_t *)password, strlen(password), true, true,
                                           1853824767u, 42, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

/* What answers first is the check that is signed well, though it came last: all before it met silence. */
static void
test_silence(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autofree char *answer = NULL, *ours = NULL, *password = NULL, *theirs = NULL, *name = NULL;
    g_autofree char *stranger = NULL;
    uint8_t bare[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 9, 9, 9}, hello[200] = {22, 0xfe, 0xfd};
    uint8_t check[256], reply[2048], noise[64];
    MdfViewer *viewer = add(f, &answer);
    size_t length;
    ssize_t got;

    ours = value_of(answer, "a=ice-ufrag:");
    password = value_of(answer, "a=ice-pwd:");
    theirs = value_of(f->offer, "a=ice-ufrag:");
    name = g_strdup_printf("%s:%s", ours, theirs);
    stranger = g_strdup_printf("%s:nobody", ours);

    send_to_engine(f, bare, sizeof bare);                                     /* a STUN server? */
    send_to_engine(f, hello, sizeof hello);                                   /* DTLS without ICE */
    length = make_check(name, "0123456789012345678901", check, sizeof check); /* wrong password */
    send_to_engine(f, check, length);
    length = make_check(stranger, password, check, sizeof check); /* wrong name */
    send_to_engine(f, check, length);
    for (unsigned i = 0; i < 256; i++) {
        memset(noise, (int)i, sizeof noise);
        send_to_engine(f, noise, sizeof noise);
    }
    length = make_check(name, password, check, sizeof check);
    send_to_engine(f, check, length);

    got = recv(f->fd, reply, sizeof reply, 0);
    g_assert_cmpint(got, >, 20);
    g_assert_cmpint(got, <=, (ssize_t)length);
    g_assert_cmpmem(reply, 2, "\x01\x01", 2);      /* success response ... */
    g_assert_cmpmem(reply + 8, 12, check + 8, 12); /* ... to the last one */
    mdf_viewer_close(viewer);
}

static void
on_done(const MdfPlayResult *result, const GError *error, void *user_data)
{
    Fixture *f = user_data;

    f->done++;
    g_clear_error(&f->error);
    if (error)
        f->error = g_error_copy(error);
    else
        g_assert_nonnull(result);
}

static void
wait_for_done(Fixture *f, unsigned n)
{
    while (f->done < n)
        g_main_context_iteration(NULL, TRUE);
}

/* Pause and refused seeks are answered also without a browser at the other end. */
static void
test_commands_before_connection(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autofree char *answer = NULL;
    MdfViewer *viewer = add(f, &answer);
    MdfViewerStatus status;

    mdf_viewer_pause(viewer, on_done, f);
    g_assert_cmpuint(f->done, ==, 0); /* never from inside the call */
    wait_for_done(f, 1);
    g_assert_no_error(f->error);
    mdf_viewer_play(viewer, -5, 1, on_done, f);
    wait_for_done(f, 2);
    g_assert_error(f->error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    mdf_viewer_status(viewer, &status);
    g_assert_cmpint(status.state, ==, MDF_VIEWER_PAUSED);
    g_assert_true(status.live);
    mdf_viewer_close(viewer);
}

/* No callback after close, though a command was under way. */
static void
test_close_with_command(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autofree char *answer = NULL, *second = NULL;
    MdfViewer *viewer = add(f, &answer);

    mdf_viewer_play(viewer, NAN, 1, on_done, f);
    mdf_viewer_close(viewer);
    viewer = add(f, &second);
    mdf_viewer_pause(viewer, on_done, f); /* the worker has seen the close before it sees this */
    wait_for_done(f, 1);
    g_assert_no_error(f->error);
    mdf_viewer_close(viewer);
}

static void
test_reoffer(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autofree char *answer = NULL, *again = NULL, *restarted = NULL, *changed = NULL;
    g_autofree char *theirs = value_of(f->offer, "a=ice-ufrag:");
    g_autofree char *first = NULL, *same = NULL, *other = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) parts = g_strsplit(f->offer, theirs, -1);
    MdfViewer *viewer = add(f, &answer);

    again = mdf_viewer_reoffer(viewer, f->offer, &error);
    g_assert_no_error(error);
    first = value_of(answer, "a=ice-ufrag:");
    same = value_of(again, "a=ice-ufrag:");
    g_assert_cmpstr(first, ==, same);

    changed = g_strjoinv("NEWufrag", parts);
    restarted = mdf_viewer_reoffer(viewer, changed, &error);
    g_assert_no_error(error);
    other = value_of(restarted, "a=ice-ufrag:");
    g_assert_cmpstr(first, !=, other);
    g_assert_nonnull(strstr(restarted, " 3 IN IP4 ")); /* third answer of this session */

    g_assert_null(mdf_viewer_reoffer(viewer, "v=0", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL);
    mdf_viewer_close(viewer);
}

static void
test_port_taken(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    static const char *const addresses[] = {"127.0.0.1", NULL}, *const bad[] = {"here", NULL};
    MdfEngineConfig config = {.media_addresses = addresses,
                              .media_port = mdf_engine_media_port(f->engine),
                              .workers = 1,
                              .capacity_viewers = 1};
    g_autoptr(GError) taken = NULL, invalid = NULL;

    g_assert_null(mdf_engine_fanout_new(&config, &taken));
    g_assert_error(taken, BASE_ERROR, BASE_ERROR_UNAVAILABLE);
    config.media_addresses = bad;
    g_assert_null(mdf_engine_fanout_new(&config, &invalid));
    g_assert_error(invalid, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    base_log_init("test-engine", BASE_LOG_WARNING);
#define ADD(name, function) g_test_add("/mdf/engine/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("silence-before-a-signed-check", test_silence);
    ADD("commands-before-connection", test_commands_before_connection);
    ADD("close-with-a-command-under-way", test_close_with_command);
    ADD("reoffer", test_reoffer);
    ADD("port-taken", test_port_taken);
    return g_test_run();
}
