/* mdf/delivery/address.h - where a datagram came from or goes to, as a key of hash tables. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    };
    uint8_t socket; /* index of our socket that it came to: answers leave from there */
} MdfAddress;

static inline socklen_t
mdf_address_length(const MdfAddress *self)
{
    return self->any.sa_family == AF_INET6 ? sizeof self->v6 : sizeof self->v4;
}

static inline guint
mdf_address_hash(gconstpointer data)
{
    const MdfAddress *a = data;
    uint32_t hash = a->socket;

    if (a->any.sa_family == AF_INET)
        return hash ^ (a->v4.sin_addr.s_addr * 2654435761u) ^ ((uint32_t)a->v4.sin_port << 16);
    for (unsigned i = 0; i < 4; i++)
        hash = (hash ^ a->v6.sin6_addr.s6_addr32[i]) * 2654435761u;

    return hash ^ ((uint32_t)a->v6.sin6_port << 16);
}

static inline gboolean
mdf_address_equal(gconstpointer left, gconstpointer right)
{
    const MdfAddress *a = left, *b = right;

    if (a->any.sa_family != b->any.sa_family || a->socket != b->socket)
        return FALSE;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;

    return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}
