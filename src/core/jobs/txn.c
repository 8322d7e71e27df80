/* Transactions of the jobs and small things that they share. */
#include "core/jobs/jobs_impl.h"

static const char counts_key[] = "counts";

static cairn_err load_counts(cairn_jobs_txn *txn)
{
    cairn_bytes value;
    cairn_err err = cairn_kv_get(txn->kv, JOBS_META, cairn_bytes_str(counts_key), &value);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    return cairn_jobs_get_counts(value, &txn->counts);
}

cairn_err cairn_jobs_txn_begin(cairn_jobs *jobs, cairn_jobs_txn *ret_txn)
{
    cairn_jobs_txn txn = {.jobs = jobs};
    CAIRN_TRY(cairn_kv_begin(jobs->kv, true, &txn.kv));
    cairn_err err = load_counts(&txn);
    if (err != CAIRN_OK) {
        cairn_kv_abort(txn.kv);
        return err;
    }
    txn.stored = txn.counts;
    *ret_txn = txn;
    return CAIRN_OK;
}

static bool same_counts(const jobs_counts *a, const jobs_counts *b)
{
    return a->generation == b->generation && a->sequence == b->sequence && a->timers == b->timers &&
           a->waiting == b->waiting && a->waiting_bytes == b->waiting_bytes && a->dead == b->dead;
}

cairn_err cairn_jobs_txn_commit(cairn_jobs_txn *txn)
{
    if (!same_counts(&txn->counts, &txn->stored)) {
        uint8_t record[JOBS_COUNTS_RECORD_MAX];
        size_t size = cairn_jobs_put_counts(&txn->counts, record);
        cairn_err err = cairn_kv_put(txn->kv, JOBS_META, cairn_bytes_str(counts_key),
                                     cairn_bytes_of(record, size));
        if (err != CAIRN_OK) {
            cairn_jobs_txn_abort(txn);
            return err;
        }
    }
    cairn_err err = cairn_kv_commit(CAIRN_STEAL(txn->kv));
    if (err != CAIRN_OK && err != CAIRN_ERR_NO_SPACE)
        atomic_store(&txn->jobs->failed, true); /* as the store then takes no more writes */
    return err;
}

void cairn_jobs_txn_abort(cairn_jobs_txn *txn)
{
    cairn_kv_abort(CAIRN_STEAL(txn->kv));
}

uint64_t cairn_jobs_txn_sequence(cairn_jobs_txn *txn)
{
    return ++txn->counts.sequence;
}

cairn_err cairn_jobs_txn_end(cairn_jobs_txn *txn, cairn_err err)
{
    if (err == CAIRN_OK)
        return cairn_jobs_txn_commit(txn);
    cairn_jobs_txn_abort(txn);
    return err;
}

cairn_err cairn_jobs_update(cairn_jobs *jobs, cairn_err (*fn)(void *context, cairn_jobs_txn *txn),
                            void *context)
{
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = fn(context, &txn);
    CAIRN_TRY(cairn_jobs_txn_end(&txn, err));
    cairn_jobs_kick(jobs);
    return CAIRN_OK;
}

void cairn_jobs_kick(cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->kicked = true;
    jobs->idle = false;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
}

bool cairn_jobs_is_machine(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_NO_SPACE || err == CAIRN_ERR_IO ||
           err == CAIRN_ERR_READ_ONLY;
}

/* splitmix64: spreads retries, keeps no secret. */
uint64_t cairn_jobs_random(cairn_jobs *jobs, uint64_t bound)
{
    (void)pthread_mutex_lock(&jobs->lock);
    uint64_t z = jobs->prng += UINT64_C(0x9e3779b97f4a7c15);
    (void)pthread_mutex_unlock(&jobs->lock);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return bound == 0 ? 0 : z % bound;
}

size_t cairn_jobs_due_key(bool retrying, uint64_t at_ms, cairn_bytes name, uint8_t *ret_key)
{
    ret_key[0] = retrying ? JOBS_DUE_RETRY : JOBS_DUE_FIRST;
    cairn_put_u64(ret_key + 1, at_ms);
    memcpy(ret_key + JOBS_DUE_KEY_SIZE, name.data, name.size);
    return JOBS_DUE_KEY_SIZE + name.size;
}

bool cairn_jobs_is_name(const char *name)
{
    size_t size = strlen(name);
    return size >= 1 && size <= CAIRN_JOBS_NAME_SIZE_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._") == size;
}
