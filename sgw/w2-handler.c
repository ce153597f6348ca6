/* sgw/w2-handler.c - what the page asks for: packages and actions of docs/w2.md, each to its handler. */

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "sgw/leg-gm.h"
#include "sgw/session-private.h"

#define MAX_CALLS 8

/* What a request of the page waits for in the XA client. */
typedef struct {
    SgwSession *session;
    SgwW2Request *request;
} XaWait;

void
sgw_w2_handler_free_wait(void *pointer)
{
    XaWait *self = pointer;

    if (self->request)
        sgw_w2_request_fail(self->request, 487, "ended");
    g_free(self);
}

/* --- registration --- */

static JsonArray *
identities(const SgwGmIdentity *identity)
{
    JsonArray *list = json_array_new();

    for (char **uri = identity->associated; uri && *uri; uri++)
        json_array_add_string_element(list, *uri);
    if (json_array_get_length(list) == 0)
        json_array_add_string_element(list, identity->impu);
    return list;
}

/* After a loss of the connection to the core: dialogs go on over the new one. */
static void
move_calls(SgwSession *self, NetSipFlow *flow)
{
    GHashTableIter iter;
    void *call = NULL;

    g_hash_table_iter_init(&iter, self->calls);
    while (g_hash_table_iter_next(&iter, NULL, &call))
        sgw_call_move(call, flow);
}

static void
on_registered(SgwRegistration *registration, bool first, unsigned expires_s, void *user_data)
{
    SgwSession *self = user_data;
    ProtoJsonrtcFrame *frame = NULL;

    if (!first)
        move_calls(self, sgw_registration_flow(registration));
    g_clear_pointer(&self->registering, g_free);
    if (!self->connect)
        return;
    frame = sgw_w2_request_response(self->connect, 200);
    json_object_set_int_member(frame->header, "expires", expires_s);
    json_object_set_array_member(proto_jsonrtc_payload(frame), "identities",
                                 identities(sgw_registration_identity(registration)));
    sgw_w2_request_answer(g_steal_pointer(&self->connect), frame);
}

static void
tell_registration_ended(SgwSession *self, const char *reason)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_MESSAGE, "register", "notify");

    json_object_set_string_member(frame->header, "state", "terminated");
    json_object_set_string_member(frame->header, "reason", reason);
    sgw_w2_link_send(self->link, frame);
}

/* The viewer learns why the picture ends. */
static void
give_up_calls(SgwSession *self, int status, const char *reason)
{
    g_autoptr(GList) calls = g_hash_table_get_values(self->calls);
    const char *cause = status == 503 || status == 408 ? SGW_CAUSE_NETWORK_LOST : NULL;

    for (GList *l = calls; l; l = l->next)
        sgw_call_give_up(l->data, status, cause, reason);
}

static void
on_registration_ended(SgwRegistration *registration G_GNUC_UNUSED,
                      int status,
                      const char *reason,
                      void *user_data)
{
    SgwSession *self = user_data;

    if (self->connect) {
        self->refused = true;
        sgw_w2_request_fail(g_steal_pointer(&self->connect), status, reason);
    } else {
        give_up_calls(self, status, reason);
        tell_registration_ended(self, reason);
        sgw_session_end(self, "not registered any more");
    }
}

static const SgwRegistrationEvents registration_events = {
    .registered = on_registered,
    .ended = on_registration_ended,
};

static void
on_logged_out(int status, void *user_data)
{
    SgwSession *self = user_data;

    if (self->log_out) {
        if (status < 300)
            sgw_w2_request_answer(self->log_out, sgw_w2_request_response(self->log_out, 200));
        else
            sgw_w2_request_fail(self->log_out, status, "the registration will lapse by itself");
        self->log_out = NULL;
    }
    sgw_session_end(self, "logged out");
}

static void
handle_connect(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_autoptr(GError) error = NULL;

    if (self->refused)
        sgw_session_forget_registration(self);
    if (self->registration || self->connect) {
        sgw_w2_request_fail(request, 409, "connected already");
        return;
    }
    g_free(self->user);
    self->user = g_strdup(proto_jsonrtc_header_string(frame, "initiator"));
    g_free(self->registering);
    self->registering = g_strdup(sgw_w2_request_id(request));
    self->registration =
        sgw_registration_new(self->services, self->user, self, &registration_events, self, &error);
    if (!self->registration) {
        sgw_w2_request_fail_error(request, error);
        return;
    }
    self->connect = request;
    self->relay = sgw_auth_relay_new(self->link, sgw_registration_identity(self->registration)->impi,
                                     self->services->settings->home_domain);
    self->xa = sgw_xa_client_new(self->services, self->registration);
}

static void
handle_log_out(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame G_GNUC_UNUSED)
{
    if (self->log_out) {
        sgw_w2_request_fail(request, 491, "logging out already");
        return;
    }
    self->log_out = request;
    g_free(self->registering);
    self->registering = g_strdup(sgw_w2_request_id(request));
    sgw_session_drop_calls(self, "logged out");
    if (self->xa)
        sgw_xa_client_leave(self->xa);
    sgw_registration_log_out(self->registration, on_logged_out, self);
}

/* --- discovery and selection --- */

static void
on_xa_done(JsonObject *result, const GError *error, void *user_data)
{
    XaWait *wait = user_data;
    SgwW2Request *request = g_steal_pointer(&wait->request);
    const char *session_id = sgw_xa_client_session_id(wait->session->xa);
    ProtoJsonrtcFrame *frame = NULL;

    if (result) {
        frame = sgw_w2_request_response(request, 200);
        frame->payload = json_object_ref(result);
    } else {
        frame = sgw_w2_request_error(request, base_error_sip_status(error), error->message);
    }
    if (session_id)
        json_object_set_string_member(frame->header, "session-id", session_id);
    sgw_w2_request_answer(request, frame);
    g_hash_table_remove(wait->session->xa_waits, wait);
}

static bool
is_online(SgwSession *self, SgwW2Request *request)
{
    if (self->registration && sgw_registration_is_registered(self->registration) &&
        sgw_registration_flow(self->registration) && !self->ending)
        return true;
    sgw_w2_request_fail(request, self->registration ? 503 : 401, "not registered");
    return false;
}

static void
ask_xa(SgwSession *self, SgwW2Request *request, void (*ask)(SgwXaClient *xa, SgwXaDone done, void *user_data))
{
    XaWait *wait = NULL;

    if (!is_online(self, request))
        return;
    wait = g_new0(XaWait, 1);
    wait->session = self;
    wait->request = request;
    g_hash_table_add(self->xa_waits, wait);
    ask(self->xa, on_xa_done, wait);
}

static void
handle_discovery(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame G_GNUC_UNUSED)
{
    ask_xa(self, request, sgw_xa_client_discover);
}

static void
handle_selection(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame G_GNUC_UNUSED)
{
    ask_xa(self, request, sgw_xa_client_select);
}

/* --- calls --- */

static SgwNetworkLeg *
open_leg(const char *target,
         const char *call_id,
         const char *sdp,
         const SgwNetworkLegEvents *events,
         void *user_data,
         void *data,
         GError **error)
{
    SgwSession *self = data;
    NetSipFlow *flow = sgw_registration_flow(self->registration);

    if (!flow) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the core cannot be reached");
        return NULL;
    }
    return sgw_leg_gm_new(self->services, sgw_registration_identity(self->registration), flow, target,
                          call_id, sdp, events, user_data);
}

static void
on_call_over(SgwCall *call, void *user_data)
{
    SgwSession *self = user_data;

    g_hash_table_remove(self->calls, sgw_call_subsession(call));
    sgw_session_check_over(self);
}

static void
start_call(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    SgwCallContext context = {
        .settings = self->services->settings,
        .xc = self->services->xc,
        .link = self->link,
        .open_leg = open_leg,
        .open_leg_data = self,
        .over = on_call_over,
        .user_data = self,
    };
    SgwCall *call = NULL;

    if (g_hash_table_size(self->calls) >= MAX_CALLS) {
        sgw_w2_request_fail(request, 503, "too many calls at a time");
        return;
    }
    call = sgw_call_new(&context, self->next_call_id, request, frame);
    g_free(self->next_call_id);
    self->next_call_id = base_id_new();
    if (call)
        g_hash_table_insert(self->calls, (char *)sgw_call_subsession(call), call);
}

static void
handle_start(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    SgwCall *call = NULL;

    if (!is_online(self, request))
        return;
    call = g_hash_table_lookup(self->calls, frame->subsession_id);
    if (call)
        sgw_call_restart(call, request, frame);
    else
        start_call(self, request, frame);
}

static void
handle_hang_up(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    SgwCall *call = g_hash_table_lookup(self->calls, frame->subsession_id);

    if (call)
        sgw_call_shutdown(call, request);
    else
        sgw_w2_request_fail(request, 481, "there is no such call");
}

static void
handle_media(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    SgwCall *call = g_hash_table_lookup(self->calls, frame->subsession_id);

    if (call)
        sgw_call_media(call, request, frame);
    else
        sgw_w2_request_fail(request, 481, "there is no such call");
}

/* --- which is which --- */

/* package, action -> handler */
static const struct {
    const char *package_type;
    const char *action;
    bool in_subsession;
    void (*handle)(SgwSession *, SgwW2Request *, const ProtoJsonrtcFrame *);
} handlers[] = {
    {"register", "connect", false, handle_connect},
    {"register", "shutdown", false, handle_log_out},
    {"iptv_discovery", "notify", false, handle_discovery},
    {"iptv_selection", "notify", false, handle_selection},
    {"call", "start", true, handle_start},
    {"call", "shutdown", true, handle_hang_up},
    {"iptv_media", "notify", true, handle_media},
};

static void
on_request(SgwW2Request *request, const ProtoJsonrtcFrame *frame, void *user_data)
{
    SgwSession *self = user_data;

    for (size_t i = 0; i < G_N_ELEMENTS(handlers); i++) {
        if (!g_str_equal(frame->package_type, handlers[i].package_type) ||
            !g_str_equal(frame->action, handlers[i].action))
            continue;
        if (handlers[i].in_subsession && !frame->subsession_id)
            sgw_w2_request_fail(request, 400, "subsession_id is missing");
        else if ((!self->registration || self->refused) && handlers[i].handle != handle_connect)
            sgw_w2_request_fail(request, 401, "not connected");
        else
            handlers[i].handle(self, request, frame);
        return;
    }
    sgw_w2_request_fail(request, 501, "this package or action is not known");
}

static void
on_message(const ProtoJsonrtcFrame *frame, void *user_data)
{
    SgwSession *self = user_data;
    SgwCall *call = frame->subsession_id ? g_hash_table_lookup(self->calls, frame->subsession_id) : NULL;

    if (call && g_str_equal(frame->package_type, "call") && g_str_equal(frame->action, "complete"))
        sgw_call_complete(call);
}

static void
on_answer(const ProtoJsonrtcFrame *frame, void *user_data)
{
    SgwSession *self = user_data;

    if (self->relay)
        sgw_auth_relay_answer(self->relay, frame);
}

static const char *
on_call_id(const ProtoJsonrtcFrame *frame, void *user_data)
{
    SgwSession *self = user_data;
    SgwCall *call = frame->subsession_id ? g_hash_table_lookup(self->calls, frame->subsession_id) : NULL;

    if (call)
        return sgw_call_id(call);
    return g_str_equal(frame->action, "start") ? self->next_call_id : NULL;
}

const SgwW2LinkEvents sgw_w2_handler_events = {
    .request = on_request,
    .message = on_message,
    .answer = on_answer,
    .call_id = on_call_id,
};
