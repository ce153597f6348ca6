/* content/queue.h - files that wait to be taken in, one at a time, and what became of the latest ones. */
#pragma once

#include "content/request.h"
#include "content/runner.h"

#include <glib.h>

enum {
    CONTENT_QUEUE_MAX = 1000,  /* waiting and running */
    CONTENT_HISTORY_MAX = 100, /* ended ones that are remembered */
};

typedef struct {
    char *id; /* of the job: 32 hex digits */
    ContentRequest *request;
    ContentStatus status; /* its verdict is lent by the job */
    char *verdict;
    char *error; /* why it failed; NULL otherwise */
    int64_t created_s;
} ContentJob;

typedef struct ContentQueue ContentQueue;

/* @program: path of imstv-ingest. */
ContentQueue *content_queue_new(const char *state_dir, const char *program);
/* Ends the job that runs; nothing of it is left. */
void content_queue_free(ContentQueue *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentQueue, content_queue_free)

/* @request: (transfer full), also on error. Returns the job, lent until it falls out of the history.
 * Errors: UNAVAILABLE if the queue is full; BUSY if the id is published already, or is waiting. */
const ContentJob *content_queue_add(ContentQueue *self, ContentRequest *request, GError **error);

/* NULL if there is none. */
const ContentJob *content_queue_get(ContentQueue *self, const char *job_id);
/* All jobs, oldest first. (transfer container) */
GPtrArray *content_queue_list(ContentQueue *self);

/* Errors: NOT_FOUND; BUSY if it has ended already. */
bool content_queue_cancel(ContentQueue *self, const char *job_id, GError **error);
