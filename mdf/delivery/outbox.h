/* mdf/delivery/outbox.h - what a worker is about to send: datagrams, written in place and handed to the
 * kernel in few calls. Neighbours of one length to one address become one UDP GSO message, many messages
 * one sendmmsg. What the socket does not take at once is dropped and counted: media is never queued.
 * Packet path: no lock, no allocation, no log line. Runs on its worker. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/address.h"

enum {
    MDF_OUTBOX_PACKET_MAX = 1536,
};

typedef struct MdfOutbox MdfOutbox;

typedef struct {
    uint64_t packets, bytes; /* taken by the kernel */
    uint64_t dropped;        /* packets that it did not take */
    uint64_t messages;       /* GSO messages */
} MdfOutboxCounters;

/* @sockets: copied; @use_gso: false sends each datagram as a message of its own. */
MdfOutbox *mdf_outbox_new(const int *sockets, unsigned n_sockets, bool use_gso);
void mdf_outbox_free(MdfOutbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfOutbox, mdf_outbox_free)

/* Room for one datagram of MDF_OUTBOX_PACKET_MAX bytes to @to; may flush. Valid until commit. */
uint8_t *mdf_outbox_reserve(MdfOutbox *self, const MdfAddress *to);
/* The datagram is @length bytes long; 0: never mind. */
void mdf_outbox_commit(MdfOutbox *self, size_t length);
void mdf_outbox_flush(MdfOutbox *self);

const MdfOutboxCounters *mdf_outbox_counters(const MdfOutbox *self);
