/* A small ledger seen from outside: four organisations with keys, a log of some entries, and what
 * they sign about it. For tests and benchmarks of the offline verifier. */
#ifndef CAIRN_TESTS_SUPPORT_VOUCH_H
#define CAIRN_TESTS_SUPPORT_VOUCH_H

#include <stdio.h>
#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/receipt.h"
#include "cairn/sha256.h"
#include "cairn/trust.h"

enum {
    TEST_ORGS = 4,
    TEST_KEYS = 3, /* of an organisation: one that signs, two that cosign */
    TEST_LOG_SIZE = 13,
    TEST_INDEX = 7, /* of the transaction */
    TEST_HEIGHT = 100,
};
#define TEST_TIME_MS UINT64_C(1700000000000)
#define TEST_NOW_MS (TEST_TIME_MS + 1000)

#define TEST_MUST(call)                                                             \
    do {                                                                            \
        if ((call) != CAIRN_OK) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cairn_err_detail()); \
            abort();                                                                \
        }                                                                           \
    } while (0)

typedef struct test_world {
    cairn_arena arena; /* all that the world makes */
    cairn_key *keys[TEST_ORGS][TEST_KEYS];
    uint8_t cose_keys[TEST_ORGS][TEST_KEYS][CAIRN_COSE_KEY_SIZE_MAX];
    cairn_trust_key trust_keys[TEST_ORGS][TEST_KEYS];
    cairn_trust_member members[TEST_ORGS];
    cairn_trust draft; /* to be changed and encoded */
    char origin[71];
    cairn_hash leaves[TEST_LOG_SIZE];
    cairn_bytes manifest;
    cairn_bytes tx;
} test_world;

/* What one receipt says; zeros are the usual. */
typedef struct test_says {
    size_t org;
    size_t key;      /* 0: the first that cosigns; 1: the other one; 2: the one that signs */
    uint64_t height; /* 0: TEST_HEIGHT */
    uint64_t time_ms;
    uint64_t size;           /* 0: TEST_LOG_SIZE */
    const uint64_t *index;   /* NULL: TEST_INDEX */
    const char *origin;      /* NULL: the ledger's */
    const cairn_hash *leaf;  /* NULL: that of the log */
    const cairn_hash *other; /* NULL, or the first leaf of another history */
} test_says;

/* RFC 6962 section 2.1, word for word. */
static inline uint64_t test_split(uint64_t n)
{
    uint64_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

static inline cairn_hash test_mth(const cairn_hash *leaves, uint64_t count)
{
    if (count == 1)
        return leaves[0];
    uint64_t k = test_split(count);
    cairn_hash hash, left = test_mth(leaves, k), right = test_mth(leaves + k, count - k);
    cairn_sha256_node(&left, &right, &hash);
    return hash;
}

static inline size_t test_path(const cairn_hash *leaves, uint64_t count, uint64_t m,
                               cairn_hash *out)
{
    if (count == 1)
        return 0;
    uint64_t k = test_split(count);
    size_t n = m < k ? test_path(leaves, k, m, out) : test_path(leaves + k, count - k, m - k, out);
    out[n] = m < k ? test_mth(leaves + k, count - k) : test_mth(leaves, k);
    return n + 1;
}

static inline void test_world_keys(test_world *w, size_t org)
{
    static const char *const names[] = {"Fleet A", "Authority", "Insurer", "Workshop"};
    for (size_t k = 0; k < TEST_KEYS; k++) {
        uint8_t secret[32] = {1, (uint8_t)org, (uint8_t)k};
        size_t size = 0;
        TEST_MUST(
            cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &w->keys[org][k]));
        TEST_MUST(cairn_key_to_cose(w->keys[org][k], w->cose_keys[org][k], &size));
        w->trust_keys[org][k] = (cairn_trust_key){
            .purpose = k == 2 ? CAIRN_TRUST_SIGN : CAIRN_TRUST_COSIGN,
            .cose_key = cairn_bytes_of(w->cose_keys[org][k], size),
            .until = CAIRN_TRUST_OPEN,
            .suspect = CAIRN_TRUST_OPEN,
        };
    }
    w->members[org] = (cairn_trust_member){
        .name = cairn_bytes_str(names[org]), .key_count = TEST_KEYS, .keys = w->trust_keys[org]};
    cairn_sha256_of(names[org], strlen(names[org]), &w->members[org].org);
}

/* A transaction of organisation 0 that anchors `commitment`. */
static inline cairn_bytes test_world_anchor(test_world *w, const cairn_hash *commitment)
{
    uint8_t body[64];
    cairn_cbor_writer b;
    cairn_bytes tx;
    cairn_tx_draft draft = {.ledger = w->draft.ledger,
                            .kid = *cairn_key_id(w->keys[0][2]),
                            .type = CAIRN_TX_ANCHOR,
                            .valid_until_ms = TEST_TIME_MS};
    cairn_cbor_writer_init(&b, body, sizeof body);
    cairn_cbor_put_map(&b, 1);
    cairn_cbor_put_int(&b, 1);
    cairn_cbor_put_hash(&b, commitment);
    TEST_MUST(cairn_cbor_writer_end(&b, &draft.body));
    TEST_MUST(cairn_tx_sign(&w->arena, &draft, w->keys[0][2], &tx));
    return tx;
}

/* Puts `entry` into the log at TEST_INDEX. */
static inline void test_world_log(test_world *w, cairn_bytes entry)
{
    cairn_merkle_leaf(entry, &w->leaves[TEST_INDEX]);
}

static inline void test_world_init(test_world *w)
{
    memset(w, 0, sizeof *w);
    cairn_arena_init(&w->arena, 64 << 20);
    for (size_t org = 0; org < TEST_ORGS; org++)
        test_world_keys(w, org);
    cairn_sha256_of("ledger", 6, &w->draft.ledger);
    memcpy(w->origin, "cairn/", 6);
    cairn_hex_encode(cairn_bytes_hash(&w->draft.ledger), w->origin + 6);
    w->draft.threshold = 2;
    w->draft.issued_ms = TEST_TIME_MS;
    w->draft.expires_ms = TEST_TIME_MS + 1000000;
    w->draft.member_count = TEST_ORGS;
    w->draft.members = w->members;
    for (size_t i = 0; i < TEST_LOG_SIZE; i++)
        cairn_sha256_of(&i, sizeof i, &w->leaves[i]);
    cairn_hash hashes[2] = {{{1}}, {{2}}}, commitment;
    cairn_manifest manifest = {.hashes = hashes};
    TEST_MUST(cairn_manifest_lay_out(&manifest, 5000));
    TEST_MUST(cairn_manifest_encode(&w->arena, &manifest, &w->manifest));
    cairn_manifest_commitment(w->manifest, &commitment);
    w->tx = test_world_anchor(w, &commitment);
    test_world_log(w, w->tx);
}

static inline void test_world_done(test_world *w)
{
    for (size_t org = 0; org < TEST_ORGS; org++)
        for (size_t k = 0; k < TEST_KEYS; k++)
            cairn_key_free(w->keys[org][k]);
    cairn_arena_done(&w->arena);
}

/* The draft, encoded and decoded in `arena`; the caller frees it. */
static inline cairn_trust test_world_trust(test_world *w, cairn_arena *arena)
{
    cairn_trust trust;
    cairn_bytes encoded;
    TEST_MUST(cairn_trust_encode(arena, &w->draft, &encoded));
    TEST_MUST(cairn_trust_decode(arena, encoded, &trust));
    return trust;
}

static inline cairn_bytes test_world_receipt(test_world *w, test_says says)
{
    cairn_hash leaves[TEST_LOG_SIZE], path[64], root;
    const cairn_key *key = w->keys[says.org][says.key];
    uint64_t index = says.index != NULL ? *says.index : TEST_INDEX;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message, receipt;
    cairn_receipt_head head = {
        .origin = cairn_bytes_str(says.origin != NULL ? says.origin : w->origin),
        .kid = *cairn_key_id(key),
        .height = says.height != 0 ? says.height : TEST_HEIGHT,
        .time_ms = says.time_ms != 0 ? says.time_ms : TEST_TIME_MS,
        .size = says.size != 0 ? says.size : TEST_LOG_SIZE,
    };
    memcpy(leaves, w->leaves, sizeof leaves);
    if (says.leaf != NULL)
        leaves[index] = *says.leaf;
    if (says.other != NULL)
        leaves[0] = *says.other;
    root = test_mth(leaves, head.size);
    size_t count = test_path(leaves, head.size, index, path);
    TEST_MUST(cairn_receipt_to_be_signed(&w->arena, &head, &root, &message));
    TEST_MUST(cairn_key_sign(key, message, signature, &size));
    TEST_MUST(cairn_receipt_assemble(&w->arena, &head, index, path, count,
                                     cairn_bytes_of(signature, size), &receipt));
    return receipt;
}

static inline cairn_bytes test_world_file(test_world *w, const cairn_bytes *receipts, size_t count)
{
    cairn_receipt_file file = {.manifest = w->manifest};
    cairn_bytes encoded;
    TEST_MUST(cairn_statement_encode(&w->arena, w->tx, receipts, count, &file.statement));
    TEST_MUST(cairn_receipt_file_encode(&w->arena, &file, &encoded));
    return encoded;
}

#endif
