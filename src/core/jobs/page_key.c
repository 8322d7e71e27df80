/* Keys of page tokens: rows of the jobs' environment, so that a walk survives a restart. */
#include <openssl/rand.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "core/jobs/jobs_impl.h"
#include "core/jobs/page.h"

enum {
    ROTATE_MS = 86400000, /* age at which a key gets a successor */
    SEALED_MAX = 1 << 30, /* tokens after which it gets one: NIST SP 800-38D section 8.3 */
};

static cairn_err read_keys(cairn_jobs *jobs, cairn_kv_cursor *cursor)
{
    cairn_bytes key, value;
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    while (err == CAIRN_OK) {
        if (key.size != 4 || jobs->page_key_count == JOBS_PAGE_KEYS_MAX)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "page keys");
        jobs_page_key *slot = &jobs->page_keys[jobs->page_key_count];
        slot->id = cairn_get_u32(key.data);
        CAIRN_TRY(cairn_jobs_get_key(value, &slot->record));
        jobs->page_key_count++;
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_jobs_page_keys_load(cairn_jobs *jobs)
{
    cairn_kv_txn *kv = NULL;
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_cursor_open(kv, JOBS_KEYS, &cursor);
    if (err == CAIRN_OK)
        err = read_keys(jobs, cursor);
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(kv);
    CAIRN_TRY(err);
    return jobs->page_key_count > 0 ? CAIRN_OK : cairn_page_rotate(jobs);
}

/* The keys that a rotation leaves, with the new one behind them. */
typedef struct rotation {
    cairn_jobs *jobs;
    jobs_page_key keys[JOBS_PAGE_KEYS_MAX];
    size_t count;
} rotation;

static cairn_err delete_key(cairn_jobs_txn *txn, uint32_t id)
{
    uint8_t key[4];
    cairn_put_u32(key, id);
    return cairn_kv_delete(txn->kv, JOBS_KEYS, cairn_bytes_of(key, sizeof key));
}

/* A key is of no more use when its successor is older than any token may be. */
static cairn_err keep_useful(cairn_jobs_txn *txn, rotation *r, uint64_t now)
{
    const cairn_jobs *jobs = r->jobs;
    size_t spare = jobs->page_key_count == JOBS_PAGE_KEYS_MAX ? 1 : 0;
    for (size_t i = 0; i < jobs->page_key_count; i++) {
        bool is_last = i + 1 == jobs->page_key_count;
        uint64_t ended = is_last ? now : jobs->page_keys[i + 1].record.created_ms;
        if (i < spare || ended + CAIRN_PAGE_LIFE_MS_MAX < now)
            CAIRN_TRY(delete_key(txn, jobs->page_keys[i].id));
        else
            r->keys[r->count++] = jobs->page_keys[i];
    }
    return CAIRN_OK;
}

static cairn_err add_key(cairn_jobs_txn *txn, rotation *r, uint64_t now)
{
    uint8_t key[4];
    uint8_t value[JOBS_KEY_RECORD_MAX];
    jobs_page_key *fresh = &r->keys[r->count];
    const cairn_jobs *jobs = r->jobs;
    fresh->id = jobs->page_key_count == 0 ? 1 : jobs->page_keys[jobs->page_key_count - 1].id + 1;
    fresh->record.created_ms = now;
    if (RAND_priv_bytes(fresh->record.key, sizeof fresh->record.key) != 1)
        return cairn_openssl_fail("page key");
    r->count++;
    cairn_put_u32(key, fresh->id);
    size_t size = cairn_jobs_put_key(&fresh->record, value);
    cairn_err err = cairn_kv_put(txn->kv, JOBS_KEYS, cairn_bytes_of(key, sizeof key),
                                 cairn_bytes_of(value, size));
    cairn_wipe(value, sizeof value);
    return err;
}

static cairn_err rotate(void *context, cairn_jobs_txn *txn)
{
    rotation *r = context;
    uint64_t now = cairn_clock_wall_ms(&r->jobs->options.clock);
    CAIRN_TRY(keep_useful(txn, r, now));
    return add_key(txn, r, now);
}

/* One rotation at a time. */
cairn_err cairn_page_rotate(cairn_jobs *jobs)
{
    rotation r = {.jobs = jobs};
    (void)pthread_mutex_lock(&jobs->rotate_lock);
    cairn_err err = cairn_jobs_update(jobs, rotate, &r);
    if (err == CAIRN_OK) {
        atomic_store(&jobs->sealed, 0);
        (void)pthread_mutex_lock(&jobs->lock);
        memcpy(jobs->page_keys, r.keys, sizeof r.keys);
        jobs->page_key_count = r.count;
        (void)pthread_mutex_unlock(&jobs->lock);
    }
    (void)pthread_mutex_unlock(&jobs->rotate_lock);
    cairn_wipe(&r, sizeof r);
    return err;
}

cairn_err cairn_jobs_page_keys_step(cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    uint64_t created = jobs->page_keys[jobs->page_key_count - 1].record.created_ms;
    (void)pthread_mutex_unlock(&jobs->lock);
    uint64_t now = cairn_clock_wall_ms(&jobs->options.clock);
    bool old = now > created && now - created > ROTATE_MS;
    return old || atomic_load(&jobs->sealed) > SEALED_MAX ? cairn_page_rotate(jobs) : CAIRN_OK;
}
