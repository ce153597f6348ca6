#include <arpa/inet.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mdf/delivery/outbox.h"

typedef struct {
    int sender, receiver;
    MdfAddress to;
} Fixture;

static int
bound(MdfAddress *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof address->v4;

    *address = (MdfAddress){0};
    address->v4.sin_family = AF_INET;
    address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, &address->any, length), ==, 0);
    g_assert_cmpint(getsockname(fd, &address->any, &length), ==, 0);
    return fd;
}

static void
set_up(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    MdfAddress own;

    f->sender = bound(&own);
    f->receiver = bound(&f->to);
}

static void
tear_down(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    close(f->sender);
    close(f->receiver);
}

static void
put(MdfOutbox *outbox, const Fixture *f, uint8_t mark, size_t length)
{
    memset(mdf_outbox_reserve(outbox, &f->to), mark, length);
    mdf_outbox_commit(outbox, length);
}

static void
expect(const Fixture *f, uint8_t mark, size_t length)
{
    uint8_t data[2048];
    ssize_t got = recv(f->receiver, data, sizeof data, 0);

    g_assert_cmpint(got, ==, (ssize_t)length);
    g_assert_cmpuint(data[0], ==, mark);
    g_assert_cmpuint(data[length - 1], ==, mark);
}

static void
send_frames(const Fixture *f, bool gso, uint64_t messages)
{
    g_autoptr(MdfOutbox) outbox = mdf_outbox_new(&f->sender, 1, gso);
    uint8_t drain[2048];

    for (uint8_t i = 0; i < 10; i++)
        put(outbox, f, i, i == 9 ? 333 : 1190);
    put(outbox, f, 10, 1190); /* after a shorter one: a message of its own */
    put(outbox, f, 11, 0);    /* never mind */
    put(outbox, f, 12, 1200); /* longer: another one */
    mdf_outbox_flush(outbox);

    for (uint8_t i = 0; i < 10; i++)
        expect(f, i, i == 9 ? 333 : 1190);
    expect(f, 10, 1190);
    expect(f, 12, 1200);
    g_assert_cmpint(recv(f->receiver, drain, sizeof drain, 0), <, 0);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->packets, ==, 12);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->bytes, ==, 9 * 1190 + 333 + 1190 + 1200);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->messages, ==, messages);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->dropped, ==, 0);
}

static void
test_gso(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    send_frames(f, true, 3);
}

static void
test_plain(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    send_frames(f, false, 12);
}

/* More than a message, and more than the buffer, may hold. */
static void
test_overflow(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(MdfOutbox) outbox = mdf_outbox_new(&f->sender, 1, true);
    unsigned got = 0;
    uint8_t data[2048];

    for (unsigned i = 0; i < 2000; i++) {
        put(outbox, f, (uint8_t)i, 1000);
        if (i % 50 == 49) {
            mdf_outbox_flush(outbox);
            while (recv(f->receiver, data, sizeof data, 0) > 0)
                got++;
        }
    }
    g_assert_cmpuint(got, ==, 2000);
    for (unsigned i = 0; i < 1000; i++)
        put(outbox, f, (uint8_t)i, 1400);
    mdf_outbox_flush(outbox);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->packets + mdf_outbox_counters(outbox)->dropped, ==, 3000);
}

/* What cannot be sent is counted, and the rest goes on. */
static void
test_unsendable(Fixture *f, const void *unused G_GNUC_UNUSED)
{
    g_autoptr(MdfOutbox) outbox = mdf_outbox_new(&f->sender, 1, true);
    MdfAddress nowhere = f->to;

    nowhere.v4.sin_port = 0;
    memset(mdf_outbox_reserve(outbox, &nowhere), 1, 100);
    mdf_outbox_commit(outbox, 100);
    put(outbox, f, 2, 100);
    mdf_outbox_flush(outbox);
    expect(f, 2, 100);
    g_assert_cmpuint(mdf_outbox_counters(outbox)->dropped, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/mdf/outbox/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("gso", test_gso);
    ADD("without-gso", test_plain);
    ADD("overflow", test_overflow);
    ADD("unsendable", test_unsendable);
    return g_test_run();
}
