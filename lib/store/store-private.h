/* lib/store/store-private.h - what the parts of the store share; private to that folder. */
#pragma once

#include "lib/store/store-db.h"

/* Errors: NOT_FOUND naming the package. */
bool store_private_need_package(Store *self, const char *id, GError **error);
/* A public identity without parameters, port and headers, host in lower case. (transfer full) */
char *store_private_canonical_impu(const char *impu);
/* The secret of that name; made at random by the first who asks. (transfer full) */
char *store_private_secret(Store *self, const char *name, GError **error);
