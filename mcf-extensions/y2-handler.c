#include "mcf-extensions/y2-handler.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/rtsp.h"
#include "mcf-extensions/y2-call.h"

#define DEFAULT_RETRY_AFTER_S 2

BaseLogFields
mcf_y2_call_fields(const McfY2Call *call)
{
    return (BaseLogFields){
        .session = net_sip_session_id(call->sip),
        .call_id = net_sip_session_call_id(call->sip),
        .channel = call->session ? mcf_session_content(call->session) : NULL,
    };
}

static void
count(const char *outcome)
{
    g_autofree char *labels = g_strdup_printf("outcome=\"%s\"", outcome);

    base_metric_add(base_counter("imstv_mcf_sessions_total", labels, "sessions asked for on y2"), 1);
}

/* Takes the session out of Xc and Xp before it goes: nothing may find it any more. */
static void
drop_session(McfY2Call *call)
{
    McfSession *session = g_steal_pointer(&call->session);

    if (!session)
        return;
    mcf_xc_server_remove(call->y2->parts.xc, session);
    mcf_xp_events_remove(call->y2->parts.events, session);
    mcf_session_free(session);
    base_metric_add(call->y2->open, -1);
}

static void
call_free(gpointer data)
{
    McfY2Call *call = data;

    drop_session(call);
    net_sip_incoming_free(call->reinvite);
    net_sip_session_free(call->sip);
    proto_iptv_rtsp_clear(&call->line);
    g_free(call->media);
    g_free(call->answer);
    g_free(call->new_media);
    g_free(call);
}

static void
remove_call(McfY2Call *call)
{
    McfY2 *self = call->y2;

    g_hash_table_remove(self->calls, call);
    if (self->stopping && self->idle && g_hash_table_size(self->calls) == 0) {
        void (*idle)(void *) = g_steal_pointer(&self->idle);
        idle(self->idle_data);
    }
}

/* ---- refusals ---- */

int
mcf_y2_status(const GError *error)
{
    if (g_error_matches(error, BASE_ERROR, BASE_ERROR_TIMEOUT))
        return 503; /* 504 would say that the MCF is a proxy in trouble; here no MDF can serve */
    return base_error_sip_status(error);
}

void
mcf_y2_set_refusal(NetSipMsg *response, const GError *error, int retry_after_s)
{
    g_autofree char *text = g_strndup(error->message, 200);

    if (net_sip_msg_status(response) == 503) {
        net_sip_msg_add_printf(response, "Retry-After", "%d",
                               retry_after_s > 0 ? retry_after_s : DEFAULT_RETRY_AFTER_S);
        return; /* who is down here is nobody's business */
    }
    for (char *c = text; *c; c++)
        if (g_ascii_iscntrl(*c) || *c == '"' || *c == '\\' || (guchar)*c > 126)
            *c = '\'';
    net_sip_msg_add_printf(response, "Warning", "399 imstv-mcf \"%s\"", text);
    if (net_sip_msg_status(response) == 415)
        net_sip_msg_set(response, "Accept", "application/sdp");
}

static void
refuse_invite(McfY2Call *call, const GError *error, int status, int retry_after_s)
{
    BaseLogFields about = mcf_y2_call_fields(call);
    NetSipMsg *response = net_sip_session_response(call->sip, status, NULL);

    base_info(&about, "INVITE refused with %d: %s", status, error->message);
    count("refused");
    mcf_y2_set_refusal(response, error, retry_after_s);
    net_sip_session_respond(call->sip, response);
    remove_call(call);
}

/* ---- the session's events ---- */

char *
mcf_y2_full_answer(McfY2Call *call, const char *media, GError **error)
{
    McfXcServer *xc = call->y2->parts.xc;
    g_autofree char *uri = mcf_xc_server_uri(xc, call->session);
    ProtoIptvRtsp line = {
        .index = call->line.index,
        .address = (char *)mcf_xc_server_address(xc),
        .port = mcf_xc_server_port(xc),
        .h_uri = uri,
        .h_session = (char *)mcf_session_rtsp_id(call->session),
        .timeout_s = mcf_session_timeout_s(call->session),
    };

    return proto_sdp_iptv_insert_answer(media, &line, error);
}

static void
on_answered(McfSession *session, const char *media, void *user_data)
{
    McfY2Call *call = user_data;
    McfY2 *self = call->y2;
    g_autoptr(GError) error = NULL;
    BaseLogFields about = mcf_y2_call_fields(call);
    NetSipMsg *response;

    call->answer = mcf_y2_full_answer(call, media, &error);
    if (!call->answer) {
        refuse_invite(call, error, 503, -1); /* not the caller's fault */
        return;
    }
    mcf_xc_server_add(self->parts.xc, session);
    response = net_sip_session_response(call->sip, 200, NULL);
    net_sip_msg_set_body(response, "application/sdp", call->answer, -1);
    net_sip_session_respond(call->sip, response);
    count("answered");
    base_info(&about, "answered by MDF %s after %" G_GINT64_FORMAT " ms", mcf_session_mdf(session),
              (g_get_monotonic_time() - call->begun_us) / 1000);
}

static void
on_refused(McfSession *session, const GError *error, int retry_after_s, void *user_data)
{
    (void)session;
    refuse_invite(user_data, error, mcf_y2_status(error), retry_after_s);
}

static void
on_notice(McfSession *session, unsigned code, double npt_s, void *user_data)
{
    McfY2Call *call = user_data;

    mcf_xc_server_announce(call->y2->parts.xc, session, code, npt_s);
}

void
mcf_y2_end_call(McfY2Call *call, int cause, const char *reason)
{
    g_autofree char *header = g_strdup_printf("SIP;cause=%d;text=\"%s\"", cause, reason);
    BaseLogFields about = mcf_y2_call_fields(call);

    for (char *c = header; *c; c++)
        if (g_ascii_iscntrl(*c) || *c == '\\')
            *c = ' ';
    base_info(&about, "ended here: %s", reason);
    drop_session(call);
    net_sip_session_end(call->sip, header);
}

static void
on_over(McfSession *session, int cause, const char *reason, void *user_data)
{
    g_autofree char *text = g_strdelimit(g_strdup(reason), "\"", '\'');

    (void)session;
    mcf_y2_end_call(user_data, cause, text);
}

static const McfSessionEvents session_events = {
    .answered = on_answered,
    .refused = on_refused,
    .notice = on_notice,
    .over = on_over,
};

static void
on_ended(NetSipSession *sip, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    static const char *const names[] = {
        [NET_SIP_ENDED_REFUSED] = "refused",
        [NET_SIP_ENDED_CANCELLED] = "cancelled",
        [NET_SIP_ENDED_BYE] = "BYE",
        [NET_SIP_ENDED_NO_ANSWER] = "no ACK",
        [NET_SIP_ENDED_EXPIRED] = "session timer expired",
        [NET_SIP_ENDED_LOST] = "connection lost",
        [NET_SIP_ENDED_LOCALLY] = "ended here",
    };
    McfY2Call *call = user_data;
    BaseLogFields about = mcf_y2_call_fields(call);

    (void)sip;
    (void)message;
    base_info(&about, "dialog over: %s%s%s", names[why], error ? ": " : "", error ? error->message : "");
    remove_call(call);
}

static const NetSipSessionEvents dialog_events = {
    .reinvite = mcf_y2_on_reinvite,
    .ended = on_ended,
};

/* ---- INVITE ---- */

static void
begin_session(McfY2Call *call, McfOffer *offer)
{
    McfY2 *self = call->y2;
    McfSessionConfig config = {
        .xp = self->parts.xp,
        .pool = self->parts.pool,
        .session_id = net_sip_session_id(call->sip),
        .call_id = net_sip_session_call_id(call->sip),
        .content = offer->content,
        .offer = offer->media,
        .events_base = mcf_xp_events_base(self->parts.events),
        .rtsp_timeout_s = self->config.rtsp_timeout_s,
    };

    call->session = mcf_session_new(&config, &session_events, call);
    base_metric_add(self->open, 1);
    mcf_session_set_granted(call->session, &offer->bc);
    call->media = g_steal_pointer(&offer->media);
    call->line = offer->line;
    memset(&offer->line, 0, sizeof offer->line);
    mcf_xp_events_add(self->parts.events, call->session);
    mcf_session_set_up(call->session);
}

/* NULL: go on; else why not, and with which status. */
static GError *
check_invite(McfY2 *self, const NetSipMsg *invite, McfOffer *offer, int *ret_status)
{
    GError *error = NULL;

    if (self->stopping || g_hash_table_size(self->calls) > self->config.max_sessions) {
        error = g_error_new_literal(BASE_ERROR, BASE_ERROR_BUSY, "too many sessions, or going down");
    } else if (net_sip_msg_content_type(invite) && !net_sip_msg_has_content_type(invite, "application/sdp")) {
        *ret_status = 415;
        return g_error_new_literal(BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "the body is not application/sdp");
    } else {
        mcf_offer_read(invite, self->config.content_prefix, self->config.home_domain, offer, &error);
    }
    *ret_status = error ? mcf_y2_status(error) : 200;
    return error;
}

static void
on_invite(NetSipUa *ua, NetSipSession *sip, const NetSipMsg *invite, void *user_data)
{
    McfY2 *self = user_data;
    g_auto(McfOffer) offer = {0};
    g_autoptr(GError) error = NULL;
    McfY2Call *call = g_new0(McfY2Call, 1);
    int status;

    (void)ua;
    call->y2 = self;
    call->sip = sip;
    call->begun_us = g_get_monotonic_time();
    net_sip_session_set_events(sip, &dialog_events, call);
    g_hash_table_add(self->calls, call);
    error = check_invite(self, invite, &offer, &status);
    if (error)
        refuse_invite(call, error, status, -1);
    else
        begin_session(call, &offer);
}

static const NetSipUaEvents ua_events = {.invite = on_invite};

/* ---- lifecycle ---- */

McfY2 *
mcf_y2_new(const McfY2Config *config, const McfParts *parts, GError **error)
{
    NetSipUaConfig ua_config = {
        .name = "imstv-mcf/" IMSTV_VERSION,
        .session_expires_s = config->session_expires_s,
        .transport.peers = config->sip_peers,
    };
    g_autoptr(McfY2) self = g_new0(McfY2, 1);

    self->parts = *parts;
    self->config = *config;
    self->config.listen = g_strdup(config->listen);
    self->config.content_prefix = g_strdup(config->content_prefix);
    self->config.home_domain = g_strdup(config->home_domain);
    self->calls = g_hash_table_new_full(NULL, NULL, call_free, NULL);
    self->open = base_gauge("imstv_mcf_sessions", NULL, "viewers' sessions that are open");
    self->ua = net_sip_ua_new(&ua_config, &ua_events, self);
    if (!net_sip_ua_listen(self->ua, NET_SIP_TCP, config->listen, config->port, "y2", &self->port, error) ||
        !net_sip_ua_listen(self->ua, NET_SIP_UDP, config->listen, self->port, "y2", NULL, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
mcf_y2_free(McfY2 *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->calls);
    net_sip_ua_free(self->ua);
    g_free((char *)self->config.listen);
    g_free((char *)self->config.content_prefix);
    g_free((char *)self->config.home_domain);
    g_free(self);
}

uint16_t
mcf_y2_port(const McfY2 *self)
{
    return self->port;
}

/* Calls that the callback may remove while they are gone through. */
static GPtrArray *
copy_calls(McfY2 *self)
{
    GPtrArray *copy = g_ptr_array_new();
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, self->calls);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(copy, key);
    return copy;
}

void
mcf_y2_mdf_lost(McfY2 *self, const char *base)
{
    g_autoptr(GPtrArray) calls = copy_calls(self);

    for (guint i = 0; i < calls->len; i++) {
        McfY2Call *call = g_ptr_array_index(calls, i);
        if (g_hash_table_contains(self->calls, call) && call->session &&
            g_strcmp0(mcf_session_mdf(call->session), base) == 0)
            mcf_session_mdf_lost(call->session);
    }
}

void
mcf_y2_end_all(McfY2 *self, void (*done)(void *user_data), void *user_data)
{
    g_autoptr(GPtrArray) calls = copy_calls(self);

    self->stopping = true;
    self->idle = done;
    self->idle_data = user_data;
    for (guint i = 0; i < calls->len; i++) {
        McfY2Call *call = g_ptr_array_index(calls, i);
        if (g_hash_table_contains(self->calls, call) && call->session) {
            if (call->answer)
                mcf_xc_server_announce(self->parts.xc, call->session, PROTO_RTSP_NOTICE_TERMINATED, NAN);
            mcf_y2_end_call(call, 503, "the media control function goes down");
        }
    }
    if (self->idle && g_hash_table_size(self->calls) == 0) {
        self->idle = NULL;
        done(user_data);
    }
}
