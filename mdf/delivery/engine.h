/* mdf/delivery/engine.h - the delivery engine: one interface, two implementations (fan-out now,
 * webrtcbin per viewer later). It takes a browser's SDP offer and a programme, answers the offer, and
 * plays the programme to that browser over ICE, DTLS and SRTP.
 *
 * Thread: every function is called on the main thread and every callback runs there, from the main
 * context and never from inside the call that caused it. The media itself runs on the engine's workers.
 *
 * Life of a viewer: mdf_engine_add_viewer -> NEW; the browser connects -> CONNECTED (paused, no media);
 * play, pause, zap at any time after add (a play before the connection is up begins when it is);
 * the end by mdf_viewer_close, or by the engine with the event `closed`. After `closed` the handle is
 * gone: the owner forgets it inside the callback. Outstanding results are answered with an error
 * (UNAVAILABLE) before `closed`. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/reel/reel.h"

typedef struct MdfEngine MdfEngine;
typedef struct MdfViewer MdfViewer;

typedef enum {
    MDF_VIEWER_NEW,       /* answer made, ICE and DTLS not done */
    MDF_VIEWER_CONNECTED, /* transport up, nothing played yet */
    MDF_VIEWER_PLAYING,
    MDF_VIEWER_PAUSED,
    MDF_VIEWER_ENDED, /* the film is over; play with an npt starts again */
} MdfViewerState;

typedef enum {
    MDF_CLOSE_ICE_TIMEOUT,  /* no authenticated check in 30 s after the answer */
    MDF_CLOSE_DTLS_FAILED,  /* handshake failed or timed out, or wrong fingerprint */
    MDF_CLOSE_CONSENT_LOST, /* 30 s without an authenticated check, RFC 7675 */
    MDF_CLOSE_PEER_BYE,     /* the browser closed its DTLS association */
    MDF_CLOSE_IDLE,         /* nothing played for 30 s after the answer */
    MDF_CLOSE_SOURCE_GONE,  /* the programme ended for good: channel removed, reel unreadable */
    MDF_CLOSE_SHUTDOWN,
} MdfCloseReason;

/* "ice-timeout", ... as in docs/xp.md. */
const char *mdf_close_reason_name(MdfCloseReason reason);
/* "new", "connected", "playing", "paused", "ended" as in docs/xp.md. */
const char *mdf_viewer_state_name(MdfViewerState state);

/* What a command really did. */
typedef struct {
    MdfViewerState state;
    double npt_start_s;  /* the key frame that is shown first (play, zap); the position (pause) */
    double npt_end_s;    /* end of a film; < 0: live, no end */
    double scale;        /* as really played */
    uint32_t rtp_time;   /* RTP timestamp of the video (of audio, if there is no video) at which ... */
    double media_time_s; /* ... this programme time is on the screen; valid while playing. A channel's
                          * timeline is CLOCK_MONOTONIC of this machine, in seconds */
} MdfPlayResult;

/* @result: NULL on failure; @error: NULL on success. Both borrowed for the call. */
typedef void (*MdfPlayDone)(const MdfPlayResult *result, const GError *error, void *user_data);

typedef struct {
    void (*connected)(MdfViewer *viewer, void *user_data);
    /* The last packet of the film was sent; the state is ENDED. */
    void (*end_of_stream)(MdfViewer *viewer, double npt_s, void *user_data);
    /* @viewer is freed when this returns. Not sent after mdf_viewer_close. */
    void (*closed)(MdfViewer *viewer, MdfCloseReason reason, void *user_data);
} MdfViewerEvents;

typedef struct {
    const char *session_id;   /* RFC 7989, may be NULL; borrowed */
    const char *call_id;      /* for the log, may be NULL; borrowed */
    const char *name;         /* programme, for the log ("asset:x"), may be NULL; borrowed */
    const char *offer;        /* SDP, NUL-ended; borrowed */
    ReelProgramme *programme; /* borrowed; the engine takes a reference of its own */
} MdfViewerRequest;

typedef struct {
    MdfViewerState state;
    bool live;
    double position_s; /* programme time that is being sent now, ... */
    uint32_t rtp_time; /* ... and its RTP timestamp, as in MdfPlayResult */
    double duration_s; /* < 0: live */
    double scale;
    uint64_t packets, bytes; /* media sent, with resends */
    uint64_t packets_resent, key_frame_requests;
    uint32_t round_trip_us;  /* 0: not known */
    uint8_t fraction_lost;   /* of 256, from the last receiver report */
    uint32_t bandwidth_kbps; /* what the path carries, as far as is known; 0: not known */
} MdfViewerStatus;

typedef struct {
    uint32_t viewers, capacity;
    uint64_t packets, bytes, packets_dropped; /* dropped: the socket did not take them */
} MdfEngineStatus;

typedef struct {
    const char *const *media_addresses; /* NULL-ended; announced as host candidates, all bound */
    uint16_t media_port;                /* of the first worker, +1 for each further one; 0: system's choice */
    unsigned workers;                   /* 1..64 */
    unsigned capacity_viewers;          /* viewers over this are refused with BUSY */
} MdfEngineConfig;

/* Starts the fan-out engine with its workers.
 * Errors: UNAVAILABLE if a port is taken; INVALID_ARGUMENT for an address that is none. */
MdfEngine *mdf_engine_fanout_new(const MdfEngineConfig *config, GError **error);
/* Closes all viewers (no `closed` events) and stops the workers. */
void mdf_engine_free(MdfEngine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfEngine, mdf_engine_free)

void mdf_engine_status(const MdfEngine *self, MdfEngineStatus *ret_status);
/* The port of the first worker. */
uint16_t mdf_engine_media_port(const MdfEngine *self);

/* Makes a viewer; it plays nothing until mdf_viewer_play.
 * @ret_answer: (transfer full) the SDP answer.
 * @events: borrowed with @user_data until `closed` or mdf_viewer_close.
 * Errors: NOT_ACCEPTABLE (HTTP 406, SIP 488) no common codec, no ICE, DTLS or BUNDLE; PROTOCOL (400) no
 * SDP; BUSY (503) full; UNAVAILABLE (503) the programme has nothing to play yet. */
MdfViewer *mdf_engine_add_viewer(MdfEngine *self,
                                 const MdfViewerRequest *request,
                                 const MdfViewerEvents *events,
                                 void *user_data,
                                 char **ret_answer,
                                 GError **error);

/* A new offer of the same viewer: changed ICE credentials restart ICE, the media goes on meanwhile.
 * (transfer full) the answer.
 * Errors: PROTOCOL; NOT_ACCEPTABLE if it changes the m-lines or the fingerprint.
 * Spec: RFC 8445 9, RFC 8842. */
char *mdf_viewer_reoffer(MdfViewer *self, const char *offer, GError **error);

/* Starts, goes on or seeks.
 * @npt_s: programme time to start from; NAN: where it stands (a film), the live edge (a channel).
 * The key frame at or before it is what is shown first.
 * @scale: 1.0; other speeds are answered with the one that is really played.
 * Errors (in @done): NOT_FOUND no such position; UNAVAILABLE source gone or viewer closed. */
void mdf_viewer_play(MdfViewer *self, double npt_s, double scale, MdfPlayDone done, void *user_data);

/* No packets flow until the next play. */
void mdf_viewer_pause(MdfViewer *self, MdfPlayDone done, void *user_data);

/* Changes to another programme on the open session, same SSRC, from its newest key frame (a channel) or
 * its start (a film); goes on playing or stays paused.
 * @name: for the log. @programme: borrowed, referenced by the engine.
 * Errors (in @done): NOT_ACCEPTABLE a codec that this viewer did not negotiate; UNAVAILABLE. */
void mdf_viewer_zap(
    MdfViewer *self, ReelProgramme *programme, const char *name, MdfPlayDone done, void *user_data);

/* As last published by the worker, at most a second old; at once after an event or result. */
void mdf_viewer_status(const MdfViewer *self, MdfViewerStatus *ret_status);

/* Ends the viewer and frees the handle; no callback follows. NULL is allowed. */
void mdf_viewer_close(MdfViewer *self);

/* What an implementation provides. */
typedef struct {
    const char *name;
    void (*free)(MdfEngine *self);
    void (*status)(const MdfEngine *self, MdfEngineStatus *ret_status);
    uint16_t (*media_port)(const MdfEngine *self);
    MdfViewer *(*add_viewer)(MdfEngine *self,
                             const MdfViewerRequest *request,
                             const MdfViewerEvents *events,
                             void *user_data,
                             char **ret_answer,
                             GError **error);
    char *(*reoffer)(MdfViewer *viewer, const char *offer, GError **error);
    void (*play)(MdfViewer *viewer, double npt_s, double scale, MdfPlayDone done, void *user_data);
    void (*pause)(MdfViewer *viewer, MdfPlayDone done, void *user_data);
    void (*zap)(
        MdfViewer *viewer, ReelProgramme *programme, const char *name, MdfPlayDone done, void *user_data);
    void (*viewer_status)(const MdfViewer *viewer, MdfViewerStatus *ret_status);
    void (*close)(MdfViewer *viewer);
} MdfEngineOps;

/* First member of an implementation's engine and viewer. */
struct MdfEngine {
    const MdfEngineOps *ops;
};
struct MdfViewer {
    const MdfEngineOps *ops;
};
