/* asset.json as a damaged disk or another program may leave it. */
#include <glib.h>
#include <stdint.h>

#include "lib/store/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(StoreAsset) asset = store_asset_parse("film", (const char *)data, (gssize)size, NULL);

    if (asset) {
        g_assert_cmpint(asset->duration_us, >, 0);
        g_assert_cmpuint(asset->tracks->len, >, 0);
    }
    return 0;
}
