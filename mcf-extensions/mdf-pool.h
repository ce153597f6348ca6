/* mcf-extensions/mdf-pool.h - the MDFs there are, how they do, and in which order to ask them.
 *
 * Each is asked for its status twice a second. An MDF that refuses the connection, misses two answers or
 * comes back as another instance has lost its viewers: that is told once. */
#pragma once

#include "mcf-extensions/xp-client.h"

#include <glib.h>
#include <stdbool.h>

typedef struct McfMdfPool McfMdfPool;

typedef struct {
    /* The viewers of that MDF are gone. @base: lent. */
    void (*lost)(void *user_data, const char *base);
} McfMdfPoolEvents;

/* @bases: Xp base URLs, copied without slashes at their end. @events: borrowed with @user_data. */
McfMdfPool *mcf_mdf_pool_new(const char *const *bases, const McfMdfPoolEvents *events, void *user_data);
void mcf_mdf_pool_free(McfMdfPool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(McfMdfPool, mcf_mdf_pool_free)

/* Begins to ask. @xp: borrowed, outlives the pool. */
void mcf_mdf_pool_start(McfMdfPool *self, McfXpClient *xp);

/* Base URLs in the order in which to ask for a new viewer: those that are up, the least loaded first; then
 * those not heard of yet; those that are down only if there is nothing else. (transfer full) */
char **mcf_mdf_pool_candidates(const McfMdfPool *self);
bool mcf_mdf_pool_any_up(const McfMdfPool *self);

/* What was heard from an MDF: @status on an answer to a status request, @error on a failure. Called by the
 * pool itself for its own requests; by others when a request of theirs failed. */
void mcf_mdf_pool_heard(McfMdfPool *self, const char *base, const McfXpReply *status, const GError *error);
/* A viewer was placed there: counts until the next status says better. */
void mcf_mdf_pool_placed(McfMdfPool *self, const char *base);
