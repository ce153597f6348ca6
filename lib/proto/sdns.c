#include "lib/proto/sdns.h"

#include <stdbool.h>
#include <string.h>

#include "lib/proto/xml.h"

#define MAX_RECORDS 2000
#define XML_NAMESPACE "urn:dvb:metadata:iptv:sdns:2008-1"
#define OWN_NAMESPACE "urn:imstv:sdns"

/* ---- records ---- */

ProtoSdnsChannel *
proto_sdns_channel_new(void)
{
    return g_new0(ProtoSdnsChannel, 1);
}

ProtoSdnsPackage *
proto_sdns_package_new(void)
{
    ProtoSdnsPackage *self = g_new0(ProtoSdnsPackage, 1);

    self->services = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_package_service_free);
    return self;
}

ProtoSdnsPackageService *
proto_sdns_package_service_new(void)
{
    return g_new0(ProtoSdnsPackageService, 1);
}

ProtoSdnsGuide *
proto_sdns_guide_new(void)
{
    return g_new0(ProtoSdnsGuide, 1);
}

ProtoSdnsProvider *
proto_sdns_provider_new(void)
{
    return g_new0(ProtoSdnsProvider, 1);
}

void
proto_sdns_channel_free(ProtoSdnsChannel *self)
{
    if (!self)
        return;

    g_free(self->name);
    g_free(self->domain);
    g_free(self->title);
    g_free(self->location);
    g_free(self);
}

void
proto_sdns_package_free(ProtoSdnsPackage *self)
{
    if (!self)
        return;

    g_free(self->id);
    g_free(self->title);
    g_ptr_array_unref(self->services);
    g_free(self);
}

void
proto_sdns_package_service_free(ProtoSdnsPackageService *self)
{
    if (!self)
        return;

    g_free(self->name);
    g_free(self->domain);
    g_free(self);
}

void
proto_sdns_guide_free(ProtoSdnsGuide *self)
{
    if (!self)
        return;

    g_free(self->id);
    g_free(self->title);
    g_free(self->location);
    g_free(self);
}

void
proto_sdns_provider_free(ProtoSdnsProvider *self)
{
    if (!self)
        return;

    g_free(self->domain);
    g_free(self->title);
    g_free(self->location);
    g_free(self);
}

/* ---- build ---- */

/* Head of a document with one record; @domain NULL: without. */
static GString *
begin(const char *record, const char *domain, unsigned version)
{
    GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                "<ServiceDiscovery xmlns=\"" XML_NAMESPACE "\">\n");

    g_string_append_printf(out, "<%s", record);
    if (domain)
        proto_xml_append(out, " DomainName=\"%s\"", domain);
    g_string_append_printf(out, " Version=\"%02X\">\n", version & 0xff);
    return out;
}

static char *
end(GString *out, const char *record)
{
    g_string_append_printf(out, "</%s>\n</ServiceDiscovery>\n", record);
    return g_string_free(out, FALSE);
}

/* udp://address:port -> IPMulticastAddress; the port may be missing in a URL that nobody made for this. */
static void
build_location(GString *out, const char *location)
{
    g_autoptr(GUri) uri = g_uri_parse(location, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";

    if (g_str_equal(scheme, "udp") || g_str_equal(scheme, "rtp"))
        proto_xml_append(out,
                         "<ServiceLocation><IPMulticastAddress Address=\"%s\" Port=\"%u\" Streaming=\"%s\"/>"
                         "</ServiceLocation>",
                         g_uri_get_host(uri), (unsigned)MAX(g_uri_get_port(uri), 0), scheme);
    else
        proto_xml_append(out, "<ServiceLocation><RTSPURL>%s</RTSPURL></ServiceLocation>", location);
}

static void
build_channel(GString *out, const ProtoSdnsChannel *channel)
{
    g_string_append(out, "  <SingleService");
    if (channel->no_signal)
        g_string_append(out, " xmlns:imstv=\"" OWN_NAMESPACE "\" imstv:NoSignal=\"true\"");
    g_string_append_c(out, '>');
    if (channel->location)
        build_location(out, channel->location);
    proto_xml_append(out, "<TextualIdentifier ServiceName=\"%s\"", channel->name);
    if (channel->domain)
        proto_xml_append(out, " DomainName=\"%s\"", channel->domain);
    proto_xml_append(out, "/><SI ServiceType=\"01\"><Name Language=\"eng\">%s</Name></SI>",
                     channel->title ? channel->title : channel->name);
    if (channel->max_bitrate_kbps)
        proto_xml_append(out, "<MaxBitrate>%u</MaxBitrate>", channel->max_bitrate_kbps);
    g_string_append(out, "</SingleService>\n");
}

char *
proto_sdns_build_channels(const char *domain, unsigned version, const GPtrArray *channels)
{
    GString *out = begin("BroadcastDiscovery", domain, version);

    g_string_append(out, " <ServiceList>\n");
    for (unsigned i = 0; i < channels->len; i++)
        build_channel(out, g_ptr_array_index(channels, i));
    g_string_append(out, " </ServiceList>\n");

    return end(out, "BroadcastDiscovery");
}

static void
build_package(GString *out, const ProtoSdnsPackage *package)
{
    proto_xml_append(out, " <Package Id=\"%s\"><PackageName Language=\"eng\">%s</PackageName>\n", package->id,
                     package->title ? package->title : package->id);
    for (unsigned i = 0; i < package->services->len; i++) {
        const ProtoSdnsPackageService *service = g_ptr_array_index(package->services, i);

        proto_xml_append(out, "  <Service><TextualID ServiceName=\"%s\"", service->name);
        if (service->domain)
            proto_xml_append(out, " DomainName=\"%s\"", service->domain);
        g_string_append(out, "/>");
        if (service->lcn)
            proto_xml_append(out, "<LogicalChannelNumber>%u</LogicalChannelNumber>", service->lcn);
        g_string_append(out, "</Service>\n");
    }
    g_string_append(out, " </Package>\n");
}

char *
proto_sdns_build_packages(const char *domain, unsigned version, const GPtrArray *packages)
{
    GString *out = begin("PackageDiscovery", domain, version);

    for (unsigned i = 0; i < packages->len; i++)
        build_package(out, g_ptr_array_index(packages, i));

    return end(out, "PackageDiscovery");
}

char *
proto_sdns_build_guides(const char *domain, unsigned version, const GPtrArray *guides)
{
    GString *out = begin("BCGDiscovery", domain, version);

    for (unsigned i = 0; i < guides->len; i++) {
        const ProtoSdnsGuide *guide = g_ptr_array_index(guides, i);

        proto_xml_append(out,
                         " <BCG Id=\"%s\"><Name Language=\"eng\">%s</Name>"
                         "<TransportMode><HTTP Location=\"%s\" SOAP=\"false\"/></TransportMode></BCG>\n",
                         guide->id, guide->title ? guide->title : guide->id, guide->location);
    }
    return end(out, "BCGDiscovery");
}

char *
proto_sdns_build_providers(unsigned version, const GPtrArray *providers)
{
    GString *out = begin("ServiceProviderDiscovery", NULL, version);

    for (unsigned i = 0; i < providers->len; i++) {
        const ProtoSdnsProvider *provider = g_ptr_array_index(providers, i);

        proto_xml_append(out,
                         " <ServiceProvider DomainName=\"%s\"><Name Language=\"eng\">%s</Name>"
                         "<Offering><Pull Location=\"%s\"/></Offering></ServiceProvider>\n",
                         provider->domain, provider->title ? provider->title : provider->domain,
                         provider->location);
    }
    return end(out, "ServiceProviderDiscovery");
}

/* ---- parse ---- */

/* Makes a record of an element; NULL leaves it out. @domain: of the enclosing *Discovery. */
typedef void *(*ParseRecord)(const xmlNode *node, const char *domain);

static char *
inherited_domain(const xmlNode *node)
{
    for (; node && node->type == XML_ELEMENT_NODE; node = node->parent) {
        char *domain = proto_xml_attribute(node, "DomainName");

        if (domain)
            return domain;
    }
    return NULL;
}

static GPtrArray *
parse_records(const char *xml,
              gssize length,
              const char *root,
              const char *record,
              ParseRecord parse,
              GDestroyNotify free_record,
              GError **error)
{
    g_autoptr(ProtoXml) doc = proto_xml_parse(xml, length, error);
    GPtrArray *records;
    const xmlNode *top;

    if (!doc)
        return NULL;

    records = g_ptr_array_new_with_free_func(free_record);
    top = proto_xml_find(proto_xml_root(doc), root);
    for (const xmlNode *node = proto_xml_find(top, record); node && records->len < MAX_RECORDS;
         node = proto_xml_find_next(node, top, record)) {
        g_autofree char *domain = inherited_domain(node->parent);
        void *item = parse(node, domain);

        if (item)
            g_ptr_array_add(records, item);
    }
    return records;
}

/* The value if it is there and not empty, else NULL. */
static char *
non_empty(char *text)
{
    if (text && !text[0])
        g_clear_pointer(&text, g_free);
    return text;
}

static unsigned
number(const xmlNode *node)
{
    g_autofree char *text = proto_xml_text(node);
    guint64 value = 0;

    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &value, NULL) ? (unsigned)value : 0;
}

static char *
parse_location(const xmlNode *service)
{
    const xmlNode *location = proto_xml_child(service, "ServiceLocation");
    const xmlNode *multicast = proto_xml_child(location, "IPMulticastAddress");
    g_autofree char *address = proto_xml_attribute(multicast, "Address");
    g_autofree char *port = proto_xml_attribute(multicast, "Port");
    g_autofree char *streaming = proto_xml_attribute(multicast, "Streaming");

    if (address && port) /* RTP is what a missing Streaming means, TS 102 034 */
        return g_strdup_printf("%s://%s:%s", streaming && g_str_equal(streaming, "udp") ? "udp" : "rtp",
                               address, port);
    return non_empty(proto_xml_text(proto_xml_child(location, "RTSPURL")));
}

static void *
parse_channel(const xmlNode *node, const char *domain)
{
    const xmlNode *id = proto_xml_child(node, "TextualIdentifier");
    g_autoptr(ProtoSdnsChannel) channel = proto_sdns_channel_new();
    g_autofree char *no_signal = proto_xml_attribute(node, "NoSignal");

    channel->no_signal = g_strcmp0(no_signal, "true") == 0;
    channel->name = non_empty(proto_xml_attribute(id, "ServiceName"));
    channel->domain = non_empty(proto_xml_attribute(id, "DomainName"));
    channel->title = non_empty(proto_xml_text(proto_xml_child(proto_xml_child(node, "SI"), "Name")));
    channel->location = parse_location(node);
    channel->max_bitrate_kbps = number(proto_xml_child(node, "MaxBitrate"));
    if (!channel->domain)
        channel->domain = g_strdup(domain);

    return channel->name ? g_steal_pointer(&channel) : NULL;
}

static ProtoSdnsPackageService *
parse_package_service(const xmlNode *node)
{
    const xmlNode *id = proto_xml_child(node, "TextualID");
    g_autoptr(ProtoSdnsPackageService) service = proto_sdns_package_service_new();

    service->name = non_empty(proto_xml_attribute(id, "ServiceName"));
    service->domain = non_empty(proto_xml_attribute(id, "DomainName"));
    service->lcn = number(proto_xml_child(node, "LogicalChannelNumber"));

    return service->name ? g_steal_pointer(&service) : NULL;
}

static void *
parse_package(const xmlNode *node, const char *domain G_GNUC_UNUSED)
{
    g_autoptr(ProtoSdnsPackage) package = proto_sdns_package_new();
    const xmlNode *item = proto_xml_child(node, "Service");

    package->id = non_empty(proto_xml_attribute(node, "Id"));
    package->title = non_empty(proto_xml_text(proto_xml_child(node, "PackageName")));
    for (; item && package->services->len < MAX_RECORDS; item = proto_xml_next(item, "Service")) {
        ProtoSdnsPackageService *service = parse_package_service(item);

        if (service)
            g_ptr_array_add(package->services, service);
    }
    return package->id ? g_steal_pointer(&package) : NULL;
}

static void *
parse_guide(const xmlNode *node, const char *domain G_GNUC_UNUSED)
{
    g_autoptr(ProtoSdnsGuide) guide = proto_sdns_guide_new();

    guide->id = non_empty(proto_xml_attribute(node, "Id"));
    guide->title = non_empty(proto_xml_text(proto_xml_child(node, "Name")));
    guide->location = non_empty(proto_xml_attribute(proto_xml_find(node, "HTTP"), "Location"));

    return guide->id && guide->location ? g_steal_pointer(&guide) : NULL;
}

static void *
parse_provider(const xmlNode *node, const char *domain G_GNUC_UNUSED)
{
    g_autoptr(ProtoSdnsProvider) provider = proto_sdns_provider_new();

    provider->domain = non_empty(proto_xml_attribute(node, "DomainName"));
    provider->title = non_empty(proto_xml_text(proto_xml_child(node, "Name")));
    provider->location = non_empty(proto_xml_attribute(proto_xml_find(node, "Pull"), "Location"));

    return provider->domain ? g_steal_pointer(&provider) : NULL;
}

GPtrArray *
proto_sdns_parse_channels(const char *xml, gssize length, GError **error)
{
    return parse_records(xml, length, "BroadcastDiscovery", "SingleService", parse_channel,
                         (GDestroyNotify)proto_sdns_channel_free, error);
}

GPtrArray *
proto_sdns_parse_packages(const char *xml, gssize length, GError **error)
{
    return parse_records(xml, length, "PackageDiscovery", "Package", parse_package,
                         (GDestroyNotify)proto_sdns_package_free, error);
}

GPtrArray *
proto_sdns_parse_guides(const char *xml, gssize length, GError **error)
{
    return parse_records(xml, length, "BCGDiscovery", "BCG", parse_guide,
                         (GDestroyNotify)proto_sdns_guide_free, error);
}

GPtrArray *
proto_sdns_parse_providers(const char *xml, gssize length, GError **error)
{
    return parse_records(xml, length, "ServiceProviderDiscovery", "ServiceProvider", parse_provider,
                         (GDestroyNotify)proto_sdns_provider_free, error);
}
