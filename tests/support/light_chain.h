/* A CometBFT chain of our own making for tests of the light client: validators whose keys follow
 * from their number, headers, and commits that they signed. Everything lies in the chain's arena;
 * what fails ends the program. */
#ifndef CAIRN_TESTS_SUPPORT_LIGHT_CHAIN_H
#define CAIRN_TESTS_SUPPORT_LIGHT_CHAIN_H

#include <stdio.h>
#include <stdlib.h>

#include "cairn/key.h"
#include "cairn/light_client.h"
#include "cairn/sha256.h"

#define CHAIN_MUST(call)                                                  \
    do {                                                                  \
        if ((call) != CAIRN_OK) {                                         \
            (void)fprintf(stderr, "%s: %s\n", #call, cairn_err_detail()); \
            abort();                                                      \
        }                                                                 \
    } while (0)

enum { CHAIN_START_S = 1790000000 }; /* time of height 0; one block a second */

typedef struct test_chain {
    cairn_arena arena;
    cairn_key *keys[CAIRN_LIGHT_VALIDATORS_MAX];
    char chain_id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
} test_chain;

static inline void test_chain_init(test_chain *chain)
{
    *chain = (test_chain){.chain_id = "cairn-test"};
    cairn_arena_init(&chain->arena, 64 << 20);
    for (size_t i = 0; i < CAIRN_LIGHT_VALIDATORS_MAX; i++) {
        uint8_t seed[32] = {(uint8_t)i, (uint8_t)(i >> 8), 7};
        CHAIN_MUST(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, sizeof seed),
                                          &chain->keys[i]));
    }
}

static inline void test_chain_done(test_chain *chain)
{
    for (size_t i = 0; i < CAIRN_LIGHT_VALIDATORS_MAX; i++)
        cairn_key_free(chain->keys[i]);
    cairn_arena_done(&chain->arena);
}

static inline void *test_chain_alloc(test_chain *chain, size_t size)
{
    void *memory = NULL;
    CHAIN_MUST(cairn_arena_alloc(&chain->arena, size, &memory));
    return memory;
}

static inline cairn_bytes test_chain_hash(test_chain *chain, const char *of)
{
    cairn_hash *hash = test_chain_alloc(chain, sizeof *hash);
    cairn_sha256_of(of, strlen(of), hash);
    return cairn_bytes_hash(hash);
}

/* Validators first, first + 1, … of equal power. */
static inline cairn_light_set test_chain_set(test_chain *chain, size_t first, size_t count,
                                             uint64_t power)
{
    cairn_light_validator *validators = test_chain_alloc(chain, count * sizeof *validators);
    for (size_t i = 0; i < count; i++)
        validators[i] = (cairn_light_validator){
            .public_key = cairn_key_public(chain->keys[first + i]).data, .power = power};
    return (cairn_light_set){.count = count, .validators = validators};
}

static inline cairn_bytes test_chain_set_hash(test_chain *chain, const cairn_light_set *set)
{
    cairn_hash *hash = test_chain_alloc(chain, sizeof *hash);
    cairn_light_set_hash(set, hash);
    return cairn_bytes_hash(hash);
}

static inline cairn_key *test_chain_key(test_chain *chain, const uint8_t *public_key)
{
    for (size_t i = 0; i < CAIRN_LIGHT_VALIDATORS_MAX; i++)
        if (memcmp(cairn_key_public(chain->keys[i]).data, public_key, 32) == 0)
            return chain->keys[i];
    abort();
}

/* Signs `bytes` as validator `public_key`. */
static inline const uint8_t *test_chain_sign(test_chain *chain, const uint8_t *public_key,
                                             const uint8_t *bytes, size_t size)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t signature_size = 0;
    uint8_t *kept = test_chain_alloc(chain, 64);
    CHAIN_MUST(cairn_key_sign(test_chain_key(chain, public_key), cairn_bytes_of(bytes, size),
                              signature, &signature_size));
    memcpy(kept, signature, 64);
    return kept;
}

/* Validator i signs the header as it is now; `votes` are the block's. */
static inline void test_chain_vote(test_chain *chain, const cairn_light_block *block, size_t i,
                                   cairn_light_time time, cairn_light_vote *votes)
{
    uint8_t bytes[CAIRN_LIGHT_SIGN_BYTES_MAX];
    cairn_hash hash;
    cairn_light_header_hash(&block->state.header, &hash);
    size_t size = cairn_light_sign_bytes(&block->state.header, &hash, &block->commit, time, bytes);
    votes[i].time = time;
    votes[i].signature =
        test_chain_sign(chain, block->state.validators.validators[i].public_key, bytes, size);
}

/* The first `voters` validators sign the header as it is now. */
static inline void test_chain_commit(test_chain *chain, cairn_light_block *block, size_t voters)
{
    size_t count = block->state.validators.count;
    cairn_light_vote *votes = test_chain_alloc(chain, count * sizeof *votes);
    block->commit.vote_count = count;
    block->commit.votes = votes;
    for (size_t i = 0; i < voters && i < count; i++)
        test_chain_vote(chain, block, i,
                        (cairn_light_time){.seconds = block->state.header.time.seconds + 1,
                                           .nanoseconds = (uint32_t)i},
                        votes);
}

/* A block of `set`, signed by all of it; the next one is `next`'s. */
static inline cairn_light_block test_chain_block(test_chain *chain, uint64_t height,
                                                 cairn_light_set set, cairn_light_set next,
                                                 cairn_bytes app_hash)
{
    cairn_light_block block = {.state.validators = set};
    cairn_light_header *header = &block.state.header;
    *header = (cairn_light_header){
        .block_version = CAIRN_LIGHT_BLOCK_PROTOCOL,
        .app_version = 1,
        .chain_id = cairn_bytes_str(chain->chain_id),
        .height = height,
        .time = {.seconds = CHAIN_START_S + (int64_t)height, .nanoseconds = 500000000},
        .last_block_hash = test_chain_hash(chain, "last block"),
        .last_block_parts = {.count = 1, .hash = test_chain_hash(chain, "parts")},
        .last_commit_hash = test_chain_hash(chain, "last commit"),
        .data_hash = test_chain_hash(chain, "data"),
        .validators_hash = test_chain_set_hash(chain, &set),
        .next_validators_hash = test_chain_set_hash(chain, &next),
        .consensus_hash = test_chain_hash(chain, "consensus"),
        .app_hash = app_hash,
        .last_results_hash = test_chain_hash(chain, "results"),
        .evidence_hash = test_chain_hash(chain, "evidence"),
        .proposer_address = {.data = test_chain_hash(chain, "proposer").data,
                             .size = CAIRN_LIGHT_ADDRESS_SIZE},
    };
    block.commit.parts =
        (cairn_light_parts){.count = 1, .hash = test_chain_hash(chain, "these parts")};
    test_chain_commit(chain, &block, set.count);
    return block;
}

static inline cairn_light_rules test_chain_rules(uint64_t height_now)
{
    return (cairn_light_rules){
        .trusting_period_ms = 1000 * 1000,
        .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS,
        .now = {.seconds = CHAIN_START_S + (int64_t)height_now, .nanoseconds = 500000000}};
}

#endif
