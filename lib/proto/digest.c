#include "lib/proto/digest.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"

#define MAX_FIELDS 32
#define MAX_VALUE 4096

/* --- Fields: name=value or name="value", separated by commas ---------------------------------- */

static void
skip_space(const char **c)
{
    while (**c == ' ' || **c == '\t' || **c == '\r' || **c == '\n')
        (*c)++;
}

static char *
take_quoted(const char **c)
{
    GString *out = g_string_new(NULL);

    for ((*c)++; **c && **c != '"'; (*c)++) {
        if (**c == '\\' && (*c)[1])
            (*c)++;
        g_string_append_c(out, **c);
    }
    if (**c != '"' || out->len > MAX_VALUE) {
        g_string_free(out, TRUE);
        return NULL;
    }
    (*c)++;

    return g_string_free(out, FALSE);
}

static char *
take_token(const char **c)
{
    size_t length = strcspn(*c, ", \t\"=");
    char *token;

    /* '=' may end base64 in an unquoted value. */
    while ((*c)[length] == '=')
        length++;
    token = length > 0 && length <= MAX_VALUE ? g_strndup(*c, length) : NULL;
    *c += length;

    return token;
}

static bool
take_field(GHashTable *fields, const char **c)
{
    size_t length = strcspn(*c, "= \t,\"");
    g_autofree char *name = g_ascii_strdown(*c, (gssize)length);
    char *value;

    *c += length;
    skip_space(c);
    if (length == 0 || **c != '=' || g_hash_table_size(fields) >= MAX_FIELDS ||
        g_hash_table_contains(fields, name))
        return false;
    (*c)++;
    skip_space(c);
    value = **c == '"' ? take_quoted(c) : take_token(c);
    if (!value)
        return false;
    g_hash_table_insert(fields, g_steal_pointer(&name), value);
    skip_space(c);

    return **c == ',' || **c == '\0';
}

static GHashTable *
parse_fields(const char *value, GError **error)
{
    g_autoptr(GHashTable) fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const char *c = value;

    skip_space(&c);
    if (g_ascii_strncasecmp(c, "Digest", 6) != 0 || (c[6] != ' ' && c[6] != '\t')) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "authentication scheme is not Digest");
        return NULL;
    }
    c += 6;
    skip_space(&c);
    while (*c) {
        if (!take_field(fields, &c)) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "malformed digest field near '%.20s'", c);
            return NULL;
        }
        while (*c == ',' || *c == ' ' || *c == '\t')
            c++;
    }

    return g_steal_pointer(&fields);
}

static char *
take(GHashTable *fields, const char *name)
{
    return g_strdup(g_hash_table_lookup(fields, name));
}

static char *
take_or_empty(GHashTable *fields, const char *name)
{
    const char *value = g_hash_table_lookup(fields, name);

    return g_strdup(value ? value : "");
}

static bool
take_algorithm(GHashTable *fields, ProtoDigestAlgorithm *ret_algorithm, GError **error)
{
    const char *name = g_hash_table_lookup(fields, "algorithm");

    if (!name || g_ascii_strcasecmp(name, "MD5") == 0) {
        *ret_algorithm = PROTO_DIGEST_MD5;
        return true;
    }
    if (g_ascii_strcasecmp(name, "AKAv1-MD5") == 0) {
        *ret_algorithm = PROTO_DIGEST_AKAV1_MD5;
        return true;
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "digest algorithm '%.20s' is not supported",
                name);

    return false;
}

/* --- Building -------------------------------------------------------------------------------- */

static void
append_quoted(GString *out, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(out, "%s%s=\"", g_str_has_suffix(out->str, "Digest") ? " " : ", ", name);
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_c(out, '\\');
        if (*c != '\r' && *c != '\n')
            g_string_append_c(out, *c);
    }
    g_string_append_c(out, '"');
}

static const char *
algorithm_name(ProtoDigestAlgorithm algorithm)
{
    return algorithm == PROTO_DIGEST_AKAV1_MD5 ? "AKAv1-MD5" : "MD5";
}

/* --- Challenge ------------------------------------------------------------------------------- */

static void
take_offered_qop(ProtoDigestChallenge *self, const char *list)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);

    for (char **word = words; *word; word++) {
        g_strstrip(*word);
        if (g_ascii_strcasecmp(*word, "auth") == 0)
            self->qop_auth = true;
        else if (g_ascii_strcasecmp(*word, "auth-int") == 0)
            self->qop_auth_int = true;
    }
}

ProtoDigestChallenge *
proto_digest_challenge_parse(const char *value, GError **error)
{
    g_autoptr(GHashTable) fields = parse_fields(value, error);
    g_autoptr(ProtoDigestChallenge) self = g_new0(ProtoDigestChallenge, 1);
    const char *stale, *qop;

    if (!fields || !take_algorithm(fields, &self->algorithm, error))
        return NULL;
    self->realm = take(fields, "realm");
    self->nonce = take(fields, "nonce");
    self->opaque = take(fields, "opaque");
    self->domain = take(fields, "domain");
    stale = g_hash_table_lookup(fields, "stale");
    self->stale = stale && g_ascii_strcasecmp(stale, "true") == 0;
    qop = g_hash_table_lookup(fields, "qop");
    take_offered_qop(self, qop);
    if (!self->realm || !self->nonce) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "digest challenge without realm or nonce");
        return NULL;
    }
    if (qop && !self->qop_auth && !self->qop_auth_int) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "digest qop '%.20s' is not supported", qop);
        return NULL;
    }

    return g_steal_pointer(&self);
}

char *
proto_digest_challenge_build(const ProtoDigestChallenge *self)
{
    GString *out = g_string_new("Digest");
    const char *qop = self->qop_auth_int ? (self->qop_auth ? "auth,auth-int" : "auth-int") : "auth";

    append_quoted(out, "realm", self->realm);
    append_quoted(out, "nonce", self->nonce);
    append_quoted(out, "opaque", self->opaque);
    append_quoted(out, "domain", self->domain);
    g_string_append_printf(out, ", algorithm=%s", algorithm_name(self->algorithm));
    if (self->qop_auth || self->qop_auth_int)
        append_quoted(out, "qop", qop);
    if (self->stale)
        g_string_append(out, ", stale=true");

    return g_string_free(out, FALSE);
}

void
proto_digest_challenge_free(ProtoDigestChallenge *self)
{
    if (!self)
        return;
    g_free(self->realm);
    g_free(self->nonce);
    g_free(self->opaque);
    g_free(self->domain);
    g_free(self);
}

/* --- Credentials ----------------------------------------------------------------------------- */

static bool
take_nc(ProtoDigestCredentials *self, const char *nc)
{
    guint64 number = 0;

    if (!nc || strlen(nc) != 8 || !g_ascii_string_to_unsigned(nc, 16, 1, G_MAXUINT32, &number, NULL))
        return false;
    self->nc = (uint32_t)number;

    return true;
}

static bool
take_qop(ProtoDigestCredentials *self, GHashTable *fields, GError **error)
{
    const char *qop = g_hash_table_lookup(fields, "qop");

    if (!qop)
        return true;
    if (g_ascii_strcasecmp(qop, "auth") != 0 && g_ascii_strcasecmp(qop, "auth-int") != 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "digest qop '%.20s' is not supported", qop);
        return false;
    }
    self->qop = qop[4] ? PROTO_DIGEST_QOP_AUTH_INT : PROTO_DIGEST_QOP_AUTH;
    if (!take_nc(self, g_hash_table_lookup(fields, "nc")) || !self->cnonce) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "digest credentials with qop lack nc or cnonce");
        return false;
    }

    return true;
}

static bool
is_response(const char *response)
{
    size_t length = strlen(response);

    return length == 0 || (length == 32 && strspn(response, "0123456789abcdefABCDEF") == 32);
}

ProtoDigestCredentials *
proto_digest_credentials_parse(const char *value, GError **error)
{
    g_autoptr(GHashTable) fields = parse_fields(value, error);
    g_autoptr(ProtoDigestCredentials) self = g_new0(ProtoDigestCredentials, 1);

    if (!fields || !take_algorithm(fields, &self->algorithm, error))
        return NULL;
    self->username = take(fields, "username");
    self->realm = take_or_empty(fields, "realm");
    self->nonce = take_or_empty(fields, "nonce");
    self->uri = take_or_empty(fields, "uri");
    self->response = take_or_empty(fields, "response");
    self->opaque = take(fields, "opaque");
    self->cnonce = take(fields, "cnonce");
    self->auts = take(fields, "auts");
    if (!self->username || !is_response(self->response)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL,
                    "digest credentials without username, or a bad response");
        return NULL;
    }

    return take_qop(self, fields, error) ? g_steal_pointer(&self) : NULL;
}

static const char *
qop_name(ProtoDigestQop qop)
{
    return qop == PROTO_DIGEST_QOP_AUTH_INT ? "auth-int" : "auth";
}

char *
proto_digest_credentials_build(const ProtoDigestCredentials *self)
{
    GString *out = g_string_new("Digest");

    append_quoted(out, "username", self->username);
    append_quoted(out, "realm", self->realm);
    append_quoted(out, "nonce", self->nonce);
    append_quoted(out, "uri", self->uri);
    append_quoted(out, "response", self->response);
    g_string_append_printf(out, ", algorithm=%s", algorithm_name(self->algorithm));
    append_quoted(out, "opaque", self->opaque);
    append_quoted(out, "auts", self->auts);
    if (self->qop != PROTO_DIGEST_QOP_NONE) {
        append_quoted(out, "cnonce", self->cnonce);
        g_string_append_printf(out, ", qop=%s, nc=%08x", qop_name(self->qop), self->nc);
    }

    return g_string_free(out, FALSE);
}

void
proto_digest_credentials_free(ProtoDigestCredentials *self)
{
    if (!self)
        return;
    g_free(self->username);
    g_free(self->realm);
    g_free(self->nonce);
    g_free(self->uri);
    g_free(self->response);
    g_free(self->opaque);
    g_free(self->cnonce);
    g_free(self->auts);
    g_free(self);
}

/* --- Computing ------------------------------------------------------------------------------- */

static char *
md5(const char *text)
{
    return g_compute_checksum_for_string(G_CHECKSUM_MD5, text, -1);
}

char *
proto_digest_ha1_bytes(const char *username, const char *realm, const void *password, size_t length)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_MD5);
    g_autofree char *head = g_strdup_printf("%s:%s:", username, realm);
    char *ha1;

    g_checksum_update(sum, (const guchar *)head, -1);
    g_checksum_update(sum, password, (gssize)length);
    ha1 = g_strdup(g_checksum_get_string(sum));
    g_checksum_free(sum);

    return ha1;
}

char *
proto_digest_ha1(const char *username, const char *realm, const char *password)
{
    return proto_digest_ha1_bytes(username, realm, password, strlen(password));
}

static char *
ha2(const ProtoDigestCredentials *credentials, const char *method, const void *body, size_t body_length)
{
    g_autofree char *plain = g_strdup_printf("%s:%s", method, credentials->uri);
    g_autofree char *body_sum = NULL, *with_body = NULL;

    if (credentials->qop != PROTO_DIGEST_QOP_AUTH_INT)
        return md5(plain);
    body_sum =
        g_compute_checksum_for_data(G_CHECKSUM_MD5, body ? body : (const void *)"", body ? body_length : 0);
    with_body = g_strdup_printf("%s:%s", plain, body_sum);

    return md5(with_body);
}

char *
proto_digest_response(const ProtoDigestCredentials *credentials,
                      const char *ha1,
                      const char *method,
                      const void *body,
                      size_t body_length)
{
    g_autofree char *a2 = ha2(credentials, method, body, body_length);
    g_autofree char *text = NULL;

    if (credentials->qop == PROTO_DIGEST_QOP_NONE)
        text = g_strdup_printf("%s:%s:%s", ha1, credentials->nonce, a2);
    else
        text =
            g_strdup_printf("%s:%s:%08x:%s:%s:%s", ha1, credentials->nonce, credentials->nc,
                            credentials->cnonce ? credentials->cnonce : "", qop_name(credentials->qop), a2);

    return md5(text);
}

char *
proto_digest_answer(const ProtoDigestChallenge *challenge,
                    const char *username,
                    const char *ha1,
                    const char *method,
                    const char *uri,
                    const char *cnonce,
                    uint32_t nc,
                    const void *body,
                    size_t body_length)
{
    ProtoDigestCredentials credentials = {
        .username = (char *)username,
        .realm = challenge->realm,
        .nonce = challenge->nonce,
        .uri = (char *)uri,
        .opaque = challenge->opaque,
        .cnonce = (char *)cnonce,
        .algorithm = challenge->algorithm,
        .nc = nc,
    };
    g_autofree char *response = NULL;

    if (challenge->qop_auth)
        credentials.qop = PROTO_DIGEST_QOP_AUTH;
    else if (challenge->qop_auth_int)
        credentials.qop = PROTO_DIGEST_QOP_AUTH_INT;
    response = proto_digest_response(&credentials, ha1, method, body, body_length);
    credentials.response = response;

    return proto_digest_credentials_build(&credentials);
}

bool
proto_digest_verify(const ProtoDigestCredentials *credentials,
                    const char *ha1,
                    const char *method,
                    const void *body,
                    size_t body_length)
{
    g_autofree char *expected = proto_digest_response(credentials, ha1, method, body, body_length);
    g_autofree char *given = g_ascii_strdown(credentials->response, -1);

    return base_secret_equal(expected, given);
}

bool
proto_digest_aka_nonce(const char *nonce, uint8_t ret_rand[16], uint8_t ret_autn[16])
{
    gsize length = 0;
    g_autofree guchar *bytes = strlen(nonce) <= MAX_VALUE ? g_base64_decode(nonce, &length) : NULL;

    if (!bytes || length < 32)
        return false;
    memcpy(ret_rand, bytes, 16);
    memcpy(ret_autn, bytes + 16, 16);

    return true;
}
