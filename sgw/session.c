#include "sgw/session.h"

#include <string.h>

#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/proto/discovery.h"
#include "sgw/session-private.h"

#define END_TIMEOUT_MS 3000

BaseLogFields
sgw_session_fields(const SgwSession *self)
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

void
sgw_session_check_over(SgwSession *self)
{
    if (!self->ending || self->told_over || g_hash_table_size(self->calls) > 0)
        return;
    self->told_over = true;
    g_clear_handle_id(&self->end_timer, g_source_remove);
    self->end_timer = g_idle_add(on_over, self);
}

void
sgw_session_drop_calls(SgwSession *self, const char *reason)
{
    g_autoptr(GList) calls = g_hash_table_get_values(self->calls);

    for (GList *l = calls; l; l = l->next)
        sgw_call_drop(l->data, reason);
}

void
sgw_session_end(SgwSession *self, const char *reason)
{
    BaseLogFields log = sgw_session_fields(self);

    if (self->ending)
        return;
    self->ending = true;
    base_info(&log, "session ends: %s", reason);
    g_clear_handle_id(&self->grace_timer, g_source_remove);
    sgw_session_drop_calls(self, reason);
    self->end_timer = g_timeout_add(END_TIMEOUT_MS, on_over, self);
    sgw_session_check_over(self);
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
    BaseLogFields log = sgw_session_fields(self);

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

void
sgw_session_forget_registration(SgwSession *self)
{
    g_clear_pointer(&self->xa, sgw_xa_client_free);
    g_clear_pointer(&self->registration, sgw_registration_free);
    g_clear_pointer(&self->relay, sgw_auth_relay_free);
    self->refused = false;
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
    SgwSession *self = g_new0(SgwSession, 1);

    self->services = services;
    self->events = events;
    self->user_data = user_data;
    self->browser = g_strdup(sgw_w2_socket_browser(socket));
    self->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, call_free);
    self->xa_waits = g_hash_table_new_full(NULL, NULL, sgw_w2_handler_free_wait, NULL);
    self->next_call_id = base_id_new();
    self->link = sgw_w2_link_new(&sgw_w2_handler_events, self);
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
    sgw_session_forget_registration(self);
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
    BaseLogFields log = sgw_session_fields(self);

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
