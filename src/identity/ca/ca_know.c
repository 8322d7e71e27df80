/* What is known of what was issued: one certificate, those that end soon, all, a device's. */
#include "cairn/sha256.h"
#include "identity/ca/ca_impl.h"

static void facts_of(const uint8_t *serial, const cairn_ca_record *record,
                     cairn_ca_facts *ret_facts)
{
    *ret_facts = (cairn_ca_facts){.profile = record->profile,
                                  .kid = record->kid,
                                  .partition = record->partition,
                                  .not_before_s = record->not_before_s,
                                  .not_after_s = record->not_after_s,
                                  .common_name = record->common_name,
                                  .device = record->device,
                                  .status = record->status,
                                  .revoked_at_s = record->revoked_at_s,
                                  .reason = record->reason,
                                  .renewed = record->successor.size > 0};
    memcpy(ret_facts->serial, serial, sizeof ret_facts->serial);
}

static cairn_err read_record(cairn_ca *ca, const uint8_t *serial, cairn_arena *arena,
                             cairn_ca_record *ret_record)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = cairn_ca_load(txn, serial, arena, ret_record);
    cairn_kv_abort(txn);
    return err;
}

cairn_err cairn_ca_find(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                        cairn_arena *arena, cairn_ca_facts *ret_facts)
{
    cairn_ca_record record;
    CAIRN_TRY(read_record(ca, serial, arena, &record));
    facts_of(serial, &record, ret_facts);
    return CAIRN_OK;
}

cairn_err cairn_ca_salt(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                        cairn_hash *ret_salt)
{
    cairn_arena arena;
    cairn_ca_record record;
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = read_record(ca, serial, &arena, &record);
    if (err == CAIRN_OK)
        *ret_salt = record.salt;
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_ca_certificate(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                               cairn_arena *arena, cairn_bytes *ret_der)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes der = {0};
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, CA_DER, ca_serial_view(serial), &der);
    if (err == CAIRN_OK)
        err = cairn_arena_copy(arena, der, ret_der);
    cairn_kv_abort(txn);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ca: no certificate of that serial");
    return err;
}

/* --- many --- */

typedef struct walk {
    uint64_t from_s, until_s;
    bool due; /* only what nobody has renewed */
    cairn_ca_facts_fn fn;
    void *context;
    cairn_arena arena; /* of one record */
} walk;

static cairn_err visit(cairn_kv_txn *txn, walk *w, const uint8_t *serial)
{
    cairn_ca_record record;
    cairn_ca_facts facts;
    cairn_arena_reset(&w->arena);
    CAIRN_TRY(cairn_ca_load(txn, serial, &w->arena, &record));
    if (w->due && (record.status != CAIRN_CA_STATUS_GOOD || record.successor.size > 0))
        return CAIRN_OK;
    facts_of(serial, &record, &facts);
    return w->fn(w->context, &facts);
}

static cairn_err walk_ends(cairn_kv_txn *txn, walk *w)
{
    uint8_t from[8];
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    cairn_put_u64(from, w->from_s);
    CAIRN_TRY(cairn_kv_cursor_open(txn, CA_EXPIRY, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(from, sizeof from), &key, &value);
    cairn_err verdict = CAIRN_OK;
    while (err == CAIRN_OK && verdict == CAIRN_OK && key.size == 8 + CAIRN_CA_SERIAL_SIZE &&
           cairn_get_u64(key.data) <= w->until_s) {
        verdict = visit(txn, w, key.data + 8);
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    return err == CAIRN_OK || err == CAIRN_ERR_NOT_FOUND ? verdict : err;
}

static cairn_err run_walk(cairn_ca *ca, walk *w, cairn_err (*go)(cairn_kv_txn *txn, walk *w))
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_arena_init(&w->arena, CA_ARENA_LIMIT);
    cairn_err err = go(txn, w);
    cairn_arena_done(&w->arena);
    cairn_kv_abort(txn);
    return err;
}

cairn_err cairn_ca_due(cairn_ca *ca, uint64_t within_s, cairn_ca_facts_fn fn, void *context)
{
    uint64_t now = ca_now(ca);
    walk w = {.from_s = now + 1, .due = true, .fn = fn, .context = context};
    w.until_s = within_s > UINT64_MAX - now ? UINT64_MAX : now + within_s;
    return run_walk(ca, &w, walk_ends);
}

cairn_err cairn_ca_each(cairn_ca *ca, cairn_ca_facts_fn fn, void *context)
{
    walk w = {.until_s = UINT64_MAX, .fn = fn, .context = context};
    return run_walk(ca, &w, walk_ends);
}

/* --- a device's --- */

void cairn_ca_device_key(cairn_bytes device, const uint8_t *serial,
                         uint8_t ret_key[CA_DEVICE_KEY_SIZE])
{
    cairn_hash hash;
    cairn_sha256_of(device.data, device.size, &hash);
    memcpy(ret_key, hash.b, sizeof hash.b);
    memcpy(ret_key + sizeof hash.b, serial, CAIRN_CA_SERIAL_SIZE);
}

static cairn_err collect(cairn_kv_txn *txn, cairn_bytes device, const uint8_t *after, size_t max,
                         uint8_t *ret_serials, size_t *ret_count)
{
    static const uint8_t zeros[CAIRN_CA_SERIAL_SIZE];
    uint8_t from[CA_DEVICE_KEY_SIZE];
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    size_t count = 0;
    cairn_ca_device_key(device, after == NULL ? zeros : after, from);
    CAIRN_TRY(cairn_kv_cursor_open(txn, CA_DEVICES, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(from, sizeof from), &key, &value);
    if (err == CAIRN_OK && after != NULL &&
        cairn_bytes_equal(key, cairn_bytes_of(from, sizeof from)))
        err = cairn_kv_cursor_next(cursor, &key, &value);
    while (err == CAIRN_OK && count < max && key.size == sizeof from &&
           memcmp(key.data, from, sizeof(cairn_hash)) == 0) {
        memcpy(ret_serials + count++ * CAIRN_CA_SERIAL_SIZE, key.data + sizeof(cairn_hash),
               CAIRN_CA_SERIAL_SIZE);
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_ca_of_device(cairn_ca *ca, cairn_bytes device, const uint8_t *after, size_t max,
                             uint8_t (*ret_serials)[CAIRN_CA_SERIAL_SIZE], size_t *ret_count)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = collect(txn, device, after, max, ret_serials[0], ret_count);
    cairn_kv_abort(txn);
    return err;
}
