#include "sgw/page-routes.h"

#include <glib.h>
#include <string.h>

static const SgwPageRoute routes[] = {
    {"/api/v1/assets", true, "GET, HEAD, OPTIONS", SGW_UPSTREAM_API},
    {"/api/v1/channels", true, "GET, HEAD, OPTIONS", SGW_UPSTREAM_API},
    {"/poster/", false, "GET, HEAD, OPTIONS", SGW_UPSTREAM_API},
    {"/whep/", false, "GET, POST, PATCH, DELETE, OPTIONS", SGW_UPSTREAM_WHEP},
};

const SgwPageRoute *
sgw_page_route_find(const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (routes[i].exact ? g_str_equal(path, routes[i].path) : g_str_has_prefix(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

bool
sgw_page_route_allows(const SgwPageRoute *route, const char *method)
{
    const char *allowed = route ? route->methods : "GET, HEAD";
    size_t length = strlen(method);

    for (const char *at = allowed; (at = strstr(at, method)); at += length) {
        bool begins = at == allowed || at[-1] == ' ';
        if (begins && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}
