/* mdf/control/xp-handler.h - the JSON of Xp (docs/xp.md): reads commands, writes outcomes. Pure. */
#pragma once

#include "lib/reel/reel.h"
#include "mdf/delivery/engine.h"

#include <glib.h>
#include <json-glib/json-glib.h>

typedef enum {
    MDF_XP_PLAY,
    MDF_XP_PAUSE,
    MDF_XP_ZAP,
    MDF_XP_KEEPALIVE,
} MdfXpCommandKind;

typedef struct {
    MdfXpCommandKind kind;
    double npt_s; /* play: NAN: where it stands, or the live edge */
    double scale; /* play */
    char *source; /* zap: "channel:ID" */
} MdfXpCommand;
void mdf_xp_command_clear(MdfXpCommand *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MdfXpCommand, mdf_xp_command_clear)

/* @ret_command: initialised here. Errors: INVALID_ARGUMENT with the member that is wrong. */
bool mdf_xp_command_read(JsonObject *object, MdfXpCommand *ret_command, GError **error);

/* True for "asset:ID" and "channel:ID" with a well-formed id. */
bool mdf_xp_source_is_valid(const char *source);

/* (transfer full), all of them */
JsonNode *mdf_xp_outcome(const MdfPlayResult *result);
JsonNode *mdf_xp_state(const char *source, const MdfViewerStatus *status);
/* @npt_s: NAN: left out. @reason: NULL: left out. */
char *mdf_xp_event(const char *event, const char *session, double npt_s, const char *reason);
JsonNode *mdf_xp_content(const char *source, const ReelProgramme *programme);
