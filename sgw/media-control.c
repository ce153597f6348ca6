#include "sgw/media-control.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"

#define MAX_PARAMETERS 16
#define MAX_SCALE 64.0

struct SgwMediaControl {
    SgwXcSession *session;
    SgwW2Link *link;
    char *subsession;
    char *call_id;
    char *home_domain;
    const SgwMediaControlEvents *events;
    void *user_data;
    GHashTable *open; /* set of Command: their requests are failed when we are freed */
};

/* A command that waits for its outcome. */
typedef struct {
    SgwMediaControl *media;
    SgwW2Request *request; /* NULL: our own PLAY */
    char *bc_service;      /* of a zap */
    bool again;            /* of a zap: after the network has granted it */
} Command;

static void
command_free(void *pointer)
{
    Command *self = pointer;

    if (self->request)
        sgw_w2_request_fail(self->request, 487, "the call is over");
    g_free(self->bc_service);
    g_free(self);
}

/* --- reading what the page wants --- */

bool
sgw_media_read_play(const ProtoJsonrtcFrame *frame, SgwXcCommand *ret_command, GError **error)
{
    const char *npt = proto_jsonrtc_header_string(frame, "npt");
    g_autofree char *range = npt ? g_strconcat(g_str_has_prefix(npt, "npt=") ? "" : "npt=", npt, NULL) : NULL;
    double scale = 1.0;

    ret_command->method = SGW_XC_PLAY;
    if (range && !proto_rtsp_range_parse(range, &ret_command->range, error))
        return false;
    ret_command->has_range = range != NULL;
    ret_command->has_scale = proto_jsonrtc_header_number(frame, "scale", &scale);
    ret_command->scale = scale;
    if (ret_command->has_scale && (scale == 0.0 || fabs(scale) > MAX_SCALE)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "scale is zero or absurd");
        return false;
    }
    return true;
}

char *
sgw_media_bc_service(const char *name, const char *home_domain)
{
    size_t length = name ? strlen(name) : 0;

    if (length == 0 || length > 128 || name[0] == ':')
        return NULL;
    for (const char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-._:", *c))
            return NULL;
    }
    return strchr(name, ':') ? g_strdup(name) : g_strdup_printf("%s:%s", name, home_domain);
}

static char **
read_names(const ProtoJsonrtcFrame *frame)
{
    const char *list = proto_jsonrtc_header_string(frame, "parameters");
    g_auto(GStrv) names = list ? g_strsplit(list, ",", MAX_PARAMETERS + 1) : NULL;

    if (!names || !*names || g_strv_length(names) > MAX_PARAMETERS)
        return NULL;
    for (char **name = names; *name; name++) {
        g_strstrip(*name);
        for (const char *c = *name; *c; c++) {
            if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
                return NULL;
        }
        if (!**name)
            return NULL;
    }
    return g_steal_pointer(&names);
}

/* --- telling what was done --- */

static void
set_number(JsonObject *object, const char *name, double value)
{
    json_object_set_double_member(object, name, round(value * 1e6) / 1e6);
}

static void
describe(const SgwXcOutcome *outcome, JsonObject *header)
{
    if (outcome->has_range) {
        g_autofree char *range = proto_rtsp_range_build(&outcome->range);
        json_object_set_string_member(header, "npt", g_str_has_prefix(range, "npt=") ? range + 4 : range);
    }
    if (outcome->has_scale)
        set_number(header, "scale", outcome->scale);
    if (outcome->has_anchor) {
        json_object_set_int_member(header, "rtp_time", outcome->anchor.rtp_time);
        set_number(header, "media_time", outcome->anchor.media_time_s);
    }
}

/* text/parameters into the payload: numbers as numbers. */
static void
describe_parameters(const ProtoRtspMsg *response, JsonObject *payload)
{
    g_auto(GStrv) lines = g_strsplit(response->body->str, "\n", 64);

    for (char **line = lines; *line; line++) {
        char *colon = strchr(*line, ':');
        double number = 0;
        if (!colon)
            continue;
        *colon = '\0';
        g_strstrip(*line);
        g_strstrip(colon + 1);
        if (!g_utf8_validate(*line, -1, NULL) || !g_utf8_validate(colon + 1, -1, NULL))
            continue;
        if (proto_rtsp_number_parse(colon + 1, &number))
            set_number(payload, *line, number);
        else
            json_object_set_string_member(payload, *line, colon + 1);
    }
}

static ProtoJsonrtcFrame *
new_event(const SgwMediaControl *self, const char *event)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_MESSAGE, "iptv_media", "notify");

    frame->subsession_id = g_strdup(self->subsession);
    json_object_set_string_member(frame->header, "session-id", self->call_id);
    json_object_set_string_member(frame->header, "event", event);
    return frame;
}

static void
tell_autoplay(SgwMediaControl *self, const SgwXcOutcome *outcome, const GError *error)
{
    bool good = outcome && outcome->status >= 200 && outcome->status < 300;
    ProtoJsonrtcFrame *frame = new_event(self, good ? "playing" : "failed");

    json_object_set_string_member(frame->header, "method", "PLAY");
    if (good) {
        json_object_set_int_member(frame->header, "response_code", outcome->status);
        describe(outcome, frame->header);
    } else {
        json_object_set_int_member(frame->header, "error_code",
                                   outcome ? (int)outcome->status : base_error_rtsp_status(error));
        json_object_set_string_member(frame->header, "reason", outcome ? outcome->reason : error->message);
    }
    sgw_w2_link_send(self->link, frame);
}

static void
tell_page(Command *command, const SgwXcOutcome *outcome, const GError *error)
{
    SgwMediaControl *self = command->media;
    SgwW2Request *request = g_steal_pointer(&command->request);
    ProtoJsonrtcFrame *frame = NULL;

    if (!outcome || outcome->status < 200 || outcome->status >= 300) {
        frame = sgw_w2_request_error(request, outcome ? (int)outcome->status : base_error_rtsp_status(error),
                                     outcome ? outcome->reason : error->message);
    } else {
        frame = sgw_w2_request_response(request, (int)outcome->status);
        describe(outcome, frame->header);
        if (command->bc_service)
            json_object_set_string_member(frame->header, "bc_service", command->bc_service);
        else if (outcome->response->body->len > 0)
            describe_parameters(outcome->response, proto_jsonrtc_payload(frame));
    }
    json_object_set_string_member(frame->header, "session-id", self->call_id);
    sgw_w2_request_answer(request, frame);
}

/* --- commands --- */

static void
on_outcome(const SgwXcOutcome *outcome, const GError *error, void *user_data)
{
    Command *command = user_data;
    SgwMediaControl *self = command->media;
    bool zapped = command->bc_service && outcome && outcome->status >= 200 && outcome->status < 300;
    bool not_granted = command->bc_service && outcome && outcome->status == 403 && !command->again;

    if (not_granted) {
        g_autofree char *bc_service = g_strdup(command->bc_service);
        SgwW2Request *request = g_steal_pointer(&command->request);
        g_hash_table_remove(self->open, command);
        self->events->not_granted(self, request, bc_service, self->user_data);
        return;
    }
    if (zapped && self->events->zapped)
        self->events->zapped(self, command->bc_service, self->user_data);
    if (command->request)
        tell_page(command, outcome, error);
    else
        tell_autoplay(self, outcome, error);
    g_hash_table_remove(self->open, command);
}

static void
run(SgwMediaControl *self, SgwW2Request *request, const SgwXcCommand *xc, const char *bc_service, bool again)
{
    Command *command = g_new0(Command, 1);

    command->media = self;
    command->request = request;
    command->bc_service = g_strdup(bc_service);
    command->again = again;
    g_hash_table_add(self->open, command);
    if (sgw_xc_command(self->session, xc, on_outcome, command))
        return;
    if (request)
        sgw_w2_request_fail(g_steal_pointer(&command->request), 503, "too many commands wait");
    g_hash_table_remove(self->open, command);
}

void
sgw_media_control_autoplay(SgwMediaControl *self, const SgwXcCommand *play)
{
    run(self, NULL, play, NULL, false);
}

void
sgw_media_control_zap_again(SgwMediaControl *self, SgwW2Request *request, const char *bc_service)
{
    run(self, request, &(SgwXcCommand){.method = SGW_XC_ZAP, .bc_service = bc_service}, bc_service, true);
}

static void
request_play(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_autoptr(GError) error = NULL;
    SgwXcCommand command = {0};

    if (sgw_media_read_play(frame, &command, &error))
        run(self, request, &command, NULL, false);
    else
        sgw_w2_request_fail(request, 457, error->message);
}

static void
request_pause(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame G_GNUC_UNUSED)
{
    run(self, request, &(SgwXcCommand){.method = SGW_XC_PAUSE}, NULL, false);
}

static void
request_parameters(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_auto(GStrv) names = read_names(frame);

    if (names)
        run(self, request,
            &(SgwXcCommand){.method = SGW_XC_GET_PARAMETER, .parameters = (const char *const *)names}, NULL,
            false);
    else
        sgw_w2_request_fail(request, 400, "parameters are missing or malformed");
}

static void
request_zap(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_autofree char *bc_service =
        sgw_media_bc_service(proto_jsonrtc_header_string(frame, "bc_service"), self->home_domain);

    if (bc_service)
        run(self, request, &(SgwXcCommand){.method = SGW_XC_ZAP, .bc_service = bc_service}, bc_service,
            false);
    else
        sgw_w2_request_fail(request, 400, "bc_service is missing or malformed");
}

void
sgw_media_control_request(SgwMediaControl *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    static const struct {
        const char *method;
        void (*run)(SgwMediaControl *, SgwW2Request *, const ProtoJsonrtcFrame *);
    } methods[] = {
        {"PLAY", request_play},
        {"PAUSE", request_pause},
        {"GET_PARAMETER", request_parameters},
        {"SET_PARAMETER", request_zap},
    };
    const char *method = proto_jsonrtc_header_string(frame, "method");

    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (g_strcmp0(method, methods[i].method) == 0) {
            methods[i].run(self, request, frame);
            return;
        }
    }
    sgw_w2_request_fail(request, 501, "this method is not known");
}

/* --- notices --- */

static void
on_notice(SgwXcSession *session G_GNUC_UNUSED, const ProtoRtspNotice *notice, void *user_data)
{
    SgwMediaControl *self = user_data;
    const char *event = NULL;
    ProtoJsonrtcFrame *frame = NULL;

    switch (notice->code) {
    case PROTO_RTSP_NOTICE_STALLED:
        event = "no-signal";
        break;
    case PROTO_RTSP_NOTICE_RESUMED:
        event = "signal";
        break;
    case PROTO_RTSP_NOTICE_END_OF_STREAM:
        event = "end-of-stream";
        break;
    case PROTO_RTSP_NOTICE_START_OF_STREAM:
        event = "start-of-stream";
        break;
    case PROTO_RTSP_NOTICE_TERMINATED:
        event = "terminated";
        break;
    default:
        base_debug(&(BaseLogFields){.session = self->call_id}, "RTSP notice %u has no event", notice->code);
        return;
    }
    frame = new_event(self, event);
    if (notice->has_npt)
        set_number(frame->header, "npt", notice->npt_s);
    sgw_w2_link_send(self->link, frame);
    if (notice->code == PROTO_RTSP_NOTICE_TERMINATED)
        self->events->gone(self, self->user_data);
}

static void
on_gone(SgwXcSession *session G_GNUC_UNUSED, void *user_data)
{
    SgwMediaControl *self = user_data;

    self->events->gone(self, self->user_data);
}

/* --- lifecycle --- */

SgwMediaControl *
sgw_media_control_new(const SgwMediaControlConfig *config,
                      const ProtoIptvRtsp *line,
                      const SgwMediaControlEvents *events,
                      void *user_data,
                      GError **error)
{
    static const SgwXcEvents xc_events = {.notice = on_notice, .gone = on_gone};
    SgwMediaControl *self = g_new0(SgwMediaControl, 1);

    self->session = sgw_xc_session_new(config->xc, line, config->call_id, &xc_events, self, error);
    if (!self->session) {
        g_free(self);
        return NULL;
    }
    self->link = config->link;
    self->subsession = g_strdup(config->subsession);
    self->call_id = g_strdup(config->call_id);
    self->home_domain = g_strdup(config->home_domain);
    self->events = events;
    self->user_data = user_data;
    self->open = g_hash_table_new_full(NULL, NULL, command_free, NULL);
    return self;
}

void
sgw_media_control_free(SgwMediaControl *self)
{
    if (!self)
        return;
    sgw_xc_session_free(self->session);
    g_hash_table_unref(self->open);
    g_free(self->subsession);
    g_free(self->call_id);
    g_free(self->home_domain);
    g_free(self);
}

bool
sgw_media_control_is(const SgwMediaControl *self, const ProtoIptvRtsp *line)
{
    return sgw_xc_session_is(self->session, line);
}
