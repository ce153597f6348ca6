#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>

#include "lib/base/error.h"
#include "lib/reel/reel-writer.h"
#include "mdf/delivery/playout.h"
#include "mdf/delivery/sender.h"
#include "tests/unit/mdf/delivery-fixture.h"

#define SECOND G_USEC_PER_SEC
#define NOW0 (1000 * (int64_t)SECOND)

/* One record as it was sent. */
typedef struct {
    int64_t at_us, due_us, shift_us, late_us;
    uint32_t timestamp;
    ReelKind kind;
    bool key_start;
    uint16_t flags;
} Sent;

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *film, *one, *two;
    char *folder;
    MdfPlayout *playout;
    MdfSender *video, *audio;
    int64_t now_us;
    GArray *sent; /* of Sent */
    unsigned started, ended, gone;
} Fixture;

static size_t
on_send(const ReelRecord *record,
        ReelKind kind,
        uint8_t payload_type,
        int64_t shift_us,
        int64_t late_us,
        void *user_data)
{
    Fixture *f = user_data;
    MdfSender *sender = kind == REEL_VIDEO ? f->video : f->audio;
    Sent sent = {.at_us = f->now_us,
                 .due_us = record->due_us,
                 .shift_us = shift_us,
                 .late_us = late_us,
                 .timestamp = mdf_sender_timestamp(sender, record->rtp_ticks, shift_us + late_us),
                 .kind = kind,
                 .key_start = kind == REEL_VIDEO && (record->flags & REEL_ENTRY) == REEL_ENTRY,
                 .flags = record->flags};

    g_assert_cmpuint(payload_type, ==, kind == REEL_VIDEO ? 102 : 111);
    g_array_append_val(f->sent, sent);
    return record->length;
}

static void
on_started(const GError *error, void *user_data)
{
    g_assert_no_error(error);
    ((Fixture *)user_data)->started++;
}

static void
on_ended(void *user_data)
{
    ((Fixture *)user_data)->ended++;
}

static void
on_gone(void *user_data)
{
    ((Fixture *)user_data)->gone++;
}

static const MdfPlayoutEvents events = {on_send, on_started, on_ended, on_gone};

/* Copies a channel of the fixture into files. */
static void
write_film(const char *folder, unsigned seconds)
{
    g_autoptr(ReelWriter) writer = reel_writer_new_files(folder);
    uint8_t payload[1000] = {0};
    int video = reel_writer_add_track(writer, &fixture_tracks[0], NULL);
    int audio = reel_writer_add_track(writer, &fixture_tracks[1], NULL);

    for (unsigned i = 0; i < seconds * 25 * FRAME_PACKETS; i++) {
        unsigned frame = i / FRAME_PACKETS, packet = i % FRAME_PACKETS;
        ReelRecord record = {.payload = payload,
                             .length = 900,
                             .due_us = (int64_t)frame * FRAME_US,
                             .rtp_ticks = frame * 3600};
        record.flags = (uint16_t)((frame % GOP_FRAMES == 0 ? REEL_FLAG_KEY : 0) |
                                  (packet == 0 ? REEL_FLAG_FRAME_START : 0) |
                                  (packet == FRAME_PACKETS - 1 ? REEL_FLAG_MARKER : 0));
        g_assert_true(reel_writer_append(writer, video, &record));
    }
    for (unsigned i = 0; i < seconds * 50; i++) {
        ReelRecord record = {.payload = payload,
                             .length = 100,
                             .due_us = (int64_t)i * AUDIO_US,
                             .rtp_ticks = i * 960,
                             .flags = REEL_ENTRY | REEL_FLAG_MARKER};
        g_assert_true(reel_writer_append(writer, audio, &record));
    }
    g_assert_true(reel_writer_finish(writer, NULL, NULL));
}

/* Reads the film through once: after that no cursor waits for the disk, and the clock is ours alone. */
static void
warm_up(ReelProgramme *film)
{
    const unsigned tracks[] = {0, 1};
    g_autoptr(ReelCursor) cursor = reel_cursor_new(film, tracks, 2, NULL);
    ReelNext next;

    do {
        ReelRecord record;
        int64_t wake_us;
        next = reel_cursor_peek(cursor, 0, &record, &wake_us);
        if (next == REEL_NEXT_WAIT)
            g_usleep(200);
        else
            reel_cursor_advance(cursor);
    } while (next != REEL_NEXT_END);
}

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfPayloadTypes types = {.by_codec = {[REEL_CODEC_H264] = 102, [REEL_CODEC_OPUS] = 111}};
    const MdfSenderConfig video = {.clock_rate = 90000}, audio = {.clock_rate = 48000};

    f->folder = g_dir_make_tmp("imstv-playout-XXXXXX", NULL);
    write_film(f->folder, 10);
    f->cache = reel_block_cache_new(32 << 20, 1, NULL);
    f->film = reel_programme_open(f->cache, "asset:film", f->folder, NULL);
    g_assert_nonnull(f->film);
    warm_up(f->film);
    /* both channels have 20 s behind them and 3 s that are due later; two's key frames are 1.2 s off */
    f->one = fixture_channel(f->cache, "channel:one", NOW0 - 20 * SECOND, 23);
    f->two = fixture_channel(f->cache, "channel:two", NOW0 - 20 * SECOND + 1200000, 23);
    f->playout = mdf_playout_new(&types, &events, f);
    f->video = mdf_sender_new(&video);
    f->audio = mdf_sender_new(&audio);
    f->sent = g_array_new(FALSE, FALSE, sizeof(Sent));
    f->now_us = NOW0;
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    mdf_playout_free(f->playout);
    mdf_sender_free(f->video);
    mdf_sender_free(f->audio);
    reel_programme_unref(f->film);
    reel_programme_unref(f->one);
    reel_programme_unref(f->two);
    reel_block_cache_free(f->cache);
    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *path = g_strdup_printf("%s/0%u-%s.reel", f->folder, i, i == 0 ? "video" : "audio");
        g_unlink(path);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
    g_array_unref(f->sent);
}

/* Runs until @until_us, hopping from wake-up to wake-up. */
static void
run(Fixture *f, int64_t until_us)
{
    while (f->now_us < until_us) {
        int64_t wake_us = mdf_playout_run(f->playout, f->now_us);
        f->now_us = CLAMP(wake_us, f->now_us + 500, until_us);
    }
}

static void
play(Fixture *f, ReelProgramme *programme, double npt_s)
{
    g_assert_true(mdf_playout_set_programme(f->playout, programme, f->now_us, NULL));
    g_assert_true(mdf_playout_play(f->playout, npt_s, f->now_us, NULL));
    mdf_playout_set_ready(f->playout, f->now_us);
    f->started = 0;
}

static const Sent *
sent(const Fixture *f, unsigned i)
{
    return &g_array_index(f->sent, Sent, i);
}

static MdfPlayoutStatus
status(const Fixture *f)
{
    MdfPlayoutStatus s;

    mdf_playout_status(f->playout, f->now_us, &s);
    return s;
}

/* What must hold for all that was ever sent: timestamps go up from frame to frame, and in steady play they
 * are the clock. */
static void
check_timeline(const Fixture *f)
{
    uint32_t last[3] = {0};
    bool seen[3] = {false};

    for (unsigned i = 0; i < f->sent->len; i++) {
        const Sent *s = sent(f, i);
        const MdfSender *sender = s->kind == REEL_VIDEO ? f->video : f->audio;
        int32_t off = (int32_t)(s->timestamp - mdf_sender_line(sender, s->at_us));

        if (s->flags & REEL_FLAG_FRAME_START) {
            if (seen[s->kind])
                g_assert_cmpint((int32_t)(s->timestamp - last[s->kind]), >=, 0);
            seen[s->kind] = true;
            last[s->kind] = s->timestamp;
            /* never ahead of the clock by more than rounding, never 60 ms behind */
            g_assert_cmpint(off, <=, 2);
            g_assert_cmpint(off, >=, s->kind == REEL_VIDEO ? -5400 : -2880);
        }
    }
}

static void
test_film_from_start(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->film, NAN);
    run(f, NOW0 + 2 * SECOND);
    g_assert_cmpuint(f->started, ==, 1);
    g_assert_true(sent(f, 0)->key_start || sent(f, 1)->key_start);
    g_assert_cmpint(sent(f, 0)->due_us, ==, 0);
    g_assert_cmpuint(f->sent->len, >=, 45 * FRAME_PACKETS + 90);
    g_assert_cmpuint(f->sent->len, <=, 52 * FRAME_PACKETS + 104);
    g_assert_cmpint(status(f).state, ==, MDF_VIEWER_PLAYING);
    check_timeline(f);
}

static void
test_nothing_before_ready(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_assert_true(mdf_playout_set_programme(f->playout, f->film, f->now_us, NULL));
    g_assert_true(mdf_playout_play(f->playout, NAN, f->now_us, NULL));
    f->started = 0;
    run(f, NOW0 + SECOND);
    g_assert_cmpuint(f->started, ==, 0);
    run(f, NOW0 + 10 * SECOND);
    g_assert_cmpuint(f->started, ==, 1); /* who asked to play has an answer */
    g_assert_cmpuint(f->sent->len, ==, 0);
    mdf_playout_set_ready(f->playout, f->now_us);
    run(f, f->now_us + SECOND);
    g_assert_cmpuint(f->started, ==, 1);
    g_assert_cmpint(sent(f, 0)->due_us, ==, 0); /* the film did not run away */
    check_timeline(f);
}

static void
test_seek_lands_on_key(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->film, NAN);
    run(f, NOW0 + SECOND);
    g_array_set_size(f->sent, 0);
    g_assert_true(mdf_playout_play(f->playout, 7.3, f->now_us, NULL));
    run(f, f->now_us + SECOND);
    g_assert_cmpint(sent(f, 0)->due_us, ==, 6 * SECOND);
    g_assert_cmpint(status(f).start_us, ==, 6 * SECOND);
    check_timeline(f);
}

static void
test_seek_refusals(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    static const double bad[] = {-1, 10.5, INFINITY, 1e300};

    play(f, f->film, NAN);
    run(f, NOW0 + SECOND / 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(mdf_playout_play(f->playout, bad[i], f->now_us, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_cmpint(status(f).state, ==, MDF_VIEWER_PLAYING);
}

/* No packet in a pause; then it goes on where it stood, with timestamps on the clock. */
static void
test_pause(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;
    int64_t position_us, due_us;

    play(f, f->film, NAN);
    run(f, NOW0 + 3 * SECOND + 10000);
    mdf_playout_pause(f->playout, f->now_us);
    before = f->sent->len;
    due_us = sent(f, before - 1)->due_us;
    position_us = status(f).position_us;
    run(f, f->now_us + 60 * SECOND);
    g_assert_cmpuint(f->sent->len, ==, before);
    g_assert_cmpint(status(f).position_us, ==, position_us);
    g_assert_true(mdf_playout_play(f->playout, NAN, f->now_us, NULL));
    run(f, f->now_us + SECOND);
    g_assert_cmpint(sent(f, before)->due_us, >=, due_us);
    g_assert_cmpint(sent(f, before)->due_us, <=, due_us + FRAME_US);
    check_timeline(f);
}

/* The browser asked for a key frame while paused: from the last one in a burst, to where it stood. */
static void
test_pause_with_lost_picture(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;
    int64_t position_us;

    play(f, f->film, NAN);
    run(f, NOW0 + 3 * SECOND);
    mdf_playout_pause(f->playout, f->now_us);
    position_us = status(f).position_us;
    before = f->sent->len;
    mdf_playout_request_key(f->playout, f->now_us);
    run(f, f->now_us + 10 * SECOND);
    g_assert_cmpuint(f->sent->len, ==, before);
    g_assert_true(mdf_playout_play(f->playout, NAN, f->now_us, NULL));
    run(f, f->now_us + SECOND / 2);
    g_assert_true(sent(f, before)->key_start);
    g_assert_cmpint(sent(f, before)->due_us, ==, 2 * SECOND);
    g_assert_cmpint(status(f).position_us, >=, position_us + SECOND / 2 - 20000);
    g_assert_cmpint(status(f).position_us, <=, position_us + SECOND / 2 + 20000);
    check_timeline(f);
}

static void
test_end(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->film, 9.0);
    run(f, NOW0 + 4 * SECOND);
    g_assert_cmpuint(f->ended, ==, 1);
    g_assert_cmpint(status(f).state, ==, MDF_VIEWER_ENDED);
    g_assert_cmpint(status(f).position_us, ==, status(f).duration_us);
    g_assert_true(mdf_playout_play(f->playout, 2, f->now_us, NULL));
    run(f, f->now_us + SECOND);
    g_assert_cmpint(status(f).state, ==, MDF_VIEWER_PLAYING);
    check_timeline(f);
}

/* Two's newest key frame is 0.8 s old: it comes at once, the way to the edge in a burst without sound, and
 * the latency is not kept. */
static void
test_join_live(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const Sent *last;

    play(f, f->two, NAN);
    run(f, NOW0 + SECOND);
    g_assert_true(sent(f, 0)->key_start);
    g_assert_cmpint(sent(f, 0)->at_us, <=, NOW0 + 1000);
    g_assert_cmpint(sent(f, 0)->due_us, ==, NOW0 - 800000);
    for (unsigned i = 0; i < f->sent->len; i++)
        if (sent(f, i)->kind == REEL_AUDIO) {
            g_assert_cmpint(sent(f, i)->due_us, >=, NOW0);
            g_assert_cmpint(sent(f, i)->at_us - sent(f, i)->due_us, <, 40000);
        }
    last = sent(f, f->sent->len - 1);
    g_assert_cmpint(last->at_us - last->due_us, <, 2000);
    check_timeline(f);
}

static void
test_zap(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->one, NAN);
    run(f, NOW0 + SECOND);
    for (unsigned i = 0; i < 4; i++) {
        unsigned before = f->sent->len;
        int64_t at_us = f->now_us;

        g_assert_true(mdf_playout_set_programme(f->playout, i % 2 ? f->one : f->two, f->now_us, NULL));
        run(f, f->now_us + SECOND / 4);
        g_assert_true(sent(f, before)->key_start);
        g_assert_cmpint(sent(f, before)->at_us - at_us, <=, 1000);
    }
    g_assert_cmpuint(f->started, ==, 5);
    check_timeline(f);
}

static void
test_zap_while_paused(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;

    play(f, f->one, NAN);
    run(f, NOW0 + SECOND / 2);
    mdf_playout_pause(f->playout, f->now_us);
    before = f->sent->len;
    g_assert_true(mdf_playout_set_programme(f->playout, f->two, f->now_us, NULL));
    run(f, f->now_us + SECOND / 2);
    g_assert_cmpuint(f->sent->len, ==, before);
    g_assert_cmpint(status(f).state, ==, MDF_VIEWER_PAUSED);
    g_assert_true(mdf_playout_play(f->playout, NAN, f->now_us, NULL));
    run(f, f->now_us + SECOND / 2);
    g_assert_true(sent(f, before)->key_start);
    check_timeline(f);
}

/* Film to channel and back: still one clock. */
static void
test_film_to_channel(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->film, 4);
    run(f, NOW0 + SECOND / 2);
    g_assert_true(mdf_playout_set_programme(f->playout, f->one, f->now_us, NULL));
    run(f, f->now_us + SECOND / 2);
    g_assert_true(status(f).live);
    g_assert_true(mdf_playout_set_programme(f->playout, f->film, f->now_us, NULL));
    run(f, f->now_us + SECOND / 2);
    g_assert_false(status(f).live);
    check_timeline(f);
}

static unsigned
count_keys(const Fixture *f, unsigned from)
{
    unsigned n = 0;

    for (unsigned i = from; i < f->sent->len; i++)
        n += sent(f, i)->key_start;
    return n;
}

/* A key-frame request is answered at once, a storm of them once a second. */
static void
test_key_requests(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;

    play(f, f->film, NAN);
    run(f, NOW0 + SECOND);
    before = f->sent->len;
    mdf_playout_request_key(f->playout, f->now_us);
    run(f, f->now_us + 1000);
    g_assert_true(sent(f, before)->key_start);
    before = f->sent->len;
    for (unsigned i = 0; i < 100; i++) {
        mdf_playout_request_key(f->playout, f->now_us);
        run(f, f->now_us + 40000);
    }
    g_assert_cmpuint(count_keys(f, before), <=, 4 + 2); /* four repeats, two of the film itself */
    check_timeline(f);
}

/* The process stood still for five seconds: a channel jumps to the edge, a film goes on where it was. */
static void
test_standstill(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;

    play(f, f->film, NAN);
    run(f, NOW0 + SECOND);
    before = f->sent->len;
    f->now_us += 5 * SECOND;
    run(f, f->now_us + SECOND);
    g_assert_cmpint(sent(f, before)->due_us, <=, SECOND + FRAME_US);
    g_assert_cmpint(status(f).position_us, <=, 2 * SECOND + 100000);
}

static void
test_standstill_live(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    unsigned before;

    play(f, f->two, NAN);
    run(f, NOW0 + SECOND / 2);
    before = f->sent->len;
    f->now_us += 2 * SECOND; /* two has a key frame at 1.2 s */
    run(f, f->now_us + SECOND / 2);
    g_assert_true(sent(f, before)->key_start);
    g_assert_cmpint(sent(f, before)->due_us, ==, NOW0 + 1200000);
    check_timeline(f);
}

static void
test_removed_channel(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    play(f, f->one, NAN);
    run(f, NOW0 + SECOND / 2);
    reel_live_end(f->one);
    run(f, NOW0 + 5 * SECOND);
    g_assert_cmpuint(f->gone, ==, 1);
}

static void
test_foreign_codec(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    const MdfPayloadTypes vp8 = {.by_codec = {[REEL_CODEC_VP8] = 96, [REEL_CODEC_OPUS] = 111}};
    const MdfPayloadTypes sound = {.by_codec = {[REEL_CODEC_OPUS] = 111}};
    g_autoptr(MdfPlayout) playout = mdf_playout_new(&vp8, &events, f);
    g_autoptr(GError) error = NULL;
    int video, audio;

    g_assert_false(mdf_playout_set_programme(playout, f->film, f->now_us, &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE);
    g_assert_true(mdf_tracks_choose(f->film, &sound, &video, &audio)); /* one that only listens */
    g_assert_cmpint(video, ==, -1);
    g_assert_cmpint(audio, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/playout/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("film-from-start", test_film_from_start);
    ADD("nothing-before-ready", test_nothing_before_ready);
    ADD("seek-lands-on-key", test_seek_lands_on_key);
    ADD("seek-refusals", test_seek_refusals);
    ADD("pause", test_pause);
    ADD("pause-with-lost-picture", test_pause_with_lost_picture);
    ADD("end", test_end);
    ADD("join-live", test_join_live);
    ADD("zap", test_zap);
    ADD("zap-while-paused", test_zap_while_paused);
    ADD("film-to-channel", test_film_to_channel);
    ADD("key-requests", test_key_requests);
    ADD("standstill", test_standstill);
    ADD("standstill-live", test_standstill_live);
    ADD("removed-channel", test_removed_channel);
    ADD("foreign-codec", test_foreign_codec);
    return g_test_run();
}
