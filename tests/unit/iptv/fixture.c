#include "tests/unit/iptv/fixture.h"

#include "lib/base/config.h"
#include "tests/unit/temp-dir.h"

static void
add_film(const char *dir, const char *id)
{
    g_autofree char *folder = g_build_filename(dir, "content", id, NULL);
    g_autofree char *path = g_build_filename(folder, "asset.json", NULL);
    g_autofree char *json =
        g_strdup_printf("{\"id\":\"%s\",\"title\":\"%s\",\"duration_us\":1000000,\"tracks\":["
                        "{\"kind\":\"video\",\"file\":\"v.reel\",\"codec\":\"H264\"}]}",
                        id, id);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, json, -1, NULL));
}

static void
add_channel(Store *store, const char *id, const char *package)
{
    char *inputs[] = {(char *)"udp://127.0.0.1:5000", NULL};
    StoreChannel channel = {.id = (char *)id, .package = (char *)package, .inputs = inputs};

    g_assert_true(store_channel_add(store, &channel, NULL));
}

void
headend_set_up(Headend *self, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(BaseConfig) config = base_config_new(iptv_config_keys, iptv_n_config_keys);
    g_autoptr(GError) error = NULL;

    self->dir = temp_dir_new();
    self->settings = iptv_settings_new(config, &error);
    g_assert_no_error(error);
    self->store = store_open(self->dir, &error);
    g_assert_no_error(error);

    g_assert_true(store_user_add(self->store, "demo", "imstv.test", "demo", NULL, NULL));
    g_assert_true(store_package_add(self->store, "gold", "Gold", NULL));
    add_channel(self->store, "one", NULL);
    add_channel(self->store, "rich", "gold");
    g_assert_true(store_package_add_content(self->store, "gold", STORE_ASSET, "rare", NULL));
    add_film(self->dir, "open");
    add_film(self->dir, "rare");
    self->catalogue = store_catalogue_new(self->dir, NULL);
}

void
headend_tear_down(Headend *self, gconstpointer unused G_GNUC_UNUSED)
{
    store_catalogue_free(self->catalogue);
    store_free(self->store);
    iptv_settings_free(self->settings);
    temp_dir_free(self->dir);
}
