#include "lib/proto/bcg.h"

#include <stdbool.h>
#include <string.h>

#include "lib/proto/xml.h"

#define MAX_FILMS 10000
#define XML_NAMESPACE "urn:tva:metadata:2011"
#define MPEG7_NAMESPACE "urn:tva:mpeg7:2008"
#define POSTER_HOW_RELATED "urn:tva:metadata:cs:HowRelatedCS:2010:19"

ProtoBcgFilm *
proto_bcg_film_new(void)
{
    return g_new0(ProtoBcgFilm, 1);
}

void
proto_bcg_film_free(ProtoBcgFilm *self)
{
    if (!self)
        return;

    g_free(self->authority);
    g_free(self->id);
    g_free(self->title);
    g_free(self->synopsis);
    g_free(self->credit);
    g_free(self->poster_url);
    g_free(self);
}

/* ---- durations ---- */

/* One number with its letter, "3.5S"; false if there is none. Moves @text on. */
static bool
take_part(const char **text, double *ret_value, char *ret_letter)
{
    char *end;
    double value;

    if (!g_ascii_isdigit(**text))
        return false;
    value = g_ascii_strtod(*text, &end);
    if (!*end || value > 1e9)
        return false;

    *ret_value = value;
    *ret_letter = *end;
    *text = end + 1;
    return true;
}

static double
unit_s(char letter, bool in_time)
{
    switch (letter) {
    case 'D':
        return in_time ? 0 : 86400;
    case 'H':
        return in_time ? 3600 : 0;
    case 'M':
        return in_time ? 60 : 0; /* months have no length */
    case 'S':
        return in_time ? 1 : 0;
    }
    return 0;
}

int64_t
proto_bcg_parse_duration_us(const char *text)
{
    bool in_time = false;
    double seconds = 0;
    unsigned parts = 0;

    if (*text++ != 'P')
        return -1;
    while (*text) {
        double value, unit;
        char letter;

        if (*text == 'T' && !in_time) {
            in_time = true;
            text++;
            continue;
        }
        if (!take_part(&text, &value, &letter) || (unit = unit_s(letter, in_time)) == 0)
            return -1;
        seconds += value * unit;
        parts++;
    }
    return parts > 0 && seconds < 1e9 ? (int64_t)(seconds * 1e6 + 0.5) : -1;
}

char *
proto_bcg_format_duration(int64_t duration_us)
{
    int64_t ms = duration_us / 1000;
    GString *out = g_string_new("PT");

    if (ms >= 3600000)
        g_string_append_printf(out, "%dH", (int)(ms / 3600000));
    if (ms % 3600000 >= 60000)
        g_string_append_printf(out, "%dM", (int)(ms % 3600000 / 60000));
    if (ms % 1000)
        g_string_append_printf(out, "%d.%03dS", (int)(ms % 60000 / 1000), (int)(ms % 1000));
    else if (ms % 60000 || ms == 0)
        g_string_append_printf(out, "%dS", (int)(ms % 60000 / 1000));

    return g_string_free(out, FALSE);
}

/* ---- build ---- */

static void
build_information(GString *out, const ProtoBcgFilm *film)
{
    proto_xml_append(out,
                     "   <ProgramInformation programId=\"crid://%s/%s\"><BasicDescription>\n"
                     "    <Title type=\"main\">%s</Title>\n",
                     film->authority, film->id, film->title);
    if (film->synopsis)
        proto_xml_append(out, "    <Synopsis length=\"long\">%s</Synopsis>\n", film->synopsis);
    if (film->poster_url)
        proto_xml_append(out,
                         "    <RelatedMaterial><HowRelated href=\"" POSTER_HOW_RELATED "\"/><MediaLocator>"
                         "<mpeg7:MediaUri>%s</mpeg7:MediaUri></MediaLocator></RelatedMaterial>\n",
                         film->poster_url);
    if (film->credit)
        proto_xml_append(out, "    <CopyrightNotice>%s</CopyrightNotice>\n", film->credit);
    g_string_append(out, "   </BasicDescription></ProgramInformation>\n");
}

static void
build_programme(GString *out, const ProtoBcgFilm *film)
{
    g_autofree char *duration = proto_bcg_format_duration(film->duration_us);

    proto_xml_append(out,
                     "   <OnDemandProgram><Program crid=\"crid://%s/%s\"/>"
                     "<PublishedDuration>%s</PublishedDuration></OnDemandProgram>\n",
                     film->authority, film->id, duration);
}

char *
proto_bcg_build(const char *publisher, const GPtrArray *films)
{
    GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");

    proto_xml_append(
        out,
        "<TVAMain xmlns=\"" XML_NAMESPACE "\" xmlns:mpeg7=\"" MPEG7_NAMESPACE
        "\" xml:lang=\"en\" publisher=\"%s\">\n <ProgramDescription>\n  <ProgramInformationTable>\n",
        publisher);
    for (unsigned i = 0; i < films->len; i++)
        build_information(out, g_ptr_array_index(films, i));
    g_string_append(out, "  </ProgramInformationTable>\n  <ProgramLocationTable>\n");
    for (unsigned i = 0; i < films->len; i++)
        build_programme(out, g_ptr_array_index(films, i));
    g_string_append(out, "  </ProgramLocationTable>\n </ProgramDescription>\n</TVAMain>\n");

    return g_string_free(out, FALSE);
}

/* ---- parse ---- */

/* crid://authority/id; NULL if it is none. */
static ProtoBcgFilm *
film_of_crid(const char *crid)
{
    const char *authority, *slash;
    ProtoBcgFilm *film;

    if (!crid || g_ascii_strncasecmp(crid, "crid://", 7) != 0)
        return NULL;
    authority = crid + 7;
    slash = strchr(authority, '/');
    if (!slash || slash == authority || !slash[1])
        return NULL;

    film = proto_bcg_film_new();
    film->authority = g_strndup(authority, (gsize)(slash - authority));
    film->id = g_strdup(slash + 1);
    return film;
}

/* CRID -> ProgramInformation element. */
static GHashTable *
index_information(const xmlNode *top)
{
    GHashTable *index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (const xmlNode *node = proto_xml_find(top, "ProgramInformation"); node;
         node = proto_xml_find_next(node, top, "ProgramInformation")) {
        char *crid = proto_xml_attribute(node, "programId");

        if (crid)
            g_hash_table_replace(index, crid, (gpointer)node);
    }
    return index;
}

static void
describe(ProtoBcgFilm *film, const xmlNode *information)
{
    const xmlNode *basic = proto_xml_child(information, "BasicDescription");

    film->title = proto_xml_text(proto_xml_child(basic, "Title"));
    film->synopsis = proto_xml_text(proto_xml_child(basic, "Synopsis"));
    film->credit = proto_xml_text(proto_xml_child(basic, "CopyrightNotice"));
    film->poster_url = proto_xml_text(proto_xml_find(proto_xml_child(basic, "RelatedMaterial"), "MediaUri"));
    if (!film->title)
        film->title = g_strdup(film->id);
}

static ProtoBcgFilm *
parse_film(const xmlNode *node, GHashTable *information)
{
    g_autofree char *crid = proto_xml_attribute(proto_xml_child(node, "Program"), "crid");
    g_autofree char *duration = proto_xml_text(proto_xml_child(node, "PublishedDuration"));
    ProtoBcgFilm *film = film_of_crid(crid);

    if (!film)
        return NULL;

    describe(film, g_hash_table_lookup(information, crid));
    film->duration_us = duration ? MAX(proto_bcg_parse_duration_us(duration), 0) : 0;
    return film;
}

GPtrArray *
proto_bcg_parse(const char *xml, gssize length, GError **error)
{
    g_autoptr(ProtoXml) doc = proto_xml_parse(xml, length, error);
    g_autoptr(GHashTable) information = NULL;
    const xmlNode *top;
    GPtrArray *films;

    if (!doc)
        return NULL;

    top = proto_xml_root(doc);
    information = index_information(top);
    films = g_ptr_array_new_with_free_func((GDestroyNotify)proto_bcg_film_free);
    for (const xmlNode *node = proto_xml_find(top, "OnDemandProgram"); node && films->len < MAX_FILMS;
         node = proto_xml_find_next(node, top, "OnDemandProgram")) {
        ProtoBcgFilm *film = parse_film(node, information);

        if (film)
            g_ptr_array_add(films, film);
    }
    return films;
}
