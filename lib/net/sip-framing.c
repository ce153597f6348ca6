#include "lib/net/sip-framing.h"

#include <stdint.h>
#include <string.h>

#include "lib/net/sip-msg.h"
#include "lib/net/sip-text.h"

static NetSipFrame
keepalive(const char *data, size_t length, size_t *ret_length)
{
    if (length >= 4 && memcmp(data, "\r\n\r\n", 4) == 0) {
        *ret_length = 4;
        return NET_SIP_FRAME_PING;
    }
    /* What follows decides whether a CRLF is the first half of a ping. */
    if (length < 2 || (length == 3 && memcmp(data, "\r\n\r", 3) == 0))
        return NET_SIP_FRAME_NEED_MORE;
    *ret_length = memcmp(data, "\r\n", 2) == 0 ? 2 : 1;

    return NET_SIP_FRAME_SKIP;
}

/* The value behind the name of a Content-Length line; NULL if it is another header. */
static const char *
content_length_value(const char *line, const char *end)
{
    static const char *const names[] = {"Content-Length", "l"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t n = strlen(names[i]);
        const char *c = line + n;

        if ((size_t)(end - line) <= n || g_ascii_strncasecmp(line, names[i], n) != 0)
            continue;
        while (c < end && (*c == ' ' || *c == '\t'))
            c++;
        if (c < end && *c == ':')
            return c + 1;
    }

    return NULL;
}

/* False if there is none, or several that differ, or one that is no number. */
static bool
find_content_length(const char *head, const char *end, uint64_t *ret_length)
{
    bool found = false;

    for (const char *line = head; line < end;) {
        const char *eol = g_strstr_len(line, end - line, "\r\n");
        const char *value = content_length_value(line, eol ? eol : end);

        if (!eol)
            eol = end;
        if (value) {
            g_autofree char *text = net_sip_strip(value, (gsize)(eol - value));
            uint64_t number = 0;

            if (!net_sip_number(text, G_MAXUINT32, &number) || (found && number != *ret_length))
                return false;
            *ret_length = number;
            found = true;
        }
        line = eol + 2;
    }

    return found;
}

static NetSipFrame
broken(int status, int *ret_status)
{
    *ret_status = status;
    return NET_SIP_FRAME_BROKEN;
}

NetSipFrame
net_sip_frame_next(const char *data, size_t length, size_t *ret_length, int *ret_status)
{
    const char *blank;
    uint64_t body = 0;
    size_t head;

    if (length == 0)
        return NET_SIP_FRAME_NEED_MORE;
    if (data[0] == '\r' || data[0] == '\n')
        return keepalive(data, length, ret_length);
    blank = memmem(data, MIN(length, NET_SIP_MAX_HEAD_BYTES), "\r\n\r\n", 4);
    if (!blank)
        return length >= NET_SIP_MAX_HEAD_BYTES ? broken(513, ret_status) : NET_SIP_FRAME_NEED_MORE;
    if (memchr(data, '\0', (size_t)(blank - data)) || !find_content_length(data, blank + 2, &body))
        return broken(400, ret_status);
    if (body > NET_SIP_MAX_BODY_BYTES)
        return broken(413, ret_status);
    head = (size_t)(blank - data) + 4;
    if (length - head < body)
        return NET_SIP_FRAME_NEED_MORE;
    *ret_length = head + (size_t)body;

    return NET_SIP_FRAME_MESSAGE;
}
