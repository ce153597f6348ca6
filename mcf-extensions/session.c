#include "mcf-extensions/session.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/proto/rtsp.h"

#define MAX_ATTEMPTS 4 /* MDFs asked for one viewer */
#define FAREWELL_MS 2000

typedef struct {
    McfSession *session;
    McfXpCall *call;
    char *zap_to; /* content after success; NULL: unchanged */
    McfXpDone done;
    void *user_data;
} Operation;

struct McfSession {
    McfXpClient *xp;
    McfMdfPool *pool;
    char *rtsp_id, *event_id, *session_id, *call_id, *content, *offer, *events_url;
    unsigned timeout_s;
    ProtoBc granted;
    /* set-up */
    char **candidates;
    unsigned attempt;
    McfXpCall *set_up;
    GError *worst; /* the refusal to report if nobody takes the viewer */
    int retry_after_s;
    /* the viewer */
    char *location, *mdf;
    GHashTable *operations; /* set of Operation, owned */
    GSource *silence;
    GSource *farewell; /* the viewer's transport is closed: its BYE is on the way */
    const McfSessionEvents *events;
    void *user_data;
};

static void try_next(McfSession *self);

BaseLogFields
mcf_session_log(const McfSession *self)
{
    return (BaseLogFields){.session = self->session_id, .call_id = self->call_id, .channel = self->content};
}

McfSession *
mcf_session_new(const McfSessionConfig *config, const McfSessionEvents *events, void *user_data)
{
    McfSession *self = g_new0(McfSession, 1);

    self->xp = config->xp;
    self->pool = config->pool;
    self->rtsp_id = base_id_new();
    self->event_id = base_id_new();
    self->session_id = g_strdup(config->session_id);
    self->call_id = g_strdup(config->call_id);
    self->content = g_strdup(config->content);
    self->offer = g_strdup(config->offer);
    self->events_url = g_strdup_printf("%s/%s", config->events_base, self->event_id);
    self->timeout_s = config->rtsp_timeout_s;
    self->retry_after_s = -1;
    self->operations = g_hash_table_new(NULL, NULL);
    proto_bc_init(&self->granted);
    self->events = events;
    self->user_data = user_data;
    return self;
}

static void
operation_free(Operation *operation)
{
    g_free(operation->zap_to);
    g_free(operation);
}

static void
drop_operations(McfSession *self)
{
    g_autoptr(GError) error =
        g_error_new_literal(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the session has ended");
    GHashTableIter iter;
    gpointer key;

    for (;;) {
        g_hash_table_iter_init(&iter, self->operations);
        if (!g_hash_table_iter_next(&iter, &key, NULL))
            return;
        g_hash_table_iter_remove(&iter);
        Operation *operation = key;
        mcf_xp_cancel(operation->call);
        operation->done(operation->user_data, NULL, error, -1);
        operation_free(operation);
    }
}

static void
stop_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
start_source(GSource **source, GSource *timeout, GSourceFunc callback, McfSession *self)
{
    stop_source(source);
    *source = timeout;
    g_source_set_callback(timeout, callback, self, NULL);
    g_source_attach(timeout, g_main_context_get_thread_default());
}

void
mcf_session_free(McfSession *self)
{
    if (!self)
        return;
    if (self->farewell)
        g_clear_pointer(&self->location, g_free); /* nothing to delete there */
    stop_source(&self->silence);
    stop_source(&self->farewell);
    if (self->set_up)
        mcf_xp_abandon(self->set_up);
    drop_operations(self);
    g_hash_table_unref(self->operations);
    if (self->location)
        mcf_xp_delete(self->xp, self->location, self->session_id, NULL, NULL);
    proto_bc_clear(&self->granted);
    g_strfreev(self->candidates);
    g_clear_error(&self->worst);
    g_free(self->location);
    g_free(self->mdf);
    g_free(self->rtsp_id);
    g_free(self->event_id);
    g_free(self->session_id);
    g_free(self->call_id);
    g_free(self->content);
    g_free(self->offer);
    g_free(self->events_url);
    g_free(self);
}

/* ---- set-up ---- */

/* Which refusal says most about why there is no picture: a full MDF may serve later, a codec never, and
 * content that one MDF has and another has not is there. */
static int
weight(const GError *error)
{
    if (!error)
        return 0;
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_NOT_FOUND))
        return 1;
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE))
        return 2;
    return 3;
}

static void
note_refusal(McfSession *self, const GError *error, int retry_after_s)
{
    if (weight(error) < weight(self->worst))
        return;
    g_clear_error(&self->worst);
    self->worst = g_error_copy(error);
    self->retry_after_s = retry_after_s;
}

static void
on_set_up(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    McfSession *self = user_data;
    BaseLogFields about = mcf_session_log(self);

    self->set_up = NULL;
    if (error) {
        base_info(&about, "refused by MDF %s: %s", self->candidates[self->attempt], error->message);
        note_refusal(self, error, retry_after_s);
        self->attempt++;
        try_next(self);
        return;
    }
    self->location = g_strdup(reply->location);
    self->mdf = g_strdup(self->candidates[self->attempt]);
    mcf_mdf_pool_placed(self->pool, self->mdf);
    mcf_session_touch(self);
    self->events->answered(self, reply->answer, self->user_data);
}

static void
refuse(McfSession *self)
{
    if (!self->worst)
        self->worst = g_error_new_literal(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no MDF is configured");
    self->events->refused(self, self->worst, self->retry_after_s, self->user_data);
}

static void
try_next(McfSession *self)
{
    McfXpOffer offer = {
        .source = self->content,
        .offer = self->offer,
        .events_url = self->events_url,
        .session_id = self->session_id,
    };

    offer.base = self->candidates[self->attempt];
    if (!offer.base || self->attempt >= MAX_ATTEMPTS)
        refuse(self);
    else
        self->set_up = mcf_xp_create(self->xp, &offer, on_set_up, self);
}

void
mcf_session_set_up(McfSession *self)
{
    self->candidates = mcf_mdf_pool_candidates(self->pool);
    try_next(self);
}

/* ---- requests about the viewer ---- */

static void
on_operation(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    Operation *operation = user_data;
    McfSession *self = operation->session;

    g_hash_table_remove(self->operations, operation);
    if (reply && operation->zap_to) {
        g_free(self->content);
        self->content = g_steal_pointer(&operation->zap_to);
    }
    operation->done(operation->user_data, reply, error, retry_after_s);
    operation_free(operation);
}

static Operation *
operation_new(McfSession *self, McfXpDone done, void *user_data)
{
    Operation *operation = g_new0(Operation, 1);

    g_assert(self->location); /* nobody knows the session's ids before */
    operation->session = self;
    operation->done = done;
    operation->user_data = user_data;
    g_hash_table_add(self->operations, operation);
    return operation;
}

void
mcf_session_play(McfSession *self, double npt_s, double scale, McfXpDone done, void *user_data)
{
    Operation *operation = operation_new(self, done, user_data);

    operation->call =
        mcf_xp_play(self->xp, self->location, npt_s, scale, self->session_id, on_operation, operation);
}

void
mcf_session_pause(McfSession *self, McfXpDone done, void *user_data)
{
    Operation *operation = operation_new(self, done, user_data);

    operation->call = mcf_xp_pause(self->xp, self->location, self->session_id, on_operation, operation);
}

void
mcf_session_state(McfSession *self, McfXpDone done, void *user_data)
{
    Operation *operation = operation_new(self, done, user_data);

    operation->call = mcf_xp_state(self->xp, self->location, self->session_id, on_operation, operation);
}

void
mcf_session_zap(McfSession *self, const char *channel, McfXpDone done, void *user_data)
{
    Operation *operation = operation_new(self, done, user_data);

    operation->zap_to = g_strdup_printf("channel:%s", channel);
    operation->call =
        mcf_xp_zap(self->xp, self->location, channel, self->session_id, on_operation, operation);
}

void
mcf_session_reoffer(McfSession *self, const char *offer, McfXpDone done, void *user_data)
{
    Operation *operation = operation_new(self, done, user_data);

    operation->call =
        mcf_xp_reoffer(self->xp, self->location, offer, self->session_id, on_operation, operation);
}

/* ---- the end ---- */

static gboolean
on_silence(gpointer user_data)
{
    McfSession *self = user_data;

    stop_source(&self->silence);
    self->events->over(self, 408, "the gateway was not heard in time", self->user_data);
    return G_SOURCE_REMOVE;
}

void
mcf_session_touch(McfSession *self)
{
    start_source(&self->silence, g_timeout_source_new_seconds(self->timeout_s), on_silence, self);
}

static void
terminate(McfSession *self, int cause, const char *reason)
{
    self->events->notice(self, PROTO_RTSP_NOTICE_TERMINATED, NAN, self->user_data);
    self->events->over(self, cause, reason, self->user_data);
}

void
mcf_session_mdf_lost(McfSession *self)
{
    g_clear_pointer(&self->location, g_free); /* nothing to delete there */
    terminate(self, 503, "the media delivery function was lost");
}

static gboolean
on_no_farewell(gpointer user_data)
{
    McfSession *self = user_data;

    self->events->over(self, 200, "the viewer has left", self->user_data);
    return G_SOURCE_REMOVE;
}

static void
take_closed(McfSession *self, const char *reason)
{
    g_autofree char *text = g_strdup_printf("media ended: %.64s", reason ? reason : "no reason given");

    /* Who leaves closes its transport and says BYE; the first of the two is here by the shorter way. */
    if (g_strcmp0(reason, "peer-bye") == 0) {
        start_source(&self->farewell, g_timeout_source_new(FAREWELL_MS), on_no_farewell, self);
        return;
    }
    g_clear_pointer(&self->location, g_free);
    if (g_strcmp0(reason, "source-gone") == 0) {
        terminate(self, 410, "not on offer any more");
        return;
    }
    terminate(self, g_strcmp0(reason, "shutdown") == 0 ? 503 : 480, text);
}

void
mcf_session_take_event(McfSession *self, const char *event, double npt_s, const char *reason)
{
    BaseLogFields about = mcf_session_log(self);

    base_info(&about, "event of the MDF: %.32s%s%.64s", event, reason ? " " : "", reason ? reason : "");
    if (strcmp(event, "end-of-stream") == 0)
        self->events->notice(self, PROTO_RTSP_NOTICE_END_OF_STREAM, npt_s, self->user_data);
    else if (strcmp(event, "start-of-stream") == 0)
        self->events->notice(self, PROTO_RTSP_NOTICE_START_OF_STREAM, npt_s, self->user_data);
    else if (strcmp(event, "no-signal") == 0)
        self->events->notice(self, PROTO_RTSP_NOTICE_STALLED, NAN, self->user_data);
    else if (strcmp(event, "signal") == 0)
        self->events->notice(self, PROTO_RTSP_NOTICE_RESUMED, NAN, self->user_data);
    else if (strcmp(event, "closed") == 0 && self->location && !self->farewell)
        take_closed(self, reason);
}

/* ---- getters ---- */

const char *
mcf_session_rtsp_id(const McfSession *self)
{
    return self->rtsp_id;
}

const char *
mcf_session_event_id(const McfSession *self)
{
    return self->event_id;
}

const char *
mcf_session_id(const McfSession *self)
{
    return self->session_id;
}

const char *
mcf_session_content(const McfSession *self)
{
    return self->content;
}

const char *
mcf_session_mdf(const McfSession *self)
{
    return self->mdf;
}

unsigned
mcf_session_timeout_s(const McfSession *self)
{
    return self->timeout_s;
}

void
mcf_session_set_granted(McfSession *self, ProtoBc *granted)
{
    proto_bc_clear(&self->granted);
    self->granted = *granted;
    memset(granted, 0, sizeof *granted);
}

bool
mcf_session_grants(const McfSession *self, const char *bc_service, const char *home_domain)
{
    return proto_bc_grants(&self->granted, bc_service, home_domain);
}
