/* mdf/control/xp-notify.h - tells the MCF what happened to a viewer: POST of JSON to the URL that it gave,
 * tried three times within 5 s. */
#pragma once

#include "lib/base/log.h"

#include <glib.h>

typedef struct MdfXpNotify MdfXpNotify;

MdfXpNotify *mdf_xp_notify_new(void);
/* What is still under way is dropped. */
void mdf_xp_notify_free(MdfXpNotify *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfXpNotify, mdf_xp_notify_free)

/* @url, @json, and the session and call of @about: copied. Beyond 4096 at a time events are dropped and
 * counted. */
void mdf_xp_notify_send(MdfXpNotify *self, const char *url, const char *json, const BaseLogFields *about);
/* Events that are still under way. */
guint mdf_xp_notify_pending(const MdfXpNotify *self);
