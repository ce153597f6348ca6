/* sgw/page-server.h - the HTTP side of the gateway's port: the page's files, and requests that are
 * forwarded to the SSF (catalogue, posters) and the MDF (WHEP). Works for w2-server, on its connections. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct lws;

typedef struct SgwPageServer SgwPageServer;
typedef struct SgwPageRequest SgwPageRequest;

/* @upstreams: base URLs without a slash at the end. All copied. */
SgwPageServer *sgw_page_server_new(const char *web_dir,
                                   const char *home_domain,
                                   const char *api_upstream,
                                   const char *whep_upstream);
/* All requests must have been freed. */
void sgw_page_server_free(SgwPageServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwPageServer, sgw_page_server_free)

/* A request's head is complete. NULL: hang up. The request ends by sgw_page_request_free. */
SgwPageRequest *sgw_page_request_new(SgwPageServer *server, struct lws *wsi);
/* A piece of its body; the whole of it has come. */
void sgw_page_request_body(SgwPageRequest *self, const void *data, size_t length);
void sgw_page_request_body_complete(SgwPageRequest *self);
/* True while the body is still coming. */
bool sgw_page_request_waits_for_body(const SgwPageRequest *self);
/* The connection takes more bytes. -1: hang up; 1: the answer is complete, the connection lives on;
 * 0: more follows. */
int sgw_page_request_writable(SgwPageRequest *self);
void sgw_page_request_free(SgwPageRequest *self);
