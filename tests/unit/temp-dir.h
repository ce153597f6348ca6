/* tests/unit/temp-dir.h - a folder for one test. */
#pragma once

#include <ftw.h>
#include <glib.h>
#include <stdio.h>

static inline char *
temp_dir_new(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = g_dir_make_tmp("imstv-test-XXXXXX", &error);

    g_assert_no_error(error);
    return dir;
}

static inline int
temp_dir_remove_item(const char *path,
                     const struct stat *status G_GNUC_UNUSED,
                     int type G_GNUC_UNUSED,
                     struct FTW *walk G_GNUC_UNUSED)
{
    return remove(path);
}

/* Removes the folder and all in it; @dir: (transfer full) */
static inline void
temp_dir_free(char *dir)
{
    nftw(dir, temp_dir_remove_item, 16, FTW_DEPTH | FTW_PHYS);
    g_free(dir);
}
