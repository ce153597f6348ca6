/* cli/asset-job.h - one job of a running imstv-ingest, followed to its end over HTTP. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

/* Posts @request (members as in content/api.h) to imstv-ingest at 127.0.0.1:@port and follows the job.
 * @show: progress on standard output. SIGINT and SIGTERM cancel the job.
 * Returns the job's last description. (transfer full)
 * Errors: what the job or the server said. */
JsonObject *cli_asset_job_run(const char *port, JsonObject *request, bool show, GError **error);

/* Sends a request without a body and waits for 2xx. Errors: UNAVAILABLE, or what the server said. */
bool cli_asset_request(const char *port, const char *method, const char *path, GError **error);
