/* Roots that came one after the other, all of one name, as RFC 4210 section 4.4 has it. Each is
 * certified by the one before it, and the issuing keys by each that has not ended: what they issue
 * leads to all of them, and nobody need have the new one on a day. Two ways, because verifiers
 * differ: OpenSSL takes the first issuer that fits, and Go counts a root that another certified
 * against the path length. */
#include <stdio.h>

#include "cairn/cbor.h"
#include "identity/ca/ca_impl.h"

static const char clause[] = "docs/formats/ca.md";

enum { ROW_SIZE_MAX = 128, NUMBERS_SIZE = 9 };

/* --- names --- */

bool cairn_ca_root_list_find(cairn_bytes text, uint32_t *ret_partition)
{
    for (uint32_t i = 0; i < CAIRN_CA_ROOTS_MAX; i++) {
        char name[16] = "root";
        if (i > 0)
            (void)snprintf(name, sizeof name, "root-%u", i + 1);
        if (cairn_bytes_equal(text, cairn_bytes_str(name))) {
            *ret_partition = CAIRN_CA_PARTITION_ROOT - i;
            return true;
        }
    }
    return false;
}

void cairn_ca_next_root_key(const cairn_ca *ca, char ret_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1])
{
    (void)snprintf(ret_name, CAIRN_SIGNER_NAME_SIZE_MAX + 1, "%.32s-%zu", ca->options.root_key,
                   ca_root_count(ca) + 1);
}

/* --- rows: a root behind the first, and what one has given to an issuing key --- */

static cairn_bytes root_row_key(size_t number, uint8_t out[NUMBERS_SIZE])
{
    out[0] = 'r';
    cairn_put_u32(out + 1, (uint32_t)number);
    return cairn_bytes_of(out, 5);
}

static cairn_bytes cross_row_key(size_t root, size_t generation, uint8_t out[NUMBERS_SIZE])
{
    out[0] = 'x';
    cairn_put_u32(out + 1, (uint32_t)root);
    cairn_put_u32(out + 5, (uint32_t)generation);
    return cairn_bytes_of(out, NUMBERS_SIZE);
}

static cairn_err put_root(cairn_kv_txn *txn, size_t number, const ca_party *root, cairn_bytes cross)
{
    uint8_t key[NUMBERS_SIZE];
    uint8_t buffer[ROW_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes value = {0};
    cairn_cbor_writer_init(&w, buffer, sizeof buffer);
    cairn_cbor_put_array(&w, 3);
    cairn_cbor_put_text(&w, root->key_name);
    cairn_cbor_put_bytes(&w, ca_serial_view(root->serial));
    cairn_cbor_put_bytes(&w, cross);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    return cairn_kv_put(txn, CA_META, root_row_key(number, key), value);
}

static cairn_err put_cross(cairn_kv_txn *txn, size_t root, size_t generation, const uint8_t *serial)
{
    uint8_t key[NUMBERS_SIZE];
    return cairn_kv_put(txn, CA_META, cross_row_key(root, generation, key), ca_serial_view(serial));
}

typedef struct root_row {
    char key_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_bytes serial, cross; /* of its own certificate, of that by the root before; or empty */
} root_row;

/* NOT_FOUND without a detail behind the last. Views into the transaction. */
static cairn_err get_root(cairn_kv_txn *txn, size_t number, root_row *ret_row)
{
    uint8_t key[NUMBERS_SIZE];
    root_row out = {.key_name = ""};
    cairn_bytes value = {0};
    cairn_bytes name = {0};
    cairn_cbor_reader r;
    size_t three = 0;
    CAIRN_TRY(cairn_kv_get(txn, CA_META, root_row_key(number, key), &value));
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "ca", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "root", 3, 3, &three));
    CAIRN_TRY(cairn_cbor_read_text(&r, "key", 1, sizeof out.key_name - 1, &name));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "serial", CAIRN_CA_SERIAL_SIZE, CAIRN_CA_SERIAL_SIZE,
                                    &out.serial));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "cross", 0, CAIRN_CA_SERIAL_SIZE, &out.cross));
    CAIRN_TRY(cairn_cbor_end(&r));
    memcpy(out.key_name, name.data, name.size);
    *ret_row = out;
    return CAIRN_OK;
}

/* --- loading --- */

/* Another certificate of a party's key. */
static cairn_err load_cross(cairn_ca *ca, cairn_kv_txn *txn, cairn_bytes serial, const ca_party *of,
                            cairn_arena *arena, ca_cross *cross)
{
    ca_party party = *of;
    CAIRN_TRY(cairn_ca_load_party(ca, txn, serial, true, arena, &party));
    *cross = (ca_cross){.certificate = party.certificate, .not_after_s = party.not_after_s};
    return CAIRN_OK;
}

cairn_err cairn_ca_load_by_older(cairn_ca *ca, cairn_kv_txn *txn, size_t number, size_t root_count,
                                 cairn_arena *arena, ca_generation *generation)
{
    uint8_t key[NUMBERS_SIZE];
    for (size_t i = 0; i + 1 < root_count; i++) {
        cairn_bytes serial = {0};
        cairn_err err = cairn_kv_get(txn, CA_META, cross_row_key(i, number, key), &serial);
        if (err == CAIRN_OK)
            err =
                load_cross(ca, txn, serial, &generation->issuing, arena, &generation->by_older[i]);
        if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
            return err;
    }
    return CAIRN_OK;
}

static cairn_err open_root(cairn_ca *ca, size_t number, const char *key_name, ca_party *root)
{
    root->list = CAIRN_CA_PARTITION_ROOT - (uint32_t)number;
    return cairn_ca_open_party(ca, key_name, CA_ROOT_NAME, false, root);
}

/* Into its place, which nobody looks at before it is counted. */
static cairn_err load_root(cairn_ca *ca, cairn_kv_txn *txn, size_t number, const root_row *r,
                           cairn_arena *arena)
{
    ca_party root = {.key = NULL};
    cairn_err err = open_root(ca, number, r->key_name, &root);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "ca: the signer does not have %s yet",
                          r->key_name);
    if (err == CAIRN_OK)
        err = cairn_ca_load_party(ca, txn, r->serial, true, arena, &root);
    if (err == CAIRN_OK && r->cross.size > 0)
        err = load_cross(ca, txn, r->cross, &root, arena, &ca->crosses[number]);
    if (err != CAIRN_OK) {
        cairn_key_free(root.key);
        return err;
    }
    cairn_key_free(ca->roots[number].key); /* of a time when this failed further on */
    ca->roots[number] = root;
    return CAIRN_OK;
}

/* Roots and what they certify are seen at once. */
static void use(cairn_ca *ca, size_t root_count, const ca_generation *fresh, size_t count)
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    for (size_t i = 0; i < count; i++)
        cairn_ca_use_generation(&ca->generations[i], &fresh[i]);
    __atomic_store_n(&ca->root_count, root_count, __ATOMIC_RELEASE);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
}

static cairn_err load_new_roots(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena,
                                size_t *ret_count)
{
    size_t count = ca_root_count(ca);
    for (; count < CAIRN_CA_ROOTS_MAX; count++) {
        root_row r;
        cairn_err err = get_root(txn, count, &r);
        if (err == CAIRN_ERR_NOT_FOUND)
            break;
        CAIRN_TRY(err);
        CAIRN_TRY(load_root(ca, txn, count, &r, arena));
    }
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_ca_load_roots(cairn_ca *ca, cairn_kv_txn *txn, cairn_arena *arena)
{
    ca_generation fresh[CA_GENERATIONS_MAX];
    size_t count = ca_generation_count(ca);
    size_t root_count = 0;
    CAIRN_TRY(load_new_roots(ca, txn, arena, &root_count));
    if (root_count == ca_root_count(ca))
        return CAIRN_OK;
    for (size_t i = 0; i < count; i++) {
        fresh[i] = ca->generations[i];
        CAIRN_TRY(cairn_ca_load_certificates(ca, txn, i, root_count, arena, &fresh[i]));
    }
    use(ca, root_count, fresh, count);
    return CAIRN_OK;
}

/* --- certifying --- */

cairn_err cairn_ca_certify_by_older(cairn_ca *ca, cairn_kv_txn *txn, size_t number,
                                    cairn_arena *arena, ca_generation *generation)
{
    char name[CA_COMMON_NAME_SIZE];
    for (size_t i = 0; i + 1 < ca_root_count(ca); i++) {
        ca_party party = generation->issuing;
        if (ca->roots[i].not_after_s <= ca_now(ca))
            continue;
        CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ISSUING, cairn_ca_issuing_name(number, name),
                                   &ca->roots[i], arena, &party));
        CAIRN_TRY(put_cross(txn, i, number, party.serial));
        generation->by_older[i] =
            (ca_cross){.certificate = party.certificate, .not_after_s = party.not_after_s};
    }
    return CAIRN_OK;
}

/* An issuing key that has ended stays as it is; an earlier one ends when it would have, for what it
 * has issued does. */
static cairn_err certify_anew(cairn_ca *ca, cairn_kv_txn *txn, const ca_party *root, size_t number,
                              cairn_arena *arena, ca_generation *g)
{
    const cairn_ca_profile_row *row = cairn_ca_profile_of(CAIRN_CA_ISSUING);
    uint64_t now_s = ca_now(ca);
    bool current = number + 1 == ca_generation_count(ca);
    char name[CA_COMMON_NAME_SIZE];
    cairn_ca_issued issued;
    if (!current && g->issuing.not_after_s <= now_s)
        return CAIRN_OK;
    const ca_order order = {.row = row,
                            .by = root,
                            .key = g->issuing.key,
                            .common_name = cairn_bytes_str(cairn_ca_issuing_name(number, name)),
                            .validity_s = current ? row->validity_s
                                                  : (uint32_t)(g->issuing.not_after_s - now_s)};
    size_t before = ca_root_count(ca) - 1;
    CAIRN_TRY(put_cross(txn, before, number, g->issuing.serial));
    g->by_older[before] =
        (ca_cross){.certificate = g->issuing.certificate, .not_after_s = g->issuing.not_after_s};
    CAIRN_TRY(cairn_ca_make(ca, txn, &order, arena, &issued));
    CAIRN_TRY(cairn_arena_copy(&ca->keep, issued.certificate, &g->issuing.certificate));
    memcpy(g->issuing.serial, issued.serial, sizeof issued.serial);
    g->issuing.not_after_s = issued.not_after_s;
    return cairn_ca_put_generation(txn, number, g);
}

/* The root's key by the root before it, as long as that lives. */
static cairn_err certify_by_previous(cairn_ca *ca, cairn_kv_txn *txn, const ca_party *root,
                                     cairn_arena *arena, ca_cross *cross, cairn_bytes *ret_serial)
{
    ca_party party = *root;
    *cross = (ca_cross){.not_after_s = 0};
    *ret_serial = (cairn_bytes){0};
    if (ca_root(ca)->not_after_s <= ca_now(ca))
        return CAIRN_OK;
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ROOT, CA_ROOT_NAME, ca_root(ca), arena, &party));
    *cross = (ca_cross){.certificate = party.certificate, .not_after_s = party.not_after_s};
    return cairn_arena_copy(arena, ca_serial_view(party.serial), ret_serial);
}

static cairn_err make_root(cairn_ca *ca, cairn_kv_txn *txn, size_t number, cairn_arena *arena,
                           ca_party *root, ca_generation *fresh)
{
    cairn_bytes cross = {0};
    CAIRN_TRY(cairn_ca_certify(ca, txn, CAIRN_CA_ROOT, CA_ROOT_NAME, NULL, arena, root));
    CAIRN_TRY(certify_by_previous(ca, txn, root, arena, &ca->crosses[number], &cross));
    CAIRN_TRY(put_root(txn, number, root, cross));
    for (size_t i = 0; i < ca_generation_count(ca); i++) {
        fresh[i] = ca->generations[i];
        CAIRN_TRY(certify_anew(ca, txn, root, i, arena, &fresh[i]));
    }
    return CAIRN_OK;
}

static cairn_err make_next(cairn_ca *ca, cairn_kv_txn *txn, const char *key_name, ca_party *root,
                           ca_generation *fresh)
{
    cairn_arena arena;
    size_t number = ca_root_count(ca);
    if (number == CAIRN_CA_ROOTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "ca: has had %d roots", CAIRN_CA_ROOTS_MAX);
    CAIRN_TRY(open_root(ca, number, key_name, root));
    for (size_t i = 0; i < number; i++)
        if (cairn_hash_equal(cairn_key_id(root->key), cairn_key_id(ca->roots[i].key)))
            return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "ca: %s is a root's already", key_name);
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    ca->making_root = root;
    cairn_err err = make_root(ca, txn, number, &arena, root, fresh);
    ca->making_root = NULL;
    cairn_arena_done(&arena);
    return err;
}

static cairn_err roll_over(cairn_ca *ca, const char *key_name)
{
    ca_generation fresh[CA_GENERATIONS_MAX];
    ca_party root = {.key = NULL};
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_ca_begin(ca, &txn));
    cairn_err err = make_next(ca, txn, key_name, &root, fresh);
    if (err == CAIRN_OK)
        err = cairn_kv_commit(txn);
    else
        cairn_kv_abort(txn);
    if (err != CAIRN_OK) {
        cairn_key_free(root.key);
        return err;
    }
    size_t number = ca_root_count(ca);
    cairn_key_free(ca->roots[number].key); /* of a time when following failed */
    ca->roots[number] = root;
    use(ca, number + 1, fresh, ca_generation_count(ca));
    return CAIRN_OK;
}

cairn_err cairn_ca_rollover_root(cairn_ca *ca, const char *key_name)
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->lock) == 0);
    cairn_err err = roll_over(ca, key_name);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->lock) == 0);
    return err;
}

/* --- what leads to whom --- */

static size_t add(cairn_bytes certificate, uint64_t not_after_s, uint64_t now_s, cairn_bytes *out,
                  size_t count)
{
    if (not_after_s <= now_s)
        return count;
    out[count] = certificate;
    return count + 1;
}

static size_t add_cross(const ca_cross *cross, uint64_t now_s, cairn_bytes *out, size_t count)
{
    return add(cross->certificate, cross->not_after_s, now_s, out, count);
}

/* The issuing one, though it has ended, and root by root to the first. */
static size_t add_way(const cairn_ca *ca, const ca_generation *g, uint64_t now_s, cairn_bytes *out)
{
    size_t count = 0;
    out[count++] = g->issuing.certificate;
    for (size_t i = ca_root_count(ca) - 1; i > 0 && ca->crosses[i].not_after_s > now_s; i--)
        out[count++] = ca->crosses[i].certificate;
    return count;
}

size_t cairn_ca_leading(const cairn_ca *ca, const ca_generation *g, uint64_t now_s,
                        cairn_bytes *ret_certificates)
{
    size_t count = add_way(ca, g, now_s, ret_certificates);
    for (size_t i = ca_root_count(ca) - 1; i > 0; i--)
        count = add_cross(&g->by_older[i - 1], now_s, ret_certificates, count);
    return count;
}

/* Under `answer_lock`. */
static size_t add_all(const cairn_ca *ca, uint64_t now_s, cairn_bytes *out)
{
    const ca_generation *generations = ca->generations;
    size_t generation_count = ca_generation_count(ca);
    size_t count = add_way(ca, ca_current(ca), now_s, out);
    out[count++] = ca_root(ca)->certificate;
    for (size_t i = generation_count - 1; i > 0; i--)
        count = add(generations[i - 1].issuing.certificate, generations[i - 1].issuing.not_after_s,
                    now_s, out, count);
    for (size_t root = ca_root_count(ca) - 1; root > 0; root--) {
        const ca_party *older = &ca->roots[root - 1];
        count = add(older->certificate, older->not_after_s, now_s, out, count);
        for (size_t i = generation_count; i > 0; i--)
            count = add_cross(&generations[i - 1].by_older[root - 1], now_s, out, count);
    }
    return count;
}

size_t cairn_ca_all(cairn_ca *ca, cairn_bytes ret_certificates[CAIRN_CA_ALL_MAX])
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    size_t count = add_all(ca, ca_now(ca), ret_certificates);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
    return count;
}
