#include "sgw/auth-relay.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/proto/digest.h"

#define MAX_PENDING 16
#define ANSWER_TIMEOUT_S 30
#define MAX_CNONCE 64

struct SgwAuthRelay {
    SgwW2Link *link;
    char *impi;
    char *realm;
    GHashTable *pending; /* "s<n>" -> Pending */
    char *nonce;         /* the last one, and how often it was used */
    uint32_t nonce_count;
};

typedef struct {
    SgwAuthRelay *relay;
    char *id;
    NetSipChallenge *challenge; /* NULL once answered */
    ProtoDigestChallenge *parsed;
    char *uri;
    uint32_t nc;
    guint timer;
} Pending;

static void
pending_free(void *pointer)
{
    Pending *self = pointer;

    g_clear_handle_id(&self->timer, g_source_remove);
    if (self->challenge)
        net_sip_challenge_decline(self->challenge);
    proto_digest_challenge_free(self->parsed);
    g_free(self->uri);
    g_free(self->id);
    g_free(self);
}

SgwAuthRelay *
sgw_auth_relay_new(SgwW2Link *link, const char *impi, const char *realm)
{
    SgwAuthRelay *self = g_new0(SgwAuthRelay, 1);

    self->link = link;
    self->impi = g_strdup(impi);
    self->realm = g_strdup(realm);
    self->pending = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pending_free);
    return self;
}

void
sgw_auth_relay_free(SgwAuthRelay *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->pending);
    g_free(self->impi);
    g_free(self->realm);
    g_free(self->nonce);
    g_free(self);
}

/* --- to the page --- */

static ProtoDigestChallenge *
parse_challenge(const SgwAuthRelay *self, const NetSipChallenge *challenge, GError **error)
{
    g_autoptr(ProtoDigestChallenge) parsed =
        proto_digest_challenge_parse(net_sip_challenge_value(challenge), error);

    if (!parsed)
        return NULL;
    if (g_ascii_strcasecmp(parsed->realm, self->realm) != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "challenge of a foreign realm '%s'",
                    parsed->realm);
        return NULL;
    }
    if (parsed->algorithm != PROTO_DIGEST_MD5) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "a page cannot answer AKA");
        return NULL;
    }
    return g_steal_pointer(&parsed);
}

static uint32_t
count_nonce(SgwAuthRelay *self, const char *nonce)
{
    if (g_strcmp0(self->nonce, nonce) != 0) {
        g_free(self->nonce);
        self->nonce = g_strdup(nonce);
        self->nonce_count = 0;
    }
    return ++self->nonce_count;
}

static const char *
chosen_qop(const ProtoDigestChallenge *challenge)
{
    if (challenge->qop_auth)
        return "auth";
    return challenge->qop_auth_int ? "auth-int" : NULL;
}

static JsonObject *
challenge_json(const Pending *pending)
{
    const NetSipMsg *request = net_sip_challenge_request(pending->challenge);
    const ProtoDigestChallenge *parsed = pending->parsed;
    JsonObject *json = json_object_new();
    size_t length = 0;
    const char *body = net_sip_msg_body(request, &length);
    g_autofree char *body_hash = g_compute_checksum_for_data(G_CHECKSUM_MD5, (const guchar *)body, length);
    char nc[9];

    g_snprintf(nc, sizeof nc, "%08x", pending->nc);
    json_object_set_string_member(json, "scheme", "Digest");
    json_object_set_string_member(json, "realm", parsed->realm);
    json_object_set_string_member(json, "nonce", parsed->nonce);
    if (parsed->opaque)
        json_object_set_string_member(json, "opaque", parsed->opaque);
    json_object_set_string_member(json, "algorithm", "MD5");
    if (chosen_qop(parsed))
        json_object_set_string_member(json, "qop", chosen_qop(parsed));
    json_object_set_string_member(json, "method", net_sip_msg_method(request));
    json_object_set_string_member(json, "uri", pending->uri);
    json_object_set_string_member(json, "nc", nc);
    json_object_set_boolean_member(json, "stale", parsed->stale);
    json_object_set_boolean_member(json, "proxy", net_sip_challenge_is_proxy(pending->challenge));
    json_object_set_string_member(json, "body_hash", body_hash);
    return json;
}

static gboolean
on_timeout(gpointer user_data)
{
    Pending *pending = user_data;

    pending->timer = 0;
    g_hash_table_remove(pending->relay->pending, pending->id);
    return G_SOURCE_REMOVE;
}

static void
send_challenge(SgwAuthRelay *self, Pending *pending, ProtoJsonrtcFrame *frame)
{
    json_object_set_object_member(proto_jsonrtc_payload(frame), "challenge", challenge_json(pending));
    pending->id = g_strdup_printf("s%" G_GINT64_FORMAT, sgw_w2_link_send(self->link, frame));
    pending->timer = g_timeout_add_seconds(ANSWER_TIMEOUT_S, on_timeout, pending);
    g_hash_table_insert(self->pending, pending->id, pending);
}

void
sgw_auth_relay_challenge(SgwAuthRelay *self,
                         NetSipChallenge *challenge,
                         const char *package_type,
                         const char *subsession,
                         const char *correlation)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoDigestChallenge) parsed = parse_challenge(self, challenge, &error);
    ProtoJsonrtcFrame *frame = NULL;
    Pending *pending = NULL;

    if (!parsed || g_hash_table_size(self->pending) >= MAX_PENDING) {
        base_warning(&(BaseLogFields){.user = self->impi}, "challenge declined: %s",
                     error ? error->message : "too many at a time");
        net_sip_challenge_decline(challenge);
        return;
    }
    pending = g_new0(Pending, 1);
    pending->relay = self;
    pending->challenge = challenge;
    pending->nc = count_nonce(self, parsed->nonce);
    pending->parsed = g_steal_pointer(&parsed);
    pending->uri = g_strdup(net_sip_msg_request_uri(net_sip_challenge_request(challenge)));

    frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_REQUEST, package_type, "authenticate");
    frame->subsession_id = g_strdup(subsession);
    frame->correlation_id = g_strdup(correlation);
    send_challenge(self, pending, frame);
}

/* --- from the page --- */

static bool
is_hex32(const char *text)
{
    size_t length = text ? strspn(text, "0123456789abcdef") : 0;

    return length == 32 && text[32] == '\0';
}

static bool
is_quotable(const char *text)
{
    if (!text || !*text || strlen(text) > MAX_CNONCE)
        return false;
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isgraph(*c) || *c == '"' || *c == '\\')
            return false;
    }
    return true;
}

/* The Authorization value; NULL if the page's answer makes no sense. */
static char *
build_authorization(const SgwAuthRelay *self, const Pending *pending, const ProtoJsonrtcFrame *frame)
{
    const char *response = proto_jsonrtc_payload_string(frame, "response");
    const char *cnonce = proto_jsonrtc_payload_string(frame, "cnonce");
    const char *username = proto_jsonrtc_payload_string(frame, "username");
    bool has_qop = chosen_qop(pending->parsed) != NULL;

    if (frame->type != PROTO_JSONRTC_RESPONSE || !is_hex32(response) ||
        g_strcmp0(username, self->impi) != 0 || (has_qop && !is_quotable(cnonce)))
        return NULL;
    return proto_digest_credentials_build(&(ProtoDigestCredentials){
        .username = self->impi,
        .realm = pending->parsed->realm,
        .nonce = pending->parsed->nonce,
        .uri = pending->uri,
        .response = (char *)response,
        .opaque = pending->parsed->opaque,
        .cnonce = has_qop ? (char *)cnonce : NULL,
        .algorithm = PROTO_DIGEST_MD5,
        .qop = pending->parsed->qop_auth ? PROTO_DIGEST_QOP_AUTH
               : has_qop                 ? PROTO_DIGEST_QOP_AUTH_INT
                                         : PROTO_DIGEST_QOP_NONE,
        .nc = has_qop ? pending->nc : 0,
    });
}

bool
sgw_auth_relay_answer(SgwAuthRelay *self, const ProtoJsonrtcFrame *frame)
{
    Pending *pending = g_hash_table_lookup(self->pending, frame->correlation_id);
    NetSipChallenge *challenge = NULL;
    g_autofree char *authorization = NULL;

    if (!pending)
        return false;
    authorization = build_authorization(self, pending, frame);
    if (authorization)
        challenge = g_steal_pointer(&pending->challenge);
    g_hash_table_remove(self->pending, frame->correlation_id);
    if (challenge)
        net_sip_challenge_answer(challenge, authorization);
    return true;
}
