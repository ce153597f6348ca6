/* iptv/sdf.h - the service discovery function: tells terminals which service selection functions there are,
 * by SUBSCRIBE and NOTIFY (pull) or, after a third-party REGISTER, by MESSAGE (push). Tells them again when
 * what is on offer has changed.
 * Spec: TS 183 063 5.2.2; RFC 6080 (event package ua-profile). */
#pragma once

#include "iptv/offering.h"
#include "iptv/settings.h"
#include "lib/net/sip-ua.h"

typedef struct IptvSdf IptvSdf;

/* All borrowed for the life of the SDF. */
IptvSdf *iptv_sdf_new(const IptvSettings *settings, NetSipUa *ua, Store *store, IptvOffering *offering);
/* Ends all subscriptions. */
void iptv_sdf_free(IptvSdf *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IptvSdf, iptv_sdf_free)

/* URL of the service selection function, "http://127.0.0.1:8088"; copied. Before the first request. */
void iptv_sdf_set_ssf_url(IptvSdf *self, const char *url);

/* A SUBSCRIBE that came to this daemon. @notifier: (transfer full). */
void iptv_sdf_handle_subscribe(IptvSdf *self, NetSipNotifier *notifier, const NetSipMsg *subscribe);
/* A third-party REGISTER. @incoming: (transfer full). */
void iptv_sdf_handle_register(IptvSdf *self, NetSipIncoming *incoming);
/* The offering may have changed: looks, and tells the terminals within a second if so. */
void iptv_sdf_offering_changed(IptvSdf *self);
