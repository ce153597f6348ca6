#include "mdf/delivery/orders.h"

static void
drop_order(void *data)
{
    MdfOrder *order = data;

    mdf_stream_free(order->stream);
    g_clear_pointer(&order->programme, reel_programme_unref);
    g_free(order);
}

static void
run_add(void *owner, void *data)
{
    MdfOrder *order = data;

    mdf_worker_add(owner, g_steal_pointer(&order->stream));
    drop_order(order);
}

static void
run_remove(void *owner, void *data)
{
    MdfOrder *order = data;

    mdf_worker_remove(owner, order->id);
    drop_order(order);
}

static void
run_play(void *owner, void *data)
{
    MdfOrder *order = data;
    MdfStream *stream = mdf_worker_find(owner, order->id);

    if (stream) {
        mdf_stream_play(stream, order->npt_s, order->token, mdf_worker_now_us(owner));
        mdf_worker_wake(owner, stream);
    }
    drop_order(order);
}

static void
run_pause(void *owner, void *data)
{
    MdfOrder *order = data;
    MdfStream *stream = mdf_worker_find(owner, order->id);

    if (stream)
        mdf_stream_pause(stream, order->token, mdf_worker_now_us(owner));
    drop_order(order);
}

static void
run_zap(void *owner, void *data)
{
    MdfOrder *order = data;
    MdfStream *stream = mdf_worker_find(owner, order->id);

    if (stream) {
        mdf_stream_zap(stream, order->programme, order->token, mdf_worker_now_us(owner));
        mdf_worker_wake(owner, stream);
    }
    drop_order(order);
}

static void
run_restart(void *owner, void *data)
{
    MdfOrder *order = data;
    MdfStream *stream = mdf_worker_find(owner, order->id);

    if (stream)
        mdf_worker_restart_ice(owner, stream, &order->credentials);
    drop_order(order);
}

static const MdfMailboxOps add_order = {run_add, drop_order};
static const MdfMailboxOps remove_order = {run_remove, drop_order};
static const MdfMailboxOps play_order = {run_play, drop_order};
static const MdfMailboxOps pause_order = {run_pause, drop_order};
static const MdfMailboxOps zap_order = {run_zap, drop_order};
static const MdfMailboxOps restart_order = {run_restart, drop_order};

void
mdf_order_post(MdfWorker *worker, MdfOrderKind kind, const MdfOrder *order)
{
    static const MdfMailboxOps *const ops[] = {
        [MDF_ORDER_ADD] = &add_order,   [MDF_ORDER_REMOVE] = &remove_order,
        [MDF_ORDER_PLAY] = &play_order, [MDF_ORDER_PAUSE] = &pause_order,
        [MDF_ORDER_ZAP] = &zap_order,   [MDF_ORDER_RESTART_ICE] = &restart_order,
    };

    mdf_worker_post(worker, ops[kind], g_memdup2(order, sizeof *order));
}
