#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#include "mdf/delivery/ice.h"

static MdfAddress
address(uint16_t port)
{
    MdfAddress a = {0};

    a.v4.sin_family = AF_INET;
    a.v4.sin_port = htons(port);
    a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static char *
name_of(const MdfIceCredentials *credentials)
{
    return g_strdup_printf("%s:%s", credentials->local_ufrag, credentials->remote_ufrag);
}

static MdfIceChange
check(MdfIce *ice, uint16_t port, bool nominate, int64_t now_us)
{
    g_autofree char *name = name_of(&ice->credentials);
    MdfAddress from = address(port);
    MdfIceChange change;

    mdf_ice_checked(ice, &from, name, strlen(name), nominate, now_us, &change);
    return change;
}

static void
set_up(MdfIce *ice)
{
    MdfIceCredentials credentials;

    mdf_ice_credentials_init(&credentials, "peer");
    g_assert_cmpuint(strlen(credentials.local_ufrag), ==, MDF_ICE_UFRAG_BYTES);
    g_assert_cmpuint(strlen(credentials.local_pwd), ==, MDF_ICE_PWD_BYTES);
    mdf_ice_init(ice, &credentials, 0);
}

static void
test_password(void)
{
    MdfIce ice;
    g_autofree char *name = NULL, *longer = NULL;

    set_up(&ice);
    name = name_of(&ice.credentials);
    longer = g_strconcat(name, "x", NULL);
    g_assert_cmpstr(mdf_ice_password(&ice, name, strlen(name)), ==, ice.credentials.local_pwd);
    g_assert_null(mdf_ice_password(&ice, name, strlen(name) - 1));
    g_assert_null(mdf_ice_password(&ice, longer, strlen(longer)));
    name[0] ^= 1;
    g_assert_null(mdf_ice_password(&ice, name, strlen(name)));
}

static void
test_nomination_selects(void)
{
    MdfIce ice;

    set_up(&ice);
    g_assert_true(check(&ice, 1, false, 10).added);
    g_assert_null(mdf_ice_selected(&ice));
    g_assert_false(check(&ice, 1, true, 20).added);
    g_assert_cmpuint(ntohs(mdf_ice_selected(&ice)->v4.sin_port), ==, 1);
    check(&ice, 2, true, 30); /* the browser moved to another network */
    g_assert_cmpuint(ntohs(mdf_ice_selected(&ice)->v4.sin_port), ==, 2);
}

/* The table is capped, and the address in use is never the one that gives way. */
static void
test_addresses_are_capped(void)
{
    MdfIce ice;

    set_up(&ice);
    check(&ice, 1, true, 1);
    for (uint16_t port = 2; port <= MDF_ICE_ADDRESSES_MAX; port++)
        g_assert_false(check(&ice, port, false, port).had_to_evict);
    for (uint16_t port = 100; port < 200; port++) {
        MdfIceChange change = check(&ice, port, false, port);
        g_assert_true(change.had_to_evict);
        g_assert_cmpuint(ntohs(change.evicted.v4.sin_port), !=, 1);
    }
    g_assert_cmpuint(ice.n_addresses, ==, MDF_ICE_ADDRESSES_MAX);
    g_assert_cmpuint(ntohs(mdf_ice_selected(&ice)->v4.sin_port), ==, 1);
}

static void
test_consent(void)
{
    MdfIce ice;

    set_up(&ice);
    g_assert_cmpint(mdf_ice_consent_ends_us(&ice), ==, MDF_ICE_CONSENT_US);
    check(&ice, 1, true, 5 * G_USEC_PER_SEC);
    g_assert_cmpint(mdf_ice_consent_ends_us(&ice), ==, 35 * G_USEC_PER_SEC);
}

/* Old credentials are good until the new ones are used. RFC 8445 9 */
static void
test_restart(void)
{
    MdfIce ice;
    MdfIceCredentials fresh;
    g_autofree char *old_name = NULL, *new_name = NULL;

    set_up(&ice);
    old_name = name_of(&ice.credentials);
    mdf_ice_credentials_init(&fresh, "again");
    new_name = name_of(&fresh);
    mdf_ice_restart(&ice, &fresh);
    g_assert_nonnull(mdf_ice_password(&ice, old_name, strlen(old_name)));
    g_assert_nonnull(mdf_ice_password(&ice, new_name, strlen(new_name)));
    check(&ice, 1, true, 1);
    g_assert_null(mdf_ice_password(&ice, old_name, strlen(old_name)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mdf/ice/password", test_password);
    g_test_add_func("/mdf/ice/nomination-selects", test_nomination_selects);
    g_test_add_func("/mdf/ice/addresses-are-capped", test_addresses_are_capped);
    g_test_add_func("/mdf/ice/consent", test_consent);
    g_test_add_func("/mdf/ice/restart", test_restart);
    return g_test_run();
}
