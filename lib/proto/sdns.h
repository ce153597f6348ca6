/* lib/proto/sdns.h - DVB SD&S records over HTTP: broadcast discovery (payload 02), package discovery (05),
 * content guide discovery (06) and service providers (01). Build and parse; parsed by local name.
 * Spec: TS 102 034 5.2.6, 5.4.3. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PROTO_SDNS_TYPE "application/xml"

/* A channel of payload 02. BCServiceId is name:domain. */
typedef struct {
    char *name;                /* TextualIdentifier@ServiceName: the channel's id */
    char *domain;              /* TextualIdentifier@DomainName; inherited from the record if absent there */
    char *title;               /* SI/Name */
    char *location;            /* RTSPURL or udp://address:port of IPMulticastAddress; NULL: WebRTC only */
    unsigned max_bitrate_kbps; /* 0: not said */
    bool no_signal;            /* it is not sending now; @NoSignal of a namespace of our own */
} ProtoSdnsChannel;

/* A package of payload 05. */
typedef struct {
    char *name;   /* TextualID@ServiceName */
    char *domain; /* TextualID@DomainName; may be NULL */
    unsigned lcn; /* LogicalChannelNumber; 0: not said */
} ProtoSdnsPackageService;

typedef struct {
    char *id;            /* Package@Id: BCPackageId */
    char *title;         /* PackageName */
    GPtrArray *services; /* of ProtoSdnsPackageService */
} ProtoSdnsPackage;

/* A content guide of payload 06. */
typedef struct {
    char *id;       /* BCG@Id */
    char *title;    /* Name; may be NULL */
    char *location; /* URL of the TV-Anytime document: TransportMode/HTTP@Location */
} ProtoSdnsGuide;

/* A service provider of payload 01 (answer to sp_discovery). */
typedef struct {
    char *domain;   /* ServiceProvider@DomainName: the id= of service_discovery */
    char *title;    /* Name */
    char *location; /* Offering/Pull@Location */
} ProtoSdnsProvider;

ProtoSdnsChannel *proto_sdns_channel_new(void);
ProtoSdnsPackage *proto_sdns_package_new(void);
ProtoSdnsPackageService *proto_sdns_package_service_new(void);
ProtoSdnsGuide *proto_sdns_guide_new(void);
ProtoSdnsProvider *proto_sdns_provider_new(void);
void proto_sdns_channel_free(ProtoSdnsChannel *self);
void proto_sdns_package_free(ProtoSdnsPackage *self);
void proto_sdns_package_service_free(ProtoSdnsPackageService *self);
void proto_sdns_guide_free(ProtoSdnsGuide *self);
void proto_sdns_provider_free(ProtoSdnsProvider *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSdnsChannel, proto_sdns_channel_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSdnsPackage, proto_sdns_package_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSdnsPackageService, proto_sdns_package_service_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSdnsGuide, proto_sdns_guide_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoSdnsProvider, proto_sdns_provider_free)

/* @domain: the provider's; @version: 0..255, written as two hex digits. (transfer full) */
char *proto_sdns_build_channels(const char *domain, unsigned version, const GPtrArray *channels);
char *proto_sdns_build_packages(const char *domain, unsigned version, const GPtrArray *packages);
char *proto_sdns_build_guides(const char *domain, unsigned version, const GPtrArray *guides);
char *proto_sdns_build_providers(unsigned version, const GPtrArray *providers);

/* Each takes a ServiceDiscovery document and returns the records of its kind; none is an empty array.
 * Records without what their fields call their id are left out; at most 2,000 of each.
 * (transfer container) (elements as above) Errors: PROTOCOL, TOO_LARGE. */
GPtrArray *proto_sdns_parse_channels(const char *xml, gssize length, GError **error);
GPtrArray *proto_sdns_parse_packages(const char *xml, gssize length, GError **error);
GPtrArray *proto_sdns_parse_guides(const char *xml, gssize length, GError **error);
GPtrArray *proto_sdns_parse_providers(const char *xml, gssize length, GError **error);
