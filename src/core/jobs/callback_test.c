/* Callbacks: whom an event concerns, bounds, catching up, ends and secrets; the peer is the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/jobs/callback_secret.h"
#include "core/limits.h"
#include "support/jobs_fixture.h"
#include "support/prng.h"

enum { TOLD_MAX = 8192 };

static const cairn_hash ledger_a = {{0xaa}};
static const cairn_hash owner_1 = {{0x01}};
static const cairn_hash owner_2 = {{0x02}};

/* Topics: u16 type ‖ key, and "every" for all. */
static cairn_err topics(cairn_arena *arena, const cairn_job_event *event, cairn_bytes *ret_topics,
                        size_t *ret_count)
{
    uint8_t topic[6];
    cairn_put_u16(topic, event->type);
    memcpy(topic + 2, event->key.data, 4);
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(topic, sizeof topic), &ret_topics[0]));
    ret_topics[1] = cairn_bytes_str("every");
    *ret_count = 2;
    return CAIRN_OK;
}

static cairn_err write_event(cairn_arena *arena, const cairn_hash *ledger,
                             const cairn_job_event *event, cairn_bytes *ret_json)
{
    char text[64];
    assert_true(cairn_hash_equal(ledger, &ledger_a));
    (void)snprintf(text, sizeof text, "{\"height\":%llu}", (unsigned long long)event->height);
    return cairn_arena_copy(arena, cairn_bytes_str(text), ret_json);
}

static const cairn_callback_kind kind = {.name = "test.callbacks",
                                         .content_type = "application/json",
                                         .topics = topics,
                                         .write = write_event};

static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    (void)context;
    return cairn_callback_react(&kind, txn, event);
}
static bool is_idle(void *context, const cairn_jobs *jobs)
{
    (void)context;
    return cairn_callback_is_idle(jobs);
}
static const cairn_reaction reaction = {
    .name = "test.callbacks", .apply = react, .is_idle = is_idle};

typedef struct told {
    char destination[64];
    char key[64];
    uint64_t height, sequence;
} told;

typedef struct fixture {
    char path[64];
    jobs_log log;
    cairn_clock_manual time;
    cairn_outbox_transport transport;
    cairn_jobs_options options;
    cairn_jobs *jobs;
    int status; /* the peer's answer */
    told told[TOLD_MAX];
    size_t count;
    size_t calls;
} fixture;

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    fixture *f = context;
    char body[256];
    unsigned long long height = 0;
    unsigned long long sequence = 0;
    char id[64];
    f->calls++;
    if (f->status == 204) {
        assert_true(f->count < TOLD_MAX);
        told *t = &f->told[f->count++];
        (void)snprintf(body, sizeof body, "%.*s", (int)row->message.body.size,
                       (const char *)row->message.body.data);
        assert_int_equal(
            sscanf(body,
                   "{\"height\":%llu,\"subscription\":\"%32[0-9a-f]\",\"sequence\":\"%20llu\"}",
                   &height, id, &sequence),
            3);
        *t = (told){.height = height, .sequence = sequence};
        (void)snprintf(t->destination, sizeof t->destination, "%s", row->message.destination);
        (void)snprintf(t->key, sizeof t->key, "%s", row->message.key);
        assert_string_equal(row->message.destination + strlen("callback/"), id);
        assert_int_equal(row->message.signature, CAIRN_OUTBOX_HMAC_SHA256);
    }
    cairn_outbox_done(delivery, &(cairn_outbox_result){.status = f->status, .detail = ""});
}

static void open_jobs(fixture *f)
{
    static const cairn_reaction *const reactions[] = {&reaction};
    static const cairn_callback_kind *const kinds[] = {&kind};
    cairn_event_source source = jobs_log_source(&f->log);
    f->options = (cairn_jobs_options){.clock = cairn_clock_of_manual(&f->time),
                                      .reactions = reactions,
                                      .reaction_count = 1,
                                      .callback_kinds = kinds,
                                      .callback_kind_count = 1,
                                      .transport = &f->transport,
                                      .map_size = 256 << 20,
                                      .seed = 1};
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_a, &source), CAIRN_OK);
}

static void reopen(fixture *f)
{
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    open_jobs(f);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    jobs_directory_make(f->path);
    jobs_log_init(&f->log);
    f->time = (cairn_clock_manual){.wall_ms = 1700000000000, .monotonic_ns = 1};
    f->transport = (cairn_outbox_transport){.context = f, .deliver = deliver};
    f->status = 204;
    open_jobs(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(f->jobs);
    jobs_log_done(&f->log);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

/* Time goes on until nothing is tried any more. */
static void pass(fixture *f, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        cairn_clock_manual_advance_ms(&f->time, 1000);
        jobs_settle(f->jobs, 1);
    }
}

static cairn_callback_place place_of(const cairn_hash *owner, const char *tenant)
{
    return (cairn_callback_place){
        .kind = "test.callbacks", .ledger = ledger_a, .owner = *owner, .tenant = tenant};
}

typedef struct change {
    cairn_callback_place place;
    cairn_callback like;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    uint32_t secret;
} change;

static cairn_err do_add(void *context, cairn_jobs_txn *txn)
{
    change *c = context;
    return cairn_callback_add(txn, &c->place, &c->like, c->id);
}

static cairn_err do_remove(void *context, cairn_jobs_txn *txn)
{
    const change *c = context;
    return cairn_callback_remove(txn, &c->place, c->id);
}

static cairn_err do_renew(void *context, cairn_jobs_txn *txn)
{
    change *c = context;
    return cairn_callback_renew(txn, &c->place, c->id, &c->secret);
}

static cairn_err do_remove_owner(void *context, cairn_jobs_txn *txn)
{
    const change *c = context;
    return cairn_callback_remove_owner(txn, c->place.kind, &c->place.ledger, &c->place.owner);
}

/* From now on. */
static change new_one(fixture *f, const cairn_hash *owner, const cairn_bytes *names, size_t count)
{
    return (change){.place = place_of(owner, "t"),
                    .like = {.sink = "https://a.example/hook",
                             .topics = names,
                             .topic_count = count,
                             .expires_ms = f->time.wall_ms + UINT64_C(1000) * 86400 * 30,
                             .since = {.height = f->log.height}}};
}

static change add(fixture *f, const cairn_hash *owner, const cairn_bytes *names, size_t count)
{
    cairn_callback_expect(f->jobs);
    change c = new_one(f, owner, names, count);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_OK);
    return c;
}

static void lane_of(const change *c, char ret_destination[64])
{
    memcpy(ret_destination, "callback/", 9);
    cairn_hex_encode(cairn_bytes_of(c->id, sizeof c->id), ret_destination + 9);
}

/* How many it was told; they are numbered from 1, in order, each once. */
static size_t told_of(const fixture *f, const change *c)
{
    char destination[64];
    uint64_t height = 0;
    size_t count = 0;
    lane_of(c, destination);
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->told[i].destination, destination) != 0)
            continue;
        assert_int_equal(f->told[i].sequence, ++count);
        assert_true(f->told[i].height > height);
        height = f->told[i].height;
    }
    return count;
}

static cairn_callback get(fixture *f, cairn_arena *arena, const change *c)
{
    cairn_callback out;
    assert_int_equal(cairn_callback_get(f->jobs, arena, &c->place, c->id, &out), CAIRN_OK);
    return out;
}

static const cairn_bytes every = {(const uint8_t *)"every", 5};

/* --- topics --- */

static void test_from_now_on(void **state)
{
    fixture *f = *state;
    jobs_log_one(&f->log, JOBS_SET, 1);
    change c = add(f, &owner_1, &every, 1); /* before the reaction has seen the first block */
    jobs_log_one(&f->log, JOBS_SET, 2);
    jobs_settle(f->jobs, 1);
    assert_int_equal(told_of(f, &c), 1);
    assert_int_equal(f->told[0].height, 2);
    reopen(f);
    jobs_log_one(&f->log, JOBS_OTHER, 3);
    jobs_settle(f->jobs, 1);
    assert_int_equal(told_of(f, &c), 2);
}

/* While there is no callback an event costs no transaction; the first one misses nothing. */
static void test_idle(void **state)
{
    fixture *f = *state;
    cairn_jobs_metrics m;
    for (uint32_t i = 0; i < 10; i++) {
        jobs_log_one(&f->log, JOBS_SET, i);
        jobs_settle(f->jobs, 1);
    }
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.batches, 0);
    change c = add(f, &owner_1, &every, 1);
    jobs_log_one(&f->log, JOBS_SET, 10);
    jobs_settle(f->jobs, 1);
    assert_int_equal(told_of(f, &c), 1);
    reopen(f); /* with one there it is not idle from the start */
    jobs_log_one(&f->log, JOBS_SET, 11);
    jobs_settle(f->jobs, 1);
    assert_int_equal(told_of(f, &c), 2);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.batches, 1);
}

/* Random beginnings against a model that looks at each. */
static void test_beginnings(void **state)
{
    enum { CALLBACKS = 60, EVENTS = 150, TOPICS = 3 };
    fixture *f = *state;
    sim_rng random = sim_rng_derive(7, 0);
    static uint8_t names[CALLBACKS][TOPICS][6];
    static cairn_bytes views[CALLBACKS][TOPICS];
    change made[CALLBACKS];
    size_t want[CALLBACKS] = {0};
    for (size_t i = 0; i < CALLBACKS; i++) {
        for (size_t k = 0; k < TOPICS; k++) {
            cairn_put_u16(names[i][k], (uint16_t)(1 + sim_rng_below(&random, 3)));
            cairn_put_u32(names[i][k] + 2, (uint32_t)sim_rng_below(&random, 4) << 24 |
                                               (uint32_t)sim_rng_below(&random, 4));
            views[i][k] = cairn_bytes_of(names[i][k], sim_rng_below(&random, 7));
        }
        made[i] = add(f, i % 2 == 0 ? &owner_1 : &owner_2, views[i], TOPICS);
    }
    for (size_t e = 0; e < EVENTS; e++) {
        uint8_t topic[6];
        uint16_t type = (uint16_t)(1 + sim_rng_below(&random, 3));
        uint32_t object =
            (uint32_t)sim_rng_below(&random, 4) << 24 | (uint32_t)sim_rng_below(&random, 4);
        jobs_log_one(&f->log, type, object);
        cairn_put_u16(topic, type);
        cairn_put_u32(topic + 2, object);
        for (size_t i = 0; i < CALLBACKS; i++) {
            bool wanted = false;
            for (size_t k = 0; k < TOPICS; k++)
                wanted = wanted || memcmp(topic, names[i][k], views[i][k].size) == 0;
            want[i] += wanted;
        }
        jobs_settle(f->jobs, 1);
    }
    for (size_t i = 0; i < CALLBACKS; i++)
        assert_int_equal(told_of(f, &made[i]), want[i]);
}

/* --- bounds and catching up --- */

static void test_behind_and_caught_up(void **state)
{
    enum { EVENTS = 2 * CAIRN_CALLBACK_WAITING_MAX + 700 };
    fixture *f = *state;
    const cairn_bytes odd = cairn_bytes_of("\0\1", 2);
    cairn_arena arena;
    cairn_jobs_metrics m;
    cairn_arena_init(&arena, 1 << 20);
    change slow = add(f, &owner_1, &every, 1);
    change few = add(f, &owner_1, &odd, 1);
    f->status = 503;
    for (uint32_t i = 0; i < EVENTS; i++) {
        jobs_log_one(&f->log, i % 100 == 0 ? JOBS_SET : JOBS_OTHER, i);
        if (i % 50 == 0)
            jobs_settle(f->jobs, 1);
    }
    jobs_settle(f->jobs, 1);
    assert_true(get(f, &arena, &slow).behind);
    assert_int_equal(get(f, &arena, &slow).told, CAIRN_CALLBACK_WAITING_MAX);
    assert_false(get(f, &arena, &few).behind); /* one that is behind holds up nobody */
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.callbacks, 2);
    assert_int_equal(m.callbacks_behind, 1);
    assert_int_equal(m.parked, 0);
    reopen(f);
    f->status = 204;
    cairn_clock_manual_advance_ms(&f->time, 900000); /* of its back-off */
    for (unsigned i = 0; i < 60; i++) {
        if (i == 5) /* the log goes on meanwhile */
            jobs_log_one(&f->log, JOBS_OTHER, 1);
        pass(f, 1);
    }
    assert_int_equal(told_of(f, &slow), EVENTS + 1);
    assert_int_equal(told_of(f, &few), EVENTS / 100);
    assert_false(get(f, &arena, &slow).behind);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.callbacks_behind, 0);
    jobs_log_one(&f->log, JOBS_OTHER, 1);
    jobs_settle(f->jobs, 1);
    assert_int_equal(told_of(f, &slow), EVENTS + 2);
    cairn_arena_done(&arena);
}

static void test_bounds(void **state)
{
    fixture *f = *state;
    cairn_callback_expect(f->jobs);
    cairn_bytes many[CAIRN_CALLBACK_TOPICS_MAX + 1];
    uint8_t long_topic[CAIRN_CALLBACK_TOPIC_SIZE_MAX + 1] = {0};
    const cairn_bytes too_long = cairn_bytes_of(long_topic, sizeof long_topic);
    static const char *const sinks[] = {"http://a.example/",
                                        "https://a.example/#x",
                                        "https://u@a.example/",
                                        "https://",
                                        "ftp://a/",
                                        "https://a b/",
                                        ""};
    for (size_t i = 0; i < CAIRN_CALLBACK_TOPICS_MAX + 1; i++)
        many[i] = every;
    for (size_t i = 0; i < sizeof sinks / sizeof sinks[0]; i++) {
        change c = new_one(f, &owner_1, &every, 1);
        c.like.sink = sinks[i];
        assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_ERR_ARGUMENT);
    }
    change c = new_one(f, &owner_1, many, CAIRN_CALLBACK_TOPICS_MAX + 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_ERR_ARGUMENT);
    c = new_one(f, &owner_1, &every, 0);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_ERR_ARGUMENT);
    c = new_one(f, &owner_1, &too_long, 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_ERR_ARGUMENT);
    c = new_one(f, &owner_1, &every, 1);
    c.like.expires_ms = f->time.wall_ms;
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_ERR_EXPIRED);
    for (size_t i = 0; i < CAIRN_CALLBACKS_OWNER_MAX; i++)
        c = add(f, &owner_1, many, i % CAIRN_CALLBACK_TOPICS_MAX + 1);
    change more = new_one(f, &owner_1, &every, 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &more), CAIRN_ERR_TOO_MANY);
    (void)add(f, &owner_2, &every, 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &c), CAIRN_OK);
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &more), CAIRN_OK);
}

/* --- ends --- */

static void test_ends(void **state)
{
    fixture *f = *state;
    cairn_jobs_metrics m;
    change gone = add(f, &owner_1, &every, 1);
    change all[3];
    for (size_t i = 0; i < 3; i++)
        all[i] = add(f, &owner_2, &every, 1);
    change stays = add(f, &owner_1, &every, 1);
    f->status = 503;
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_settle(f->jobs, 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &gone), CAIRN_OK);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &gone), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove_owner, &all[0]), CAIRN_OK);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_waiting, 1);
    assert_int_equal(m.callbacks, 1);
    assert_int_equal(m.timers, 1);
    f->status = 204;
    jobs_log_one(&f->log, JOBS_SET, 2);
    pass(f, 10);
    assert_int_equal(told_of(f, &stays), 2);
    assert_int_equal(f->count, 2);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &stays), CAIRN_OK);
    jobs_log_one(&f->log, JOBS_SET, 3);
    jobs_settle(f->jobs, 1);
    assert_int_equal(f->count, 2);
}

/* What was given up goes with it: nobody can send it again. */
static void test_end_takes_dead_letters(void **state)
{
    fixture *f = *state;
    cairn_jobs_metrics m;
    change gone = add(f, &owner_1, &every, 1);
    change stays = add(f, &owner_1, &every, 1);
    f->status = 410;
    for (uint32_t i = 0; i < 5; i++)
        jobs_log_one(&f->log, JOBS_SET, i);
    jobs_settle(f->jobs, 1);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_dead, 10);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &gone), CAIRN_OK);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_dead, 5);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &stays), CAIRN_OK);
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_dead, 0);
}

static void test_expires(void **state)
{
    fixture *f = *state;
    cairn_jobs_metrics m;
    cairn_callback_expect(f->jobs);
    change c = new_one(f, &owner_1, &every, 1);
    c.like.expires_ms = f->time.wall_ms + 5000;
    assert_int_equal(cairn_jobs_update(f->jobs, do_add, &c), CAIRN_OK);
    f->status = 503;
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_settle(f->jobs, 1);
    reopen(f);
    f->status = 204;
    cairn_clock_manual_advance_ms(&f->time, 5000);
    jobs_log_one(&f->log, JOBS_SET, 2);
    jobs_settle(f->jobs, 1);
    assert_int_equal(f->count, 0); /* neither what waited nor what came */
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.callbacks + m.timers + m.outbox_waiting, 0);
    assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &c), CAIRN_ERR_NOT_FOUND);
}

/* --- looking --- */

static void test_pages(void **state)
{
    enum { ROWS = 25, LIMIT = 4 };
    fixture *f = *state;
    cairn_arena arena;
    cairn_hash caller = {{9}};
    cairn_hash other = {{8}};
    cairn_bytes token = {0};
    size_t seen = 0;
    uint8_t last[CAIRN_CALLBACK_ID_SIZE] = {0};
    const cairn_callback_place place = place_of(&owner_1, "t");
    const cairn_callback_place elsewhere = place_of(&owner_1, "u");
    cairn_callback *rows = NULL;
    size_t count = 0;
    cairn_arena_init(&arena, 1 << 22);
    change c = {.secret = 0};
    for (size_t i = 0; i < ROWS; i++)
        c = add(f, &owner_1, &every, 1);
    (void)add(f, &owner_2, &every, 1);
    do {
        cairn_bytes next = {0};
        assert_int_equal(cairn_callback_page(f->jobs, &arena, &place, &caller, token, LIMIT, &rows,
                                             &count, &next),
                         CAIRN_OK);
        for (size_t i = 0; i < count; i++, seen++) {
            assert_true(memcmp(last, rows[i].id, sizeof last) < 0);
            memcpy(last, rows[i].id, sizeof last);
            assert_string_equal(rows[i].sink, "https://a.example/hook");
        }
        token = next;
        if (token.size > 0) {
            assert_int_equal(cairn_callback_page(f->jobs, &arena, &place, &other, token, LIMIT,
                                                 &rows, &count, &next),
                             CAIRN_ERR_PAGE_TOKEN);
            assert_int_equal(cairn_callback_page(f->jobs, &arena, &elsewhere, &caller, token, LIMIT,
                                                 &rows, &count, &next),
                             CAIRN_ERR_PAGE_TOKEN);
        }
    } while (token.size > 0);
    assert_int_equal(seen, ROWS);
    /* Another tenant, or owner, or list: not there. */
    change foreign[3] = {c, c, c};
    foreign[0].place.tenant = "u";
    foreign[1].place.owner = owner_2;
    foreign[2].place.kind = "test.others";
    for (size_t i = 0; i < 3; i++) {
        cairn_callback out;
        assert_int_equal(cairn_callback_get(f->jobs, &arena, &foreign[i].place, c.id, &out),
                         CAIRN_ERR_NOT_FOUND);
        assert_int_equal(cairn_jobs_update(f->jobs, do_remove, &foreign[i]), CAIRN_ERR_NOT_FOUND);
        assert_int_equal(cairn_jobs_update(f->jobs, do_renew, &foreign[i]), CAIRN_ERR_NOT_FOUND);
    }
    assert_int_equal(get(f, &arena, &c).secret, 1);
    cairn_arena_done(&arena);
}

/* --- secrets --- */

static void test_renewed(void **state)
{
    fixture *f = *state;
    char name[CAIRN_CALLBACK_SECRET_NAME_SIZE];
    change c = add(f, &owner_1, &every, 1);
    f->status = 503;
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_settle(f->jobs, 1);
    assert_int_equal(cairn_jobs_update(f->jobs, do_renew, &c), CAIRN_OK);
    assert_int_equal(c.secret, 2);
    jobs_log_one(&f->log, JOBS_SET, 2);
    f->status = 204;
    pass(f, 10);
    assert_int_equal(told_of(f, &c), 2);
    for (uint32_t i = 0; i < 2; i++) { /* what waited keeps the old one */
        cairn_callback_secret_name(c.id, i + 1, name);
        assert_string_equal(f->told[i].key, name);
    }
}

static void remove_tree(const char *path)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0); /* NOLINT: a test's own directory */
}

static void test_secrets(void **state)
{
    fixture *f = *state;
    char vault_path[96], holder_path[96];
    cairn_vault_holder *holder = NULL;
    cairn_vault *vault = NULL;
    cairn_callback_secrets *secrets = NULL;
    cairn_secret first = {0};
    cairn_secret second = {0};
    cairn_secret other = {0};
    assert_int_equal(cairn_callback_secrets_new(NULL, &secrets), CAIRN_OK);
    cairn_callback_secrets_bind(secrets, f->jobs);
    assert_int_equal(cairn_callback_secrets_find(secrets, "t", "a.1", &first),
                     CAIRN_ERR_UNAVAILABLE);
    cairn_callback_secrets_free(secrets);
    (void)snprintf(vault_path, sizeof vault_path, "%s.vault", f->path);
    (void)snprintf(holder_path, sizeof holder_path, "%s.holder", f->path);
    assert_int_equal(cairn_vault_holder_open_files(holder_path, &holder), CAIRN_OK);
    for (int i = 0; i < 2; i++) { /* a second process derives the same */
        assert_int_equal(cairn_vault_open(vault_path, holder, &vault), CAIRN_OK);
        assert_int_equal(cairn_callback_secrets_new(vault, &secrets), CAIRN_OK);
        assert_int_equal(cairn_callback_secrets_find(secrets, "t", "a.1", &first),
                         CAIRN_ERR_UNAVAILABLE); /* not bound */
        cairn_callback_secrets_bind(secrets, f->jobs);
        assert_int_equal(
            cairn_callback_secrets_find(secrets, "t", "a.1", i == 0 ? &first : &second), CAIRN_OK);
        static const char *const names[][2] = {
            {"t", "a.2"}, {"u", "a.1"}, {"ta", ".1"}, {"", "ta.1"}};
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(cairn_callback_secrets_find(secrets, names[k][0], names[k][1], &other),
                             CAIRN_OK);
            assert_int_equal(other.size, 32);
            assert_false(cairn_secret_equal(cairn_secret_view(&other), cairn_secret_view(&first)));
        }
        cairn_callback_secrets_free(CAIRN_STEAL(secrets));
        cairn_vault_close(CAIRN_STEAL(vault));
    }
    assert_true(cairn_secret_equal(cairn_secret_view(&first), cairn_secret_view(&second)));
    cairn_vault_holder_free(holder);
    remove_tree(vault_path);
    remove_tree(holder_path);
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(test_from_now_on),
        WITH_JOBS(test_idle),
        WITH_JOBS(test_beginnings),
        WITH_JOBS(test_behind_and_caught_up),
        WITH_JOBS(test_bounds),
        WITH_JOBS(test_ends),
        WITH_JOBS(test_end_takes_dead_letters),
        WITH_JOBS(test_expires),
        WITH_JOBS(test_pages),
        WITH_JOBS(test_renewed),
        WITH_JOBS(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
