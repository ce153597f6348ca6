/* content/api.h - the HTTP API of imstv-ingest, for the command line and content teams; on loopback.
 *
 *   POST   /api/v1/jobs         {"file", "id", "title", "credit", "synopsis"}: only "file" must be there;
 * 202, Location GET    /api/v1/jobs         {"jobs": [...]} GET    /api/v1/jobs/{id}    {"id", "asset",
 * "title", "file", "stage", "verdict", "fraction", "rate", "left_s", "error"} DELETE /api/v1/jobs/{id}
 * cancels: 204; 409 if it has ended DELETE /api/v1/assets/{id}  takes a film out of the catalogue: 204; 404
 * stage: queued | probe | conform | done | failed | cancelled. Errors as problem+json. */
#pragma once

#include "content/queue.h"
#include "lib/net/http-api.h"

typedef struct ContentApi ContentApi;

/* Adds the routes to @http. @http, @queue: borrowed, outlive it. */
ContentApi *content_api_new(NetHttpApi *http, ContentQueue *queue, const char *state_dir);
void content_api_free(ContentApi *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentApi, content_api_free)
