/* mdf/delivery/fanout-viewer.h - the main thread's half of a viewer of the fan-out engine: what its offers
 * were answered with, and which commands wait for a result. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/log.h"
#include "mdf/delivery/engine.h"
#include "mdf/delivery/stream.h"

/* What the engine says of itself in every answer. */
typedef struct {
    const char *fingerprint;
    const char *const *addresses; /* NULL-ended */
    uint16_t port;
} MdfAnswerTransport;

typedef struct {
    MdfViewer base; /* first */
    MdfEngine *engine;
    uint64_t id;
    unsigned worker;
    const MdfViewerEvents *events;
    void *user_data;
    char *name, *session_id, *call_id;
    MdfStatusBoard *board;
    GHashTable *pending; /* token -> done and user_data */

    MdfStreamParameters parameters; /* of the first offer */
    bool ending;                    /* the engine is telling its owner that it is over ... */
    bool released;                  /* ... who closed it meanwhile */
    ReelProgramme *first_programme; /* payload types were chosen for it */
    char *remote_pwd;
    uint64_t sdp_session;
    unsigned sdp_version;
} MdfFanoutViewer;

/* Negotiates and answers. Nothing has started yet: the engine makes the stream from @parameters.
 * Errors: as mdf_engine_add_viewer. */
MdfFanoutViewer *mdf_fanout_viewer_new(const MdfViewerRequest *request,
                                       uint64_t id,
                                       const MdfAnswerTransport *transport,
                                       char **ret_answer,
                                       GError **error);
void mdf_fanout_viewer_free(MdfFanoutViewer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfFanoutViewer, mdf_fanout_viewer_free)

/* Answers another offer. *ret_restarted: the credentials in @parameters are new.
 * Errors: as mdf_viewer_reoffer. (transfer full) */
char *mdf_fanout_viewer_reoffer(MdfFanoutViewer *self,
                                const char *offer,
                                const MdfAnswerTransport *transport,
                                bool *ret_restarted,
                                GError **error);

/* A command was sent as @token. */
void mdf_fanout_viewer_expect(MdfFanoutViewer *self, uint64_t token, MdfPlayDone done, void *user_data);
/* Its result has come; one of @result and @error is NULL. */
void mdf_fanout_viewer_settle(MdfFanoutViewer *self,
                              uint64_t token,
                              const MdfPlayResult *result,
                              const GError *error);
/* No more results will come. */
void mdf_fanout_viewer_fail_all(MdfFanoutViewer *self);

BaseLogFields mdf_fanout_viewer_log(const MdfFanoutViewer *self);
