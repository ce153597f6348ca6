#include "lib/net/sip-via.h"

#include <stdbool.h>
#include <string.h>

#include "lib/net/sip-text.h"

/* "SIP / 2.0 / UDP host": the slashes may have spaces round them. Returns where sent-by starts. */
static const char *
take_protocol(const char *c, char **ret_transport)
{
    const char *parts[3];
    gsize lengths[3];

    for (int i = 0; i < 3; i++) {
        c += strspn(c, " \t");
        parts[i] = c;
        lengths[i] = strcspn(c, "/ \t;");
        c += lengths[i];
        if (!net_sip_is_token(parts[i], lengths[i]))
            return NULL;
        if (i < 2) {
            c += strspn(c, " \t");
            if (*c++ != '/')
                return NULL;
        }
    }
    if (lengths[0] != 3 || g_ascii_strncasecmp(parts[0], "SIP", 3) != 0 || lengths[1] != 3 ||
        strncmp(parts[1], "2.0", 3) != 0 || (*c != ' ' && *c != '\t'))
        return NULL;
    *ret_transport = g_ascii_strup(parts[2], (gssize)lengths[2]);

    return c + strspn(c, " \t");
}

static bool
take_sent_by(NetSipVia *self, const char *text, gsize length)
{
    g_autofree char *sent_by = net_sip_strip(text, length);
    char *bracket = sent_by[0] == '[' ? strchr(sent_by, ']') : NULL;
    char *colon = bracket ? strchr(bracket, ':') : strchr(sent_by, ':');
    uint64_t port = 0;

    if (colon) {
        g_autofree char *digits = net_sip_strip(colon + 1, strlen(colon + 1));

        if (!net_sip_number(digits, 65535, &port) || port == 0)
            return false;
        *colon = '\0';
        self->port = (uint16_t)port;
    }
    if (bracket) {
        *bracket = '\0';
        self->host = g_strdup(sent_by + 1);
        return g_hostname_is_ip_address(self->host);
    }
    self->host = net_sip_strip(sent_by, strlen(sent_by));
    for (const char *c = self->host; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-._", *c))
            return false;

    return self->host[0] != '\0';
}

static bool
take_params(NetSipVia *self, const char *text)
{
    NetSipParams *params = net_sip_params_new();
    bool ok = net_sip_params_parse(params, text);
    const char *rport = net_sip_params_get(params, "rport");
    uint64_t port = 0;

    self->branch = g_strdup(net_sip_params_get(params, "branch"));
    self->received = g_strdup(net_sip_params_get(params, "received"));
    if (rport && rport[0] && net_sip_number(rport, 65535, &port))
        self->rport = (uint16_t)port;
    net_sip_params_free(params);

    return ok;
}

NetSipVia *
net_sip_via_parse(const char *text)
{
    g_autoptr(NetSipVia) self = g_new0(NetSipVia, 1);
    const char *sent_by = take_protocol(text, &self->transport);
    gsize length;

    if (!sent_by)
        return NULL;
    length = strcspn(sent_by, ";");
    if (!take_sent_by(self, sent_by, length) || !take_params(self, sent_by + length))
        return NULL;

    return g_steal_pointer(&self);
}

void
net_sip_via_free(NetSipVia *self)
{
    if (!self)
        return;
    g_free(self->transport);
    g_free(self->host);
    g_free(self->branch);
    g_free(self->received);
    g_free(self);
}

char *
net_sip_host_port(const char *host, uint16_t port)
{
    bool v6 = strchr(host, ':') != NULL;

    if (port == 0)
        return g_strdup_printf(v6 ? "[%s]" : "%s", host);

    return g_strdup_printf(v6 ? "[%s]:%u" : "%s:%u", host, port);
}

char *
net_sip_via_mark(const char *text, const char *source_host, uint16_t source_port)
{
    gsize head = strcspn(text, ";");
    GString *out = g_string_new_len(text, (gssize)head);
    NetSipParams *params = net_sip_params_new();
    g_autofree char *port = g_strdup_printf("%u", source_port);

    net_sip_params_parse(params, text + head);
    if (net_sip_params_get(params, "rport"))
        net_sip_params_set(params, "rport", port);
    net_sip_params_set(params, "received", source_host);
    net_sip_params_append(params, out);
    net_sip_params_free(params);

    return g_string_free(out, FALSE);
}
