/* Sources of which one member signs what is not so: sizes that nobody can serve, other histories,
 * too little. Whoever follows honest ones beside it goes on. */
#include "support/follow_world.h"

#include <stdio.h>
#include <sys/stat.h>

#include "cairn/sha256.h"
#include "ledger/consortium/cosignature.h"

/* --- a log of 2^60 entries that begins with the true one --- */

enum { TALL = 60, LEAVES_MAX = 4 * CAIRN_TILE_WIDTH };

typedef struct tall {
    size_t count; /* of what is true */
    cairn_hash leaves[LEAVES_MAX];
    cairn_hash invented[TALL + 1]; /* subtrees of what is not */
    cairn_key *key;
    test_source *source;
    bool serves; /* the true records, as far as they go */
} tall;

static void join(const cairn_hash *left, const cairn_hash *right, cairn_hash *ret_node)
{
    uint8_t bytes[65] = {1};
    memcpy(bytes + 1, left->b, 32);
    memcpy(bytes + 33, right->b, 32);
    cairn_sha256_of(bytes, sizeof bytes, ret_node);
}

static void node(const tall *t, unsigned level, uint64_t index, cairn_hash *ret_node)
{
    cairn_hash left, right;
    if (index << level >= t->count) {
        *ret_node = t->invented[level];
    } else if (level == 0) {
        *ret_node = t->leaves[index];
    } else {
        node(t, level - 1, 2 * index, &left);
        node(t, level - 1, 2 * index + 1, &right);
        join(&left, &right, ret_node);
    }
}

/* Takes the origin's log as it is now. */
static void extend(tall *t, uint8_t seed)
{
    origin_world *origin = t->source->world;
    const cairn_merkle_source tiles = cairn_engine_source(origin->engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin->engine);
    t->count = view->log_size;
    assert_true(t->count <= LEAVES_MAX);
    for (size_t at = 0; at < t->count; at += CAIRN_TILE_WIDTH) {
        size_t left = t->count - at;
        assert_int_equal(tiles.read_tile(tiles.context, 0, at / CAIRN_TILE_WIDTH,
                                         left < CAIRN_TILE_WIDTH ? left : CAIRN_TILE_WIDTH,
                                         &t->leaves[at]),
                         CAIRN_OK);
    }
    memset(t->invented[0].b, seed, 32);
    for (unsigned i = 0; i < TALL; i++)
        join(&t->invented[i], &t->invented[i], &t->invented[i + 1]);
}

static cairn_err tall_note(void *context, cairn_arena *arena, bool wait, cairn_bytes *ret_note)
{
    const tall *t = context;
    cairn_hash root;
    (void)wait;
    CAIRN_TRY(test_source_call(t->source));
    node(t, TALL, 0, &root);
    *ret_note = origin_note(arena, t->source->world->origin, t->key, UINT64_C(1) << TALL, &root);
    return CAIRN_OK;
}

static cairn_err tall_tile(void *context, cairn_arena *arena, const cairn_tile *tile,
                           cairn_bytes *ret_file)
{
    const tall *t = context;
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    for (unsigned i = 0; i < tile->width; i++)
        node(t, 8 * tile->level, tile->index * CAIRN_TILE_WIDTH + i, &hashes[i]);
    return cairn_arena_copy(arena, cairn_bytes_of(hashes, tile->width * sizeof hashes[0]),
                            ret_file);
}

static cairn_err tall_records(void *context, cairn_arena *arena, uint64_t height,
                              cairn_bytes *ret_sequence)
{
    const tall *t = context;
    return height == 0 || t->serves ? test_source_records(t->source, arena, height, ret_sequence)
                                    : CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "records: none");
}

static void make_tall(world *w, size_t at, tall *t)
{
    t->source = &w->test[at];
    extend(t, 7);
    w->sources[at].context = t;
    w->sources[at].checkpoint = tall_note;
    w->sources[at].tile = tall_tile;
    w->sources[at].records = tall_records;
}

/* --- where one member's word suffices --- */

static void tall_beside_true(bool serves)
{
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 6);
    init(&w, &origin);
    w.source_count = 2;
    tall t = {.key = origin.note_key, .serves = serves};
    make_tall(&w, 0, &t);
    open_world(&w);
    for (int i = 0; i < 4; i++) {
        expect_round(&w, CAIRN_OK);
        expect_same(&w);
        cairn_follow_status status = status_of(&w);
        assert_int_equal(status.head_size, status.log_size);
        assert_string_equal(status.source, "https://two");
        grow(&origin, 2);
        extend(&t, (uint8_t)i); /* another root of that size */
        if (i == 2) {
            crash(&w);
            open_world(&w);
        }
    }
    end(&w);
    origin_close(&origin);
}

/* Whoever signs what nobody can serve, and signs another of that size next, keeps nobody. */
static void test_tall(void **state)
{
    (void)state;
    tall_beside_true(false);
    tall_beside_true(true);
}

/* What it held when it was alone with the liar is no obstacle for what comes. */
static void test_tall_alone(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 3);
    init(&w, &origin);
    tall t = {.key = origin.note_key, .serves = true};
    make_tall(&w, 0, &t);
    open_world(&w);
    for (int i = 0; i < 3; i++)
        expect_round(&w, CAIRN_ERR_MISMATCH);
    assert_int_equal(status_of(&w).state, CAIRN_FOLLOW_WAITING);
    assert_int_equal(status_of(&w).head_size, UINT64_C(1) << TALL);
    (void)expect_prefix(&w);
    crash(&w);
    w.sources[0] = test_source_of(&w.test[0], "https://one");
    open_world(&w);
    grow(&origin, 2);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    assert_int_equal(status_of(&w).head_size, status_of(&w).log_size);
    end(&w);
    origin_close(&origin);
}

/* A source whose claims are not served is left alone longer each time, though it answers. */
static void test_unserved_rests(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 2);
    init(&w, &origin);
    w.source_count = 2;
    tall t = {.key = origin.note_key};
    make_tall(&w, 0, &t);
    open_world(&w);
    size_t asked = 0;
    for (int i = 0; i < 100; i++) {
        asked = w.test[0].calls;
        assert_int_equal(cairn_follow_round(w.follow), CAIRN_OK);
        cairn_clock_manual_advance_ms(&w.clock, 10);
    }
    assert_in_range(asked, 3, 30);
    end(&w);
    origin_close(&origin);
}

/* --- where it takes two of three --- */

/* Three members, each with a source; the ledger's own state knows the first one alone. */
typedef struct three {
    origin_world origin;
    origin_world fork;
    world w;
    cairn_key *keys[3];
    cairn_hash orgs[3];
    cairn_trust trust;
} three;

static void trust_of(three *t, uint64_t threshold)
{
    cairn_trust_key keys[3];
    cairn_trust_member members[3];
    cairn_arena *arena = &t->origin.f.arena;
    cairn_bytes encoded;
    for (size_t i = 0; i < 3; i++) {
        keys[i] = (cairn_trust_key){.purpose = CAIRN_TRUST_COSIGN,
                                    .cose_key = fixture_cose(arena, t->keys[i]),
                                    .until = CAIRN_TRUST_OPEN,
                                    .suspect = CAIRN_TRUST_OPEN};
        members[i] = (cairn_trust_member){
            .org = t->orgs[i], .name = cairn_bytes_str("Member"), .key_count = 1, .keys = &keys[i]};
    }
    const cairn_trust draft = {.ledger = t->origin.f.ledger,
                               .threshold = threshold,
                               .issued_ms = 1,
                               .expires_ms = CAIRN_TIME_MAX_MS,
                               .member_count = 3,
                               .members = members};
    assert_int_equal(cairn_trust_encode(arena, &draft, &encoded), CAIRN_OK);
    assert_int_equal(cairn_trust_decode(arena, encoded, &t->trust), CAIRN_OK);
}

static cairn_hash maker_of(origin_world *origin)
{
    const cairn_state_source state = cairn_follow_state_of(origin->engine);
    cairn_member_list members;
    assert_int_equal(cairn_registry_members(&state, &origin->f.arena, &members), CAIRN_OK);
    assert_int_equal(members.count, 1);
    return members.orgs[0];
}

static void open_three(three *t, size_t sources)
{
    origin_open(&t->origin);
    origin_block(&t->origin, 2, 0);
    origin_open(&t->fork);
    origin_block(&t->fork, 2, 0);
    t->fork.number = 1000;
    grow(&t->origin, 3);
    grow(&t->fork, 9);
    for (size_t i = 0; i < 3; i++) {
        t->keys[i] = i == 0 ? t->origin.note_key : origin_note_key((uint8_t)(20 + i));
        t->orgs[i] = maker_of(&t->origin);
        t->orgs[i].b[31] ^= (uint8_t)i;
    }
    trust_of(t, 2);
    init(&t->w, &t->origin);
    t->w.source_count = sources;
    t->w.trust = &t->trust;
    for (size_t i = 0; i < 3; i++)
        t->w.test[i].key = t->keys[i];
    open_world(&t->w);
}

static void close_three(three *t)
{
    end(&t->w);
    cairn_trust_done(&t->trust);
    cairn_key_free(t->keys[1]);
    cairn_key_free(t->keys[2]);
    origin_close(&t->fork);
    origin_close(&t->origin);
}

typedef struct folders {
    size_t evidence;
    size_t convicts;
} folders;

static cairn_err count_folder(void *context, const char *name)
{
    folders *f = context;
    f->evidence += strncmp(name, "evidence-", 9) == 0;
    f->convicts += strncmp(name, "convicts-", 9) == 0;
    return CAIRN_OK;
}

static void expect_folders(const world *w, size_t evidence, size_t convicts)
{
    folders f = {0};
    assert_int_equal(cairn_dir_each(w->path, count_folder, &f), CAIRN_OK);
    assert_int_equal(f.evidence, evidence);
    assert_int_equal(f.convicts, convicts);
}

/* Whatever the third shows, in any place, the others are followed. */
static void test_one_of_three_lies(void **state)
{
    (void)state;
    for (size_t liar = 0; liar < 3; liar++) {
        three t;
        open_three(&t, 3);
        tall lies = {.key = t.keys[liar], .serves = true};
        make_tall(&t.w, liar, &lies);
        expect_round(&t.w, CAIRN_OK);
        expect_same(&t.w);
        assert_int_equal(status_of(&t.w).head_size, status_of(&t.w).log_size);
        t.w.sources[liar] = test_source_of(&t.w.test[liar], "https://liar");
        t.w.test[liar].world = &t.fork; /* another history, longer than the true one */
        for (int i = 0; i < 3; i++) {
            grow(&t.origin, 1);
            expect_round(&t.w, CAIRN_OK);
            expect_same(&t.w);
            expect_folders(&t.w, 0, 1); /* once */
        }
        crash(&t.w);
        open_world(&t.w);
        grow(&t.origin, 1);
        expect_round(&t.w, CAIRN_OK);
        expect_same(&t.w);
        expect_folders(&t.w, 0, 2);
        close_three(&t);
    }
}

/* One who was convicted stands behind nothing any more, though it shows the true log again. */
static void test_convicts_do_not_count(void **state)
{
    (void)state;
    three t;
    open_three(&t, 3);
    expect_round(&t.w, CAIRN_OK);
    t.w.test[2].world = &t.fork;
    expect_round(&t.w, CAIRN_OK);
    expect_folders(&t.w, 0, 1);
    t.w.test[2].world = &t.origin;
    t.w.test[1].fail_after = 1;
    grow(&t.origin, 1);
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED);
    t.w.test[1].fail_after = 0;
    expect_round(&t.w, CAIRN_OK);
    expect_same(&t.w);
    close_three(&t);
}

/* Another history that one signs is not taken, be it the first that comes and alone. */
static void test_alone_is_too_few(void **state)
{
    (void)state;
    three t;
    open_three(&t, 1);
    t.w.test[0].world = &t.fork;
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED);
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(expect_prefix(&t.w), 1);
    assert_true(t.w.test[0].waits); /* others' signatures were asked for */
    crash(&t.w);
    t.w.source_count = 2;
    open_world(&t.w);
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED); /* one against one */
    assert_int_equal(expect_prefix(&t.w), 1);
    expect_folders(&t.w, 0, 0);
    crash(&t.w);
    t.w.source_count = 3;
    open_world(&t.w);
    expect_round(&t.w, CAIRN_OK);
    expect_same(&t.w);
    close_three(&t);
}

/* When as many as it takes have signed another log, nobody can tell which one is true. */
static void test_two_of_three_lie(void **state)
{
    (void)state;
    three t;
    open_three(&t, 3);
    expect_round(&t.w, CAIRN_OK);
    t.w.test[1].world = &t.fork;
    t.w.test[2].world = &t.fork;
    expect_round(&t.w, CAIRN_ERR_CLOSED);
    expect_folders(&t.w, 1, 1);
    (void)expect_prefix(&t.w);
    close_three(&t);
}

/* Sources that are not equally far: what the second one has is behind the first one, too. */
static void test_as_far_as_two(void **state)
{
    (void)state;
    three t;
    open_three(&t, 3);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *early = cairn_engine_view(t.origin.engine);
    grow(&t.origin, 2);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *late = cairn_engine_view(t.origin.engine);
    grow(&t.origin, 2);
    t.w.test[0].size = early->log_size;
    t.w.test[1].size = late->log_size;
    expect_round(&t.w, CAIRN_OK);
    assert_int_equal(status_of(&t.w).log_size, late->log_size);
    (void)expect_prefix(&t.w);
    t.w.test[1].size = early->log_size;
    expect_round(&t.w, CAIRN_OK); /* a stale one is no error */
    assert_int_equal(status_of(&t.w).log_size, late->log_size);
    assert_int_equal(status_of(&t.w).rollbacks, 1);
    close_three(&t);
}

/* A line of another member's behind the source's own, when it is waited for. */
static void add_line(test_source *s, cairn_arena *arena, cairn_bytes *note)
{
    const three *t = s->lies;
    char name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1];
    cairn_vkey vkey;
    cairn_note parsed;
    cairn_bytes lines[2];
    if (!s->waits)
        return;
    assert_int_equal(cairn_note_parse(*note, &parsed), CAIRN_OK);
    cairn_member_note_name(s->world->origin, &t->orgs[1], name);
    assert_int_equal(
        cairn_vkey_init(cairn_bytes_str(name), CAIRN_NOTE_COSIGNATURE, t->keys[1], &vkey),
        CAIRN_OK);
    lines[0] =
        cairn_bytes_of(parsed.text.data + parsed.text.size + 1, note->size - parsed.text.size - 1);
    assert_int_equal(cairn_note_sign(arena, &vkey, parsed.text, 1700000000, &lines[1]), CAIRN_OK);
    assert_int_equal(cairn_note_join(arena, parsed.text, lines, 2, note), CAIRN_OK);
    cairn_vkey_done(&vkey);
}

static void test_cosigned_note(void **state)
{
    (void)state;
    three t;
    open_three(&t, 1);
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED);
    t.w.test[0].on_note = add_line;
    t.w.test[0].lies = &t;
    for (int i = 0; i < 2; i++) {
        expect_round(&t.w, CAIRN_OK);
        expect_same(&t.w);
        grow(&t.origin, 2);
    }
    t.orgs[1].b[0] ^= 1; /* the key of a member under another one's name */
    expect_round(&t.w, CAIRN_ERR_NOT_TRUSTED);
    close_three(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tall),
        cmocka_unit_test(test_tall_alone),
        cmocka_unit_test(test_unserved_rests),
        cmocka_unit_test(test_one_of_three_lies),
        cmocka_unit_test(test_convicts_do_not_count),
        cmocka_unit_test(test_alone_is_too_few),
        cmocka_unit_test(test_two_of_three_lie),
        cmocka_unit_test(test_as_far_as_two),
        cmocka_unit_test(test_cosigned_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
