#include "lib/store/token.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/proto/json-strict.h"
#include "lib/store/store-private.h"

#define MAX_TOKEN_LENGTH 2048
#define MAX_LIFETIME_S 31536000

static const char token_header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

void
store_token_free(StoreToken *token)
{
    if (!token)
        return;

    g_free(token->sub);
    g_free(token->content);
    g_free(token);
}

static bool
unauthorized(GError **error, const char *why)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAUTHORIZED, "token refused: %s", why);
    return false;
}

/* base64url without padding, RFC 7515 2 */
static char *
encode(const void *data, size_t length)
{
    char *text = g_base64_encode(data, length);

    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[strcspn(text, "=")] = '\0';
    return text;
}

static char *
decode(const char *text)
{
    g_autoptr(GString) padded = g_string_new(text);
    gsize length;

    for (char *c = padded->str; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    while (padded->len % 4)
        g_string_append_c(padded, '=');

    g_base64_decode_inplace(padded->str, &length);
    return g_strndup(padded->str, length);
}

static char *
sign(const char *secret, const char *signed_part)
{
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)secret, strlen(secret));
    guint8 digest[32];
    gsize length = sizeof digest;

    g_hmac_update(hmac, (const guchar *)signed_part, -1);
    g_hmac_get_digest(hmac, digest, &length);
    return encode(digest, length);
}

static bool
is_content(const char *content)
{
    if (g_str_equal(content, "*"))
        return true;
    if (g_str_has_prefix(content, "asset:"))
        return store_id_is_valid(content + strlen("asset:"));
    return g_str_has_prefix(content, "channel:") && store_id_is_valid(content + strlen("channel:"));
}

static char *
build_claims(const char *impu, const char *content, int64_t now_s, int64_t lifetime_s)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "sub");
    json_builder_add_string_value(builder, impu);
    json_builder_set_member_name(builder, "content");
    json_builder_add_string_value(builder, content);
    json_builder_set_member_name(builder, "iat");
    json_builder_add_int_value(builder, now_s);
    json_builder_set_member_name(builder, "exp");
    json_builder_add_int_value(builder, now_s + lifetime_s);
    json_builder_end_object(builder);

    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

char *
store_token_issue(Store *self, const char *impu, const char *content, int64_t lifetime_s, GError **error)
{
    g_autoptr(StoreUser) user = NULL;
    g_autofree char *secret = NULL, *claims = NULL, *header = NULL, *payload = NULL, *body = NULL,
                    *signature = NULL;

    if (lifetime_s < 1 || lifetime_s > MAX_LIFETIME_S || !is_content(content)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "a token is for asset:ID, channel:ID or * and lives 1 to %d s", MAX_LIFETIME_S);
        return NULL;
    }
    user = store_user_get_by_impu(self, impu, error);
    if (!user || !(secret = store_private_secret(self, "token", error)))
        return NULL;

    claims = build_claims(user->impu, content, (int64_t)time(NULL), lifetime_s);
    header = encode(token_header, strlen(token_header));
    payload = encode(claims, strlen(claims));
    body = g_strconcat(header, ".", payload, NULL);
    signature = sign(secret, body);

    return g_strconcat(body, ".", signature, NULL);
}

static JsonNode *
parse_object(const char *part)
{
    g_autofree char *json = decode(part);
    g_autoptr(JsonNode) root = proto_json_parse(json, strlen(json), MAX_TOKEN_LENGTH, NULL);

    return root && JSON_NODE_HOLDS_OBJECT(root) ? g_steal_pointer(&root) : NULL;
}

static const char *
string_member(JsonNode *object, const char *name)
{
    JsonNode *member = json_object_get_member(json_node_get_object(object), name);

    return member && json_node_get_value_type(member) == G_TYPE_STRING ? json_node_get_string(member) : "";
}

static int64_t
int_member(JsonNode *object, const char *name)
{
    JsonNode *member = json_object_get_member(json_node_get_object(object), name);

    return member && json_node_get_value_type(member) == G_TYPE_INT64 ? json_node_get_int(member) : 0;
}

static StoreToken *
token_of_claims(JsonNode *claims, int64_t now_s, GError **error)
{
    g_autoptr(StoreToken) token = g_new0(StoreToken, 1);

    token->sub = g_strdup(string_member(claims, "sub"));
    token->content = g_strdup(string_member(claims, "content"));
    token->expires = int_member(claims, "exp");

    if (!token->sub[0] || !is_content(token->content)) {
        unauthorized(error, "it names no user or content");
        return NULL;
    }
    if (token->expires <= now_s) {
        unauthorized(error, "it has expired");
        return NULL;
    }
    return g_steal_pointer(&token);
}

/* Header, claims and signature; only a token that we signed gets past here. */
static JsonNode *
verified_claims(Store *self, const char *token, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(token, ".", 4);
    g_autofree char *secret = NULL, *body = NULL, *signature = NULL;
    g_autoptr(JsonNode) header = NULL, claims = NULL;

    if (g_strv_length(parts) != 3) {
        unauthorized(error, "it is no JWT");
        return NULL;
    }
    secret = store_private_secret(self, "token", error);
    if (!secret)
        return NULL;

    body = g_strconcat(parts[0], ".", parts[1], NULL);
    signature = sign(secret, body);
    if (!base_secret_equal(signature, parts[2])) {
        unauthorized(error, "wrong signature");
        return NULL;
    }
    header = parse_object(parts[0]);
    claims = parse_object(parts[1]);
    if (!header || !claims || !g_str_equal(string_member(header, "alg"), "HS256")) {
        unauthorized(error, "it is no JWT of this headend");
        return NULL;
    }
    return g_steal_pointer(&claims);
}

StoreToken *
store_token_parse(Store *self, const char *token, int64_t now_s, GError **error)
{
    g_autoptr(JsonNode) claims = NULL;

    if (strlen(token) > MAX_TOKEN_LENGTH) {
        unauthorized(error, "it is too long");
        return NULL;
    }
    claims = verified_claims(self, token, error);
    return claims ? token_of_claims(claims, now_s, error) : NULL;
}

bool
store_token_check(Store *self, const char *token, const char *content, int64_t now_s, GError **error)
{
    g_autoptr(StoreToken) parsed = store_token_parse(self, token, now_s, error);
    const char *id = strchr(content, ':');

    if (!parsed)
        return false;

    if (!is_content(content) || !id) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND, "no content \"%.80s\"", content);
        return false;
    }
    if (!g_str_equal(parsed->content, "*") && !g_str_equal(parsed->content, content)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN, "the token is for %s", parsed->content);
        return false;
    }
    return store_rights_check(self, parsed->sub, content[0] == 'c' ? STORE_CHANNEL : STORE_ASSET, id + 1,
                              error);
}
