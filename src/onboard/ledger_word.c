/* Records of one block, proved to a device, and asked the questions that a server asks its view. */
#include "onboard/ledger_word.h"

#include <stdlib.h>

#include "cairn/ics23.h"
#include "cairn/sha256.h"
#include "ledger/proof/proof_end.h"
#include "ledger/registry.h"
#include "onboard/wire/body.h"

static const char clause[] = "docs/formats/ledger-word.md";
static const char magic[] = "cairn/ledger-word/1";
static const cairn_hash none;

/* --- bytes --- */

static cairn_err read_record(cairn_cbor_reader *r, cairn_ledger_word_record *record)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "record", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "key", 1, CAIRN_STATE_PROOF_KEY_SIZE_MAX, &record->key));
    record->present = cairn_cbor_peek(r) != CAIRN_CBOR_NULL;
    if (record->present)
        CAIRN_TRY(
            cairn_cbor_read_bytes(r, "value", 1, CAIRN_LEDGER_WORD_PART_SIZE_MAX, &record->value));
    else
        CAIRN_TRY(cairn_cbor_read_null(r, "value"));
    return cairn_cbor_read_bytes(r, "proof", 1, CAIRN_LEDGER_WORD_PART_SIZE_MAX, &record->proof);
}

static cairn_err read_records(cairn_cbor_reader *r, cairn_ledger_word *word)
{
    CAIRN_TRY(cairn_cbor_read_array(r, "records", 1, CAIRN_LEDGER_WORD_RECORDS_MAX, &word->count));
    for (size_t i = 0; i < word->count; i++) {
        CAIRN_TRY(read_record(r, &word->records[i]));
        if (i > 0 && cairn_bytes_compare(word->records[i - 1].key, word->records[i].key) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "word.records: keys do not rise");
    }
    return CAIRN_OK;
}

cairn_err cairn_ledger_word_decode(cairn_arena *arena, cairn_bytes encoded,
                                   cairn_ledger_word *ret_word)
{
    cairn_cbor_reader r;
    size_t count = 0;
    if (encoded.size > CAIRN_LEDGER_WORD_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "word: %zu bytes", encoded.size);
    memset(ret_word, 0, sizeof *ret_word);
    CAIRN_TRY(cairn_cbor_open(&r, encoded, CAIRN_CBOR_STRICT, "word", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "word", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "salt", &ret_word->salt));
    CAIRN_TRY(read_records(&r, ret_word));
    return cairn_proof_end_decode(arena, &r, &ret_word->end);
}

typedef struct draft {
    const cairn_ledger_word *word;
    const cairn_bytes *receipts;
    size_t count;
} draft;

static void put_word(cairn_cbor_writer *w, const void *context)
{
    const draft *d = context;
    cairn_cbor_put_array(w, 5);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_hash(w, &d->word->salt);
    cairn_cbor_put_array(w, d->word->count);
    for (size_t i = 0; i < d->word->count; i++) {
        const cairn_ledger_word_record *record = &d->word->records[i];
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_bytes(w, record->key);
        if (record->present)
            cairn_cbor_put_bytes(w, record->value);
        else
            cairn_cbor_put_null(w);
        cairn_cbor_put_bytes(w, record->proof);
    }
    cairn_proof_end_put(w, &d->word->end, d->receipts, d->count);
}

static int by_key(const void *a, const void *b)
{
    const cairn_ledger_word_record *x = a, *y = b;
    return cairn_bytes_compare(x->key, y->key);
}

cairn_err cairn_ledger_word_encode(cairn_arena *arena, cairn_ledger_word *word,
                                   const cairn_bytes *receipts, size_t count,
                                   cairn_bytes *ret_encoded)
{
    cairn_bytes encoded;
    cairn_ledger_word *again = NULL;
    draft d = {.word = word, .receipts = receipts, .count = count};
    if (word->count > CAIRN_LEDGER_WORD_RECORDS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "word.records: %zu", word->count);
    qsort(word->records, word->count, sizeof word->records[0], by_key);
    CAIRN_TRY(cairn_fdo_encode(arena, put_word, &d, &encoded));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &again));
    CAIRN_TRY(cairn_ledger_word_decode(arena, encoded, again));
    *ret_encoded = encoded;
    return CAIRN_OK;
}

/* --- the records as a state --- */

/* What is absent by proof is NOT_FOUND; what is not in the word cannot be told. */
static cairn_err get(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                     cairn_bytes *ret_value)
{
    const cairn_ledger_word *word = context;
    (void)arena;
    for (size_t i = 0; map == CAIRN_MAP_STATE && i < word->count; i++) {
        if (!cairn_bytes_equal(word->records[i].key, key))
            continue;
        if (!word->records[i].present)
            return CAIRN_ERR_NOT_FOUND;
        *ret_value = word->records[i].value;
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "word.records: one that is needed is not there");
}

static cairn_state_source state_of(const cairn_ledger_word *word)
{
    return (cairn_state_source){.context = (void *)(uintptr_t)word, .get = get};
}

/* --- checks --- */

/* [X1353-R19] each by its own proof */
static cairn_err check_proofs(const cairn_ledger_word *word)
{
    const cairn_hash *root = &word->end.block_entry.state_root;
    for (size_t i = 0; i < word->count; i++) {
        const cairn_ledger_word_record *record = &word->records[i];
        CAIRN_TRY(record->present ? cairn_ics23_verify_exist(&cairn_ics23_smt, root, record->key,
                                                             record->value, record->proof)
                                  : cairn_ics23_verify_absent(&cairn_ics23_smt, root, record->key,
                                                              record->proof));
    }
    return CAIRN_OK;
}

static void anchor_key(const cairn_fdo_nonce *setup, cairn_state_key *ret_key)
{
    cairn_hash commitment;
    cairn_sha256_of(setup->b, sizeof setup->b, &commitment);
    cairn_state_key_make(ret_key, "anchor/", cairn_bytes_hash(&commitment));
}

/* [X1353-R21] */
static cairn_err check_anchor(cairn_arena *arena, const cairn_ledger_word *word,
                              const cairn_fdo_nonce *setup)
{
    cairn_state_source state = state_of(word);
    cairn_state_key key;
    cairn_bytes value;
    anchor_key(setup, &key);
    cairn_err err =
        cairn_state_get(&state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "word: the block is from before this run");
    return err;
}

static cairn_err check_fresh(cairn_arena *arena, const cairn_ledger_word *word,
                             const cairn_ledger_word_facts *facts)
{
    uint64_t block_ms = word->end.block_entry.time_ms;
    if (facts->setup == NULL && facts->time_ms == 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "word: neither clock nor nonce");
    if (facts->setup != NULL)
        CAIRN_TRY(check_anchor(arena, word, facts->setup));
    if (facts->time_ms == 0)
        return CAIRN_OK;
    if (block_ms > facts->time_ms && block_ms - facts->time_ms > facts->age_max_ms)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, clause, "word: its block is of the future");
    if (facts->time_ms > block_ms && facts->time_ms - block_ms > facts->age_max_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause,
                          "word: its block is %llu ms old", /* [X1353-R20] */
                          (unsigned long long)(facts->time_ms - block_ms));
    return CAIRN_OK;
}

/* The owner on record is the one that proved itself. */
static cairn_err check_owner(const cairn_device *device, const cairn_contract *contract,
                             cairn_bytes owner_key)
{
    cairn_hash key;
    cairn_device_owner_key(owner_key, &key);
    if (!cairn_hash_equal(&key, &device->owner_key))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "word.device: another key owns it on the ledger");
    if (cairn_hash_equal(&device->owner, &none))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "word.device: nobody has claimed it");
    if (contract == NULL)
        return CAIRN_OK;
    if (!cairn_hash_equal(&contract->provider, &device->owner) ||
        !cairn_hash_equal(&contract->batch, &key)) /* [X1353-R17] */
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "word.contract: not of this owner and batch");
    return CAIRN_OK;
}

cairn_err cairn_ledger_word_verify(cairn_arena *arena, const cairn_ledger_word *word,
                                   const cairn_trust *trust, const cairn_ledger_word_facts *facts,
                                   cairn_ledger_word_verdict *ret_verdict)
{
    cairn_state_source state = state_of(word);
    uint64_t now_ms = facts->time_ms != 0 ? facts->time_ms : word->end.block_entry.time_ms;
    cairn_vouching vouching;
    cairn_hash index;
    cairn_ledger_word_verdict verdict = {.height = word->end.block_entry.height,
                                         .time_ms = word->end.block_entry.time_ms};
    CAIRN_TRY(check_proofs(word));
    CAIRN_TRY(cairn_verify_proof_end(arena, &word->end, trust, now_ms, &vouching));
    CAIRN_TRY(check_fresh(arena, word, facts));
    cairn_device_index(&word->salt, &facts->guid, &index);
    cairn_err err = cairn_onboard_check(&state, arena, &index, now_ms, &verdict.device);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "word.device: not on the ledger, or one of its parties");
    CAIRN_TRY(err);
    verdict.has_contract = !cairn_hash_equal(&verdict.device.contract, &none);
    if (verdict.has_contract)
        CAIRN_TRY(cairn_contract_get(&state, arena, &verdict.device.contract, &verdict.contract));
    CAIRN_TRY(check_owner(&verdict.device, verdict.has_contract ? &verdict.contract : NULL,
                          facts->owner_key));
    *ret_verdict = verdict;
    return CAIRN_OK;
}

cairn_err cairn_ledger_word_key(cairn_arena *arena, const cairn_ledger_word *word,
                                const cairn_hash *org, const cairn_hash *kid, cairn_key **ret_key)
{
    cairn_state_source state = state_of(word);
    uint64_t height = word->end.block_entry.height;
    cairn_key_record record;
    cairn_err err = cairn_registry_key(&state, arena, kid, &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "word.key: not registered");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&record.org, org))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "word.key: another organisation's");
    if (record.purpose != CAIRN_PURPOSE_SIGN)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, clause, "word.key: is for %s",
                          cairn_purpose_name(record.purpose));
    if (height < record.since || height >= record.until || height >= record.suspect_since)
        return CAIRN_FAIL(CAIRN_ERR_TX_REVOKED_SIGNER, clause, "word.key: not valid at height %llu",
                          (unsigned long long)height);
    return cairn_key_from_cose(record.cose_key, ret_key);
}

/* --- which records a word needs --- */

typedef struct key_list {
    cairn_state_key *keys;
    size_t count;
} key_list;

static bool is_full(const key_list *list)
{
    return list->count == CAIRN_LEDGER_WORD_RECORDS_MAX;
}

static void add_key(key_list *list, const char *prefix, const cairn_hash *name)
{
    cairn_state_key key;
    cairn_state_key_make(&key, prefix, cairn_bytes_hash(name));
    for (size_t i = 0; i < list->count; i++) {
        if (cairn_bytes_equal(cairn_state_key_view(&list->keys[i]), cairn_state_key_view(&key)))
            return;
    }
    CAIRN_ASSERT(!is_full(list));
    list->keys[list->count++] = key;
}

/* The operator's sign keys, the newest first, as far as there is room. */
static cairn_err add_operator(cairn_arena *arena, const cairn_state_source *state,
                              const cairn_hash *operator, key_list * list)
{
    cairn_org_record *org = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &org));
    CAIRN_TRY(cairn_registry_org(state, arena, operator, org));
    add_key(list, "org/", operator);
    for (size_t i = org->kid_count; i > 0 && !is_full(list); i--) {
        cairn_key_record record;
        CAIRN_TRY(cairn_registry_key(state, arena, &org->kids[i - 1], &record));
        if (record.purpose == CAIRN_PURPOSE_SIGN && record.until == CAIRN_HEIGHT_OPEN)
            add_key(list, "key/", &org->kids[i - 1]);
    }
    return CAIRN_OK;
}

cairn_err cairn_ledger_word_keys(cairn_arena *arena, const cairn_state_source *state,
                                 const cairn_hash *index, const cairn_fdo_nonce *setup,
                                 cairn_state_key ret_keys[CAIRN_LEDGER_WORD_RECORDS_MAX],
                                 size_t *ret_count)
{
    key_list list = {.keys = ret_keys};
    cairn_device device;
    cairn_contract contract;
    CAIRN_TRY(cairn_device_get(state, arena, index, &device));
    add_key(&list, "device/", index);
    add_key(&list, "org/", &device.manufacturer);
    if (setup != NULL)
        anchor_key(setup, &ret_keys[list.count++]);
    if (!cairn_hash_equal(&device.owner, &none))
        add_key(&list, "org/", &device.owner);
    if (!cairn_hash_equal(&device.contract, &none)) {
        CAIRN_TRY(cairn_contract_get(state, arena, &device.contract, &contract));
        add_key(&list, "contract/", &device.contract);
        add_key(&list, "org/", &contract.provider);
        CAIRN_TRY(add_operator(arena, state, &contract.operator, & list));
    }
    *ret_count = list.count;
    return CAIRN_OK;
}
