/* bc_service and bc_service_package, and the check for WebRTC media, of sdp-iptv.h. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/sdp-iptv.h"
#include "lib/proto/sdp-text.h"

#define MAX_PACKAGES 64
#define MAX_SERVICES 4096
#define LIST_KEY "bc_tv_service_id_list:"
/* Longer lists go on several lines of the same package. */
#define MAX_LIST_BYTES 4000

static void
package_free(gpointer data)
{
    ProtoBcPackage *package = data;

    g_free(package->id);
    g_strfreev(package->services);
    g_free(package);
}

void
proto_bc_init(ProtoBc *self)
{
    self->service = NULL;
    self->packages = g_ptr_array_new_with_free_func(package_free);
}

void
proto_bc_clear(ProtoBc *self)
{
    g_clear_pointer(&self->service, g_free);
    g_clear_pointer(&self->packages, g_ptr_array_unref);
}

static ProtoBcPackage *
find_package(const ProtoBc *self, const char *id)
{
    for (guint i = 0; i < self->packages->len; i++) {
        ProtoBcPackage *package = g_ptr_array_index(self->packages, i);
        if (strcmp(package->id, id) == 0)
            return package;
    }
    return NULL;
}

/* A package whose list came on several lines is one package. */
void
proto_bc_add_package(ProtoBc *self, const char *id, const char *const *services)
{
    ProtoBcPackage *package = find_package(self, id);
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();

    if (!package) {
        package = g_new0(ProtoBcPackage, 1);
        package->id = g_strdup(id);
        g_ptr_array_add(self->packages, package);
    }
    if (package->services)
        g_strv_builder_addv(all, (const char **)package->services);
    if (services)
        g_strv_builder_addv(all, (const char **)services);
    g_strfreev(package->services);
    package->services = g_strv_builder_end(all);
}

static guint
count_services(const ProtoBc *bc)
{
    guint n = 0;

    for (guint i = 0; i < bc->packages->len; i++)
        n += g_strv_length(((ProtoBcPackage *)g_ptr_array_index(bc->packages, i))->services);
    return n;
}

static bool
parse_package(ProtoBc *bc, const char *value, GError **error)
{
    g_auto(GStrv) word = g_strsplit_set(value, " \t", 16);
    g_auto(GStrv) services = NULL;

    if (!word[0] || !*word[0]) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "SDP: bc_service_package without an id");
        return false;
    }
    for (char **w = word + 1; *w; w++) /* mult_list: there is no multicast towards a browser */
        if (!services && g_str_has_prefix(*w, LIST_KEY))
            services = g_strsplit(*w + strlen(LIST_KEY), ",", MAX_SERVICES + 1);
    proto_bc_add_package(bc, word[0], (const char *const *)services);
    if (bc->packages->len > MAX_PACKAGES || count_services(bc) > MAX_SERVICES) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "SDP: too many packages or channels");
        return false;
    }
    return true;
}

static bool
read_attributes(const GArray *attributes, ProtoBc *bc, GError **error)
{
    for (guint i = 0; i < attributes->len; i++) {
        const GstSDPAttribute *attribute = &g_array_index(attributes, GstSDPAttribute, i);
        const char *value = attribute->value ? attribute->value : "";
        if (g_strcmp0(attribute->key, "bc_service") == 0) {
            g_autofree char *service = g_strstrip(g_strdup(value));
            if (!*service || (bc->service && strcmp(bc->service, service) != 0)) {
                g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL,
                                    "SDP: bc_service is empty or names two channels");
                return false;
            }
            g_free(bc->service);
            bc->service = g_steal_pointer(&service);
        } else if (g_strcmp0(attribute->key, "bc_service_package") == 0 && !parse_package(bc, value, error)) {
            return false;
        }
    }
    return true;
}

bool
proto_sdp_bc_parse(const char *text, ProtoBc *ret_bc, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);
    bool ok = sdp != NULL;

    proto_bc_init(ret_bc);
    ok = ok && read_attributes(sdp->attributes, ret_bc, error);
    for (guint i = 0; ok && i < sdp->medias->len; i++)
        ok = read_attributes(g_array_index(sdp->medias, GstSDPMedia, i).attributes, ret_bc, error);
    if (!ok)
        proto_bc_clear(ret_bc);
    return ok;
}

/* ---- writing ---- */

static bool
is_bc_key(const GstSDPAttribute *attribute)
{
    return g_strcmp0(attribute->key, "bc_service") == 0 ||
           g_strcmp0(attribute->key, "bc_service_package") == 0;
}

static void
remove_attributes(GstSDPMessage *sdp)
{
    for (guint i = sdp->attributes->len; i-- > 0;)
        if (is_bc_key(&g_array_index(sdp->attributes, GstSDPAttribute, i)))
            gst_sdp_message_remove_attribute(sdp, i);
    for (guint m = 0; m < sdp->medias->len; m++) {
        GstSDPMedia *media = &g_array_index(sdp->medias, GstSDPMedia, m);
        for (guint i = media->attributes->len; i-- > 0;)
            if (is_bc_key(&g_array_index(media->attributes, GstSDPAttribute, i)))
                gst_sdp_media_remove_attribute(media, i);
    }
}

static void
add_package_lines(GstSDPMessage *sdp, const ProtoBcPackage *package)
{
    char **service = package->services;

    do {
        g_autoptr(GString) value = g_string_new(package->id);
        const char *separator = " " LIST_KEY;
        for (; *service && value->len < MAX_LIST_BYTES; service++, separator = ",")
            g_string_append_printf(value, "%s%s", separator, *service);
        gst_sdp_message_add_attribute(sdp, "bc_service_package", value->str);
    } while (*service);
}

char *
proto_sdp_bc_set(const char *text, const ProtoBc *bc, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);

    if (!sdp)
        return NULL;
    remove_attributes(sdp);
    if (bc && bc->service)
        gst_sdp_message_add_attribute(sdp, "bc_service", bc->service);
    for (guint i = 0; bc && i < bc->packages->len; i++)
        add_package_lines(sdp, g_ptr_array_index(bc->packages, i));
    return proto_sdp_text(sdp);
}

/* ---- the granted set ---- */

char *
proto_bc_service_name(const char *bc_service_id)
{
    return g_strndup(bc_service_id, strcspn(bc_service_id, ":"));
}

/* Channel names are compared exactly, domains without case. */
static bool
same_service(const char *a, const char *b, const char *home_domain)
{
    size_t name_a = strcspn(a, ":"), name_b = strcspn(b, ":");
    const char *domain_a = a[name_a] ? a + name_a + 1 : home_domain;
    const char *domain_b = b[name_b] ? b + name_b + 1 : home_domain;

    return name_a == name_b && strncmp(a, b, name_a) == 0 && g_ascii_strcasecmp(domain_a, domain_b) == 0;
}

bool
proto_bc_grants(const ProtoBc *bc, const char *bc_service_id, const char *home_domain)
{
    for (guint i = 0; i < bc->packages->len; i++) {
        const ProtoBcPackage *package = g_ptr_array_index(bc->packages, i);
        for (char **service = package->services; *service; service++)
            if (same_service(*service, bc_service_id, home_domain))
                return true;
    }
    return false;
}

/* ---- WebRTC ---- */

static const char *
media_value(const GstSDPMessage *sdp, const GstSDPMedia *media, const char *key)
{
    const char *value = gst_sdp_media_get_attribute_val(media, key);

    return value ? value : gst_sdp_message_get_attribute_val(sdp, key);
}

/* NULL if the line will do, else what it lacks. */
static const char *
missing_for_webrtc(const GstSDPMessage *sdp, const GstSDPMedia *media)
{
    if (g_strcmp0(media->proto, "UDP/TLS/RTP/SAVPF") != 0)
        return "no media line is UDP/TLS/RTP/SAVPF";
    if (!media_value(sdp, media, "ice-ufrag") || !media_value(sdp, media, "ice-pwd"))
        return "no ICE credentials";
    if (!media_value(sdp, media, "fingerprint"))
        return "no DTLS fingerprint";
    return NULL;
}

bool
proto_sdp_check_webrtc(const char *text, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);
    const char *missing = "no audio or video line";

    if (!sdp)
        return false;
    for (guint i = 0; i < sdp->medias->len; i++) {
        const GstSDPMedia *media = &g_array_index(sdp->medias, GstSDPMedia, i);
        if (g_strcmp0(media->media, "audio") != 0 && g_strcmp0(media->media, "video") != 0)
            continue;
        if (media->port == 0 && !gst_sdp_media_get_attribute_val(media, "bundle-only"))
            continue;
        missing = missing_for_webrtc(sdp, media);
        if (!missing)
            return true;
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "SDP: %s", missing);
    return false;
}
