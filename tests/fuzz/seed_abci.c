/* Writes requests of each kind, packed by protobuf-c. seed-abci DIRECTORY */
#include <stdio.h>
#include <stdlib.h>

#include "abci.pb-c.h"

static const char *directory;
static uint8_t some[40];

static ProtobufCBinaryData bytes(size_t size)
{
    return (ProtobufCBinaryData){.data = some, .len = size};
}

static void put(const char *name, const Abci__Request *request)
{
    char path[512];
    size_t size = abci__request__get_packed_size(request);
    uint8_t *out = malloc(size);
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || out == NULL)
        exit(1);
    (void)abci__request__pack(request, out);
    if (fwrite(out, 1, size, file) != size || fclose(file) != 0)
        exit(1);
    free(out);
}
#define PUT(name, CASE, member, value)               \
    do {                                             \
        Abci__Request request = ABCI__REQUEST__INIT; \
        request.of_case = ABCI__REQUEST__OF_##CASE;  \
        request.member = (value);                    \
        put(name, &request);                         \
    } while (0)

static void put_small(void)
{
    Abci__Empty empty = ABCI__EMPTY__INIT;
    Abci__Echo echo = ABCI__ECHO__INIT;
    Abci__Info info = ABCI__INFO__INIT;
    Abci__Query query = ABCI__QUERY__INIT;
    Abci__CheckTx check = ABCI__CHECK_TX__INIT;
    echo.message = bytes(5);
    info.version = bytes(7);
    info.block_version = 11;
    info.p2p_version = 8;
    info.abci_version = bytes(5);
    query.data = bytes(9);
    query.path = bytes(6);
    query.height = -1;
    query.prove = 1;
    check.tx = bytes(40);
    check.type = 1;
    PUT("echo", ECHO, echo, &echo);
    PUT("flush", FLUSH, flush, &empty);
    PUT("commit", COMMIT, commit, &empty);
    PUT("list", LIST_SNAPSHOTS, list_snapshots, &empty);
    PUT("extend", EXTEND_VOTE, extend_vote, &empty);
    PUT("info", INFO, info, &info);
    PUT("query", QUERY, query, &query);
    PUT("check", CHECK_TX, check_tx, &check);
}

static void put_beginning(void)
{
    Abci__Time time = ABCI__TIME__INIT;
    Abci__BlockParams block = ABCI__BLOCK_PARAMS__INIT;
    Abci__VersionParams version = ABCI__VERSION_PARAMS__INIT;
    Abci__Params params = ABCI__PARAMS__INIT;
    Abci__PublicKey key = ABCI__PUBLIC_KEY__INIT;
    Abci__ValidatorUpdate validator = ABCI__VALIDATOR_UPDATE__INIT;
    Abci__ValidatorUpdate *validators[] = {&validator, &validator};
    Abci__InitChain begin = ABCI__INIT_CHAIN__INIT;
    time.seconds = 1700000000;
    time.nanos = 999999999;
    block.max_bytes = 4 << 20;
    block.max_gas = -1;
    version.app = 1;
    params.block = &block;
    params.version = &version;
    key.of_case = ABCI__PUBLIC_KEY__OF_ED25519;
    key.ed25519 = bytes(32);
    validator.key = &key;
    validator.power = 10;
    begin.time = &time;
    begin.chain_id = bytes(12);
    begin.params = &params;
    begin.validators = validators;
    begin.n_validators = 2;
    begin.app_state = bytes(30);
    begin.initial_height = 7;
    PUT("begin", INIT_CHAIN, init_chain, &begin);
}

static void put_snapshots(void)
{
    Abci__Snapshot snapshot = ABCI__SNAPSHOT__INIT;
    Abci__OfferSnapshot offer = ABCI__OFFER_SNAPSHOT__INIT;
    Abci__LoadChunk load = ABCI__LOAD_CHUNK__INIT;
    Abci__ApplyChunk apply = ABCI__APPLY_CHUNK__INIT;
    snapshot.height = 1000;
    snapshot.format = 1;
    snapshot.chunks = 3;
    snapshot.hash = bytes(32);
    offer.snapshot = &snapshot;
    offer.app_hash = bytes(32);
    load.height = 1000;
    load.chunk = 2;
    apply.index = 2;
    apply.chunk = bytes(20);
    apply.sender = bytes(10);
    PUT("offer", OFFER_SNAPSHOT, offer_snapshot, &offer);
    PUT("load", LOAD_CHUNK, load_chunk, &load);
    PUT("apply", APPLY_CHUNK, apply_chunk, &apply);
}

static void put_blocks(void)
{
    Abci__Time time = ABCI__TIME__INIT;
    Abci__Validator validator = ABCI__VALIDATOR__INIT;
    Abci__Vote vote = ABCI__VOTE__INIT;
    Abci__Vote *votes[] = {&vote, &vote, &vote};
    Abci__Commit commit = ABCI__COMMIT__INIT;
    Abci__Misbehavior evidence = ABCI__MISBEHAVIOR__INIT;
    Abci__Misbehavior *misbehavior[] = {&evidence};
    ProtobufCBinaryData txs[] = {bytes(40), bytes(0), bytes(13)};
    Abci__Prepare prepare = ABCI__PREPARE__INIT;
    Abci__Block block = ABCI__BLOCK__INIT;
    time.seconds = 1700000001;
    time.nanos = 5;
    validator.address = bytes(20);
    validator.power = 10;
    vote.validator = &validator;
    vote.block_id_flag = 2;
    commit.round = 1;
    commit.votes = votes;
    commit.n_votes = 3;
    evidence.type = 1;
    evidence.validator = &validator;
    evidence.height = 6;
    evidence.time = &time;
    evidence.total_power = 40;
    prepare.max_tx_bytes = 1 << 20;
    prepare.txs = block.txs = txs;
    prepare.n_txs = block.n_txs = 3;
    prepare.misbehavior = block.misbehavior = misbehavior;
    prepare.n_misbehavior = block.n_misbehavior = 1;
    prepare.height = block.height = 8;
    prepare.time = block.time = &time;
    prepare.proposer = block.proposer = bytes(20);
    block.last_commit = &commit;
    block.hash = block.next_validators_hash = bytes(32);
    PUT("prepare", PREPARE, prepare, &prepare);
    PUT("process", PROCESS, process, &block);
    PUT("finalize", FINALIZE, finalize, &block);
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    directory = words[1];
    for (size_t i = 0; i < sizeof some; i++)
        some[i] = (uint8_t)(i * 7 + 1);
    put_small();
    put_beginning();
    put_snapshots();
    put_blocks();
    return 0;
}
