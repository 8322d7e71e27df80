/* A feature's reaction and timer owner behind a live ledger: what a block emits has its effect
 * once, and they are handed the node's services. */
#include "support/ledger_fixture.h"

#include "core/store/file.h"
#include "feature_list.h"
#include "node/node_jobs.h"
#include "node/node_outbox.h"

typedef struct effects {
    unsigned seen;
    unsigned fired;
} effects;

/* --- a feature of the test's --- */

static cairn_err on_event(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    effects *e = context;
    uint8_t id[8];
    e->seen++;
    cairn_put_u64(id, event->height);
    return cairn_timer_set(txn, "test.timer", cairn_bytes_of(id, sizeof id), event->time_ms,
                           cairn_bytes_of(NULL, 0));
}

static void on_timer(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    effects *e = context;
    assert_int_equal(timer->id.size, 8);
    e->fired++;
    cairn_timer_done(firing, CAIRN_OK);
}

static const cairn_reaction reactions[] = {{.name = "test.reaction", .apply = on_event}};
static const cairn_timer_owner owners[] = {{.name = "test.timer", .fire = on_timer}};
static const cairn_feature test_feature = {.name = "test",
                                           .reactions = reactions,
                                           .reaction_count = 1,
                                           .timer_owners = owners,
                                           .timer_owner_count = 1};

/* --- the world --- */

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_clock_manual clock;
    cairn_store *store;
    const cairn_feature *list[16];
    cairn_features features;
    uint64_t anchors;
} world;

static void begin(world *w)
{
    char path[256];
    cairn_engine *engine = NULL;
    cairn_store_options options;
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    memcpy(w->list, cairn_all_features.list, cairn_all_features.count * sizeof w->list[0]);
    w->list[cairn_all_features.count] = &test_feature;
    w->features = (cairn_features){.list = w->list,
                                   .count = cairn_all_features.count + 1,
                                   .app_version = cairn_all_features.app_version};
    w->directory = fixture_directory();
    (void)snprintf(path, sizeof path, "%s/store", w->directory);
    assert_int_equal(cairn_dir_make(path, 0700), CAIRN_OK);
    cairn_store_options_default(&options, &w->features);
    options.clock = cairn_clock_of_manual(&w->clock);
    options.threads = 0;
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(path, &options, &w->store), CAIRN_OK);
    fixture_open(&w->f, 1);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &engine), CAIRN_OK);
}

static void end(world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

/* A block with one anchor, which emits one event. */
static void add_block(world *w)
{
    cairn_verdict verdict;
    cairn_bytes tx = fixture_anchor(&w->f, w->anchors, w->clock.wall_ms + 60000 + w->anchors);
    w->anchors++;
    w->clock.wall_ms += 1000;
    assert_int_equal(cairn_engine_wait(cairn_store_ledger(w->store, 0), tx, &verdict), CAIRN_OK);
}

/* Opens the jobs, does what there is to do, closes them. */
static void work(world *w, effects *e)
{
    cairn_node_jobs *jobs = NULL;
    const cairn_node_jobs_setup setup = {.directory = w->directory,
                                         .features = &w->features,
                                         .store = w->store,
                                         .clock = cairn_clock_of_manual(&w->clock),
                                         .context = e};
    assert_int_equal(cairn_node_jobs_new(&setup, &jobs), CAIRN_OK);
    for (bool more = true; more;)
        assert_int_equal(cairn_jobs_step(cairn_node_jobs_get(jobs), &more), CAIRN_OK);
    assert_int_equal(cairn_jobs_start(cairn_node_jobs_get(jobs)), CAIRN_OK);
    assert_int_equal(cairn_jobs_drain(cairn_node_jobs_get(jobs), 10000), CAIRN_OK);
    cairn_node_jobs_free(jobs);
}

static void test_effects(void **state)
{
    (void)state;
    world w;
    effects e = {0};
    begin(&w);
    add_block(&w);
    work(&w, NULL); /* a verb that looks has no effect */
    work(&w, &e);
    unsigned first = e.seen;
    assert_true(first > 0);
    assert_int_equal(e.fired, 1);
    work(&w, &e);
    assert_int_equal(e.seen, first); /* each event once, across restarts */
    add_block(&w);
    work(&w, &e);
    assert_true(e.seen > first);
    assert_int_equal(e.fired, 2);
    end(&w);
}

static void test_rows(void **state)
{
    (void)state;
    cairn_node_jobs_rows rows;
    const cairn_feature *list[] = {&test_feature};
    const cairn_features features = {.list = list, .count = 1, .app_version = 1};
    assert_int_equal(cairn_node_jobs_rows_collect(&features, &rows), CAIRN_OK);
    assert_int_equal(rows.projection_count, 1); /* the node's own */
    assert_int_equal(rows.reaction_count, 2);   /* the node's own first */
    assert_ptr_equal(rows.reactions[1], &reactions[0]);
    assert_int_equal(rows.callback_kind_count, 1);
    assert_string_equal(rows.callback_kinds[0]->name, rows.reactions[0]->name);
    assert_int_equal(rows.timer_owner_count, 1);
    assert_ptr_equal(rows.timer_owners[0], &owners[0]);
    cairn_node_jobs_rows_done(&rows);
}

/* --- the outbox's options --- */

static cairn_err open_outbox(const char *allowed)
{
    char text[2048];
    cairn_config *config = NULL;
    cairn_node_outbox *outbox = NULL;
    const cairn_clock clock = cairn_clock_system();
    int size = snprintf(text, sizeof text, "outbox:\n  allowed: \"%s\"\n", allowed);
    assert_int_equal(cairn_config_parse(&cairn_node_outbox_options, 1, "cairn.yaml",
                                        cairn_bytes_of(text, (size_t)size), &config),
                     CAIRN_OK);
    cairn_err err = cairn_node_outbox_new(config, &clock, NULL, NULL, &outbox);
    if (err == CAIRN_OK)
        assert_non_null(cairn_node_outbox_transport(outbox));
    cairn_node_outbox_free(outbox);
    cairn_config_free(config);
    return err;
}

static void test_outbox(void **state)
{
    (void)state;
    assert_int_equal(open_outbox(""), CAIRN_OK);
    assert_int_equal(open_outbox("10.1.0.0/16"), CAIRN_OK);
    assert_int_equal(open_outbox("  10.1.0.0/16  fd00::/8 192.0.2.1 "), CAIRN_OK);
    assert_int_equal(open_outbox("10.1.0.1/16"), CAIRN_ERR_CONFIG); /* bits beyond the prefix */
    assert_int_equal(open_outbox("10.1.0.0/16,10.2.0.0/16"), CAIRN_ERR_CONFIG);
    assert_int_equal(open_outbox("localhost"), CAIRN_ERR_CONFIG);
    char many[1024] = "";
    for (size_t i = 0; i < 65; i++)
        (void)snprintf(many + strlen(many), sizeof many - strlen(many), "10.1.0.%zu ", i);
    assert_int_equal(open_outbox(many), CAIRN_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_outbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
