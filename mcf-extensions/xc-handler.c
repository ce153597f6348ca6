#include "mcf-extensions/xc-handler.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"

#define PUBLIC "OPTIONS, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER"
#define PARAMETERS "text/parameters"
#define MAX_PARAMETERS 16

void
mcf_xc_request_clear(McfXcRequest *self)
{
    g_clear_pointer(&self->parameters, g_strfreev);
    g_clear_pointer(&self->bc_service, g_free);
}

static void
answer(McfXcRequest *request, unsigned status, const char *detail)
{
    request->command = MCF_XC_ANSWER;
    request->status = status;
    request->detail = detail;
}

/* Refused whatever the session is: it need not even exist. */
static void
refuse(McfXcRequest *request, unsigned status, const char *detail)
{
    answer(request, status, detail);
    request->needs_session = false;
}

static void
decide_play(const ProtoRtspMsg *message, McfXcRequest *request)
{
    const char *range_text = proto_rtsp_header(message, "Range");
    const char *scale_text = proto_rtsp_header(message, "Scale");
    ProtoRtspRange range = {0};

    request->command = MCF_XC_PLAY;
    request->npt_s = NAN;
    request->scale = 1.0;
    if (range_text && !proto_rtsp_range_parse(range_text, &range, NULL)) {
        answer(request, 457, NULL);
        return;
    }
    if (range.has_start)
        request->npt_s = range.start_s;
    if (scale_text && (!proto_rtsp_number_parse(scale_text, &request->scale) || request->scale == 0 ||
                       fabs(request->scale) > 64))
        answer(request, 400, NULL);
}

static bool
is_parameters(const ProtoRtspMsg *message)
{
    const char *type = proto_rtsp_header(message, "Content-Type");

    return type && g_ascii_strncasecmp(type, PARAMETERS, strlen(PARAMETERS)) == 0 &&
           strchr("; \t", type[strlen(PARAMETERS)]);
}

static bool
is_known_parameter(const char *name)
{
    return g_ascii_strcasecmp(name, "position") == 0 || g_ascii_strcasecmp(name, "duration") == 0 ||
           g_ascii_strcasecmp(name, "scales") == 0;
}

/* Names stand on lines of their own, or in a comma list. */
static void
decide_get(const ProtoRtspMsg *message, McfXcRequest *request)
{
    g_auto(GStrv) name = NULL;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (message->body->len == 0) {
        answer(request, 200, NULL); /* keep-alive */
        return;
    }
    if (!is_parameters(message)) {
        answer(request, 415, NULL);
        return;
    }
    name = g_strsplit_set(message->body->str, "\r\n,", MAX_PARAMETERS * 2);
    for (char **n = name; *n; n++) {
        if (!*g_strstrip(*n))
            continue;
        if (!is_known_parameter(*n)) {
            answer(request, 451, NULL);
            return;
        }
        g_strv_builder_add(builder, *n);
    }
    request->command = MCF_XC_GET;
    request->parameters = g_strv_builder_end(builder);
}

static void
decide_set(const ProtoRtspMsg *message, McfXcRequest *request)
{
    g_autofree char *service = NULL;

    if (message->body->len == 0) {
        answer(request, 200, NULL); /* keep-alive of some clients */
        return;
    }
    if (!is_parameters(message)) {
        answer(request, 415, NULL);
        return;
    }
    service = proto_rtsp_parameter(message->body, "bc_service");
    if (!service || !*service) {
        answer(request, 451, NULL);
        return;
    }
    request->command = MCF_XC_ZAP;
    request->bc_service = g_steal_pointer(&service);
}

static void
decide_options(const ProtoRtspMsg *message, McfXcRequest *request)
{
    answer(request, 200, NULL);
    request->needs_session = proto_rtsp_header(message, "Session") != NULL;
}

/* SETUP on a known session changes nothing (clients of "method 2"); SIP makes and ends sessions. */
static void
decide_setup(const ProtoRtspMsg *message, McfXcRequest *request)
{
    (void)message;
    answer(request, 200, NULL);
}

static void
decide_pause(const ProtoRtspMsg *message, McfXcRequest *request)
{
    (void)message;
    request->command = MCF_XC_PAUSE;
}

static void
decide_not_allowed(const ProtoRtspMsg *message, McfXcRequest *request)
{
    (void)message;
    refuse(request, 405, NULL);
}

static const struct {
    const char *method;
    void (*decide)(const ProtoRtspMsg *message, McfXcRequest *request);
} methods[] = {
    {"OPTIONS", decide_options},      {"PLAY", decide_play},
    {"PAUSE", decide_pause},          {"GET_PARAMETER", decide_get},
    {"SET_PARAMETER", decide_set},    {"SETUP", decide_setup},
    {"TEARDOWN", decide_not_allowed}, {"DESCRIBE", decide_not_allowed},
    {"RECORD", decide_not_allowed},   {"ANNOUNCE", decide_not_allowed},
    {"REDIRECT", decide_not_allowed},
};

void
mcf_xc_decide(const ProtoRtspMsg *message, McfXcRequest *ret_request)
{
    memset(ret_request, 0, sizeof *ret_request);
    ret_request->needs_session = true;
    if (proto_rtsp_header(message, "Require")) {
        refuse(ret_request, 551, proto_rtsp_header(message, "Require"));
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (strcmp(methods[i].method, message->method) == 0) {
            methods[i].decide(message, ret_request);
            return;
        }
    }
    refuse(ret_request, 501, NULL);
}

/* ---- answers ---- */

ProtoRtspMsg *
mcf_xc_answer(const McfXcRequest *request, const ProtoRtspMsg *message)
{
    ProtoRtspMsg *response = proto_rtsp_response_new(request->status, NULL);
    const char *transport = proto_rtsp_header(message, "Transport");

    if (request->status == 405 || request->status == 501)
        proto_rtsp_set_header(response, "Allow", PUBLIC);
    if (request->status == 551)
        proto_rtsp_set_header(response, "Unsupported", request->detail);
    if (request->status == 200 && strcmp(message->method, "OPTIONS") == 0)
        proto_rtsp_set_header(response, "Public", PUBLIC);
    if (request->status == 200 && strcmp(message->method, "SETUP") == 0 && transport)
        proto_rtsp_set_header(response, "Transport", transport);
    return response;
}

static void
set_anchor(ProtoRtspMsg *response, const McfXpReply *outcome)
{
    ProtoRtspAnchor anchor = {.rtp_time = outcome->rtp_time, .media_time_s = outcome->media_time_s};
    g_autofree char *text = proto_rtsp_anchor_build(&anchor);

    if (outcome->has_anchor)
        proto_rtsp_set_header(response, PROTO_RTSP_ANCHOR_HEADER, text);
}

ProtoRtspMsg *
mcf_xc_answer_outcome(const McfXcRequest *request, const McfXpReply *outcome)
{
    ProtoRtspMsg *response = proto_rtsp_response_new(200, NULL);
    ProtoRtspRange range = {
        .has_start = outcome->has_npt_start,
        .start_s = outcome->npt_start_s,
        .has_end = outcome->has_npt_end,
        .end_s = outcome->npt_end_s,
    };
    g_autofree char *text = proto_rtsp_range_build(&range);
    char scale[G_ASCII_DTOSTR_BUF_SIZE];

    if (range.has_start)
        proto_rtsp_set_header(response, "Range", text);
    if (request->command != MCF_XC_PAUSE)
        set_anchor(response, outcome);
    if (request->command == MCF_XC_PLAY)
        proto_rtsp_set_header(response, "Scale",
                              g_ascii_formatd(scale, sizeof scale, "%.3f", outcome->scale));
    if (request->command == MCF_XC_ZAP) {
        g_autofree char *body = g_strdup_printf("bc_service: %s\r\n", request->bc_service);
        proto_rtsp_set_body(response, PARAMETERS, body, -1);
    }
    return response;
}

static void
append_parameter(GString *body, const char *name, const McfXpReply *state)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    if (g_ascii_strcasecmp(name, "position") == 0)
        g_string_append_printf(body, "position: %s\r\n",
                               g_ascii_formatd(number, sizeof number, "%.3f", state->position_s));
    else if (g_ascii_strcasecmp(name, "scales") == 0)
        g_string_append_printf(body, "scales: %s\r\n",
                               state->scales && *state->scales ? state->scales : "1.0");
    else if (state->duration_s >= 0)
        g_string_append_printf(body, "duration: %s\r\n",
                               g_ascii_formatd(number, sizeof number, "%.3f", state->duration_s));
}

ProtoRtspMsg *
mcf_xc_answer_state(const McfXcRequest *request, const McfXpReply *state)
{
    ProtoRtspMsg *response = proto_rtsp_response_new(200, NULL);
    g_autoptr(GString) body = g_string_new(NULL);

    for (char **name = request->parameters; *name; name++)
        append_parameter(body, *name, state);
    set_anchor(response, state);
    if (body->len)
        proto_rtsp_set_body(response, PARAMETERS, body->str, (gssize)body->len);
    return response;
}

static unsigned
status_of(const McfXcRequest *request, const GError *error)
{
    unsigned status = (unsigned)base_error_rtsp_status(error);

    /* What the MCF asks of the MDF is in order, so what the MDF does not like is the position. */
    if ((status == 400 || status == 404) && request->command == MCF_XC_PLAY && !isnan(request->npt_s))
        return 457;
    return status == 504 ? 503 : status; /* the MCF is no gateway */
}

ProtoRtspMsg *
mcf_xc_answer_error(const McfXcRequest *request, const GError *error, int retry_after_s)
{
    ProtoRtspMsg *response = proto_rtsp_response_new(status_of(request, error), NULL);

    if (response->status == 503)
        proto_rtsp_set_header_printf(response, "Retry-After", "%d", retry_after_s < 0 ? 1 : retry_after_s);
    return response;
}

static const char *
notice_phrase(unsigned code)
{
    switch (code) {
    case PROTO_RTSP_NOTICE_STALLED:
        return "Playout Stalled";
    case PROTO_RTSP_NOTICE_RESUMED:
        return "Playout Resumed";
    case PROTO_RTSP_NOTICE_END_OF_STREAM:
        return "End-of-Stream Reached";
    case PROTO_RTSP_NOTICE_START_OF_STREAM:
        return "Start-of-Stream Reached";
    default:
        return "Session Terminated";
    }
}

ProtoRtspMsg *
mcf_xc_announce(
    const char *uri, const char *rtsp_session, const char *header, unsigned code, double npt_s, gint64 now_s)
{
    ProtoRtspMsg *request = proto_rtsp_request_new("ANNOUNCE", uri);
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_s);
    g_autofree char *date = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    g_autoptr(GString) notice = g_string_new(NULL);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_printf(notice, "%u \"%s\" event-date=%s", code, notice_phrase(code), date);
    if (!isnan(npt_s))
        g_string_append_printf(notice, " npt=%s", g_ascii_formatd(number, sizeof number, "%.3f", npt_s));
    proto_rtsp_set_header(request, "Session", rtsp_session);
    proto_rtsp_set_header(request, header, notice->str);
    return request;
}
