/* mdf/delivery/worker.h - a fan-out loop: one thread with one UDP port, its viewers, and when each of them
 * is due. Everything of a viewer but its handle lives here; the main thread posts. */
#pragma once

#include <glib.h>
#include <stdint.h>

#include "mdf/delivery/mailbox.h"
#include "mdf/delivery/stream.h"

typedef struct MdfWorker MdfWorker;

typedef struct {
    const char *const *addresses; /* borrowed for the call */
    uint16_t port;                /* 0: the system's choice */
    unsigned number;              /* for the thread's name */
    const MdfDtlsContext *dtls;   /* outlive the worker */
    const MdfSealContext *seal;
    const MdfStreamEvents *events; /* called on the worker's thread */
    void *user_data;
} MdfWorkerConfig;

/* Errors: as mdf_sockets_open. */
MdfWorker *mdf_worker_new(const MdfWorkerConfig *config, GError **error);
/* Closes its viewers with a goodbye and joins the thread. */
void mdf_worker_free(MdfWorker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfWorker, mdf_worker_free)

uint16_t mdf_worker_port(const MdfWorker *self);
/* Runs @ops->run(worker, data) on the worker's thread. Thread: any. */
void mdf_worker_post(MdfWorker *self, const MdfMailboxOps *ops, void *data);

typedef struct {
    MdfOutboxCounters sent;
    uint64_t stun_refused, unknown_datagrams;
} MdfWorkerCounters;
/* As of a second ago at most. Thread: any. */
void mdf_worker_counters(MdfWorker *self, MdfWorkerCounters *ret_counters);

/* ---- on the worker's thread, inside a posted command ---- */

const MdfStreamHost *mdf_worker_host(MdfWorker *self); /* lent */
int64_t mdf_worker_now_us(const MdfWorker *self);
void mdf_worker_add(MdfWorker *self, MdfStream *stream);  /* @stream: (transfer full) */
MdfStream *mdf_worker_find(MdfWorker *self, uint64_t id); /* NULL: gone */
void mdf_worker_remove(MdfWorker *self, uint64_t id);     /* frees it */
/* It has something to do now. */
void mdf_worker_wake(MdfWorker *self, MdfStream *stream);
void mdf_worker_restart_ice(MdfWorker *self, MdfStream *stream, const MdfIceCredentials *credentials);
