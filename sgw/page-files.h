/* sgw/page-files.h - the files of the web page: what a request path stands for, and its bytes.
 *
 * Files are small and few: each is kept in memory and read again when its date or size has changed. In HTML,
 * "@home_domain@" becomes the home domain, escaped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define SGW_PAGE_FILE_MAX_BYTES (8 * 1024 * 1024)

typedef struct SgwPageFiles SgwPageFiles;

typedef struct {
    GBytes *bytes;
    const char *type; /* static: "text/html; charset=utf-8" */
    char *etag;       /* with its quotes */
} SgwPageFile;

/* @folder: need not exist yet. Both copied. */
SgwPageFiles *sgw_page_files_new(const char *folder, const char *home_domain);
void sgw_page_files_free(SgwPageFiles *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwPageFiles, sgw_page_files_free)

/* The file for a decoded request path ("/": index.html). Lent until the next call.
 * Errors: NOT_FOUND also for names that are not plain (dots in front, other characters than letters,
 * digits and "._-"), for links out of the folder and for unknown types; TOO_LARGE. */
const SgwPageFile *sgw_page_files_get(SgwPageFiles *self, const char *path, GError **error);

/* True if @path consists of plain names: nothing in it can leave a folder or change a URL. */
bool sgw_page_path_is_plain(const char *path);
