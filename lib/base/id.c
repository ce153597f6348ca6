#include "lib/base/id.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#define ID_BYTES 16
#define ID_DIGITS (2 * ID_BYTES)

void
base_random_bytes(void *buffer, size_t length)
{
    uint8_t *at = buffer;

    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        if (got < 0 && errno == EINTR)
            continue;
        g_assert(got > 0);
        at += got;
        length -= (size_t)got;
    }
}

char *
base_id_new(void)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[ID_BYTES];
    char *id = g_malloc(ID_DIGITS + 1);

    base_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[ID_DIGITS] = '\0';
    return id;
}

bool
base_id_is_valid(const char *id)
{
    return id != NULL && strlen(id) == ID_DIGITS && strspn(id, "0123456789abcdef") == ID_DIGITS;
}

bool
base_secret_equal(const char *a, const char *b)
{
    size_t length = strlen(a);
    volatile uint8_t differs = 0;

    if (strlen(b) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        differs |= (uint8_t)(a[i] ^ b[i]);
    return differs == 0;
}
