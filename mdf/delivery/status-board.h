/* mdf/delivery/status-board.h - the last status of a viewer, handed from its worker to the main thread. The
 * worker never waits for a reader. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "mdf/delivery/engine.h"

typedef struct MdfStatusBoard MdfStatusBoard;

MdfStatusBoard *mdf_status_board_new(void);
MdfStatusBoard *mdf_status_board_ref(MdfStatusBoard *self);
void mdf_status_board_unref(MdfStatusBoard *self);

/* False if somebody is reading: try again soon. */
bool mdf_status_board_try_write(MdfStatusBoard *self, const MdfViewerStatus *status);
void mdf_status_board_read(MdfStatusBoard *self, MdfViewerStatus *ret_status);
