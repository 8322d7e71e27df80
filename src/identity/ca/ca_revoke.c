/* Revocation, and the lists that tell it. */
#include <stdio.h>

#include "identity/ca/ca_impl.h"

static const char clause[] = "docs/formats/ca.md";

enum { CRL_ROW_HEAD = 1 + 8 + 8 + 8 }; /* bytes before the list */

/* --- rows of lists --- */

cairn_err cairn_ca_crl_row_decode(cairn_bytes value, ca_crl_row *ret_row)
{
    if (value.size < CRL_ROW_HEAD || value.data[0] > 1)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "ca: row of a list of %zu bytes", value.size);
    *ret_row = (ca_crl_row){
        .dirty = value.data[0] == 1,
        .number = cairn_get_u64(value.data + 1),
        .this_update_s = cairn_get_u64(value.data + 9),
        .next_update_s = cairn_get_u64(value.data + 17),
        .der = cairn_bytes_of(value.data + CRL_ROW_HEAD, value.size - CRL_ROW_HEAD),
    };
    return CAIRN_OK;
}

cairn_err cairn_ca_get_crl(cairn_kv_txn *txn, uint32_t partition, ca_crl_row *ret_row)
{
    uint8_t key[4];
    cairn_bytes value = {0};
    cairn_put_u32(key, partition);
    CAIRN_TRY(cairn_kv_get(txn, CA_CRLS, cairn_bytes_of(key, sizeof key), &value));
    return cairn_ca_crl_row_decode(value, ret_row);
}

cairn_err cairn_ca_put_crl(cairn_kv_txn *txn, uint32_t partition, const ca_crl_row *row,
                           cairn_arena *arena)
{
    uint8_t key[4];
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, CRL_ROW_HEAD + row->der.size, &memory));
    uint8_t *value = memory;
    value[0] = row->dirty ? 1 : 0;
    cairn_put_u64(value + 1, row->number);
    cairn_put_u64(value + 9, row->this_update_s);
    cairn_put_u64(value + 17, row->next_update_s);
    memcpy(value + CRL_ROW_HEAD, row->der.data, row->der.size);
    cairn_put_u32(key, partition);
    return cairn_kv_put(txn, CA_CRLS, cairn_bytes_of(key, sizeof key),
                        cairn_bytes_of(value, CRL_ROW_HEAD + row->der.size));
}

/* --- entries --- */

typedef struct entries {
    cairn_ca_crl_entry *list;
    size_t count, capacity;
} entries;

/* The arena grows by doubling: what is left behind is as much again. */
static cairn_err add_entry(entries *e, cairn_bytes key, cairn_bytes value, cairn_arena *arena)
{
    if (value.size != 9)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "ca: revocation of %zu bytes", value.size);
    if (e->count == e->capacity) {
        void *memory = NULL;
        size_t capacity = e->capacity == 0 ? 64 : 2 * e->capacity;
        CAIRN_TRY(cairn_arena_array(arena, capacity, sizeof *e->list, &memory));
        if (e->count > 0)
            memcpy(memory, e->list, e->count * sizeof *e->list);
        e->list = memory;
        e->capacity = capacity;
    }
    cairn_ca_crl_entry *entry = &e->list[e->count++];
    memcpy(entry->serial, key.data + 4, CAIRN_CA_SERIAL_SIZE);
    entry->revoked_at_s = cairn_get_u64(value.data);
    entry->reason = value.data[8];
    return CAIRN_OK;
}

static cairn_err collect(cairn_kv_txn *txn, uint32_t partition, cairn_arena *arena, entries *e)
{
    uint8_t from[4];
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    cairn_put_u32(from, partition);
    CAIRN_TRY(cairn_kv_cursor_open(txn, CA_REVOKED, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(from, sizeof from), &key, &value);
    while (err == CAIRN_OK && key.size == 4 + CAIRN_CA_SERIAL_SIZE &&
           memcmp(key.data, from, sizeof from) == 0) {
        err = add_entry(e, key, value, arena);
        if (err == CAIRN_OK)
            err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- the list --- */

static const ca_generation *signer_of(const cairn_ca *ca, uint32_t partition)
{
    return ca->making != NULL && partition >= ca->making->first_partition
               ? ca->making
               : ca_generation_of(ca, partition);
}

static const ca_party *root_of(const cairn_ca *ca, uint32_t partition)
{
    size_t number = CAIRN_CA_PARTITION_ROOT - partition;
    return number < ca_root_count(ca) ? &ca->roots[number] : ca->making_root;
}

cairn_err cairn_ca_make_crl(cairn_ca *ca, cairn_kv_txn *txn, uint32_t partition, cairn_arena *arena,
                            ca_crl_row *ret_row)
{
    bool of_root = cairn_ca_is_root_list(partition);
    const ca_party *by = of_root ? root_of(ca, partition) : &signer_of(ca, partition)->issuing;
    char url[CA_URL_SIZE_MAX];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes tbs = {0};
    entries revoked = {0};
    ca_crl_row row = {0};
    cairn_err err = cairn_ca_get_crl(txn, partition, &row);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(collect(txn, partition, arena, &revoked));
    (void)snprintf(url, sizeof url, "%s/crl/%u", ca->options.base_url, partition);
    row.dirty = false;
    row.number++;
    row.this_update_s = ca_now(ca);
    row.next_update_s = row.this_update_s + ca->options.crl_validity_s;
    const cairn_ca_crl_spec spec = {.issuer = by->name,
                                    .issuer_key = by->key,
                                    .number = row.number,
                                    .this_update_s = row.this_update_s,
                                    .next_update_s = row.next_update_s,
                                    .url = of_root ? NULL : url};
    CAIRN_TRY(cairn_ca_crl_tbs(&spec, revoked.list, revoked.count, arena, &tbs));
    CAIRN_TRY(cairn_ca_sign(ca, by, tbs, signature, &size));
    CAIRN_TRY(cairn_ca_seal(tbs, cairn_key_get_type(by->key), cairn_bytes_of(signature, size),
                            cairn_bytes_of(NULL, 0), arena, &row.der));
    CAIRN_TRY(cairn_ca_crl_check(row.der, by->key));
    *ret_row = row;
    return CAIRN_OK;
}

cairn_err cairn_ca_crl(cairn_ca *ca, uint32_t partition, cairn_arena *arena, cairn_bytes *ret_crl,
                       uint64_t *ret_next_update_s)
{
    cairn_kv_txn *txn = NULL;
    ca_crl_row row;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = cairn_ca_get_crl(txn, partition, &row);
    if (err == CAIRN_OK)
        err = cairn_arena_copy(arena, row.der, ret_crl);
    cairn_kv_abort(txn);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ca: no list of that partition");
    CAIRN_TRY(err);
    *ret_next_update_s = row.next_update_s;
    return CAIRN_OK;
}

/* --- reasons --- */

static const struct {
    const char *name;
    cairn_ca_reason reason;
} reasons[] = {
#define X(code, number, text) {(text), CAIRN_CA_##code},
    CAIRN_CA_REASON_LIST(X)
#undef X
};

const char *cairn_ca_reason_name(uint8_t reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if ((uint8_t)reasons[i].reason == reason)
            return reasons[i].name;
    return "unknown";
}

cairn_err cairn_ca_reason_find(const char *name, cairn_ca_reason *ret_reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(name, reasons[i].name) == 0) {
            *ret_reason = reasons[i].reason;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 5280 section 5.3.1",
                      "reason: unspecified, keyCompromise, affiliationChanged, superseded, "
                      "cessationOfOperation or privilegeWithdrawn");
}

/* --- revoking --- */

static bool reason_valid(cairn_ca_reason reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].reason == reason)
            return true;
    return false;
}

/* A compromised key is nobody's any more. */
static cairn_err ban_key(cairn_kv_txn *txn, const cairn_hash *kid)
{
    static const uint8_t nobody[33] = {[32] = 1};
    return cairn_kv_put(txn, CA_KEYS, cairn_bytes_hash(kid), cairn_bytes_of(nobody, sizeof nobody));
}

static cairn_err mark_crl(cairn_kv_txn *txn, uint32_t partition, cairn_arena *arena)
{
    ca_crl_row row;
    CAIRN_TRY(cairn_ca_get_crl(txn, partition, &row));
    if (row.dirty)
        return CAIRN_OK;
    row.dirty = true;
    return cairn_ca_put_crl(txn, partition, &row, arena);
}

static cairn_err announce_revoked(cairn_kv_txn *txn, const uint8_t *serial,
                                  const cairn_ca_record *record)
{
    cairn_bytes der = {0};
    cairn_hash commitment;
    CAIRN_TRY(cairn_kv_get(txn, CA_DER, ca_serial_view(serial), &der));
    cairn_ca_commitment(CAIRN_CA_REVOKED, &record->salt, der, record->revoked_at_s, record->reason,
                        &commitment);
    return cairn_ca_put_announcement(txn, CAIRN_CA_REVOKED, &commitment);
}

cairn_err cairn_ca_mark_revoked(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                                cairn_ca_record *record, cairn_ca_reason reason, cairn_arena *arena)
{
    uint8_t key[4 + CAIRN_CA_SERIAL_SIZE];
    uint8_t value[9];
    if (record->status != CAIRN_CA_STATUS_REVOKED)
        record->revoked_at_s = ca_now(ca);
    record->status = CAIRN_CA_STATUS_REVOKED;
    record->reason = (uint8_t)reason;
    record->ocsp = (cairn_ca_ocsp_ready){0};
    cairn_put_u32(key, record->partition);
    memcpy(key + 4, serial, CAIRN_CA_SERIAL_SIZE);
    cairn_put_u64(value, record->revoked_at_s);
    value[8] = record->reason;
    CAIRN_TRY(cairn_kv_put(txn, CA_REVOKED, cairn_bytes_of(key, sizeof key),
                           cairn_bytes_of(value, sizeof value)));
    if (reason == CAIRN_CA_KEY_COMPROMISE)
        CAIRN_TRY(ban_key(txn, &record->kid));
    CAIRN_TRY(mark_crl(txn, record->partition, arena));
    CAIRN_TRY(announce_revoked(txn, serial, record));
    CAIRN_TRY(cairn_ca_save(txn, serial, record, arena));
    return cairn_ca_put_work(txn, ca_now(ca), CA_WORK_OCSP, serial);
}

/* Signs what tells the revocation; what cannot be signed now is left to maintenance, and the error
 * goes to `ret_later`. */
static cairn_err publish(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                         cairn_ca_record *record, cairn_arena *arena, cairn_err *ret_later)
{
    ca_crl_row row;
    *ret_later = cairn_ca_make_crl(ca, txn, record->partition, arena, &row);
    if (*ret_later == CAIRN_OK)
        CAIRN_TRY(cairn_ca_put_crl(txn, record->partition, &row, arena));
    if (*ret_later == CAIRN_OK)
        *ret_later = cairn_ca_make_ready(ca, serial, record, arena);
    if (*ret_later != CAIRN_OK)
        return CAIRN_OK;
    CAIRN_TRY(cairn_ca_save(txn, serial, record, arena));
    return cairn_ca_put_work(txn, cairn_ca_refresh_at(ca, record), CA_WORK_OCSP, serial);
}

static cairn_err revoke_serial(cairn_ca *ca, cairn_kv_txn *txn, const uint8_t *serial,
                               cairn_ca_reason reason, cairn_arena *arena, cairn_err *ret_later)
{
    cairn_ca_record record;
    CAIRN_TRY(cairn_ca_load(txn, serial, arena, &record));
    const cairn_ca_profile_row *row = cairn_ca_profile_of(record.profile);
    if (row == NULL || !row->from_csr)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "ca: its own certificates stay");
    bool done = record.status == CAIRN_CA_STATUS_REVOKED &&
                (reason != CAIRN_CA_KEY_COMPROMISE || record.reason == (uint8_t)reason);
    if (done && record.ocsp.epoch != 0)
        return CAIRN_OK;
    if (!done)
        CAIRN_TRY(cairn_ca_mark_revoked(ca, txn, serial, &record, reason, arena));
    return *ret_later != CAIRN_OK ? CAIRN_OK : publish(ca, txn, serial, &record, arena, ret_later);
}

cairn_err cairn_ca_revoke(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                          cairn_ca_reason reason)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    cairn_err later = CAIRN_OK;
    if (!reason_valid(reason))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 5280 section 5.3.1", "ca: reason %d",
                          (int)reason);
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = cairn_kv_begin(ca->kv, true, &txn);
    if (err == CAIRN_OK) { /* who does not know its issuer cannot sign for it */
        later = cairn_ca_load_generations(ca, txn, &arena);
        err = revoke_serial(ca, txn, serial, reason, &arena, &later);
        if (err == CAIRN_OK)
            err = cairn_kv_commit(txn);
        else
            cairn_kv_abort(txn);
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    cairn_arena_done(&arena);
    return err == CAIRN_OK ? later : err;
}
