/* A ledger of one organisation for tests: a fixed signing key, its genesis, and transactions of it.
 */
#ifndef CAIRN_TEST_LEDGER_FIXTURE_H
#define CAIRN_TEST_LEDGER_FIXTURE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cairn/key.h"
#include "cairn/sha256.h"
#include "identity/identity.h"
#include "ledger/genesis.h"
#include "record/record.h"
#include "support/tree.h"

#define FIXTURE_TIME_MS UINT64_C(1700000000000)

typedef struct ledger_fixture {
    cairn_arena arena;
    cairn_key *key;    /* signs transactions */
    cairn_key *cosign; /* signs receipts */
    cairn_bytes genesis;
    cairn_hash ledger;
    cairn_hash org;
} ledger_fixture;

/* A private P-256 key that is the same in every run. */
static inline cairn_key *fixture_key(uint8_t number)
{
    uint8_t scalar[32] = {0};
    cairn_key *key = NULL;
    scalar[0] = 0x11;
    scalar[31] = number;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(scalar, 32), &key),
                     CAIRN_OK);
    return key;
}

static inline cairn_bytes fixture_cose(cairn_arena *arena, const cairn_key *key)
{
    uint8_t out[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_bytes copy;
    assert_int_equal(cairn_key_to_cose(key, out, &size), CAIRN_OK);
    assert_int_equal(cairn_arena_copy(arena, cairn_bytes_of(out, size), &copy), CAIRN_OK);
    return copy;
}

/* A genesis of `count` members whose signing keys are fixture_key(10), (11), …; with `params` or
 * defaults. */
static inline cairn_bytes fixture_genesis(cairn_arena *arena, size_t count, uint8_t nonce,
                                          const cairn_params *params)
{
    static const char *const names[] = {"Maker", "Operator", "Regulator", "Insurer"};
    cairn_genesis genesis = {.name = cairn_bytes_str("Test"),
                             .created_ms = FIXTURE_TIME_MS,
                             .nonce = {nonce},
                             .member_count = count};
    void *members = NULL;
    cairn_bytes encoded;
    assert_true(count >= 1 && count <= 4);
    if (params != NULL)
        genesis.params = *params;
    else
        cairn_params_default(&genesis.params);
    assert_int_equal(cairn_arena_array(arena, count, sizeof(cairn_genesis_member), &members),
                     CAIRN_OK);
    genesis.members = members;
    for (size_t i = 0; i < count; i++) {
        cairn_key *sign = fixture_key((uint8_t)(10 + i));
        cairn_key *cosign = fixture_key((uint8_t)(110 + i));
        genesis.members[i].name = cairn_bytes_str(names[i]);
        genesis.members[i].key_count = 2;
        genesis.members[i].keys[0] = (cairn_genesis_key){.purpose = CAIRN_PURPOSE_SIGN,
                                                         .cose_key = fixture_cose(arena, sign)};
        genesis.members[i].keys[1] = (cairn_genesis_key){.purpose = CAIRN_PURPOSE_COSIGN,
                                                         .cose_key = fixture_cose(arena, cosign)};
        cairn_key_free(sign);
        cairn_key_free(cosign);
    }
    assert_int_equal(cairn_genesis_encode(arena, &genesis, &encoded), CAIRN_OK);
    return encoded;
}

static inline void fixture_open(ledger_fixture *f, uint8_t nonce)
{
    cairn_arena_init(&f->arena, 1 << 30);
    f->key = fixture_key(10);
    f->cosign = fixture_key(110);
    f->genesis = fixture_genesis(&f->arena, 1, nonce, NULL);
    cairn_ledger_id(f->genesis, &f->ledger);
    cairn_org_id(cairn_key_id(f->key), &f->org);
}

static inline void fixture_close(ledger_fixture *f)
{
    cairn_key_free(f->key);
    cairn_key_free(f->cosign);
    cairn_arena_done(&f->arena);
}

/* A signed transaction of `key`. */
static inline cairn_bytes fixture_tx(ledger_fixture *f, const cairn_key *key, uint16_t type,
                                     cairn_bytes body, uint64_t valid_until_ms)
{
    const cairn_tx_draft draft = {.ledger = f->ledger,
                                  .kid = *cairn_key_id(key),
                                  .type = type,
                                  .valid_until_ms = valid_until_ms,
                                  .body = body};
    cairn_bytes tx;
    assert_int_equal(cairn_tx_sign(&f->arena, &draft, key, &tx), CAIRN_OK);
    return tx;
}

/* The anchor of SHA-256 of `number`. */
static inline cairn_bytes fixture_anchor(ledger_fixture *f, uint64_t number,
                                         uint64_t valid_until_ms)
{
    uint8_t seed[8];
    cairn_hash commitment;
    cairn_bytes body;
    cairn_put_u64(seed, number);
    cairn_sha256_of(seed, sizeof seed, &commitment);
    assert_int_equal(cairn_anchor_body(&f->arena, &commitment, &body), CAIRN_OK);
    return fixture_tx(f, f->key, CAIRN_TX_ANCHOR, body, valid_until_ms);
}

/* A fresh directory; free with fixture_remove. */
static inline char *fixture_directory(void)
{
    char *path = malloc(PATH_MAX);
    assert_non_null(path);
    tree_make(path, PATH_MAX, "test");
    return path;
}

static inline void fixture_remove(char *path)
{
    tree_remove(path);
    free(path);
}

#endif
