#include "mdf/control/viewers.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "mdf/control/xp-notify.h"

#define CHECK_S 5
#define MAX_CONTROLLERS 256

struct MdfViewers {
    MdfViewersParts parts;
    MdfXpNotify *notify;
    GHashTable *by_id;       /* id -> MdfControlled, owned */
    GHashTable *controllers; /* id -> gint64: when it was heard last */
    guint check;             /* GSource id */
};

struct MdfControlled {
    MdfViewers *owner;
    char *id, *source, *session_id, *events_url, *controller, *etag;
    MdfViewer *viewer;   /* NULL: closed by the engine */
    GHashTable *pending; /* set of Pending, owned */
    bool played;         /* from then on the MCF can pass events on */
    bool silent;         /* it was told that there is no signal */
};

typedef struct {
    MdfControlled *controlled;
    char *zap_to; /* source after success; NULL: unchanged */
    MdfPlayDone done;
    void *user_data;
} Pending;

static BaseLogFields
fields(const MdfControlled *self)
{
    return (BaseLogFields){.session = self->session_id, .call_id = self->id, .channel = self->source};
}

static void
pending_free(Pending *pending)
{
    g_free(pending->zap_to);
    g_free(pending);
}

static void
drop_pending(MdfControlled *self)
{
    g_autoptr(GError) error = g_error_new_literal(BASE_ERROR, BASE_ERROR_NOT_FOUND, "the viewer has gone");
    GHashTableIter iter;
    gpointer key;

    for (;;) {
        g_hash_table_iter_init(&iter, self->pending);
        if (!g_hash_table_iter_next(&iter, &key, NULL))
            return;
        g_hash_table_iter_remove(&iter);
        Pending *pending = key;
        pending->done(NULL, error, pending->user_data);
        pending_free(pending);
    }
}

static void
controlled_free(gpointer data)
{
    MdfControlled *self = data;

    /* first the engine: after this no result comes */
    mdf_viewer_close(self->viewer);
    drop_pending(self);
    g_hash_table_unref(self->pending);
    g_free(self->id);
    g_free(self->source);
    g_free(self->session_id);
    g_free(self->events_url);
    g_free(self->controller);
    g_free(self->etag);
    g_free(self);
}

/* ---- controllers ---- */

void
mdf_viewers_controller_heard(MdfViewers *self, const char *controller)
{
    gint64 *heard = g_hash_table_lookup(self->controllers, controller);

    if (!heard && g_hash_table_size(self->controllers) >= MAX_CONTROLLERS)
        return;
    if (!heard) {
        heard = g_new(gint64, 1);
        g_hash_table_insert(self->controllers, g_strdup(controller), heard);
    }
    *heard = g_get_monotonic_time();
}

static bool
is_silent(const MdfViewers *self, const char *controller, gint64 now_us)
{
    const gint64 *heard = g_hash_table_lookup(self->controllers, controller);

    return !heard || now_us - *heard > (gint64)MDF_CONTROLLER_SILENCE_S * G_USEC_PER_SEC;
}

static gboolean
forget_silent(gpointer key, gpointer value, gpointer user_data)
{
    (void)key;
    return *(gint64 *)user_data - *(gint64 *)value > (gint64)MDF_CONTROLLER_SILENCE_S * G_USEC_PER_SEC;
}

void
mdf_viewers_check_controllers(MdfViewers *self, gint64 now_us)
{
    g_autoptr(GPtrArray) orphans = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        MdfControlled *controlled = value;
        if (controlled->controller && is_silent(self, controlled->controller, now_us))
            g_ptr_array_add(orphans, controlled);
    }
    for (guint i = 0; i < orphans->len; i++) {
        MdfControlled *orphan = g_ptr_array_index(orphans, i);
        BaseLogFields about = fields(orphan);
        base_warning(&about, "its MCF is silent for over %d s: closed", MDF_CONTROLLER_SILENCE_S);
        mdf_controlled_close(orphan);
    }
    g_hash_table_foreach_remove(self->controllers, forget_silent, &now_us);
}

static gboolean
on_check(gpointer user_data)
{
    mdf_viewers_check_controllers(user_data, g_get_monotonic_time());
    return G_SOURCE_CONTINUE;
}

MdfViewers *
mdf_viewers_new(const MdfViewersParts *parts)
{
    MdfViewers *self = g_new0(MdfViewers, 1);

    self->parts = *parts;
    self->notify = mdf_xp_notify_new();
    self->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, controlled_free);
    self->controllers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->check = g_timeout_add_seconds(CHECK_S, on_check, self);
    return self;
}

void
mdf_viewers_free(MdfViewers *self)
{
    if (!self)
        return;
    g_source_remove(self->check);
    g_hash_table_unref(self->by_id);
    g_hash_table_unref(self->controllers);
    mdf_xp_notify_free(self->notify);
    g_free(self);
}

/* ---- events of the engine ---- */

static void
tell(MdfControlled *self, const char *event, double npt_s, const char *reason)
{
    g_autofree char *json = NULL;
    BaseLogFields about = fields(self);

    if (!self->events_url)
        return;
    json = mdf_xp_event(event, self->id, npt_s, reason);
    mdf_xp_notify_send(self->owner->notify, self->events_url, json, &about);
}

/* A viewer without a picture learns at once that it is not his network. */
static void
tell_signal(MdfControlled *self)
{
    const MdfViewersParts *parts = &self->owner->parts;
    bool silent = parts->has_signal && !parts->has_signal(parts->lookup_data, self->source);

    if (!self->played || silent == self->silent)
        return;
    self->silent = silent;
    tell(self, silent ? "no-signal" : "signal", NAN, NULL);
}

void
mdf_viewers_signal_changed(MdfViewers *self, const char *source)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        MdfControlled *controlled = value;
        if (strcmp(controlled->source, source) == 0)
            tell_signal(controlled);
    }
}

static void
on_connected(MdfViewer *viewer, void *user_data)
{
    MdfControlled *self = user_data;
    BaseLogFields about = fields(self);

    (void)viewer;
    base_debug(&about, "connected");
    tell(self, "connected", NAN, NULL);
}

static void
on_end_of_stream(MdfViewer *viewer, double npt_s, void *user_data)
{
    MdfControlled *self = user_data;
    BaseLogFields about = fields(self);

    (void)viewer;
    base_info(&about, "end of stream at %.3f s", npt_s);
    tell(self, "end-of-stream", npt_s, NULL);
}

static void
on_closed(MdfViewer *viewer, MdfCloseReason reason, void *user_data)
{
    MdfControlled *self = user_data;
    BaseLogFields about = fields(self);

    (void)viewer;
    base_debug(&about, "closed: %s", mdf_close_reason_name(reason));
    tell(self, "closed", NAN, mdf_close_reason_name(reason));
    self->viewer = NULL;
    g_hash_table_remove(self->owner->by_id, self->id);
}

static const MdfViewerEvents viewer_events = {
    .connected = on_connected,
    .end_of_stream = on_end_of_stream,
    .closed = on_closed,
};

static void play_at_once(MdfControlled *self);

/* ---- making ---- */

ReelProgramme *
mdf_viewers_lookup(MdfViewers *self, const char *source, GError **error)
{
    if (!mdf_xp_source_is_valid(source)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no content is called %.80s", source);
        return NULL;
    }
    return self->parts.lookup(self->parts.lookup_data, source, error);
}

void
mdf_viewers_prepare(MdfViewers *self, const char *source, void (*ready)(void *user_data), void *user_data)
{
    if (mdf_xp_source_is_valid(source))
        self->parts.prepare(self->parts.lookup_data, source, ready, user_data);
    else
        ready(user_data);
}

static MdfControlled *
controlled_new(MdfViewers *owner, const MdfViewersRequest *request)
{
    MdfControlled *self = g_new0(MdfControlled, 1);

    self->owner = owner;
    self->id = base_id_new();
    self->source = g_strdup(request->source);
    self->session_id = request->session_id ? g_strdup(request->session_id) : base_id_new();
    self->events_url = g_strdup(request->events_url);
    self->controller = g_strdup(request->controller);
    self->etag = g_strdup("\"1\"");
    self->pending = g_hash_table_new(NULL, NULL);
    return self;
}

MdfControlled *
mdf_viewers_add(MdfViewers *self, const MdfViewersRequest *request, char **ret_answer, GError **error)
{
    g_autoptr(ReelProgramme) programme = mdf_viewers_lookup(self, request->source, error);
    MdfControlled *controlled;
    MdfViewerRequest wanted = {.name = request->source, .offer = request->offer, .programme = programme};
    BaseLogFields about;

    if (!programme)
        return NULL;
    controlled = controlled_new(self, request);
    wanted.session_id = controlled->session_id;
    wanted.call_id = controlled->id;
    controlled->viewer =
        mdf_engine_add_viewer(self->parts.engine, &wanted, &viewer_events, controlled, ret_answer, error);
    if (!controlled->viewer) {
        controlled_free(controlled);
        return NULL;
    }
    g_hash_table_insert(self->by_id, controlled->id, controlled);
    about = fields(controlled);
    base_debug(&about, "made");
    if (request->play)
        play_at_once(controlled);
    return controlled;
}

MdfControlled *
mdf_viewers_find(MdfViewers *self, const char *id)
{
    return g_hash_table_lookup(self->by_id, id);
}

MdfEngine *
mdf_viewers_engine(MdfViewers *self)
{
    return self->parts.engine;
}

/* ---- commands ---- */

static void
on_done(const MdfPlayResult *result, const GError *error, void *user_data)
{
    Pending *pending = user_data;
    MdfControlled *self = pending->controlled;
    BaseLogFields about = fields(self);

    g_hash_table_remove(self->pending, pending);
    if (error)
        base_warning(&about, "command failed: %s", error->message);
    if (result && pending->zap_to) {
        g_free(self->source);
        self->source = g_steal_pointer(&pending->zap_to);
        tell_signal(self);
    }
    pending->done(result, error, pending->user_data);
    pending_free(pending);
}

static Pending *
pending_new(MdfControlled *self, MdfPlayDone done, void *user_data)
{
    Pending *pending = g_new0(Pending, 1);

    pending->controlled = self;
    pending->done = done;
    pending->user_data = user_data;
    g_hash_table_add(self->pending, pending);
    return pending;
}

static void
on_played_at_once(const MdfPlayResult *result, const GError *error, void *user_data)
{
    (void)result;
    (void)error; /* logged already; the player sees that nothing comes */
    (void)user_data;
}

static void
play_at_once(MdfControlled *self)
{
    mdf_viewer_play(self->viewer, NAN, 1.0, on_done, pending_new(self, on_played_at_once, NULL));
}

static void
zap(MdfControlled *self, const char *source, MdfPlayDone done, void *user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ReelProgramme) programme = mdf_viewers_lookup(self->owner, source, &error);
    Pending *pending;

    if (!programme) {
        done(NULL, error, user_data);
        return;
    }
    pending = pending_new(self, done, user_data);
    pending->zap_to = g_strdup(source);
    mdf_viewer_zap(self->viewer, programme, source, on_done, pending);
}

static void
keep_alive(MdfControlled *self, MdfPlayDone done, void *user_data)
{
    MdfViewerStatus status;
    MdfPlayResult result;

    mdf_viewer_status(self->viewer, &status);
    result = (MdfPlayResult){
        .state = status.state,
        .npt_start_s = status.position_s,
        .npt_end_s = status.live ? -1 : status.duration_s,
        .scale = status.scale,
        .rtp_time = status.rtp_time,
        .media_time_s = status.position_s,
    };
    done(&result, NULL, user_data);
}

void
mdf_controlled_command(MdfControlled *self, const MdfXpCommand *command, MdfPlayDone done, void *user_data)
{
    switch (command->kind) {
    case MDF_XP_PLAY:
        self->played = true;
        tell_signal(self);
        mdf_viewer_play(self->viewer, command->npt_s, command->scale, on_done,
                        pending_new(self, done, user_data));
        return;
    case MDF_XP_PAUSE:
        mdf_viewer_pause(self->viewer, on_done, pending_new(self, done, user_data));
        return;
    case MDF_XP_ZAP:
        zap(self, command->source, done, user_data);
        return;
    case MDF_XP_KEEPALIVE:
        keep_alive(self, done, user_data);
        return;
    }
}

char *
mdf_controlled_reoffer(MdfControlled *self, const char *offer, GError **error)
{
    char *answer = mdf_viewer_reoffer(self->viewer, offer, error);
    g_autofree char *random = NULL;

    if (!answer)
        return NULL;
    random = base_id_new();
    random[8] = '\0';
    g_free(self->etag);
    self->etag = g_strdup_printf("\"%s\"", random);
    return answer;
}

void
mdf_controlled_status(const MdfControlled *self, MdfViewerStatus *ret_status)
{
    mdf_viewer_status(self->viewer, ret_status);
}

void
mdf_controlled_close(MdfControlled *self)
{
    BaseLogFields about = fields(self);

    base_info(&about, "viewer ended by its controller");
    g_hash_table_remove(self->owner->by_id, self->id);
}

void
mdf_viewers_shut_down(MdfViewers *self)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        tell(value, "closed", NAN, mdf_close_reason_name(MDF_CLOSE_SHUTDOWN));
    g_hash_table_remove_all(self->by_id);
}

guint
mdf_viewers_events_pending(const MdfViewers *self)
{
    return mdf_xp_notify_pending(self->notify);
}

const char *
mdf_controlled_id(const MdfControlled *self)
{
    return self->id;
}

const char *
mdf_controlled_source(const MdfControlled *self)
{
    return self->source;
}

const char *
mdf_controlled_session_id(const MdfControlled *self)
{
    return self->session_id;
}

const char *
mdf_controlled_etag(const MdfControlled *self)
{
    return self->etag;
}
