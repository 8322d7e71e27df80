/* A store without room on its disk. What was refused for lack of space left the block log and the
 * index as they were: nothing of it was acknowledged, and both know where they end. So the store
 * waits until there is room and goes on. A sync that failed is another matter, whatever its reason:
 * what the disk holds is then unknown to this process, and the store is read-only until it is
 * opened again, which reads all of it and writes anew what nothing vouches for. */
#include "ledger/store/store_impl.h"

enum {
    ROOM_SIZE =
        1 << 20, /* bytes that the block log must find before transactions are taken again */
    ROOM_RETRY_MS = 1000,
};

static void set_full(cairn_store *store, unsigned what)
{
    if (atomic_fetch_or(&store->full, what) != 0)
        return;
    atomic_fetch_add(&store->full_count, 1);
    cairn_store_log_full(store);
}

/* The writer or the checkpointer. */
static void clear_full(cairn_store *store, unsigned what)
{
    if (atomic_fetch_and(&store->full, ~what) == what)
        cairn_store_log_room(store);
}

cairn_err cairn_store_log_refused(cairn_store *store, cairn_err reason)
{
    if (reason != CAIRN_ERR_NO_SPACE || !cairn_block_log_writable(store->log))
        return cairn_store_fail(store, reason);
    store->room_tried_ns = cairn_clock_monotonic_ns(&store->options.clock);
    set_full(store, STORE_FULL_LOG);
    return reason;
}

cairn_err cairn_store_index_write(cairn_store *store, const checkpoint *cp)
{
    cairn_err err = cairn_store_checkpoint_write(store, cp);
    if (err == CAIRN_OK)
        clear_full(store, STORE_FULL_INDEX);
    else if (err == CAIRN_ERR_NO_SPACE)
        set_full(store, STORE_FULL_INDEX);
    else
        return cairn_store_fail(store, err);
    return err;
}

bool cairn_store_room_due(const cairn_store *store)
{
    uint64_t now_ns = cairn_clock_monotonic_ns(&store->options.clock);
    return now_ns - store->room_tried_ns >= (uint64_t)ROOM_RETRY_MS * 1000000;
}

cairn_err cairn_store_look_for_room(cairn_store *store)
{
    if ((atomic_load(&store->full) & STORE_FULL_LOG) == 0 ||
        atomic_load(&store->failed) != CAIRN_OK)
        return CAIRN_OK;
    CAIRN_TRY(cairn_store_sync_appended(store));
    cairn_err err = cairn_block_log_reserve(store->log, ROOM_SIZE);
    if (err == CAIRN_OK)
        clear_full(store, STORE_FULL_LOG);
    else if (err != CAIRN_ERR_NO_SPACE || !cairn_block_log_writable(store->log))
        return cairn_store_fail(store, err);
    return CAIRN_OK;
}
