/* sgw/xa-json.h - what SD&S and TV-Anytime say, as the JSON of docs/w2.md. Pure. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* @ssfs: ProtoSsf. (transfer full) {"ssfs":[...]} */
JsonObject *sgw_xa_json_ssfs(const GPtrArray *ssfs);

/* @channels: ProtoSdnsChannel; @packages: ProtoSdnsPackage, for channel number and package; @films:
 * ProtoBcgFilm; each may be NULL. @home_domain: channels of other domains keep theirs in the id
 * ("news:example.net"). (transfer full) {"channels":[...],"assets":[...]} */
JsonObject *sgw_xa_json_selection(const GPtrArray *channels,
                                  const GPtrArray *packages,
                                  const GPtrArray *films,
                                  const char *home_domain);
