#include "mdf/control/whep.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/http-api.h"
#include "lib/net/http-client.h"

#define MAX_SDP_BYTES 65536
#define MAX_WAITING 256 /* tokens that are being checked */
#define CHECK_DEADLINE_MS 3000
#define SESSION "/whep/session"

struct MdfWhep {
    NetHttpApi *api;
    NetHttpClient *http;
    uint16_t port;
    bool anonymous;
    char *token_check;
    GHashTable *waiting; /* set of Waiting, owned */
    MdfViewers *viewers;
    BaseMetric *refused;
};

/* A request that waits for its token to be checked or for its content to be ready. */
typedef struct {
    MdfWhep *whep;
    NetHttpExchange *exchange;
    char *source;
} Waiting;

static void
waiting_free(gpointer data)
{
    Waiting *waiting = data;

    g_free(waiting->source);
    g_free(waiting);
}

/* NULL, and the request is refused, if too many wait. */
static Waiting *
waiting_add(MdfWhep *self, NetHttpExchange *exchange, const char *source)
{
    Waiting *waiting;

    if (g_hash_table_size(self->waiting) >= MAX_WAITING) {
        net_http_respond_problem(exchange, 503, "too many requests are waiting");
        return NULL;
    }
    waiting = g_new0(Waiting, 1);
    waiting->whep = self;
    waiting->exchange = exchange;
    waiting->source = g_strdup(source);
    g_hash_table_add(self->waiting, waiting);
    return waiting;
}

/* ---- making a session ---- */

static void
add_viewer(MdfWhep *self, NetHttpExchange *exchange, const char *source)
{
    g_autofree char *answer = NULL, *location = NULL;
    g_autoptr(GError) error = NULL;
    MdfControlled *viewer;
    MdfViewersRequest request = {
        .source = source,
        .session_id = net_http_exchange_session_id(exchange),
        .offer = net_http_exchange_body(exchange, NULL),
        .play = true,
    };

    viewer = mdf_viewers_add(self->viewers, &request, &answer, &error);
    if (!viewer) {
        net_http_respond_error(exchange, error);
        return;
    }
    location = g_strdup_printf(SESSION "/%s", mdf_controlled_id(viewer));
    net_http_exchange_set_header(exchange, "Location", location);
    net_http_exchange_set_header(exchange, "ETag", mdf_controlled_etag(viewer));
    net_http_exchange_set_header(exchange, "Accept-Patch",
                                 "application/sdp, application/trickle-ice-sdpfrag");
    net_http_respond(exchange, 201, "application/sdp", answer, -1);
}

static void
on_ready(void *user_data)
{
    Waiting *waiting = user_data;

    add_viewer(waiting->whep, waiting->exchange, waiting->source);
    g_hash_table_remove(waiting->whep->waiting, waiting);
}

static void
create(MdfWhep *self, NetHttpExchange *exchange, const char *source)
{
    size_t length;
    const char *offer = net_http_exchange_body(exchange, &length);
    Waiting *waiting;

    if (length == 0 || strlen(offer) != length) {
        net_http_respond_problem(exchange, 400, "the body is no SDP");
        return;
    }
    waiting = waiting_add(self, exchange, source);
    if (waiting)
        mdf_viewers_prepare(self->viewers, waiting->source, on_ready, waiting);
}

/* ---- tokens ---- */

static void
refuse(MdfWhep *self, NetHttpExchange *exchange, const GError *error)
{
    base_metric_add(self->refused, 1);
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_UNAUTHORIZED))
        net_http_exchange_set_header(exchange, "WWW-Authenticate",
                                     net_http_exchange_bearer(exchange)
                                         ? "Bearer realm=\"imstv\", error=\"invalid_token\""
                                         : "Bearer realm=\"imstv\"");
    net_http_respond_error(exchange, error);
}

/* Only what says something about token and content goes on to the player. */
static GError *
refusal_of(const NetHttpAnswer *answer, const GError *error)
{
    g_autoptr(GError) refusal = NULL;

    if (error)
        return g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "tokens cannot be checked now: %s",
                           error->message);
    if (net_http_answer_check(answer, &refusal))
        return NULL;
    if (g_error_matches(refusal, BASE_ERROR, BASE_ERROR_UNAUTHORIZED) ||
        g_error_matches(refusal, BASE_ERROR, BASE_ERROR_FORBIDDEN) ||
        g_error_matches(refusal, BASE_ERROR, BASE_ERROR_NOT_FOUND))
        return g_steal_pointer(&refusal);
    return g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "tokens cannot be checked now: %s",
                       refusal->message);
}

static void
on_checked(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Waiting *waiting = user_data;
    MdfWhep *self = waiting->whep;
    g_autoptr(GError) refusal = refusal_of(answer, error);

    if (refusal)
        refuse(self, waiting->exchange, refusal);
    else
        create(self, waiting->exchange, waiting->source);
    g_hash_table_remove(self->waiting, waiting);
}

static void
check_token(MdfWhep *self, NetHttpExchange *exchange, const char *source, const char *token)
{
    g_autofree char *authorization = g_strdup_printf("Bearer %s", token);
    g_autofree char *url = g_strdup_printf("%s?content=%s", self->token_check, source);
    const char *headers[] = {"Authorization", authorization, NULL};
    NetHttpRequest request = {
        .url = url,
        .headers = headers,
        .session_id = net_http_exchange_session_id(exchange),
        .deadline_ms = CHECK_DEADLINE_MS,
    };
    Waiting *waiting = waiting_add(self, exchange, source);

    if (waiting)
        net_http_client_send(self->http, &request, on_checked, waiting);
}

static void
admit(MdfWhep *self, NetHttpExchange *exchange, const char *kind)
{
    g_autofree char *source = g_strdup_printf("%s:%s", kind, net_http_exchange_param(exchange, "id"));
    const char *token = net_http_exchange_bearer(exchange);

    if (!mdf_xp_source_is_valid(source)) {
        net_http_respond_problem(exchange, 404, "no such content");
    } else if (self->anonymous) {
        create(self, exchange, source);
    } else if (!token) {
        g_autoptr(GError) error =
            g_error_new_literal(BASE_ERROR, BASE_ERROR_UNAUTHORIZED, "a bearer token is needed");
        refuse(self, exchange, error);
    } else {
        check_token(self, exchange, source, token);
    }
}

static void
on_asset(NetHttpExchange *exchange, void *user_data)
{
    admit(user_data, exchange, "asset");
}

static void
on_channel(NetHttpExchange *exchange, void *user_data)
{
    admit(user_data, exchange, "channel");
}

/* ---- a session that is there; its id is the capability ---- */

static MdfControlled *
find(MdfWhep *self, NetHttpExchange *exchange)
{
    MdfControlled *viewer = mdf_viewers_find(self->viewers, net_http_exchange_param(exchange, "id"));

    if (!viewer)
        net_http_respond_problem(exchange, 404, "no such session");
    return viewer;
}

static void
on_delete(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);

    if (!viewer)
        return;
    mdf_controlled_close(viewer);
    net_http_respond(exchange, 200, NULL, NULL, 0);
}

static bool
has_type(const NetHttpExchange *exchange, const char *type)
{
    const char *value = net_http_exchange_header(exchange, "Content-Type");

    return value && g_ascii_strncasecmp(value, type, strlen(type)) == 0 &&
           strchr("; \t", value[strlen(type)]);
}

static void
restart_ice(NetHttpExchange *exchange, MdfControlled *viewer)
{
    const char *expected = net_http_exchange_header(exchange, "If-Match");
    g_autoptr(GError) error = NULL;
    g_autofree char *answer = NULL;

    if (expected && strcmp(expected, "*") != 0 && strcmp(expected, mdf_controlled_etag(viewer)) != 0) {
        net_http_respond_problem(exchange, 412, "that ICE session is over");
        return;
    }
    answer = mdf_controlled_reoffer(viewer, net_http_exchange_body(exchange, NULL), &error);
    if (!answer) {
        net_http_respond_error(exchange, error);
        return;
    }
    net_http_exchange_set_header(exchange, "ETag", mdf_controlled_etag(viewer));
    net_http_respond(exchange, 200, "application/sdp", answer, -1);
}

/* The MDF learns the player's addresses from its checks: trickled candidates are taken and not needed. */
static void
on_patch(NetHttpExchange *exchange, void *user_data)
{
    MdfControlled *viewer = find(user_data, exchange);

    if (!viewer)
        return;
    if (has_type(exchange, "application/trickle-ice-sdpfrag"))
        net_http_respond(exchange, 204, NULL, NULL, 0);
    else if (has_type(exchange, "application/sdp"))
        restart_ice(exchange, viewer);
    else
        net_http_respond_problem(exchange, 415, "application/sdp or application/trickle-ice-sdpfrag");
}

static const NetHttpRoute routes[] = {
    {"POST", "/whep/asset/{id}", on_asset, MAX_SDP_BYTES, "application/sdp", true},
    {"POST", "/whep/channel/{id}", on_channel, MAX_SDP_BYTES, "application/sdp", true},
    {"DELETE", SESSION "/{id}", on_delete, 0, NULL, true},
    {"PATCH", SESSION "/{id}", on_patch, MAX_SDP_BYTES, NULL, true},
};

MdfWhep *
mdf_whep_new(const MdfWhepConfig *config, MdfViewers *viewers, GError **error)
{
    NetHttpApiOptions options = {.reference_point = "WHEP"};
    g_autoptr(MdfWhep) self = g_new0(MdfWhep, 1);

    self->viewers = viewers;
    self->waiting = g_hash_table_new_full(NULL, NULL, waiting_free, NULL);
    self->anonymous = config->anonymous;
    self->token_check = g_strdup(config->token_check);
    self->http = net_http_client_new("WHEP");
    self->refused = base_counter("imstv_mdf_whep_refused_total", NULL, "players without a good token");
    self->api = net_http_api_new(&options);
    net_http_api_add_routes(self->api, routes, G_N_ELEMENTS(routes), self);
    if (!net_http_api_listen(self->api, config->listen, config->port, &self->port, error))
        return NULL;
    return g_steal_pointer(&self);
}

/* Every exchange wants its answer, also at the end. */
static void
refuse_waiting(MdfWhep *self)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->waiting);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        net_http_respond_problem(((Waiting *)key)->exchange, 503, "going down");
}

void
mdf_whep_free(MdfWhep *self)
{
    if (!self)
        return;
    net_http_client_free(self->http);
    refuse_waiting(self);
    net_http_api_free(self->api);
    g_hash_table_unref(self->waiting);
    g_free(self->token_check);
    g_free(self);
}

uint16_t
mdf_whep_port(const MdfWhep *self)
{
    return self->port;
}
