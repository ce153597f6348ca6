#include "mdf/control/xp-handler.h"

#include <math.h>
#include <string.h>

#include "lib/base/error.h"

#define MAX_NPT_S 1e9
#define MAX_SCALE 64

void
mdf_xp_command_clear(MdfXpCommand *self)
{
    g_clear_pointer(&self->source, g_free);
}

bool
mdf_xp_source_is_valid(const char *source)
{
    const char *id = g_str_has_prefix(source, "asset:")     ? source + strlen("asset:")
                     : g_str_has_prefix(source, "channel:") ? source + strlen("channel:")
                                                            : "";
    size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return id[length] == '\0' && length >= 1 && length <= 63 && id[0] != '-';
}

/* ---- commands ---- */

static bool
invalid(GError **error, const char *what)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "%s", what);
    return false;
}

/* True if it is absent or a number in range. */
static bool
read_number(JsonObject *object, const char *name, double lowest, double highest, double *value)
{
    JsonNode *node = json_object_get_member(object, name);
    double number;

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return true;
    if (!JSON_NODE_HOLDS_VALUE(node) ||
        (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE))
        return false;
    number = json_node_get_double(node);
    if (!(number >= lowest && number <= highest))
        return false;
    *value = number;
    return true;
}

static const char *
read_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return "";
    return json_node_get_string(node);
}

static bool
read_play(JsonObject *object, MdfXpCommand *command, GError **error)
{
    command->npt_s = NAN;
    command->scale = 1.0;
    if (!read_number(object, "npt", 0, MAX_NPT_S, &command->npt_s))
        return invalid(error, "npt is not a time in seconds");
    if (!read_number(object, "scale", -MAX_SCALE, MAX_SCALE, &command->scale) || command->scale == 0)
        return invalid(error, "scale is not a speed");
    return true;
}

static bool
read_zap(JsonObject *object, MdfXpCommand *command, GError **error)
{
    command->source = g_strdup_printf("channel:%s", read_string(object, "channel"));
    if (mdf_xp_source_is_valid(command->source))
        return true;
    mdf_xp_command_clear(command);
    return invalid(error, "channel is no channel id");
}

bool
mdf_xp_command_read(JsonObject *object, MdfXpCommand *ret_command, GError **error)
{
    static const char *const names[] = {
        [MDF_XP_PLAY] = "play",
        [MDF_XP_PAUSE] = "pause",
        [MDF_XP_ZAP] = "zap",
        [MDF_XP_KEEPALIVE] = "keepalive",
    };
    const char *name = read_string(object, "command");

    memset(ret_command, 0, sizeof *ret_command);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        ret_command->kind = (MdfXpCommandKind)i;
        if (ret_command->kind == MDF_XP_PLAY)
            return read_play(object, ret_command, error);
        if (ret_command->kind == MDF_XP_ZAP)
            return read_zap(object, ret_command, error);
        return true;
    }
    return invalid(error, "command is none of play, pause, zap, keepalive");
}

/* ---- outcomes ---- */

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void
add_double(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, value);
}

static void
add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static JsonNode *
finish(JsonBuilder *builder)
{
    g_autoptr(JsonBuilder) taken = builder;

    json_builder_end_object(taken);
    return json_builder_get_root(taken);
}

static JsonBuilder *
begin(void)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    return builder;
}

JsonNode *
mdf_xp_outcome(const MdfPlayResult *result)
{
    JsonBuilder *builder = begin();

    add_string(builder, "state", mdf_viewer_state_name(result->state));
    add_double(builder, "npt_start", result->npt_start_s);
    if (result->npt_end_s >= 0)
        add_double(builder, "npt_end", result->npt_end_s);
    add_double(builder, "scale", result->scale);
    if (result->state == MDF_VIEWER_PLAYING) {
        add_int(builder, "rtp_time", result->rtp_time);
        add_double(builder, "media_time", result->media_time_s);
    }
    return finish(builder);
}

JsonNode *
mdf_xp_state(const char *source, const MdfViewerStatus *status)
{
    JsonBuilder *builder = begin();

    add_string(builder, "source", source);
    add_string(builder, "state", mdf_viewer_state_name(status->state));
    add_double(builder, "position", status->position_s);
    if (!status->live && status->duration_s >= 0)
        add_double(builder, "duration", status->duration_s);
    json_builder_set_member_name(builder, "scales");
    json_builder_begin_array(builder);
    json_builder_add_double_value(builder, 1.0);
    json_builder_end_array(builder);
    add_double(builder, "scale", status->scale);
    if (status->state == MDF_VIEWER_PLAYING) {
        add_int(builder, "rtp_time", status->rtp_time);
        add_double(builder, "media_time", status->position_s);
    }
    add_int(builder, "packets", (gint64)status->packets);
    add_int(builder, "bytes", (gint64)status->bytes);
    add_int(builder, "packets_resent", (gint64)status->packets_resent);
    add_int(builder, "round_trip_us", status->round_trip_us);
    add_double(builder, "fraction_lost", status->fraction_lost / 256.0);
    return finish(builder);
}

char *
mdf_xp_event(const char *event, const char *session, double npt_s, const char *reason)
{
    JsonBuilder *builder = begin();
    g_autoptr(JsonNode) root = NULL;

    add_string(builder, "event", event);
    add_string(builder, "session", session);
    if (!isnan(npt_s))
        add_double(builder, "npt", npt_s);
    if (reason)
        add_string(builder, "reason", reason);
    root = finish(builder);
    return json_to_string(root, FALSE);
}

JsonNode *
mdf_xp_content(const char *source, const ReelProgramme *programme)
{
    JsonBuilder *builder = begin();
    int64_t first_us = 0, last_us = 0;
    bool live = reel_programme_is_live(programme);

    add_string(builder, "source", source);
    json_builder_set_member_name(builder, "live");
    json_builder_add_boolean_value(builder, live);
    if (!live && reel_programme_range(programme, &first_us, &last_us))
        add_double(builder, "duration", (double)last_us / 1e6);
    json_builder_set_member_name(builder, "codecs");
    json_builder_begin_array(builder);
    for (unsigned i = 0; i < reel_programme_n_tracks(programme); i++)
        json_builder_add_string_value(builder, reel_codec_name(reel_programme_track(programme, i)->codec));
    json_builder_end_array(builder);
    return finish(builder);
}
