#include "lib/proto/jsonrtc.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/json-print.h"
#include "lib/proto/json-strict.h"

#define MAX_TOKEN 128

static const char *const type_names[] = {
    [PROTO_JSONRTC_REQUEST] = "request", [PROTO_JSONRTC_RESPONSE] = "response",
    [PROTO_JSONRTC_MESSAGE] = "message", [PROTO_JSONRTC_ACKNOWLEDGEMENT] = "acknowledgement",
    [PROTO_JSONRTC_ERROR] = "error",
};

static const char *const state_names[] = {
    [PROTO_JSONRTC_INITIAL] = "initial",
    [PROTO_JSONRTC_SUBSEQUENT] = "subsequent",
    [PROTO_JSONRTC_FINAL] = "final",
};

ProtoJsonrtcFrame *
proto_jsonrtc_frame_new(ProtoJsonrtcType type, const char *package_type, const char *action)
{
    ProtoJsonrtcFrame *self = g_new0(ProtoJsonrtcFrame, 1);

    self->type = type;
    self->package_type = g_strdup(package_type);
    self->action = g_strdup(action);
    self->ack_sequence = -1;
    self->header = json_object_new();
    return self;
}

void
proto_jsonrtc_frame_free(ProtoJsonrtcFrame *self)
{
    if (!self)
        return;
    g_free(self->package_type);
    g_free(self->session_id);
    g_free(self->subsession_id);
    g_free(self->correlation_id);
    g_free(self->action);
    g_clear_pointer(&self->header, json_object_unref);
    g_clear_pointer(&self->payload, json_object_unref);
    g_free(self);
}

bool
proto_jsonrtc_reference_parse(const char *reference, char *ret_side, int64_t *ret_number)
{
    guint64 number = 0;

    if (!reference || (reference[0] != 'c' && reference[0] != 's') || reference[1] == '0' ||
        !g_ascii_string_to_unsigned(reference + 1, 10, 1, PROTO_JSONRTC_MAX_SEQUENCE, &number, NULL))
        return false;
    *ret_side = reference[0];
    *ret_number = (int64_t)number;
    return true;
}

/* --- parse --- */

static bool
refuse(GError **error, const char *what, const char *why)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "W2 frame: %s %s", what, why);
    return false;
}

static bool
get_object(JsonObject *parent, const char *name, JsonObject **ret_object, GError **error)
{
    JsonNode *node = json_object_get_member(parent, name);

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return true;
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return refuse(error, name, "is not an object");
    *ret_object = json_node_get_object(node);
    return true;
}

/* A short printable word; absent and null are the same. */
static bool
get_token(JsonObject *parent, const char *name, char **ret_token, GError **error)
{
    JsonNode *node = json_object_get_member(parent, name);
    const char *text = NULL;

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return true;
    if (json_node_get_value_type(node) != G_TYPE_STRING)
        return refuse(error, name, "is not a string");
    text = json_node_get_string(node);
    if (!*text || strlen(text) > MAX_TOKEN)
        return refuse(error, name, "is empty or too long");
    for (const char *c = text; *c; c++) {
        if (!g_ascii_isgraph(*c))
            return refuse(error, name, "has characters that are not allowed");
    }
    g_free(*ret_token);
    *ret_token = g_strdup(text);
    return true;
}

static bool
get_number(JsonObject *parent, const char *name, int64_t min, int64_t *ret_number, GError **error)
{
    JsonNode *node = json_object_get_member(parent, name);
    int64_t number = 0;

    if (!node || JSON_NODE_HOLDS_NULL(node))
        return true;
    if (json_node_get_value_type(node) != G_TYPE_INT64)
        return refuse(error, name, "is not an integer");
    number = json_node_get_int(node);
    if (number < min || number > PROTO_JSONRTC_MAX_SEQUENCE)
        return refuse(error, name, "is out of range");
    *ret_number = number;
    return true;
}

static bool
get_name(JsonObject *parent,
         const char *name,
         const char *const *names,
         int n_names,
         int *ret_index,
         GError **error)
{
    g_autofree char *token = NULL;

    if (!get_token(parent, name, &token, error))
        return false;
    for (int i = 0; token && i < n_names; i++) {
        if (g_str_equal(token, names[i])) {
            *ret_index = i;
            return true;
        }
    }
    return !token || refuse(error, name, "has an unknown value");
}

static bool
check_reference(const char *reference, const char *name, GError **error)
{
    char side = 0;
    int64_t number = 0;

    if (reference && !proto_jsonrtc_reference_parse(reference, &side, &number))
        return refuse(error, name, "is not c<n> or s<n>");
    return true;
}

static bool
parse_control(ProtoJsonrtcFrame *frame, JsonObject *control, GError **error)
{
    int type = -1;
    int state = PROTO_JSONRTC_INITIAL;
    g_autofree char *version = NULL;

    if (!get_number(control, "sequence", 1, &frame->sequence, error) ||
        !get_number(control, "ack_sequence", 0, &frame->ack_sequence, error) ||
        !get_name(control, "type", type_names, G_N_ELEMENTS(type_names), &type, error) ||
        !get_name(control, "message_state", state_names, G_N_ELEMENTS(state_names), &state, error) ||
        !get_token(control, "package_type", &frame->package_type, error) ||
        !get_token(control, "session_id", &frame->session_id, error) ||
        !get_token(control, "subsession_id", &frame->subsession_id, error) ||
        !get_token(control, "correlation_id", &frame->correlation_id, error) ||
        !get_token(control, "version", &version, error))
        return false;
    if (type < 0)
        return refuse(error, "type", "is missing");
    frame->type = (ProtoJsonrtcType)type;
    frame->state = (ProtoJsonrtcState)state;
    return check_reference(frame->subsession_id, "subsession_id", error) &&
           check_reference(frame->correlation_id, "correlation_id", error);
}

static bool
parse_header(ProtoJsonrtcFrame *frame, JsonObject *header, GError **error)
{
    if (!header)
        return true;
    if (!get_token(header, "action", &frame->action, error))
        return false;
    json_object_unref(frame->header);
    frame->header = json_object_ref(header);
    json_object_remove_member(frame->header, "action");
    return true;
}

static bool
check_frame(ProtoJsonrtcFrame *frame, GError **error)
{
    bool needs_action = frame->type != PROTO_JSONRTC_ACKNOWLEDGEMENT && frame->type != PROTO_JSONRTC_ERROR;

    if (!frame->action && needs_action)
        return refuse(error, "action", "is missing");
    if (!frame->action)
        frame->action = g_strdup("");
    if (!frame->package_type)
        frame->package_type = g_strdup(g_str_equal(frame->action, "connect") ? "register" : "call");
    return true;
}

ProtoJsonrtcFrame *
proto_jsonrtc_parse(const char *text, size_t length, int64_t *ret_sequence, GError **error)
{
    g_autoptr(ProtoJsonrtcFrame) frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_MESSAGE, NULL, NULL);
    g_autoptr(JsonNode) root = NULL;
    JsonObject *control = NULL, *header = NULL, *payload = NULL;
    bool good = false;

    if (ret_sequence)
        *ret_sequence = 0;
    if (!(root = proto_json_parse(text, length, PROTO_JSONRTC_MAX_BYTES, error)))
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        refuse(error, "it", "is not an object");
        return NULL;
    }
    if (!get_object(json_node_get_object(root), "control", &control, error))
        return NULL;
    if (!control) {
        refuse(error, "control", "is missing");
        return NULL;
    }
    good = parse_control(frame, control, error);
    if (ret_sequence)
        *ret_sequence = frame->sequence;
    if (!good || !get_object(json_node_get_object(root), "header", &header, error) ||
        !get_object(json_node_get_object(root), "payload", &payload, error) ||
        !parse_header(frame, header, error) || !check_frame(frame, error))
        return NULL;
    frame->payload = payload ? json_object_ref(payload) : NULL;
    return g_steal_pointer(&frame);
}

/* --- build --- */

static void
set_string(JsonObject *object, const char *name, const char *value)
{
    if (value && *value)
        json_object_set_string_member(object, name, value);
}

static JsonObject *
build_control(const ProtoJsonrtcFrame *frame)
{
    JsonObject *control = json_object_new();

    json_object_set_string_member(control, "type", type_names[frame->type]);
    set_string(control, "package_type", frame->package_type);
    set_string(control, "session_id", frame->session_id);
    set_string(control, "subsession_id", frame->subsession_id);
    if (frame->sequence > 0)
        json_object_set_int_member(control, "sequence", frame->sequence);
    if (frame->ack_sequence >= 0)
        json_object_set_int_member(control, "ack_sequence", frame->ack_sequence);
    set_string(control, "correlation_id", frame->correlation_id);
    if (frame->state != PROTO_JSONRTC_INITIAL)
        json_object_set_string_member(control, "message_state", state_names[frame->state]);
    json_object_set_string_member(control, "version", "1.0");
    return control;
}

static JsonObject *
build_header(const ProtoJsonrtcFrame *frame)
{
    JsonObject *header = json_object_new();
    g_autoptr(GList) names = json_object_get_members(frame->header);

    set_string(header, "action", frame->action);
    for (GList *l = names; l; l = l->next)
        json_object_set_member(header, l->data, json_object_dup_member(frame->header, l->data));
    return header;
}

char *
proto_jsonrtc_build(const ProtoJsonrtcFrame *frame)
{
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_node_take_object(root, object);
    json_object_set_object_member(object, "control", build_control(frame));
    if (frame->type != PROTO_JSONRTC_ACKNOWLEDGEMENT)
        json_object_set_object_member(object, "header", build_header(frame));
    if (frame->payload)
        json_object_set_object_member(object, "payload", json_object_ref(frame->payload));
    return proto_json_print(root, false);
}

/* --- members --- */

static JsonNode *
member_of_type(JsonObject *object, const char *name, GType type)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node : NULL;
}

const char *
proto_jsonrtc_header_string(const ProtoJsonrtcFrame *self, const char *name)
{
    JsonNode *node = member_of_type(self->header, name, G_TYPE_STRING);

    return node ? json_node_get_string(node) : NULL;
}

bool
proto_jsonrtc_header_int(const ProtoJsonrtcFrame *self, const char *name, int64_t *ret_value)
{
    JsonNode *node = member_of_type(self->header, name, G_TYPE_INT64);

    if (node)
        *ret_value = json_node_get_int(node);
    return node != NULL;
}

bool
proto_jsonrtc_header_number(const ProtoJsonrtcFrame *self, const char *name, double *ret_value)
{
    JsonNode *node = member_of_type(self->header, name, G_TYPE_DOUBLE);

    if (!node)
        node = member_of_type(self->header, name, G_TYPE_INT64);
    if (node)
        *ret_value = json_node_get_double(node);
    return node != NULL;
}

bool
proto_jsonrtc_header_bool(const ProtoJsonrtcFrame *self, const char *name, bool *ret_value)
{
    JsonNode *node = member_of_type(self->header, name, G_TYPE_BOOLEAN);

    if (node)
        *ret_value = json_node_get_boolean(node);
    return node != NULL;
}

const char *
proto_jsonrtc_payload_string(const ProtoJsonrtcFrame *self, const char *name)
{
    JsonNode *node = member_of_type(self->payload, name, G_TYPE_STRING);

    return node ? json_node_get_string(node) : NULL;
}

JsonObject *
proto_jsonrtc_payload(ProtoJsonrtcFrame *self)
{
    if (!self->payload)
        self->payload = json_object_new();
    return self->payload;
}

char *
proto_jsonrtc_summary(const ProtoJsonrtcFrame *self)
{
    GString *out = g_string_new(type_names[self->type]);

    g_string_append_printf(out, " %s", self->package_type);
    if (*self->action)
        g_string_append_printf(out, " %s", self->action);
    if (self->sequence > 0)
        g_string_append_printf(out, " #%" G_GINT64_FORMAT, self->sequence);
    if (self->subsession_id)
        g_string_append_printf(out, " in %s", self->subsession_id);
    if (self->correlation_id)
        g_string_append_printf(out, " to %s", self->correlation_id);
    return g_string_free(out, FALSE);
}
