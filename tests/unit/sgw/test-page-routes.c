#include "sgw/page-routes.h"

#include <glib.h>

static void
test_find(void)
{
    g_assert_cmpint(sgw_page_route_find("/api/v1/assets")->upstream, ==, SGW_UPSTREAM_API);
    g_assert_cmpint(sgw_page_route_find("/poster/heron.jpg")->upstream, ==, SGW_UPSTREAM_API);
    g_assert_cmpint(sgw_page_route_find("/whep/asset/heron")->upstream, ==, SGW_UPSTREAM_WHEP);
    /* The rest of the SSF is nobody's business. */
    g_assert_null(sgw_page_route_find("/api/v1/assets/heron"));
    g_assert_null(sgw_page_route_find("/api/v1/users"));
    g_assert_null(sgw_page_route_find("/dvb/sdns/sp_discovery"));
    g_assert_null(sgw_page_route_find("/scf/v1/token"));
    g_assert_null(sgw_page_route_find("/"));
}

static void
test_methods(void)
{
    const SgwPageRoute *api = sgw_page_route_find("/api/v1/assets");
    const SgwPageRoute *whep = sgw_page_route_find("/whep/asset/heron");

    g_assert_true(sgw_page_route_allows(api, "GET"));
    g_assert_false(sgw_page_route_allows(api, "POST"));
    g_assert_true(sgw_page_route_allows(whep, "POST"));
    g_assert_true(sgw_page_route_allows(whep, "DELETE"));
    g_assert_true(sgw_page_route_allows(whep, "OPTIONS"));
    g_assert_false(sgw_page_route_allows(whep, "PUT"));
    g_assert_false(sgw_page_route_allows(whep, "OS"));
    g_assert_true(sgw_page_route_allows(NULL, "HEAD"));
    g_assert_false(sgw_page_route_allows(NULL, "POST"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/page-routes/find", test_find);
    g_test_add_func("/sgw/page-routes/methods", test_methods);
    return g_test_run();
}
