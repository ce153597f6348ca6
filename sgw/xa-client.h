/* sgw/xa-client.h - service discovery and selection for one viewer: SUBSCRIBE to the SDF, whose NOTIFY names
 * the SSFs; then HTTP on Xa: SD&S for channels, TV-Anytime for films; JSON for the page.
 *
 * Spec: TS 183 063 5.1.2 and 5.2.2, TS 102 034 5.4.3, TS 102 539; docs/w2.md, selection. */
#pragma once

#include "sgw/registration.h"
#include "sgw/services.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

typedef struct SgwXaClient SgwXaClient;

/* @result: the payload for the page, lent; NULL on failure. Never called from within the request. */
typedef void (*SgwXaDone)(JsonObject *result, const GError *error, void *user_data);

/* @registration: borrowed. */
SgwXaClient *sgw_xa_client_new(const SgwServices *services, const SgwRegistration *registration);
/* Unsubscribes. Callbacks that are due do not run. */
void sgw_xa_client_free(SgwXaClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwXaClient, sgw_xa_client_free)

/* {"ssfs":[{"id","version","technology","domain","name","location"}]}. Later ones get what is known already;
 * the subscription keeps it up to date.
 * Errors: as of the SDF's refusal, TIMEOUT, PROTOCOL, BUSY (too many at a time). */
void sgw_xa_client_discover(SgwXaClient *self, SgwXaDone done, void *user_data);
/* {"channels":[...],"assets":[...]}; discovers first if that has not been done.
 * Errors: as above; NOT_FOUND if no SSF is known. */
void sgw_xa_client_select(SgwXaClient *self, SgwXaDone done, void *user_data);
/* A discovery document that the SDF pushed by MESSAGE. False if it is none. */
bool sgw_xa_client_take(SgwXaClient *self, const char *xml, gssize length);
/* The viewer leaves: unsubscribes, while that can still be said. */
void sgw_xa_client_leave(SgwXaClient *self);
/* The connection on Gm is gone and the subscription with it; the next request makes a new one. */
void sgw_xa_client_flow_lost(SgwXaClient *self);
/* Session-ID under which discovery and selection run; NULL before the first. */
const char *sgw_xa_client_session_id(const SgwXaClient *self);
