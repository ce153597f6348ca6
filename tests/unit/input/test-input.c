/* The real imstv-input between a generated transport stream on loopback and a cursor. */
#include <fcntl.h>
#include <gio/gio.h>
#include <gst/gst.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/reel/reel-feed.h"
#include "tests/unit/input/ts-shift.h"
#include "tests/unit/reel/reel-fixture.h"

#define DEADLINE_US (40 * G_USEC_PER_SEC)

static const char *program;

typedef struct {
    ReelBlockCache *cache;
    ReelFeed *feed;
    ReelProgramme *channel;
    ReelCursor *cursor;
    GSubprocess *process;
    int status_fd;
    GString *status; /* all lines so far */
    unsigned port;
    GstElement *generator;
    GSocket *sender; /* and what it does to the stream; the streaming thread looks at every datagram */
    GSocketAddress *target;
    _Atomic int64_t shift;
    _Atomic unsigned lose_one_in; /* 0: none */
    _Atomic int64_t drift_ppm;    /* how much too fast the source's clock is */
    int64_t generator_us;         /* when it was started */
    unsigned n_packets;
} Fixture;

/* A free UDP port; taken again by the input a moment later. */
static unsigned
free_port(void)
{
    g_autoptr(GSocket) socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0), bound = NULL;

    g_assert_true(g_socket_bind(socket, any, FALSE, NULL));
    bound = g_socket_get_local_address(socket, NULL);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
}

static void
start_input(Fixture *f)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autofree char *url = g_strdup_printf("udp://127.0.0.1:%u", f->port);
    g_autoptr(GError) error = NULL;
    ReelPipe *pipe = reel_pipe_new(fixture_tracks, 2, 4u << 20, &error);
    int pair[2];

    g_assert_no_error(error);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_subprocess_launcher_take_fd(launcher, fcntl(reel_pipe_fd(pipe), F_DUPFD_CLOEXEC, 3), 3);
    g_subprocess_launcher_take_fd(launcher, pair[1], 4);
    f->process = g_subprocess_launcher_spawn(launcher, &error, program, "--memory-fd", "3", "--status-fd",
                                             "4", "--url", url, "--name", "test", NULL);
    g_assert_no_error(error);
    f->status_fd = pair[0];
    reel_feed_connect(f->feed, f->channel, pipe);
}

/* Ends the input by closing its status socket; it has to go by itself. */
static void
stop_input(Fixture *f)
{
    close(f->status_fd);
    g_assert_true(g_subprocess_wait(f->process, NULL, NULL));
    g_clear_object(&f->process);
}

static GstFlowReturn
on_stream(GstElement *sink, Fixture *f)
{
    g_autoptr(GstSample) sample = NULL;
    GstMapInfo map;

    g_signal_emit_by_name(sink, "pull-sample", &sample);
    if (!sample || !gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ))
        return GST_FLOW_OK;
    g_autofree uint8_t *bytes = g_memdup2(map.data, map.size);
    int64_t drift = (g_get_monotonic_time() - f->generator_us) * f->drift_ppm / 1000000 * 9 / 100;
    for (size_t at = 0; at + TS_PACKET <= map.size; at += TS_PACKET)
        ts_shift_packet(bytes + at, f->shift + drift);
    if (f->lose_one_in == 0 || ++f->n_packets % f->lose_one_in != 0)
        g_socket_send_to(f->sender, f->target, (const char *)bytes, map.size, NULL, NULL);
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    return GST_FLOW_OK;
}

static void
start_generator(Fixture *f, const char *video, const char *audio)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) sink = NULL;
    g_autofree char *text = g_strdup_printf(
        "mpegtsmux name=mux alignment=7 ! appsink name=sink sync=true emit-signals=true "
        "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! %s ! queue ! mux. "
        "audiotestsrc is-live=true samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! %s ! queue ! "
        "mux.",
        video, audio);

    f->generator = gst_parse_launch(text, &error);
    g_assert_no_error(error);
    f->generator_us = g_get_monotonic_time();
    sink = gst_bin_get_by_name(GST_BIN(f->generator), "sink");
    g_signal_connect(sink, "new-sample", G_CALLBACK(on_stream), f);
    gst_element_set_state(f->generator, GST_STATE_PLAYING);
}

static void
stop_generator(Fixture *f)
{
    gst_element_set_state(f->generator, GST_STATE_NULL);
    gst_object_unref(f->generator);
    f->generator = NULL;
}

static void
setup(Fixture *f, gconstpointer data)
{
    g_autoptr(GInetAddress) loopback = NULL;

    (void)data;
    f->cache = fixture_cache(256);
    f->feed = reel_feed_new();
    f->channel = reel_live_new(f->cache, "channel:test", fixture_tracks, 2, 30);
    f->cursor = fixture_cursor(f->channel);
    f->status = g_string_new(NULL);
    f->port = free_port();
    loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
    f->target = g_inet_socket_address_new(loopback, (guint16)f->port);
    f->sender = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    start_input(f);
}

static void
teardown(Fixture *f, gconstpointer data)
{
    (void)data;
    if (f->generator)
        stop_generator(f);
    stop_input(f);
    reel_feed_free(f->feed);
    reel_cursor_free(f->cursor);
    reel_programme_unref(f->channel);
    reel_block_cache_free(f->cache);
    g_string_free(f->status, TRUE);
    g_object_unref(f->sender);
    g_object_unref(f->target);
}

static void
read_status(Fixture *f)
{
    char buffer[4096];
    ssize_t n;

    while ((n = recv(f->status_fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
        g_string_append_len(f->status, buffer, n);
}

typedef struct {
    unsigned frames, keys, sound, discontinuities, early, late;
    int64_t first_us, last_us;
    int64_t ahead_us;    /* sum over frames: due - now */
    uint32_t next_ticks; /* of sound */
} Seen;

static void
take(Fixture *f, const ReelRecord *record, Seen *seen)
{
    int64_t ahead_us = record->due_us - g_get_monotonic_time();

    seen->discontinuities += (record->flags & REEL_FLAG_DISCONTINUITY) != 0;
    seen->sound += record->track == 1;
    seen->early += ahead_us > 2 * G_USEC_PER_SEC;
    seen->late += ahead_us < 0;
    seen->ahead_us += record->flags & REEL_FLAG_MARKER && record->track == 0 ? ahead_us : 0;
    if (record->track == 1) {
        if (seen->sound > 1 && !(record->flags & REEL_FLAG_DISCONTINUITY))
            g_assert_cmpuint(record->rtp_ticks, ==, seen->next_ticks);
        seen->next_ticks = record->rtp_ticks + 960;
    }
    if (record->track == 0) {
        seen->frames += (record->flags & REEL_FLAG_MARKER) != 0;
        seen->keys += (record->flags & REEL_ENTRY) == REEL_ENTRY;
    }
    if (seen->first_us == 0)
        seen->first_us = record->due_us;
    seen->last_us = record->due_us;
    reel_cursor_advance(f->cursor);
}

/* Reads records as they come until @frames pictures and @sound packets were seen. */
static void
watch(Fixture *f, unsigned frames, unsigned sound, Seen *seen)
{
    int64_t deadline_us = g_get_monotonic_time() + DEADLINE_US, wake_us;
    ReelRecord record;

    *seen = (Seen){0};
    while (seen->frames < frames || seen->sound < sound) {
        int64_t now_us = g_get_monotonic_time();
        if (now_us > deadline_us) {
            read_status(f);
            g_error("%u frames, %u sound after %d s; status: %s", seen->frames, seen->sound,
                    (int)(DEADLINE_US / G_USEC_PER_SEC), f->status->str);
        }
        switch (reel_cursor_peek(f->cursor, now_us, &record, &wake_us)) {
        case REEL_NEXT_RECORD:
            take(f, &record, seen);
            break;
        case REEL_NEXT_EDGE:
        case REEL_NEXT_WAIT:
            g_usleep((gulong)(wake_us - now_us));
            break;
        case REEL_NEXT_GAP:
        case REEL_NEXT_END:
            break;
        }
    }
    read_status(f);
}

/* Waits until a status line has @text in it. */
static void
wait_status(Fixture *f, const char *text)
{
    int64_t deadline_us = g_get_monotonic_time() + DEADLINE_US;
    GPollFD fd = {.fd = f->status_fd, .events = G_IO_IN};

    g_string_truncate(f->status, 0);
    while (!strstr(f->status->str, text)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline_us);
        g_poll(&fd, 1, 1000);
        read_status(f);
    }
}

#define X264 "x264enc bframes=0 key-int-max=25 speed-preset=ultrafast tune=zerolatency bitrate=800 aud=true"

static void
play_with_sound(Fixture *f, const char *audio, const char *name)
{
    Seen seen;

    start_generator(f, X264, audio);
    watch(f, 100, 150, &seen);
    g_test_message("%u frames, %u keys, %u sound, %u early, %u late, %s", seen.frames, seen.keys, seen.sound,
                   seen.early, seen.late, f->status->str);
    g_assert_cmpuint(seen.keys, >=, 3);
    g_assert_cmpint(seen.last_us - seen.first_us, >, 2800000);
    g_assert_cmpint(seen.last_us - seen.first_us, <, 8000000);
    g_assert_cmpuint(seen.early, ==, 0);
    wait_status(f, "\"live\"");
    g_assert_nonnull(strstr(f->status->str, "H.264 320x180"));
    g_assert_nonnull(strstr(f->status->str, name));
    g_assert_nonnull(strstr(f->status->str, "\"b_frames\":false"));
}

static void
test_aac(Fixture *f, gconstpointer data)
{
    (void)data;
    play_with_sound(f, "avenc_aac ! aacparse", "\"AAC\"");
}

static void
test_ac3(Fixture *f, gconstpointer data)
{
    (void)data;
    play_with_sound(f, "avenc_ac3", "\"AC-3\"");
}

static void
test_mpeg_audio(Fixture *f, gconstpointer data)
{
    (void)data;
    play_with_sound(f, "avenc_mp2", "\"MPEG audio\"");
}

static void
test_opus(Fixture *f, gconstpointer data)
{
    (void)data;
    play_with_sound(f, "opusenc", "\"Opus\"");
}

static void
test_b_frames_are_reported(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    start_generator(f, "x264enc bframes=2 b-adapt=false key-int-max=25 speed-preset=veryfast ! h264parse",
                    "avenc_aac");
    watch(f, 60, 20, &seen);
    wait_status(f, "\"b_frames\":true");
    stop_generator(f); /* the encoder is set right */
    start_generator(f, X264, "avenc_aac");
    wait_status(f, "\"b_frames\":false");
}

/* The encoder is switched off and another one comes, with times of its own. */
static void
test_source_restart(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    start_generator(f, X264, "avenc_aac");
    watch(f, 50, 50, &seen);
    stop_generator(f);
    wait_status(f, "no-signal");
    start_generator(f, X264, "avenc_aac");
    watch(f, 75, 100, &seen);
    g_assert_cmpuint(seen.discontinuities, >=, 1);
}

/* A restart so quick that the silence is not noticed: the demultiplexer and the clock have to cope. */
static void
test_quick_source_restart(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    start_generator(f, X264, "avenc_aac");
    watch(f, 75, 50, &seen);
    stop_generator(f);
    start_generator(f, X264, "avenc_aac");
    watch(f, 100, 100, &seen);
    g_assert_cmpint(seen.last_us, <, g_get_monotonic_time() + 3 * G_USEC_PER_SEC);
}

/* kill -9: a new process goes on in the same window. */
static void
test_input_replaced(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    start_generator(f, X264, "avenc_aac");
    watch(f, 50, 50, &seen);
    g_subprocess_force_exit(f->process);
    stop_input(f);
    start_input(f);
    watch(f, 75, 75, &seen);
    g_assert_cmpuint(seen.discontinuities, >=, 1);
    g_assert_cmpuint(reel_cursor_fall_offs(f->cursor), ==, 0);
}

/* The stream's 33-bit clock wraps: no seam. */
static void
test_clock_wrap(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    f->shift = TS_WRAP - INT64_C(3600) * 90000 - 4 * 90000; /* the multiplexer begins at one hour */
    start_generator(f, X264, "avenc_aac");
    watch(f, 250, 400, &seen);
    g_assert_cmpuint(seen.discontinuities, ==, 0);
    g_assert_cmpuint(seen.early, ==, 0);
    g_assert_cmpint(seen.last_us - seen.first_us, >, 9 * G_USEC_PER_SEC);
    g_assert_cmpint(seen.last_us - seen.first_us, <, 12 * G_USEC_PER_SEC);
}

/* The source's clock jumps without a word, forth and back. */
static void
test_clock_jumps(Fixture *f, gconstpointer data)
{
    static const int64_t shifts_s[] = {500, -1000, 20, -7, 3};
    Seen seen;

    (void)data;
    start_generator(f, X264, "avenc_aac");
    watch(f, 50, 50, &seen);
    for (unsigned i = 0; i < G_N_ELEMENTS(shifts_s); i++) {
        f->shift = shifts_s[i] * 90000;
        watch(f, 75, 75, &seen);
        g_assert_cmpuint(seen.early, ==, 0);
        g_assert_cmpint(seen.last_us, >, g_get_monotonic_time() - 2 * G_USEC_PER_SEC);
    }
}

/* A source whose clock is 0.3 % off: the line follows, and sound still comes in exact steps. */
static void
test_drift(Fixture *f, gconstpointer data)
{
    Seen seen;

    f->drift_ppm = GPOINTER_TO_INT(data);
    start_generator(f, X264, "avenc_aac");
    watch(f, 300, 500, &seen);
    g_assert_cmpuint(seen.discontinuities, ==, 0);
    g_assert_cmpuint(seen.early, ==, 0);
    g_assert_cmpint(seen.ahead_us / seen.frames, >, 0);
    g_assert_cmpint(seen.ahead_us / seen.frames, <, G_USEC_PER_SEC);
}

/* Every fortieth datagram is lost: what is left goes on. */
static void
test_loss(Fixture *f, gconstpointer data)
{
    Seen seen;

    (void)data;
    f->lose_one_in = 40;
    start_generator(f, X264, "avenc_aac");
    watch(f, 150, 200, &seen);
    g_assert_cmpuint(seen.early, ==, 0);
}

static void
test_garbage_ends_nothing(Fixture *f, gconstpointer data)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    char datagram[1316];
    Seen seen;

    (void)data;
    wait_status(f, "starting");
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned at = 0; at < sizeof(datagram); at++)
            datagram[at] = (char)(at % 188 == 0 && i % 2 ? 0x47 : g_rand_int(random));
        g_socket_send_to(f->sender, f->target, datagram, (gsize)g_rand_int_range(random, 1, sizeof(datagram)),
                         NULL, NULL);
    }
    start_generator(f, X264, "avenc_aac");
    watch(f, 50, 50, &seen);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, setup, func, teardown)

int
main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_test_init(&argc, &argv, NULL);
    program = g_getenv("IMSTV_INPUT");
    if (!program) {
        g_printerr("IMSTV_INPUT names the program to test\n");
        return 1;
    }
    ADD("/input/ts/aac", test_aac);
    ADD("/input/ts/ac3", test_ac3);
    ADD("/input/ts/mpeg-audio", test_mpeg_audio);
    ADD("/input/ts/opus", test_opus);
    ADD("/input/ts/b-frames-are-reported", test_b_frames_are_reported);
    ADD("/input/ts/source-restart", test_source_restart);
    ADD("/input/ts/quick-source-restart", test_quick_source_restart);
    ADD("/input/ts/input-replaced", test_input_replaced);
    ADD("/input/ts/clock-wrap", test_clock_wrap);
    ADD("/input/ts/clock-jumps", test_clock_jumps);
    ADD("/input/ts/loss", test_loss);
    g_test_add("/input/ts/drift", Fixture, GINT_TO_POINTER(3000), setup, test_drift, teardown);
    ADD("/input/ts/garbage-ends-nothing", test_garbage_ends_nothing);
    return g_test_run();
}
