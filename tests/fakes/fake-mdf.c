#include "tests/fakes/fake-mdf.h"

#include <string.h>

#define MAX_BYTES 65536

static void
on_create(NetHttpExchange *exchange, void *user_data)
{
    FakeMdf *self = user_data;

    self->created++;
    g_free(self->source);
    g_free(self->offer);
    g_free(self->events_url);
    g_free(self->session_id);
    self->source = g_strdup(net_http_exchange_query(exchange, "source"));
    self->events_url = g_strdup(net_http_exchange_query(exchange, "events"));
    self->offer = g_strdup(net_http_exchange_body(exchange, NULL));
    self->session_id = g_strdup(net_http_exchange_session_id(exchange));
    if (self->refuse) {
        if (self->refuse == 503)
            net_http_exchange_set_header(exchange, "Retry-After", "7");
        net_http_respond_problem(exchange, self->refuse, "refused by the fake");
        return;
    }
    net_http_exchange_set_header(exchange, "Location", "/xp/v1/sessions/00112233445566778899aabbccddeeff");
    net_http_respond(exchange, 201, "application/sdp", FAKE_MDF_ANSWER, -1);
}

static void
on_patch(NetHttpExchange *exchange, void *user_data)
{
    ((FakeMdf *)user_data)->patched++;
    net_http_respond(exchange, 200, "application/sdp", FAKE_MDF_ANSWER, -1);
}

static void
on_delete(NetHttpExchange *exchange, void *user_data)
{
    ((FakeMdf *)user_data)->deleted++;
    net_http_respond(exchange, 200, NULL, NULL, 0);
}

static void
on_state(NetHttpExchange *exchange, void *user_data)
{
    static const char state[] = "{\"source\":\"asset:x\",\"state\":\"playing\",\"position\":12.5,"
                                "\"duration\":30.0,\"scales\":[1.0],\"scale\":1.0}";

    (void)user_data;
    net_http_respond(exchange, 200, "application/json", state, -1);
}

static void
on_control(NetHttpExchange *exchange, void *user_data)
{
    static const char outcome[] = "{\"state\":\"playing\",\"npt_start\":12.0,\"npt_end\":30.0,\"scale\":1.0,"
                                  "\"rtp_time\":123456,\"media_time\":12.0}";
    FakeMdf *self = user_data;

    self->commands++;
    g_free(self->command);
    self->command = g_strdup(net_http_exchange_body(exchange, NULL));
    if (self->hold)
        self->held = exchange;
    else
        net_http_respond(exchange, 200, "application/json", outcome, -1);
}

static void
on_status(NetHttpExchange *exchange, void *user_data)
{
    FakeMdf *self = user_data;
    g_autofree char *json = g_strdup_printf(
        "{\"instance\":\"%s\",\"viewers\":0,\"capacity\":100,\"channels\":[],\"uptime_s\":1,\"media\":[]}",
        self->instance);

    self->statuses++;
    net_http_respond(exchange, 200, "application/json", json, -1);
}

static const NetHttpRoute routes[] = {
    {"POST", "/xp/v1/sessions", on_create, MAX_BYTES, "application/sdp", false},
    {"PATCH", "/xp/v1/sessions/{id}", on_patch, MAX_BYTES, "application/sdp", false},
    {"DELETE", "/xp/v1/sessions/{id}", on_delete, 0, NULL, false},
    {"GET", "/xp/v1/sessions/{id}", on_state, 0, NULL, false},
    {"POST", "/xp/v1/sessions/{id}/control", on_control, MAX_BYTES, "application/json", false},
    {"GET", "/xp/v1/status", on_status, 0, NULL, false},
};

FakeMdf *
fake_mdf_new(void)
{
    FakeMdf *self = g_new0(FakeMdf, 1);
    g_autoptr(GError) error = NULL;

    self->instance = "first";
    self->client = net_http_client_new("Xp");
    self->api = net_http_api_new(NULL);
    net_http_api_add_routes(self->api, routes, G_N_ELEMENTS(routes), self);
    net_http_api_listen(self->api, "127.0.0.1", 0, &self->port, &error);
    g_assert_no_error(error);
    return self;
}

void
fake_mdf_free(FakeMdf *self)
{
    if (!self)
        return;
    if (self->held)
        net_http_respond(self->held, 503, NULL, NULL, 0);
    net_http_client_free(self->client);
    net_http_api_free(self->api);
    g_free(self->source);
    g_free(self->offer);
    g_free(self->events_url);
    g_free(self->session_id);
    g_free(self->command);
    g_free(self);
}

char *
fake_mdf_url(const FakeMdf *self)
{
    return g_strdup_printf("http://127.0.0.1:%u", self->port);
}

static void
on_event_taken(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    g_assert_no_error(error);
    g_assert_cmpint(net_http_answer_status(answer), ==, 204);
    ((FakeMdf *)user_data)->events_taken++;
}

void
fake_mdf_tell(FakeMdf *self, const char *json)
{
    NetHttpRequest request = {
        .method = "POST",
        .url = self->events_url,
        .content_type = "application/json",
        .body = json,
        .body_bytes = strlen(json),
        .session_id = self->session_id,
    };

    net_http_client_send(self->client, &request, on_event_taken, self);
}
