/* iptv/ssf.h - the service selection function on Xa: SD&S, TV-Anytime and posters over HTTP, the same as JSON
 * for the page, and the SCF's check of viewer tokens.
 *
 *   GET /dvb/sdns/sp_discovery[?id=ALL]
 *   GET /dvb/sdns/service_discovery?id=DOMAIN&Payload=02|05|06[&Segment=..][&Version=..]
 *   GET /bcg/films.xml                   TV-Anytime
 *   GET /api/v1/assets, /api/v1/channels JSON arrays
 *   GET /poster/ID.jpg
 *   GET /scf/v1/token?content=asset:ID|channel:ID with a bearer token: 200 {"sub","content"}, 401, 403, 404
 *
 * X-3GPP-Intended-Identity from a trusted peer narrows the lists to what that user may watch.
 * Spec: TS 102 034 5.4, TS 183 063 5.3, TS 102 539. */
#pragma once

#include "iptv/offering.h"
#include "iptv/settings.h"
#include "lib/net/http-api.h"

typedef struct IptvSsf IptvSsf;

/* All borrowed for the life of the SSF. */
IptvSsf *
iptv_ssf_new(const IptvSettings *settings, Store *store, StoreCatalogue *catalogue, IptvOffering *offering);
void iptv_ssf_free(IptvSsf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IptvSsf, iptv_ssf_free)

/* Puts the routes into @api. Free the API before the SSF. */
void iptv_ssf_serve(IptvSsf *self, NetHttpApi *api);
/* @base_url: "http://127.0.0.1:8088"; copied. Before the first request. */
void iptv_ssf_set_base_url(IptvSsf *self, const char *base_url);
