/* lib/net/http-routes.h - which route serves a path. Private to lib/net. */
#pragma once

#include "lib/net/http-api.h"

typedef struct {
    const NetHttpRoute *route;
    char **segments; /* of the route's path */
    void *user_data;
} NetHttpRouteEntry;

void net_http_route_entry_clear(void *entry);
NetHttpRouteEntry net_http_route_entry_make(const NetHttpRoute *route, void *user_data);

/* The best route for an encoded path. NULL: none; then @ret_allow is a list of the methods that the path has
 * for an Allow header (transfer full), or NULL if it has none.
 * @entries: element NetHttpRouteEntry. @ret_params: name -> value (transfer full). */
const NetHttpRouteEntry *net_http_route_find(const GArray *entries,
                                             const char *method,
                                             const char *encoded_path,
                                             GHashTable **ret_params,
                                             char **ret_allow);
/* True if a route of that path may be called by any web page. */
bool net_http_route_has_cors(const GArray *entries, const char *encoded_path);
