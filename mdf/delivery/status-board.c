#include "mdf/delivery/status-board.h"

struct MdfStatusBoard {
    gatomicrefcount refs;
    GMutex lock;
    MdfViewerStatus status;
};

MdfStatusBoard *
mdf_status_board_new(void)
{
    MdfStatusBoard *self = g_new0(MdfStatusBoard, 1);

    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    self->status.duration_s = -1;
    self->status.scale = 1;

    return self;
}

MdfStatusBoard *
mdf_status_board_ref(MdfStatusBoard *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
mdf_status_board_unref(MdfStatusBoard *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
mdf_status_board_read(MdfStatusBoard *self, MdfViewerStatus *ret_status)
{
    g_mutex_lock(&self->lock);
    *ret_status = self->status;
    g_mutex_unlock(&self->lock);
}

bool
mdf_status_board_try_write(MdfStatusBoard *self, const MdfViewerStatus *status)
{
    if (!g_mutex_trylock(&self->lock))
        return false;
    self->status = *status;
    g_mutex_unlock(&self->lock);

    return true;
}
