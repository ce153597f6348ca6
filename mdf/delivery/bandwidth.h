/* mdf/delivery/bandwidth.h - what the path to one viewer carries, from its transport-wide feedback: a path
 * that fills up shows by packets that take longer and longer, or by loss. Between the two it may rise, to
 * half as much again as arrives: without probes nothing is known above that.
 *
 * Pure: times are given. Runs on the viewer's worker; no allocation but in _new.
 * Spec: draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-ietf-rmcat-gcc-02 4 to 6. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MDF_BANDWIDTH_RING = 512, /* packets on their way: over a second of 3 Mbit/s */
    MDF_BANDWIDTH_MIN_KBPS = 50,
};

typedef struct MdfBandwidth MdfBandwidth;

MdfBandwidth *mdf_bandwidth_new(void);
void mdf_bandwidth_free(MdfBandwidth *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfBandwidth, mdf_bandwidth_free)

/* The transport-wide sequence number that the next packet of the viewer carries, and its successors: whoever
 * writes a packet takes it and adds one. Lent. */
uint16_t *mdf_bandwidth_counter(MdfBandwidth *self);
/* The packet that took a number last has gone out, @bytes long. */
void mdf_bandwidth_sent(MdfBandwidth *self, size_t bytes, int64_t now_us);

/* One feedback message: its packets in order, then the end. Numbers that were not sent, or are told of a
 * second time, are passed over. @arrival_us: on the viewer's clock, from any zero. */
void mdf_bandwidth_arrived(MdfBandwidth *self, uint16_t sequence, int64_t arrival_us);
void mdf_bandwidth_missing(MdfBandwidth *self, uint16_t sequence);
void mdf_bandwidth_update(MdfBandwidth *self, int64_t now_us);

/* 0: not known yet. */
uint32_t mdf_bandwidth_kbps(const MdfBandwidth *self);
