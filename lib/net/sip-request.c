/* Requests of ours: routing, transaction, challenges and the retry with credentials. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/sip-ua-private.h"
#include "lib/proto/digest.h"

#define MAX_ATTEMPTS 3

struct NetSipChallenge {
    NetSipUa *ua;
    NetSipRequest *request; /* NULL once that is over */
    NetSipMsg *sent, *response;
    NetSipFlow *flow;
    char *value;
    bool is_proxy;
    guint attempt;
};

struct NetSipRequest {
    NetSipUa *ua;
    NetSipFlow *flow;
    NetSipDialog *dialog; /* may be NULL */
    NetSipMsg *message;   /* as last sent, without our Via */
    NetSipClientTxn *txn;
    const NetSipRequestOps *ops;
    void *user_data;
    NetSipResponseFunc done; /* of the public function */
    void *done_data;
    guint attempt;
    NetSipChallenge *challenge; /* open */
    NetSipTimer late;           /* reports `error` from the main loop */
    GError *error;
};

static void send_now(NetSipRequest *self);

/* --- Lifecycle ------------------------------------------------------------------------------- */

void
net_sip_request_abandon(NetSipRequest *self)
{
    if (!self)
        return;
    if (self->challenge)
        self->challenge->request = NULL;
    net_sip_client_txn_release(self->txn);
    net_sip_timers_stop(net_sip_layer_timers(net_sip_ua_layer(self->ua)), &self->late);
    net_sip_ua_remove_orphan(self->ua, self);
    g_clear_error(&self->error);
    net_sip_flow_unref(self->flow);
    net_sip_dialog_free(self->dialog);
    net_sip_msg_free(self->message);
    g_free(self);
}

static void
on_late(void *user_data)
{
    NetSipRequest *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->error);

    self->ops->failed(error, self->user_data);
}

static void
fail_later(NetSipRequest *self)
{
    net_sip_timers_start(net_sip_layer_timers(net_sip_ua_layer(self->ua)), &self->late, 0, on_late, self);
}

/* --- Challenges ------------------------------------------------------------------------------ */

static void
challenge_free(NetSipChallenge *self)
{
    if (self->request)
        self->request->challenge = NULL;
    net_sip_msg_free(self->sent);
    net_sip_msg_free(self->response);
    net_sip_flow_unref(self->flow);
    g_free(self->value);
    g_free(self);
}

/* The first challenge that we can work with. */
static const char *
usable_challenge(const NetSipMsg *response)
{
    const char *name = net_sip_msg_status(response) == 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
    const char *value;

    for (guint i = 0; (value = net_sip_msg_header(response, name, i)); i++) {
        g_autoptr(ProtoDigestChallenge) parsed = proto_digest_challenge_parse(value, NULL);

        if (parsed)
            return value;
    }

    return NULL;
}

static bool
raise_challenge(NetSipRequest *self, const NetSipMsg *response)
{
    int status = net_sip_msg_status(response);
    const char *value = status == 401 || status == 407 ? usable_challenge(response) : NULL;
    NetSipChallenge *challenge;

    if (!value || self->attempt >= MAX_ATTEMPTS || !net_sip_ua_wants_challenges(self->ua))
        return false;
    challenge = g_new0(NetSipChallenge, 1);
    challenge->ua = self->ua;
    challenge->request = self;
    challenge->sent = net_sip_msg_copy(self->message);
    challenge->response = net_sip_msg_copy(response);
    challenge->flow = net_sip_flow_ref(self->flow);
    challenge->value = g_strdup(value);
    challenge->is_proxy = status == 407;
    challenge->attempt = ++self->attempt;
    self->challenge = challenge;
    g_clear_pointer(&self->txn, net_sip_client_txn_release);
    net_sip_ua_raise_challenge(self->ua, challenge);

    return true;
}

void
net_sip_challenge_answer(NetSipChallenge *self, const char *authorization)
{
    NetSipRequest *request = self->request;

    if (request) {
        uint32_t cseq =
            request->dialog ? ++request->dialog->local_cseq : net_sip_msg_cseq(request->message) + 1;
        g_autofree char *value = g_strdup_printf("%u %s", cseq, net_sip_msg_method(request->message));

        net_sip_msg_set(request->message, "CSeq", value);
        net_sip_msg_set(request->message, self->is_proxy ? "Proxy-Authorization" : "Authorization",
                        authorization);
        send_now(request);
    }
    challenge_free(self);
}

void
net_sip_challenge_decline(NetSipChallenge *self)
{
    g_autoptr(NetSipMsg) response = g_steal_pointer(&self->response);
    NetSipRequest *request = self->request;

    challenge_free(self);
    if (request)
        request->ops->final(response, request->user_data);
}

const NetSipMsg *
net_sip_challenge_request(const NetSipChallenge *self)
{
    return self->sent;
}

const NetSipMsg *
net_sip_challenge_response(const NetSipChallenge *self)
{
    return self->response;
}

NetSipFlow *
net_sip_challenge_flow(const NetSipChallenge *self)
{
    return self->flow;
}

const char *
net_sip_challenge_value(const NetSipChallenge *self)
{
    return self->value;
}

bool
net_sip_challenge_is_proxy(const NetSipChallenge *self)
{
    return self->is_proxy;
}

guint
net_sip_challenge_attempt(const NetSipChallenge *self)
{
    return self->attempt;
}

/* --- Sending and receiving ------------------------------------------------------------------- */

static void
on_response(NetSipClientTxn *txn, const NetSipMsg *response, void *user_data)
{
    NetSipRequest *self = user_data;

    (void)txn;
    if (net_sip_msg_status(response) < 200) {
        if (self->ops->provisional)
            self->ops->provisional(response, self->user_data);
        return;
    }
    if (!raise_challenge(self, response))
        self->ops->final(response, self->user_data);
}

static void
on_failed(NetSipClientTxn *txn, const GError *error, void *user_data)
{
    NetSipRequest *self = user_data;

    (void)txn;
    self->ops->failed(error, self->user_data);
}

static const NetSipClientEvents client_events = {.response = on_response, .failed = on_failed};

static void
send_now(NetSipRequest *self)
{
    g_clear_pointer(&self->txn, net_sip_client_txn_release);
    self->txn = net_sip_client_txn_start(net_sip_ua_layer(self->ua), self->flow,
                                         net_sip_msg_copy(self->message), &client_events, self);
}

/* Both may hold what a page or an operator wrote. */
static bool
is_sendable(const NetSipMsg *request, GError **error)
{
    g_autoptr(NetSipUri) uri = net_sip_uri_parse(net_sip_msg_request_uri(request), error);
    g_autoptr(NetSipAddress) from = uri ? net_sip_msg_address(request, "From", 0) : NULL;

    if (uri && !from)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "no address in From of %s",
                    net_sip_msg_method(request));

    return from != NULL;
}

NetSipRequest *
net_sip_request_start(NetSipUa *ua,
                      NetSipFlow *flow,
                      NetSipDialog *dialog,
                      NetSipMsg *request,
                      const NetSipRequestOps *ops,
                      void *user_data)
{
    NetSipRequest *self = g_new0(NetSipRequest, 1);

    self->ua = ua;
    self->dialog = dialog ? net_sip_dialog_ref(dialog) : NULL;
    self->message = request;
    self->ops = ops;
    self->user_data = user_data;
    if (is_sendable(request, &self->error))
        self->flow = net_sip_ua_route(ua, flow, request, &self->error);
    if (!self->flow) {
        fail_later(self);
        return self;
    }
    if (dialog)
        net_sip_ua_sign(ua, request);
    else
        net_sip_ua_complete(ua, self->flow, request);
    send_now(self);

    return self;
}

void
net_sip_request_cancel(NetSipRequest *self, const char *reason)
{
    if (self->txn) {
        net_sip_client_txn_cancel(self->txn, reason);
        return;
    }
    if (self->error)
        return; /* fails anyway */
    if (self->challenge) {
        self->challenge->request = NULL;
        self->challenge = NULL;
    }
    self->error =
        g_error_new(BASE_ERROR, BASE_ERROR_UNAUTHORIZED, "cancelled before the challenge was answered");
    fail_later(self);
}

const NetSipMsg *
net_sip_request_message(const NetSipRequest *self)
{
    return self->message;
}

NetSipFlow *
net_sip_request_flow(const NetSipRequest *self)
{
    return self->flow;
}

/* --- With a done function -------------------------------------------------------------------- */

static void
finish(NetSipRequest *self, const NetSipMsg *response, const GError *error)
{
    NetSipResponseFunc done = self->done;
    void *data = self->done_data;

    net_sip_request_abandon(self);
    if (done)
        done(response, error, data);
}

static void
on_done(const NetSipMsg *response, void *user_data)
{
    finish(user_data, response, NULL);
}

static void
on_not_done(const GError *error, void *user_data)
{
    finish(user_data, NULL, error);
}

static const NetSipRequestOps done_ops = {.final = on_done, .failed = on_not_done};

static void
destroy_orphan(void *usage)
{
    net_sip_request_abandon(usage);
}

NetSipRequest *
net_sip_request_in_dialog(NetSipUa *ua,
                          NetSipFlow *flow,
                          NetSipDialog *dialog,
                          NetSipMsg *request,
                          NetSipResponseFunc done,
                          void *user_data)
{
    NetSipRequest *self = net_sip_request_start(ua, flow, dialog, request, &done_ops, NULL);

    self->user_data = self;
    self->done = done;
    self->done_data = user_data;
    net_sip_ua_add_orphan(ua, self, destroy_orphan);

    return self;
}

NetSipRequest *
net_sip_ua_request(
    NetSipUa *self, NetSipFlow *flow, NetSipMsg *request, NetSipResponseFunc done, void *user_data)
{
    g_assert(!net_sip_msg_is_method(request, "INVITE") && !net_sip_msg_is_method(request, "SUBSCRIBE"));

    return net_sip_request_in_dialog(self, flow, NULL, request, done, user_data);
}
