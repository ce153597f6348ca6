#include "sgw/session.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/proto/discovery.h"
#include "sgw/auth-relay.h"
#include "sgw/call.h"
#include "sgw/leg-gm.h"
#include "sgw/registration.h"
#include "sgw/xa-client.h"

#define MAX_CALLS 8
#define END_TIMEOUT_MS 3000

struct SgwSession {
    const SgwServices *services;
    const SgwSessionEvents *events;
    void *user_data;
    SgwW2Link *link;
    char *user;
    char *browser;                 /* the cookie's secret; NULL if no browser opened it */
    SgwRegistration *registration; /* NULL: refused, or over */
    SgwAuthRelay *relay;
    SgwXaClient *xa;
    GHashTable *calls;     /* subsession -> SgwCall */
    SgwW2Request *connect; /* while it waits */
    SgwW2Request *log_out;
    char *registering; /* "c<n>" that challenges of a REGISTER belong to; NULL: a refresh */
    guint grace_timer;
    guint end_timer;
    GHashTable *xa_waits; /* set of XaWait */
    char *next_call_id;   /* Session-ID that the next call gets: its `start` is traced under it already */
    bool refused;         /* the registration came to nothing; another connect may follow */
    bool ending;
    bool told_over;
};

/* What a request of the page waits for in the XA client. */
typedef struct {
    SgwSession *session;
    SgwW2Request *request;
} XaWait;

static void
xa_wait_free(void *pointer)
{
    XaWait *self = pointer;

    if (self->request)
        sgw_w2_request_fail(self->request, 487, "ended");
    g_free(self);
}

static BaseLogFields
fields(const SgwSession *self)
{
    return (BaseLogFields){.user = self->user, .call_id = sgw_w2_link_id(self->link)};
}

/* --- the end --- */

static gboolean
on_over(gpointer user_data)
{
    SgwSession *self = user_data;

    self->end_timer = 0;
    self->events->over(self, self->user_data);
    return G_SOURCE_REMOVE;
}

/* Says so from the main loop: callers are in the middle of things. */
static void
check_over(SgwSession *self)
{
    if (!self->ending || self->told_over || g_hash_table_size(self->calls) > 0)
        return;
    self->told_over = true;
    g_clear_handle_id(&self->end_timer, g_source_remove);
    self->end_timer = g_idle_add(on_over, self);
}

static void
drop_calls(SgwSession *self, const char *reason)
{
    g_autoptr(GList) calls = g_hash_table_get_values(self->calls);

    for (GList *l = calls; l; l = l->next)
        sgw_call_drop(l->data, reason);
}

void
sgw_session_end(SgwSession *self, const char *reason)
{
    BaseLogFields log = fields(self);

    if (self->ending)
        return;
    self->ending = true;
    base_info(&log, "session ends: %s", reason);
    g_clear_handle_id(&self->grace_timer, g_source_remove);
    drop_calls(self, reason);
    self->end_timer = g_timeout_add(END_TIMEOUT_MS, on_over, self);
    check_over(self);
}

static gboolean
on_grace_over(gpointer user_data)
{
    SgwSession *self = user_data;

    self->grace_timer = 0;
    sgw_session_end(self, "the browser has gone");
    return G_SOURCE_REMOVE;
}

void
sgw_session_lost(SgwSession *self)
{
    const SgwSettings *settings = self->services->settings;
    BaseLogFields log = fields(self);

    sgw_w2_link_set_socket(self->link, NULL);
    if (self->ending)
        return;
    if (!sgw_session_is_registered(self)) {
        sgw_session_end(self, "the browser has gone");
        return;
    }
    base_info(&log, "browser lost, kept for %u s", settings->grace_s);
    g_clear_handle_id(&self->grace_timer, g_source_remove);
    self->grace_timer = g_timeout_add(settings->grace_s * 1000, on_grace_over, self);
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

static void
on_registered(SgwRegistration *registration, bool first G_GNUC_UNUSED, unsigned expires_s, void *user_data)
{
    SgwSession *self = user_data;
    ProtoJsonrtcFrame *frame = NULL;

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
        tell_registration_ended(self, reason);
        sgw_session_end(self, "not registered any more");
    }
}

/* Everything that hangs on the registration, which comes first: its challenges are in the relay. */
static void
forget_registration(SgwSession *self)
{
    g_clear_pointer(&self->xa, sgw_xa_client_free);
    g_clear_pointer(&self->registration, sgw_registration_free);
    g_clear_pointer(&self->relay, sgw_auth_relay_free);
    self->refused = false;
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

/* --- requests of the page --- */

static void
handle_connect(SgwSession *self, SgwW2Request *request, const ProtoJsonrtcFrame *frame)
{
    g_autoptr(GError) error = NULL;

    if (self->refused)
        forget_registration(self);
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
    drop_calls(self, "logged out");
    sgw_registration_log_out(self->registration, on_logged_out, self);
}

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
    check_over(self);
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

/* --- from the network --- */

static SgwCall *
find_dialog(SgwSession *self, const char *sip_call_id)
{
    GHashTableIter iter;
    void *call = NULL;

    g_hash_table_iter_init(&iter, self->calls);
    while (g_hash_table_iter_next(&iter, NULL, &call)) {
        if (g_strcmp0(sgw_call_dialog(call), sip_call_id) == 0)
            return call;
    }
    return NULL;
}

void
sgw_session_challenge(SgwSession *self, NetSipChallenge *challenge)
{
    const NetSipMsg *request = net_sip_challenge_request(challenge);
    const char *method = net_sip_msg_method(request);
    SgwCall *call = find_dialog(self, net_sip_msg_call_id(request));

    if (!self->relay)
        net_sip_challenge_decline(challenge);
    else if (call)
        sgw_auth_relay_challenge(self->relay, challenge, "call", sgw_call_subsession(call), NULL);
    else if (g_str_equal(method, "REGISTER"))
        sgw_auth_relay_challenge(self->relay, challenge, "register", self->registering, self->registering);
    else
        sgw_auth_relay_challenge(self->relay, challenge, "iptv_discovery", NULL, NULL);
}

/* Push mode: the SDF sends its document by itself. Only its own asserted identity is believed. */
static bool
take_push(SgwSession *self, const NetSipMsg *message)
{
    g_autofree char *from = net_sip_msg_user(message, "P-Asserted-Identity");
    size_t length = 0;
    const char *body = net_sip_msg_body(message, &length);

    return self->xa && g_strcmp0(from, self->services->settings->sdf_psi) == 0 &&
           net_sip_msg_has_content_type(message, PROTO_DISCOVERY_TYPE) &&
           sgw_xa_client_take(self->xa, body, (gssize)length);
}

void
sgw_session_request(SgwSession *self, NetSipIncoming *incoming)
{
    const NetSipMsg *request = net_sip_incoming_request(incoming);
    int status = 405;

    if (net_sip_msg_is_method(request, "OPTIONS"))
        status = 200;
    else if (net_sip_msg_is_method(request, "MESSAGE"))
        status = take_push(self, request) ? 200 : 403;
    net_sip_incoming_reply(incoming, status, NULL);
}

void
sgw_session_flow_lost(SgwSession *self, NetSipFlow *flow, const GError *error)
{
    if (self->xa)
        sgw_xa_client_flow_lost(self->xa);
    if (self->registration)
        sgw_registration_flow_lost(self->registration, flow, error);
}

/* --- lifecycle --- */

static void
call_free(void *call)
{
    sgw_call_free(call);
}

SgwSession *
sgw_session_new(const SgwServices *services,
                SgwW2Socket *socket,
                const char *text,
                const ProtoJsonrtcFrame *connect,
                const SgwSessionEvents *events,
                void *user_data)
{
    static const SgwW2LinkEvents link_events = {
        .request = on_request,
        .message = on_message,
        .answer = on_answer,
        .call_id = on_call_id,
    };
    SgwSession *self = g_new0(SgwSession, 1);

    self->services = services;
    self->events = events;
    self->user_data = user_data;
    self->browser = g_strdup(sgw_w2_socket_browser(socket));
    self->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, call_free);
    self->xa_waits = g_hash_table_new_full(NULL, NULL, xa_wait_free, NULL);
    self->next_call_id = base_id_new();
    self->link = sgw_w2_link_new(&link_events, self);
    sgw_w2_link_set_socket(self->link, socket);
    sgw_w2_link_receive_frame(self->link, text, connect);
    return self;
}

void
sgw_session_free(SgwSession *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->grace_timer, g_source_remove);
    g_clear_handle_id(&self->end_timer, g_source_remove);
    g_hash_table_remove_all(self->calls);
    forget_registration(self);
    g_hash_table_unref(self->xa_waits);
    if (self->connect)
        sgw_w2_request_fail(self->connect, 487, "ended");
    if (self->log_out)
        sgw_w2_request_fail(self->log_out, 487, "ended");
    g_hash_table_unref(self->calls);
    sgw_w2_link_free(self->link);
    g_free(self->next_call_id);
    g_free(self->registering);
    g_free(self->browser);
    g_free(self->user);
    g_free(self);
}

const char *
sgw_session_id(const SgwSession *self)
{
    return sgw_w2_link_id(self->link);
}

const char *
sgw_session_user(const SgwSession *self)
{
    return self->user;
}

bool
sgw_session_is_registered(const SgwSession *self)
{
    return self->registration && !self->refused && sgw_registration_is_registered(self->registration);
}

SgwW2Socket *
sgw_session_socket(const SgwSession *self)
{
    return sgw_w2_link_socket(self->link);
}

void
sgw_session_receive(SgwSession *self, const char *text, size_t length)
{
    sgw_w2_link_receive(self->link, text, length);
}

/* --- reconnect --- */

static ProtoJsonrtcFrame *
resume_response(const SgwSession *self)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_RESPONSE, "register", "connect");
    JsonArray *list = json_array_new();
    GHashTableIter iter;
    void *value = NULL;

    frame->state = PROTO_JSONRTC_FINAL;
    json_object_set_int_member(frame->header, "response_code", 200);
    g_hash_table_iter_init(&iter, self->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        JsonObject *entry = NULL;
        if (sgw_call_is_ending(value))
            continue;
        entry = json_object_new();
        json_object_set_string_member(entry, "subsession_id", sgw_call_subsession(value));
        json_object_set_string_member(entry, "session-id", sgw_call_id(value));
        json_object_set_string_member(entry, "target", sgw_call_target(value));
        json_array_add_object_element(list, entry);
    }
    json_object_set_array_member(proto_jsonrtc_payload(frame), "calls", list);
    return frame;
}

static bool
may_resume(const SgwSession *self, SgwW2Socket *socket, const ProtoJsonrtcFrame *connect)
{
    const char *initiator = proto_jsonrtc_header_string(connect, "initiator");
    const char *browser = sgw_w2_socket_browser(socket);

    return !self->ending && self->registration && !self->refused &&
           (!initiator || g_strcmp0(initiator, self->user) == 0) &&
           (!self->browser || (browser && base_secret_equal(browser, self->browser)));
}

bool
sgw_session_resume(SgwSession *self, SgwW2Socket *socket, const ProtoJsonrtcFrame *connect)
{
    SgwW2Socket *old = sgw_w2_link_socket(self->link);
    int64_t cslr = -1, cslw = -1, csuw = -1;
    BaseLogFields log = fields(self);

    proto_jsonrtc_header_int(connect, "cslr", &cslr);
    proto_jsonrtc_header_int(connect, "cslw", &cslw);
    proto_jsonrtc_header_int(connect, "csuw", &csuw);
    if (!may_resume(self, socket, connect) ||
        !sgw_w2_link_resume(self->link, socket, cslr, cslw, csuw, resume_response(self)))
        return false;
    g_clear_handle_id(&self->grace_timer, g_source_remove);
    if (old && old != socket) {
        sgw_w2_socket_set_owner(old, NULL);
        sgw_w2_socket_close(old, 4000, "resumed elsewhere");
    }
    base_info(&log, "browser is back");
    return true;
}
