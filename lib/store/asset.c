#include <json-glib/json-glib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/json-strict.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"

#define MAX_TRACKS 64
#define MAX_TEXT_LENGTH 8192

static const char *const codecs[] = {"H264", "VP8", "VP9", "AV1", "OPUS", NULL};
static const char *const kinds[] = {"video", "audio", "trick", NULL}; /* as in StoreTrackKind */

static void
track_free(gpointer data)
{
    StoreTrack *track = data;

    g_free(track->file);
    g_free(track->codec);
    g_free(track->language);
    g_free(track);
}

static void
asset_clear(gpointer data)
{
    StoreAsset *asset = data;

    g_free(asset->id);
    g_free(asset->title);
    g_free(asset->synopsis);
    g_free(asset->credit);
    g_free(asset->poster);
    g_ptr_array_unref(asset->tracks);
}

StoreAsset *
store_asset_ref(StoreAsset *self)
{
    return g_atomic_rc_box_acquire(self);
}

void
store_asset_unref(StoreAsset *self)
{
    if (self)
        g_atomic_rc_box_release_full(self, asset_clear);
}

static bool
bad_member(GError **error, const char *name, const char *why)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "asset.json: \"%s\" %s", name, why);
    return false;
}

/* A string member; absent is fine unless @required. @ret_text is set only on success. */
static bool
read_text(JsonObject *object, const char *name, bool required, char **ret_text, GError **error)
{
    JsonNode *member = json_object_get_member(object, name);
    const char *text;

    if (!member || JSON_NODE_HOLDS_NULL(member))
        return !required || bad_member(error, name, "is missing");
    if (json_node_get_value_type(member) != G_TYPE_STRING)
        return bad_member(error, name, "is no string");

    text = json_node_get_string(member);
    if (strlen(text) > MAX_TEXT_LENGTH || (required && !text[0]))
        return bad_member(error, name, "is empty or too long");

    *ret_text = g_strdup(text);
    return true;
}

static bool
read_number(JsonObject *object, const char *name, double max, double *ret_value, GError **error)
{
    JsonNode *member = json_object_get_member(object, name);
    double value;

    if (!member || JSON_NODE_HOLDS_NULL(member))
        return true;
    if (!JSON_NODE_HOLDS_VALUE(member))
        return bad_member(error, name, "is no number");

    value = json_node_get_double(member);
    if (json_node_get_value_type(member) == G_TYPE_STRING || !(value >= 0 && value <= max))
        return bad_member(error, name, "is no number in its range");

    *ret_value = value;
    return true;
}

static bool
read_unsigned(JsonObject *object, const char *name, unsigned max, unsigned *ret_value, GError **error)
{
    double value = 0;

    if (!read_number(object, name, max, &value, error))
        return false;

    *ret_value = (unsigned)value;
    return true;
}

static bool
read_file_name(JsonObject *object, const char *name, bool required, char **ret_file, GError **error)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    g_autofree char *file = NULL;

    if (!read_text(object, name, required, &file, error))
        return false;
    if (file &&
        (file[0] == '.' || file[0] == '-' || strspn(file, allowed) != strlen(file) || strlen(file) > 255))
        return bad_member(error, name, "is no plain file name");

    *ret_file = g_steal_pointer(&file);
    return true;
}

/* Index of a word member in @words; -1 with error. */
static int
read_word(JsonObject *object, const char *name, const char *const *words, GError **error)
{
    g_autofree char *text = NULL;

    if (!read_text(object, name, true, &text, error))
        return -1;
    for (int i = 0; words[i]; i++) {
        if (g_str_equal(words[i], text))
            return i;
    }
    bad_member(error, name, "is none of the known words");
    return -1;
}

static bool
read_track(JsonObject *object, StoreTrack *track, GError **error)
{
    int kind = read_word(object, "kind", kinds, error);
    int codec = kind < 0 ? -1 : read_word(object, "codec", codecs, error);

    if (codec < 0)
        return false;

    track->kind = (StoreTrackKind)kind;
    track->codec = g_strdup(codecs[codec]);

    return read_file_name(object, "file", true, &track->file, error) &&
           read_text(object, "language", false, &track->language, error) &&
           read_unsigned(object, "width", 16384, &track->width, error) &&
           read_unsigned(object, "height", 16384, &track->height, error) &&
           read_number(object, "fps", 1000, &track->fps, error) &&
           read_unsigned(object, "bitrate_kbps", 1000000, &track->bitrate_kbps, error);
}

static bool
has_media(const StoreAsset *asset, GError **error)
{
    for (unsigned i = 0; i < asset->tracks->len; i++) {
        const StoreTrack *track = g_ptr_array_index(asset->tracks, i);

        if (track->kind != STORE_TRACK_TRICK)
            return true;
    }
    return bad_member(error, "tracks", "has neither video nor audio");
}

static bool
read_tracks(JsonObject *object, StoreAsset *asset, GError **error)
{
    JsonNode *member = json_object_get_member(object, "tracks");
    JsonArray *array;

    if (!member || !JSON_NODE_HOLDS_ARRAY(member))
        return bad_member(error, "tracks", "is missing or no array");
    array = json_node_get_array(member);
    if (json_array_get_length(array) > MAX_TRACKS)
        return bad_member(error, "tracks", "has too many entries");

    for (unsigned i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);
        StoreTrack *track = g_new0(StoreTrack, 1);

        g_ptr_array_add(asset->tracks, track);
        if (!JSON_NODE_HOLDS_OBJECT(element))
            return bad_member(error, "tracks", "has an entry that is no object");
        if (!read_track(json_node_get_object(element), track, error)) {
            g_prefix_error(error, "track %u: ", i);
            return false;
        }
    }
    return has_media(asset, error);
}

static bool
read_asset(const char *id, JsonObject *object, StoreAsset *asset, GError **error)
{
    double duration_us = 0, created = 0;

    if (!read_text(object, "id", true, &asset->id, error) ||
        !read_text(object, "title", true, &asset->title, error) ||
        !read_text(object, "synopsis", false, &asset->synopsis, error) ||
        !read_text(object, "credit", false, &asset->credit, error) ||
        !read_file_name(object, "poster", false, &asset->poster, error) ||
        !read_number(object, "duration_us", 1e15, &duration_us, error) ||
        !read_number(object, "created", 1e12, &created, error) || !read_tracks(object, asset, error))
        return false;

    if (!g_str_equal(asset->id, id) || !store_id_is_valid(id))
        return bad_member(error, "id", "is not the folder's name or no valid id");
    if (duration_us < 1)
        return bad_member(error, "duration_us", "is missing or 0");

    asset->duration_us = (int64_t)duration_us;
    asset->created = (int64_t)created;
    return true;
}

StoreAsset *
store_asset_parse(const char *id, const char *json, gssize length, GError **error)
{
    size_t bytes = length < 0 ? strlen(json) : (size_t)length;
    g_autoptr(StoreAsset) asset = NULL;
    g_autoptr(JsonNode) root = proto_json_parse(json, bytes, bytes, error);

    if (!root) {
        g_prefix_error(error, "asset.json: ");
        return NULL;
    }
    if (!JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "asset.json: no JSON object");
        return NULL;
    }

    asset = g_atomic_rc_box_new0(StoreAsset);
    asset->tracks = g_ptr_array_new_with_free_func(track_free);
    return read_asset(id, json_node_get_object(root), asset, error) ? g_steal_pointer(&asset) : NULL;
}
