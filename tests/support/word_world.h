/* A claimed device with a live contract on a ledger in memory, and the ledger's word about it: what
 * tests of devices that are shown the ledger begin with. Include after cmocka.h. */
#ifndef CAIRN_TESTS_SUPPORT_WORD_WORLD_H
#define CAIRN_TESTS_SUPPORT_WORD_WORLD_H

#include "onboard/ledger_word.h"
#include "support/onboard_world.h"
#include "support/vouch.h"

enum { WORD_ARENA_SIZE = 1 << 20, WORD_AGE_MAX_MS = 60000, WORD_SIGNERS = 3, WORD_LOG_MAX = 256 };

typedef struct word_world {
    memory_ledger m;
    world_device d;
    cairn_hash contract;
    cairn_trust trust; /* two of three vouch */
    cairn_fdo_nonce setup;
    cairn_ledger_word_facts facts;
    cairn_bytes receipts[WORD_SIGNERS];
    cairn_arena arena; /* the device's */
} word_world;

/* Members of the trust file are three invented organisations: the world has one member only. */
static inline void word_make_trust(word_world *s)
{
    static cairn_trust_key keys[WORD_SIGNERS];
    static cairn_trust_member members[WORD_SIGNERS];
    cairn_bytes encoded;
    cairn_trust draft = {.ledger = s->m.id,
                         .threshold = 2,
                         .issued_ms = MEMORY_TIME_MS,
                         .expires_ms = WORLD_NOW + 86400000,
                         .member_count = WORD_SIGNERS,
                         .members = members};
    for (uint8_t i = 0; i < WORD_SIGNERS; i++) {
        keys[i] = (cairn_trust_key){.purpose = CAIRN_TRUST_COSIGN,
                                    .cose_key = memory_cose(&s->m.arena, memory_key(200 + i)),
                                    .until = CAIRN_TRUST_OPEN,
                                    .suspect = CAIRN_TRUST_OPEN};
        members[i] = (cairn_trust_member){.org = world_number("member", i),
                                          .name = cairn_bytes_str("Member"),
                                          .key_count = 1,
                                          .keys = &keys[i]};
    }
    MEMORY_MUST(cairn_trust_encode(&s->m.arena, &draft, &encoded));
    MEMORY_MUST(cairn_trust_decode(&s->m.arena, encoded, &s->trust));
}

static inline void word_say(word_world *s, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(&s->m, key, type, body), CAIRN_OK);
    s->d.version++;
}

/* A claimed device with a live contract, and the nonce of its run anchored by its owner. */
static inline void word_begin(word_world *s)
{
    cairn_hash commitment;
    cairn_bytes anchor;
    memset(s, 0, sizeof *s);
    cairn_arena_init(&s->arena, WORD_ARENA_SIZE);
    world_begin(&s->m);
    word_make_trust(s);
    s->d = world_make(&s->m, 1, 0, WORLD_MAKER_KEY);
    cairn_bytes proposal = world_tx(
        &s->m, WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
        world_propose(&s->m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, WORLD_NOW + 86400000));
    assert_int_equal(memory_send(&s->m, WORLD_NOW, proposal), CAIRN_OK);
    s->contract = memory_id(proposal);
    assert_int_equal(world_say(&s->m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT,
                               world_accept(&s->m, &s->contract, 1)),
                     CAIRN_OK);
    word_say(s, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&s->m, &s->d));
    word_say(s, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
             world_transfer(&s->m, &s->d, WORLD_MAKER, WORLD_OWNER_KEY));
    word_say(s, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
             world_claim(&s->m, &s->d, WORLD_OWNER, &s->contract));
    memset(s->setup.b, 9, sizeof s->setup.b);
    cairn_sha256_of(s->setup.b, sizeof s->setup.b, &commitment);
    MEMORY_MUST(cairn_anchor_body(&s->m.arena, &commitment, &anchor));
    assert_int_equal(world_say(&s->m, WORLD_OWNER, CAIRN_TX_ANCHOR, anchor), CAIRN_OK);
    s->facts =
        (cairn_ledger_word_facts){.guid = s->d.guid,
                                  .owner_key = cairn_fdo_key_encoded(world_key(WORLD_OWNER_KEY)),
                                  .setup = &s->setup,
                                  .time_ms = WORLD_NOW + 1000,
                                  .age_max_ms = WORD_AGE_MAX_MS};
}

static inline void word_end(word_world *s)
{
    cairn_trust_done(&s->trust);
    world_done(&s->d);
    cairn_arena_done(&s->arena);
    memory_end(&s->m);
}

/* Each signer's receipt of the block entry, which closes a log whose other leaves are invented. */
static inline void word_sign_entry(word_world *s, const cairn_proof_end *end)
{
    cairn_hash leaves[WORD_LOG_MAX] = {0}, path[64];
    const uint64_t index = end->block_entry.first + end->block_entry.count;
    assert_true(index < WORD_LOG_MAX);
    const uint8_t zero = 0;
    const cairn_bytes parts[] = {cairn_bytes_of(&zero, 1), end->block_entry_raw};
    cairn_sha256_parts(parts, 2, &leaves[index]);
    const cairn_hash root = test_mth(leaves, index + 1);
    const size_t path_count = test_path(leaves, index + 1, index, path);
    for (uint8_t i = 0; i < WORD_SIGNERS; i++) {
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes message;
        const cairn_key *key = memory_key(200 + i);
        cairn_receipt_head head = {.origin = s->trust.origin,
                                   .kid = *cairn_key_id(key),
                                   .height = end->block_entry.height,
                                   .time_ms = end->block_entry.time_ms,
                                   .size = index + 1};
        MEMORY_MUST(cairn_receipt_to_be_signed(&s->m.arena, &head, &root, &message));
        MEMORY_MUST(cairn_key_sign(key, message, signature, &size));
        MEMORY_MUST(cairn_receipt_assemble(&s->m.arena, &head, index, path, path_count,
                                           cairn_bytes_of(signature, size), &s->receipts[i]));
    }
}

/* The word as the ledger stands: all records that the house would put in. */
static inline void word_draft(word_world *s, cairn_ledger_word *word)
{
    cairn_state_key keys[CAIRN_LEDGER_WORD_RECORDS_MAX];
    cairn_state_source state = world_state(&s->m);
    cairn_view *view = cairn_ledger_view(s->m.ledger);
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    memset(word, 0, sizeof *word);
    word->salt = s->d.salt;
    MEMORY_MUST(cairn_ledger_word_keys(&s->m.arena, &state, &s->d.index, s->facts.setup, keys,
                                       &word->count));
    for (size_t i = 0; i < word->count; i++) {
        cairn_smt_proof proof;
        MEMORY_MUST(cairn_smt_prove(view->maps[CAIRN_MAP_STATE], &memory_bases.map[CAIRN_MAP_STATE],
                                    cairn_state_key_view(&keys[i]), &s->m.arena, &proof));
        word->records[i] =
            (cairn_ledger_word_record){.key = world_copy(&s->m, cairn_state_key_view(&keys[i])),
                                       .present = proof.exists,
                                       .value = proof.value,
                                       .proof = proof.ics23};
    }
    word->end.block_entry = view->last;
    word->end.block_entry_raw =
        world_copy(&s->m, cairn_bytes_of(entry, cairn_block_entry_encode(&view->last, entry)));
    cairn_view_free(view);
    word_sign_entry(s, &word->end);
}

#endif
