/* lib/proto/discovery.h - the document by which the SDF tells a terminal of the service selection functions:
 * application/vnd.etsi.iptvdiscovery+xml, root SSFList. Parsed by local name, unknown elements ignored.
 * Spec: TS 183 063 5.2.2.2. */
#pragma once

#include <glib.h>

#define PROTO_DISCOVERY_TYPE "application/vnd.etsi.iptvdiscovery+xml"
#define PROTO_DISCOVERY_APPIDS "urn:org:etsi:ngn:applications:iptv-service-discovery"

typedef struct {
    char *id;         /* ssf-1 */
    char *version;    /* changes when the entry does */
    char *technology; /* dvb.org_iptv */
    char *domain;     /* of the service provider */
    char *name;       /* of the service provider, to show */
    char *location;   /* base URL for SD&S over HTTP: http://127.0.0.1:8088/dvb/sdns */
    char **payloads;  /* payload ids offered, "02", "05", "06"; NULL-ended */
} ProtoSsf;

ProtoSsf *proto_ssf_copy(const ProtoSsf *self);
void proto_ssf_free(ProtoSsf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSsf, proto_ssf_free)

/* @ssfs: element ProtoSsf. (transfer full) */
char *proto_discovery_build(const GPtrArray *ssfs);
/* (transfer container) (element ProtoSsf, at most 32; entries without a location are left out)
 * Errors: PROTOCOL, TOO_LARGE. */
GPtrArray *proto_discovery_parse(const char *xml, gssize length, GError **error);
