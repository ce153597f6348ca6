#include "sgw/w2-link.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"
#include "lib/proto/jsonrtc-window.h"

#define ACKNOWLEDGE_MS 500 /* the page expects one within a second */

struct SgwW2Link {
    const SgwW2LinkEvents *events;
    void *user_data;
    char *id;
    SgwW2Socket *socket;
    ProtoJsonrtcWindow *window;
    GHashTable *requests; /* set of SgwW2Request, unanswered */
    guint acknowledge_timer;
    unsigned faults;
    BaseMetric *refused;
};

struct SgwW2Request {
    SgwW2Link *link; /* NULL: the session is over */
    char *id;
    char *subsession;
    char *package_type;
    char *action;
};

/* --- lifecycle --- */

SgwW2Link *
sgw_w2_link_new(const SgwW2LinkEvents *events, void *user_data)
{
    SgwW2Link *self = g_new0(SgwW2Link, 1);

    self->events = events;
    self->user_data = user_data;
    self->id = base_id_new();
    self->window = proto_jsonrtc_window_new();
    self->requests = g_hash_table_new(NULL, NULL);
    self->refused = base_counter("imstv_sgw_w2_faults_total", NULL, "W2 frames that did not conform");
    return self;
}

void
sgw_w2_link_free(SgwW2Link *self)
{
    GHashTableIter iter;
    void *request = NULL;

    if (!self)
        return;
    g_hash_table_iter_init(&iter, self->requests);
    while (g_hash_table_iter_next(&iter, &request, NULL))
        ((SgwW2Request *)request)->link = NULL;
    g_hash_table_unref(self->requests);
    g_clear_handle_id(&self->acknowledge_timer, g_source_remove);
    proto_jsonrtc_window_free(self->window);
    g_free(self->id);
    g_free(self);
}

const char *
sgw_w2_link_id(const SgwW2Link *self)
{
    return self->id;
}

SgwW2Socket *
sgw_w2_link_socket(const SgwW2Link *self)
{
    return self->socket;
}

void
sgw_w2_link_set_socket(SgwW2Link *self, SgwW2Socket *socket)
{
    self->socket = socket;
    self->faults = 0;
    if (!socket)
        g_clear_handle_id(&self->acknowledge_timer, g_source_remove);
}

/* --- sending --- */

static void
trace_frame(const SgwW2Link *self, bool sent, const ProtoJsonrtcFrame *frame, const char *text)
{
    g_autofree char *summary = NULL;
    const char *call_id = proto_jsonrtc_header_string(frame, "session-id");

    if (!base_trace_enabled())
        return;
    if (!call_id)
        call_id = self->events->call_id(frame, self->user_data);
    summary = proto_jsonrtc_summary(frame);
    base_trace("W2", sent, self->socket ? sgw_w2_socket_peer(self->socket) : "(lost)", call_id, summary, text,
               -1);
}

static void
write_text(const char *text, void *user_data)
{
    SgwW2Link *self = user_data;

    if (self->socket)
        sgw_w2_socket_send(self->socket, text);
}

int64_t
sgw_w2_link_send(SgwW2Link *self, ProtoJsonrtcFrame *frame)
{
    int64_t sequence = proto_jsonrtc_window_next(self->window);
    char *text = NULL;

    g_free(frame->session_id);
    frame->session_id = g_strdup(self->id);
    frame->sequence = sequence;
    frame->ack_sequence = proto_jsonrtc_window_received(self->window);
    text = proto_jsonrtc_build(frame);
    trace_frame(self, true, frame, text);
    write_text(text, self);
    proto_jsonrtc_window_sent(self->window, text);
    g_clear_handle_id(&self->acknowledge_timer, g_source_remove);
    proto_jsonrtc_frame_free(frame);
    return sequence;
}

static gboolean
on_acknowledge_due(gpointer user_data)
{
    SgwW2Link *self = user_data;
    g_autoptr(ProtoJsonrtcFrame) frame =
        proto_jsonrtc_frame_new(PROTO_JSONRTC_ACKNOWLEDGEMENT, "register", "");
    g_autofree char *text = NULL;

    self->acknowledge_timer = 0;
    frame->session_id = g_strdup(self->id);
    frame->ack_sequence = proto_jsonrtc_window_received(self->window);
    text = proto_jsonrtc_build(frame);
    trace_frame(self, true, frame, text);
    write_text(text, self);
    return G_SOURCE_REMOVE;
}

/* --- requests of the page --- */

static SgwW2Request *
request_new(SgwW2Link *self, const ProtoJsonrtcFrame *frame)
{
    SgwW2Request *request = g_new0(SgwW2Request, 1);

    request->link = self;
    request->id = g_strdup_printf("c%" G_GINT64_FORMAT, frame->sequence);
    request->subsession = g_strdup(frame->subsession_id);
    request->package_type = g_strdup(frame->package_type);
    request->action = g_strdup(frame->action);
    g_hash_table_add(self->requests, request);
    return request;
}

const char *
sgw_w2_request_id(const SgwW2Request *self)
{
    return self->id;
}

const char *
sgw_w2_request_subsession(const SgwW2Request *self)
{
    return self->subsession;
}

static ProtoJsonrtcFrame *
answer_frame(const SgwW2Request *self, ProtoJsonrtcType type)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(type, self->package_type, self->action);

    frame->state = PROTO_JSONRTC_FINAL;
    frame->correlation_id = g_strdup(self->id);
    frame->subsession_id = g_strdup(self->subsession);
    return frame;
}

ProtoJsonrtcFrame *
sgw_w2_request_response(const SgwW2Request *self, int code)
{
    ProtoJsonrtcFrame *frame = answer_frame(self, PROTO_JSONRTC_RESPONSE);

    json_object_set_int_member(frame->header, "response_code", code);
    return frame;
}

ProtoJsonrtcFrame *
sgw_w2_request_error(const SgwW2Request *self, int code, const char *reason)
{
    ProtoJsonrtcFrame *frame = answer_frame(self, PROTO_JSONRTC_ERROR);

    json_object_set_int_member(frame->header, "error_code", code);
    json_object_set_string_member(frame->header, "reason", reason);
    return frame;
}

void
sgw_w2_request_answer(SgwW2Request *self, ProtoJsonrtcFrame *frame)
{
    if (self->link) {
        g_hash_table_remove(self->link->requests, self);
        sgw_w2_link_send(self->link, frame);
    } else {
        proto_jsonrtc_frame_free(frame);
    }
    g_free(self->id);
    g_free(self->subsession);
    g_free(self->package_type);
    g_free(self->action);
    g_free(self);
}

void
sgw_w2_request_fail(SgwW2Request *self, int code, const char *reason)
{
    sgw_w2_request_answer(self, sgw_w2_request_error(self, code, reason));
}

void
sgw_w2_request_fail_error(SgwW2Request *self, const GError *error)
{
    sgw_w2_request_fail(self, base_error_sip_status(error), error->message);
}

/* --- receiving --- */

/* Answers a frame that does not conform; too many of them close the socket. */
static void
refuse(SgwW2Link *self, int64_t sequence, const ProtoJsonrtcFrame *frame, const char *reason)
{
    ProtoJsonrtcFrame *error =
        proto_jsonrtc_frame_new(PROTO_JSONRTC_ERROR, frame ? frame->package_type : "register", "");

    base_metric_add(self->refused, 1);
    error->state = PROTO_JSONRTC_FINAL;
    if (sequence > 0)
        error->correlation_id = g_strdup_printf("c%" G_GINT64_FORMAT, sequence);
    if (frame)
        error->subsession_id = g_strdup(frame->subsession_id);
    json_object_set_int_member(error->header, "error_code", 400);
    json_object_set_string_member(error->header, "reason", reason);
    sgw_w2_link_send(self, error);
    if (++self->faults >= SGW_W2_MAX_FAULTS && self->socket)
        sgw_w2_socket_close(self->socket, 1002, "too many frames that do not conform");
}

static bool
take_acknowledgement(SgwW2Link *self, const ProtoJsonrtcFrame *frame)
{
    int64_t number = frame->ack_sequence;

    /* The published SDK repeats in `sequence` what it acknowledges. */
    if (frame->type == PROTO_JSONRTC_ACKNOWLEDGEMENT && number < 0)
        number = frame->sequence;
    return number < 0 || proto_jsonrtc_window_acknowledge(self->window, number);
}

/* True if @sequence is the next one and has to be handled. */
static bool
take_sequence(SgwW2Link *self, int64_t sequence)
{
    switch (proto_jsonrtc_window_receive(self->window, sequence)) {
    case PROTO_JSONRTC_NEW:
        if (!self->acknowledge_timer)
            self->acknowledge_timer = g_timeout_add(ACKNOWLEDGE_MS, on_acknowledge_due, self);
        return true;
    case PROTO_JSONRTC_DUPLICATE:
        return false;
    case PROTO_JSONRTC_GAP:
        /* What is missing comes again after a reconnect. */
        if (self->socket)
            sgw_w2_socket_close(self->socket, 1002, "frames are missing");
        return false;
    }
    return false;
}

static void
dispatch(SgwW2Link *self, const ProtoJsonrtcFrame *frame)
{
    switch (frame->type) {
    case PROTO_JSONRTC_REQUEST: {
        SgwW2Request *request = request_new(self, frame);
        if (g_hash_table_size(self->requests) > SGW_W2_MAX_REQUESTS)
            sgw_w2_request_fail(request, 503, "too many requests at a time");
        else
            self->events->request(request, frame, self->user_data);
        break;
    }
    case PROTO_JSONRTC_MESSAGE:
        self->events->message(frame, self->user_data);
        break;
    case PROTO_JSONRTC_RESPONSE:
    case PROTO_JSONRTC_ERROR:
        if (frame->correlation_id && frame->state != PROTO_JSONRTC_SUBSEQUENT)
            self->events->answer(frame, self->user_data);
        break;
    case PROTO_JSONRTC_ACKNOWLEDGEMENT:
        break;
    }
}

void
sgw_w2_link_receive_frame(SgwW2Link *self, const char *text, const ProtoJsonrtcFrame *frame)
{
    trace_frame(self, false, frame, text);
    if (!take_acknowledgement(self, frame)) {
        refuse(self, 0, frame, "acknowledges what was never sent");
        return;
    }
    if (frame->type == PROTO_JSONRTC_ACKNOWLEDGEMENT)
        return;
    if (frame->sequence <= 0)
        refuse(self, 0, frame, "has no sequence number");
    else if (!take_sequence(self, frame->sequence))
        base_debug(&(BaseLogFields){.call_id = self->id}, "W2 frame %" G_GINT64_FORMAT " dropped",
                   frame->sequence);
    else if (frame->session_id && !g_str_equal(frame->session_id, self->id))
        refuse(self, frame->sequence, frame, "names another session");
    else
        dispatch(self, frame);
}

void
sgw_w2_link_receive(SgwW2Link *self, const char *text, size_t length)
{
    g_autofree char *copy = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoJsonrtcFrame) frame = NULL;
    int64_t sequence = 0;

    if (length == 4 && memcmp(text, "ping", 4) == 0) {
        write_text("pong", self);
        return;
    }
    frame = proto_jsonrtc_parse(text, length, &sequence, &error);
    copy = base_trace_enabled() ? g_strndup(text, length) : NULL;
    if (frame)
        sgw_w2_link_receive_frame(self, copy, frame);
    else if (sequence == 0 || take_sequence(self, sequence))
        refuse(self, sequence, NULL, error->message);
}

bool
sgw_w2_link_resume(SgwW2Link *self,
                   SgwW2Socket *socket,
                   int64_t cslr,
                   int64_t cslw,
                   int64_t csuw,
                   ProtoJsonrtcFrame *response)
{
    g_autofree char *text = NULL;

    if (!proto_jsonrtc_window_reconnect(self->window, cslr, cslw, csuw)) {
        proto_jsonrtc_frame_free(response);
        return false;
    }
    sgw_w2_link_set_socket(self, socket);
    response->session_id = g_strdup(self->id);
    json_object_set_int_member(response->header, "sslr", proto_jsonrtc_window_received(self->window));
    text = proto_jsonrtc_build(response);
    trace_frame(self, true, response, text);
    write_text(text, self);
    proto_jsonrtc_window_each(self->window, write_text, self);
    proto_jsonrtc_frame_free(response);
    return true;
}
