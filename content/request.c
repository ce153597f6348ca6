#include "content/request.h"

#include "content/slug.h"
#include "lib/base/error.h"

#include <string.h>
#include <sys/stat.h>

enum {
    TITLE_MAX = 200, /* bytes */
    CREDIT_MAX = 500,
    SYNOPSIS_MAX = 8000,
    TRACKS_MAX = 16,
};

static bool
check_text(const char *name, const char *text, size_t max, GError **error)
{
    if (text == NULL)
        return true;
    if (strlen(text) <= max && g_utf8_validate(text, -1, NULL))
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                "the %s is longer than %zu bytes or not UTF-8", name, max);
    return false;
}

static char *
non_empty(const char *text)
{
    return text != NULL && text[0] != '\0' ? g_strdup(text) : NULL;
}

ContentRequest *
content_request_new(const char *file,
                    const char *id,
                    const char *title,
                    const char *credit,
                    const char *synopsis,
                    GError **error)
{
    g_autoptr(ContentRequest) self = g_new0(ContentRequest, 1);

    if (file[0] == '\0') {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "no file was named");
        return NULL;
    }
    if (!check_text("title", title, TITLE_MAX, error) || !check_text("credit", credit, CREDIT_MAX, error) ||
        !check_text("synopsis", synopsis, SYNOPSIS_MAX, error))
        return NULL;

    self->file = g_canonicalize_filename(file, NULL);
    self->title = non_empty(title);
    if (self->title == NULL)
        self->title = content_title_from_path(self->file);
    self->id = non_empty(id);
    if (self->id == NULL)
        self->id = content_id_from_name(self->title);
    self->credit = non_empty(credit);
    self->synopsis = non_empty(synopsis);
    return content_id_check(self->id, error) ? g_steal_pointer(&self) : NULL;
}

void
content_request_free(ContentRequest *self)
{
    if (self == NULL)
        return;
    g_free(self->file);
    g_free(self->id);
    g_free(self->title);
    g_free(self->credit);
    g_free(self->synopsis);
    g_free(self);
}

const char *
content_stage_name(ContentStage stage)
{
    switch (stage) {
    case CONTENT_STAGE_QUEUED:
        return "queued";
    case CONTENT_STAGE_PROBE:
        return "probe";
    case CONTENT_STAGE_CONFORM:
        return "conform";
    case CONTENT_STAGE_DONE:
        return "done";
    case CONTENT_STAGE_FAILED:
        return "failed";
    case CONTENT_STAGE_CANCELLED:
        return "cancelled";
    }
    return "failed";
}

/* A plain file in @folder, by its name alone. */
static bool
is_own_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat info;

    return strchr(name, '/') == NULL && name[0] != '.' && lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_size > 0;
}

static bool
check_track(JsonNode *node, const char *folder)
{
    JsonObject *track = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *kind, *file, *codec;

    if (track == NULL)
        return false;
    kind = json_object_get_string_member_with_default(track, "kind", "");
    file = json_object_get_string_member_with_default(track, "file", "");
    codec = json_object_get_string_member_with_default(track, "codec", "");
    return (g_str_equal(kind, "video") || g_str_equal(kind, "audio")) && g_str_has_suffix(file, ".reel") &&
           (g_str_equal(codec, "H264") || g_str_equal(codec, "OPUS")) && is_own_file(folder, file);
}

static bool
check_done(JsonObject *done, const char *folder, GError **error)
{
    JsonNode *node = json_object_get_member(done, "tracks");
    JsonArray *tracks = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint n = tracks != NULL ? json_array_get_length(tracks) : 0;
    bool good =
        n > 0 && n <= TRACKS_MAX && json_object_get_int_member_with_default(done, "duration_us", 0) > 0;

    for (guint i = 0; good && i < n; i++)
        good = check_track(json_array_get_element(tracks, i), folder);
    if (!good)
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL,
                            "its reader gave a result that makes no sense");
    return good;
}

static void
set_text(JsonObject *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_string_member(object, name, value);
}

char *
content_asset_json(
    const ContentRequest *request, JsonObject *done, const char *folder, int64_t now_s, GError **error)
{
    g_autoptr(JsonObject) asset = json_object_new();
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);

    if (!check_done(done, folder, error))
        return NULL;
    json_object_set_string_member(asset, "id", request->id);
    json_object_set_string_member(asset, "title", request->title);
    set_text(asset, "synopsis", request->synopsis);
    set_text(asset, "credit", request->credit);
    json_object_set_int_member(asset, "duration_us", json_object_get_int_member(done, "duration_us"));
    if (is_own_file(folder, "poster.jpg"))
        json_object_set_string_member(asset, "poster", "poster.jpg");
    json_object_set_int_member(asset, "created", now_s);
    if (json_object_has_member(done, "source"))
        json_object_set_member(asset, "source", json_node_copy(json_object_get_member(done, "source")));
    json_object_set_member(asset, "tracks", json_node_copy(json_object_get_member(done, "tracks")));

    json_node_set_object(root, asset);
    return json_to_string(root, TRUE);
}
