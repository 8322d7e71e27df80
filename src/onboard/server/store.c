/* The rows of the servers as bytes. */
#include "onboard/server/store.h"

#include <openssl/rand.h>
#include <pthread.h>

#include "core/crypto/openssl.h"
#include "onboard/wire/body.h"
#include "onboard/wire/voucher.h"

static const char clause[] = "docs/formats/fdo.md";

enum { NAME_SIZE_MAX = 64 };

static cairn_err corrupt(cairn_err err, const char *what)
{
    return err == CAIRN_OK ? CAIRN_OK
                           : CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: row cannot be read", what);
}

/* --- vouchers --- */

static void put_holding(cairn_cbor_writer *writer, const void *object)
{
    const cairn_fdo_holding *holding = object;
    cairn_cbor_put_map(writer, holding->has_successor ? 7 : 5);
    cairn_cbor_put_uint(writer, 1);
    cairn_cbor_put_bytes(writer, holding->voucher);
    cairn_cbor_put_uint(writer, 2);
    cairn_cbor_put_text_view(writer, holding->owner_key);
    cairn_cbor_put_uint(writer, 3);
    cairn_cbor_put_bytes(writer, holding->device_key);
    cairn_cbor_put_uint(writer, 4);
    cairn_cbor_put_hash(writer, &holding->salt);
    cairn_cbor_put_uint(writer, 5);
    cairn_cbor_put_hash(writer, &holding->pseudonym);
    if (!holding->has_successor)
        return;
    cairn_cbor_put_uint(writer, 6);
    cairn_fdo_guid_put(writer, &holding->successor);
    cairn_cbor_put_uint(writer, 7);
    cairn_cbor_put_uint(writer, holding->until_ms);
}

cairn_err cairn_fdo_holding_encode(cairn_arena *arena, const cairn_fdo_holding *holding,
                                   cairn_bytes *ret_value)
{
    return cairn_fdo_encode(arena, put_holding, holding, ret_value);
}

static cairn_err read_holding(cairn_bytes value, cairn_fdo_holding *h)
{
    cairn_cbor_reader reader;
    cairn_cbor_map map;
    CAIRN_TRY(cairn_cbor_open(&reader, value, CAIRN_CBOR_STRICT, "holding", clause));
    CAIRN_TRY(cairn_cbor_read_map(&reader, "holding", &map));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 1, "voucher"));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&reader, "voucher", 1, CAIRN_FDO_VOUCHER_SIZE_MAX, &h->voucher));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 2, "owner_key"));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "owner_key", 0, NAME_SIZE_MAX, &h->owner_key));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 3, "device_key"));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&reader, "device_key", 1, CAIRN_COSE_KEY_SIZE_MAX, &h->device_key));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 4, "salt"));
    CAIRN_TRY(cairn_cbor_read_hash(&reader, "salt", &h->salt));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 5, "pseudonym"));
    CAIRN_TRY(cairn_cbor_read_hash(&reader, "pseudonym", &h->pseudonym));
    CAIRN_TRY(cairn_cbor_optional_key(&reader, &map, 6, &h->has_successor));
    if (h->has_successor) {
        CAIRN_TRY(cairn_fdo_guid_read(&reader, "successor", &h->successor));
        CAIRN_TRY(cairn_cbor_key(&reader, &map, 7, "until"));
        CAIRN_TRY(cairn_cbor_read_uint(&reader, "until", 0, UINT64_MAX, &h->until_ms));
    }
    return cairn_cbor_end_map(&reader, &map);
}

cairn_err cairn_fdo_holding_read(cairn_bytes value, cairn_fdo_holding *ret_holding)
{
    cairn_fdo_holding holding = {0};
    CAIRN_TRY(corrupt(read_holding(value, &holding), "voucher"));
    *ret_holding = holding;
    return CAIRN_OK;
}

cairn_err cairn_fdo_holding_of(cairn_arena *arena, cairn_bytes voucher, const cairn_hash *salt,
                               cairn_bytes owner_key, cairn_fdo_holding *ret_holding)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher v = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *device = NULL;
    uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_fdo_holding holding = {.voucher = voucher, .owner_key = owner_key, .salt = *salt};
    if (RAND_bytes(holding.pseudonym.b, sizeof holding.pseudonym.b) != 1)
        return cairn_openssl_fail("pseudonym");
    CAIRN_TRY(cairn_fdo_voucher_read(voucher, &v));
    CAIRN_TRY(cairn_fdo_voucher_verify(arena, &v, &head));
    CAIRN_TRY(cairn_fdo_chain_check(&v, NULL, 0, &device));
    CAIRN_TRY(cairn_key_to_cose(device, cose, &size));
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(cose, size), &holding.device_key));
    *ret_holding = holding;
    return CAIRN_OK;
}

/* --- blobs --- */

static void put_blob(cairn_cbor_writer *writer, const void *object)
{
    const cairn_fdo_blob *blob = object;
    cairn_cbor_put_array(writer, 3);
    cairn_cbor_put_bytes(writer, blob->to1d);
    cairn_cbor_put_bytes(writer, blob->device_key);
    cairn_cbor_put_uint(writer, blob->until_ms);
}

cairn_err cairn_fdo_blob_encode(cairn_arena *arena, const cairn_fdo_blob *blob,
                                cairn_bytes *ret_value)
{
    return cairn_fdo_encode(arena, put_blob, blob, ret_value);
}

static cairn_err read_blob(cairn_bytes value, cairn_fdo_blob *blob)
{
    cairn_cbor_reader reader;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, value, CAIRN_CBOR_STRICT, "blob", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "blob", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "to1d", 1, CAIRN_FDO_MESSAGE_SIZE_MAX, &blob->to1d));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "device_key", 1, CAIRN_COSE_KEY_SIZE_MAX,
                                    &blob->device_key));
    return cairn_cbor_read_uint(&reader, "until", 0, UINT64_MAX, &blob->until_ms);
}

cairn_err cairn_fdo_blob_read(cairn_bytes value, cairn_fdo_blob *ret_blob)
{
    cairn_fdo_blob blob = {0};
    CAIRN_TRY(corrupt(read_blob(value, &blob), "rendezvous blob"));
    *ret_blob = blob;
    return CAIRN_OK;
}

/* --- waiting --- */

typedef struct wait {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    cairn_err err;
} wait;

static void wake(void *context, cairn_err err)
{
    wait *w = context;
    (void)pthread_mutex_lock(&w->lock);
    w->is_done = true;
    w->err = err;
    (void)pthread_cond_signal(&w->done);
    (void)pthread_mutex_unlock(&w->lock);
}

cairn_err cairn_fdo_store_put_wait(const cairn_fdo_store *store, const cairn_fdo_row *rows,
                                   size_t count)
{
    wait w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    store->put(store->context, rows, count, wake, &w);
    (void)pthread_mutex_lock(&w.lock);
    while (!w.is_done)
        (void)pthread_cond_wait(&w.done, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    if (w.err != CAIRN_OK)
        return CAIRN_FAIL(w.err, "house", "rows of the store were not written");
    return CAIRN_OK;
}

/* --- the end of a row --- */

enum { SWEEP_MAX = 1024 };

/* Rows that have ended, so many at a time. */
typedef struct sweep {
    cairn_fdo_table table;
    uint64_t now_ms;
    size_t count;
    cairn_fdo_guid guids[SWEEP_MAX];
} sweep;

static cairn_err has_ended(const sweep *s, cairn_bytes value, bool *ret_ended)
{
    cairn_fdo_holding holding = {0};
    cairn_fdo_blob blob = {0};
    if (s->table == CAIRN_FDO_BLOBS) {
        CAIRN_TRY(cairn_fdo_blob_read(value, &blob));
        *ret_ended = blob.until_ms <= s->now_ms;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_fdo_holding_read(value, &holding));
    *ret_ended = holding.has_successor && holding.until_ms <= s->now_ms;
    return CAIRN_OK;
}

/* CANCELLED stops the walk when there is no more room. */
static cairn_err collect(void *context, const cairn_fdo_guid *guid, cairn_bytes value)
{
    sweep *s = context;
    bool ended = false;
    CAIRN_TRY(has_ended(s, value, &ended));
    if (!ended)
        return CAIRN_OK;
    if (s->count == SWEEP_MAX)
        return CAIRN_ERR_CANCELLED;
    s->guids[s->count++] = *guid;
    return CAIRN_OK;
}

static cairn_err remove_all(const cairn_fdo_store *store, const sweep *s)
{
    cairn_fdo_row rows[CAIRN_FDO_ROWS_MAX];
    for (size_t i = 0; i < s->count;) {
        size_t n = 0;
        for (; n < CAIRN_FDO_ROWS_MAX && i < s->count; n++, i++)
            rows[n] = (cairn_fdo_row){.table = s->table, .guid = s->guids[i]};
        CAIRN_TRY(cairn_fdo_store_put_wait(store, rows, n));
    }
    return CAIRN_OK;
}

cairn_err cairn_fdo_store_sweep(const cairn_fdo_store *store, uint64_t now_ms, size_t *ret_count)
{
    size_t count = 0;
    sweep s = {.now_ms = now_ms};
    for (unsigned table = 0; table < CAIRN_FDO_TABLE_COUNT; table++) {
        cairn_err err = CAIRN_ERR_CANCELLED;
        s.table = (cairn_fdo_table)table;
        while (err == CAIRN_ERR_CANCELLED) {
            s.count = 0;
            err = store->each(store->context, s.table, collect, &s);
            if (err != CAIRN_OK && err != CAIRN_ERR_CANCELLED)
                return err;
            CAIRN_TRY(remove_all(store, &s));
            count += s.count;
        }
    }
    *ret_count = count;
    return CAIRN_OK;
}
