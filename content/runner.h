/* content/runner.h - takes one file in: staging folder, disposable child, publishing. Lives on the main
 * context and never looks into the file itself. */
#pragma once

#include "content/request.h"

#include <glib.h>
#include <stdint.h>

typedef struct ContentRunner ContentRunner;

typedef struct {
    ContentStage stage;
    const char *verdict; /* lent; NULL until it is known */
    double fraction;     /* 0..1 of the whole job */
    double rate;         /* media seconds a second of the stage that runs; 0 while unknown */
    double left_s;       /* estimate; negative while unknown */
    int64_t duration_us; /* of the film; 0 while unknown */
} ContentStatus;

typedef struct {
    void (*changed)(void *user_data);
    /* The end: @error NULL, or why it was not taken in, as a whole sentence. The runner may be freed in it.
     */
    void (*ended)(void *user_data, const GError *error);
} ContentRunnerEvents;

/* @program: path of imstv-ingest, which is started as `PROGRAM --job FILE --out FOLDER --parent PID`.
 * @request, @events: borrowed for the life of the runner, with @user_data.
 * Errors: BUSY if the id is taken; UNAVAILABLE if the state folder cannot be written or the child not be
 * started. */
ContentRunner *content_runner_new(const char *state_dir,
                                  const char *program,
                                  const ContentRequest *request,
                                  const ContentRunnerEvents *events,
                                  void *user_data,
                                  GError **error);
/* Kills the child if it still runs; no event follows and nothing is left in the content folder. */
void content_runner_free(ContentRunner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentRunner, content_runner_free)

void content_runner_status(const ContentRunner *self, ContentStatus *ret_status);
