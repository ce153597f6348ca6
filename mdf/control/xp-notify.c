#include "mdf/control/xp-notify.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/net/http-client.h"

#define MAX_PENDING 4096
#define ATTEMPTS 3
#define DEADLINE_MS 1200
#define PAUSE_MS 400

struct MdfXpNotify {
    NetHttpClient *http;
    GHashTable *pending; /* set of Event, owned */
    BaseMetric *failed;
};

typedef struct {
    MdfXpNotify *owner; /* borrowed */
    char *url, *json, *session_id, *call_id;
    unsigned attempt;
    guint pause; /* GSource id */
} Event;

static void send_event(Event *event);

static void
event_free(gpointer data)
{
    Event *event = data;

    if (event->pause)
        g_source_remove(event->pause);
    g_free(event->url);
    g_free(event->json);
    g_free(event->session_id);
    g_free(event->call_id);
    g_free(event);
}

MdfXpNotify *
mdf_xp_notify_new(void)
{
    MdfXpNotify *self = g_new0(MdfXpNotify, 1);

    self->http = net_http_client_new("Xp");
    self->pending = g_hash_table_new_full(NULL, NULL, event_free, NULL);
    self->failed = base_counter("imstv_mdf_events_failed_total", NULL, "events that no MCF took");
    return self;
}

void
mdf_xp_notify_free(MdfXpNotify *self)
{
    if (!self)
        return;
    net_http_client_free(self->http);
    g_hash_table_unref(self->pending);
    g_free(self);
}

static gboolean
on_pause_over(gpointer user_data)
{
    Event *event = user_data;

    event->pause = 0;
    send_event(event);
    return G_SOURCE_REMOVE;
}

/* The MCF understood and does not want it: asking again changes nothing. */
static bool
is_refused(const NetHttpAnswer *answer)
{
    int status = answer ? net_http_answer_status(answer) : 0;

    return status >= 400 && status < 500;
}

static void
on_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Event *event = user_data;
    g_autoptr(GError) refusal = NULL;
    BaseLogFields about = {.session = event->session_id, .call_id = event->call_id};

    if (answer && net_http_answer_check(answer, &refusal)) {
        g_hash_table_remove(event->owner->pending, event);
        return;
    }
    if (event->attempt < ATTEMPTS && !is_refused(answer)) {
        event->pause = g_timeout_add(PAUSE_MS, on_pause_over, event);
        return;
    }
    base_warning(&about, "event for the MCF dropped after %u attempts: %s", event->attempt,
                 error ? error->message : refusal->message);
    base_metric_add(event->owner->failed, 1);
    g_hash_table_remove(event->owner->pending, event);
}

static void
send_event(Event *event)
{
    NetHttpRequest request = {
        .method = "POST",
        .url = event->url,
        .content_type = "application/json",
        .body = event->json,
        .body_bytes = strlen(event->json),
        .session_id = event->session_id,
        .deadline_ms = DEADLINE_MS,
    };

    event->attempt++;
    net_http_client_send(event->owner->http, &request, on_answer, event);
}

void
mdf_xp_notify_send(MdfXpNotify *self, const char *url, const char *json, const BaseLogFields *about)
{
    Event *event;

    if (g_hash_table_size(self->pending) >= MAX_PENDING) {
        base_metric_add(self->failed, 1);
        return;
    }
    event = g_new0(Event, 1);
    event->owner = self;
    event->url = g_strdup(url);
    event->json = g_strdup(json);
    event->session_id = g_strdup(about->session);
    event->call_id = g_strdup(about->call_id);
    g_hash_table_add(self->pending, event);
    send_event(event);
}

guint
mdf_xp_notify_pending(const MdfXpNotify *self)
{
    return g_hash_table_size(self->pending);
}
