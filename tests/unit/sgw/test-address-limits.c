#include "sgw/address-limits.h"

static void
test_limits(void)
{
    g_autoptr(SgwAddressLimits) limits = sgw_address_limits_new(3, 2);
    int a = 0, b = 0, c = 0;

    sgw_address_limits_add(limits, &a, "192.0.2.1");
    g_assert_true(sgw_address_limits_admit(limits, "192.0.2.1"));
    sgw_address_limits_add(limits, &b, "192.0.2.1");
    g_assert_false(sgw_address_limits_admit(limits, "192.0.2.1"));
    g_assert_true(sgw_address_limits_admit(limits, "192.0.2.2"));
    sgw_address_limits_add(limits, &c, "192.0.2.2");
    g_assert_false(sgw_address_limits_admit(limits, "192.0.2.3"));
    g_assert_cmpuint(sgw_address_limits_count(limits), ==, 3);
}

static void
test_room_comes_back(void)
{
    g_autoptr(SgwAddressLimits) limits = sgw_address_limits_new(10, 1);
    int a = 0, b = 0;

    sgw_address_limits_add(limits, &a, "192.0.2.1");
    sgw_address_limits_add(limits, &a, "192.0.2.1"); /* told twice: counts once */
    sgw_address_limits_remove(limits, &b);
    g_assert_false(sgw_address_limits_admit(limits, "192.0.2.1"));
    sgw_address_limits_remove(limits, &a);
    sgw_address_limits_remove(limits, &a);
    g_assert_true(sgw_address_limits_admit(limits, "192.0.2.1"));
    g_assert_cmpuint(sgw_address_limits_count(limits), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/address-limits/limits", test_limits);
    g_test_add_func("/sgw/address-limits/room-comes-back", test_room_comes_back);
    return g_test_run();
}
