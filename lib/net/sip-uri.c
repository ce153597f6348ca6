#include "lib/net/sip-uri.h"

#include <osipparser2/osip_port.h>
#include <osipparser2/osip_uri.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-text.h"

#define MAX_PARAMS 32

struct NetSipUri {
    char *scheme;
    char *user;     /* unescaped; an escaped NUL stays "%00" */
    char *user_raw; /* as it goes on the wire, password included */
    char *host;
    uint16_t port;
    NetSipParams *params;
    char *headers; /* behind '?', untouched */
};

/* --- libosip2 -------------------------------------------------------------------------------- */

static bool
take_port(NetSipUri *self, const char *port)
{
    guint64 number = 0;

    if (!port)
        return true;
    if (!g_ascii_string_to_unsigned(port, 10, 1, 65535, &number, NULL))
        return false;

    self->port = (uint16_t)number;
    return true;
}

static void
take_params(NetSipUri *self, osip_list_t *params)
{
    osip_list_iterator_t at;

    for (osip_uri_param_t *p = osip_list_get_first(params, &at); p; p = osip_list_get_next(&at))
        net_sip_params_set(self->params, p->gname, p->gvalue);
}

static bool
is_host(const char *host)
{
    if (!host || !host[0])
        return false;
    if (strchr(host, ':'))
        return g_hostname_is_ip_address(host);
    for (const char *c = host; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-._", *c))
            return false;

    return true;
}

/* libosip2 is given the URI without its user part: it refuses user parts that RFC 4475 3.1.1.2 has. */
static bool
take_rest(NetSipUri *self, const char *rest)
{
    g_autofree char *text = g_strconcat("sip:", rest, NULL);
    osip_uri_t *osip = NULL;
    bool ok;

    if (osip_uri_init(&osip) != 0)
        return false;
    ok = osip_uri_parse(osip, text) == 0 && is_host(osip->host) && take_port(self, osip->port) &&
         osip_list_size(&osip->url_params) <= MAX_PARAMS;
    if (ok) {
        self->host = g_ascii_strdown(osip->host, -1);
        take_params(self, &osip->url_params);
    }
    osip_uri_free(osip);

    return ok;
}

/* --- Parts ----------------------------------------------------------------------------------- */

static bool
valid_escapes(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == '%' && (!g_ascii_isxdigit(c[1]) || !g_ascii_isxdigit(c[2])))
            return false;

    return true;
}

static char *
unescape(const char *text, gsize length)
{
    GString *out = g_string_sized_new(length);

    for (gsize i = 0; i < length; i++) {
        int byte =
            text[i] == '%' ? g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]) : 0;
        if (text[i] == '%' && byte != 0) {
            g_string_append_c(out, (char)byte);
            i += 2;
        } else {
            g_string_append_c(out, text[i]);
        }
    }

    return g_string_free(out, FALSE);
}

static void
append_escaped(GString *out, const char *text, const char *also)
{
    for (const char *c = text; *c; c++) {
        if (g_ascii_isalnum(*c) || strchr("-_.!~*'()", *c) || strchr(also, *c))
            g_string_append_c(out, *c);
        else
            g_string_append_printf(out, "%%%02X", (guint8)*c);
    }
}

static bool
take_user(NetSipUri *self, const char *text, const char *at)
{
    const char *colon;

    if (at == text)
        return false;
    colon = memchr(text, ':', (size_t)(at - text));
    self->user_raw = g_strndup(text, (gsize)(at - text));
    self->user = unescape(text, (gsize)((colon ? colon : at) - text));

    return true;
}

static bool
parse_sip(NetSipUri *self, const char *text)
{
    const char *at = strchr(text, '@');
    g_autofree char *rest = g_strdup(at ? at + 1 : text);
    char *headers = strchr(rest, '?');

    if (strchr(rest, '@') || strstr(rest, "%00") || (at && !take_user(self, text, at)))
        return false;
    if (headers) {
        self->headers = g_strdup(headers + 1);
        *headers = '\0';
    }

    return take_rest(self, rest);
}

/* tel:, urn: and whatever else there is: opaque up to the first parameter. */
static bool
parse_other(NetSipUri *self, const char *text)
{
    const char *semicolon = strchr(text, ';');

    if (!text[0] || text[0] == ';')
        return false;
    self->user_raw = semicolon ? g_strndup(text, (gsize)(semicolon - text)) : g_strdup(text);
    self->user = g_strdup(self->user_raw);

    return !semicolon || net_sip_params_parse(self->params, semicolon);
}

static bool
valid_characters(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((guint8)*c <= ' ' || (guint8)*c >= 0x7f || strchr("<>\"\\^`{|}", *c))
            return false;

    return valid_escapes(text);
}

static NetSipUri *
uri_alloc(const char *scheme, gssize length)
{
    NetSipUri *self = g_new0(NetSipUri, 1);

    self->scheme = g_ascii_strdown(scheme, length);
    self->params = net_sip_params_new();

    return self;
}

static bool
valid_scheme(const char *text, const char *colon)
{
    if (!colon || colon == text || !g_ascii_isalpha(text[0]) || colon - text > 32)
        return false;
    for (const char *c = text; c < colon; c++)
        if (!g_ascii_isalnum(*c) && !strchr("+-.", *c))
            return false;

    return true;
}

static bool
is_sip(const NetSipUri *self)
{
    return strcmp(self->scheme, "sip") == 0 || strcmp(self->scheme, "sips") == 0;
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

NetSipUri *
net_sip_uri_parse(const char *text, GError **error)
{
    const char *colon = strchr(text, ':');
    g_autoptr(NetSipUri) self = NULL;

    if (valid_scheme(text, colon) && valid_characters(text)) {
        self = uri_alloc(text, colon - text);
        if (is_sip(self) ? parse_sip(self, colon + 1) : parse_other(self, colon + 1))
            return g_steal_pointer(&self);
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "not a URI: '%.80s'", text);

    return NULL;
}

NetSipUri *
net_sip_uri_new(const char *scheme, const char *user, const char *host, uint16_t port)
{
    NetSipUri *self = uri_alloc(scheme, -1);
    gsize length = host ? strlen(host) : 0;

    net_sip_uri_set_user(self, user);
    if (length > 2 && host[0] == '[')
        self->host = g_strndup(host + 1, length - 2);
    else
        self->host = g_strdup(host);
    self->port = port;

    return self;
}

NetSipUri *
net_sip_uri_copy(const NetSipUri *self)
{
    NetSipUri *copy = uri_alloc(self->scheme, -1);

    copy->user = g_strdup(self->user);
    copy->user_raw = g_strdup(self->user_raw);
    copy->host = g_strdup(self->host);
    copy->port = self->port;
    copy->headers = g_strdup(self->headers);
    net_sip_params_copy(copy->params, self->params);

    return copy;
}

void
net_sip_uri_free(NetSipUri *self)
{
    if (!self)
        return;
    g_free(self->scheme);
    g_free(self->user);
    g_free(self->user_raw);
    g_free(self->host);
    g_free(self->headers);
    net_sip_params_free(self->params);
    g_free(self);
}

/* --- Getters and setters --------------------------------------------------------------------- */

const char *
net_sip_uri_scheme(const NetSipUri *self)
{
    return self->scheme;
}

const char *
net_sip_uri_user(const NetSipUri *self)
{
    return self->user;
}

const char *
net_sip_uri_host(const NetSipUri *self)
{
    return self->host;
}

uint16_t
net_sip_uri_port(const NetSipUri *self)
{
    return self->port;
}

const char *
net_sip_uri_param(const NetSipUri *self, const char *name)
{
    return net_sip_params_get(self->params, name);
}

void
net_sip_uri_set_user(NetSipUri *self, const char *user)
{
    g_clear_pointer(&self->user_raw, g_free);
    g_free(self->user);
    self->user = user && user[0] ? g_strdup(user) : NULL;
    if (self->user) {
        GString *raw = g_string_new(NULL);

        append_escaped(raw, self->user, "&=+$,;?/");
        self->user_raw = g_string_free(raw, FALSE);
    }
}

void
net_sip_uri_set_param(NetSipUri *self, const char *name, const char *value)
{
    net_sip_params_set(self->params, name, value);
}

void
net_sip_uri_remove_param(NetSipUri *self, const char *name)
{
    net_sip_params_remove(self->params, name);
}

static void
append_host(GString *out, const NetSipUri *self)
{
    if (self->host && strchr(self->host, ':'))
        g_string_append_printf(out, "[%s]", self->host);
    else if (self->host)
        g_string_append(out, self->host);
}

char *
net_sip_uri_to_string(const NetSipUri *self)
{
    GString *out = g_string_new(self->scheme);

    g_string_append_c(out, ':');
    if (self->user_raw) {
        g_string_append(out, self->user_raw);
        if (is_sip(self))
            g_string_append_c(out, '@');
    }
    append_host(out, self);
    if (self->port)
        g_string_append_printf(out, ":%u", self->port);
    for (guint i = 0; i < net_sip_params_count(self->params); i++) {
        const char *value = net_sip_params_nth_value(self->params, i);

        g_string_append_c(out, ';');
        append_escaped(out, net_sip_params_nth_name(self->params, i), "[]/:&+$");
        if (value) {
            g_string_append_c(out, '=');
            append_escaped(out, value, is_sip(self) ? "[]/:&+$" : "[]/:&+$%");
        }
    }
    if (self->headers)
        g_string_append_printf(out, "?%s", self->headers);

    return g_string_free(out, FALSE);
}

char *
net_sip_uri_aor(const NetSipUri *self)
{
    g_autoptr(NetSipUri) key = net_sip_uri_new(self->scheme, self->user, self->host, 0);

    return net_sip_uri_to_string(key);
}

char *
net_sip_uri_aor_of(const char *text)
{
    g_autoptr(NetSipUri) uri = text ? net_sip_uri_parse(text, NULL) : NULL;

    return uri ? net_sip_uri_aor(uri) : NULL;
}

/* --- Comparison ------------------------------------------------------------------------------ */

static bool
must_be_in_both(const char *name)
{
    static const char *const names[] = {"user", "ttl", "method", "maddr", "transport"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_ascii_strcasecmp(name, names[i]) == 0)
            return true;

    return false;
}

static bool
params_agree(const NetSipUri *a, const NetSipUri *b)
{
    for (guint i = 0; i < net_sip_params_count(a->params); i++) {
        const char *name = net_sip_params_nth_name(a->params, i);
        const char *theirs = net_sip_uri_param(b, name);

        if (!theirs && must_be_in_both(name))
            return false;
        if (theirs && g_ascii_strcasecmp(theirs, net_sip_uri_param(a, name)) != 0)
            return false;
    }

    return true;
}

bool
net_sip_uri_equal(const NetSipUri *a, const NetSipUri *b)
{
    g_autofree char *aor_a = net_sip_uri_aor(a);
    g_autofree char *aor_b = net_sip_uri_aor(b);

    return strcmp(aor_a, aor_b) == 0 && a->port == b->port && params_agree(a, b) && params_agree(b, a) &&
           g_strcmp0(a->headers, b->headers) == 0;
}
