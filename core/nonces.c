#include "core/nonces.h"

#include <string.h>

#include "lib/base/id.h"

typedef struct {
    char *nonce;
    char *impi;
    int64_t until_us;
} Nonce;

struct CoreNonces {
    const BaseClock *clock;
    GHashTable *table; /* nonce -> GList link in order */
    GQueue order;      /* Nonce, oldest first */
};

static void
nonce_free(Nonce *self)
{
    g_free(self->nonce);
    g_free(self->impi);
    g_free(self);
}

CoreNonces *
core_nonces_new(const BaseClock *clock)
{
    CoreNonces *self = g_new0(CoreNonces, 1);

    self->clock = clock;
    self->table = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&self->order);

    return self;
}

static void
drop(CoreNonces *self, GList *link)
{
    Nonce *nonce = link->data;

    g_hash_table_remove(self->table, nonce->nonce);
    g_queue_delete_link(&self->order, link);
    nonce_free(nonce);
}

void
core_nonces_free(CoreNonces *self)
{
    if (!self)
        return;
    while (self->order.head)
        drop(self, self->order.head);
    g_hash_table_unref(self->table);
    g_free(self);
}

static void
drop_old(CoreNonces *self)
{
    int64_t now = base_clock_now_us(self->clock);

    while (self->order.head && (((Nonce *)self->order.head->data)->until_us <= now ||
                                g_queue_get_length(&self->order) >= CORE_MAX_NONCES))
        drop(self, self->order.head);
}

const char *
core_nonces_issue(CoreNonces *self, const char *impi)
{
    Nonce *nonce = g_new0(Nonce, 1);

    drop_old(self);
    nonce->nonce = base_id_new();
    nonce->impi = g_strdup(impi);
    nonce->until_us = base_clock_now_us(self->clock) + CORE_NONCE_LIFE_S * (int64_t)1000000;
    g_queue_push_tail(&self->order, nonce);
    g_hash_table_insert(self->table, nonce->nonce, self->order.tail);

    return nonce->nonce;
}

bool
core_nonces_use(CoreNonces *self, const char *nonce, const char *impi)
{
    GList *link;
    bool good;

    drop_old(self);
    link = g_hash_table_lookup(self->table, nonce);
    if (!link)
        return false;
    good = strcmp(((Nonce *)link->data)->impi, impi) == 0;
    if (good)
        drop(self, link);

    return good;
}

guint
core_nonces_count(const CoreNonces *self)
{
    return self->order.length;
}
