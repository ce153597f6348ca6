/* re-INVITE of the SCF: new rights, another channel, an ICE restart, or a refresh. */
#include <math.h>
#include <string.h>

#include "lib/proto/rtsp.h"
#include "mcf-extensions/y2-call.h"

static void
refuse_reinvite(McfY2Call *call, NetSipIncoming *incoming, const GError *error, int retry_after_s)
{
    NetSipMsg *response = net_sip_incoming_response(incoming, mcf_y2_status(error), NULL);
    BaseLogFields about = mcf_y2_call_fields(call);

    base_info(&about, "re-INVITE refused with %d: %s", mcf_y2_status(error), error->message);
    mcf_y2_set_refusal(response, error, retry_after_s);
    net_sip_incoming_respond(incoming, response);
}

static void
accept_reinvite(McfY2Call *call, NetSipIncoming *incoming)
{
    NetSipMsg *response = net_sip_incoming_response(incoming, 200, NULL);

    net_sip_msg_set_body(response, "application/sdp", call->answer, -1);
    net_sip_incoming_respond(incoming, response);
}

static void
on_reoffered(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    McfY2Call *call = user_data;
    NetSipIncoming *incoming = g_steal_pointer(&call->reinvite);
    g_autofree char *new_media = g_steal_pointer(&call->new_media);
    g_autoptr(GError) local = NULL;
    char *answer = NULL;

    if (!call->session) { /* ended meanwhile */
        net_sip_incoming_reply(incoming, 481, NULL);
        return;
    }
    if (reply)
        answer = mcf_y2_full_answer(call, reply->answer, &local);
    if (!answer) {
        refuse_reinvite(call, incoming, error ? error : local, retry_after_s);
        return;
    }
    g_free(call->answer);
    call->answer = answer;
    g_free(call->media);
    call->media = g_steal_pointer(&new_media);
    accept_reinvite(call, incoming);
}

/* The channel is right by now: what is left is the transport. */
static void
finish_reinvite(McfY2Call *call)
{
    if (!call->new_media) {
        accept_reinvite(call, g_steal_pointer(&call->reinvite));
        return;
    }
    mcf_session_reoffer(call->session, call->new_media, on_reoffered, call);
}

static void
on_rezapped(void *user_data, const McfXpReply *reply, const GError *error, int retry_after_s)
{
    McfY2Call *call = user_data;

    (void)reply;
    if (call->session && !error) {
        finish_reinvite(call);
        return;
    }
    g_clear_pointer(&call->new_media, g_free);
    refuse_reinvite(call, g_steal_pointer(&call->reinvite), error, retry_after_s);
}

/* Rights may have shrunk: a channel that is watched but not granted any more ends the session. */
static bool
still_granted(McfY2Call *call, const McfOffer *offer)
{
    const char *content = mcf_session_content(call->session);

    if (!g_str_has_prefix(content, "channel:"))
        return true;
    return proto_bc_grants(&offer->bc, content + strlen("channel:"), call->y2->config.home_domain);
}

static void
take_reinvite(McfY2Call *call, NetSipIncoming *incoming, McfOffer *offer)
{
    bool zap = offer->bc.service && strcmp(offer->content, mcf_session_content(call->session)) != 0;
    bool lost = !zap && !still_granted(call, offer);

    mcf_session_set_granted(call->session, &offer->bc);
    if (lost) {
        accept_reinvite(call, incoming);
        mcf_xc_server_announce(call->y2->parts.xc, call->session, PROTO_RTSP_NOTICE_TERMINATED, NAN);
        mcf_y2_end_call(call, 403, "the channel is not granted any more");
        return;
    }
    call->reinvite = incoming;
    if (!mcf_offer_same_media(offer->media, call->media))
        call->new_media = g_steal_pointer(&offer->media);
    proto_iptv_rtsp_clear(&call->line);
    call->line = offer->line;
    memset(&offer->line, 0, sizeof offer->line);
    if (zap)
        mcf_session_zap(call->session, offer->content + strlen("channel:"), on_rezapped, call);
    else
        finish_reinvite(call);
}

void
mcf_y2_on_reinvite(NetSipSession *sip, NetSipIncoming *incoming, void *user_data)
{
    McfY2Call *call = user_data;
    const NetSipMsg *request = net_sip_incoming_request(incoming);
    g_auto(McfOffer) offer = {0};
    g_autoptr(GError) error = NULL;

    (void)sip;
    if (!call->session || !call->answer || call->reinvite) {
        net_sip_incoming_reply(incoming, call->session ? 491 : 481, NULL);
        return;
    }
    if (!net_sip_msg_content_type(request)) { /* asks for an offer: the session as it stands */
        accept_reinvite(call, incoming);
        return;
    }
    if (!mcf_offer_read(request, call->y2->config.content_prefix, call->y2->config.home_domain, &offer,
                        &error)) {
        refuse_reinvite(call, incoming, error, -1);
        return;
    }
    take_reinvite(call, incoming, &offer);
}
