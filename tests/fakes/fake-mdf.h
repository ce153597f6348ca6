/* tests/fakes/fake-mdf.h - the far end of Xp: answers as an MDF does and remembers what it was asked. */
#pragma once

#include <glib.h>

#include "lib/net/http-api.h"
#include "lib/net/http-client.h"

#define FAKE_MDF_MEDIA                                                                                       \
    "m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\na=mid:0\r\na=sendonly\r\n"                 \
    "a=ice-ufrag:mD1x\r\na=ice-pwd:Qw8yT5rE2uI0oP7aS4dF6gHj\r\na=fingerprint:sha-256 9C:77\r\n"              \
    "a=setup:passive\r\na=rtpmap:111 opus/48000/2\r\n"
#define FAKE_MDF_ANSWER "v=0\r\no=- 88 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n" FAKE_MDF_MEDIA

typedef struct {
    NetHttpApi *api;
    NetHttpClient *client;
    guint16 port;
    /* how to behave */
    int refuse; /* status for a set-up; 0: take it */
    const char *instance;
    gboolean hold; /* keep control commands unanswered in `held` */
    /* what was asked */
    unsigned created, deleted, patched, commands, statuses, events_taken;
    char *source, *offer, *events_url, *session_id, *command;
    NetHttpExchange *held;
} FakeMdf;

FakeMdf *fake_mdf_new(void);
void fake_mdf_free(FakeMdf *self);
/* "http://127.0.0.1:PORT"; (transfer full) */
char *fake_mdf_url(const FakeMdf *self);
/* POSTs an event of the last viewer, e.g. {"event":"end-of-stream","npt":30.0}. */
void fake_mdf_tell(FakeMdf *self, const char *json);
