/* The servers' store on LMDB. */
#include "onboard/server/store_kv.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/cose.h"
#include "core/crypto/hmac.h"
#include "core/crypto/openssl.h"
#include "core/store/kv.h"

enum { A256GCM = 3, IV_SIZE = 12, INDEX_SIZE = 1 + CAIRN_FDO_GUID_SIZE };

static const char *const tables[CAIRN_FDO_TABLE_COUNT] = {"vouchers", "blobs"};

/* Rows that wait for the writer. */
typedef struct batch {
    struct batch *next;
    cairn_arena arena; /* of the rows, sealed */
    size_t count;
    struct {
        cairn_fdo_table table;
        cairn_hash key;
        cairn_bytes value; /* empty: removed */
    } rows[CAIRN_FDO_ROWS_MAX];
    cairn_fdo_stored_fn done;
    void *context;
} batch;

struct cairn_fdo_store_kv {
    cairn_kv *kv;
    cairn_secret key;   /* of the rows' content */
    cairn_secret index; /* of their names */
    pthread_t writer;
    bool has_writer;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool closing;
    batch *first, **last;
};

/* --- seals --- */

static void aad_of(cairn_fdo_table table, const cairn_fdo_guid *guid, uint8_t ret_aad[INDEX_SIZE])
{
    ret_aad[0] = (uint8_t)table;
    memcpy(ret_aad + 1, guid->b, sizeof guid->b);
}

/* A row's name tells nobody the GUID who has not the key. */
static cairn_err name_of(const cairn_fdo_store_kv *store, cairn_fdo_table table,
                         const cairn_fdo_guid *guid, cairn_hash *ret_name)
{
    uint8_t aad[INDEX_SIZE];
    aad_of(table, guid, aad);
    const cairn_bytes piece = cairn_bytes_of(aad, sizeof aad);
    return cairn_hmac_sha256(cairn_secret_view(&store->index), &piece, 1, ret_name);
}

/* GUID ‖ value, sealed. */
static cairn_err seal(const cairn_fdo_store_kv *store, cairn_arena *arena, const cairn_fdo_row *row,
                      const cairn_hash *name, cairn_bytes *ret_sealed)
{
    uint8_t iv[IV_SIZE];
    void *memory = NULL;
    size_t size = sizeof row->guid.b + row->value.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    memcpy(memory, row->guid.b, sizeof row->guid.b);
    memcpy((uint8_t *)memory + sizeof row->guid.b, row->value.data, row->value.size);
    if (RAND_bytes(iv, sizeof iv) != 1)
        return cairn_openssl_fail("random bytes");
    return cairn_cose_encrypt0(arena, cairn_secret_view(&store->key), A256GCM,
                               cairn_bytes_of(iv, sizeof iv), cairn_bytes_hash(name),
                               cairn_bytes_of(memory, size), ret_sealed);
}

static cairn_err unseal(const cairn_fdo_store_kv *store, cairn_arena *arena, cairn_bytes name,
                        cairn_bytes sealed, cairn_fdo_guid *ret_guid, cairn_bytes *ret_value)
{
    cairn_cose_message message;
    cairn_bytes plain = {0};
    cairn_err err = cairn_cose_decode(sealed, CAIRN_COSE_TAG_ENCRYPT0, CAIRN_CBOR_STRICT, &message);
    if (err == CAIRN_OK)
        err = cairn_cose_decrypt0(arena, &message, cairn_secret_view(&store->key), name, &plain);
    if (err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_CRYPTO)
        return err;
    if (err != CAIRN_OK || plain.size < sizeof ret_guid->b)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "store of devices: a row does not open");
    memcpy(ret_guid->b, plain.data, sizeof ret_guid->b);
    *ret_value = cairn_bytes_of(plain.data + sizeof ret_guid->b, plain.size - sizeof ret_guid->b);
    return CAIRN_OK;
}

/* --- reading --- */

static cairn_err get(void *context, cairn_fdo_table table, const cairn_fdo_guid *guid,
                     cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_fdo_store_kv *store = context;
    cairn_kv_txn *txn = NULL;
    cairn_hash name;
    cairn_fdo_guid same;
    cairn_bytes sealed = {0};
    CAIRN_TRY(name_of(store, table, guid, &name));
    CAIRN_TRY(cairn_kv_begin(store->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, table, cairn_bytes_hash(&name), &sealed);
    if (err == CAIRN_OK)
        err = unseal(store, arena, cairn_bytes_hash(&name), sealed, &same, ret_value);
    cairn_kv_abort(txn);
    return err;
}

static cairn_err each_row(cairn_fdo_store_kv *store, cairn_kv_cursor *cursor, cairn_fdo_row_fn fn,
                          void *fn_context)
{
    cairn_arena arena;
    cairn_bytes name = {0};
    cairn_bytes sealed = {0};
    cairn_arena_init(&arena, 4 << 20);
    cairn_err err = cairn_kv_cursor_seek(cursor, (cairn_bytes){0}, &name, &sealed);
    while (err == CAIRN_OK) {
        cairn_fdo_guid guid;
        cairn_bytes value = {0};
        cairn_arena_reset(&arena);
        err = unseal(store, &arena, name, sealed, &guid, &value);
        if (err == CAIRN_OK)
            err = fn(fn_context, &guid, value);
        if (err == CAIRN_OK)
            err = cairn_kv_cursor_next(cursor, &name, &sealed);
        else if (err == CAIRN_ERR_NOT_FOUND)
            err = CAIRN_ERR_INTERNAL; /* `fn`'s, and not the end */
    }
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err each(void *context, cairn_fdo_table table, cairn_fdo_row_fn fn, void *fn_context)
{
    cairn_fdo_store_kv *store = context;
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(cairn_kv_begin(store->kv, false, &txn));
    cairn_err err = cairn_kv_cursor_open(txn, table, &cursor);
    if (err == CAIRN_OK)
        err = each_row(store, cursor, fn, fn_context);
    if (cursor != NULL)
        cairn_kv_cursor_close(cursor);
    cairn_kv_abort(txn);
    return err;
}

/* --- writing --- */

static void batch_end(batch *b, cairn_err err)
{
    b->done(b->context, err);
    cairn_arena_done(&b->arena);
    free(b);
}

static cairn_err write_batch(cairn_kv_txn *txn, const batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        cairn_bytes key = cairn_bytes_hash(&b->rows[i].key);
        CAIRN_TRY(b->rows[i].value.size == 0
                      ? cairn_kv_delete(txn, b->rows[i].table, key)
                      : cairn_kv_put(txn, b->rows[i].table, key, b->rows[i].value));
    }
    return CAIRN_OK;
}

/* All that waits, in one commit. */
static void write_all(cairn_fdo_store_kv *store, batch *first)
{
    cairn_kv_txn *txn = NULL;
    cairn_err err = cairn_kv_begin(store->kv, true, &txn);
    for (batch *b = first; err == CAIRN_OK && b != NULL; b = b->next)
        err = write_batch(txn, b);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    while (first != NULL) {
        batch *b = first;
        first = b->next;
        batch_end(b, err);
    }
}

static void *run_writer(void *context)
{
    cairn_fdo_store_kv *store = context;
    (void)pthread_mutex_lock(&store->lock);
    while (!store->closing || store->first != NULL) {
        batch *first = store->first;
        if (first == NULL) {
            (void)pthread_cond_wait(&store->wake, &store->lock);
            continue;
        }
        store->first = NULL;
        store->last = &store->first;
        (void)pthread_mutex_unlock(&store->lock);
        write_all(store, first);
        (void)pthread_mutex_lock(&store->lock);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

static cairn_err fill(const cairn_fdo_store_kv *store, batch *b, const cairn_fdo_row *rows,
                      size_t count)
{
    CAIRN_ASSERT(count <= CAIRN_FDO_ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        b->rows[i].table = rows[i].table;
        CAIRN_TRY(name_of(store, rows[i].table, &rows[i].guid, &b->rows[i].key));
        if (rows[i].value.size != 0)
            CAIRN_TRY(seal(store, &b->arena, &rows[i], &b->rows[i].key, &b->rows[i].value));
    }
    b->count = count;
    return CAIRN_OK;
}

static void put(void *context, const cairn_fdo_row *rows, size_t count, cairn_fdo_stored_fn done,
                void *done_context)
{
    cairn_fdo_store_kv *store = context;
    batch *b = calloc(1, sizeof *b);
    if (b == NULL) {
        done(done_context, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "rows"));
        return;
    }
    b->done = done;
    b->context = done_context;
    cairn_arena_init(&b->arena, 8 << 20);
    cairn_err err = fill(store, b, rows, count);
    if (err != CAIRN_OK) {
        batch_end(b, err);
        return;
    }
    (void)pthread_mutex_lock(&store->lock);
    *store->last = b;
    store->last = &b->next;
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->lock);
}

/* --- open and close --- */

static cairn_err derive_index(cairn_fdo_store_kv *store)
{
    const cairn_bytes piece = cairn_bytes_str("cairn/onboard-index/1");
    cairn_hash index;
    CAIRN_TRY(cairn_hmac_sha256(cairn_secret_view(&store->key), &piece, 1, &index));
    cairn_err err = cairn_secret_set(&store->index, cairn_bytes_hash(&index));
    cairn_wipe(&index, sizeof index);
    return err;
}

cairn_err cairn_fdo_store_kv_open(const char *path, size_t map_size, const cairn_secret *key,
                                  cairn_fdo_store_kv **ret_store)
{
    CAIRN_CLEANUP(cairn_fdo_store_kv_close_p) cairn_fdo_store_kv *store = calloc(1, sizeof *store);
    if (store == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store of devices");
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->wake, NULL);
    store->last = &store->first;
    store->key = *key;
    CAIRN_TRY(derive_index(store));
    CAIRN_TRY(cairn_kv_open(path, tables, CAIRN_FDO_TABLE_COUNT, map_size, &store->kv));
    if (pthread_create(&store->writer, NULL, run_writer, store) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "writer of the store of devices");
    store->has_writer = true;
    *ret_store = CAIRN_STEAL(store);
    return CAIRN_OK;
}

void cairn_fdo_store_kv_close(cairn_fdo_store_kv *store)
{
    if (store == NULL)
        return;
    (void)pthread_mutex_lock(&store->lock);
    store->closing = true;
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->lock);
    if (store->has_writer)
        (void)pthread_join(store->writer, NULL);
    cairn_kv_close(store->kv);
    cairn_secret_wipe(&store->key);
    cairn_secret_wipe(&store->index);
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_cond_destroy(&store->wake);
    free(store);
}

cairn_fdo_store cairn_fdo_store_kv_ops(cairn_fdo_store_kv *store)
{
    return (cairn_fdo_store){.context = store, .get = get, .put = put, .each = each};
}
