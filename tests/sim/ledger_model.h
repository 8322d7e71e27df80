/* A naive ledger: what docs/formats says a ledger of anchors and added keys must hold, word by
 * word, with nothing of the code under test. All hashes by OpenSSL's SHA-256, all roots from
 * scratch.
 *
 * The model lies in the trial's shared facts, so that it outlives the process; it holds no
 * pointers. A transaction is known by its place in the pool that the workload signed beforehand. */
#ifndef CAIRN_SIM_LEDGER_MODEL_H
#define CAIRN_SIM_LEDGER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_POOL = 224,    /* transactions of a ledger */
    MODEL_BATCH_MAX = 8, /* transactions of a block */
    MODEL_ENTRIES_MAX = 600,
    MODEL_BLOCKS_MAX = 160,
    MODEL_ORGS_MAX = 4,
    MODEL_GENESIS_KEYS_MAX = 3, /* of an organisation */
    MODEL_KEYS_MAX = 48,        /* of an organisation */
    MODEL_RECORDS_MAX = MODEL_POOL + MODEL_ORGS_MAX * (MODEL_KEYS_MAX + 8),
    MODEL_VALIDITY_MAX_MS = 600000,
    MODEL_COSE_SIZE_MAX = 128,
    MODEL_ENTRY_SIZE_MAX = 160,
    MODEL_IS_BLOCK = 0x8000, /* in `what`: a block entry, else a transaction of the pool */
    MODEL_IS_GENESIS = 0x4000,
};

typedef struct model_hash {
    uint8_t b[32];
} model_hash;

/* What the workload knows of a transaction. */
typedef struct model_tx {
    const uint8_t *raw;
    size_t size;
    model_hash id;
    unsigned twin;       /* place plus one of another signature over the same; 0: there is none */
    unsigned org;        /* who signs */
    uint64_t until_ms;   /* the end of its validity; 0: none that matters */
    int refusal;         /* the code with which it is refused before a block, 0: it is valid */
    bool undecodable;    /* it has no id */
    bool adds_key;       /* identity.key.add of a cosigning key, else record.anchor */
    bool bad_proof;      /* of possession: refused for good */
    unsigned versioned;  /* support/versions.h: 1 acts otherwise from version 2 on, 2 begins then */
    bool rotates;        /* adds_key too: in place of its organisation's first validator key */
    uint8_t ed25519[32]; /* that new key, raw */
    model_hash object;   /* the commitment, or the key's id */
    const uint8_t *cose; /* the key */
    size_t cose_size;
} model_tx;

typedef struct model_record {
    model_hash path, leaf;
} model_record;

typedef struct model_block {
    uint64_t height, time_ms, first, count;
    uint16_t entry_size;
    uint8_t entry[MODEL_ENTRY_SIZE_MAX];
} model_block;

typedef enum model_fate { MODEL_FRESH, MODEL_ACCEPTED, MODEL_REFUSED } model_fate;

/* The verdict that a transaction must get. */
typedef struct model_verdict {
    int code;
    uint64_t height, index; /* zeros where there is none */
} model_verdict;

typedef struct model_org {
    model_hash id;
    char name[32];
    uint64_t editions;
    size_t kid_count;
    model_hash kids[MODEL_KEYS_MAX];
    bool validates;
    bool rotated; /* has another validator key than in the genesis */
    model_hash validator_kid;
    uint8_t validator_key[32];
    uint8_t first_cose[MODEL_COSE_SIZE_MAX]; /* the validator key of the genesis */
    size_t first_cose_size;
    model_hash first_kid;
} model_org;

typedef struct model_ledger {
    model_hash id;
    size_t org_count;
    model_org orgs[MODEL_ORGS_MAX];
    size_t entry_count;
    uint16_t what[MODEL_ENTRIES_MAX];
    model_hash leaves[MODEL_ENTRIES_MAX];
    size_t block_count;
    model_block blocks[MODEL_BLOCKS_MAX];
    size_t record_count;
    model_record records[MODEL_RECORDS_MAX]; /* of the state map, by path */
    model_hash config_root;
    uint64_t upgrade_height; /* from which version 2 judges; 0: never */
    uint8_t fate[MODEL_POOL];
    uint64_t accepted_height[MODEL_POOL];
} model_ledger;

typedef struct model_key {
    unsigned purpose;
    const uint8_t *cose;
    size_t size;
    model_hash kid;
    uint8_t ed25519[32]; /* of a validator's key, which every member has or none */
} model_key;

typedef struct model_member {
    const char *name;
    size_t key_count;
    model_key keys[MODEL_GENESIS_KEYS_MAX];
} model_member;

typedef struct model_genesis {
    const uint8_t *raw;
    size_t size;
    uint64_t created_ms;
    uint64_t upgrade_height;
    size_t member_count;
    model_member members[MODEL_ORGS_MAX];
} model_genesis;

model_hash model_sha256(const void *data, size_t size);
model_hash model_ledger_id(const uint8_t *genesis, size_t size);

/* Height 0. */
void model_begin(model_ledger *ledger, const model_genesis *genesis);

/* The next block of these transactions of the pool, in order, at this time; the verdicts that they
 * must get. A block that consumes nothing leaves no trace. False when the model is full. */
bool model_apply(model_ledger *ledger, const model_tx *pool, const uint16_t *batch, size_t count,
                 uint64_t time_ms, model_verdict *ret_verdicts);

/* The same at this height, above the last block's, and this time, not before its. */
bool model_apply_at(model_ledger *ledger, const model_tx *pool, const uint16_t *batch, size_t count,
                    uint64_t height, uint64_t time_ms, model_verdict *ret_verdicts);

/* Checks 1 to 10 for a block of this height and time: 0, or the code. */
int model_check(const model_ledger *ledger, const model_tx *tx, uint64_t height, uint64_t time_ms);

/* docs/formats/block-entry.md, app_hash. */
model_hash model_app_hash(const model_ledger *ledger);
model_hash model_app_hash_of(uint64_t size, const model_hash *root);

/* RFC 9162 section 2.1.1 and 2.1.3.2. */
model_hash model_log_root(const model_ledger *ledger, size_t size);
bool model_path_leads_to(const model_hash *leaf, uint64_t index, uint64_t size,
                         const model_hash *path, size_t count, const model_hash *root);

/* Key and value of the record that an accepted transaction made. Returns the size of the value. */
enum { MODEL_KEY_SIZE_MAX = 40, MODEL_VALUE_SIZE_MAX = 512 };
size_t model_record_of(const model_ledger *ledger, const model_tx *tx, uint64_t height,
                       uint8_t ret_key[MODEL_KEY_SIZE_MAX], size_t *ret_key_size,
                       uint8_t ret_value[MODEL_VALUE_SIZE_MAX]);

#endif
