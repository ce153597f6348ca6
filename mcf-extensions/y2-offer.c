#include "mcf-extensions/y2-offer.h"

#include <string.h>

#include "lib/base/error.h"

#define MAX_ID_CHARS 63

void
mcf_offer_clear(McfOffer *self)
{
    g_clear_pointer(&self->content, g_free);
    g_clear_pointer(&self->media, g_free);
    proto_iptv_rtsp_clear(&self->line);
    proto_bc_clear(&self->bc);
}

/* ^[a-z0-9][a-z0-9-]{0,62}$: what can be a folder's name and nothing else. */
static bool
is_content_id(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return text[length] == '\0' && length >= 1 && length <= MAX_ID_CHARS && text[0] != '-';
}

static char *
content_id(const NetSipMsg *invite, const char *prefix, GError **error)
{
    g_autofree char *user = net_sip_msg_user(invite, "To");

    if (user && g_str_has_prefix(user, prefix) && is_content_id(user + strlen(prefix)))
        return g_strdup(user + strlen(prefix));
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no content is called %.80s",
                user ? user : "nothing");
    return NULL;
}

static bool
read_sdp(const char *sdp, McfOffer *offer, GError **error)
{
    g_autofree char *without_line = NULL;
    g_autoptr(GError) cause = NULL;

    if (!proto_sdp_bc_parse(sdp, &offer->bc, error) || !proto_sdp_check_webrtc(sdp, error))
        return false;
    without_line = proto_sdp_iptv_remove(sdp, &offer->line, &cause);
    if (g_error_matches(cause, BASE_ERROR, BASE_ERROR_NOT_FOUND)) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, cause->message);
        return false;
    }
    if (cause) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    offer->media = proto_sdp_bc_set(without_line, NULL, error);
    return offer->media != NULL;
}

static bool
check_granted(const McfOffer *offer, const char *home_domain, GError **error)
{
    if (!offer->bc.service || proto_bc_grants(&offer->bc, offer->bc.service, home_domain))
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "channel %.80s is not in the granted list",
                offer->bc.service);
    return false;
}

bool
mcf_offer_read(const NetSipMsg *invite,
               const char *content_prefix,
               const char *home_domain,
               McfOffer *ret_offer,
               GError **error)
{
    g_auto(McfOffer) offer = {0};
    g_autofree char *id = content_id(invite, content_prefix, error);
    g_autofree char *channel = NULL;
    size_t length;
    const char *sdp = net_sip_msg_body(invite, &length);

    memset(ret_offer, 0, sizeof *ret_offer);
    if (!id)
        return false;
    if (strlen(sdp) != length || length == 0) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "there is no SDP offer");
        return false;
    }
    if (!read_sdp(sdp, &offer, error) || !check_granted(&offer, home_domain, error))
        return false;
    /* In a re-INVITE the To is the dialog's: there the channel that is asked for counts. */
    channel = offer.bc.service ? proto_bc_service_name(offer.bc.service) : NULL;
    if (channel && net_sip_msg_to_tag(invite) && is_content_id(channel))
        offer.content = g_strdup_printf("channel:%s", channel);
    else
        offer.content = g_strdup_printf("%s:%s", offer.bc.service ? "channel" : "asset", id);
    *ret_offer = offer;
    memset(&offer, 0, sizeof offer);
    return true;
}

static const char *
behind_origin(const char *sdp)
{
    const char *line = strstr(sdp, "\no=");
    const char *next = line ? strchr(line + 1, '\n') : NULL;

    return next ? next : sdp;
}

bool
mcf_offer_same_media(const char *a, const char *b)
{
    return strcmp(behind_origin(a), behind_origin(b)) == 0;
}
