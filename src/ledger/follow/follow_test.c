/* A follower and its sources: true ones, lying ones, forked ones; restarts anywhere. */
#include "support/follow_world.h"

#include <sys/stat.h>

#include "ledger/audit.h"
#include "ledger/follow/batch.h"

/* --- a true source --- */

static void follow_true(unsigned threads, size_t records_max)
{
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 30);
    init(&w, &origin);
    w.threads = threads;
    w.test[0].records_max = records_max;
    open_world(&w);
    assert_null(cairn_follow_engine(w.follow));
    assert_int_equal(status_of(&w).state, CAIRN_FOLLOW_WAITING);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    cairn_follow_status status = status_of(&w);
    assert_int_equal(status.state, CAIRN_FOLLOW_CURRENT);
    assert_int_equal(status.head_size, status.log_size);
    assert_int_equal(status.success_ms, w.clock.wall_ms);
    assert_string_equal(status.source, "https://one");
    assert_int_equal(status.errors, 0);
    for (int i = 0; i < 3; i++) {
        grow(&origin, 4);
        expect_round(&w, CAIRN_OK);
        expect_same(&w);
    }
    end(&w);
    origin_close(&origin);
}

static void test_true_source(void **state)
{
    (void)state;
    follow_true(0, 0);
    follow_true(2, 0);
    follow_true(0, 1);
    follow_true(2, 7);
}

/* What was refused counts as decided here too, an auditor agrees, and the note covers the view. */
static void test_what_is_here(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_tx_status standing;
    cairn_tx tx;
    cairn_arena arena;
    cairn_bytes note;
    cairn_audit *audit = NULL;
    origin_open(&origin);
    origin_block(&origin, 3, 0);
    cairn_bytes refused = fixture_anchor(&origin.f, 0, origin.clock.wall_ms + 60000);
    assert_int_equal(cairn_tx_decode(refused, &tx), CAIRN_OK);
    origin_block(&origin, 2, 1); /* makes that one */
    begin(&w, &origin);
    expect_round(&w, CAIRN_OK);
    cairn_engine *engine = cairn_follow_engine(w.follow);
    assert_int_equal(cairn_engine_status(engine, &tx.id, &standing), CAIRN_OK);
    assert_int_equal(standing.standing, CAIRN_TX_REFUSED);
    assert_int_equal(standing.code, CAIRN_ERR_EXISTS);

    cairn_arena_init(&arena, 1 << 20);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_refusal_proof proof;
    assert_int_equal(cairn_engine_prove_refusal(engine, view, &tx.id, &arena, &proof), CAIRN_OK);
    assert_int_equal(cairn_follow_note(w.follow, &arena, &note), CAIRN_OK);
    assert_true(cairn_bytes_equal(note, origin_note(&arena, origin.origin, origin.note_key,
                                                    view->log_size, &view->log_root)));
    cairn_arena_done(&arena);

    copies ours;
    copy_all(w.store, &ours);
    assert_int_equal(cairn_audit_new(&cairn_all_features, &audit), CAIRN_OK);
    for (size_t i = 0; i < ours.count; i++) {
        cairn_block_record record;
        assert_int_equal(cairn_block_record_decode(&ours.arena, ours.records[i], &record),
                         CAIRN_OK);
        assert_int_equal(cairn_audit_block(audit, &record), CAIRN_OK);
    }
    assert_int_equal(cairn_audit_compare(audit, engine, view), CAIRN_OK);
    cairn_audit_free(audit);
    cairn_arena_done(&ours.arena);
    end(&w);
    origin_close(&origin);
}

static void test_writes_are_refused(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_verdict verdict;
    origin_open(&origin);
    begin(&w, &origin);
    expect_round(&w, CAIRN_OK);
    cairn_bytes tx = fixture_anchor(&origin.f, 9, w.clock.wall_ms + 1000);
    cairn_engine *engine = cairn_follow_engine(w.follow);
    assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_ERR_FOLLOWER);
    assert_non_null(strstr(cairn_err_detail(), "https://one"));
    cairn_follow_free(w.follow);
    w.follow = NULL;
    assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_ERR_READ_ONLY);
    end(&w);
    origin_close(&origin);
}

/* The source goes away after the n-th call, for each n, and the process with it. */
static void test_ends_anywhere(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 12);
    for (size_t n = 1;; n++) {
        init(&w, &origin);
        w.threads = (unsigned)n % 3;
        w.test[0].records_max = 2;
        w.test[0].fail_after = n;
        open_world(&w);
        cairn_clock_manual_advance_ms(&w.clock, 1);
        cairn_err err = cairn_follow_round(w.follow);
        bool whole = err == CAIRN_OK;
        if (!whole)
            assert_int_equal(err, CAIRN_ERR_UNREACHABLE);
        crash(&w);
        open_world(&w);
        if (cairn_follow_engine(w.follow) != NULL)
            (void)expect_prefix(&w);
        w.test[0].fail_after = 0;
        expect_round(&w, CAIRN_OK);
        expect_same(&w);
        end(&w);
        if (whole)
            break;
        assert_true(n < 200);
    }
    origin_close(&origin);
}

/* --- lies --- */

/* Under the first source the round fails as `wanted` says and takes nothing that is not true; with
 * a true one beside it the ledger is here. */
static void expect_lie(world *w, cairn_err wanted)
{
    expect_round(w, wanted);
    cairn_follow_status status = status_of(w);
    assert_int_equal(status.state, CAIRN_FOLLOW_WAITING);
    assert_true(status.errors > 0);
    assert_int_equal(status.lies > 0, wanted == CAIRN_ERR_MISMATCH);
    assert_true(status.trouble[0] != '\0');
    if (cairn_follow_engine(w->follow) != NULL)
        (void)expect_prefix(w);
    crash(w);
    w->source_count = 2;
    open_world(w);
    expect_round(w, CAIRN_OK);
    expect_same(w);
    assert_string_equal(status_of(w).source, "https://two");
}

static void with_lie(const test_source *lie, cairn_err wanted)
{
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 10);
    begin(&w, &origin);
    w.test[0] = *lie;
    w.test[0].world = &origin;
    expect_lie(&w, wanted);
    end(&w);
    origin_close(&origin);
}

static void flip_note(test_source *s, cairn_arena *arena, cairn_bytes *note)
{
    cairn_bytes copy;
    (void)s;
    assert_int_equal(cairn_arena_copy(arena, *note, &copy), CAIRN_OK);
    uint8_t *size = memchr(copy.data, '\n', copy.size);
    size[1] = size[1] == '1' ? '2' : '1';
    *note = copy;
}

static void garbage(test_source *s, cairn_arena *arena, cairn_bytes *out)
{
    (void)s;
    (void)arena;
    *out = cairn_bytes_str("<html>not here</html>");
}

static void nothing(test_source *s, cairn_arena *arena, cairn_bytes *out)
{
    (void)s;
    (void)arena;
    *out = cairn_bytes_of(out->data, 0);
}

static void cut(test_source *s, cairn_arena *arena, cairn_bytes *out)
{
    (void)s;
    (void)arena;
    out->size--;
}

static void flip_tile(test_source *s, const cairn_tile *tile, cairn_hash *hashes)
{
    (void)s;
    hashes[tile->width - 1].b[0] ^= 1;
}

static void other_genesis(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                          cairn_bytes *raw)
{
    cairn_bytes copy;
    (void)s;
    if (record->height != 0)
        return;
    assert_int_equal(cairn_arena_copy(arena, *raw, &copy), CAIRN_OK);
    uint8_t *name = memmem(copy.data, copy.size, "Maker", 5);
    assert_non_null(name);
    name[0] = 'T';
    *raw = copy;
}

static void same_slot(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                      cairn_bytes *raw)
{
    cairn_bytes copy;
    (void)s;
    assert_int_equal(cairn_arena_copy(arena, *raw, &copy), CAIRN_OK);
    assert_int_equal(copy.data[16], 0);
    if (record->height == 3)
        ((uint8_t *)(uintptr_t)copy.data)[16] = 1;
    *raw = copy;
}

static void test_lies(void **state)
{
    (void)state;
    static const test_source lies[] = {
        {.on_note = flip_note},       {.on_note = garbage},     {.on_sequence = garbage},
        {.on_sequence = nothing},     {.on_sequence = cut},     {.on_tile = flip_tile},
        {.on_record = other_genesis}, {.on_record = same_slot}, {.size = 5}, /* within block 2 */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        with_lie(&lies[i], CAIRN_ERR_MISMATCH);
}

static void test_unknown_key(void **state)
{
    (void)state;
    const test_source stranger = {.key = origin_note_key(2)};
    with_lie(&stranger, CAIRN_ERR_NOT_TRUSTED);
    cairn_key_free(stranger.key);
}

/* An answer that memory does not suffice for. */
static cairn_err be_hungry(void *context, cairn_arena *arena)
{
    void *memory = NULL;
    CAIRN_TRY(test_source_call(context));
    return cairn_arena_alloc(arena, SIZE_MAX / 2, &memory);
}

static cairn_err hungry_note(void *context, cairn_arena *arena, bool wait, cairn_bytes *ret_note)
{
    (void)wait;
    (void)ret_note;
    return be_hungry(context, arena);
}

static cairn_err hungry_records(void *context, cairn_arena *arena, uint64_t height,
                                cairn_bytes *ret_sequence)
{
    return height == 0 ? test_source_records(context, arena, height, ret_sequence)
                       : be_hungry(context, arena);
}

/* Who makes such an answer is left alone like one who lies, and another is asked. */
static void with_hunger(bool records)
{
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 3);
    begin(&w, &origin);
    if (records)
        w.sources[0].records = hungry_records;
    else
        w.sources[0].checkpoint = hungry_note;
    expect_round(&w, CAIRN_ERR_NO_MEMORY);
    size_t calls = w.test[0].calls;
    assert_int_equal(cairn_follow_round(w.follow), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(w.test[0].calls, calls);
    assert_int_equal(status_of(&w).lies, 0);
    crash(&w);
    w.source_count = 2;
    open_world(&w);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    end(&w);
    origin_close(&origin);
}

static void test_hungry_source(void **state)
{
    (void)state;
    with_hunger(false);
    with_hunger(true);
}

/* One byte of a record, any. */
typedef struct flip {
    uint64_t height;
    size_t at;
    uint8_t mask;
    size_t size; /* of the record, once it was met */
} flip;

static void flip_record(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                        cairn_bytes *raw)
{
    flip *f = s->lies;
    cairn_bytes copy;
    if (record->height != f->height)
        return;
    f->size = raw->size;
    if (f->at >= raw->size)
        return;
    assert_int_equal(cairn_arena_copy(arena, *raw, &copy), CAIRN_OK);
    ((uint8_t *)(uintptr_t)copy.data)[f->at] ^= f->mask;
    *raw = copy;
}

/* Whatever byte of a record changes, no block but the true ones is taken. Events are no part of
 * what was signed: they are computed here, not believed. */
static void test_altered_records(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    flip f = {.height = 2, .size = SIZE_MAX};
    size_t taken = 0;
    origin_open(&origin);
    origin_block(&origin, 1, 0);
    origin_block(&origin, 1, 1);
    begin(&w, &origin);
    w.test[0].on_record = flip_record;
    w.test[0].lies = &f;
    for (f.at = 0; f.at < f.size; f.at++) {
        f.mask = (uint8_t)(1u << f.at % 8);
        cairn_clock_manual_advance_ms(&w.clock, 61000);
        cairn_err err = cairn_follow_round(w.follow);
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_MISMATCH);
        (void)expect_prefix(&w);
        if (err != CAIRN_OK)
            continue;
        expect_same(&w);
        taken++;
        end(&w);
        begin(&w, &origin);
        w.test[0].on_record = flip_record;
        w.test[0].lies = &f;
    }
    assert_true(f.size > 400 && f.size != SIZE_MAX);
    assert_in_range(taken, 1, 60);
    end(&w);
    origin_close(&origin);
}

/* In front of the other the refused one is not refused; where it lay is signed nowhere. */
static void move_refused(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                         cairn_bytes *raw)
{
    cairn_block_record moved;
    (void)s;
    if (record->height != 1)
        return;
    assert_int_equal(cairn_block_record_decode(arena, *raw, &moved), CAIRN_OK);
    assert_int_equal(moved.transaction_count, 2);
    assert_int_equal(moved.refusal_count, 1);
    assert_int_equal(moved.refusals[0].place, 1);
    cairn_bytes last = moved.transactions[1];
    moved.transactions[1] = moved.transactions[0];
    moved.transactions[0] = last;
    moved.refusals[0].place = 0;
    assert_int_equal(cairn_block_record_bare(arena, &moved, raw), CAIRN_OK);
}

/* A source's lie, and no evidence against who signs the log. */
static void test_moved_refusal(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    origin_clash(&origin);
    begin(&w, &origin);
    w.test[0].on_record = move_refused;
    expect_lie(&w, CAIRN_ERR_MISMATCH);
    end(&w);
    origin_close(&origin);
}

/* --- stale sources --- */

static void test_entries_beyond(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    origin_block(&origin, 2, 0);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin.engine);
    grow(&origin, 5);
    begin(&w, &origin);
    w.test[0].size = view->log_size;
    expect_round(&w, CAIRN_OK);
    assert_int_equal(expect_prefix(&w), 2);
    assert_int_equal(status_of(&w).log_size, view->log_size);
    w.test[0].size = 0;
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    w.test[0].size = view->log_size; /* fewer than before */
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    assert_int_equal(status_of(&w).rollbacks, 1);
    end(&w);
    origin_close(&origin);
}

static void test_stale_source(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_follow_status before;
    origin_open(&origin);
    grow(&origin, 3);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin.engine);
    init(&w, &origin);
    w.source_count = 2;
    w.test[0].size = view->log_size;
    open_world(&w);
    expect_round(&w, CAIRN_OK);
    grow(&origin, 3);
    expect_round(&w, CAIRN_OK);
    expect_same(&w); /* from the other */
    before = status_of(&w);
    w.test[1].fail_after = 1;
    w.test[1].calls = 1;
    grow(&origin, 1);
    expect_round(&w, CAIRN_OK);
    cairn_follow_status after = status_of(&w);
    assert_int_equal(after.growth_ms, before.growth_ms); /* how old it is can be seen */
    assert_true(after.success_ms > before.success_ms);
    assert_true(after.errors > before.errors);
    end(&w);
    origin_close(&origin);
}

/* A source that fails rests, longer each time, and no longer than a minute. */
static void test_rests(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    begin(&w, &origin);
    w.test[0].fail_after = 1;
    w.test[0].calls = 1;
    size_t calls = 1;
    for (uint64_t rest_ms = 10; rest_ms < 200000; rest_ms *= 2) {
        assert_int_equal(cairn_follow_round(w.follow), CAIRN_ERR_UNREACHABLE);
        assert_int_equal(w.test[0].calls, ++calls);
        uint64_t now_ms = rest_ms < 60000 ? rest_ms : 60000;
        cairn_clock_manual_advance_ms(&w.clock, now_ms - 1);
        assert_int_equal(cairn_follow_round(w.follow), CAIRN_ERR_UNREACHABLE);
        assert_int_equal(w.test[0].calls, calls);
        cairn_clock_manual_advance_ms(&w.clock, 1);
    }
    end(&w);
    origin_close(&origin);
}

/* --- two truths --- */

static bool has_file(const world *w, const char *folder, const char *name)
{
    char path[2 * CAIRN_PATH_SIZE_MAX];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/%s/%s", w->path, folder, name);
    return stat(path, &status) == 0 && status.st_size > 0;
}

static cairn_err find_evidence(void *context, const char *name)
{
    char *found = context;
    if (strncmp(name, "evidence-", 9) == 0) {
        assert_int_equal(found[0], '\0');
        (void)snprintf(found, 64, "%s", name);
    }
    return CAIRN_OK;
}

/* There is one folder of evidence, with these files in it. */
static void expect_files(const world *w, const char *const *files, char ret_name[64])
{
    ret_name[0] = '\0';
    assert_int_equal(cairn_dir_each(w->path, find_evidence, ret_name), CAIRN_OK);
    assert_true(ret_name[0] != '\0');
    for (size_t i = 0; files[i] != NULL; i++)
        assert_true(has_file(w, ret_name, files[i]));
}

/* What binds two heads of different sizes is there for others to judge by. */
static void expect_path(const world *w, const char *name)
{
    char path[2 * CAIRN_PATH_SIZE_MAX];
    char text[8192] = "";
    (void)snprintf(path, sizeof path, "%s/%s/reason", w->path, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(text, "\nother: "));
    assert_non_null(strstr(text, "\npath: "));
}

/* Closed, with evidence, also after a restart; and open again once somebody took it away. */
static void expect_closed(world *w, const char *const *files, bool with_path)
{
    char name[64];
    char command[CAIRN_PATH_SIZE_MAX + 128];
    expect_round(w, CAIRN_ERR_CLOSED);
    assert_int_equal(status_of(w).state, CAIRN_FOLLOW_CLOSED);
    expect_files(w, files, name);
    assert_non_null(strstr(status_of(w).trouble, name));
    if (with_path)
        expect_path(w, name);
    (void)expect_prefix(w);
    crash(w);
    open_store(w);
    assert_int_equal(open_follow(w), CAIRN_ERR_CLOSED);
    assert_non_null(strstr(cairn_err_detail(), name));
    (void)snprintf(command, sizeof command, "rm -r '%s/%s'", w->path, name);
    assert_int_equal(system(command), 0);
    w->sources[1] = w->sources[0];
    w->source_count = 1;
    assert_int_equal(open_follow(w), CAIRN_OK);
    expect_round(w, CAIRN_OK);
    expect_same(w);
}

/* The same ledger with another history after its first block, by the same key. */
static void open_fork(origin_world *fork, size_t blocks)
{
    origin_open(fork);
    origin_block(fork, 2, 0);
    fork->number = 1000;
    for (size_t i = 0; i < blocks; i++)
        origin_block(fork, 2, 0);
}

static void test_forks(void **state)
{
    (void)state;
    static const char *const files[] = {"reason", "held", "shown", NULL};
    for (size_t blocks = 1; blocks <= 9; blocks += 2) { /* shorter, as long, longer */
        origin_world origin, fork;
        world w;
        origin_open(&origin);
        origin_block(&origin, 2, 0);
        for (int i = 0; i < 5; i++)
            origin_block(&origin, 2, 0);
        open_fork(&fork, blocks);
        init(&w, &origin);
        w.source_count = 2;
        w.test[1].world = &fork;
        open_world(&w);
        expect_closed(&w, files, blocks != 5);
        end(&w);
        origin_close(&fork);
        origin_close(&origin);
    }
}

/* A source that shows another log than it did. */
static void test_fork_in_time(void **state)
{
    (void)state;
    static const char *const files[] = {"reason", "held", "shown", NULL};
    origin_world origin, fork;
    world w;
    origin_open(&origin);
    origin_block(&origin, 2, 0);
    origin_block(&origin, 2, 0);
    open_fork(&fork, 8);
    begin(&w, &origin);
    expect_round(&w, CAIRN_OK);
    w.test[0].world = &fork;
    w.source_count = 1;
    expect_round(&w, CAIRN_ERR_CLOSED);
    char name[64];
    expect_files(&w, files, name);
    assert_int_equal(status_of(&w).state, CAIRN_FOLLOW_CLOSED);
    end(&w);
    origin_close(&fork);
    origin_close(&origin);
}

/* A log that is signed and holds a block that nobody's transactions give: its state root is
 * another. */
typedef struct forged {
    cairn_hash leaf; /* of the block entry */
    cairn_hash root;
    uint64_t size;
} forged;

static cairn_err alter_root(const cairn_block_record *record, uint8_t *entry)
{
    memcpy(entry, record->entry_bytes.data, record->entry_bytes.size);
    entry[record->entry_bytes.size - 3 * 34 + 5] ^= 1;
    return CAIRN_OK;
}

static void forge_record(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                         cairn_bytes *raw)
{
    cairn_bytes copy;
    (void)s;
    if (record->height != 1)
        return;
    assert_int_equal(cairn_arena_copy(arena, *raw, &copy), CAIRN_OK);
    uint8_t *entry =
        memmem(copy.data, copy.size, record->entry_bytes.data, record->entry_bytes.size);
    assert_int_equal(alter_root(record, entry), CAIRN_OK);
    *raw = copy;
}

static cairn_err forge_leaf(void *context, const cairn_block_record *record)
{
    forged *f = context;
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    if (record->height != 1)
        return CAIRN_OK;
    CAIRN_TRY(alter_root(record, entry));
    cairn_merkle_leaf(cairn_bytes_of(entry, record->entry_bytes.size), &f->leaf);
    return CAIRN_OK;
}

static void forge_tile(test_source *s, const cairn_tile *tile, cairn_hash *hashes)
{
    const forged *f = s->lies;
    if (tile->level == 0 && tile->width == f->size)
        hashes[tile->width - 1] = f->leaf;
}

static void forge_note(test_source *s, cairn_arena *arena, cairn_bytes *note)
{
    const forged *f = s->lies;
    *note = origin_note(arena, s->world->origin, s->world->note_key, f->size, &f->root);
}

static void wrong_block(void (*make)(origin_world *origin))
{
    static const char *const files[] = {"reason", "shown", "record", NULL};
    origin_world origin;
    world w;
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    origin_open(&origin);
    make(&origin);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin.engine);
    forged f = {.size = view->log_size};
    const cairn_merkle_source tiles = cairn_engine_source(origin.engine);
    assert_int_equal(cairn_store_each_block(origin.store, 0, 0, forge_leaf, &f), CAIRN_OK);
    assert_int_equal(tiles.read_tile(tiles.context, 0, 0, f.size, hashes), CAIRN_OK);
    hashes[f.size - 1] = f.leaf;
    cairn_merkle_root(hashes, f.size, &f.root);
    begin(&w, &origin);
    test_source *liar = &w.test[0];
    liar->lies = &f;
    liar->on_record = forge_record;
    liar->on_tile = forge_tile;
    liar->on_note = forge_note;
    expect_round(&w, CAIRN_ERR_CLOSED);
    assert_non_null(strstr(status_of(&w).trouble, "(block)"));
    assert_int_equal(expect_prefix(&w), 1);
    char name[64];
    expect_files(&w, files, name);
    end(&w);
    origin_close(&origin);
}

static void make_accepted(origin_world *origin)
{
    origin_block(origin, 3, 0);
}

/* With a refused one in it, too: it is the accepted ones that do not give the signed state. */
static void test_wrong_block(void **state)
{
    (void)state;
    wrong_block(make_accepted);
    wrong_block(origin_clash);
}

/* --- trust --- */

static void trust_of(origin_world *origin, cairn_key *key, uint64_t expires_ms,
                     cairn_trust *ret_trust)
{
    uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_bytes encoded;
    assert_int_equal(cairn_key_to_cose(key, cose, &size), CAIRN_OK);
    cairn_trust_key keys[] = {{.purpose = CAIRN_TRUST_COSIGN,
                               .cose_key = cairn_bytes_of(cose, size),
                               .until = CAIRN_TRUST_OPEN,
                               .suspect = CAIRN_TRUST_OPEN}};
    cairn_trust_member member = {
        .org = origin->f.org, .name = cairn_bytes_str("Maker"), .key_count = 1, .keys = keys};
    const cairn_trust draft = {.ledger = origin->f.ledger,
                               .threshold = 1,
                               .issued_ms = 1,
                               .expires_ms = expires_ms,
                               .member_count = 1,
                               .members = &member};
    assert_int_equal(cairn_trust_encode(&origin->f.arena, &draft, &encoded), CAIRN_OK);
    if (cairn_trust_decode(&origin->f.arena, encoded, ret_trust) != CAIRN_OK)
        fail_msg("%s", cairn_err_detail());
}

static void test_trust_file(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_trust good, old;
    origin_open(&origin);
    grow(&origin, 3);
    cairn_key *key = origin_note_key(3); /* the ledger does not know it */
    trust_of(&origin, key, CAIRN_TIME_MAX_MS, &good);
    trust_of(&origin, key, FIXTURE_TIME_MS, &old);
    begin(&w, &origin);
    w.test[0].key = key;
    expect_round(&w, CAIRN_ERR_NOT_TRUSTED);
    crash(&w);
    w.trust = &old;
    open_world(&w);
    expect_round(&w, CAIRN_ERR_EXPIRED);
    crash(&w);
    w.trust = &good;
    open_world(&w);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    end(&w);
    cairn_trust_done(&good);
    cairn_trust_done(&old);
    cairn_key_free(key);
    origin_close(&origin);
}

/* --- a new key --- */

/* The log that a new key signs brings that key; a key that a block refused comes in by no way. */
static void test_new_key(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    grow(&origin, 2);
    begin(&w, &origin);
    expect_round(&w, CAIRN_OK);
    cairn_key *refused = origin_note_key(7);
    cairn_key *taken = origin_note_key(8);
    grow(&origin, 1);
    origin_add_key(&origin, refused, false);
    origin_add_key(&origin, taken, true);
    grow(&origin, 2);
    w.test[0].key = refused;
    expect_round(&w, CAIRN_ERR_NOT_TRUSTED);
    w.test[0].key = taken;
    w.test[0].on_tile = flip_tile;
    w.test[0].records_max = 3; /* so that tiles must lead on from there */
    expect_round(&w, CAIRN_ERR_MISMATCH);
    w.test[0].on_tile = NULL;
    w.test[0].records_max = 0;
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    grow(&origin, 2);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    cairn_key_free(refused);
    cairn_key_free(taken);
    end(&w);
    origin_close(&origin);
}

/* A key that cosigns nothing more. */
static void withdraw_key(origin_world *origin, const cairn_key *key)
{
    cairn_bytes body;
    assert_int_equal(
        cairn_key_revoke_body(&origin->f.arena, cairn_key_id(key), CAIRN_HEIGHT_OPEN, &body),
        CAIRN_OK);
    origin_tx(origin, fixture_tx(&origin->f, origin->f.key, CAIRN_TX_KEY_REVOKE, body,
                                 origin->clock.wall_ms + 60000));
}

/* Who has stolen a key that the ledger has ended signs nothing by it, though a trust file from
 * before lists it. */
static void test_withdrawn_key(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_trust trust;
    origin_open(&origin);
    cairn_key *key = origin_note_key(9);
    origin_add_key(&origin, key, true);
    trust_of(&origin, key, CAIRN_TIME_MAX_MS, &trust);
    init(&w, &origin);
    w.trust = &trust;
    w.test[0].key = key;
    open_world(&w);
    expect_round(&w, CAIRN_OK); /* by the trust file */
    withdraw_key(&origin, key);
    expect_round(&w, CAIRN_OK); /* the ledger did not say so before this block */
    expect_same(&w);
    grow(&origin, 1);
    expect_round(&w, CAIRN_ERR_NOT_TRUSTED);
    w.test[0].key = NULL;
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    end(&w);
    cairn_trust_done(&trust);
    cairn_key_free(key);
    origin_close(&origin);
}

/* Nor does an organisation that the ledger has suspended, by keys that are open still. */
static void test_suspended_signer(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    cairn_trust trust;
    origin_open(&origin);
    cairn_key *other = fixture_key(60);
    cairn_key *key = origin_note_key(9);
    const cairn_hash org = origin_admit(&origin, other);
    origin_add_key_of(&origin, &org, other, key);
    trust_of(&origin, key, CAIRN_TIME_MAX_MS, &trust);
    init(&w, &origin);
    w.trust = &trust;
    w.test[0].key = key;
    open_world(&w);
    expect_round(&w, CAIRN_OK); /* by the trust file */
    origin_suspend(&origin, &org);
    expect_round(&w, CAIRN_OK); /* the ledger did not say so before this block */
    expect_same(&w);
    grow(&origin, 1);
    expect_round(&w, CAIRN_ERR_NOT_TRUSTED);
    w.test[0].key = NULL;
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    end(&w);
    cairn_trust_done(&trust);
    cairn_key_free(key);
    cairn_key_free(other);
    origin_close(&origin);
}

/* A log that begins with the true one and goes on with one block of one transaction. */
typedef struct forged_end {
    uint64_t height;
    cairn_bytes tx;
    cairn_log_frontier frontier; /* before it, and after */
} forged_end;

static void forge_end_record(test_source *s, cairn_arena *arena, const cairn_block_record *record,
                             cairn_bytes *raw)
{
    const forged_end *f = s->lies;
    cairn_block_record copy = *record;
    if (record->height != f->height)
        return;
    cairn_bytes tx = f->tx;
    copy.transactions = &tx;
    assert_int_equal(cairn_block_record_bare(arena, &copy, raw), CAIRN_OK);
}

static cairn_err forge_end_log(void *context, const cairn_block_record *record)
{
    forged_end *f = context;
    cairn_hash leaf;
    assert_int_equal(record->height, f->height);
    assert_int_equal(record->transaction_count, 1);
    cairn_merkle_leaf(f->tx, &leaf);
    cairn_log_frontier_append(&f->frontier, &leaf, NULL);
    cairn_merkle_leaf(record->entry_bytes, &leaf);
    cairn_log_frontier_append(&f->frontier, &leaf, NULL);
    return CAIRN_OK;
}

static void forge_end_note(test_source *s, cairn_arena *arena, cairn_bytes *note)
{
    const forged_end *f = s->lies;
    cairn_hash root;
    cairn_log_frontier_root(&f->frontier, &root);
    *note = origin_note(arena, s->world->origin, s->key, f->frontier.size, &root);
}

/* A key comes in by no transaction but one that could add it to this ledger, for checkpoints. */
static void expect_no_introduction(origin_world *origin, world *w, cairn_key *key, cairn_bytes tx)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin->engine);
    const cairn_merkle_source own = cairn_engine_source(origin->engine);
    forged_end f = {.height = view->height + 1, .tx = tx};
    expect_round(w, CAIRN_OK);
    expect_same(w);
    assert_int_equal(cairn_merkle_source_frontier(&own, view->log_size, &f.frontier), CAIRN_OK);
    origin_block(origin, 1, 0);
    assert_int_equal(cairn_store_each_block(origin->store, 0, f.height, forge_end_log, &f),
                     CAIRN_OK);
    w->test[0] = (test_source){.world = origin,
                               .key = key,
                               .lies = &f,
                               .on_record = forge_end_record,
                               .on_note = forge_end_note};
    expect_round(w, CAIRN_ERR_NOT_TRUSTED);
    w->test[0] = (test_source){.world = origin};
    expect_round(w, CAIRN_OK);
    expect_same(w);
}

static void test_no_introduction(void **state)
{
    (void)state;
    origin_world origin;
    world w;
    origin_open(&origin);
    begin(&w, &origin);
    cairn_key *ended = origin_note_key(10);
    cairn_key *fresh = origin_note_key(11);
    cairn_bytes add_ended = origin_key_add(&origin, ended, CAIRN_PURPOSE_COSIGN, true);
    cairn_bytes validator = origin_key_add(&origin, fresh, CAIRN_PURPOSE_VALIDATOR, true);
    origin_tx(&origin, add_ended);
    withdraw_key(&origin, ended);
    expect_no_introduction(&origin, &w, ended, add_ended); /* once more what the log holds */
    expect_no_introduction(&origin, &w, fresh, validator);
    origin.f.ledger.b[0] ^= 1;
    cairn_bytes elsewhere = origin_key_add(&origin, fresh, CAIRN_PURPOSE_COSIGN, true);
    origin.f.ledger.b[0] ^= 1;
    expect_no_introduction(&origin, &w, fresh, elsewhere);
    cairn_key_free(ended);
    cairn_key_free(fresh);
    end(&w);
    origin_close(&origin);
}

/* --- files of its own --- */

static void test_files(void **state)
{
    (void)state;
    origin_world origin, other;
    world w;
    char path[CAIRN_PATH_SIZE_MAX];
    origin_open(&origin);
    grow(&origin, 3);
    begin(&w, &origin);
    expect_round(&w, CAIRN_OK);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(origin.engine);
    assert_int_equal(cairn_path_join(w.path, "checkpoint", path), CAIRN_OK);
    crash(&w);

    cairn_hash root = view->log_root;
    root.b[3] ^= 1;
    cairn_bytes wrong =
        origin_note(&origin.f.arena, origin.origin, origin.note_key, view->log_size, &root);
    assert_int_equal(cairn_file_replace(path, 0600, wrong, NULL), CAIRN_OK);
    open_store(&w);
    assert_int_equal(open_follow(&w), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("x"), NULL), CAIRN_OK);
    assert_int_equal(open_follow(&w), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_file_remove(path),
                     CAIRN_OK); /* without it the store says where we are */
    assert_int_equal(open_follow(&w), CAIRN_OK);
    grow(&origin, 3);
    expect_round(&w, CAIRN_OK);
    expect_same(&w);
    crash(&w);

    origin_open(&other);
    cairn_hash mine = origin.f.ledger;
    origin.f.ledger.b[0] ^= 1; /* asks for another ledger than the store has */
    open_store(&w);
    assert_int_equal(open_follow(&w), CAIRN_ERR_CONFIG);
    origin.f.ledger = mine;
    assert_int_equal(open_follow(&w), CAIRN_OK);
    end(&w);
    origin_close(&other);
    origin_close(&origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_source),
        cmocka_unit_test(test_what_is_here),
        cmocka_unit_test(test_writes_are_refused),
        cmocka_unit_test(test_ends_anywhere),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_hungry_source),
        cmocka_unit_test(test_altered_records),
        cmocka_unit_test(test_moved_refusal),
        cmocka_unit_test(test_entries_beyond),
        cmocka_unit_test(test_stale_source),
        cmocka_unit_test(test_rests),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_fork_in_time),
        cmocka_unit_test(test_wrong_block),
        cmocka_unit_test(test_trust_file),
        cmocka_unit_test(test_new_key),
        cmocka_unit_test(test_withdrawn_key),
        cmocka_unit_test(test_suspended_signer),
        cmocka_unit_test(test_no_introduction),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
