#include "mdf/delivery/engine.h"

const char *
mdf_close_reason_name(MdfCloseReason reason)
{
    switch (reason) {
    case MDF_CLOSE_ICE_TIMEOUT:
        return "ice-timeout";
    case MDF_CLOSE_DTLS_FAILED:
        return "dtls-failed";
    case MDF_CLOSE_CONSENT_LOST:
        return "consent-lost";
    case MDF_CLOSE_PEER_BYE:
        return "peer-bye";
    case MDF_CLOSE_IDLE:
        return "idle";
    case MDF_CLOSE_SOURCE_GONE:
        return "source-gone";
    case MDF_CLOSE_SHUTDOWN:
        return "shutdown";
    }

    return "unknown";
}

const char *
mdf_viewer_state_name(MdfViewerState state)
{
    switch (state) {
    case MDF_VIEWER_NEW:
        return "new";
    case MDF_VIEWER_CONNECTED:
        return "connected";
    case MDF_VIEWER_PLAYING:
        return "playing";
    case MDF_VIEWER_PAUSED:
        return "paused";
    case MDF_VIEWER_ENDED:
        return "ended";
    }

    return "unknown";
}

void
mdf_engine_free(MdfEngine *self)
{
    if (self)
        self->ops->free(self);
}

void
mdf_engine_status(const MdfEngine *self, MdfEngineStatus *ret_status)
{
    self->ops->status(self, ret_status);
}

uint16_t
mdf_engine_media_port(const MdfEngine *self)
{
    return self->ops->media_port(self);
}

MdfViewer *
mdf_engine_add_viewer(MdfEngine *self,
                      const MdfViewerRequest *request,
                      const MdfViewerEvents *events,
                      void *user_data,
                      char **ret_answer,
                      GError **error)
{
    return self->ops->add_viewer(self, request, events, user_data, ret_answer, error);
}

char *
mdf_viewer_reoffer(MdfViewer *self, const char *offer, GError **error)
{
    return self->ops->reoffer(self, offer, error);
}

void
mdf_viewer_play(MdfViewer *self, double npt_s, double scale, MdfPlayDone done, void *user_data)
{
    self->ops->play(self, npt_s, scale, done, user_data);
}

void
mdf_viewer_pause(MdfViewer *self, MdfPlayDone done, void *user_data)
{
    self->ops->pause(self, done, user_data);
}

void
mdf_viewer_zap(MdfViewer *self, ReelProgramme *programme, const char *name, MdfPlayDone done, void *user_data)
{
    self->ops->zap(self, programme, name, done, user_data);
}

void
mdf_viewer_status(const MdfViewer *self, MdfViewerStatus *ret_status)
{
    self->ops->viewer_status(self, ret_status);
}

void
mdf_viewer_close(MdfViewer *self)
{
    if (self)
        self->ops->close(self);
}
