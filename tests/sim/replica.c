/* Requests as CometBFT 0.38 writes them, answers as it reads them. Numbers: abci/types.proto of
 * that release. */
#include "sim/replica.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "feature_list.h"
#include "sim/disk.h"

enum {
    OUT_SIZE_MAX = 8 << 20,
    ARENA_SIZE_MAX = 64 << 20,
};

static const char clause[] = "abci/types.proto";

/* --- protocol buffers, written --- */

typedef struct pb_out {
    uint8_t *data;
    size_t size;
    size_t capacity;
} pb_out;

static uint8_t out_memory[4][OUT_SIZE_MAX];

static pb_out pb_begin(unsigned level)
{
    return (pb_out){.data = out_memory[level], .capacity = OUT_SIZE_MAX};
}

static void put_varint(pb_out *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        out->data[out->size++] = (uint8_t)(value | 0x80);
    out->data[out->size++] = (uint8_t)value;
}

/* Zero is left out, as proto3 does. */
static void put_uint(pb_out *out, unsigned number, uint64_t value)
{
    if (value == 0)
        return;
    put_varint(out, number << 3);
    put_varint(out, value);
}

static void put_item(pb_out *out, unsigned number, const void *data, size_t size)
{
    put_varint(out, number << 3 | 2);
    put_varint(out, size);
    if (out->size + size + 64 > out->capacity)
        sim_disk_unmodelled("a request that is too long", "replica");
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_time(pb_out *out, unsigned number, uint64_t ms, uint32_t nanos)
{
    pb_out time = pb_begin(2);
    put_uint(&time, 1, ms / 1000);
    put_uint(&time, 2, ms % 1000 * 1000000 + nanos);
    put_item(out, number, time.data, time.size);
}

/* Of the simulation: no allocation of it fails. */
static model_hash own_hash(const void *data, size_t size)
{
    sim_disk_hold_memory(true);
    model_hash hash = model_sha256(data, size);
    sim_disk_hold_memory(false);
    return hash;
}

/* Those of the genesis, each with a power of one. */
static void put_validators(pb_out *out, const model_genesis *genesis)
{
    for (size_t m = 0; m < genesis->member_count; m++) {
        const model_member *member = &genesis->members[m];
        const model_key *consensus = &member->keys[member->key_count - 1];
        pb_out validator = pb_begin(2), key = pb_begin(3);
        put_item(&key, 1, consensus->ed25519, sizeof consensus->ed25519);
        put_item(&validator, 1, key.data, key.size);
        put_uint(&validator, 2, 1);
        put_item(out, 4, validator.data, validator.size);
    }
}

/* --- protocol buffers, read --- */

typedef struct pb_field {
    unsigned number;
    uint64_t value;
    cairn_bytes bytes;
} pb_field;

static bool take_varint(cairn_bytes *in, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in->size && i < 10; i++) {
        value |= (uint64_t)(in->data[i] & 0x7f) << (7 * i);
        if ((in->data[i] & 0x80) != 0)
            continue;
        *in = cairn_bytes_of(in->data + i + 1, in->size - i - 1);
        *ret_value = value;
        return true;
    }
    return false;
}

/* False at the end; a malformed answer ends the trial. */
static bool next_field(cairn_bytes *in, pb_field *ret_field)
{
    uint64_t tag;
    if (in->size == 0)
        return false;
    pb_field field = {0};
    bool good = take_varint(in, &tag) && take_varint(in, &field.value);
    field.number = (unsigned)(tag >> 3);
    if (good && (tag & 7) == 2) {
        good = field.value <= in->size;
        field.bytes = cairn_bytes_of(in->data, (size_t)field.value);
        *in = cairn_bytes_of(in->data + field.value, in->size - (size_t)field.value);
    } else if ((tag & 7) != 0) {
        good = false;
    }
    if (!good)
        sim_disk_unmodelled("an answer that is no protocol buffer", "replica");
    *ret_field = field;
    return true;
}

/* --- its socket --- */

bool sim_replica_by_socket;

static void disconnect(sim_replica *replica)
{
    if (replica->server == NULL)
        return;
    for (unsigned i = 0; i < REPLICA_WIRES; i++) {
        if (replica->wires[i] >= 0)
            (void)close(replica->wires[i]);
    }
    cairn_abci_server_stop(replica->server);
    replica->server = NULL;
}

static cairn_err dial(sim_replica *replica, replica_wire wire)
{
    int *fd = &replica->wires[wire];
    if (*fd >= 0)
        (void)close(*fd);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd >= 0 &&
        connect(*fd, (const struct sockaddr *)&replica->address, sizeof replica->address) == 0)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_IO, "house", "connect: %s", strerror(errno));
}

/* In the order in which the engine dials. */
static cairn_err connect_all(sim_replica *replica, const char *directory)
{
    struct sockaddr_un *address = &replica->address;
    cairn_abci_handler handler = cairn_application_handler(replica->application);
    const char *root = sim_disk_root(); /* beside it: a socket is not on the simulated disk */
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s-%s-%d.sock", root,
                   directory + strlen(root) + 1, (int)getpid());
    CAIRN_TRY(cairn_abci_server_start(address->sun_path, &handler, NULL, &replica->server));
    memset(replica->wires, 0xff, sizeof replica->wires);
    for (unsigned i = 0; i < REPLICA_WIRES; i++)
        CAIRN_TRY(dial(replica, (replica_wire)i));
    return CAIRN_OK;
}

static replica_wire wire_of(cairn_abci_kind kind)
{
    switch (kind) {
    case CAIRN_ABCI_INFO:
    case CAIRN_ABCI_QUERY:
        return REPLICA_QUERY;
    case CAIRN_ABCI_CHECK_TX:
        return REPLICA_MEMPOOL;
    case CAIRN_ABCI_LIST_SNAPSHOTS:
    case CAIRN_ABCI_OFFER_SNAPSHOT:
    case CAIRN_ABCI_LOAD_CHUNK:
    case CAIRN_ABCI_APPLY_CHUNK:
        return REPLICA_SNAPSHOT;
    default:
        return REPLICA_CONSENSUS;
    }
}

static bool send_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* A frame, byte by byte in its length: it may come in any pieces. False when the connection ends.
 */
static bool receive_frame(int fd, pb_out *ret_frame)
{
    uint8_t byte = 0x80;
    uint64_t size = 0;
    for (unsigned shift = 0; (byte & 0x80) != 0 && shift < 35; shift += 7) {
        if (recv(fd, &byte, 1, 0) != 1)
            return false;
        size |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (size > ret_frame->capacity)
        return false;
    ret_frame->size = (size_t)size;
    return size == 0 || recv(fd, ret_frame->data, (size_t)size, MSG_WAITALL) == (ssize_t)size;
}

/* --- its life --- */

static cairn_wire_writer answer_writer;

/* The blocks of the embedded engine that are still missing, each at its time. */
static cairn_err live_embedded(sim_replica *replica, const replica_options *options)
{
    cairn_verdict verdict;
    for (;;) {
        cairn_view *view = cairn_engine_view(replica->engine);
        uint64_t height = view->height;
        cairn_view_free(view);
        if (height == options->embedded_count)
            break;
        replica->clock.wall_ms = options->genesis->created_ms + REPLICA_EMBEDDED_MS * (height + 1);
        CAIRN_TRY(cairn_engine_wait(replica->engine, options->embedded[height], &verdict));
    }
    replica->clock.wall_ms = options->now_ms;
    return CAIRN_OK;
}

static cairn_err find_ledger(sim_replica *replica, const replica_options *options)
{
    cairn_bytes genesis = cairn_bytes_of(options->genesis->raw, options->genesis->size);
    replica->genesis = options->genesis;
    replica->engine = cairn_store_ledger(replica->store, 0);
    if (replica->engine == NULL)
        CAIRN_TRY(cairn_store_create(replica->store, genesis, &replica->engine));
    if (!options->joins && !cairn_store_is_driven(replica->engine))
        CAIRN_TRY(live_embedded(replica, options));
    CAIRN_TRY(cairn_store_drive(replica->engine, NULL));
    replica->chain =
        (cairn_chain){.id = "simulated",
                      .initial_height = options->embedded_count + 1,
                      .start = {.genesis = genesis, .height = options->embedded_count}};
    memcpy(replica->chain.start.app_hash.b, options->app_hash.b, 32);
    return CAIRN_OK;
}

static cairn_err open_all(sim_replica *replica, const replica_options *options)
{
    cairn_store_options store;
    cairn_store_options_default(&store, options->features);
    replica->clock = (cairn_clock_manual){.wall_ms = options->now_ms, .monotonic_ns = 1};
    store.clock = cairn_clock_of_manual(&replica->clock);
    store.threads = 0;
    store.index_size_max = 16 << 20;
    store.segment_size = options->segment_size;
    store.checkpoint_changes = options->checkpoint_changes;
    store.checkpoint_ms = 50;
    CAIRN_TRY(cairn_store_open(options->directory, &store, &replica->store));
    CAIRN_TRY(find_ledger(replica, options));
    const cairn_application_options application = {.store = replica->store,
                                                   .engine = replica->engine,
                                                   .chain = &replica->chain,
                                                   .clock = store.clock,
                                                   .version = "simulated",
                                                   .pool_count_max = MODEL_POOL * 2,
                                                   .retain_blocks = options->retain_blocks,
                                                   .snapshot_blocks = options->snapshot_blocks,
                                                   .snapshot_chunk_size =
                                                       options->snapshot_chunk_size};
    CAIRN_TRY(cairn_application_new(&application, &replica->application));
    return sim_replica_by_socket ? connect_all(replica, options->directory) : CAIRN_OK;
}

void replica_kill(sim_replica *replica)
{
    disconnect(replica);
    cairn_application_free(replica->application);
    cairn_store_free(replica->store);
    replica->application = NULL;
    replica->store = NULL;
    replica->up = false;
}

cairn_err replica_open(sim_replica *replica, const replica_options *options)
{
    cairn_err err = open_all(replica, options);
    if (err != CAIRN_OK)
        replica_kill(replica);
    replica->up = err == CAIRN_OK;
    return err;
}

cairn_err replica_close(sim_replica *replica)
{
    disconnect(replica);
    cairn_application_free(replica->application);
    replica->application = NULL;
    cairn_store *store = replica->store;
    replica->store = NULL;
    replica->up = false;
    return cairn_store_close(store);
}

cairn_err replica_turn(sim_replica *replica)
{
    bool worked;
    return cairn_store_step(replica->store, &worked);
}

cairn_err replica_settle(sim_replica *replica)
{
    CAIRN_TRY(cairn_store_sync(replica->store));
    return cairn_store_checkpoint(replica->store);
}

/* --- a request and its answer --- */

/* Through the handler alone: one message is read, one frame is written. */
static cairn_err call_handler(sim_replica *replica, const pb_out *message, cairn_arena *arena,
                              cairn_bytes *ret_message)
{
    cairn_abci_request request;
    cairn_bytes frame;
    uint64_t size;
    CAIRN_TRY(cairn_abci_read(arena, cairn_bytes_of(message->data, message->size), &request));
    if (answer_writer.size_max == 0)
        cairn_wire_writer_init(&answer_writer, CAIRN_ABCI_FRAME_SIZE_MAX);
    cairn_wire_writer_reset(&answer_writer);
    cairn_abci_handler handler = cairn_application_handler(replica->application);
    if (handler.foresee != NULL)
        handler.foresee(handler.context, &request, 1);
    CAIRN_TRY(handler.handle(handler.context, &request, arena, &answer_writer));
    CAIRN_TRY(cairn_wire_writer_end(&answer_writer, &frame));
    if (!take_varint(&frame, &size) || size != frame.size)
        sim_disk_unmodelled("an answer that is no frame", "replica");
    *ret_message = frame;
    return CAIRN_OK;
}

/* The request and a Flush behind it, which is answered after it. False on an exception or the end
 * of the connection, which may come before the Flush is sent. */
static bool exchange(int fd, const pb_out *message, pb_out *ret_answer)
{
    static const uint8_t flush[] = {2, CAIRN_ABCI_FLUSH << 3 | 2, 0};
    static const uint8_t flushed[] = {(CAIRN_ABCI_FLUSH + 1) << 3 | 2, 0};
    static const uint8_t exception = 1 << 3 | 2;
    uint8_t length_data[16], end_data[16];
    pb_out length = {.data = length_data, .capacity = sizeof length_data};
    pb_out end = {.data = end_data, .capacity = sizeof end_data};
    put_varint(&length, message->size);
    return send_all(fd, length.data, length.size) && send_all(fd, message->data, message->size) &&
           send_all(fd, flush, sizeof flush) && receive_frame(fd, ret_answer) &&
           ret_answer->size > 0 && ret_answer->data[0] != exception && receive_frame(fd, &end) &&
           end.size == sizeof flushed && memcmp(end.data, flushed, sizeof flushed) == 0;
}

/* Through the socket. On a failure an engine ends itself: what comes next is the next engine's. */
static cairn_err call_socket(sim_replica *replica, cairn_abci_kind kind, const pb_out *message,
                             cairn_bytes *ret_message)
{
    replica_wire wire = wire_of(kind);
    pb_out answer = pb_begin(3);
    if (!exchange(replica->wires[wire], message, &answer)) {
        CAIRN_TRY(dial(replica, wire));
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "an exception, or no answer");
    }
    *ret_message = cairn_bytes_of(answer.data, answer.size);
    return CAIRN_OK;
}

/* Sends the request of this kind; `ret_answer` is the content of its answer, valid until the next
 * one. */
static cairn_err call(sim_replica *replica, cairn_abci_kind kind, const pb_out *content,
                      cairn_arena *arena, cairn_bytes *ret_answer)
{
    pb_out message = pb_begin(1);
    cairn_bytes in;
    pb_field answer;
    put_item(&message, (unsigned)kind, content->data, content->size);
    if (replica->server != NULL)
        CAIRN_TRY(call_socket(replica, kind, &message, &in));
    else
        CAIRN_TRY(call_handler(replica, &message, arena, &in));
    if (!next_field(&in, &answer) || in.size != 0 || answer.number != (unsigned)kind + 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "another answer than to request %u",
                          (unsigned)kind);
    *ret_answer = answer.bytes;
    return CAIRN_OK;
}

static model_hash hash_field(const pb_field *field)
{
    model_hash hash = {{0}};
    if (field->bytes.size == sizeof hash.b)
        memcpy(hash.b, field->bytes.data, sizeof hash.b);
    return hash;
}

cairn_err replica_info(sim_replica *replica, uint64_t *ret_height, model_hash *ret_app_hash)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    uint64_t height = 0;
    model_hash app_hash = {{0}};
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_item(&out, 1, "0.38.25", 7);
    put_uint(&out, 2, 11);
    put_uint(&out, 3, 8);
    put_item(&out, 4, "2.0.0", 5);
    CAIRN_TRY(call(replica, CAIRN_ABCI_INFO, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 4)
            height = f.value;
        if (f.number == 5)
            app_hash = hash_field(&f);
    }
    *ret_height = height;
    *ret_app_hash = app_hash;
    return CAIRN_OK;
}

cairn_err replica_init_chain(sim_replica *replica, uint64_t time_ms, model_hash *ret_app_hash)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0), params = pb_begin(2);
    cairn_bytes answer, app_state;
    model_hash app_hash = {{0}};
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    CAIRN_TRY(cairn_chain_start_encode(&arena, &replica->chain.start, &app_state));
    put_time(&out, 1, time_ms, 0);
    put_item(&out, 2, replica->chain.id, strlen(replica->chain.id));
    pb_out block = pb_begin(3);
    put_uint(&block, 1, 4 << 20);
    put_uint(&block, 2, UINT64_MAX); /* no limit of gas */
    put_item(&params, 1, block.data, block.size);
    put_item(&out, 3, params.data, params.size);
    put_validators(&out, replica->genesis);
    put_item(&out, 5, app_state.data, app_state.size);
    put_uint(&out, 6, replica->chain.initial_height);
    CAIRN_TRY(call(replica, CAIRN_ABCI_INIT_CHAIN, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 3)
            app_hash = hash_field(&f);
    }
    *ret_app_hash = app_hash;
    return CAIRN_OK;
}

cairn_err replica_check_tx(sim_replica *replica, cairn_bytes tx, bool again, uint32_t *ret_code)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    uint64_t code = 0;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_item(&out, 1, tx.data, tx.size);
    put_uint(&out, 2, again);
    CAIRN_TRY(call(replica, CAIRN_ABCI_CHECK_TX, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            code = f.value;
    }
    *ret_code = (uint32_t)code;
    return CAIRN_OK;
}

cairn_err replica_query(sim_replica *replica, cairn_bytes key, bool prove, cairn_arena *arena,
                        cairn_bytes *ret_value)
{
    pb_out out = pb_begin(0);
    cairn_bytes answer, value = {0};
    uint64_t code = 0, proofs = 0;
    put_item(&out, 1, key.data, key.size);
    put_item(&out, 2, "/state", 6);
    put_uint(&out, 4, prove);
    CAIRN_TRY(call(replica, CAIRN_ABCI_QUERY, &out, arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            code = f.value;
        if (f.number == 7)
            CAIRN_TRY(cairn_arena_copy(arena, f.bytes, &value));
        proofs += f.number == 8;
    }
    if (code != 0)
        return (cairn_err) - (int)code;
    if (proofs != prove)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "query: a proof is missing, or too much");
    *ret_value = value;
    return CAIRN_OK;
}

/* --- blocks --- */

/* Fields 5 to 8, which Prepare, Process and Finalize have in common. */
static void put_block_end(pb_out *out, const replica_block *block)
{
    static const uint8_t validators[32] = {0x77}, proposer[20] = {0x55};
    put_uint(out, 5, block->height);
    put_time(out, 6, block->time_ms, block->nanos);
    put_item(out, 7, validators, sizeof validators);
    put_item(out, 8, proposer, sizeof proposer);
}

cairn_err replica_prepare(sim_replica *replica, const replica_block *block, uint64_t size_max,
                          cairn_arena *arena, replica_block *ret_block)
{
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    replica_block proposal = {
        .height = block->height, .time_ms = block->time_ms, .nanos = block->nanos};
    put_uint(&out, 1, size_max);
    for (size_t i = 0; i < block->count; i++)
        put_item(&out, 2, block->txs[i].data, block->txs[i].size);
    put_item(&out, 3, NULL, 0);
    put_block_end(&out, block);
    CAIRN_TRY(call(replica, CAIRN_ABCI_PREPARE, &out, arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number != 1)
            continue;
        if (proposal.count == REPLICA_BLOCK_TXS)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "more transactions than were offered");
        CAIRN_TRY(cairn_arena_copy(arena, f.bytes, &proposal.txs[proposal.count++]));
    }
    *ret_block = proposal;
    return CAIRN_OK;
}

static void put_block(pb_out *out, const replica_block *block)
{
    model_hash hash = own_hash(&block->height, sizeof block->height);
    for (size_t i = 0; i < block->count; i++)
        put_item(out, 1, block->txs[i].data, block->txs[i].size);
    put_item(out, 2, NULL, 0);
    put_item(out, 4, hash.b, sizeof hash.b);
    put_block_end(out, block);
}

cairn_err replica_process(sim_replica *replica, const replica_block *block, bool *ret_accept)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    uint64_t status = 0;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_block(&out, block);
    CAIRN_TRY(call(replica, CAIRN_ABCI_PROCESS, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            status = f.value;
    }
    if (status != 1 && status != 2)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "process: status, on which a node ends");
    *ret_accept = status == 1;
    return CAIRN_OK;
}

/* Codes, data and gas: what the next header's last_results_hash covers. */
static void take_result(pb_out *covered, cairn_bytes result, uint32_t *ret_code)
{
    uint64_t code = 0;
    for (pb_field f; next_field(&result, &f);) {
        if (f.number == 1)
            code = f.value;
        if (f.number == 2)
            put_item(covered, 2, f.bytes.data, f.bytes.size);
        if (f.number == 5 || f.number == 6)
            put_uint(covered, f.number, f.value);
    }
    put_varint(covered, code);
    *ret_code = (uint32_t)code;
}

static replica_update read_update(cairn_bytes message)
{
    replica_update update = {.power = 0};
    for (pb_field f; next_field(&message, &f);) {
        pb_field key = {0};
        if (f.number == 2)
            update.power = f.value;
        if (f.number == 1 && next_field(&f.bytes, &key) && key.number == 1 &&
            key.bytes.size == sizeof update.key)
            memcpy(update.key, key.bytes.data, sizeof update.key);
    }
    return update;
}

/* Of ConsensusParams. */
static uint64_t read_app_version(cairn_bytes params)
{
    uint64_t version = 0;
    for (pb_field f; next_field(&params, &f);) {
        if (f.number != 4)
            continue;
        for (pb_field app; next_field(&f.bytes, &app);)
            version = app.number == 1 ? app.value : version;
    }
    return version;
}

cairn_err replica_finalize(sim_replica *replica, const replica_block *block,
                           replica_results *ret_results)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0), covered = pb_begin(2);
    cairn_bytes answer;
    replica_results results = {0};
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_block(&out, block);
    CAIRN_TRY(call(replica, CAIRN_ABCI_FINALIZE, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 2 && results.count == REPLICA_BLOCK_TXS)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "more results than transactions");
        if (f.number == 2)
            take_result(&covered, f.bytes, &results.codes[results.count++]);
        if (f.number == 3 && results.update_count == REPLICA_UPDATES)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "more changes than validators");
        if (f.number == 3)
            results.updates[results.update_count++] = read_update(f.bytes);
        if (f.number == 3 || f.number == 4)
            put_item(&covered, f.number, f.bytes.data, f.bytes.size);
        if (f.number == 4)
            results.app_version = read_app_version(f.bytes);
        if (f.number == 5)
            results.app_hash = hash_field(&f);
    }
    put_item(&covered, 5, results.app_hash.b, sizeof results.app_hash.b);
    results.digest = own_hash(covered.data, covered.size);
    *ret_results = results;
    return CAIRN_OK;
}

cairn_err replica_commit(sim_replica *replica, uint64_t *ret_retain_height)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    uint64_t retain = 0;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    CAIRN_TRY(call(replica, CAIRN_ABCI_COMMIT, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 3)
            retain = f.value;
    }
    *ret_retain_height = retain;
    return CAIRN_OK;
}

/* --- snapshots --- */

static cairn_err read_snapshot(cairn_bytes message, cairn_arena *arena,
                               cairn_abci_snapshot *ret_snapshot)
{
    cairn_abci_snapshot s = {0};
    for (pb_field f; next_field(&message, &f);) {
        if (f.number == 1)
            s.height = f.value;
        if (f.number == 2)
            s.format = f.value;
        if (f.number == 3)
            s.chunks = f.value;
        if (f.number == 4)
            CAIRN_TRY(cairn_arena_copy(arena, f.bytes, &s.hash));
        if (f.number == 5)
            CAIRN_TRY(cairn_arena_copy(arena, f.bytes, &s.metadata));
    }
    *ret_snapshot = s;
    return CAIRN_OK;
}

cairn_err replica_list(sim_replica *replica, cairn_arena *arena,
                       cairn_abci_snapshot ret_list[REPLICA_SNAPSHOTS], size_t *ret_count)
{
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    size_t count = 0;
    CAIRN_TRY(call(replica, CAIRN_ABCI_LIST_SNAPSHOTS, &out, arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number != 1)
            continue;
        if (count == REPLICA_SNAPSHOTS)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "more snapshots than are offered");
        CAIRN_TRY(read_snapshot(f.bytes, arena, &ret_list[count++]));
    }
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err replica_load(sim_replica *replica, const cairn_abci_snapshot *snapshot, uint64_t index,
                       cairn_arena *arena, cairn_bytes *ret_chunk)
{
    pb_out out = pb_begin(0);
    cairn_bytes answer, chunk = {0};
    put_uint(&out, 1, snapshot->height);
    put_uint(&out, 2, snapshot->format);
    put_uint(&out, 3, index);
    CAIRN_TRY(call(replica, CAIRN_ABCI_LOAD_CHUNK, &out, arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            CAIRN_TRY(cairn_arena_copy(arena, f.bytes, &chunk));
    }
    *ret_chunk = chunk;
    return CAIRN_OK;
}

cairn_err replica_offer(sim_replica *replica, const cairn_abci_snapshot *snapshot,
                        const model_hash *app_hash, uint64_t *ret_result)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0), offered = pb_begin(2);
    cairn_bytes answer;
    uint64_t result = 0;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_uint(&offered, 1, snapshot->height);
    put_uint(&offered, 2, snapshot->format);
    put_uint(&offered, 3, snapshot->chunks);
    put_item(&offered, 4, snapshot->hash.data, snapshot->hash.size);
    put_item(&offered, 5, snapshot->metadata.data, snapshot->metadata.size);
    put_item(&out, 1, offered.data, offered.size);
    put_item(&out, 2, app_hash->b, sizeof app_hash->b);
    CAIRN_TRY(call(replica, CAIRN_ABCI_OFFER_SNAPSHOT, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            result = f.value;
    }
    *ret_result = result;
    return CAIRN_OK;
}

cairn_err replica_apply(sim_replica *replica, uint64_t index, cairn_bytes chunk,
                        replica_applied *ret_applied)
{
    static const char sender[] = "sender";
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    pb_out out = pb_begin(0);
    cairn_bytes answer;
    uint64_t refetch = 0;
    replica_applied applied = {0};
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    put_uint(&out, 1, index);
    put_item(&out, 2, chunk.data, chunk.size);
    put_item(&out, 3, sender, strlen(sender));
    CAIRN_TRY(call(replica, CAIRN_ABCI_APPLY_CHUNK, &out, &arena, &answer));
    for (pb_field f; next_field(&answer, &f);) {
        if (f.number == 1)
            applied.result = f.value;
        if (f.number == 2) /* packed */
            applied.refetches =
                take_varint(&f.bytes, &refetch) && f.bytes.size == 0 && refetch == index;
        if (f.number == 3)
            applied.blames = cairn_bytes_equal(f.bytes, cairn_bytes_str(sender));
    }
    *ret_applied = applied;
    return CAIRN_OK;
}
