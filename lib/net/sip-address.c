#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-text.h"
#include "lib/net/sip-uri.h"

struct NetSipAddress {
    char *display;
    NetSipUri *uri;
    NetSipParams *params;
};

static NetSipAddress *
address_alloc(void)
{
    NetSipAddress *self = g_new0(NetSipAddress, 1);

    self->params = net_sip_params_new();

    return self;
}

void
net_sip_address_free(NetSipAddress *self)
{
    if (!self)
        return;
    g_free(self->display);
    net_sip_uri_free(self->uri);
    net_sip_params_free(self->params);
    g_free(self);
}

/* --- Parsing --------------------------------------------------------------------------------- */

/* The quoted display name, taken out of its quotes; returns what follows, NULL if it is not closed. */
static const char *
take_quoted(NetSipAddress *self, const char *text)
{
    GString *name = g_string_new(NULL);
    const char *c;

    for (c = text + 1; *c && *c != '"'; c++) {
        if (*c == '\\' && c[1])
            c++;
        g_string_append_c(name, *c);
    }
    self->display = g_string_free(name, FALSE);

    return *c == '"' ? c + 1 : NULL;
}

static bool
is_token_phrase(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);

    for (char **word = words; *word; word++)
        if ((*word)[0] && !net_sip_is_token(*word, strlen(*word)))
            return false;

    return true;
}

static const char *
take_display(NetSipAddress *self, const char *text)
{
    const char *bracket;

    if (text[0] == '"') {
        text = take_quoted(self, text);
        if (!text)
            return NULL;
        text += strspn(text, " \t");
        return *text == '<' ? text : NULL;
    }
    bracket = strchr(text, '<');
    if (bracket && bracket > text) {
        self->display = net_sip_strip(text, (gsize)(bracket - text));
        if (!is_token_phrase(self->display))
            return NULL;
    }

    return bracket;
}

/* `<uri>;params` */
static bool
parse_name_addr(NetSipAddress *self, const char *bracket)
{
    const char *end = strchr(bracket, '>');
    g_autofree char *uri = NULL;

    if (!end)
        return false;
    uri = g_strndup(bracket + 1, (gsize)(end - bracket - 1));
    self->uri = net_sip_uri_parse(uri, NULL);

    return self->uri && net_sip_params_parse(self->params, end + 1);
}

/* `uri;params`: the parameters are the header's, and a '?' or ',' wants brackets (RFC 3261 20). */
static bool
parse_addr_spec(NetSipAddress *self, const char *text)
{
    const char *end = text + strcspn(text, "; \t");
    g_autofree char *uri = g_strndup(text, (gsize)(end - text));

    if (strpbrk(uri, "?,<>"))
        return false;
    self->uri = net_sip_uri_parse(uri, NULL);

    return self->uri && net_sip_params_parse(self->params, end);
}

NetSipAddress *
net_sip_address_parse(const char *text, GError **error)
{
    g_autoptr(NetSipAddress) self = address_alloc();
    g_autofree char *stripped = net_sip_strip(text, strlen(text));
    /* A '<' behind a quote belongs to a parameter: sip:a@b;+sip.instance="<urn:...>" */
    size_t first = strcspn(stripped, "<\"");
    bool has_name = stripped[0] == '"' || stripped[first] == '<';
    const char *bracket = has_name ? take_display(self, stripped) : NULL;

    if (has_name ? bracket && parse_name_addr(self, bracket) : parse_addr_spec(self, stripped))
        return g_steal_pointer(&self);
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "not an address: '%.80s'", text);

    return NULL;
}

NetSipAddress *
net_sip_address_new(const char *display, const char *uri)
{
    NetSipAddress *self = address_alloc();

    self->display = g_strdup(display);
    self->uri = net_sip_uri_parse(uri, NULL);
    g_assert(self->uri);

    return self;
}

/* --- Access ---------------------------------------------------------------------------------- */

const NetSipUri *
net_sip_address_uri(const NetSipAddress *self)
{
    return self->uri;
}

NetSipUri *
net_sip_address_edit_uri(NetSipAddress *self)
{
    return self->uri;
}

const char *
net_sip_address_display(const NetSipAddress *self)
{
    return self->display;
}

const char *
net_sip_address_param(const NetSipAddress *self, const char *name)
{
    return net_sip_params_get(self->params, name);
}

void
net_sip_address_set_param(NetSipAddress *self, const char *name, const char *value)
{
    net_sip_params_set(self->params, name, value);
}

void
net_sip_address_remove_param(NetSipAddress *self, const char *name)
{
    net_sip_params_remove(self->params, name);
}

char *
net_sip_address_to_string(const NetSipAddress *self)
{
    g_autofree char *uri = net_sip_uri_to_string(self->uri);
    GString *out = g_string_new(NULL);

    if (self->display && self->display[0]) {
        g_string_append_c(out, '"');
        for (const char *c = self->display; *c; c++) {
            if (*c == '"' || *c == '\\')
                g_string_append_c(out, '\\');
            g_string_append_c(out, *c);
        }
        g_string_append(out, "\" ");
    }
    g_string_append_printf(out, "<%s>", uri);
    net_sip_params_append(self->params, out);

    return g_string_free(out, FALSE);
}
