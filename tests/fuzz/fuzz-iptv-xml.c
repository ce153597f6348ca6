/* The XML of SDF and SSF as a stranger may send it: discovery document, SD&S, TV-Anytime. */
#include <glib.h>
#include <stdint.h>

#include "lib/proto/bcg.h"
#include "lib/proto/discovery.h"
#include "lib/proto/sdns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be written, and what was written can be read. */
static void
build_again(const GPtrArray *films, const GPtrArray *channels)
{
    g_autofree char *bcg = films ? proto_bcg_build("x", films) : NULL;
    g_autofree char *sdns = channels ? proto_sdns_build_channels("x", 1, channels) : NULL;
    g_autoptr(GPtrArray) films_again = bcg ? proto_bcg_parse(bcg, -1, NULL) : NULL;
    g_autoptr(GPtrArray) channels_again = sdns ? proto_sdns_parse_channels(sdns, -1, NULL) : NULL;

    g_assert_true(!films || (films_again && films_again->len == films->len));
    g_assert_true(!channels || (channels_again && channels_again->len == channels->len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    gssize length = (gssize)size;
    g_autoptr(GPtrArray) ssfs = proto_discovery_parse(text, length, NULL);
    g_autoptr(GPtrArray) channels = proto_sdns_parse_channels(text, length, NULL);
    g_autoptr(GPtrArray) packages = proto_sdns_parse_packages(text, length, NULL);
    g_autoptr(GPtrArray) guides = proto_sdns_parse_guides(text, length, NULL);
    g_autoptr(GPtrArray) providers = proto_sdns_parse_providers(text, length, NULL);
    g_autoptr(GPtrArray) films = proto_bcg_parse(text, length, NULL);

    /* Named so that compilers know they are wanted: parsing and freeing is the test. */
    (void)ssfs, (void)packages, (void)guides, (void)providers;
    build_again(films, channels);
    return 0;
}
