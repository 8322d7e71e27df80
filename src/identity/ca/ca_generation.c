/* The CA's own certificates: made, loaded, renewed; and the issuing keys that came one after the
 * other, each with what speaks for what it issued. */
#include <stdio.h>

#include "cairn/cbor.h"
#include "identity/ca/ca_impl.h"

static const char clause[] = "docs/formats/ca.md";

enum { ROW_SIZE_MAX = 256 };

/* --- parties --- */

static cairn_err find_key(cairn_ca *ca, const char *name, bool make, cairn_key **ret_key)
{
    cairn_err err = cairn_signer_public(ca->signer, name, ret_key);
    if (err == CAIRN_ERR_NOT_FOUND && make)
        return cairn_signer_generate(ca->signer, name, CAIRN_KEY_P256, ret_key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ca: the signer has no key %s", name);
    return err;
}

cairn_err cairn_ca_open_party(cairn_ca *ca, const char *key_name, const char *common_name,
                              bool make, ca_party *party)
{
    const cairn_ca_subject subject = {.organisation =
                                          cairn_bytes_str(ca->options.organisation_name),
                                      .common_name = cairn_bytes_str(common_name)};
    if (strlen(key_name) >= sizeof party->key_name)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "ca: name of a key");
    memmove(party->key_name, key_name, strlen(key_name) + 1);
    CAIRN_TRY(find_key(ca, key_name, make, &party->key));
    return cairn_ca_subject_encode(&subject, &ca->keep, &party->name);
}

cairn_err cairn_ca_certify(cairn_ca *ca, cairn_kv_txn *txn, cairn_ca_profile profile,
                           const char *common_name, const ca_party *by, cairn_arena *arena,
                           ca_party *party)
{
    const cairn_ca_profile_row *row = cairn_ca_profile_of(profile);
    const ca_order order = {.row = row,
                            .by = by,
                            .self = party,
                            .key = party->key,
                            .common_name = cairn_bytes_str(common_name),
                            .validity_s = row->validity_s};
    cairn_ca_issued issued;
    CAIRN_TRY(cairn_ca_make(ca, txn, &order, arena, &issued));
    CAIRN_TRY(cairn_arena_copy(&ca->keep, issued.certificate, &party->certificate));
    memcpy(party->serial, issued.serial, sizeof party->serial);
    party->not_after_s = issued.not_after_s;
    return CAIRN_OK;
}

cairn_err cairn_ca_load_party(cairn_ca *ca, cairn_kv_txn *txn, cairn_bytes serial, bool strict,
                              cairn_arena *arena, ca_party *party)
{
    cairn_bytes der = {0};
    cairn_ca_record record;
    if (serial.size != sizeof party->serial)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "ca: serial of its own certificate");
    memcpy(party->serial, serial.data, sizeof party->serial);
    CAIRN_TRY(cairn_ca_load(txn, party->serial, arena, &record));
    CAIRN_TRY(cairn_kv_get(txn, CA_DER, ca_serial_view(party->serial), &der));
    if (strict && !cairn_hash_equal(&record.kid, cairn_key_id(party->key)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house",
                          "ca: the signer's key %s is not that of the certificate",
                          party->key_name);
    party->not_after_s = record.not_after_s;
    return cairn_arena_copy(&ca->keep, der, &party->certificate);
}

/* --- rows: the first generation has two of its own, a later one has one --- */

static cairn_bytes row_key(size_t number, uint8_t out[5])
{
    out[0] = 'g';
    cairn_put_u32(out + 1, (uint32_t)number);
    return cairn_bytes_of(out, 5);
}

typedef struct row {
    char key_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1]; /* of a later one */
    cairn_bytes issuing, responder;                /* serials */
    uint32_t first_partition;
} row;

static cairn_err put_first(cairn_kv_txn *txn, const ca_generation *g)
{
    CAIRN_TRY(
        cairn_kv_put(txn, CA_META, cairn_bytes_str("issuing"), ca_serial_view(g->issuing.serial)));
    return cairn_kv_put(txn, CA_META, cairn_bytes_str("ocsp-responder"),
                        ca_serial_view(g->responder.serial));
}

cairn_err cairn_ca_put_generation(cairn_kv_txn *txn, size_t number, const ca_generation *generation)
{
    uint8_t key[5];
    uint8_t buffer[ROW_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes value = {0};
    if (number == 0)
        return put_first(txn, generation);
    cairn_cbor_writer_init(&w, buffer, sizeof buffer);
    cairn_cbor_put_array(&w, 4);
    cairn_cbor_put_text(&w, generation->issuing.key_name);
    cairn_cbor_put_bytes(&w, ca_serial_view(generation->issuing.serial));
    cairn_cbor_put_bytes(&w, ca_serial_view(generation->responder.serial));
    cairn_cbor_put_uint(&w, generation->first_partition);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    return cairn_kv_put(txn, CA_META, row_key(number, key), value);
}

static cairn_err get_first(cairn_kv_txn *txn, row *r)
{
    CAIRN_TRY(cairn_kv_get(txn, CA_META, cairn_bytes_str("issuing"), &r->issuing));
    return cairn_kv_get(txn, CA_META, cairn_bytes_str("ocsp-responder"), &r->responder);
}

/* NOT_FOUND without a detail behind the last. Views into the transaction. */
static cairn_err get_row(cairn_kv_txn *txn, size_t number, row *r)
{
    uint8_t key[5];
    cairn_bytes value = {0};
    cairn_bytes name = {0};
    cairn_cbor_reader reader;
    size_t four = 0;
    uint64_t partition = 0;
    *r = (row){.key_name = ""};
    if (number == 0)
        return get_first(txn, r);
    CAIRN_TRY(cairn_kv_get(txn, CA_META, row_key(number, key), &value));
    CAIRN_TRY(cairn_cbor_open(&reader, value, CAIRN_CBOR_STRICT, "ca", clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "generation", 4, 4, &four));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "key", 1, sizeof r->key_name - 1, &name));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "issuing", CAIRN_CA_SERIAL_SIZE, CAIRN_CA_SERIAL_SIZE,
                                    &r->issuing));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "responder", CAIRN_CA_SERIAL_SIZE,
                                    CAIRN_CA_SERIAL_SIZE, &r->responder));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "partition", 1, UINT32_MAX - 1, &partition));
    memcpy(r->key_name, name.data, name.size);
    r->first_partition = (uint32_t)partition;
    return cairn_cbor_end(&reader);
}

/* --- generations --- */

const char *cairn_ca_issuing_name(size_t number, char out[CA_COMMON_NAME_SIZE])
{
    (void)snprintf(out, CA_COMMON_NAME_SIZE, number == 0 ? "Issuing CA" : "Issuing CA %zu",
                   number + 1);
    return out;
}

/* A later one's parties, as far as keys and names go. */
static cairn_err begin_generation(cairn_ca *ca, size_t number, const char *key_name,
                                  ca_generation *g)
{
    char name[CA_COMMON_NAME_SIZE];
    const ca_party *responder = &ca->generations[0].responder;
    CAIRN_TRY(
        cairn_ca_open_party(ca, key_name, cairn_ca_issuing_name(number, name), false, &g->issuing));
    g->responder = *responder;
    g->responder.key = cairn_key_ref(responder->key);
    return cairn_ca_ocsp_issuer_make(g->issuing.name, g->issuing.key, &g->issuer);
}

static void end_generation(ca_generation *g)
{
    cairn_key_free(g->issuing.key);
    cairn_key_free(g->responder.key);
}

static cairn_err load_certificates(cairn_ca *ca, cairn_kv_txn *txn, size_t number, const row *r,
                                   size_t root_count, cairn_arena *arena, ca_generation *g)
{
    CAIRN_TRY(cairn_ca_load_party(ca, txn, r->issuing, true, arena, &g->issuing));
    CAIRN_TRY(cairn_ca_load_party(ca, txn, r->responder, false, arena, &g->responder));
    return cairn_ca_load_by_older(ca, txn, number, root_count, arena, g);
}

cairn_err cairn_ca_load_certificates(cairn_ca *ca, cairn_kv_txn *txn, size_t number,
                                     size_t root_count, cairn_arena *arena,
                                     ca_generation *generation)
{
    row r;
    CAIRN_TRY(get_row(txn, number, &r));
    return load_certificates(ca, txn, number, &r, root_count, arena, generation);
}

static cairn_err load_generation(cairn_ca *ca, cairn_kv_txn *txn, size_t number, const row *r,
                                 cairn_arena *arena, ca_generation *g)
{
    g->first_partition = r->first_partition;
    if (number > 0) {
        cairn_err err = begin_generation(ca, number, r->key_name, g);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "ca: the signer does not have %s yet",
                              r->key_name);
        CAIRN_TRY(err);
    }
    return load_certificates(ca, txn, number, r, ca_root_count(ca), arena, g);
}

/* The first one's keys are open. */
static cairn_err load_one(cairn_ca *ca, cairn_kv_txn *txn, size_t number, const row *r,
                          cairn_arena *arena)
{
    ca_generation g = number == 0 ? ca->generations[0] : (ca_generation){.first_partition = 0};
    cairn_err err = load_generation(ca, txn, number, r, arena, &g);
    if (err != CAIRN_OK) {
        if (number > 0)
            end_generation(&g);
        return err;
    }
    ca->generations[number] = g;
    __atomic_store_n(&ca->generation_count, number + 1, __ATOMIC_RELEASE);
    return CAIRN_OK;
}

cairn_err cairn_ca_load_generations(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena)
{
    CAIRN_TRY(cairn_ca_load_roots(ca, txn, arena));
    for (size_t i = ca_generation_count(ca); i < CA_GENERATIONS_MAX; i++) {
        row r;
        cairn_err err = get_row(txn, i, &r);
        if (err == CAIRN_ERR_NOT_FOUND && i > 0)
            return CAIRN_OK;
        CAIRN_TRY(err);
        CAIRN_TRY(load_one(ca, txn, i, &r, arena));
    }
    return CAIRN_OK;
}

cairn_err cairn_ca_follow(cairn_ca *ca)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = cairn_ca_load_generations(ca, txn, &arena);
    cairn_arena_done(&arena);
    cairn_kv_abort(txn);
    return err;
}

cairn_err cairn_ca_begin(cairn_ca *ca, cairn_kv_txn **ret_txn)
{
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(ca->kv, true, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = cairn_ca_load_generations(ca, txn, &arena);
    cairn_arena_done(&arena);
    if (err != CAIRN_OK) {
        cairn_kv_abort(txn);
        return err;
    }
    *ret_txn = txn;
    return CAIRN_OK;
}

/* --- renewal: the same key, another certificate --- */

static void use_party(ca_party *party, const ca_party *fresh)
{
    party->certificate = fresh->certificate; /* name and key stay, and are read unlocked */
    memcpy(party->serial, fresh->serial, sizeof fresh->serial);
    party->not_after_s = fresh->not_after_s;
}

void cairn_ca_use_generation(ca_generation *generation, const ca_generation *fresh)
{
    use_party(&generation->issuing, &fresh->issuing);
    use_party(&generation->responder, &fresh->responder);
    memcpy(generation->by_older, fresh->by_older, sizeof fresh->by_older);
}

cairn_err cairn_ca_renew_party(cairn_ca *ca, size_t generation, cairn_ca_profile profile)
{
    char name[CA_COMMON_NAME_SIZE];
    cairn_arena arena;
    cairn_kv_txn *txn = NULL;
    bool issuing = profile == CAIRN_CA_ISSUING;
    ca_generation *g = &ca->generations[generation];
    ca_generation fresh = *g;
    ca_party *party = issuing ? &fresh.issuing : &fresh.responder;
    CAIRN_TRY(cairn_ca_begin(ca, &txn));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = cairn_ca_certify(
        ca, txn, profile, issuing ? cairn_ca_issuing_name(generation, name) : "OCSP Responder",
        issuing ? ca_root(ca) : &g->issuing, &arena, party);
    if (err == CAIRN_OK && issuing)
        err = cairn_ca_certify_by_older(ca, txn, generation, &arena, &fresh);
    if (err == CAIRN_OK)
        err = cairn_ca_put_generation(txn, generation, &fresh);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    cairn_arena_done(&arena);
    CAIRN_TRY(err);
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    cairn_ca_use_generation(g, &fresh);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
    return CAIRN_OK;
}

/* --- rollover: another key --- */

/* Partitions are one issuer's each: what the next one issues begins another. */
static cairn_err begin_partition(cairn_ca *ca, cairn_kv_txn *txn, uint32_t *ret_partition)
{
    const cairn_bytes counter = cairn_bytes_str("issued");
    uint64_t issued = 0;
    CAIRN_TRY(cairn_ca_get_number(txn, counter, &issued));
    uint64_t partition = (issued + ca->options.partition_size - 1) / ca->options.partition_size;
    if (partition > UINT32_MAX || cairn_ca_is_root_list((uint32_t)partition))
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "ca: no partition is left");
    *ret_partition = (uint32_t)partition;
    return cairn_ca_put_number(txn, counter, partition * ca->options.partition_size);
}

static cairn_err make_generation(cairn_ca *ca, cairn_kv_txn *txn, size_t number, cairn_arena *arena,
                                 ca_generation *g)
{
    char name[CA_COMMON_NAME_SIZE];
    CAIRN_TRY(begin_partition(ca, txn, &g->first_partition));
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ISSUING, cairn_ca_issuing_name(number, name),
                               ca_root(ca), arena, &g->issuing));
    CAIRN_TRY(cairn_ca_certify_by_older(ca, txn, number, arena, g));
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_OCSP_RESPONDER, "OCSP Responder", &g->issuing,
                               arena, &g->responder));
    return cairn_ca_put_generation(txn, number, g);
}

/* Under a number that nobody else has taken: the transaction was begun before it was looked for. */
static cairn_err make_next(cairn_ca *ca, cairn_kv_txn *txn, const char *key_name, ca_generation *g)
{
    cairn_arena arena;
    size_t number = ca_generation_count(ca);
    if (number == CA_GENERATIONS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "ca: has had %d issuing keys",
                          CA_GENERATIONS_MAX);
    CAIRN_TRY(begin_generation(ca, number, key_name, g));
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    ca->making = g;
    cairn_err err = make_generation(ca, txn, number, &arena, g);
    ca->making = NULL;
    cairn_arena_done(&arena);
    return err;
}

static cairn_err roll_over(cairn_ca *ca, const char *key_name)
{
    ca_generation g = {.first_partition = 0};
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_ca_begin(ca, &txn));
    cairn_err err = make_next(ca, txn, key_name, &g);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    if (err != CAIRN_OK) {
        end_generation(&g);
        return err;
    }
    size_t number = ca_generation_count(ca);
    ca->generations[number] = g;
    __atomic_store_n(&ca->generation_count, number + 1, __ATOMIC_RELEASE);
    return CAIRN_OK;
}

cairn_err cairn_ca_rollover(cairn_ca *ca, const char *key_name)
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = roll_over(ca, key_name);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    return err;
}

void cairn_ca_next_key(const cairn_ca *ca, char ret_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1])
{
    (void)snprintf(ret_name, CAIRN_SIGNER_NAME_SIZE_MAX + 1, "%.32s-%zu", ca->options.issuing_key,
                   ca_generation_count(ca) + 1);
}
