#include <glib-unix.h>
#include <math.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "mdf/delivery/engine.h"
#include "mdf/delivery/fanout-viewer.h"
#include "mdf/delivery/mailbox.h"
#include "mdf/delivery/orders.h"
#include "mdf/delivery/worker.h"

enum {
    WORKERS_MAX = 64,
};

typedef struct {
    MdfEngine base; /* first */
    MdfDtlsContext *dtls;
    MdfSealContext *seal;
    MdfWorker *workers[WORKERS_MAX];
    unsigned viewers_of[WORKERS_MAX];
    unsigned n_workers, capacity;
    char **addresses;
    MdfMailbox *mailbox; /* from the workers */
    guint mailbox_source;
    GHashTable *viewers; /* id -> MdfFanoutViewer, lent to the owners of the handles */
    uint64_t next_id, next_token;
} Fanout;

/* ---- from the workers: posted there, run here ---- */

typedef enum {
    NEWS_CONNECTED,
    NEWS_ENDED,
    NEWS_CLOSED,
    NEWS_RESULT,
} NewsKind;

typedef struct {
    NewsKind kind;
    uint64_t id, token;
    double npt_s;
    MdfCloseReason reason;
    MdfPlayResult result;
    GError *error;
} News;

static void
drop_news(void *data)
{
    News *news = data;

    g_clear_error(&news->error);
    g_free(news);
}

/* The handle is unknown to the workers and about to be unknown to the caller. */
static void
forget_viewer(Fanout *self, MdfFanoutViewer *viewer)
{
    self->viewers_of[viewer->worker]--;
    g_hash_table_remove(self->viewers, &viewer->id);
}

static void
handle_closed(Fanout *self, MdfFanoutViewer *viewer, MdfCloseReason reason)
{
    BaseLogFields fields = mdf_fanout_viewer_log(viewer);

    base_info(&fields, "viewer closed: %s", mdf_close_reason_name(reason));
    base_trace("e*", false, "browser", viewer->session_id, mdf_close_reason_name(reason), NULL, 0);
    forget_viewer(self, viewer);
    viewer->ending = true;
    mdf_fanout_viewer_fail_all(viewer);
    if (!viewer->released)
        viewer->events->closed(&viewer->base, reason, viewer->user_data);
    mdf_fanout_viewer_free(viewer);
}

static void
handle_connected(MdfFanoutViewer *viewer)
{
    BaseLogFields fields = mdf_fanout_viewer_log(viewer);

    base_info(&fields, "viewer connected");
    base_trace("e*", false, "browser", viewer->session_id, "ICE and DTLS-SRTP are up", NULL, 0);
    viewer->events->connected(&viewer->base, viewer->user_data);
}

static void
run_news(void *owner, void *data)
{
    Fanout *self = owner;
    News *news = data;
    MdfFanoutViewer *viewer = g_hash_table_lookup(self->viewers, &news->id);

    if (viewer)
        switch (news->kind) {
        case NEWS_CONNECTED:
            handle_connected(viewer);
            break;
        case NEWS_ENDED:
            viewer->events->end_of_stream(&viewer->base, news->npt_s, viewer->user_data);
            break;
        case NEWS_CLOSED:
            handle_closed(self, viewer, news->reason);
            break;
        case NEWS_RESULT:
            mdf_fanout_viewer_settle(viewer, news->token, news->error ? NULL : &news->result, news->error);
            break;
        }
    drop_news(news);
}

static const MdfMailboxOps news_ops = {run_news, drop_news};

static void
post_news(void *user_data, const News *news)
{
    Fanout *self = user_data;

    mdf_mailbox_post(self->mailbox, &news_ops, g_memdup2(news, sizeof *news));
}

static void
on_connected(uint64_t id, void *user_data)
{
    post_news(user_data, &(News){.kind = NEWS_CONNECTED, .id = id});
}

static void
on_ended(uint64_t id, double npt_s, void *user_data)
{
    post_news(user_data, &(News){.kind = NEWS_ENDED, .id = id, .npt_s = npt_s});
}

static void
on_closed(uint64_t id, MdfCloseReason reason, void *user_data)
{
    post_news(user_data, &(News){.kind = NEWS_CLOSED, .id = id, .reason = reason});
}

static void
on_result(uint64_t id, uint64_t token, const MdfPlayResult *result, GError *error, void *user_data)
{
    News news = {.kind = NEWS_RESULT, .id = id, .token = token, .error = error};

    if (result)
        news.result = *result;
    post_news(user_data, &news);
}

static const MdfStreamEvents stream_events = {
    .connected = on_connected,
    .ended = on_ended,
    .closed = on_closed,
    .result = on_result,
};

static gboolean
on_mailbox(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    Fanout *self = user_data;

    mdf_mailbox_run(self->mailbox, self);

    return G_SOURCE_CONTINUE;
}

/* ---- viewers ---- */

static void
post_order(MdfFanoutViewer *viewer, MdfOrderKind kind, MdfOrder order)
{
    Fanout *self = (Fanout *)viewer->engine;

    order.id = viewer->id;
    mdf_order_post(self->workers[viewer->worker], kind, &order);
}

static unsigned
least_loaded(const Fanout *self)
{
    unsigned best = 0;

    for (unsigned i = 1; i < self->n_workers; i++)
        if (self->viewers_of[i] < self->viewers_of[best])
            best = i;

    return best;
}

static MdfAnswerTransport
transport_of(const Fanout *self, unsigned worker)
{
    return (MdfAnswerTransport){
        .fingerprint = mdf_dtls_context_fingerprint(self->dtls),
        .addresses = (const char *const *)self->addresses,
        .port = mdf_worker_port(self->workers[worker]),
    };
}

static MdfViewer *
fanout_add_viewer(MdfEngine *base,
                  const MdfViewerRequest *request,
                  const MdfViewerEvents *events,
                  void *user_data,
                  char **ret_answer,
                  GError **error)
{
    Fanout *self = (Fanout *)base;
    unsigned worker = least_loaded(self);
    MdfAnswerTransport transport = transport_of(self, worker);
    g_autoptr(MdfFanoutViewer) viewer = NULL;
    g_autofree char *answer = NULL;
    BaseLogFields fields;
    MdfStream *stream;

    if (g_hash_table_size(self->viewers) >= self->capacity) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_BUSY, "all %u places for viewers are taken",
                    self->capacity);
        return NULL;
    }
    viewer = mdf_fanout_viewer_new(request, ++self->next_id, &transport, &answer, error);
    if (!viewer)
        return NULL;
    stream = mdf_stream_new(&viewer->parameters, mdf_worker_host(self->workers[worker]),
                            g_get_monotonic_time(), error);
    if (!stream)
        return NULL;

    viewer->base.ops = self->base.ops;
    viewer->engine = base;
    viewer->worker = worker;
    viewer->events = events;
    viewer->user_data = user_data;
    self->viewers_of[worker]++;
    g_hash_table_insert(self->viewers, &viewer->id, viewer);
    post_order(viewer, MDF_ORDER_ADD, (MdfOrder){.stream = stream});
    fields = mdf_fanout_viewer_log(viewer);
    base_info(&fields, "viewer added on port %u", transport.port);
    *ret_answer = g_steal_pointer(&answer);

    return &g_steal_pointer(&viewer)->base;
}

static char *
fanout_reoffer(MdfViewer *base, const char *offer, GError **error)
{
    MdfFanoutViewer *viewer = (MdfFanoutViewer *)base;
    MdfAnswerTransport transport = transport_of((Fanout *)viewer->engine, viewer->worker);
    bool restarted = false;
    char *answer = mdf_fanout_viewer_reoffer(viewer, offer, &transport, &restarted, error);

    if (answer && restarted)
        post_order(viewer, MDF_ORDER_RESTART_ICE,
                   (MdfOrder){.credentials = viewer->parameters.peer.credentials});

    return answer;
}

static uint64_t
expect(MdfFanoutViewer *viewer, MdfPlayDone done, void *user_data)
{
    Fanout *self = (Fanout *)viewer->engine;

    mdf_fanout_viewer_expect(viewer, ++self->next_token, done, user_data);

    return self->next_token;
}

/* The scale that was asked for does not matter yet: every result says 1.0, which is what is played. */
static void
fanout_play(MdfViewer *base, double npt_s, double scale G_GNUC_UNUSED, MdfPlayDone done, void *user_data)
{
    MdfFanoutViewer *viewer = (MdfFanoutViewer *)base;

    post_order(viewer, MDF_ORDER_PLAY, (MdfOrder){.npt_s = npt_s, .token = expect(viewer, done, user_data)});
}

static void
fanout_pause(MdfViewer *base, MdfPlayDone done, void *user_data)
{
    MdfFanoutViewer *viewer = (MdfFanoutViewer *)base;

    post_order(viewer, MDF_ORDER_PAUSE, (MdfOrder){.token = expect(viewer, done, user_data)});
}

static void
fanout_zap(MdfViewer *base, ReelProgramme *programme, const char *name, MdfPlayDone done, void *user_data)
{
    MdfFanoutViewer *viewer = (MdfFanoutViewer *)base;

    g_free(viewer->name);
    viewer->name = g_strdup(name ? name : reel_programme_name(programme));
    post_order(
        viewer, MDF_ORDER_ZAP,
        (MdfOrder){.programme = reel_programme_ref(programme), .token = expect(viewer, done, user_data)});
}

static void
fanout_viewer_status(const MdfViewer *base, MdfViewerStatus *ret_status)
{
    mdf_status_board_read(((const MdfFanoutViewer *)base)->board, ret_status);
}

static void
fanout_close(MdfViewer *base)
{
    MdfFanoutViewer *viewer = (MdfFanoutViewer *)base;

    if (viewer->ending) { /* from inside one of the last callbacks */
        viewer->released = true;
        return;
    }
    post_order(viewer, MDF_ORDER_REMOVE, (MdfOrder){0});
    forget_viewer((Fanout *)viewer->engine, viewer);
    mdf_fanout_viewer_free(viewer);
}

/* ---- the engine ---- */

static void
sum_counters(const Fanout *self, MdfWorkerCounters *ret_sum)
{
    *ret_sum = (MdfWorkerCounters){0};
    for (unsigned i = 0; i < self->n_workers; i++) {
        MdfWorkerCounters one;
        mdf_worker_counters(self->workers[i], &one);
        ret_sum->sent.packets += one.sent.packets;
        ret_sum->sent.bytes += one.sent.bytes;
        ret_sum->sent.dropped += one.sent.dropped;
        ret_sum->sent.messages += one.sent.messages;
        ret_sum->stun_refused += one.stun_refused;
        ret_sum->unknown_datagrams += one.unknown_datagrams;
    }
}

typedef struct {
    const char *name, *type, *help;
    uint64_t value;
} Metric;

static void
append_metric(GString *out, const Metric *metric)
{
    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" G_GUINT64_FORMAT "\n", metric->name,
                           metric->help, metric->name, metric->type, metric->name, metric->value);
}

/* Of the viewers whose browsers tell. */
static uint64_t
sum_bandwidth(const Fanout *self, unsigned *ret_n)
{
    GHashTableIter iter;
    gpointer viewer;
    uint64_t kbps = 0;

    *ret_n = 0;
    g_hash_table_iter_init(&iter, self->viewers);
    while (g_hash_table_iter_next(&iter, NULL, &viewer)) {
        MdfViewerStatus status;
        mdf_status_board_read(((MdfFanoutViewer *)viewer)->board, &status);
        kbps += status.bandwidth_kbps;
        *ret_n += status.bandwidth_kbps > 0;
    }

    return kbps;
}

static void
collect_metrics(GString *out, void *user_data)
{
    const Fanout *self = user_data;
    MdfWorkerCounters sum;
    unsigned n_estimates;
    uint64_t kbps = sum_bandwidth(self, &n_estimates);

    sum_counters(self, &sum);
    const Metric metrics[] = {
        {"imstv_mdf_viewers", "gauge", "viewers on this MDF", g_hash_table_size(self->viewers)},
        {"imstv_mdf_packets_sent_total", "counter", "datagrams sent", sum.sent.packets},
        {"imstv_mdf_sent_bytes_total", "counter", "UDP payload bytes sent", sum.sent.bytes},
        {"imstv_mdf_packets_dropped_total", "counter", "datagrams the socket did not take", sum.sent.dropped},
        {"imstv_mdf_send_messages_total", "counter", "messages handed to the kernel", sum.sent.messages},
        {"imstv_mdf_stun_refused_total", "counter", "STUN without a good signature", sum.stun_refused},
        {"imstv_mdf_unknown_datagrams_total", "counter", "datagrams from unproven addresses",
         sum.unknown_datagrams},
        {"imstv_mdf_bandwidth_viewers", "gauge", "viewers whose path is known", n_estimates},
        {"imstv_mdf_bandwidth_kbps_sum", "gauge", "what their paths carry, together", kbps},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(metrics); i++)
        append_metric(out, &metrics[i]);
}

static void
fanout_status(const MdfEngine *base, MdfEngineStatus *ret_status)
{
    const Fanout *self = (const Fanout *)base;
    MdfWorkerCounters sum;

    sum_counters(self, &sum);
    *ret_status = (MdfEngineStatus){
        .viewers = g_hash_table_size(self->viewers),
        .capacity = self->capacity,
        .packets = sum.sent.packets,
        .bytes = sum.sent.bytes,
        .packets_dropped = sum.sent.dropped,
    };
}

static uint16_t
fanout_media_port(const MdfEngine *base)
{
    return mdf_worker_port(((const Fanout *)base)->workers[0]);
}

static void
fanout_free(MdfEngine *base)
{
    Fanout *self = (Fanout *)base;
    GHashTableIter iter;
    gpointer viewer;

    base_metrics_remove_collector(collect_metrics, self);
    for (unsigned i = 0; i < self->n_workers; i++)
        mdf_worker_free(self->workers[i]);
    if (self->mailbox_source)
        g_source_remove(self->mailbox_source);
    g_hash_table_iter_init(&iter, self->viewers);
    while (g_hash_table_iter_next(&iter, NULL, &viewer))
        mdf_fanout_viewer_free(viewer);
    g_hash_table_unref(self->viewers);
    mdf_mailbox_free(self->mailbox);
    mdf_seal_context_free(self->seal);
    mdf_dtls_context_free(self->dtls);
    g_strfreev(self->addresses);
    g_free(self);
}

static const MdfEngineOps fanout_ops = {
    .name = "fanout",
    .free = fanout_free,
    .status = fanout_status,
    .media_port = fanout_media_port,
    .add_viewer = fanout_add_viewer,
    .reoffer = fanout_reoffer,
    .play = fanout_play,
    .pause = fanout_pause,
    .zap = fanout_zap,
    .viewer_status = fanout_viewer_status,
    .close = fanout_close,
};

static bool
start_workers(Fanout *self, const MdfEngineConfig *config, GError **error)
{
    for (unsigned i = 0; i < config->workers && i < WORKERS_MAX; i++) {
        const MdfWorkerConfig worker = {
            .addresses = config->media_addresses,
            .port = config->media_port ? (uint16_t)(config->media_port + i) : 0,
            .number = i,
            .dtls = self->dtls,
            .seal = self->seal,
            .events = &stream_events,
            .user_data = self,
        };
        self->workers[i] = mdf_worker_new(&worker, error);
        if (!self->workers[i])
            return false;
        self->n_workers++;
    }

    return true;
}

MdfEngine *
mdf_engine_fanout_new(const MdfEngineConfig *config, GError **error)
{
    g_autoptr(MdfEngine) base = NULL;
    Fanout *self;

    g_assert(config->workers >= 1);

    self = g_new0(Fanout, 1);
    base = &self->base;
    self->base.ops = &fanout_ops;
    self->capacity = config->capacity_viewers;
    self->addresses = g_strdupv((char **)config->media_addresses);
    self->viewers = g_hash_table_new(g_int64_hash, g_int64_equal);
    self->mailbox = mdf_mailbox_new();
    self->seal = mdf_seal_context_new(true);
    self->dtls = mdf_dtls_context_new(error);
    if (!self->dtls || !start_workers(self, config, error))
        return NULL;

    self->mailbox_source = g_unix_fd_add(mdf_mailbox_fd(self->mailbox), G_IO_IN, on_mailbox, self);
    base_metrics_add_collector(collect_metrics, self);
    base_notice(NULL, "delivery: %u worker(s) from media port %u, cipher %s", self->n_workers,
                fanout_media_port(base), mdf_seal_context_name(self->seal));

    return g_steal_pointer(&base);
}
