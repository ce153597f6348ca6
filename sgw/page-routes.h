/* sgw/page-routes.h - which requests on the page's port are forwarded, and where to. Pure. */
#pragma once

#include <stdbool.h>

typedef enum {
    SGW_UPSTREAM_API,  /* the SSF: catalogue, posters */
    SGW_UPSTREAM_WHEP, /* the MDF's public door */
    SGW_N_UPSTREAMS
} SgwUpstream;

typedef struct {
    const char *path;
    bool exact;          /* else a prefix */
    const char *methods; /* as in an Allow header */
    SgwUpstream upstream;
} SgwPageRoute;

/* NULL: the path is one of the page's own files. @path: plain, see page-files. */
const SgwPageRoute *sgw_page_route_find(const char *path);
/* @route: NULL for a file. */
bool sgw_page_route_allows(const SgwPageRoute *route, const char *method);
