/* iptv/offering.h - what there is to watch, for everybody or for one user: the documents of the service
 * selection function, made from the store and the catalogue. */
#pragma once

#include <glib.h>

#include "iptv/settings.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"

typedef struct IptvOffering IptvOffering;

/* All borrowed for the life of the offering. */
IptvOffering *iptv_offering_new(const IptvSettings *settings, Store *store, StoreCatalogue *catalogue);
void iptv_offering_free(IptvOffering *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IptvOffering, iptv_offering_free)

typedef enum {
    IPTV_OFFERING_CHANNELS_XML, /* SD&S payload 02 */
    IPTV_OFFERING_PACKAGES_XML, /* SD&S payload 05 */
    IPTV_OFFERING_GUIDES_XML,   /* SD&S payload 06 */
    IPTV_OFFERING_FILMS_XML,    /* TV-Anytime */
    IPTV_OFFERING_CHANNELS_JSON,
    IPTV_OFFERING_FILMS_JSON,
} IptvOfferingDocument;

/* @impu: only what this user may watch; NULL: everything.
 * @base_url: of the service selection function, for references. (transfer full)
 * Errors: NOT_FOUND for an unknown user; UNAVAILABLE. */
char *iptv_offering_document(
    IptvOffering *self, IptvOfferingDocument which, const char *impu, const char *base_url, GError **error);

/* Differs whenever what is on offer to anybody does: 8 hex digits. (transfer full) */
char *iptv_offering_version(IptvOffering *self);
