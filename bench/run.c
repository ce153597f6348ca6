#include "bench/run.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/error.h"

enum {
    TICK_MS = 20,
    MEDIA_TICK_MS = 5, /* packets are taken in bunches, a wake-up for each would cost more than they do */
    EVENTS_MAX = 1024,
    REASONS_MAX = 5, /* that are told */
    SETTLE_US = 1000 * 1000,
    LEAVE_MAX_US = 3 * 1000 * 1000,
};

typedef enum {
    PHASE_JOIN,
    PHASE_SETTLE,
    PHASE_COUNT,
    PHASE_LEAVE,
} Phase;

typedef struct {
    const BenchOptions *options;
    GMainLoop *loop;
    BenchViewerContext context;
    GPtrArray *viewers; /* of BenchViewer */
    GArray *zap_at_us;  /* int64_t per viewer */
    GArray *sessions;   /* unsigned per viewer: how many it had */
    Phase phase;
    int64_t started_us, phase_us; /* when the run, the phase began */
    BenchViewerTotals before;
    BenchReport report;
    unsigned leaving;
    bool interrupted;
} Run;

static int64_t
now_us(void)
{
    return base_clock_now_us(base_clock_monotonic());
}

/* ---- viewers ---- */

static void
join(Run *self, BenchViewer *viewer)
{
    unsigned index = bench_viewer_index(viewer);
    unsigned *session = &g_array_index(self->sessions, unsigned, index);
    g_autofree char *url = bench_options_url(self->options, index, (*session)++);
    double stay_s = self->options->zap_every_s * g_random_double_range(0.5, 1.5);

    g_array_index(self->zap_at_us, int64_t, index) = now_us() + (int64_t)(stay_s * G_USEC_PER_SEC);
    self->report.sessions++;
    bench_viewer_join(viewer, url);
}

static void
on_playing(BenchViewer *viewer G_GNUC_UNUSED, const int64_t step_us[BENCH_STEPS], void *user_data)
{
    Run *self = user_data;

    for (unsigned i = 0; i < BENCH_STEPS; i++) {
        double ms = (double)step_us[i] / 1000;

        g_array_append_val(self->report.step_ms[i], ms);
    }
}

static void
on_failed(BenchViewer *viewer, const char *reason, void *user_data)
{
    Run *self = user_data;

    if (self->report.failed++ < REASONS_MAX)
        fprintf(stderr, "imstv-bench: viewer %u: %s\n", bench_viewer_index(viewer) + 1, reason);
}

/* A film that is over is none to blame. */
static void
on_ended(BenchViewer *viewer, const char *reason, void *user_data)
{
    Run *self = user_data;

    if (self->options->mix == BENCH_MIX_FILM)
        join(self, viewer);
    else
        on_failed(viewer, reason, user_data);
}

static const BenchViewerEvents events = {.playing = on_playing, .failed = on_failed, .ended = on_ended};

static BenchViewerTotals
sum_up(const Run *self)
{
    BenchViewerTotals sum = {0};

    for (guint i = 0; i < self->viewers->len; i++) {
        BenchViewerTotals one = bench_viewer_totals(g_ptr_array_index(self->viewers, i));

        sum.packets += one.packets;
        sum.bytes += one.bytes;
        sum.lost += one.lost;
        sum.verified += one.verified;
        sum.forged += one.forged;
        sum.dropped_here += one.dropped_here;
    }

    return sum;
}

static unsigned
count_state(const Run *self, BenchViewerState state)
{
    unsigned n = 0;

    for (guint i = 0; i < self->viewers->len; i++)
        n += bench_viewer_state(g_ptr_array_index(self->viewers, i)) == state;

    return n;
}

/* ---- phases ---- */

static void
enter(Run *self, Phase phase)
{
    self->phase = phase;
    self->phase_us = now_us();
}

/* As many viewers as the time since the start asks for. */
static void
join_due(Run *self, int64_t now)
{
    double due = (double)(now - self->started_us) / G_USEC_PER_SEC * self->options->join_per_s + 1;

    while (self->viewers->len < (guint)self->options->viewers && self->viewers->len < due) {
        BenchViewer *viewer = bench_viewer_new(&self->context, self->viewers->len);

        g_ptr_array_add(self->viewers, viewer);
        join(self, viewer);
    }
    if (self->viewers->len == (guint)self->options->viewers &&
        count_state(self, BENCH_VIEWER_PLAYING) + count_state(self, BENCH_VIEWER_FAILED) ==
            self->viewers->len)
        enter(self, PHASE_SETTLE);
}

static void
begin_count(Run *self)
{
    enter(self, PHASE_COUNT);
    self->before = sum_up(self);
    bench_usage_read(getpid(), &self->report.self_before);
    if (self->report.has_server)
        self->report.has_server = bench_usage_read(self->options->pid, &self->report.server_before);
}

static void
end_count(Run *self)
{
    BenchViewerTotals sum = sum_up(self);
    BenchReport *report = &self->report;

    report->window_s = (double)(now_us() - self->phase_us) / G_USEC_PER_SEC;
    report->window = sum;
    report->window.packets -= self->before.packets;
    report->window.bytes -= self->before.bytes;
    /* what was missing at the beginning and came later makes the difference negative */
    report->window.lost = sum.lost > self->before.lost ? sum.lost - self->before.lost : 0;
    report->window.dropped_here -= self->before.dropped_here;
    report->viewers = (unsigned)self->options->viewers;
    report->playing = count_state(self, BENCH_VIEWER_PLAYING);
    bench_usage_read(getpid(), &report->self_after);
    if (report->has_server)
        report->has_server = bench_usage_read(self->options->pid, &report->server_after);
}

static void
leave_all(Run *self)
{
    enter(self, PHASE_LEAVE);
    for (guint i = 0; i < self->viewers->len; i++)
        bench_viewer_leave(g_ptr_array_index(self->viewers, i));
}

static void
zap_if_due(Run *self, BenchViewer *viewer, int64_t now)
{
    int64_t zap_at = g_array_index(self->zap_at_us, int64_t, bench_viewer_index(viewer));

    if (self->phase == PHASE_COUNT && bench_viewer_state(viewer) == BENCH_VIEWER_PLAYING && now >= zap_at)
        join(self, viewer);
}

static void
step(Run *self, int64_t now)
{
    switch (self->phase) {
    case PHASE_JOIN:
        join_due(self, now);
        break;
    case PHASE_SETTLE:
        if (now - self->phase_us >= SETTLE_US)
            begin_count(self);
        break;
    case PHASE_COUNT:
        if (now - self->phase_us >= (int64_t)(self->options->duration_s * G_USEC_PER_SEC)) {
            end_count(self);
            leave_all(self);
        }
        break;
    case PHASE_LEAVE:
        if (self->leaving == 0 || now - self->phase_us >= LEAVE_MAX_US)
            g_main_loop_quit(self->loop);
        break;
    }
}

static gboolean
on_tick(gpointer user_data)
{
    Run *self = user_data;
    int64_t now = now_us();

    if (self->phase != PHASE_LEAVE)
        for (guint i = 0; i < self->viewers->len; i++) {
            bench_viewer_tick(g_ptr_array_index(self->viewers, i), now);
            if (self->options->mix == BENCH_MIX_ZAP)
                zap_if_due(self, g_ptr_array_index(self->viewers, i), now);
        }
    step(self, now);

    return G_SOURCE_CONTINUE;
}

/* ---- sockets ---- */

static void
drain(int epoll)
{
    struct epoll_event ready[EVENTS_MAX];
    int n = epoll_wait(epoll, ready, EVENTS_MAX, 0);

    for (int i = 0; i < n; i++)
        bench_viewer_receive(ready[i].data.ptr);
}

static gboolean
on_media_tick(gpointer user_data)
{
    const Run *self = user_data;

    drain(self->context.epoll_media);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_setup_ready(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    drain(fd);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer user_data)
{
    Run *self = user_data;

    self->interrupted = true;
    if (self->phase == PHASE_LEAVE)
        g_main_loop_quit(self->loop);
    else
        leave_all(self);

    return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static bool
set_up(Run *self, GError **error)
{
    const BenchOptions *options = self->options;

    for (unsigned i = 0; i < BENCH_STEPS; i++)
        self->report.step_ms[i] = g_array_new(FALSE, FALSE, sizeof(double));
    self->report.has_server = options->pid > 0;
    if (options->pid > 0 && !bench_usage_read(options->pid, &self->report.server_idle)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "--pid %d: no such process", options->pid);
        return false;
    }
    self->context.dtls = bench_dtls_context_new(options->srtp, error);
    if (!self->context.dtls)
        return false;
    self->context.epoll_setup = epoll_create1(EPOLL_CLOEXEC);
    self->context.epoll_media = epoll_create1(EPOLL_CLOEXEC);
    self->context.http = net_http_client_new("WHEP");
    self->context.receiver = bench_receiver_new();
    self->context.token = options->token;
    self->context.verify = (unsigned)options->verify;
    self->context.leaving = &self->leaving;
    self->context.events = &events;
    self->context.user_data = self;
    self->viewers = g_ptr_array_new_with_free_func((GDestroyNotify)bench_viewer_free);
    self->zap_at_us = g_array_sized_new(FALSE, TRUE, sizeof(int64_t), (guint)options->viewers);
    g_array_set_size(self->zap_at_us, (guint)options->viewers);
    self->sessions = g_array_sized_new(FALSE, TRUE, sizeof(unsigned), (guint)options->viewers);
    g_array_set_size(self->sessions, (guint)options->viewers);
    self->loop = g_main_loop_new(NULL, FALSE);

    return true;
}

static void
run_loop(Run *self)
{
    guint sources[] = {
        g_timeout_add(TICK_MS, on_tick, self),
        g_timeout_add(MEDIA_TICK_MS, on_media_tick, self),
        g_unix_fd_add(self->context.epoll_setup, G_IO_IN, on_setup_ready, self),
        g_unix_signal_add(SIGINT, on_signal, self),
        g_unix_signal_add(SIGTERM, on_signal, self),
    };

    self->started_us = now_us();
    enter(self, PHASE_JOIN);
    g_main_loop_run(self->loop);
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
}

static void
tear_down(Run *self)
{
    g_clear_pointer(&self->viewers, g_ptr_array_unref);
    g_clear_pointer(&self->zap_at_us, g_array_unref);
    g_clear_pointer(&self->sessions, g_array_unref);
    g_clear_pointer(&self->context.http, net_http_client_free);
    g_clear_pointer(&self->context.receiver, bench_receiver_free);
    bench_dtls_context_free((BenchDtlsContext *)self->context.dtls);
    g_clear_pointer(&self->loop, g_main_loop_unref);
    close(self->context.epoll_setup);
    close(self->context.epoll_media);
}

bool
bench_run(const BenchOptions *options, BenchReport *ret_report, GError **error)
{
    Run run = {.options = options, .context.epoll_setup = -1, .context.epoll_media = -1};
    bool ready = set_up(&run, error);

    if (ready)
        run_loop(&run);
    tear_down(&run);
    if (ready && run.interrupted)
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "interrupted");
    if (!ready || run.interrupted) {
        bench_report_clear(&run.report);
        return false;
    }
    *ret_report = run.report;

    return true;
}
