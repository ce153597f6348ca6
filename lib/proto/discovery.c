#include "lib/proto/discovery.h"

#include "lib/proto/xml.h"

#define MAX_SSFS 32
#define MAX_PAYLOADS 32
#define XML_NAMESPACE "urn:org:etsi:ngn:params:xml:ns:iptvdiscovery"

ProtoSsf *
proto_ssf_copy(const ProtoSsf *self)
{
    ProtoSsf *copy = g_new0(ProtoSsf, 1);

    copy->id = g_strdup(self->id);
    copy->version = g_strdup(self->version);
    copy->technology = g_strdup(self->technology);
    copy->domain = g_strdup(self->domain);
    copy->name = g_strdup(self->name);
    copy->location = g_strdup(self->location);
    copy->payloads = g_strdupv(self->payloads);
    return copy;
}

void
proto_ssf_free(ProtoSsf *self)
{
    if (!self)
        return;

    g_free(self->id);
    g_free(self->version);
    g_free(self->technology);
    g_free(self->domain);
    g_free(self->name);
    g_free(self->location);
    g_strfreev(self->payloads);
    g_free(self);
}

static void
build_ssf(GString *out, const ProtoSsf *ssf)
{
    proto_xml_append(out, " <SSF ID=\"%s\" Version=\"%s\" Technology=\"%s\">\n", ssf->id, ssf->version,
                     ssf->technology);
    proto_xml_append(
        out, "  <ServiceProvider DomainName=\"%s\"><Name Language=\"eng\">%s</Name></ServiceProvider>\n",
        ssf->domain, ssf->name ? ssf->name : ssf->domain);
    proto_xml_append(out, "  <Pull Location=\"%s\">\n", ssf->location);
    for (unsigned i = 0; ssf->payloads && ssf->payloads[i]; i++)
        proto_xml_append(out, "   <PayloadId Id=\"%s\"/>\n", ssf->payloads[i]);
    g_string_append(out, "  </Pull>\n </SSF>\n");
}

char *
proto_discovery_build(const GPtrArray *ssfs)
{
    GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                "<SSFList xmlns=\"" XML_NAMESPACE "\">\n");

    for (unsigned i = 0; i < ssfs->len; i++)
        build_ssf(out, g_ptr_array_index(ssfs, i));
    g_string_append(out, "</SSFList>\n");

    return g_string_free(out, FALSE);
}

static char **
parse_payloads(const xmlNode *pull)
{
    GPtrArray *payloads = g_ptr_array_new();
    const xmlNode *item = proto_xml_child(pull, "PayloadId");

    for (; item && payloads->len < MAX_PAYLOADS; item = proto_xml_next(item, "PayloadId")) {
        char *id = proto_xml_attribute(item, "Id");

        if (id)
            g_ptr_array_add(payloads, id);
    }
    g_ptr_array_add(payloads, NULL);
    return (char **)g_ptr_array_free(payloads, FALSE);
}

static ProtoSsf *
parse_ssf(const xmlNode *node)
{
    const xmlNode *provider = proto_xml_child(node, "ServiceProvider");
    const xmlNode *pull = proto_xml_child(node, "Pull");
    ProtoSsf *ssf = g_new0(ProtoSsf, 1);

    ssf->id = proto_xml_attribute(node, "ID");
    ssf->version = proto_xml_attribute(node, "Version");
    ssf->technology = proto_xml_attribute(node, "Technology");
    ssf->domain = proto_xml_attribute(provider, "DomainName");
    ssf->name = proto_xml_text(proto_xml_child(provider, "Name"));
    ssf->location = proto_xml_attribute(pull, "Location");
    ssf->payloads = parse_payloads(pull);
    return ssf;
}

GPtrArray *
proto_discovery_parse(const char *xml, gssize length, GError **error)
{
    g_autoptr(ProtoXml) doc = proto_xml_parse(xml, length, error);
    GPtrArray *ssfs;
    const xmlNode *top;

    if (!doc)
        return NULL;

    top = proto_xml_root(doc);
    ssfs = g_ptr_array_new_with_free_func((GDestroyNotify)proto_ssf_free);
    for (const xmlNode *node = proto_xml_find(top, "SSF"); node && ssfs->len < MAX_SSFS;
         node = proto_xml_find_next(node, top, "SSF")) {
        g_autoptr(ProtoSsf) ssf = parse_ssf(node);

        if (ssf->location && ssf->location[0])
            g_ptr_array_add(ssfs, g_steal_pointer(&ssf));
    }
    return ssfs;
}
