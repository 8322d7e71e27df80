/* Requests of the consensus engine: what our reader takes protobuf-c takes too, and both read the
 * same. Ours may refuse more: fields that come twice, numbers beyond their type. */
#include "fuzz/fuzz.h"

#include "abci.pb-c.h"
#include "ledger/consortium/abci.h"

/* What was read, folded into one number; field by field in one order for both. */
static void fold(uint64_t *sum, uint64_t value)
{
    *sum = (*sum ^ value) * UINT64_C(0x100000001b3) + 1;
}

static void fold_bytes(uint64_t *sum, const uint8_t *data, size_t size)
{
    fold(sum, size);
    for (size_t i = 0; i < size; i++)
        fold(sum, data[i]);
}
#define OURS(field) fold_bytes(sum, (field).data, (field).size)
#define THEIRS(field) fold_bytes(sum, (field).data, (field).len)

static void fold_our_time(uint64_t *sum, const cairn_abci_time *t)
{
    fold(sum, (uint64_t)t->seconds);
    fold(sum, (uint32_t)t->nanos);
}

static void fold_their_time(uint64_t *sum, const Abci__Time *t)
{
    fold(sum, t == NULL ? 0 : (uint64_t)t->seconds);
    fold(sum, t == NULL ? 0 : (uint32_t)t->nanos);
}

static void fold_their_validator(uint64_t *sum, const Abci__Validator *v)
{
    fold_bytes(sum, v == NULL ? NULL : v->address.data, v == NULL ? 0 : v->address.len);
    fold(sum, v == NULL ? 0 : (uint64_t)v->power);
}

/* --- ours --- */

static void fold_our_block(uint64_t *sum, const cairn_abci_block *b, bool prepare)
{
    const cairn_bytes *txs = b->txs.items;
    const cairn_abci_vote *votes = b->last_commit.votes.items;
    const cairn_abci_misbehavior *misbehavior = b->misbehavior.items;
    fold(sum, prepare ? (uint64_t)b->max_tx_bytes : (uint64_t)b->last_commit.round);
    fold(sum, b->txs.count);
    for (size_t i = 0; i < b->txs.count; i++)
        OURS(txs[i]);
    for (size_t i = 0; i < b->last_commit.votes.count; i++) {
        OURS(votes[i].validator.address);
        fold(sum, (uint64_t)votes[i].validator.power);
        fold(sum, (uint64_t)votes[i].block_id_flag);
    }
    for (size_t i = 0; i < b->misbehavior.count; i++) {
        fold(sum, (uint64_t)misbehavior[i].type);
        OURS(misbehavior[i].validator.address);
        fold(sum, (uint64_t)misbehavior[i].validator.power);
        fold(sum, (uint64_t)misbehavior[i].height);
        fold_our_time(sum, &misbehavior[i].time);
        fold(sum, (uint64_t)misbehavior[i].total_power);
    }
    OURS(b->hash);
    fold(sum, (uint64_t)b->height);
    fold_our_time(sum, &b->time);
    OURS(b->next_validators_hash);
    OURS(b->proposer);
}

static void fold_our_beginning(uint64_t *sum, const cairn_abci_request *r)
{
    const cairn_abci_validator *validators = r->init_chain.validators.items;
    fold_our_time(sum, &r->init_chain.time);
    OURS(r->init_chain.chain_id);
    fold(sum, (uint64_t)r->init_chain.params.block.max_bytes);
    fold(sum, (uint64_t)r->init_chain.params.block.max_gas);
    fold(sum, r->init_chain.params.version.app);
    fold(sum, (uint64_t)r->init_chain.params.abci.vote_extensions_height);
    for (size_t i = 0; i < r->init_chain.validators.count; i++) {
        OURS(validators[i].ed25519);
        fold(sum, (uint64_t)validators[i].power);
    }
    OURS(r->init_chain.app_state);
    fold(sum, (uint64_t)r->init_chain.initial_height);
}

static uint64_t fold_ours(const cairn_abci_request *r)
{
    uint64_t value = 0;
    uint64_t *sum = &value;
    fold(sum, (uint64_t)r->kind);
    switch (r->kind) {
    case CAIRN_ABCI_ECHO:
        OURS(r->echo.message);
        break;
    case CAIRN_ABCI_INFO:
        OURS(r->info.version);
        fold(sum, r->info.block_version);
        fold(sum, r->info.p2p_version);
        OURS(r->info.abci_version);
        break;
    case CAIRN_ABCI_INIT_CHAIN:
        fold_our_beginning(sum, r);
        break;
    case CAIRN_ABCI_QUERY:
        OURS(r->query.data);
        OURS(r->query.path);
        fold(sum, (uint64_t)r->query.height);
        fold(sum, r->query.prove);
        break;
    case CAIRN_ABCI_CHECK_TX:
        OURS(r->check_tx.tx);
        fold(sum, (uint64_t)r->check_tx.type);
        break;
    case CAIRN_ABCI_OFFER_SNAPSHOT:
        fold(sum, r->offer.snapshot.height);
        fold(sum, r->offer.snapshot.format);
        fold(sum, r->offer.snapshot.chunks);
        OURS(r->offer.snapshot.hash);
        OURS(r->offer.snapshot.metadata);
        OURS(r->offer.app_hash);
        break;
    case CAIRN_ABCI_LOAD_CHUNK:
        fold(sum, r->load_chunk.height);
        fold(sum, r->load_chunk.format);
        fold(sum, r->load_chunk.chunk);
        break;
    case CAIRN_ABCI_APPLY_CHUNK:
        fold(sum, r->apply_chunk.index);
        OURS(r->apply_chunk.chunk);
        OURS(r->apply_chunk.sender);
        break;
    case CAIRN_ABCI_PREPARE:
    case CAIRN_ABCI_PROCESS:
    case CAIRN_ABCI_FINALIZE:
        fold_our_block(sum, &r->block, r->kind == CAIRN_ABCI_PREPARE);
        break;
    default:
        break;
    }
    return value;
}

/* --- theirs --- */

static void fold_their_misbehavior(uint64_t *sum, Abci__Misbehavior *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fold(sum, (uint64_t)list[i]->type);
        fold_their_validator(sum, list[i]->validator);
        fold(sum, (uint64_t)list[i]->height);
        fold_their_time(sum, list[i]->time);
        fold(sum, (uint64_t)list[i]->total_power);
    }
}

static void fold_their_txs(uint64_t *sum, const ProtobufCBinaryData *txs, size_t count)
{
    fold(sum, count);
    for (size_t i = 0; i < count; i++)
        THEIRS(txs[i]);
}

static void fold_their_prepare(uint64_t *sum, const Abci__Prepare *b)
{
    fold(sum, (uint64_t)b->max_tx_bytes);
    fold_their_txs(sum, b->txs, b->n_txs);
    fold_their_misbehavior(sum, b->misbehavior, b->n_misbehavior);
    fold_bytes(sum, NULL, 0); /* hash */
    fold(sum, (uint64_t)b->height);
    fold_their_time(sum, b->time);
    THEIRS(b->next_validators_hash);
    THEIRS(b->proposer);
}

static void fold_their_block(uint64_t *sum, const Abci__Block *b)
{
    const Abci__Commit *commit = b->last_commit;
    fold(sum, commit == NULL ? 0 : (uint64_t)commit->round);
    fold_their_txs(sum, b->txs, b->n_txs);
    for (size_t i = 0; commit != NULL && i < commit->n_votes; i++) {
        fold_their_validator(sum, commit->votes[i]->validator);
        fold(sum, (uint64_t)commit->votes[i]->block_id_flag);
    }
    fold_their_misbehavior(sum, b->misbehavior, b->n_misbehavior);
    THEIRS(b->hash);
    fold(sum, (uint64_t)b->height);
    fold_their_time(sum, b->time);
    THEIRS(b->next_validators_hash);
    THEIRS(b->proposer);
}

static void fold_their_beginning(uint64_t *sum, const Abci__InitChain *r)
{
    const Abci__Params *p = r->params;
    fold_their_time(sum, r->time);
    THEIRS(r->chain_id);
    fold(sum, p == NULL || p->block == NULL ? 0 : (uint64_t)p->block->max_bytes);
    fold(sum, p == NULL || p->block == NULL ? 0 : (uint64_t)p->block->max_gas);
    fold(sum, p == NULL || p->version == NULL ? 0 : p->version->app);
    fold(sum, p == NULL || p->abci == NULL ? 0 : (uint64_t)p->abci->vote_extensions_height);
    for (size_t i = 0; i < r->n_validators; i++) {
        const Abci__PublicKey *key = r->validators[i]->key;
        bool is_ed25519 = key != NULL && key->of_case == ABCI__PUBLIC_KEY__OF_ED25519;
        fold_bytes(sum, is_ed25519 ? key->ed25519.data : NULL, is_ed25519 ? key->ed25519.len : 0);
        fold(sum, (uint64_t)r->validators[i]->power);
    }
    THEIRS(r->app_state);
    fold(sum, (uint64_t)r->initial_height);
}

static uint64_t fold_theirs(const Abci__Request *r)
{
    uint64_t value = 0;
    uint64_t *sum = &value;
    fold(sum, (uint64_t)r->of_case);
    switch (r->of_case) {
    case ABCI__REQUEST__OF_ECHO:
        THEIRS(r->echo->message);
        break;
    case ABCI__REQUEST__OF_INFO:
        THEIRS(r->info->version);
        fold(sum, r->info->block_version);
        fold(sum, r->info->p2p_version);
        THEIRS(r->info->abci_version);
        break;
    case ABCI__REQUEST__OF_INIT_CHAIN:
        fold_their_beginning(sum, r->init_chain);
        break;
    case ABCI__REQUEST__OF_QUERY:
        THEIRS(r->query->data);
        THEIRS(r->query->path);
        fold(sum, (uint64_t)r->query->height);
        fold(sum, r->query->prove != 0);
        break;
    case ABCI__REQUEST__OF_CHECK_TX:
        THEIRS(r->check_tx->tx);
        fold(sum, (uint64_t)r->check_tx->type);
        break;
    case ABCI__REQUEST__OF_OFFER_SNAPSHOT: {
        const Abci__Snapshot none = ABCI__SNAPSHOT__INIT;
        const Abci__Snapshot *s =
            r->offer_snapshot->snapshot == NULL ? &none : r->offer_snapshot->snapshot;
        fold(sum, s->height);
        fold(sum, s->format);
        fold(sum, s->chunks);
        THEIRS(s->hash);
        THEIRS(s->metadata);
        THEIRS(r->offer_snapshot->app_hash);
        break;
    }
    case ABCI__REQUEST__OF_LOAD_CHUNK:
        fold(sum, r->load_chunk->height);
        fold(sum, r->load_chunk->format);
        fold(sum, r->load_chunk->chunk);
        break;
    case ABCI__REQUEST__OF_APPLY_CHUNK:
        fold(sum, r->apply_chunk->index);
        THEIRS(r->apply_chunk->chunk);
        THEIRS(r->apply_chunk->sender);
        break;
    case ABCI__REQUEST__OF_PREPARE:
        fold_their_prepare(sum, r->prepare);
        break;
    case ABCI__REQUEST__OF_PROCESS:
        fold_their_block(sum, r->process);
        break;
    case ABCI__REQUEST__OF_FINALIZE:
        fold_their_block(sum, r->finalize);
        break;
    default:
        break;
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_abci_request ours;
    cairn_arena arena;
    cairn_arena_init(&arena, 64 << 20);
    cairn_err err = cairn_abci_read(&arena, cairn_bytes_of(data, size), &ours);
    if (err == CAIRN_OK) {
        Abci__Request *theirs = abci__request__unpack(NULL, size, data);
        CAIRN_ASSERT(theirs != NULL);
        CAIRN_ASSERT(fold_ours(&ours) == fold_theirs(theirs));
        abci__request__free_unpacked(theirs, NULL);
    }
    cairn_arena_done(&arena);
    return 0;
}
