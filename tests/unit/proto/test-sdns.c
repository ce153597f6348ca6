#include "lib/base/error.h"
#include "lib/proto/discovery.h"
#include "lib/proto/sdns.h"

static void
test_channels_there_and_back(void)
{
    g_autoptr(GPtrArray) channels = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_channel_free);
    g_autoptr(GPtrArray) parsed = NULL;
    g_autofree char *xml = NULL;
    ProtoSdnsChannel *one = proto_sdns_channel_new(), *two = proto_sdns_channel_new();
    const ProtoSdnsChannel *got;

    one->name = g_strdup("one");
    one->title = g_strdup("Channel <One> & \"more\"");
    one->location = g_strdup("udp://239.1.1.1:5000");
    one->max_bitrate_kbps = 2600;
    two->name = g_strdup("two");
    two->domain = g_strdup("other.test");
    two->no_signal = true;
    g_ptr_array_add(channels, one);
    g_ptr_array_add(channels, two);

    xml = proto_sdns_build_channels("imstv.test", 3, channels);
    parsed = proto_sdns_parse_channels(xml, -1, NULL);
    g_assert_cmpuint(parsed->len, ==, 2);
    got = g_ptr_array_index(parsed, 0);
    g_assert_cmpstr(got->name, ==, "one");
    g_assert_cmpstr(got->domain, ==, "imstv.test"); /* inherited */
    g_assert_cmpstr(got->title, ==, one->title);
    g_assert_cmpstr(got->location, ==, "udp://239.1.1.1:5000");
    g_assert_cmpuint(got->max_bitrate_kbps, ==, 2600);
    g_assert_false(got->no_signal);
    got = g_ptr_array_index(parsed, 1);
    g_assert_cmpstr(got->domain, ==, "other.test");
    g_assert_null(got->location);
    g_assert_true(got->no_signal);
}

static void
test_packages_there_and_back(void)
{
    g_autoptr(GPtrArray) packages = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_package_free);
    g_autoptr(GPtrArray) parsed = NULL;
    g_autofree char *xml = NULL;
    ProtoSdnsPackage *basic = proto_sdns_package_new();
    ProtoSdnsPackageService *service = proto_sdns_package_service_new();
    const ProtoSdnsPackage *got;

    basic->id = g_strdup("basic");
    basic->title = g_strdup("Basic");
    service->name = g_strdup("one");
    service->lcn = 7;
    g_ptr_array_add(basic->services, service);
    g_ptr_array_add(packages, basic);

    xml = proto_sdns_build_packages("imstv.test", 1, packages);
    parsed = proto_sdns_parse_packages(xml, -1, NULL);
    got = g_ptr_array_index(parsed, 0);
    g_assert_cmpstr(got->id, ==, "basic");
    service = g_ptr_array_index(got->services, 0);
    g_assert_cmpstr(service->name, ==, "one");
    g_assert_cmpuint(service->lcn, ==, 7);

    g_autoptr(GPtrArray) none = proto_sdns_parse_channels(xml, -1, NULL);
    g_assert_cmpuint(none->len, ==, 0);
}

static void
test_guides_and_providers_there_and_back(void)
{
    g_autoptr(GPtrArray) guides = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_guide_free);
    g_autoptr(GPtrArray) providers = g_ptr_array_new_with_free_func((GDestroyNotify)proto_sdns_provider_free);
    ProtoSdnsGuide *guide = proto_sdns_guide_new();
    ProtoSdnsProvider *provider = proto_sdns_provider_new();

    guide->id = g_strdup("films");
    guide->location = g_strdup("http://127.0.0.1:8088/bcg?a=1&b=2");
    g_ptr_array_add(guides, guide);
    provider->domain = g_strdup("imstv.test");
    provider->location = g_strdup("http://127.0.0.1:8088/dvb/sdns");
    g_ptr_array_add(providers, provider);

    g_autofree char *guides_xml = proto_sdns_build_guides("imstv.test", 1, guides);
    g_autofree char *providers_xml = proto_sdns_build_providers(1, providers);
    g_autoptr(GPtrArray) parsed_guides = proto_sdns_parse_guides(guides_xml, -1, NULL);
    g_autoptr(GPtrArray) parsed_providers = proto_sdns_parse_providers(providers_xml, -1, NULL);

    g_assert_cmpstr(((ProtoSdnsGuide *)g_ptr_array_index(parsed_guides, 0))->location, ==, guide->location);
    g_assert_cmpstr(((ProtoSdnsProvider *)g_ptr_array_index(parsed_providers, 0))->domain, ==, "imstv.test");
    g_assert_cmpstr(((ProtoSdnsProvider *)g_ptr_array_index(parsed_providers, 0))->location, ==,
                    provider->location);
}

/* As another vendor may write it: prefix, several records in one document, newer namespace, unknown elements.
 */
static void
test_other_spellings(void)
{
    static const char xml[] =
        "<s:ServiceDiscovery xmlns:s='urn:dvb:metadata:iptv:sdns:2012-1'><s:BroadcastDiscovery "
        "DomainName='x.test'>"
        "<s:ServiceList><s:ServicesDescriptionLocation>g</s:ServicesDescriptionLocation>"
        "<s:SingleService><s:ServiceLocation><s:IPMulticastAddress Address='239.0.0.1' "
        "Port='1234'/></s:ServiceLocation>"
        "<s:TextualIdentifier ServiceName='news'/><s:DVBTriplet OrigNetId='1' TSId='1' "
        "ServiceId='1'/></s:SingleService>"
        "<s:SingleService><s:TextualIdentifier ServiceName=''/></s:SingleService>"
        "</s:ServiceList><s:ServiceList><s:SingleService><s:TextualIdentifier ServiceName='b' "
        "DomainName='y.test'/>"
        "</s:SingleService></s:ServiceList></s:BroadcastDiscovery></s:ServiceDiscovery>";
    g_autoptr(GPtrArray) channels = proto_sdns_parse_channels(xml, -1, NULL);
    const ProtoSdnsChannel *news;

    g_assert_cmpuint(channels->len, ==, 2);
    news = g_ptr_array_index(channels, 0);
    g_assert_cmpstr(news->domain, ==, "x.test");
    g_assert_cmpstr(news->location, ==, "rtp://239.0.0.1:1234");
}

static void
test_discovery_there_and_back(void)
{
    static const char *const payloads[] = {"02", "05", "06", NULL};
    ProtoSsf ssf = {.id = (char *)"ssf-1",
                    .version = (char *)"1",
                    .technology = (char *)"dvb.org_iptv",
                    .domain = (char *)"imstv.test",
                    .name = (char *)"A & B",
                    .location = (char *)"http://127.0.0.1:8088/dvb/sdns",
                    .payloads = (char **)payloads};
    g_autoptr(GPtrArray) ssfs = g_ptr_array_new();
    g_autoptr(GPtrArray) parsed = NULL;
    g_autofree char *xml = NULL;
    const ProtoSsf *got;

    g_ptr_array_add(ssfs, &ssf);
    xml = proto_discovery_build(ssfs);
    parsed = proto_discovery_parse(xml, -1, NULL);
    g_assert_cmpuint(parsed->len, ==, 1);
    got = g_ptr_array_index(parsed, 0);
    g_assert_cmpstr(got->location, ==, ssf.location);
    g_assert_cmpstr(got->name, ==, "A & B");
    g_assert_cmpstrv(got->payloads, payloads);

    g_autoptr(GPtrArray) empty = proto_discovery_parse("<SSFList><SSF ID='x'/></SSFList>", -1, NULL);
    g_assert_cmpuint(empty->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/sdns/channels-there-and-back", test_channels_there_and_back);
    g_test_add_func("/sdns/packages-there-and-back", test_packages_there_and_back);
    g_test_add_func("/sdns/guides-and-providers-there-and-back", test_guides_and_providers_there_and_back);
    g_test_add_func("/sdns/other-spellings", test_other_spellings);
    g_test_add_func("/sdns/discovery-there-and-back", test_discovery_there_and_back);

    return g_test_run();
}
