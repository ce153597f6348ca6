#include "mdf/delivery/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "mdf/delivery/address.h"

enum {
    BUFFER_BYTES = 8 * 1024 * 1024, /* a key frame to everybody at once; the system's limit may be lower */
};

static bool
parse_address(const char *text, uint16_t port, MdfAddress *ret_address)
{
    *ret_address = (MdfAddress){0};
    if (inet_pton(AF_INET, text, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &ret_address->v6.sin6_addr) == 1) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons(port);
        return true;
    }

    return false;
}

static void
widen(MdfAddress *address)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_addr.s_addr = htonl(INADDR_ANY);
    else
        address->v6.sin6_addr = in6addr_any;
}

/* As root the limits of net.core do not hold; else as much as they allow. */
static void
enlarge_buffers(int fd)
{
    const int bytes = BUFFER_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static int
open_socket(MdfAddress *address)
{
    const int on = 1;
    int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failure;

    if (fd < 0)
        return -1;
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    enlarge_buffers(fd);
    if (bind(fd, &address->any, mdf_address_length(address)) == 0)
        return fd;
    if (errno == EADDRNOTAVAIL) {
        widen(address);
        if (bind(fd, &address->any, mdf_address_length(address)) == 0)
            return fd;
    }
    failure = errno;
    close(fd);
    errno = failure;

    return -1;
}

static uint16_t
port_of(int fd)
{
    MdfAddress address = {0};
    socklen_t length = sizeof address.storage;

    if (getsockname(fd, &address.any, &length) < 0)
        return 0;

    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static bool
add(MdfSockets *self, const char *text, GError **error)
{
    MdfAddress address;
    int fd;

    if (self->n == MDF_SOCKETS_MAX || !parse_address(text, self->port, &address)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "media address '%s' is no IP address, or there are more than %d", text, MDF_SOCKETS_MAX);
        return false;
    }
    fd = open_socket(&address);
    if (fd < 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "media port %s:%u cannot be opened: %s", text,
                    self->port, g_strerror(errno));
        return false;
    }
    self->fds[self->n++] = fd;
    if (self->port == 0)
        self->port = port_of(fd);

    return true;
}

gboolean
mdf_sockets_open(MdfSockets *self, const char *const *addresses, uint16_t port, GError **error)
{
    *self = (MdfSockets){.port = port};
    for (unsigned i = 0; addresses && addresses[i]; i++)
        if (!add(self, addresses[i], error)) {
            mdf_sockets_close(self);
            return FALSE;
        }
    if (self->n == 0)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "no media address is configured");

    return self->n > 0;
}

void
mdf_sockets_close(MdfSockets *self)
{
    for (unsigned i = 0; i < self->n; i++)
        close(self->fds[i]);
    self->n = 0;
}
