#include "mdf/delivery/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "mdf/delivery/demux.h"
#include "mdf/delivery/sockets.h"
#include "mdf/delivery/stun.h"

enum {
    RECEIVE_BATCH = 32,
    RECEIVE_ROUNDS = 8, /* batches from one socket before the viewers have their turn */
    DATAGRAM_MAX = 2048,
    EVENTS_MAX = 32,
    TICK_US = 1000, /* wake-ups are on whole ticks, so that viewers due close together share one */
    MAILBOX_EVENT = -1,
};

#define COUNTERS_INTERVAL_US G_USEC_PER_SEC

/* Where a stream stands in the tables. */
typedef struct {
    MdfStream *stream;
    unsigned index; /* in entries and due_us */
} Entry;

struct MdfWorker {
    GThread *thread;
    MdfMailbox *mailbox;
    MdfSockets sockets;
    int epoll;
    bool stopping;

    MdfStun *stun;
    MdfOutbox *outbox;
    MdfStreamHost host;
    int64_t now_us;

    GPtrArray *entries;     /* of Entry, owned */
    GArray *due_us;         /* int64_t, one for each entry: scanned at each wake-up */
    GHashTable *by_id;      /* uint64_t -> Entry */
    GHashTable *by_ufrag;   /* our ufrag -> Entry */
    GHashTable *by_address; /* proven address -> Entry */

    GMutex counters_lock;
    MdfWorkerCounters counters, published;
    int64_t counters_due_us;

    struct mmsghdr headers[RECEIVE_BATCH];
    struct iovec iovs[RECEIVE_BATCH];
    MdfAddress froms[RECEIVE_BATCH];
    uint8_t datagrams[RECEIVE_BATCH][DATAGRAM_MAX] __attribute__((aligned(16)));
};

/* ---- tables ---- */

static int64_t *
due_of(MdfWorker *self, const Entry *entry)
{
    return &g_array_index(self->due_us, int64_t, entry->index);
}

static void
forget_ufrag(MdfWorker *self, const Entry *entry, const char *ufrag)
{
    if (*ufrag && g_hash_table_lookup(self->by_ufrag, ufrag) == entry)
        g_hash_table_remove(self->by_ufrag, ufrag);
}

static void
forget_address(MdfWorker *self, const Entry *entry, const MdfAddress *address)
{
    if (g_hash_table_lookup(self->by_address, address) == entry)
        g_hash_table_remove(self->by_address, address);
}

const MdfStreamHost *
mdf_worker_host(MdfWorker *self)
{
    return &self->host;
}

int64_t
mdf_worker_now_us(const MdfWorker *self)
{
    return self->now_us;
}

void
mdf_worker_add(MdfWorker *self, MdfStream *stream)
{
    Entry *entry = g_new(Entry, 1);
    const MdfIce *ice = mdf_peer_ice(mdf_stream_peer(stream));
    uint64_t *id = g_memdup2(&(uint64_t){mdf_stream_id(stream)}, sizeof(uint64_t));

    *entry = (Entry){stream, self->entries->len};
    g_ptr_array_add(self->entries, entry);
    g_array_append_val(self->due_us, self->now_us);
    g_hash_table_insert(self->by_id, id, entry);
    g_hash_table_insert(self->by_ufrag, g_strdup(ice->credentials.local_ufrag), entry);
}

static Entry *
find_entry(MdfWorker *self, uint64_t id)
{
    return g_hash_table_lookup(self->by_id, &id);
}

MdfStream *
mdf_worker_find(MdfWorker *self, uint64_t id)
{
    Entry *entry = find_entry(self, id);

    return entry ? entry->stream : NULL;
}

/* The last entry takes its place in the arrays. */
static void
remove_entry(MdfWorker *self, Entry *entry)
{
    const MdfIce *ice = mdf_peer_ice(mdf_stream_peer(entry->stream));
    uint64_t id = mdf_stream_id(entry->stream);
    unsigned index = entry->index;
    Entry *moved;

    forget_ufrag(self, entry, ice->credentials.local_ufrag);
    forget_ufrag(self, entry, ice->previous.local_ufrag);
    for (unsigned i = 0; i < ice->n_addresses; i++)
        forget_address(self, entry, &ice->addresses[i].address);
    g_hash_table_remove(self->by_id, &id);

    mdf_stream_free(entry->stream);
    g_array_remove_index_fast(self->due_us, index);
    g_ptr_array_remove_index_fast(self->entries, index); /* frees the entry */
    if (index < self->entries->len) {
        moved = g_ptr_array_index(self->entries, index);
        moved->index = index;
    }
}

void
mdf_worker_remove(MdfWorker *self, uint64_t id)
{
    Entry *entry = find_entry(self, id);

    if (entry)
        remove_entry(self, entry);
}

void
mdf_worker_wake(MdfWorker *self, MdfStream *stream)
{
    Entry *entry = find_entry(self, mdf_stream_id(stream));

    if (entry)
        *due_of(self, entry) = self->now_us;
}

void
mdf_worker_restart_ice(MdfWorker *self, MdfStream *stream, const MdfIceCredentials *credentials)
{
    Entry *entry = find_entry(self, mdf_stream_id(stream));

    if (!entry)
        return;
    forget_ufrag(self, entry, mdf_peer_ice(mdf_stream_peer(stream))->previous.local_ufrag);
    mdf_peer_restart_ice(mdf_stream_peer(stream), credentials);
    g_hash_table_insert(self->by_ufrag, g_strdup(credentials->local_ufrag), entry);
}

/* ---- datagrams in ---- */

typedef struct {
    MdfWorker *worker;
    Entry *entry; /* whose password it was */
    char name[MDF_ICE_UFRAG_BYTES + 1 + MDF_ICE_TEXT_MAX + 1];
    size_t length;
} CheckLookup;

static const char *
find_password(const char *name, size_t length, void *user_data)
{
    CheckLookup *lookup = user_data;
    char ufrag[MDF_ICE_UFRAG_BYTES + 1];

    if (length <= MDF_ICE_UFRAG_BYTES || length >= sizeof lookup->name)
        return NULL;
    memcpy(ufrag, name, MDF_ICE_UFRAG_BYTES);
    ufrag[MDF_ICE_UFRAG_BYTES] = '\0';
    lookup->entry = g_hash_table_lookup(lookup->worker->by_ufrag, ufrag);
    if (!lookup->entry)
        return NULL;
    memcpy(lookup->name, name, length);
    lookup->length = length;

    return mdf_ice_password(mdf_peer_ice(mdf_stream_peer(lookup->entry->stream)), name, length);
}

/* The address has proven itself: from now on its DTLS and RTCP are this viewer's. */
static void
claim_address(MdfWorker *self, Entry *entry, const MdfAddress *from, const MdfIceChange *change)
{
    if (change->had_to_evict)
        forget_address(self, entry, &change->evicted);
    if (g_hash_table_lookup(self->by_address, from) != entry)
        g_hash_table_replace(self->by_address, g_memdup2(from, sizeof *from), entry);
}

static void
handle_stun(MdfWorker *self, const uint8_t *data, size_t length, const MdfAddress *from)
{
    CheckLookup lookup = {.worker = self};
    MdfStunCheck check;
    MdfIceChange change;

    if (!mdf_stun_handle(self->stun, data, length, from, find_password, &lookup, &check) || !lookup.entry) {
        self->counters.stun_refused++;
        return;
    }
    memcpy(mdf_outbox_reserve(self->outbox, from), check.reply, check.reply_length);
    mdf_outbox_commit(self->outbox, check.reply_length);
    if (!check.accepted)
        return;
    mdf_peer_handle_check(mdf_stream_enter(lookup.entry->stream, self->now_us), from, lookup.name,
                          lookup.length, check.use_candidate, self->now_us, &change);
    claim_address(self, lookup.entry, from, &change);
    *due_of(self, lookup.entry) = self->now_us;
}

static void
handle_datagram(MdfWorker *self, uint8_t *data, size_t length, const MdfAddress *from)
{
    MdfDatagram kind = mdf_demux(data, length);
    Entry *entry;

    if (kind == MDF_DATAGRAM_STUN) {
        handle_stun(self, data, length, from);
        return;
    }
    entry = g_hash_table_lookup(self->by_address, from);
    if (!entry || (kind != MDF_DATAGRAM_DTLS && kind != MDF_DATAGRAM_RTCP)) {
        self->counters.unknown_datagrams++;
        return;
    }
    if (kind == MDF_DATAGRAM_DTLS)
        mdf_peer_handle_dtls(mdf_stream_enter(entry->stream, self->now_us), data, length, self->now_us);
    else
        mdf_peer_handle_rtcp(mdf_stream_enter(entry->stream, self->now_us), data, length, self->now_us);
    *due_of(self, entry) = self->now_us;
}

/* Returns how many came. */
static int
receive_batch(MdfWorker *self, unsigned socket)
{
    int n;

    for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
        self->iovs[i] = (struct iovec){self->datagrams[i], DATAGRAM_MAX};
        self->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &self->froms[i].storage,
            .msg_namelen = sizeof self->froms[i].storage,
            .msg_iov = &self->iovs[i],
            .msg_iovlen = 1,
        };
    }
    n = recvmmsg(self->sockets.fds[socket], self->headers, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        self->froms[i].socket = (uint8_t)socket;
        if (!(self->headers[i].msg_hdr.msg_flags & MSG_TRUNC))
            handle_datagram(self, self->datagrams[i], self->headers[i].msg_len, &self->froms[i]);
    }

    return n;
}

static void
receive(MdfWorker *self, unsigned socket)
{
    for (unsigned round = 0; round < RECEIVE_ROUNDS; round++)
        if (receive_batch(self, socket) < RECEIVE_BATCH)
            return;
}

/* ---- the loop ---- */

static void
run_due(MdfWorker *self)
{
    for (unsigned i = 0; i < self->entries->len;) {
        Entry *entry = g_ptr_array_index(self->entries, i);
        int64_t *due_us = due_of(self, entry);

        if (*due_us <= self->now_us && !mdf_stream_is_dead(entry->stream))
            *due_us = mdf_stream_run(entry->stream, self->now_us);
        if (mdf_stream_is_dead(entry->stream))
            remove_entry(self, entry);
        else
            i++;
    }
    mdf_outbox_flush(self->outbox);
}

static int64_t
next_wake_us(const MdfWorker *self)
{
    int64_t next_us = self->counters_due_us;

    for (unsigned i = 0; i < self->due_us->len; i++)
        next_us = MIN(next_us, g_array_index(self->due_us, int64_t, i));

    return (next_us + TICK_US - 1) / TICK_US * TICK_US;
}

static void
publish_counters(MdfWorker *self)
{
    self->counters_due_us = self->now_us + COUNTERS_INTERVAL_US;
    self->counters.sent = *mdf_outbox_counters(self->outbox);
    if (g_mutex_trylock(&self->counters_lock)) {
        self->published = self->counters;
        g_mutex_unlock(&self->counters_lock);
    }
}

static void
wait_and_receive(MdfWorker *self)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t left_us = MAX(next_wake_us(self) - g_get_monotonic_time(), 0);
    struct timespec timeout = {left_us / G_USEC_PER_SEC, left_us % G_USEC_PER_SEC * 1000};
    int n = epoll_pwait2(self->epoll, events, EVENTS_MAX, &timeout, NULL);

    self->now_us = g_get_monotonic_time();
    for (int i = 0; i < n; i++) /* first: a viewer may be in there whose check is already on a socket */
        if (events[i].data.fd == MAILBOX_EVENT)
            mdf_mailbox_run(self->mailbox, self);
    for (int i = 0; i < n; i++)
        if (events[i].data.fd != MAILBOX_EVENT)
            receive(self, (unsigned)events[i].data.fd);
}

static gpointer
run(gpointer data)
{
    MdfWorker *self = data;

    self->now_us = g_get_monotonic_time();
    while (!self->stopping) {
        wait_and_receive(self);
        run_due(self);
        if (self->now_us >= self->counters_due_us)
            publish_counters(self);
    }
    while (self->entries->len > 0)
        remove_entry(self, g_ptr_array_index(self->entries, self->entries->len - 1));
    mdf_outbox_flush(self->outbox);

    return NULL;
}

/* ---- life ---- */

static bool
watch(MdfWorker *self, int fd, int value)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = value};

    return epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool
open_events(MdfWorker *self, GError **error)
{
    bool ok = self->epoll >= 0 && watch(self, mdf_mailbox_fd(self->mailbox), MAILBOX_EVENT);

    for (unsigned i = 0; ok && i < self->sockets.n; i++)
        ok = watch(self, self->sockets.fds[i], (int)i);
    if (!ok)
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "delivery worker: epoll: %s",
                    g_strerror(errno));

    return ok;
}

static void
make_tables(MdfWorker *self)
{
    self->entries = g_ptr_array_new_with_free_func(g_free);
    self->due_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    self->by_id = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self->by_ufrag = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->by_address = g_hash_table_new_full(mdf_address_hash, mdf_address_equal, g_free, NULL);
}

MdfWorker *
mdf_worker_new(const MdfWorkerConfig *config, GError **error)
{
    g_autoptr(MdfWorker) self = g_new0(MdfWorker, 1);
    g_autofree char *name = g_strdup_printf("deliver-%u", config->number);

    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->mailbox = mdf_mailbox_new();
    g_mutex_init(&self->counters_lock);
    make_tables(self);
    if (!mdf_sockets_open(&self->sockets, config->addresses, config->port, error) ||
        !open_events(self, error))
        return NULL;

    self->stun = mdf_stun_new();
    self->outbox = mdf_outbox_new(self->sockets.fds, self->sockets.n, true);
    self->host = (MdfStreamHost){
        .dtls = config->dtls,
        .seal = config->seal,
        .outbox = self->outbox,
        .events = config->events,
        .user_data = config->user_data,
    };
    self->thread = g_thread_new(name, run, self);

    return g_steal_pointer(&self);
}

static void
run_stop(void *owner, void *data G_GNUC_UNUSED)
{
    ((MdfWorker *)owner)->stopping = true;
}

static void
drop_nothing(void *data G_GNUC_UNUSED)
{
}

void
mdf_worker_free(MdfWorker *self)
{
    static const MdfMailboxOps stop = {run_stop, drop_nothing};

    if (!self)
        return;
    if (self->thread) {
        mdf_mailbox_post(self->mailbox, &stop, NULL);
        g_thread_join(self->thread);
    }
    mdf_outbox_free(self->outbox);
    mdf_stun_free(self->stun);
    mdf_sockets_close(&self->sockets);
    if (self->epoll >= 0)
        close(self->epoll);
    mdf_mailbox_free(self->mailbox);
    g_hash_table_unref(self->by_address);
    g_hash_table_unref(self->by_ufrag);
    g_hash_table_unref(self->by_id);
    g_array_unref(self->due_us);
    g_ptr_array_unref(self->entries);
    g_mutex_clear(&self->counters_lock);
    g_free(self);
}

uint16_t
mdf_worker_port(const MdfWorker *self)
{
    return self->sockets.port;
}

void
mdf_worker_post(MdfWorker *self, const MdfMailboxOps *ops, void *data)
{
    mdf_mailbox_post(self->mailbox, ops, data);
}

void
mdf_worker_counters(MdfWorker *self, MdfWorkerCounters *ret_counters)
{
    g_mutex_lock(&self->counters_lock);
    *ret_counters = self->published;
    g_mutex_unlock(&self->counters_lock);
}
