/* Xp and WHEP over HTTP, with a delivery engine that only remembers what it was told. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/http-client.h"
#include "lib/reel/reel-writer.h"
#include "mdf/control/whep.h"
#include "mdf/control/xp-server.h"

#define OFFER "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define ANSWER "v=0\r\no=- 2 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n"
#define SESSION_ID "0123456789abcdef0123456789abcdef"

/* ---- the fake engine ---- */

typedef struct {
    MdfEngine base;
    unsigned viewers, closed, plays;
    double npt_s, scale;
    char zapped_to[80];
    BaseErrorCode refuse; /* with `refusing` */
    bool refusing, hold;
} FakeEngine;

typedef struct {
    MdfViewer base;
    FakeEngine *engine;
    const MdfViewerEvents *events;
    void *user_data;
    MdfViewerState state;
    MdfPlayDone held;
    void *held_data;
} FakeViewer;

static FakeViewer *last_viewer;

static void
finish(FakeViewer *viewer, double npt_s, MdfPlayDone done, void *user_data)
{
    MdfPlayResult result = {
        .state = viewer->state,
        .npt_start_s = npt_s,
        .npt_end_s = 30,
        .scale = 1,
        .rtp_time = 4000000000u,
        .media_time_s = npt_s,
    };

    if (viewer->engine->hold) {
        viewer->held = done;
        viewer->held_data = user_data;
        return;
    }
    done(&result, NULL, user_data);
}

static void
fake_play(MdfViewer *base, double npt_s, double scale, MdfPlayDone done, void *user_data)
{
    FakeViewer *viewer = (FakeViewer *)base;

    viewer->engine->plays++;
    viewer->engine->npt_s = npt_s;
    viewer->engine->scale = scale;
    viewer->state = MDF_VIEWER_PLAYING;
    finish(viewer, isnan(npt_s) ? 0 : floor(npt_s / 2) * 2, done, user_data);
}

static void
fake_pause(MdfViewer *base, MdfPlayDone done, void *user_data)
{
    ((FakeViewer *)base)->state = MDF_VIEWER_PAUSED;
    finish((FakeViewer *)base, 7, done, user_data);
}

static void
fake_zap(MdfViewer *base, ReelProgramme *programme, const char *name, MdfPlayDone done, void *user_data)
{
    FakeViewer *viewer = (FakeViewer *)base;

    g_assert_nonnull(programme);
    g_strlcpy(viewer->engine->zapped_to, name, sizeof viewer->engine->zapped_to);
    finish(viewer, 1000, done, user_data);
}

static void
fake_viewer_status(const MdfViewer *base, MdfViewerStatus *ret_status)
{
    *ret_status = (MdfViewerStatus){
        .state = ((const FakeViewer *)base)->state, .position_s = 12, .duration_s = 30, .scale = 1};
}

static void
fake_close(MdfViewer *base)
{
    ((FakeViewer *)base)->engine->closed++;
    g_free(base);
}

static char *
fake_reoffer(MdfViewer *base, const char *offer, GError **error)
{
    (void)base;
    (void)error;
    g_assert_cmpstr(offer, ==, OFFER);
    return g_strdup(ANSWER);
}

static void
fake_status(const MdfEngine *base, MdfEngineStatus *ret_status)
{
    *ret_status = (MdfEngineStatus){.viewers = ((const FakeEngine *)base)->viewers, .capacity = 100};
}

static uint16_t
fake_port(const MdfEngine *base)
{
    (void)base;
    return 8189;
}

static MdfViewer *fake_add(MdfEngine *self,
                           const MdfViewerRequest *request,
                           const MdfViewerEvents *events,
                           void *user_data,
                           char **ret_answer,
                           GError **error);

static void
fake_free(MdfEngine *base)
{
    g_free(base);
}

static const MdfEngineOps ops = {
    .name = "fake",
    .free = fake_free,
    .status = fake_status,
    .media_port = fake_port,
    .add_viewer = fake_add,
    .reoffer = fake_reoffer,
    .play = fake_play,
    .pause = fake_pause,
    .zap = fake_zap,
    .viewer_status = fake_viewer_status,
    .close = fake_close,
};

static MdfViewer *
fake_add(MdfEngine *base,
         const MdfViewerRequest *request,
         const MdfViewerEvents *events,
         void *user_data,
         char **ret_answer,
         GError **error)
{
    FakeEngine *engine = (FakeEngine *)base;
    FakeViewer *viewer;

    if (engine->refusing) {
        g_set_error_literal(error, BASE_ERROR, (gint)engine->refuse, "refused");
        return NULL;
    }
    g_assert_cmpstr(request->offer, ==, OFFER);
    engine->viewers++;
    viewer = g_new0(FakeViewer, 1);
    viewer->base.ops = &ops;
    viewer->engine = engine;
    viewer->events = events;
    viewer->user_data = user_data;
    *ret_answer = g_strdup(ANSWER);
    last_viewer = viewer;
    return &viewer->base;
}

/* ---- fixture ---- */

typedef struct {
    FakeEngine *engine;
    ReelBlockCache *cache;
    char *folder;
    MdfViewers *viewers;
    MdfXpServer *xp;
    MdfWhep *whep;
    NetHttpClient *http;
    NetHttpApi *other; /* the MCF's listener for events, and the token check */
    uint16_t other_port;
    GString *events;
    unsigned n_events, event_status, token_status;
    bool silent; /* no channel sends */
    char *asked;
    /* the last answer */
    unsigned answered;
    int status;
    char *body, *location, *etag, *authenticate, *cors;
} Fixture;

static ReelProgramme *
lookup(void *data, const char *source, GError **error)
{
    Fixture *f = data;

    if (g_str_has_suffix(source, ":film") || g_str_has_suffix(source, ":two"))
        return reel_programme_open(f->cache, source, f->folder, error);
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no %s", source);
    return NULL;
}

static void
foreach_channel(void *data, void (*each)(const MdfChannelStatus *status, void *user_data), void *user_data)
{
    MdfChannelStatus one = {.id = "one",
                            .title = "One",
                            .state = "live",
                            .input = "udp://127.0.0.1:1",
                            .video = "H.264",
                            .audio = "AAC",
                            .last_error = ""};

    (void)data;
    each(&one, user_data);
}

/* A film of two audio packets. */
static void
write_film(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelWriter) writer = NULL;
    ReelTrackInfo info = {.kind = REEL_AUDIO, .codec = REEL_CODEC_OPUS, .clock_rate = 48000, .channels = 2};
    int track;

    f->folder = g_dir_make_tmp("imstv-control-XXXXXX", &error);
    writer = reel_writer_new_files(f->folder);
    track = reel_writer_add_track(writer, &info, &error);
    g_assert_no_error(error);
    for (int i = 0; i < 2; i++) {
        ReelRecord record = {
            .payload = (const uint8_t *)"\xfc\xff\xfe",
            .length = 3,
            .flags = REEL_ENTRY | REEL_FLAG_MARKER,
            .rtp_ticks = (uint32_t)i * 960,
            .due_us = i * 20000,
        };
        g_assert_true(reel_writer_append(writer, track, &record));
    }
    g_assert_true(reel_writer_finish(writer, NULL, &error));
}

static void
on_event(NetHttpExchange *exchange, void *user_data)
{
    Fixture *f = user_data;

    g_string_append_printf(f->events, "%s\n", net_http_exchange_body(exchange, NULL));
    g_assert_cmpstr(net_http_exchange_session_id(exchange), ==, SESSION_ID);
    f->n_events++;
    net_http_respond(exchange, f->event_status ? f->event_status : 204, NULL, NULL, 0);
}

static void
on_token(NetHttpExchange *exchange, void *user_data)
{
    Fixture *f = user_data;

    g_free(f->asked);
    f->asked = g_strdup_printf("%s %s", net_http_exchange_bearer(exchange),
                               net_http_exchange_query(exchange, "content"));
    net_http_respond(exchange, (int)f->token_status, NULL, NULL, 0);
}

/* Ready a moment later, as with a film that has to be opened. */
typedef struct {
    void (*ready)(void *user_data);
    void *user_data;
} Later;

static gboolean
on_later(gpointer data)
{
    g_autofree Later *later = data;

    later->ready(later->user_data);
    return G_SOURCE_REMOVE;
}

static void
prepare(void *lookup_data, const char *source, void (*ready)(void *user_data), void *user_data)
{
    Later *later = g_new(Later, 1);

    (void)lookup_data;
    (void)source;
    *later = (Later){ready, user_data};
    g_idle_add(on_later, later);
}

static bool
has_signal(void *lookup_data, const char *source)
{
    (void)source;
    return !((Fixture *)lookup_data)->silent;
}

static const NetHttpRoute other_routes[] = {
    {"POST", "/events", on_event, 4096, "application/json", false},
    {"GET", "/token", on_token, 0, NULL, false},
};

static void
set_up(Fixture *f, bool anonymous)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *token_check = NULL;
    static const char *const media[] = {"127.0.0.1:8189", NULL};
    MdfXpServerConfig xp = {.listen = "127.0.0.1", .media = media, .foreach_channel = foreach_channel};
    MdfWhepConfig whep = {.listen = "127.0.0.1", .anonymous = anonymous};
    MdfViewersParts parts = {
        .prepare = prepare, .lookup = lookup, .has_signal = has_signal, .lookup_data = f};

    memset(f, 0, sizeof *f);
    f->events = g_string_new(NULL);
    f->cache = reel_block_cache_new(64 * REEL_BLOCK_SIZE, 1, &error);
    g_assert_no_error(error);
    write_film(f);
    f->engine = g_new0(FakeEngine, 1);
    f->engine->base.ops = &ops;
    parts.engine = &f->engine->base;
    f->viewers = mdf_viewers_new(&parts);
    f->other = net_http_api_new(NULL);
    net_http_api_add_routes(f->other, other_routes, G_N_ELEMENTS(other_routes), f);
    g_assert_true(net_http_api_listen(f->other, "127.0.0.1", 0, &f->other_port, &error));
    token_check = g_strdup_printf("http://127.0.0.1:%u/token", f->other_port);
    whep.token_check = token_check;
    f->xp = mdf_xp_server_new(&xp, f->viewers, &error);
    g_assert_no_error(error);
    f->whep = mdf_whep_new(&whep, f->viewers, &error);
    g_assert_no_error(error);
    f->http = net_http_client_new("Xp");
}

static void
forget_answer(Fixture *f)
{
    g_clear_pointer(&f->body, g_free);
    g_clear_pointer(&f->location, g_free);
    g_clear_pointer(&f->etag, g_free);
    g_clear_pointer(&f->authenticate, g_free);
    g_clear_pointer(&f->cors, g_free);
}

static void
tear_down(Fixture *f)
{
    GDir *dir;
    const char *name;

    forget_answer(f);
    net_http_client_free(f->http);
    mdf_whep_free(f->whep);
    mdf_xp_server_free(f->xp);
    mdf_viewers_free(f->viewers);
    g_assert_cmpuint(f->engine->closed, <=, f->engine->viewers);
    mdf_engine_free(&f->engine->base);
    net_http_api_free(f->other);
    reel_block_cache_free(f->cache);
    dir = g_dir_open(f->folder, 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->folder, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(f->folder);
    g_free(f->folder);
    g_free(f->asked);
    g_string_free(f->events, TRUE);
}

static void
on_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Fixture *f = user_data;

    g_assert_no_error(error);
    f->answered++;
    f->status = net_http_answer_status(answer);
    f->body = g_strdup(net_http_answer_body(answer, NULL));
    f->location = g_strdup(net_http_answer_header(answer, "Location"));
    f->etag = g_strdup(net_http_answer_header(answer, "ETag"));
    f->authenticate = g_strdup(net_http_answer_header(answer, "WWW-Authenticate"));
    f->cors = g_strdup(net_http_answer_header(answer, "Access-Control-Allow-Origin"));
}

static void
start(Fixture *f, uint16_t port, const char *method, const char *path, const char *type, const char *body)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u%s", port, path);
    NetHttpRequest request = {
        .method = method,
        .url = url,
        .content_type = type,
        .body = body,
        .body_bytes = body ? strlen(body) : 0,
        .session_id = SESSION_ID,
    };

    forget_answer(f);
    net_http_client_send(f->http, &request, on_answer, f);
}

static void
ask(Fixture *f, uint16_t port, const char *method, const char *path, const char *type, const char *body)
{
    unsigned before = f->answered;

    start(f, port, method, path, type, body);
    while (f->answered == before)
        g_main_context_iteration(NULL, TRUE);
}

static void
xp(Fixture *f, const char *method, const char *path, const char *type, const char *body, int status)
{
    ask(f, mdf_xp_server_port(f->xp), method, path, type, body);
    g_assert_cmpint(f->status, ==, status);
}

static char *
make_viewer(Fixture *f)
{
    g_autofree char *path = g_strdup_printf(
        "/xp/v1/sessions?source=asset:film&events=http%%3A%%2F%%2F127.0.0.1%%3A%u%%2Fevents", f->other_port);

    xp(f, "POST", path, "application/sdp", OFFER, 201);
    g_assert_cmpstr(f->body, ==, ANSWER);
    g_assert_true(g_str_has_prefix(f->location, "/xp/v1/sessions/"));
    g_assert_nonnull(f->etag);
    return g_strdup(f->location);
}

/* ---- tests ---- */

static void
test_life(void)
{
    Fixture f;
    g_autofree char *location = NULL, *control = NULL, *etag = NULL;

    set_up(&f, false);
    location = make_viewer(&f);
    etag = g_strdup(f.etag);
    control = g_strdup_printf("%s/control", location);
    g_assert_cmpuint(f.engine->plays, ==, 0);
    xp(&f, "POST", control, "application/json", "{\"command\":\"play\",\"npt\":13.5,\"scale\":2}", 200);
    g_assert_cmpfloat(f.engine->npt_s, ==, 13.5);
    g_assert_cmpfloat(f.engine->scale, ==, 2);
    g_assert_nonnull(strstr(f.body, "\"npt_start\":12"));
    g_assert_nonnull(strstr(f.body, "\"npt_end\":30"));
    g_assert_nonnull(strstr(f.body, "\"rtp_time\":4000000000"));
    xp(&f, "POST", control, "application/json", "{\"command\":\"play\"}", 200);
    g_assert_true(isnan(f.engine->npt_s));
    xp(&f, "POST", control, "application/json", "{\"command\":\"pause\"}", 200);
    g_assert_nonnull(strstr(f.body, "\"paused\""));
    g_assert_null(strstr(f.body, "rtp_time"));
    xp(&f, "POST", control, "application/json", "{\"command\":\"keepalive\"}", 200);
    xp(&f, "POST", control, "application/json", "{\"command\":\"zap\",\"channel\":\"two\"}", 200);
    g_assert_cmpstr(f.engine->zapped_to, ==, "channel:two");
    xp(&f, "GET", location, NULL, NULL, 200);
    g_assert_nonnull(strstr(f.body, "\"source\":\"channel:two\""));
    g_assert_nonnull(strstr(f.body, "\"position\":12"));
    xp(&f, "PATCH", location, "application/sdp", OFFER, 200);
    g_assert_cmpstr(f.body, ==, ANSWER);
    g_assert_cmpstr(f.etag, !=, etag);
    xp(&f, "DELETE", location, NULL, NULL, 200);
    g_assert_cmpuint(f.engine->closed, ==, 1);
    xp(&f, "DELETE", location, NULL, NULL, 404);
    xp(&f, "POST", control, "application/json", "{\"command\":\"play\"}", 404);
    tear_down(&f);
}

static void
test_refuses(void)
{
    Fixture f;
    g_autofree char *location = NULL, *control = NULL;
    static const char *const bad[] = {
        "{}",
        "{\"command\":\"fly\"}",
        "{\"command\":\"play\",\"npt\":-1}",
        "{\"command\":\"play\",\"npt\":\"1\"}",
        "{\"command\":\"play\",\"scale\":0}",
        "{\"command\":\"zap\"}",
        "{\"command\":\"zap\",\"channel\":\"../x\"}",
        "[]",
        "{",
    };

    set_up(&f, false);
    xp(&f, "POST", "/xp/v1/sessions?source=asset:none", "application/sdp", OFFER, 404);
    xp(&f, "POST", "/xp/v1/sessions?source=asset:../film", "application/sdp", OFFER, 404);
    xp(&f, "POST", "/xp/v1/sessions", "application/sdp", OFFER, 400);
    xp(&f, "POST", "/xp/v1/sessions?source=asset:film", "text/plain", OFFER, 415);
    xp(&f, "POST", "/xp/v1/sessions?source=asset:film&events=file:///etc", "application/sdp", OFFER, 400);
    xp(&f, "GET", "/xp/v1/sessions/0123", NULL, NULL, 404);
    f.engine->refusing = true;
    f.engine->refuse = BASE_ERROR_NOT_ACCEPTABLE;
    xp(&f, "POST", "/xp/v1/sessions?source=asset:film", "application/sdp", OFFER, 406);
    f.engine->refuse = BASE_ERROR_BUSY;
    xp(&f, "POST", "/xp/v1/sessions?source=asset:film", "application/sdp", OFFER, 503);
    f.engine->refusing = false;
    location = make_viewer(&f);
    control = g_strdup_printf("%s/control", location);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        xp(&f, "POST", control, "application/json", bad[i], 400);
    xp(&f, "POST", control, "application/json", "{\"command\":\"zap\",\"channel\":\"none\"}", 404);
    g_assert_cmpuint(f.engine->plays, ==, 0);
    tear_down(&f);
}

static void
test_status(void)
{
    Fixture f;

    set_up(&f, false);
    xp(&f, "GET", "/xp/v1/status", NULL, NULL, 200);
    g_assert_nonnull(strstr(f.body, "\"capacity\":100"));
    g_assert_nonnull(strstr(f.body, "127.0.0.1:8189"));
    g_assert_nonnull(strstr(f.body, "\"instance\":\""));
    g_assert_nonnull(strstr(f.body, "\"state\":\"live\""));
    xp(&f, "GET", "/xp/v1/content/asset:film", NULL, NULL, 200);
    g_assert_nonnull(strstr(f.body, "\"live\":false"));
    xp(&f, "GET", "/xp/v1/content/asset:none", NULL, NULL, 404);
    tear_down(&f);
}

static void
test_events(void)
{
    Fixture f;
    g_autofree char *location = NULL;

    set_up(&f, false);
    location = make_viewer(&f);
    last_viewer->events->connected(&last_viewer->base, last_viewer->user_data);
    while (f.n_events < 1)
        g_main_context_iteration(NULL, TRUE);
    last_viewer->events->end_of_stream(&last_viewer->base, 30, last_viewer->user_data);
    while (f.n_events < 2)
        g_main_context_iteration(NULL, TRUE);
    last_viewer->events->closed(&last_viewer->base, MDF_CLOSE_CONSENT_LOST, last_viewer->user_data);
    g_free(last_viewer); /* the engine frees it */
    while (f.n_events < 3)
        g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(strstr(f.events->str, "\"event\":\"connected\""));
    g_assert_nonnull(strstr(f.events->str, "\"event\":\"end-of-stream\""));
    g_assert_nonnull(strstr(f.events->str, "\"npt\":30"));
    g_assert_nonnull(strstr(f.events->str, "\"reason\":\"consent-lost\""));
    xp(&f, "GET", location, NULL, NULL, 404);
    tear_down(&f);
}

/* An MCF that has forgotten the session is told once. */
static void
test_refused_event(void)
{
    BaseMetric *failed = base_counter("imstv_mdf_events_failed_total", NULL, "events that no MCF took");
    gint64 before = base_metric_get(failed);
    Fixture f;
    g_autofree char *location = NULL;

    set_up(&f, false);
    f.event_status = 404;
    location = make_viewer(&f);
    last_viewer->events->connected(&last_viewer->base, last_viewer->user_data);
    while (base_metric_get(failed) == before)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(f.n_events, ==, 1);
    tear_down(&f);
}

/* The MCF hears of a channel without signal with the PLAY, not before, and again when it sends. */
static void
test_signal(void)
{
    Fixture f;
    g_autofree char *location = NULL, *control = NULL;

    set_up(&f, false);
    f.silent = true;
    location = make_viewer(&f);
    control = g_strconcat(location, "/control", NULL);
    mdf_viewers_signal_changed(f.viewers, "asset:film");
    g_assert_cmpuint(f.n_events, ==, 0);
    xp(&f, "POST", control, "application/json", "{\"command\":\"play\"}", 200);
    while (f.n_events < 1)
        g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(strstr(f.events->str, "\"event\":\"no-signal\""));
    mdf_viewers_signal_changed(f.viewers, "asset:other");
    f.silent = false;
    mdf_viewers_signal_changed(f.viewers, "asset:film");
    mdf_viewers_signal_changed(f.viewers, "asset:film");
    while (f.n_events < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_nonnull(strstr(f.events->str, "\"event\":\"signal\""));
    f.silent = true; /* where the zap leads to */
    xp(&f, "POST", control, "application/json", "{\"command\":\"zap\",\"channel\":\"two\"}", 200);
    while (f.n_events < 3)
        g_main_context_iteration(NULL, TRUE);
    tear_down(&f);
}

static void
test_close_answers_commands(void)
{
    Fixture f;
    g_autofree char *location = NULL, *control = NULL;

    set_up(&f, false);
    location = make_viewer(&f);
    control = g_strdup_printf("%s/control", location);
    f.engine->hold = true;
    start(&f, mdf_xp_server_port(f.xp), "POST", control, "application/json", "{\"command\":\"play\"}");
    while (f.engine->plays == 0)
        g_main_context_iteration(NULL, TRUE);
    f.answered = 0;
    mdf_controlled_close(mdf_viewers_find(f.viewers, location + strlen("/xp/v1/sessions/")));
    while (f.answered == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(f.status, ==, 404);
    tear_down(&f);
}

static void
test_silent_controller(void)
{
    const char *path = "/xp/v1/sessions?source=asset:film&controller=" SESSION_ID;
    gint64 silence_us = (gint64)MDF_CONTROLLER_SILENCE_S * G_USEC_PER_SEC;
    Fixture f;
    g_autofree char *kept = NULL, *orphan = NULL;

    set_up(&f, false);
    kept = make_viewer(&f); /* nobody's: nobody can go silent */
    xp(&f, "POST", path, "application/sdp", OFFER, 201);
    orphan = g_strdup(f.location);
    mdf_viewers_check_controllers(f.viewers, g_get_monotonic_time() + silence_us - G_USEC_PER_SEC);
    xp(&f, "GET", orphan, NULL, NULL, 200);
    mdf_viewers_check_controllers(f.viewers, g_get_monotonic_time() + silence_us + G_USEC_PER_SEC);
    xp(&f, "GET", orphan, NULL, NULL, 404);
    xp(&f, "GET", kept, NULL, NULL, 200);
    tear_down(&f);
}

static void
whep(Fixture *f, const char *method, const char *path, const char *type, const char *body, int status)
{
    ask(f, mdf_whep_port(f->whep), method, path, type, body);
    g_assert_cmpint(f->status, ==, status);
}

static void
test_whep_anonymous(void)
{
    Fixture f;
    g_autofree char *location = NULL;

    set_up(&f, true);
    whep(&f, "POST", "/whep/asset/film", "application/sdp", OFFER, 201);
    g_assert_cmpuint(f.engine->plays, ==, 1); /* at once */
    g_assert_cmpstr(f.cors, ==, "*");
    g_assert_nonnull(f.etag);
    location = g_strdup(f.location);
    g_assert_true(g_str_has_prefix(location, "/whep/session/"));
    whep(&f, "OPTIONS", "/whep/asset/film", NULL, NULL, 204);
    g_assert_cmpstr(f.cors, ==, "*");
    whep(&f, "PATCH", location, "application/trickle-ice-sdpfrag", "a=end-of-candidates\r\n", 204);
    whep(&f, "PATCH", location, "application/sdp", OFFER, 200);
    whep(&f, "PATCH", location, "text/plain", "x", 415);
    whep(&f, "DELETE", location, NULL, NULL, 200);
    whep(&f, "DELETE", location, NULL, NULL, 404);
    whep(&f, "POST", "/whep/asset/none", "application/sdp", OFFER, 404);
    whep(&f, "POST", "/whep/asset/Film", "application/sdp", OFFER, 404);
    tear_down(&f);
}

static void
whep_with_token(Fixture *f, unsigned token_status, int status)
{
    static const char *const headers[] = {"Authorization", "Bearer abc.def", NULL};
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/whep/asset/film", mdf_whep_port(f->whep));
    unsigned before = f->answered;
    NetHttpRequest request = {
        .method = "POST",
        .url = url,
        .content_type = "application/sdp",
        .body = OFFER,
        .body_bytes = strlen(OFFER),
        .headers = headers,
    };

    f->token_status = token_status;
    forget_answer(f);
    net_http_client_send(f->http, &request, on_answer, f);
    while (f->answered == before)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(f->status, ==, status);
    g_assert_cmpstr(f->asked, ==, "abc.def asset:film");
}

static void
test_whep_token(void)
{
    Fixture f;

    set_up(&f, false);
    whep(&f, "POST", "/whep/asset/film", "application/sdp", OFFER, 401);
    g_assert_cmpstr(f.authenticate, ==, "Bearer realm=\"imstv\"");
    whep_with_token(&f, 401, 401);
    g_assert_nonnull(strstr(f.authenticate, "invalid_token"));
    whep_with_token(&f, 403, 403);
    whep_with_token(&f, 500, 503);
    g_assert_cmpuint(f.engine->viewers, ==, 0);
    whep_with_token(&f, 204, 201);
    g_assert_cmpuint(f.engine->viewers, ==, 1);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mdf/control/life-of-a-session", test_life);
    g_test_add_func("/mdf/control/refuses", test_refuses);
    g_test_add_func("/mdf/control/status-and-content", test_status);
    g_test_add_func("/mdf/control/tells-the-mcf", test_events);
    g_test_add_func("/mdf/control/a-refused-event-is-not-repeated", test_refused_event);
    g_test_add_func("/mdf/control/tells-of-a-channel-without-signal", test_signal);
    g_test_add_func("/mdf/control/a-closed-viewer-answers-its-commands", test_close_answers_commands);
    g_test_add_func("/mdf/control/a-silent-mcf-loses-its-viewers", test_silent_controller);
    g_test_add_func("/mdf/control/whep-anonymous", test_whep_anonymous);
    g_test_add_func("/mdf/control/whep-token", test_whep_token);
    return g_test_run();
}
