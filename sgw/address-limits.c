#include "sgw/address-limits.h"

#include <stdint.h>

struct SgwAddressLimits {
    unsigned max_connections;
    unsigned max_per_address;
    GHashTable *connections; /* connection -> Address */
    GHashTable *addresses;   /* text -> Address */
};

typedef struct {
    char *text;
    unsigned connections;
} Address;

static void
address_free(void *pointer)
{
    Address *self = pointer;

    g_free(self->text);
    g_free(self);
}

SgwAddressLimits *
sgw_address_limits_new(unsigned max_connections, unsigned max_per_address)
{
    SgwAddressLimits *self = g_new0(SgwAddressLimits, 1);

    self->max_connections = max_connections;
    self->max_per_address = max_per_address;
    self->connections = g_hash_table_new(NULL, NULL);
    self->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, address_free);
    return self;
}

void
sgw_address_limits_free(SgwAddressLimits *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->connections);
    g_hash_table_unref(self->addresses);
    g_free(self);
}

bool
sgw_address_limits_admit(const SgwAddressLimits *self, const char *address)
{
    const Address *known = g_hash_table_lookup(self->addresses, address);

    return g_hash_table_size(self->connections) < self->max_connections &&
           (!known || known->connections < self->max_per_address);
}

void
sgw_address_limits_add(SgwAddressLimits *self, const void *connection, const char *address)
{
    Address *known = g_hash_table_lookup(self->addresses, address);

    if (g_hash_table_contains(self->connections, connection))
        return;
    if (!known) {
        known = g_new0(Address, 1);
        known->text = g_strdup(address);
        g_hash_table_insert(self->addresses, known->text, known);
    }
    known->connections++;
    g_hash_table_insert(self->connections, (void *)(uintptr_t)connection, known);
}

void
sgw_address_limits_remove(SgwAddressLimits *self, const void *connection)
{
    Address *known = g_hash_table_lookup(self->connections, connection);

    if (!known)
        return;
    g_hash_table_remove(self->connections, connection);
    if (--known->connections == 0)
        g_hash_table_remove(self->addresses, known->text);
}

unsigned
sgw_address_limits_count(const SgwAddressLimits *self)
{
    return g_hash_table_size(self->connections);
}
