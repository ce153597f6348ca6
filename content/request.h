/* content/request.h - what somebody wants taken in, and how far it is. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *file; /* absolute */
    char *id;
    char *title;
    char *credit; /* NULL if there is none, and so on */
    char *synopsis;
} ContentRequest;

/* Completes id and title from the file's name and checks all.
 * @id, @title, @credit, @synopsis: NULL if not said. A relative @file is taken from the working folder.
 * Errors: INVALID_ARGUMENT with what is wrong. */
ContentRequest *content_request_new(const char *file,
                                    const char *id,
                                    const char *title,
                                    const char *credit,
                                    const char *synopsis,
                                    GError **error);
void content_request_free(ContentRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentRequest, content_request_free)

typedef enum {
    CONTENT_STAGE_QUEUED,
    CONTENT_STAGE_PROBE,
    CONTENT_STAGE_CONFORM,
    CONTENT_STAGE_DONE,
    CONTENT_STAGE_FAILED,
    CONTENT_STAGE_CANCELLED,
} ContentStage;

const char *content_stage_name(ContentStage stage);

/* The record that is published, from what was asked for and what the child said it did.
 * @done: the child's "done" line, not believed. @folder: where its files must be.
 * Returns asset.json. (transfer full)
 * Errors: PROTOCOL if it is not what a child of ours writes. */
char *content_asset_json(
    const ContentRequest *request, JsonObject *done, const char *folder, int64_t now_s, GError **error);
