/* The offline verifier: each rule of docs/formats/receipt.md (Check) and trust.md with its no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/verify.h"
#include "support/vouch.h"

static test_world world;

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_world_done(&world);
    return 0;
}

static cairn_arena scratch;
static cairn_arena trust_memory;
static cairn_receipt_verdict verdict;

static void renew(cairn_arena *arena)
{
    cairn_arena_done(arena);
    cairn_arena_init(arena, CAIRN_VERIFY_ARENA_SIZE);
}

/* Verifies with the trust that the world's draft is now. The verdict may be looked at until the
 * next call, but for its trust. */
static cairn_err verify_bytes(cairn_bytes file, uint64_t now_ms)
{
    renew(&scratch);
    renew(&trust_memory);
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_receipt(&scratch, file, &trust, now_ms, &verdict);
    cairn_trust_done(&trust);
    return err;
}

static cairn_err verify_all(const test_says *says, size_t count)
{
    cairn_bytes receipts[8];
    for (size_t i = 0; i < count; i++)
        receipts[i] = test_world_receipt(&world, says[i]);
    return verify_bytes(test_world_file(&world, receipts, count), TEST_NOW_MS);
}

#define VERIFY(...)                              \
    verify_all((const test_says[]){__VA_ARGS__}, \
               sizeof((const test_says[]){__VA_ARGS__}) / sizeof(test_says))

static void test_two_of_four_vouch(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    const cairn_vouching *v = &verdict.vouching;
    assert_int_equal(v->finding_count, 2);
    assert_int_equal(v->vouching_count, 2);
    assert_int_equal(v->height, TEST_HEIGHT);
    assert_int_equal(v->time_ms, TEST_TIME_MS);
    assert_int_equal(v->size, TEST_LOG_SIZE);
    assert_int_equal(v->index, TEST_INDEX);
    assert_true(cairn_bytes_equal(v->vouching[0]->entry->member->name, cairn_bytes_str("Fleet A")));
    assert_int_equal(verdict.signer_standing, CAIRN_SIGNER_VERIFIED);
    assert_true(cairn_bytes_equal(verdict.signer->member->name, cairn_bytes_str("Fleet A")));
    assert_true(cairn_bytes_equal(verdict.tx.raw, world.tx));
}

static void test_one_of_two_is_not_enough(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verdict.vouching.vouching_count, 1); /* to be printed all the same */
    assert_int_equal(verdict.vouching.size, 0);
}

static void test_member_that_signs_twice_counts_once(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 1}, {.org = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(VERIFY({.org = 1}, {.org = 1, .key = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verdict.vouching.vouching_count, 1);
    assert_int_equal(VERIFY({.org = 1}, {.org = 1, .key = 1}, {.org = 2}), CAIRN_OK);
    assert_int_equal(verdict.vouching.vouching_count, 2);
}

static void test_every_threshold(void **state)
{
    (void)state;
    for (size_t k = 1; k <= TEST_ORGS; k++) {
        world.draft.threshold = k;
        const test_says says[] = {{.org = 0}, {.org = 1}, {.org = 2}, {.org = 3}};
        for (size_t count = 1; count <= TEST_ORGS; count++)
            assert_int_equal(verify_all(says, count),
                             count >= k ? CAIRN_OK : CAIRN_ERR_NOT_TRUSTED);
    }
}

static void test_receipts_that_do_not_count(void **state)
{
    (void)state;
    char other_origin[71];
    snprintf(other_origin, sizeof other_origin, "cairn/%064d", 7);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .origin = other_origin}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verdict.vouching.findings[1].standing, CAIRN_STANDING_OTHER_LEDGER);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .key = 2}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verdict.vouching.findings[1].standing, CAIRN_STANDING_OTHER_PURPOSE);
    world.members[1].key_count = 0; /* the trust file lists none of its keys */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verdict.vouching.findings[1].standing, CAIRN_STANDING_UNKNOWN_KEY);
    assert_null(verdict.vouching.findings[1].entry);
    assert_int_equal(VERIFY({.org = 1}, {.org = 2}, {.org = 3}), CAIRN_OK);
}

static void test_interval_of_a_key(void **state)
{
    (void)state;
    cairn_trust_key *key = &world.trust_keys[1][0];
    struct {
        uint64_t since, until;
        cairn_err want;
    } cases[] = {
        {TEST_HEIGHT, TEST_HEIGHT + 1, CAIRN_OK},
        {TEST_HEIGHT, CAIRN_TRUST_OPEN, CAIRN_OK},
        {TEST_HEIGHT + 1, CAIRN_TRUST_OPEN, CAIRN_ERR_NOT_TRUSTED},
        {0, TEST_HEIGHT, CAIRN_ERR_NOT_TRUSTED},
        {0, TEST_HEIGHT + 1, CAIRN_OK},
        {TEST_HEIGHT, TEST_HEIGHT, CAIRN_ERR_NOT_TRUSTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        key->since = cases[i].since;
        key->until = cases[i].until;
        assert_int_equal(VERIFY({.org = 0}, {.org = 1}), cases[i].want);
        if (cases[i].want != CAIRN_OK)
            assert_int_equal(verdict.vouching.findings[1].standing, CAIRN_STANDING_NOT_GOOD_THEN);
    }
}

static void test_suspect_key(void **state)
{
    (void)state;
    cairn_trust_key *key = &world.trust_keys[1][0];
    key->suspect = TEST_HEIGHT + 1; /* the receipt is one below */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    key->suspect = TEST_HEIGHT;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_DISPUTED);
    assert_int_equal(verdict.vouching.findings[1].standing, CAIRN_STANDING_SUSPECT);
    key->until = TEST_HEIGHT + 1;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_DISPUTED);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}, {.org = 2}), CAIRN_OK); /* k others remain */
    assert_int_equal(verdict.vouching.vouching_count, 2);
}

/* A key was rotated after the receipt; the fresh trust file lists both with their intervals. */
static void test_old_receipt_with_fresh_trust(void **state)
{
    (void)state;
    world.trust_keys[1][0].until = TEST_HEIGHT + 10;
    world.trust_keys[1][1].since = TEST_HEIGHT + 10;
    world.draft.issued_ms = TEST_NOW_MS + 9000000;
    world.draft.expires_ms = TEST_NOW_MS + 9900000;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .key = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .key = 1, .height = TEST_HEIGHT + 10}),
                     CAIRN_ERR_INCONSISTENT); /* one size, closed at two heights */
    assert_int_equal(
        VERIFY({.org = 0, .size = 12}, {.org = 1, .key = 1, .height = TEST_HEIGHT + 10}), CAIRN_OK);
}

static void test_expired_trust(void **state)
{
    (void)state;
    const cairn_bytes receipts[] = {test_world_receipt(&world, (test_says){.org = 0}),
                                    test_world_receipt(&world, (test_says){.org = 1})};
    cairn_bytes file = test_world_file(&world, receipts, 2);
    assert_int_equal(verify_bytes(file, world.draft.expires_ms), CAIRN_OK);
    assert_int_equal(verify_bytes(file, world.draft.expires_ms + 1), CAIRN_ERR_TRUST_EXPIRED);
    assert_true(cairn_bytes_equal(verdict.tx.raw, world.tx)); /* known, but no answer */
    /* expiry is not worse than being unreadable, and better than any answer */
    file = test_world_file(&world, receipts, 1);
    assert_int_equal(verify_bytes(file, UINT64_MAX), CAIRN_ERR_TRUST_EXPIRED);
}

static void test_commitment_of_another_manifest(void **state)
{
    (void)state;
    const cairn_bytes receipts[] = {test_world_receipt(&world, (test_says){.org = 0}),
                                    test_world_receipt(&world, (test_says){.org = 1})};
    cairn_bytes copy;
    TEST_MUST(cairn_arena_copy(&world.arena, world.manifest, &copy));
    ((uint8_t *)(uintptr_t)copy.data)[copy.size - 1] ^= 1;
    world.manifest = copy;
    assert_int_equal(verify_bytes(test_world_file(&world, receipts, 2), TEST_NOW_MS),
                     CAIRN_ERR_MISMATCH);
}

/* Another transaction than an anchor, or one with another body, in the log itself. */
static void set_transaction(uint16_t type, cairn_bytes body, const cairn_hash *ledger, size_t org,
                            size_t key)
{
    cairn_tx_draft draft = {.ledger = *ledger,
                            .kid = *cairn_key_id(world.keys[org][key]),
                            .type = type,
                            .valid_until_ms = TEST_TIME_MS,
                            .body = body};
    TEST_MUST(cairn_tx_sign(&world.arena, &draft, world.keys[org][key], &world.tx));
    test_world_log(&world, world.tx);
}

static cairn_bytes anchor_body(uint8_t out[64])
{
    cairn_hash commitment;
    cairn_manifest_commitment(world.manifest, &commitment);
    memcpy(out, "\xa1\x01\x58\x20", 4);
    memcpy(out + 4, commitment.b, 32);
    return cairn_bytes_of(out, 36);
}

static void test_on_whose_behalf_it_was_anchored(void **state)
{
    (void)state;
    uint8_t buffer[96];
    (void)anchor_body(buffer);
    buffer[0] = 0xa2;
    memcpy(buffer + 36, "\x02\x58\x20", 3);
    memset(buffer + 39, 0x5a, 32);
    set_transaction(CAIRN_TX_ANCHOR, cairn_bytes_of(buffer, 71), &world.draft.ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    assert_true(verdict.on_behalf);
    assert_int_equal(verdict.subject.b[31], 0x5a);
    buffer[36] = 0x03;
    set_transaction(CAIRN_TX_ANCHOR, cairn_bytes_of(buffer, 71), &world.draft.ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_UNKNOWN_FIELD);
}

static void test_transactions_that_do_not_anchor_it(void **state)
{
    (void)state;
    uint8_t buffer[64];
    cairn_bytes body = anchor_body(buffer);
    const cairn_hash *ledger = &world.draft.ledger;
    set_transaction(CAIRN_TX_KEY_ADD, body, ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_MISMATCH);
    set_transaction(CAIRN_TX_ANCHOR, cairn_bytes_str("\xa0"), ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_MISSING_FIELD);
    set_transaction(CAIRN_TX_ANCHOR, cairn_bytes_str("\xa1\x01\x18\x20"), ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_WRONG_TYPE);
    buffer[0] = 0xa2;
    memcpy(buffer + 36, "\x02\x03", 2);
    set_transaction(CAIRN_TX_ANCHOR, cairn_bytes_of(buffer, 38), ledger, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_WRONG_TYPE);
}

static void test_transaction_of_another_ledger(void **state)
{
    (void)state;
    uint8_t buffer[64];
    cairn_hash other = world.draft.ledger;
    other.b[31] ^= 1;
    set_transaction(CAIRN_TX_ANCHOR, anchor_body(buffer), &other, 0, 2);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_TX_WRONG_LEDGER);
}

static void test_receipt_of_another_entry(void **state)
{
    (void)state;
    cairn_hash other;
    cairn_sha256_of("another", 7, &other);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .leaf = &other}), CAIRN_ERR_BAD_SIGNATURE);
    uint64_t index = TEST_INDEX + 1;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .index = &index}), CAIRN_ERR_BAD_SIGNATURE);
    /* enough others do not heal it */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .leaf = &other}, {.org = 2}),
                     CAIRN_ERR_BAD_SIGNATURE);
    world.members[1].key_count = 0; /* but who is not listed can say what he likes */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .leaf = &other}, {.org = 2}), CAIRN_OK);
}

static void test_path_of_the_wrong_length(void **state)
{
    (void)state;
    cairn_bytes receipts[2] = {test_world_receipt(&world, (test_says){.org = 0})};
    cairn_receipt receipt;
    TEST_MUST(cairn_receipt_decode(&world.arena, receipts[0], &receipt));
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX] = {{{0}}};
    memcpy(path, receipt.path, receipt.path_count * sizeof path[0]);
    for (size_t count = 0; count <= CAIRN_MERKLE_PROOF_MAX; count++) {
        TEST_MUST(cairn_receipt_assemble(&world.arena, &receipt.head, receipt.index, path, count,
                                         receipt.signature, &receipts[1]));
        cairn_bytes file = test_world_file(&world, receipts, 2);
        assert_int_equal(verify_bytes(file, TEST_NOW_MS),
                         count == receipt.path_count ? CAIRN_ERR_NOT_TRUSTED : CAIRN_ERR_BAD_PROOF);
    }
}

/* Every other size and index for the same root and path. */
static void refuse_other_places(cairn_bytes receipt, uint64_t real_size, uint64_t real_index)
{
    cairn_receipt r, other;
    cairn_hash root;
    TEST_MUST(cairn_receipt_decode(&world.arena, receipt, &r));
    for (uint64_t size = 1; size <= 16; size++) {
        for (uint64_t index = 0; index < size; index++) {
            if (size == real_size && index == real_index)
                continue;
            cairn_receipt_head head = r.head;
            head.size = size;
            renew(&scratch);
            TEST_MUST(cairn_receipt_assemble(&scratch, &head, index, r.path, r.path_count,
                                             r.signature, &receipt));
            TEST_MUST(cairn_receipt_decode(&scratch, receipt, &other));
            cairn_err err =
                cairn_receipt_verify(&scratch, &other, world.tx, world.keys[0][0], &root);
            assert_true(err == CAIRN_ERR_BAD_SIGNATURE || err == CAIRN_ERR_BAD_PROOF);
        }
    }
}

/* The path of entry 0 in a log of 5 also folds to the same root in logs of 6, 7 and 8, and entry 4
 * of 5 has that of entry 1 of 2; only the signed size tells them apart. */
static void test_size_and_index_are_signed(void **state)
{
    (void)state;
    world.draft.threshold = 1;
    cairn_sha256_of("not the transaction", 19, &world.leaves[TEST_INDEX]);
    for (uint64_t size = 1; size <= TEST_LOG_SIZE; size++) {
        for (uint64_t index = 0; index < size; index++) {
            cairn_hash leaf = world.leaves[index];
            cairn_merkle_leaf(world.tx, &world.leaves[index]);
            cairn_bytes receipt =
                test_world_receipt(&world, (test_says){.size = size, .index = &index});
            cairn_bytes file = test_world_file(&world, &receipt, 1);
            assert_int_equal(verify_bytes(file, TEST_NOW_MS), CAIRN_OK);
            assert_int_equal(verdict.vouching.index, index);
            refuse_other_places(receipt, size, index);
            world.leaves[index] = leaf;
        }
    }
}

static void test_two_histories(void **state)
{
    (void)state;
    cairn_hash other;
    cairn_sha256_of("other history", 13, &other);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .other = &other}), CAIRN_ERR_INCONSISTENT);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .time_ms = 5}), CAIRN_ERR_INCONSISTENT);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .height = 5}), CAIRN_ERR_INCONSISTENT);
    /* the same entry at two places */
    uint64_t index = 3;
    cairn_merkle_leaf(world.tx, &world.leaves[index]);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1, .index = &index}), CAIRN_ERR_INCONSISTENT);
    /* a suspect key cannot bring it about */
    world.trust_keys[2][0].suspect = 1;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}, {.org = 2, .other = &other}), CAIRN_OK);
}

/* k members must say that the entry was there by then. */
static void test_height_is_that_of_the_kth_member(void **state)
{
    (void)state;
    assert_int_equal(
        VERIFY({.org = 0, .size = 11, .height = 300}, {.org = 1, .size = 9, .height = 90},
               {.org = 2, .size = 13, .height = 500}, {.org = 0, .size = 10, .height = 200},
               {.org = 1, .size = 12, .height = 400}),
        CAIRN_OK);
    assert_int_equal(verdict.vouching.vouching_count, 3);
    assert_int_equal(verdict.vouching.height, 200);
    assert_int_equal(verdict.vouching.size, 10);
    assert_int_equal(verdict.vouching.vouching[0]->receipt->head.height, 90);
    assert_int_equal(verdict.vouching.vouching[2]->receipt->head.height, 500);
}

static void test_signer(void **state)
{
    (void)state;
    cairn_trust_key *signer = &world.trust_keys[0][2];
    signer->until = TEST_HEIGHT; /* rotated since */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    signer->until = CAIRN_TRUST_OPEN;
    signer->since = TEST_HEIGHT;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    signer->since = TEST_HEIGHT + 1;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_NOT_TRUSTED);
    signer->since = 0;
    signer->suspect = TEST_HEIGHT + 1;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    signer->suspect = TEST_HEIGHT;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_DISPUTED);
    assert_int_equal(verdict.vouching.vouching_count, 2); /* its place in the log stands */
    /* an older receipt shows that it is older than the suspicion */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}, {.org = 0, .size = 8, .height = 50},
                            {.org = 2, .size = 9, .height = 60}),
                     CAIRN_OK);
    world.members[0].key_count = 2; /* not listed */
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    assert_int_equal(verdict.signer_standing, CAIRN_SIGNER_UNKNOWN);
    assert_null(verdict.signer);
}

static void test_signer_with_another_purpose(void **state)
{
    (void)state;
    uint8_t buffer[64];
    set_transaction(CAIRN_TX_ANCHOR, anchor_body(buffer), &world.draft.ledger, 3, 0);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_TX_WRONG_PURPOSE);
}

/* The ledger would never have taken these; a member that vouches for them does not make them good.
 */
static void test_signature_of_the_transaction(void **state)
{
    (void)state;
    cairn_bytes copy;
    TEST_MUST(cairn_arena_copy(&world.arena, world.tx, &copy));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;
    bytes[copy.size - 33] ^= 1; /* the last byte of r */
    world.tx = copy;
    test_world_log(&world, world.tx);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_BAD_SIGNATURE);
    bytes[copy.size - 32] |= 0x80; /* s above half the order */
    test_world_log(&world, world.tx);
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_ERR_HIGH_S);
}

/* k = n and nobody spare: whatever is turned over, the answer is not yes. */
static void test_no_flipped_bit_verifies(void **state)
{
    (void)state;
    world.draft.threshold = 2;
    const cairn_bytes receipts[] = {test_world_receipt(&world, (test_says){.org = 0}),
                                    test_world_receipt(&world, (test_says){.org = 1})};
    cairn_bytes file = test_world_file(&world, receipts, 2), copy;
    cairn_trust trust = test_world_trust(&world, &world.arena);
    TEST_MUST(cairn_arena_copy(&world.arena, file, &copy));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;
    for (size_t bit = 0; bit < copy.size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        renew(&scratch);
        if (cairn_verify_receipt(&scratch, copy, &trust, TEST_NOW_MS, &verdict) == CAIRN_OK)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < copy.size; size++)
        assert_int_not_equal(cairn_verify_receipt(&scratch, cairn_bytes_of(bytes, size), &trust,
                                                  TEST_NOW_MS, &verdict),
                             CAIRN_OK);
    cairn_arena_done(&scratch);
    assert_int_equal(cairn_verify_receipt(&scratch, copy, &trust, TEST_NOW_MS, &verdict), CAIRN_OK);
    cairn_trust_done(&trust);
}

/* The most that an input can make it use: 128 receipts around the largest transaction, all of which
 * verify. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
    cairn_bytes receipts[CAIRN_RECEIPT_COUNT_MAX];
    cairn_trust trust = test_world_trust(&world, &world.arena);
    for (size_t i = 0; i < CAIRN_RECEIPT_COUNT_MAX; i++)
        receipts[i] = test_world_receipt(&world, (test_says){.org = i % TEST_ORGS});
    cairn_bytes file = test_world_file(&world, receipts, CAIRN_RECEIPT_COUNT_MAX);
    renew(&scratch);
    assert_int_equal(cairn_verify_receipt(&scratch, file, &trust, TEST_NOW_MS, &verdict), CAIRN_OK);
    /* what this one had not: the longest paths, and the largest transaction twice */
    size_t path = (CAIRN_MERKLE_PROOF_MAX - 4) * sizeof(cairn_hash);
    size_t most = scratch.used + CAIRN_RECEIPT_COUNT_MAX * path + 2 * (65535 + 64);
    print_message("arena: %zu bytes for %zu receipts, at most %zu\n", scratch.used,
                  verdict.vouching.finding_count, most);
    assert_true(most <= CAIRN_VERIFY_ARENA_SIZE);
    cairn_trust_done(&trust);
}

/* Every arena that is too small: an error, nothing lost, and no answer. */
static void test_arena_too_small(void **state)
{
    (void)state;
    const cairn_bytes receipts[] = {test_world_receipt(&world, (test_says){.org = 0}),
                                    test_world_receipt(&world, (test_says){.org = 1})};
    cairn_bytes file = test_world_file(&world, receipts, 2), encoded;
    cairn_trust trust = test_world_trust(&world, &world.arena), again;
    size_t limit = 0;
    cairn_err err = CAIRN_ERR_NO_MEMORY;
    for (; err != CAIRN_OK; limit += 16) {
        cairn_arena_done(&scratch);
        cairn_arena_init(&scratch, limit);
        err = cairn_verify_receipt(&scratch, file, &trust, TEST_NOW_MS, &verdict);
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_NO_MEMORY);
    }
    assert_in_range(limit, 1024, 8192);
    TEST_MUST(cairn_trust_encode(&world.arena, &world.draft, &encoded));
    for (limit = 0, err = CAIRN_ERR_NO_MEMORY; err != CAIRN_OK; limit += 16) {
        cairn_arena_done(&scratch);
        cairn_arena_init(&scratch, limit);
        err = cairn_trust_decode(&scratch, encoded, &again);
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_NO_MEMORY);
    }
    cairn_trust_done(&again);
    cairn_trust_done(&trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_of_four_vouch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_of_two_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_member_that_signs_twice_counts_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_threshold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receipts_that_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interval_of_a_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_suspect_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_receipt_with_fresh_trust, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expired_trust, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commitment_of_another_manifest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_on_whose_behalf_it_was_anchored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transactions_that_do_not_anchor_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transaction_of_another_ledger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receipt_of_another_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_path_of_the_wrong_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_size_and_index_are_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_histories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_height_is_that_of_the_kth_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signer_with_another_purpose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signature_of_the_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_flipped_bit_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_arena_too_small, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cairn_arena_done(&scratch);
    cairn_arena_done(&trust_memory);
    return failed;
}
