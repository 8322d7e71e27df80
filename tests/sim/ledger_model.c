/* The naive ledger: docs/formats/block-entry.md and state.md as a plain program. */
#include "sim/ledger_model.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cairn/err.h"

/* Hashes */

/* One context for all: the one-shot functions fetch the algorithm and allocate at each call. */
static EVP_MD_CTX *hashing(void)
{
    static EVP_MD_CTX *context;
    static EVP_MD *sha256;
    if (context == NULL) {
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        context = EVP_MD_CTX_new();
    }
    if (sha256 == NULL || context == NULL || EVP_DigestInit_ex2(context, sha256, NULL) != 1)
        abort();
    return context;
}

static model_hash hash_tagged(const char *tag, size_t tag_size, const void *data, size_t size)
{
    EVP_MD_CTX *context = hashing();
    model_hash out;
    if (EVP_DigestUpdate(context, tag, tag_size) != 1 ||
        EVP_DigestUpdate(context, data, size) != 1 || EVP_DigestFinal_ex(context, out.b, NULL) != 1)
        abort();
    return out;
}

model_hash model_sha256(const void *data, size_t size)
{
    return hash_tagged("", 0, data, size);
}

static model_hash hash_node(uint8_t tag, const model_hash *left, const model_hash *right)
{
    uint8_t bytes[65] = {tag};
    memcpy(bytes + 1, left->b, 32);
    memcpy(bytes + 33, right->b, 32);
    return model_sha256(bytes, sizeof bytes);
}

model_hash model_ledger_id(const uint8_t *genesis, size_t size)
{
    return hash_tagged("cairn/ledger/1", 15, genesis, size);
}

static model_hash hash_entry(const uint8_t *entry, size_t size)
{
    return hash_tagged("", 1, entry, size); /* leaf prefix 0x00 */
}

/* RFC 6962 section 2.1 over hashes of leaves. */
static model_hash tree_root(const model_hash *leaves, size_t count)
{
    if (count == 0)
        return model_sha256("", 0);
    if (count == 1)
        return leaves[0];
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    model_hash left = tree_root(leaves, split);
    model_hash right = tree_root(leaves + split, count - split);
    return hash_node(1, &left, &right);
}

model_hash model_log_root(const model_ledger *ledger, size_t size)
{
    return tree_root(ledger->leaves, size);
}

bool model_path_leads_to(const model_hash *leaf, uint64_t index, uint64_t size,
                         const model_hash *path, size_t count, const model_hash *root)
{
    model_hash hash = *leaf;
    uint64_t fn = index;
    uint64_t sn = size - 1;
    if (index >= size)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            hash = hash_node(1, &path[i], &hash);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            hash = hash_node(1, &hash, &path[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(hash.b, root->b, 32) == 0;
}

/* The sparse map: no key is zeros, one key its leaf, else the node of both halves. */
static model_hash map_root(const model_record *records, size_t count, unsigned depth)
{
    model_hash none = {{0}};
    if (count == 0)
        return none;
    if (count == 1)
        return records[0].leaf;
    size_t split = 0;
    while (split < count && ((records[split].path.b[depth / 8] >> (7 - depth % 8)) & 1) == 0)
        split++;
    model_hash left = map_root(records, split, depth + 1);
    model_hash right = map_root(records + split, count - split, depth + 1);
    return hash_node(1, &left, &right);
}

static model_record map_record(const void *key, size_t key_size, const uint8_t *value, size_t size)
{
    model_record record = {.path = model_sha256(key, key_size)};
    model_hash digest = model_sha256(value, size);
    record.leaf = hash_node(0, &record.path, &digest);
    return record;
}

static void put_record(model_ledger *ledger, model_record record)
{
    for (size_t i = 0; i < ledger->record_count; i++) {
        if (memcmp(ledger->records[i].path.b, record.path.b, 32) == 0) {
            ledger->records[i] = record;
            return;
        }
    }
    size_t at = ledger->record_count++;
    while (at > 0 && memcmp(ledger->records[at - 1].path.b, record.path.b, 32) > 0) {
        ledger->records[at] = ledger->records[at - 1];
        at--;
    }
    ledger->records[at] = record;
}

/* Deterministic CBOR */

typedef struct writer {
    uint8_t bytes[2048];
    size_t size;
} writer;

static void put_head(writer *w, unsigned major, uint64_t n)
{
    unsigned more = n < 24 ? 0 : n <= 0xff ? 1 : n <= 0xffff ? 2 : n <= 0xffffffff ? 4 : 8;
    unsigned info = more == 0 ? (unsigned)n : more == 1 ? 24 : more == 2 ? 25 : more == 4 ? 26 : 27;
    w->bytes[w->size++] = (uint8_t)(major << 5 | info);
    for (unsigned i = more; i-- > 0;)
        w->bytes[w->size++] = (uint8_t)(n >> (8 * i));
}

static void put_string(writer *w, unsigned major, const void *data, size_t size)
{
    put_head(w, major, size);
    memcpy(w->bytes + w->size, data, size);
    w->size += size;
}

enum { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

static void put_pair(writer *w, uint64_t key, uint64_t value)
{
    put_head(w, UINT, key);
    put_head(w, UINT, value);
}

/* Records */

static model_record org_record(const model_org *org)
{
    writer w = {.size = 0};
    uint8_t key[36] = "org/";
    put_head(&w, MAP, 8);
    put_head(&w, UINT, 1);
    put_string(&w, TEXT, org->name, strlen(org->name));
    put_pair(&w, 2, 1); /* active */
    put_head(&w, UINT, 3);
    put_head(&w, SIMPLE, 21); /* true: a member */
    put_pair(&w, 4, 1);       /* status and roles never change here */
    put_pair(&w, 5, 0);
    put_head(&w, UINT, 6);
    put_head(&w, ARRAY, org->kid_count);
    for (size_t i = 0; i < org->kid_count; i++)
        put_string(&w, BYTES, org->kids[i].b, 32);
    put_pair(&w, 7, 0); /* no roles */
    put_pair(&w, 8, org->editions);
    memcpy(key + 4, org->id.b, 32);
    return map_record(key, sizeof key, w.bytes, w.size);
}

/* The organisation changed: its record, and the next edition of it. */
static void put_org(model_ledger *ledger, model_org *org, uint64_t height, uint64_t time_ms)
{
    writer w = {.size = 0};
    uint8_t key[48] = "edition/";
    org->editions++;
    memcpy(key + 8, org->id.b, 32);
    for (unsigned i = 0; i < 8; i++)
        key[40 + i] = (uint8_t)(org->editions >> (56 - 8 * i));
    put_head(&w, ARRAY, 5);
    put_pair(&w, height, time_ms);
    put_pair(&w, 1, 0); /* active, no roles */
    put_head(&w, UINT, org->kid_count);
    put_record(ledger, map_record(key, sizeof key, w.bytes, w.size));
    put_record(ledger, org_record(org));
}

static model_record name_record(const model_org *org)
{
    writer w = {.size = 0};
    uint8_t key[5 + sizeof org->name] = "name/";
    size_t size = strlen(org->name);
    for (size_t i = 0; i < size; i++) {
        char c = org->name[i];
        key[5 + i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    put_string(&w, BYTES, org->id.b, 32);
    return map_record(key, 5 + size, w.bytes, w.size);
}

static void put_key_value(writer *w, const model_org *org, unsigned purpose, const uint8_t *cose,
                          size_t cose_size, uint64_t since)
{
    put_head(w, MAP, 4);
    put_head(w, UINT, 1);
    put_string(w, BYTES, org->id.b, 32);
    put_pair(w, 2, purpose);
    put_head(w, UINT, 3);
    put_string(w, BYTES, cose, cose_size);
    put_pair(w, 4, since);
}

static model_record key_record(const model_org *org, const model_key *key)
{
    writer w = {.size = 0};
    uint8_t name[36] = "key/";
    put_key_value(&w, org, key->purpose, key->cose, key->size, 0);
    memcpy(name + 4, key->kid.b, 32);
    return map_record(name, sizeof name, w.bytes, w.size);
}

/* Does version 2 judge this height? */
static bool is_second(const model_ledger *ledger, uint64_t height)
{
    return ledger->upgrade_height != 0 && height >= ledger->upgrade_height;
}

size_t model_record_of(const model_ledger *ledger, const model_tx *tx, uint64_t height,
                       uint8_t ret_key[MODEL_KEY_SIZE_MAX], size_t *ret_key_size,
                       uint8_t ret_value[MODEL_VALUE_SIZE_MAX])
{
    const char *prefix = tx->adds_key ? "key/" : tx->versioned != 0 ? "test/" : "anchor/";
    bool second = tx->versioned != 0 && is_second(ledger, height);
    size_t prefix_size = strlen(prefix);
    const model_org *org = &ledger->orgs[tx->org];
    writer w = {.size = 0};
    if (tx->adds_key) {
        put_key_value(&w, org, tx->rotates ? 6 : 3, tx->cose, tx->cose_size, height);
    } else {
        put_head(&w, MAP, second ? 3 : 2);
        put_head(&w, UINT, 1);
        put_string(&w, BYTES, org->id.b, 32);
        put_pair(&w, 2, height);
        if (second)
            put_pair(&w, 3, 2);
    }
    memcpy(ret_key, prefix, prefix_size);
    memcpy(ret_key + prefix_size, tx->object.b, 32);
    *ret_key_size = prefix_size + 32;
    memcpy(ret_value, w.bytes, w.size);
    return w.size;
}

/* The place of the member that comes next in rising order after `last`, which may be NULL. */
static size_t next_org(const model_ledger *ledger, const model_hash *last)
{
    size_t next = ledger->org_count;
    for (size_t k = 0; k < ledger->org_count; k++) {
        const model_hash *id = &ledger->orgs[k].id;
        if ((last == NULL || memcmp(id->b, last->b, 32) > 0) &&
            (next == ledger->org_count || memcmp(id->b, ledger->orgs[next].id.b, 32) < 0))
            next = k;
    }
    return next;
}

static model_record members_record(const model_ledger *ledger)
{
    writer w = {.size = 0};
    const model_hash *last = NULL;
    put_head(&w, ARRAY, ledger->org_count);
    for (size_t i = 0; i < ledger->org_count; i++) {
        last = &ledger->orgs[next_org(ledger, last)].id;
        put_string(&w, BYTES, last->b, 32);
    }
    return map_record("members", 7, w.bytes, w.size);
}

/* One row for each member, if they validate at all. */
static void put_validators(model_ledger *ledger)
{
    writer w = {.size = 0};
    const model_hash *last = NULL;
    if (!ledger->orgs[0].validates)
        return;
    put_head(&w, ARRAY, ledger->org_count);
    for (size_t i = 0; i < ledger->org_count; i++) {
        const model_org *org = &ledger->orgs[next_org(ledger, last)];
        last = &org->id;
        put_head(&w, ARRAY, 4);
        put_string(&w, BYTES, org->id.b, 32);
        put_string(&w, BYTES, org->validator_kid.b, 32);
        put_string(&w, BYTES, org->validator_key, 32);
        put_head(&w, UINT, 1);
    }
    put_record(ledger, map_record("validators", 10, w.bytes, w.size));
}

/* The first validator key ends at the next height, the new one is in its place. */
static void rotate(model_ledger *ledger, model_org *org, const model_tx *tx, uint64_t height)
{
    writer w = {.size = 0};
    uint8_t name[36] = "key/";
    put_key_value(&w, org, 6, org->first_cose, org->first_cose_size, 0);
    w.bytes[0]++; /* a map of one more */
    put_pair(&w, 5, height + 1);
    memcpy(name + 4, org->first_kid.b, 32);
    put_record(ledger, map_record(name, sizeof name, w.bytes, w.size));
    org->rotated = true;
    org->validator_kid = tx->object;
    memcpy(org->validator_key, tx->ed25519, 32);
    put_validators(ledger);
}

static void begin_validator(model_org *org, const model_key *key)
{
    org->validates = true;
    org->validator_kid = org->first_kid = key->kid;
    memcpy(org->validator_key, key->ed25519, 32);
    memcpy(org->first_cose, key->cose, key->size);
    org->first_cose_size = key->size;
}

static model_hash config_root_of(const model_genesis *genesis)
{
    writer w = {.size = 0};
    put_head(&w, MAP, genesis->upgrade_height == 0 ? 8 : 9);
    put_pair(&w, 1, 1);
    put_pair(&w, 2, 600000);
    put_pair(&w, 3, 65535);
    put_pair(&w, 4, 4194304);
    put_pair(&w, 5, 2);
    put_pair(&w, 6, 3);
    put_pair(&w, 7, UINT64_C(2592000000));
    put_head(&w, UINT, 8);
    put_head(&w, ARRAY, 1);
    put_head(&w, ARRAY, 2);
    put_head(&w, NEGATIVE, 6); /* -7: ES256 */
    put_head(&w, UINT, 0);
    if (genesis->upgrade_height != 0) {
        put_head(&w, UINT, 9);
        put_head(&w, ARRAY, 2);
        put_pair(&w, 2, genesis->upgrade_height);
    }
    return map_record("params", 6, w.bytes, w.size).leaf;
}

/* Blocks */

static void add_entry(model_ledger *ledger, unsigned what, const uint8_t *entry, size_t size)
{
    ledger->leaves[ledger->entry_count] = hash_entry(entry, size);
    ledger->what[ledger->entry_count++] = (uint16_t)what;
}

static void close_block(model_ledger *ledger, model_block *block, const model_hash *results,
                        size_t result_count)
{
    writer w = {.size = 0};
    model_hash state = map_root(ledger->records, ledger->record_count, 0);
    model_hash refused = tree_root(results, result_count);
    put_head(&w, ARRAY, 8);
    put_string(&w, TEXT, "cairn/block/1", 13);
    put_head(&w, UINT, block->height);
    put_head(&w, UINT, block->time_ms);
    put_head(&w, UINT, block->first);
    put_head(&w, UINT, block->count);
    put_string(&w, BYTES, state.b, 32);
    put_string(&w, BYTES, ledger->config_root.b, 32);
    put_string(&w, BYTES, refused.b, 32);
    memcpy(block->entry, w.bytes, w.size);
    block->entry_size = (uint16_t)w.size;
    add_entry(ledger, MODEL_IS_BLOCK | (unsigned)ledger->block_count, w.bytes, w.size);
    ledger->blocks[ledger->block_count++] = *block;
}

static void begin_org(model_ledger *ledger, const model_member *member, uint64_t time_ms)
{
    model_org *org = &ledger->orgs[ledger->org_count++];
    org->id = hash_tagged("cairn/org/1", 11, member->keys[0].kid.b, 32);
    memcpy(org->name, member->name, strlen(member->name) + 1);
    for (size_t i = 0; i < member->key_count; i++) {
        org->kids[org->kid_count++] = member->keys[i].kid;
        put_record(ledger, key_record(org, &member->keys[i]));
        if (member->keys[i].purpose == 6)
            begin_validator(org, &member->keys[i]);
    }
    put_org(ledger, org, 0, time_ms);
    put_record(ledger, name_record(org));
}

void model_begin(model_ledger *ledger, const model_genesis *genesis)
{
    model_block block = {.time_ms = genesis->created_ms, .first = 1};
    memset(ledger, 0, sizeof *ledger);
    ledger->id = model_ledger_id(genesis->raw, genesis->size);
    ledger->config_root = config_root_of(genesis);
    ledger->upgrade_height = genesis->upgrade_height;
    for (size_t i = 0; i < genesis->member_count; i++)
        begin_org(ledger, &genesis->members[i], block.time_ms);
    put_record(ledger, members_record(ledger));
    put_validators(ledger);
    add_entry(ledger, MODEL_IS_GENESIS, genesis->raw, genesis->size);
    close_block(ledger, &block, NULL, 0);
}

/* The code with which a handler refuses the transaction for good, 0 if it does not. */
static int refusal_of(const model_ledger *ledger, const model_tx *pool, const model_tx *tx)
{
    if (tx->rotates && ledger->orgs[tx->org].rotated)
        return CAIRN_ERR_CLOSED;
    for (size_t i = 0; i < MODEL_POOL; i++) {
        if (ledger->fate[i] == MODEL_ACCEPTED && pool[i].adds_key == tx->adds_key &&
            pool[i].versioned == tx->versioned && memcmp(pool[i].object.b, tx->object.b, 32) == 0)
            return CAIRN_ERR_EXISTS;
    }
    return tx->bad_proof ? CAIRN_ERR_BAD_SIGNATURE : 0;
}

static void accept_tx(model_ledger *ledger, const model_tx *pool, unsigned i,
                      const model_block *block)
{
    uint64_t height = block->height;
    uint8_t key[MODEL_KEY_SIZE_MAX], value[MODEL_VALUE_SIZE_MAX];
    size_t key_size;
    size_t size = model_record_of(ledger, &pool[i], height, key, &key_size, value);
    put_record(ledger, map_record(key, key_size, value, size));
    if (pool[i].adds_key) {
        model_org *org = &ledger->orgs[pool[i].org];
        org->kids[org->kid_count++] = pool[i].object;
        put_org(ledger, org, height, block->time_ms);
        if (pool[i].rotates)
            rotate(ledger, org, &pool[i], height);
    }
    add_entry(ledger, i, pool[i].raw, pool[i].size);
    ledger->accepted_height[i] = height;
}

/* A transaction and its twin have one fate. */
static void decide(model_ledger *ledger, const model_tx *pool, unsigned i, model_fate fate)
{
    ledger->fate[i] = (uint8_t)fate;
    if (pool[i].twin != 0)
        ledger->fate[pool[i].twin - 1] = MODEL_REFUSED;
}

/* Checks 1 to 10 of docs/formats/transaction.md: time is looked at after what ledger and type it is
 * for, and before who signed. */
int model_check(const model_ledger *ledger, const model_tx *tx, uint64_t height, uint64_t time_ms)
{
    bool is_signer = tx->refusal == CAIRN_ERR_TX_UNKNOWN_SIGNER ||
                     tx->refusal == CAIRN_ERR_BAD_SIGNATURE || tx->refusal == CAIRN_ERR_HIGH_S;
    if (tx->refusal != 0 && !is_signer)
        return tx->refusal;
    if (tx->versioned == 2 && !is_second(ledger, height))
        return CAIRN_ERR_TX_UNKNOWN_TYPE;
    if (tx->until_ms != 0 && tx->until_ms <= time_ms)
        return CAIRN_ERR_TX_EXPIRED;
    if (tx->until_ms != 0 && tx->until_ms - time_ms > MODEL_VALIDITY_MAX_MS)
        return CAIRN_ERR_TX_TOO_FAR_AHEAD;
    return tx->refusal;
}

static model_hash result_leaf(const model_tx *tx, int code)
{
    uint8_t leaf[36];
    unsigned n = (unsigned)-code;
    memcpy(leaf, tx->id.b, 32);
    for (unsigned i = 0; i < 4; i++)
        leaf[32 + i] = (uint8_t)(n >> (24 - 8 * i));
    return hash_entry(leaf, sizeof leaf);
}

bool model_apply_at(model_ledger *ledger, const model_tx *pool, const uint16_t *batch, size_t count,
                    uint64_t height, uint64_t time_ms, model_verdict *ret_verdicts)
{
    model_hash results[MODEL_POOL];
    size_t result_count = 0;
    model_block block = {.height = height, .time_ms = time_ms, .first = ledger->entry_count};
    if (ledger->entry_count + count + 1 > MODEL_ENTRIES_MAX ||
        ledger->block_count == MODEL_BLOCKS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const model_tx *tx = &pool[batch[i]];
        model_verdict verdict = {.code = model_check(ledger, tx, height, time_ms)};
        if (verdict.code == 0 && ledger->fate[batch[i]] != MODEL_FRESH) {
            verdict.code = CAIRN_ERR_TX_REPLAYED;
        } else if (verdict.code == 0 && refusal_of(ledger, pool, tx) != 0) {
            verdict.code = refusal_of(ledger, pool, tx);
            verdict.height = block.height;
            results[result_count++] = result_leaf(tx, verdict.code);
            decide(ledger, pool, batch[i], MODEL_REFUSED);
        } else if (verdict.code == 0) {
            verdict = (model_verdict){.height = block.height, .index = block.first + block.count++};
            accept_tx(ledger, pool, batch[i], &block);
            decide(ledger, pool, batch[i], MODEL_ACCEPTED);
        }
        ret_verdicts[i] = verdict;
    }
    if (block.count + result_count > 0)
        close_block(ledger, &block, results, result_count);
    return true;
}

bool model_apply(model_ledger *ledger, const model_tx *pool, const uint16_t *batch, size_t count,
                 uint64_t time_ms, model_verdict *ret_verdicts)
{
    const model_block *last = &ledger->blocks[ledger->block_count - 1];
    uint64_t after = time_ms > last->time_ms ? time_ms : last->time_ms + 1;
    return model_apply_at(ledger, pool, batch, count, last->height + 1, after, ret_verdicts);
}

model_hash model_app_hash_of(uint64_t size, const model_hash *root)
{
    uint8_t bytes[40];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(size >> (56 - 8 * i));
    memcpy(bytes + 8, root->b, 32);
    return hash_tagged("cairn/app-hash/1", 16, bytes, sizeof bytes);
}

model_hash model_app_hash(const model_ledger *ledger)
{
    model_hash root = model_log_root(ledger, ledger->entry_count);
    return model_app_hash_of(ledger->entry_count, &root);
}
