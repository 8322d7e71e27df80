/* A member joins by a snapshot that others offer: whole, in pieces, through crashes, and from
 * senders that lie. */
#include "support/ledger_fixture.h"

#include <string.h>

#include "cairn/cbor.h"
#include "feature_list.h"
#include "ledger/consortium/application.h"
#include "ledger/consortium/snapshot.h"
#include "ledger/store/store_impl.h"
#include "support/abci_ask.h"

enum { BLOCKS = 10, CHUNKS_MAX = 16 }; /* one snapshot each so many heights */

typedef struct member {
    char *directory;
    cairn_store *store;
    cairn_engine *engine;
    cairn_application *app;
    cairn_abci_handler handler;
} member;

typedef struct world {
    ledger_fixture f;
    cairn_clock_manual clock;
    cairn_store_options options;
    cairn_chain chain;
    cairn_arena arena;
    cairn_wire_writer out;
    uint64_t anchors;
    member old; /* has the ledger */
    member new;
} world;

/* --- answers --- */

typedef struct answer {
    uint64_t one, four;
    cairn_bytes bytes, refetch, sender, app_hash;
    cairn_wire_list list;
} answer;
static const cairn_wire_field offered_fields[] = {
    {1, CAIRN_WIRE_UINT, offsetof(cairn_abci_snapshot, height), NULL},
    {2, CAIRN_WIRE_UINT32, offsetof(cairn_abci_snapshot, format), NULL},
    {3, CAIRN_WIRE_UINT32, offsetof(cairn_abci_snapshot, chunks), NULL},
    {4, CAIRN_WIRE_BYTES, offsetof(cairn_abci_snapshot, hash), NULL},
    {5, CAIRN_WIRE_BYTES, offsetof(cairn_abci_snapshot, metadata), NULL},
};
static const cairn_wire_message offered_message =
    CAIRN_WIRE_MESSAGE_OF("Snapshot", cairn_abci_snapshot, offered_fields);
static const cairn_wire_field list_fields[] = {
    {1, CAIRN_WIRE_MESSAGE_LIST, offsetof(answer, list), &offered_message},
};
static const cairn_wire_field number_fields[] = {
    {1, CAIRN_WIRE_UINT, offsetof(answer, one), NULL},
    {2, CAIRN_WIRE_BYTES, offsetof(answer, refetch), NULL},
    {3, CAIRN_WIRE_BYTES, offsetof(answer, sender), NULL},
};
static const cairn_wire_field chunk_fields[] = {
    {1, CAIRN_WIRE_BYTES, offsetof(answer, bytes), NULL},
};
static const cairn_wire_field info_fields[] = {
    {4, CAIRN_WIRE_UINT, offsetof(answer, four), NULL},
    {5, CAIRN_WIRE_BYTES, offsetof(answer, app_hash), NULL},
};
static const cairn_wire_field finalize_fields[] = {
    {5, CAIRN_WIRE_BYTES, offsetof(answer, app_hash), NULL},
};
static const cairn_wire_message list_message =
    CAIRN_WIRE_MESSAGE_OF("ListSnapshots", answer, list_fields);
static const cairn_wire_message number_message =
    CAIRN_WIRE_MESSAGE_OF("Number", answer, number_fields);
static const cairn_wire_message chunk_message =
    CAIRN_WIRE_MESSAGE_OF("Chunk", answer, chunk_fields);
static const cairn_wire_message info_message = CAIRN_WIRE_MESSAGE_OF("Info", answer, info_fields);
static const cairn_wire_message finalize_message =
    CAIRN_WIRE_MESSAGE_OF("FinalizeBlock", answer, finalize_fields);

static cairn_err ask(world *w, const member *m, const cairn_abci_request *request,
                     const cairn_wire_message *message, answer *ret_answer)
{
    *ret_answer = (answer){0};
    return abci_ask(&m->handler, request, &w->arena, &w->out, message, ret_answer);
}

static answer must_ask(world *w, const member *m, const cairn_abci_request *request,
                       const cairn_wire_message *message)
{
    answer a;
    assert_int_equal(ask(w, m, request, message, &a), CAIRN_OK);
    return a;
}

/* --- members --- */

static void open_member(world *w, member *m)
{
    assert_int_equal(cairn_store_open(m->directory, &w->options, &m->store), CAIRN_OK);
    m->engine = cairn_store_ledger(m->store, 0);
    if (m->engine == NULL)
        assert_int_equal(cairn_store_create(m->store, w->f.genesis, &m->engine), CAIRN_OK);
    assert_int_equal(cairn_store_drive(m->engine, NULL), CAIRN_OK);
    const cairn_application_options options = {.store = m->store,
                                               .engine = m->engine,
                                               .chain = &w->chain,
                                               .version = "1",
                                               .clock = w->options.clock,
                                               .snapshot_blocks = BLOCKS};
    assert_int_equal(cairn_application_new(&options, &m->app), CAIRN_OK);
    m->handler = cairn_application_handler(m->app);
}

static void crash(member *m)
{
    cairn_application_free(m->app);
    cairn_store_free(m->store);
    *m = (member){.directory = m->directory};
}

static cairn_bytes next_anchor(world *w)
{
    return fixture_anchor(&w->f, w->anchors++, w->clock.wall_ms + 60000);
}

static void begin(world *w, unsigned embedded)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    cairn_arena_init(&w->arena, 1 << 30);
    cairn_wire_writer_init(&w->out, 64 << 20);
    w->old.directory = fixture_directory();
    w->new.directory = fixture_directory();
    cairn_store_options_default(&w->options, &cairn_all_features);
    w->options.clock = cairn_clock_of_manual(&w->clock);
    w->options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->old.directory, &w->options, &w->old.store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->old.store, w->f.genesis, &w->old.engine), CAIRN_OK);
    for (unsigned i = 0; i < embedded; i++) {
        cairn_verdict verdict;
        assert_int_equal(cairn_engine_wait(w->old.engine, next_anchor(w), &verdict), CAIRN_OK);
    }
    w->clock.wall_ms += embedded; /* whose blocks are a millisecond apart */
    w->chain = (cairn_chain){.id = "chain",
                             .initial_height = embedded + 1,
                             .start = {.genesis = w->f.genesis,
                                       .height = embedded,
                                       .app_hash = abci_app_hash_of(w->old.engine)}};
    assert_int_equal(cairn_store_close(w->old.store), CAIRN_OK);
    open_member(w, &w->old);
    open_member(w, &w->new);
}

static void end(world *w)
{
    crash(&w->old);
    crash(&w->new);
    fixture_remove(w->old.directory);
    fixture_remove(w->new.directory);
    cairn_wire_writer_done(&w->out);
    cairn_arena_done(&w->arena);
    fixture_close(&w->f);
}

/* --- requests --- */

static cairn_bytes put_txs(world *w, const member *m, uint64_t height, cairn_bytes *txs,
                           size_t count)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_FINALIZE};
    r.block.txs = (cairn_wire_list){.items = txs, .count = count};
    r.block.height = (int64_t)height;
    r.block.time = abci_time_of(w->clock.wall_ms);
    answer a = must_ask(w, m, &r, &finalize_message);
    const cairn_abci_request c = {.kind = CAIRN_ABCI_COMMIT};
    (void)must_ask(w, m, &c, &number_message);
    return a.app_hash;
}

/* Blocks of the old member from `from` to `to`, each with so many anchors. */
static void grow(world *w, uint64_t from, uint64_t to, size_t count)
{
    cairn_bytes txs[512];
    for (uint64_t h = from; h <= to; h++) {
        w->clock.wall_ms += 100;
        for (size_t i = 0; i < count; i++)
            txs[i] = next_anchor(w);
        (void)put_txs(w, &w->old, h, txs, count);
    }
}

static cairn_wire_list list(world *w)
{
    const cairn_abci_request r = {.kind = CAIRN_ABCI_LIST_SNAPSHOTS};
    return must_ask(w, &w->old, &r, &list_message).list;
}

static cairn_abci_snapshot newest(world *w)
{
    cairn_wire_list l = list(w);
    assert_true(l.count >= 1);
    return ((const cairn_abci_snapshot *)l.items)[0];
}

/* The app hash after block `height`, by a look into the old member's log. */
static cairn_hash app_hash_at(world *w, uint64_t height)
{
    store_ledger *ledger = (store_ledger *)(void *)w->old.engine;
    const cairn_merkle_source source = cairn_engine_source(w->old.engine);
    block_place place;
    cairn_hash root, hash;
    assert_int_equal(cairn_store_find_height(ledger, height, &place), CAIRN_OK);
    assert_int_equal(place.height, height);
    assert_int_equal(cairn_merkle_source_root(&source, place.last_index + 1, &root), CAIRN_OK);
    cairn_app_hash(place.last_index + 1, &root, &hash);
    return hash;
}

static uint64_t offer_with(world *w, const cairn_abci_snapshot *s, const cairn_hash *app_hash)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_OFFER_SNAPSHOT};
    r.offer.snapshot = *s;
    r.offer.app_hash = cairn_bytes_hash(app_hash);
    return must_ask(w, &w->new, &r, &number_message).one;
}

static uint64_t offer(world *w, const cairn_abci_snapshot *s)
{
    cairn_hash app_hash = app_hash_at(w, s->height);
    return offer_with(w, s, &app_hash);
}

static cairn_bytes load(world *w, uint64_t height, uint64_t index)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_LOAD_CHUNK};
    r.load_chunk.height = height;
    r.load_chunk.format = CAIRN_SNAPSHOT_FORMAT;
    r.load_chunk.chunk = index;
    return must_ask(w, &w->old, &r, &chunk_message).bytes;
}

static answer apply_full(world *w, uint64_t index, cairn_bytes chunk)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_APPLY_CHUNK};
    r.apply_chunk.index = index;
    r.apply_chunk.chunk = chunk;
    r.apply_chunk.sender = cairn_bytes_str("liar");
    return must_ask(w, &w->new, &r, &number_message);
}

static uint64_t apply(world *w, uint64_t index, cairn_bytes chunk)
{
    return apply_full(w, index, chunk).one;
}

static void apply_all(world *w, const cairn_abci_snapshot *s)
{
    for (uint64_t i = 0; i < s->chunks; i++)
        assert_int_equal(apply(w, i, load(w, s->height, i)), CAIRN_SNAPSHOT_TAKEN);
}

/* What the engine asks after the last chunk, and a block on top. */
static void assert_joined(world *w, uint64_t height)
{
    const cairn_abci_request r = {.kind = CAIRN_ABCI_INFO};
    cairn_hash app_hash = app_hash_at(w, height);
    answer a = must_ask(w, &w->new, &r, &info_message);
    assert_int_equal(a.four, height);
    assert_true(cairn_bytes_equal(a.app_hash, cairn_bytes_hash(&app_hash)));
}

/* --- it works --- */

static void test_joins(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 22, 3);
    cairn_bytes again[2];
    again[0] = fixture_anchor(&w.f, 5, w.clock.wall_ms + 70000); /* exists: refused, and decided */
    again[1] = next_anchor(&w);
    w.clock.wall_ms += 100;
    (void)put_txs(&w, &w.old, 23, again, 2);
    grow(&w, 24, 32, 3);
    cairn_abci_snapshot s = newest(&w);
    assert_int_equal(s.height, 30);
    assert_int_equal(s.chunks, 1);
    assert_int_equal(offer(&w, &s), 1);
    apply_all(&w, &s);
    assert_joined(&w, 30);
    /* Window of ids, results, tiles: as if it had been there all the time. */
    cairn_tx_status status;
    cairn_tx tx;
    assert_int_equal(cairn_tx_decode(again[0], &tx), CAIRN_OK);
    assert_true(cairn_engine_has_decided(w.new.engine, tx.valid_until_ms, &tx.id));
    assert_int_equal(cairn_engine_status(w.new.engine, &tx.id, &status), CAIRN_OK);
    assert_int_equal(status.height, 23);
    crash(&w.new);
    open_member(&w, &w.new);
    assert_joined(&w, 30);
    end(&w);
}

static void test_goes_on_with_the_chain(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 10, 2);
    (void)put_txs(&w, &w.old, 11, NULL, 0);
    (void)put_txs(&w, &w.old, 12, NULL, 0);
    cairn_abci_snapshot s = newest(&w);
    assert_int_equal(s.height, 10);
    assert_int_equal(offer(&w, &s), 1);
    apply_all(&w, &s);
    (void)put_txs(&w, &w.new, 11, NULL, 0);
    (void)put_txs(&w, &w.new, 12, NULL, 0);
    w.clock.wall_ms += 100;
    cairn_bytes tx = next_anchor(&w);
    cairn_bytes ours = put_txs(&w, &w.new, 13, &tx, 1);
    cairn_bytes theirs = put_txs(&w, &w.old, 13, &tx, 1);
    assert_true(cairn_bytes_equal(ours, theirs));
    end(&w);
}

/* Larger than a chunk; the member that joins crashes between chunks, and is sent some twice. */
static void test_many_chunks_and_crashes(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 30, 500);
    (void)put_txs(&w, &w.old, 31, NULL, 0);
    (void)put_txs(&w, &w.old, 32, NULL, 0);
    cairn_abci_snapshot s = newest(&w);
    assert_int_equal(s.height, 30);
    assert_in_range(s.chunks, 3, CHUNKS_MAX);
    for (uint64_t i = 0; i < s.chunks; i++) {
        cairn_bytes chunk = load(&w, 30, i);
        assert_in_range(chunk.size, 1, CAIRN_SNAPSHOT_CHUNK_SIZE);
        assert_int_equal(offer(&w, &s), 1);
        if (i + 1 < s.chunks)
            assert_int_equal(apply(&w, i + 1, load(&w, 30, i + 1)), CAIRN_SNAPSHOT_RESTART);
        assert_int_equal(apply(&w, i, chunk), CAIRN_SNAPSHOT_TAKEN);
        assert_int_equal(apply(&w, i, chunk), CAIRN_SNAPSHOT_TAKEN);
        crash(&w.new);
        open_member(&w, &w.new);
    }
    assert_joined(&w, 30);
    /* An earlier one leads nowhere any more; the same one has nothing to add. */
    assert_int_equal(offer(&w, &s), 1);
    cairn_wire_list l = list(&w);
    assert_int_equal(l.count, 2);
    assert_int_equal(((const cairn_abci_snapshot *)l.items)[1].height, 20);
    assert_int_equal(offer(&w, &((const cairn_abci_snapshot *)l.items)[1]), 3);
    /* Nor does it lead back behind a block that changed nothing. */
    (void)put_txs(&w, &w.new, 31, NULL, 0);
    assert_int_equal(offer(&w, &s), 3);
    end(&w);
}

/* Chunks of one snapshot, the rest of another; then from the middle of a chunk on. */
static void test_another_snapshot_goes_on(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 12, 4);
    cairn_abci_snapshot first = newest(&w);
    assert_int_equal(offer(&w, &first), 1);
    apply_all(&w, &first);
    crash(&w.new);
    open_member(&w, &w.new);
    grow(&w, 13, 32, 4);
    cairn_abci_snapshot second = newest(&w);
    assert_int_equal(second.height, 30);
    assert_int_equal(offer(&w, &second), 1);
    apply_all(&w, &second);
    assert_joined(&w, 30);
    end(&w);
}

/* A ledger that was embedded before: its past comes with the snapshot. */
static void test_embedded_past_comes_too(void **state)
{
    (void)state;
    world w;
    answer a;
    begin(&w, 7);
    cairn_abci_request r = {.kind = CAIRN_ABCI_INIT_CHAIN};
    r.init_chain.chain_id = cairn_bytes_str(w.chain.id);
    r.init_chain.initial_height = (int64_t)w.chain.initial_height;
    r.init_chain.time.seconds = (int64_t)(w.clock.wall_ms / 1000) + 1;
    assert_int_equal(cairn_chain_start_encode(&w.arena, &w.chain.start, &r.init_chain.app_state),
                     CAIRN_OK);
    assert_int_equal(ask(&w, &w.new, &r, &info_message, &a), CAIRN_ERR_MISMATCH);
    grow(&w, 8, 12, 1);
    cairn_abci_snapshot s = newest(&w);
    assert_int_equal(s.height, 10);
    assert_int_equal(offer(&w, &s), 1);
    apply_all(&w, &s);
    assert_joined(&w, 10);
    end(&w);
}

/* --- which are offered --- */

static void test_which_are_offered(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    assert_int_equal(list(&w).count, 0);
    grow(&w, 1, 7, 1);
    for (uint64_t h = 8; h <= 11; h++)
        (void)put_txs(&w, &w.old, h, NULL, 0);
    assert_int_equal(list(&w).count, 0); /* two headers after the multiple */
    (void)put_txs(&w, &w.old, 12, NULL, 0);
    cairn_wire_list l = list(&w);
    assert_int_equal(l.count, 1);
    assert_int_equal(((const cairn_abci_snapshot *)l.items)[0].height, 7);
    grow(&w, 13, 25, 1);
    crash(&w.old);
    open_member(&w, &w.old); /* where the cuts lie is found again */
    l = list(&w);
    assert_int_equal(l.count, 2);
    assert_int_equal(((const cairn_abci_snapshot *)l.items)[0].height, 20);
    assert_int_equal(((const cairn_abci_snapshot *)l.items)[1].height, 7);
    assert_int_not_equal(load(&w, 13, 0).size, 0); /* not offered, and yet there */
    assert_int_equal(load(&w, 20, 1).size, 0);
    assert_int_equal(load(&w, 20, UINT32_MAX).size, 0);
    assert_int_equal(load(&w, 9, 0).size, 0); /* no block that changed anything */
    assert_int_equal(load(&w, 26, 0).size, 0);
    assert_int_equal(load(&w, UINT64_MAX, 0).size, 0);
    assert_int_equal(load(&w, 0, 0).size, 0);
    end(&w);
}

/* --- lies --- */

static void test_offers_are_proved(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 12, 2);
    const cairn_abci_snapshot good = newest(&w);
    cairn_abci_snapshot bad = good;
    cairn_bytes copy;
    assert_int_equal(apply(&w, 0, load(&w, 10, 0)), CAIRN_SNAPSHOT_ABORT); /* none was offered */
    bad.format = 2;
    assert_int_equal(offer(&w, &bad), 4);
    bad = good;
    bad.chunks = 2;
    assert_int_equal(offer(&w, &bad), 5);
    bad = good;
    bad.height = 11; /* has the same state, but no block entry */
    assert_int_equal(offer_with(&w, &bad, &(cairn_hash){{1}}), 5);
    cairn_hash app_hash = app_hash_at(&w, 10);
    assert_int_equal(offer_with(&w, &bad, &app_hash), 5);
    /* Every bit of the metadata counts, with a right hash and with a wrong one. */
    assert_int_equal(cairn_arena_copy(&w.arena, good.metadata, &copy), CAIRN_OK);
    for (size_t i = 0; i < copy.size; i++) {
        cairn_hash hash;
        ((uint8_t *)(uintptr_t)copy.data)[i] ^= (uint8_t)(1 << i % 8);
        bad = good;
        bad.metadata = copy;
        assert_int_equal(offer(&w, &bad), 5);
        cairn_sha256_of(copy.data, copy.size, &hash);
        bad.hash = cairn_bytes_hash(&hash);
        assert_int_equal(offer(&w, &bad), 5);
        ((uint8_t *)(uintptr_t)copy.data)[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(apply(&w, 0, load(&w, 10, 0)), CAIRN_SNAPSHOT_ABORT);
    assert_int_equal(offer(&w, &good), 1);
    assert_int_equal(apply(&w, 1, load(&w, 10, 0)), CAIRN_SNAPSHOT_ABORT); /* no such chunk */
    assert_int_equal(offer(&w, &good), 1);
    apply_all(&w, &good);
    assert_joined(&w, 10);
    end(&w);
}

static void assert_blamed(world *w, uint64_t index, cairn_bytes chunk)
{
    answer a = apply_full(w, index, chunk);
    assert_int_equal(a.one, CAIRN_SNAPSHOT_RETRY);
    assert_int_equal(a.refetch.size, 1);
    assert_int_equal(a.refetch.data[0], index);
    assert_true(cairn_bytes_equal(a.sender, cairn_bytes_str("liar")));
}

/* One that is altered anywhere is refused, by its sender's name, and does no harm. */
static void test_chunks_are_proved(void **state)
{
    (void)state;
    world w;
    cairn_bytes copy;
    begin(&w, 0);
    grow(&w, 1, 12, 1);
    cairn_abci_snapshot s = newest(&w);
    cairn_bytes chunk = load(&w, 10, 0);
    cairn_hash before = abci_app_hash_of(w.new.engine);
    assert_int_equal(offer(&w, &s), 1);
    assert_int_equal(cairn_arena_copy(&w.arena, chunk, &copy), CAIRN_OK);
    for (size_t i = 0; i < copy.size; i++) {
        ((uint8_t *)(uintptr_t)copy.data)[i] ^= (uint8_t)(1 << i % 8);
        assert_blamed(&w, 0, copy);
        ((uint8_t *)(uintptr_t)copy.data)[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t size = 0; size < copy.size; size += 7)
        assert_blamed(&w, 0, cairn_bytes_of(copy.data, size));
    assert_blamed(&w, 0, load(&w, 7, 0)); /* of a shorter log */
    assert_blamed(&w, 0, load(&w, 12, 0));
    cairn_hash after = abci_app_hash_of(w.new.engine);
    assert_true(cairn_hash_equal(&before, &after));
    apply_all(&w, &s);
    assert_joined(&w, 10);
    end(&w);
}

/* Chunks that keep the schema and lie all the same. */
typedef struct parts {
    cairn_bytes records[64];
    size_t count;
} parts;

static parts take_apart(world *w, cairn_bytes chunk)
{
    parts p = {0};
    cairn_cbor_reader r;
    cairn_bytes sequence;
    size_t count = 0;
    assert_int_equal(cairn_cbor_open(&r, chunk, CAIRN_CBOR_STRICT, "chunk", "test"), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_array(&r, "chunk", 3, 3, &count), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_magic(&r, "cairn/chunk/1"), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_array(&r, "proof", 0, 0, &count), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&r, "records", 1, SIZE_MAX, &sequence), CAIRN_OK);
    while (sequence.size > 0) {
        size_t size = 0;
        assert_int_equal(cairn_cbor_item_size(sequence, CAIRN_CBOR_STRICT, "record", &size),
                         CAIRN_OK);
        assert_int_equal(cairn_cbor_open(&r, cairn_bytes_of(sequence.data, size), CAIRN_CBOR_STRICT,
                                         "record", "test"),
                         CAIRN_OK);
        assert_int_equal(cairn_cbor_read_bytes(&r, "record", 1, SIZE_MAX, &p.records[p.count++]),
                         CAIRN_OK);
        sequence = cairn_bytes_of(sequence.data + size, sequence.size - size);
    }
    (void)w;
    return p;
}

static cairn_bytes put_together(world *w, const parts *p, size_t proof_count)
{
    static const cairn_hash proof[1] = {{{1}}};
    cairn_bytes chunk;
    assert_int_equal(
        cairn_snapshot_chunk_encode(&w->arena, proof, proof_count, p->records, p->count, &chunk),
        CAIRN_OK);
    return chunk;
}

static void test_chunks_that_keep_the_schema(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    grow(&w, 1, 9, 1);
    cairn_bytes again = fixture_anchor(&w.f, w.anchors, w.clock.wall_ms + 70000);
    cairn_bytes txs[] = {next_anchor(&w), again};
    w.clock.wall_ms += 100;
    (void)put_txs(&w, &w.old, 10, txs, 2);
    grow(&w, 11, 12, 1);
    cairn_abci_snapshot s = newest(&w);
    const parts good = take_apart(&w, load(&w, 10, 0));
    assert_int_equal(good.count, 10);
    assert_int_equal(offer(&w, &s), 1);
    parts bad = good;
    bad.records[0] = good.records[1];
    bad.records[1] = good.records[0];
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    bad = good;
    bad.count--;
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    bad = good;
    bad.records[bad.count++] = take_apart(&w, load(&w, 11, 0)).records[10];
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    assert_blamed(&w, 0, put_together(&w, &good, 1));
    /* Right but for the events, which are none of a snapshot's. */
    bad = good;
    store_ledger *ledger = (store_ledger *)(void *)w.old.engine;
    block_place place;
    cairn_block_record record;
    assert_int_equal(cairn_store_find_height(ledger, 3, &place), CAIRN_OK);
    assert_int_equal(cairn_store_read_block(ledger, &place, &w.arena, &record), CAIRN_OK);
    assert_int_not_equal(record.event_count, 0);
    bad.records[2] = record.encoded;
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    assert_int_equal(cairn_store_delivered_height(w.new.engine), 0);
    /* The signature of the one that was refused is under no root. */
    bad = good;
    cairn_bytes spoiled;
    assert_int_equal(cairn_arena_copy(&w.arena, good.records[9], &spoiled), CAIRN_OK);
    assert_int_equal(cairn_block_record_decode(&w.arena, spoiled, &record), CAIRN_OK);
    assert_int_equal(record.refusal_count, 1);
    cairn_bytes refused = record.transactions[record.refusals[0].place];
    ((uint8_t *)(uintptr_t)refused.data)[refused.size - 1] ^= 1;
    bad.records[9] = spoiled;
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    assert_int_equal(cairn_store_delivered_height(w.new.engine), 9); /* what was right stays */
    /* Nor is its place: in front of the other it is not refused. */
    assert_int_equal(cairn_block_record_decode(&w.arena, good.records[9], &record), CAIRN_OK);
    assert_int_equal(record.refusals[0].place, 1);
    cairn_bytes last = record.transactions[1];
    record.transactions[1] = record.transactions[0];
    record.transactions[0] = last;
    record.refusals[0].place = 0;
    assert_int_equal(cairn_block_record_bare(&w.arena, &record, &bad.records[9]), CAIRN_OK);
    assert_blamed(&w, 0, put_together(&w, &bad, 0));
    apply_all(&w, &s);
    assert_joined(&w, 10);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_goes_on_with_the_chain),
        cmocka_unit_test(test_many_chunks_and_crashes),
        cmocka_unit_test(test_another_snapshot_goes_on),
        cmocka_unit_test(test_embedded_past_comes_too),
        cmocka_unit_test(test_which_are_offered),
        cmocka_unit_test(test_offers_are_proved),
        cmocka_unit_test(test_chunks_are_proved),
        cmocka_unit_test(test_chunks_that_keep_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
