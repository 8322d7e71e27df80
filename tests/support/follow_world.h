/* A follower under test: its store, its sources, and what is compared with the origin. */
#ifndef CAIRN_TESTS_SUPPORT_FOLLOW_WORLD_H
#define CAIRN_TESTS_SUPPORT_FOLLOW_WORLD_H

#include "support/follow_source.h"

#include "core/store/file.h"
#include "ledger/follow/follow.h"
#include "ledger/store/store_deliver.h"

enum { SOURCES = 3 };

typedef struct world {
    origin_world *origin; /* what the follower is compared with */
    char *directory;      /* of the follower */
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_clock_manual clock;
    test_source test[SOURCES];
    cairn_source sources[SOURCES];
    size_t source_count;
    unsigned threads;
    const cairn_trust *trust;
    cairn_store *store;
    cairn_follow *follow;
} world;

/* --- life --- */

static inline cairn_err open_follow(world *w)
{
    const cairn_follow_setup setup = {.store = w->store,
                                      .directory = w->path,
                                      .ledger = w->origin->f.ledger,
                                      .sources = w->sources,
                                      .source_count = w->source_count,
                                      .trust = w->trust,
                                      .clock = cairn_clock_of_manual(&w->clock),
                                      .threads = w->threads,
                                      .interval_ms = 10};
    return cairn_follow_new(&setup, &w->follow);
}

static inline void open_store(world *w)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    origin_options(w->origin, &options);
    options.clock = cairn_clock_of_manual(&w->clock);
    assert_int_equal(cairn_path_join(w->directory, "store", path), CAIRN_OK);
    assert_int_equal(cairn_store_open(path, &options, &w->store), CAIRN_OK);
}

static inline void open_world(world *w)
{
    open_store(w);
    if (open_follow(w) != CAIRN_OK)
        fail_msg("%s", cairn_err_detail());
}

static inline void init(world *w, origin_world *origin)
{
    *w = (world){.origin = origin,
                 .directory = fixture_directory(),
                 .clock = {.wall_ms = FIXTURE_TIME_MS + 5000000},
                 .source_count = 1};
    static const char *const names[SOURCES] = {"https://one", "https://two", "https://three"};
    for (size_t i = 0; i < SOURCES; i++) {
        w->test[i].world = origin;
        w->sources[i] = test_source_of(&w->test[i], names[i]);
    }
    assert_int_equal(cairn_path_join(w->directory, "store", w->path), CAIRN_OK);
    assert_int_equal(cairn_dir_make(w->path, 0700), CAIRN_OK);
    assert_int_equal(cairn_path_join(w->directory, "follow", w->path), CAIRN_OK);
    assert_int_equal(cairn_dir_make(w->path, 0700), CAIRN_OK);
}

static inline void begin(world *w, origin_world *origin)
{
    init(w, origin);
    open_world(w);
}

static inline void crash(world *w)
{
    cairn_follow_free(w->follow);
    cairn_store_free(w->store);
    w->follow = NULL;
    w->store = NULL;
}

static inline void end(world *w)
{
    cairn_follow_free(w->follow);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
}

/* --- what is compared --- */

static inline cairn_follow_status status_of(world *w)
{
    cairn_follow_status status;
    cairn_follow_get_status(w->follow, &status);
    return status;
}

typedef struct copies {
    cairn_arena arena;
    size_t count;
    cairn_bytes records[512];
} copies;

static inline cairn_err copy_record(void *context, const cairn_block_record *record)
{
    copies *c = context;
    assert_true(c->count < 512);
    return cairn_arena_copy(&c->arena, record->encoded, &c->records[c->count++]);
}

static inline void copy_all(cairn_store *store, copies *ret_copies)
{
    ret_copies->count = 0;
    cairn_arena_init(&ret_copies->arena, 64 << 20);
    assert_int_equal(cairn_store_each_block(store, 0, 0, copy_record, ret_copies), CAIRN_OK);
}

/* Its blocks are the origin's first ones, byte for byte; how many. */
static inline size_t expect_prefix(world *w)
{
    static copies ours, theirs;
    copy_all(w->store, &ours);
    copy_all(w->origin->store, &theirs);
    assert_true(ours.count <= theirs.count);
    for (size_t i = 0; i < ours.count; i++)
        assert_true(cairn_bytes_equal(ours.records[i], theirs.records[i]));
    cairn_arena_done(&ours.arena);
    cairn_arena_done(&theirs.arena);
    return ours.count;
}

static inline void expect_same(world *w)
{
    cairn_engine *engine = cairn_follow_engine(w->follow);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *ours = cairn_engine_view(engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *theirs = cairn_engine_view(w->origin->engine);
    assert_int_equal(ours->log_size, theirs->log_size);
    assert_true(cairn_hash_equal(&ours->log_root, &theirs->log_root));
    assert_true(cairn_hash_equal(&ours->last.state_root, &theirs->last.state_root));
    assert_true(cairn_hash_equal(&ours->last.config_root, &theirs->last.config_root));
    assert_true(cairn_hash_equal(&ours->last.results_root, &theirs->last.results_root));
    (void)expect_prefix(w);
}

static inline void expect_round(world *w, cairn_err wanted)
{
    cairn_clock_manual_advance_ms(&w->clock, 61000); /* nobody is left alone any more */
    cairn_err err = cairn_follow_round(w->follow);
    if (err != wanted)
        fail_msg("%s, not %s: %s", cairn_err_name(err), cairn_err_name(wanted),
                 err == CAIRN_OK ? "" : cairn_err_detail());
}

static inline void grow(origin_world *origin, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        origin_block(origin, 1 + i % 5, i % 3);
}

#endif
