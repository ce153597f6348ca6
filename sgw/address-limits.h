/* sgw/address-limits.h - how many connections there are, in all and of each address. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct SgwAddressLimits SgwAddressLimits;

SgwAddressLimits *sgw_address_limits_new(unsigned max_connections, unsigned max_per_address);
void sgw_address_limits_free(SgwAddressLimits *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwAddressLimits, sgw_address_limits_free)

/* True if one more connection of @address would be within the limits. */
bool sgw_address_limits_admit(const SgwAddressLimits *self, const char *address);
/* @connection has been opened; has been closed (unknown ones are ignored). */
void sgw_address_limits_add(SgwAddressLimits *self, const void *connection, const char *address);
void sgw_address_limits_remove(SgwAddressLimits *self, const void *connection);
unsigned sgw_address_limits_count(const SgwAddressLimits *self);
