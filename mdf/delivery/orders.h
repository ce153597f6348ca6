/* mdf/delivery/orders.h - what the main thread tells a worker about one of its viewers. An order for a viewer
 * that has gone meanwhile is dropped; its owner learns that by `closed`. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "mdf/delivery/worker.h"

typedef enum {
    MDF_ORDER_ADD,         /* stream */
    MDF_ORDER_REMOVE,      /* id */
    MDF_ORDER_PLAY,        /* id, token, npt_s */
    MDF_ORDER_PAUSE,       /* id, token */
    MDF_ORDER_ZAP,         /* id, token, programme */
    MDF_ORDER_RESTART_ICE, /* id, credentials */
} MdfOrderKind;

typedef struct {
    uint64_t id, token;
    double npt_s;
    MdfStream *stream;        /* (transfer full) */
    ReelProgramme *programme; /* (transfer full) */
    MdfIceCredentials credentials;
} MdfOrder;

/* Thread: main. @order: copied. */
void mdf_order_post(MdfWorker *worker, MdfOrderKind kind, const MdfOrder *order);
