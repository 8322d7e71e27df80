/* A ledger that is followed, and sources that serve it, truly or not. */
#ifndef CAIRN_TESTS_SUPPORT_FOLLOW_SOURCE_H
#define CAIRN_TESTS_SUPPORT_FOLLOW_SOURCE_H

#include "support/ledger_fixture.h"

#include "cairn/cbor.h"
#include "cairn/note.h"
#include "core/clock.h"
#include "feature_list.h"
#include "identity/identity.h"
#include "ledger/follow/head.h"
#include "ledger/follow/source.h"
#include "ledger/store/store.h"

/* A ledger of one organisation whose state knows the key that signs checkpoints. */
typedef struct origin_world {
    ledger_fixture f;
    cairn_key *note_key;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    char *directory;
    cairn_clock_manual clock;
    cairn_store *store;
    cairn_engine *engine;
    uint64_t number; /* of the next anchor */
} origin_world;

static inline cairn_key *origin_note_key(uint8_t number)
{
    uint8_t seed[32] = {number, 0x5e};
    cairn_key *key = NULL;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &key),
                     CAIRN_OK);
    return key;
}

static inline cairn_bytes origin_genesis(origin_world *w)
{
    cairn_genesis_member member = {.name = cairn_bytes_str("Maker"), .key_count = 3};
    cairn_genesis genesis = {.name = cairn_bytes_str("Test"),
                             .created_ms = FIXTURE_TIME_MS,
                             .member_count = 1,
                             .members = &member};
    cairn_bytes encoded;
    cairn_params_default(&genesis.params);
    const cairn_key *keys[] = {w->f.key, w->f.cosign, w->note_key};
    for (size_t i = 0; i < 3; i++)
        member.keys[i] =
            (cairn_genesis_key){.purpose = i == 0 ? CAIRN_PURPOSE_SIGN : CAIRN_PURPOSE_COSIGN,
                                .cose_key = fixture_cose(&w->f.arena, keys[i])};
    assert_int_equal(cairn_genesis_encode(&w->f.arena, &genesis, &encoded), CAIRN_OK);
    return encoded;
}

static inline void origin_options(origin_world *w, cairn_store_options *ret_options)
{
    cairn_store_options_default(ret_options, &cairn_all_features);
    ret_options->clock = cairn_clock_of_manual(&w->clock);
    ret_options->index_size_max = UINT64_C(1) << 30;
}

static inline void origin_open(origin_world *w)
{
    cairn_store_options options;
    *w = (origin_world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    w->note_key = origin_note_key(1);
    w->f.genesis = origin_genesis(w);
    cairn_ledger_id(w->f.genesis, &w->f.ledger);
    cairn_ledger_origin(&w->f.ledger, w->origin);
    w->directory = fixture_directory();
    origin_options(w, &options);
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
}

static inline void origin_close(origin_world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    cairn_key_free(w->note_key);
    fixture_close(&w->f);
}

static inline void origin_ignore(void *context, const cairn_verdict *verdict)
{
    (void)context;
    (void)verdict;
}

/* One block of `accepted` anchors, behind `refused` copies of an earlier one. */
static inline void origin_block(origin_world *w, size_t accepted, size_t refused)
{
    bool worked = true;
    uint64_t until_ms = w->clock.wall_ms + 60000;
    for (size_t i = 0; i < refused; i++)
        assert_int_equal(cairn_engine_submit(w->engine, fixture_anchor(&w->f, 0, until_ms + i),
                                             origin_ignore, NULL),
                         CAIRN_OK);
    for (size_t i = 0; i < accepted; i++)
        assert_int_equal(cairn_engine_submit(w->engine,
                                             fixture_anchor(&w->f, w->number++, until_ms),
                                             origin_ignore, NULL),
                         CAIRN_OK);
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    cairn_clock_manual_advance_ms(&w->clock, 1000);
}

/* A block of one anchor, and another of the same thing behind it, which it refuses for that. */
static inline void origin_clash(origin_world *w)
{
    bool worked = true;
    uint64_t until_ms = w->clock.wall_ms + 60000;
    for (uint64_t i = 0; i < 2; i++)
        assert_int_equal(cairn_engine_submit(w->engine,
                                             fixture_anchor(&w->f, w->number, until_ms + i),
                                             origin_ignore, NULL),
                         CAIRN_OK);
    w->number++;
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    cairn_clock_manual_advance_ms(&w->clock, 1000);
}

/* A block of one transaction. */
static inline void origin_tx(origin_world *w, cairn_bytes tx)
{
    bool worked = true;
    assert_int_equal(cairn_engine_submit(w->engine, tx, origin_ignore, NULL), CAIRN_OK);
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    cairn_clock_manual_advance_ms(&w->clock, 1000);
}

/* The transaction that adds a key. */
static inline cairn_bytes origin_key_add(origin_world *w, const cairn_key *key,
                                         cairn_purpose purpose, bool proved)
{
    cairn_arena *arena = &w->f.arena;
    cairn_bytes cose = fixture_cose(arena, key);
    uint8_t proof[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message, body;
    assert_int_equal(
        cairn_key_proof_message(arena, &w->f.ledger, &w->f.org, purpose, cose, &message), CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, message, proof, &size), CAIRN_OK);
    proof[0] ^= !proved;
    assert_int_equal(cairn_key_add_body(arena, cose, purpose, cairn_bytes_of(proof, size), &body),
                     CAIRN_OK);
    return fixture_tx(&w->f, w->f.key, CAIRN_TX_KEY_ADD, body, w->clock.wall_ms + 60000);
}

/* A block that adds a key for checkpoints, or refuses it. */
static inline void origin_add_key(origin_world *w, const cairn_key *key, bool proved)
{
    origin_tx(w, origin_key_add(w, key, CAIRN_PURPOSE_COSIGN, proved));
}

/* --- another organisation, which is no member --- */

/* The one member's approval is enough. */
static inline void origin_propose(origin_world *w, uint16_t type, cairn_bytes act)
{
    uint8_t out[1024];
    cairn_cbor_writer writer;
    cairn_bytes body;
    cairn_cbor_writer_init(&writer, out, sizeof out);
    cairn_cbor_put_map(&writer, 3);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_uint(&writer, type);
    cairn_cbor_put_int(&writer, 2);
    cairn_cbor_put_bytes(&writer, act);
    cairn_cbor_put_int(&writer, 3);
    cairn_cbor_put_uint(&writer, w->clock.wall_ms + 600000);
    assert_int_equal(cairn_cbor_writer_end(&writer, &body), CAIRN_OK);
    origin_tx(
        w, fixture_tx(&w->f, w->f.key, CAIRN_TX_APPROVAL_PROPOSE, body, w->clock.wall_ms + 60000));
}

static inline cairn_hash origin_admit(origin_world *w, cairn_key *key)
{
    cairn_arena *arena = &w->f.arena;
    const cairn_bytes cose = fixture_cose(arena, key);
    uint8_t proof[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    cairn_bytes act;
    cairn_hash org;
    cairn_org_id(cairn_key_id(key), &org);
    assert_int_equal(
        cairn_key_proof_message(arena, &w->f.ledger, &org, CAIRN_PURPOSE_SIGN, cose, &message),
        CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, message, proof, &size), CAIRN_OK);
    assert_int_equal(cairn_org_admit_body(arena, cairn_bytes_str("Other"), false, cose,
                                          cairn_bytes_of(proof, size), 0, &act),
                     CAIRN_OK);
    origin_propose(w, CAIRN_TX_ORG_ADMIT, act);
    return org;
}

/* As that organisation does it. */
static inline void origin_add_key_of(origin_world *w, const cairn_hash *org, cairn_key *sign_key,
                                     const cairn_key *key)
{
    const cairn_hash maker = w->f.org;
    cairn_key *maker_key = w->f.key;
    w->f.org = *org;
    w->f.key = sign_key;
    origin_add_key(w, key, true);
    w->f.org = maker;
    w->f.key = maker_key;
}

static inline void origin_suspend(origin_world *w, const cairn_hash *org)
{
    const cairn_state_source state = cairn_follow_state_of(w->engine);
    cairn_org_record record;
    cairn_bytes act;
    assert_int_equal(cairn_registry_org(&state, &w->f.arena, org, &record), CAIRN_OK);
    assert_int_equal(
        cairn_org_status_body(&w->f.arena, org, CAIRN_ORG_SUSPENDED, record.version, &act),
        CAIRN_OK);
    origin_propose(w, CAIRN_TX_ORG_STATUS, act);
}

/* The signed note of any root. */
static inline cairn_bytes origin_note(cairn_arena *arena, const char *origin, cairn_key *key,
                                      uint64_t size, const cairn_hash *root)
{
    const cairn_checkpoint checkpoint = {
        .origin = cairn_bytes_str(origin), .size = size, .root = *root};
    cairn_vkey vkey;
    cairn_bytes text, line, note;
    assert_int_equal(cairn_checkpoint_format(arena, &checkpoint, &text), CAIRN_OK);
    assert_int_equal(cairn_vkey_init(cairn_bytes_str(origin), CAIRN_NOTE_ED25519, key, &vkey),
                     CAIRN_OK);
    assert_int_equal(cairn_note_sign(arena, &vkey, text, 0, &line), CAIRN_OK);
    assert_int_equal(cairn_note_join(arena, text, &line, 1, &note), CAIRN_OK);
    cairn_vkey_done(&vkey);
    return note;
}

/* --- serving --- */

typedef struct test_source {
    origin_world *world;
    uint64_t size;      /* as if the log had only so many entries; 0: all */
    size_t records_max; /* in one answer; 0: all */
    size_t record_calls;
    size_t fail_after; /* calls; 0: never */
    size_t calls;
    bool waits;     /* whoever asked last for a checkpoint */
    cairn_key *key; /* that signs; NULL: the right one */
    /* Lies, each of which may change what was to be answered. */
    void *lies;
    void (*on_note)(struct test_source *s, cairn_arena *arena, cairn_bytes *note);
    void (*on_tile)(struct test_source *s, const cairn_tile *tile, cairn_hash *hashes);
    void (*on_record)(struct test_source *s, cairn_arena *arena, const cairn_block_record *record,
                      cairn_bytes *raw);
    void (*on_sequence)(struct test_source *s, cairn_arena *arena, cairn_bytes *sequence);
} test_source;

static inline cairn_err test_source_call(test_source *s)
{
    s->calls++;
    return s->fail_after != 0 && s->calls > s->fail_after
               ? CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "source: is away")
               : CAIRN_OK;
}

static inline cairn_err test_source_note(void *context, cairn_arena *arena, bool wait,
                                         cairn_bytes *ret_note)
{
    test_source *s = context;
    s->waits = wait;
    CAIRN_TRY(test_source_call(s));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(s->world->engine);
    const cairn_merkle_source tiles = cairn_engine_source(s->world->engine);
    uint64_t size = s->size == 0 ? view->log_size : s->size;
    cairn_hash root;
    assert_int_equal(cairn_merkle_source_root(&tiles, size, &root), CAIRN_OK);
    *ret_note = origin_note(arena, s->world->origin, s->key == NULL ? s->world->note_key : s->key,
                            size, &root);
    if (s->on_note != NULL)
        s->on_note(s, arena, ret_note);
    return CAIRN_OK;
}

static inline cairn_err test_source_tile(void *context, cairn_arena *arena, const cairn_tile *tile,
                                         cairn_bytes *ret_file)
{
    test_source *s = context;
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    CAIRN_TRY(test_source_call(s));
    const cairn_merkle_source source = cairn_engine_source(s->world->engine);
    CAIRN_TRY(source.read_tile(source.context, tile->level, tile->index, tile->width, hashes));
    if (s->on_tile != NULL)
        s->on_tile(s, tile, hashes);
    return cairn_arena_copy(arena, cairn_bytes_of(hashes, tile->width * sizeof hashes[0]),
                            ret_file);
}

typedef struct test_sequence {
    test_source *source;
    cairn_arena *arena;
    cairn_cbor_writer w;
    size_t count;
} test_sequence;

static inline cairn_err test_sequence_take(void *context, const cairn_block_record *record)
{
    test_sequence *q = context;
    test_source *s = q->source;
    cairn_bytes raw;
    if (s->records_max != 0 && q->count == s->records_max)
        return CAIRN_ERR_CANCELLED;
    assert_int_equal(cairn_block_record_unslot(q->arena, record->encoded, &raw), CAIRN_OK);
    if (s->on_record != NULL)
        s->on_record(s, q->arena, record, &raw);
    cairn_cbor_put_bytes(&q->w, raw);
    q->count++;
    return CAIRN_OK;
}

static inline cairn_err test_source_records(void *context, cairn_arena *arena, uint64_t height,
                                            cairn_bytes *ret_sequence)
{
    enum { SEQUENCE_SIZE_MAX = 1 << 20 };
    test_source *s = context;
    void *memory = NULL;
    test_sequence q = {.source = s, .arena = arena};
    CAIRN_TRY(test_source_call(s));
    s->record_calls++;
    assert_int_equal(cairn_arena_alloc(arena, SEQUENCE_SIZE_MAX, &memory), CAIRN_OK);
    cairn_cbor_writer_init(&q.w, memory, SEQUENCE_SIZE_MAX);
    cairn_err err = cairn_store_each_block(s->world->store, 0, height, test_sequence_take, &q);
    if (err != CAIRN_OK && err != CAIRN_ERR_CANCELLED)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "records: none from there on");
    assert_int_equal(cairn_cbor_writer_end(&q.w, ret_sequence), CAIRN_OK);
    if (s->on_sequence != NULL)
        s->on_sequence(s, arena, ret_sequence);
    return CAIRN_OK;
}

static inline cairn_source test_source_of(test_source *s, const char *name)
{
    return (cairn_source){.context = s,
                          .name = name,
                          .checkpoint = test_source_note,
                          .tile = test_source_tile,
                          .records = test_source_records};
}

#endif
