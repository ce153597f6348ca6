#include <string.h>

#include "iptv/offering.h"
#include "lib/base/error.h"
#include "tests/unit/iptv/fixture.h"

#define DEMO "sip:demo@imstv.test"

static char *
document(Headend *headend, IptvOfferingDocument which, const char *impu)
{
    g_autoptr(IptvOffering) offering =
        iptv_offering_new(headend->settings, headend->store, headend->catalogue);
    g_autoptr(GError) error = NULL;
    char *text = iptv_offering_document(offering, which, impu, "http://x", &error);

    g_assert_no_error(error);
    return text;
}

static void
test_user_sees_what_is_granted(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *films = document(headend, IPTV_OFFERING_FILMS_JSON, DEMO);
    g_autofree char *channels = document(headend, IPTV_OFFERING_CHANNELS_JSON, DEMO);
    g_autofree char *all_films = document(headend, IPTV_OFFERING_FILMS_JSON, NULL);
    g_autofree char *all_channels = document(headend, IPTV_OFFERING_CHANNELS_JSON, NULL);

    g_assert_cmpstr(films, ==, "[{\"id\":\"open\",\"title\":\"open\",\"duration_s\":1.0}]");
    g_assert_cmpstr(channels, ==, "[{\"id\":\"one\",\"title\":\"one\",\"lcn\":1,\"package\":\"basic\"}]");
    g_assert_nonnull(strstr(all_films, "rare"));
    g_assert_nonnull(strstr(all_channels, "rich"));
}

static void
test_gold_without_basic(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *films = NULL, *packages = NULL;

    store_grant_add(headend->store, "demo@imstv.test", "gold", NULL);
    store_grant_remove(headend->store, "demo@imstv.test", "basic", NULL);
    films = document(headend, IPTV_OFFERING_FILMS_JSON, DEMO);
    packages = document(headend, IPTV_OFFERING_PACKAGES_XML, DEMO);

    g_assert_nonnull(strstr(films, "\"rare\""));
    g_assert_null(strstr(films, "\"open\""));
    g_assert_nonnull(strstr(packages, "Id=\"gold\""));
    g_assert_null(strstr(packages, "Id=\"basic\""));
}

static void
test_unknown_user(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(IptvOffering) offering =
        iptv_offering_new(headend->settings, headend->store, headend->catalogue);
    g_autoptr(GError) error = NULL;

    g_assert_null(
        iptv_offering_document(offering, IPTV_OFFERING_FILMS_XML, "sip:nobody@imstv.test", "", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_NOT_FOUND);
}

static void
test_version_follows_the_offering(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(IptvOffering) offering =
        iptv_offering_new(headend->settings, headend->store, headend->catalogue);
    g_autofree char *before = iptv_offering_version(offering);
    g_autofree char *same = iptv_offering_version(offering);
    g_autofree char *after = NULL;

    g_assert_cmpstr(before, ==, same);
    store_channel_remove(headend->store, "one", NULL);
    after = iptv_offering_version(offering);
    g_assert_cmpstr(before, !=, after);
}

static void
test_input_addresses_stay_inside(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *xml = document(headend, IPTV_OFFERING_CHANNELS_XML, NULL);

    g_assert_null(strstr(xml, "5000"));
}

#define ADD(path, test) g_test_add("/offering/" path, Headend, NULL, headend_set_up, test, headend_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("user-sees-what-is-granted", test_user_sees_what_is_granted);
    ADD("gold-without-basic", test_gold_without_basic);
    ADD("unknown-user", test_unknown_user);
    ADD("version-follows-the-offering", test_version_follows_the_offering);
    ADD("input-addresses-stay-inside", test_input_addresses_stay_inside);

    return g_test_run();
}
