/* bench/viewer.h - one viewer: WHEP, ICE, DTLS, and then the packets, counted.
 * Spec: draft-ietf-wish-whep, RFC 8445, RFC 5764, RFC 7675. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/dtls.h"
#include "bench/receiver.h"
#include "lib/net/http-client.h"

typedef enum {
    BENCH_VIEWER_OUT,
    BENCH_VIEWER_SIGNALLING,
    BENCH_VIEWER_CHECKING,
    BENCH_VIEWER_HANDSHAKE,
    BENCH_VIEWER_WAITING, /* connected, no packet yet */
    BENCH_VIEWER_PLAYING,
    BENCH_VIEWER_FAILED,
} BenchViewerState;

typedef struct BenchViewer BenchViewer;

/* The steps of a join; the time of each counts from the moment the viewer asked. */
typedef enum {
    BENCH_STEP_ANSWER,
    BENCH_STEP_ICE,
    BENCH_STEP_DTLS,
    BENCH_STEP_PACKET, /* the first one of RTP */
    BENCH_STEPS,
} BenchStep;

typedef struct {
    /* The first RTP packet is there; @step_us is lent. */
    void (*playing)(BenchViewer *viewer, const int64_t step_us[BENCH_STEPS], void *user_data);
    /* It came not so far; @reason is lent. The session is over. */
    void (*failed)(BenchViewer *viewer, const char *reason, void *user_data);
    /* It has played, and plays no more. The session is over. */
    void (*ended)(BenchViewer *viewer, const char *reason, void *user_data);
} BenchViewerEvents;

/* What all viewers share; borrowed. */
typedef struct {
    NetHttpClient *http;
    const char *token; /* bearer token; NULL: none */
    const BenchDtlsContext *dtls;
    BenchReceiver *receiver;
    int epoll_setup, epoll_media; /* a viewer's socket is in one of them, with the viewer as data */
    unsigned verify;              /* packets of each session that are authenticated */
    unsigned *leaving;            /* how many answers to a DELETE are waited for */
    const BenchViewerEvents *events;
    void *user_data;
} BenchViewerContext;

typedef struct {
    uint64_t packets, bytes, lost;
    uint64_t verified, forged; /* of the first packets of each session */
    uint64_t dropped_here;     /* by the kernel, because this program was too slow */
} BenchViewerTotals;

BenchViewer *bench_viewer_new(const BenchViewerContext *context, unsigned index);
void bench_viewer_free(BenchViewer *self);
unsigned bench_viewer_index(const BenchViewer *self);
BenchViewerState bench_viewer_state(const BenchViewer *self);
/* Of all sessions of this viewer. */
BenchViewerTotals bench_viewer_totals(const BenchViewer *self);

/* Starts a session; an older one is left first. */
void bench_viewer_join(BenchViewer *self, const char *url);
/* Ends the session by DELETE. */
void bench_viewer_leave(BenchViewer *self);
/* Its socket has something. */
void bench_viewer_receive(BenchViewer *self);
/* Repeats what was lost, keeps the consent fresh, gives up; to be called every 10 to 50 ms. */
void bench_viewer_tick(BenchViewer *self, int64_t now_us);
