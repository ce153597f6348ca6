/* lib/proto/bcg.h - the broadband content guide: a TV-Anytime TVAMain document that lists films as
 * OnDemandProgram. Build and parse; parsed by local name.
 * Spec: TS 102 539, TS 102 822-3-1. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* A film. CRID: crid://<authority>/<id>. */
typedef struct {
    char *authority; /* domain of the provider */
    char *id;        /* asset id: the data part of the CRID */
    char *title;
    char *synopsis;      /* NULL if there is none, and so on */
    char *credit;        /* BasicDescription/CopyrightNotice */
    char *poster_url;    /* RelatedMaterial with a poster; absolute, or relative to the document's URL */
    int64_t duration_us; /* OnDemandProgram/PublishedDuration; whole milliseconds */
} ProtoBcgFilm;

ProtoBcgFilm *proto_bcg_film_new(void);
void proto_bcg_film_free(ProtoBcgFilm *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProtoBcgFilm, proto_bcg_film_free)

/* @films: element ProtoBcgFilm. (transfer full) */
char *proto_bcg_build(const char *publisher, const GPtrArray *films);
/* The on-demand programmes with what ProgramInformation says of them, in order of the location table.
 * (transfer container) (element ProtoBcgFilm, at most 10,000) Errors: PROTOCOL, TOO_LARGE. */
GPtrArray *proto_bcg_parse(const char *xml, gssize length, GError **error);

/* "PT1H2M3.5S" and the like <-> microseconds; -1 if it is none. Spec: ISO 8601 durations without years and
 * months. */
int64_t proto_bcg_parse_duration_us(const char *text);
char *proto_bcg_format_duration(int64_t duration_us);
