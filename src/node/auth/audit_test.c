/* The audit trail: what is recorded is there, in order, after a restart; what was changed shows;
 * what is old goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/store/block_log.h"
#include "core/store/file.h"
#include "node/auth/audit.h"
#include "support/log_schema.h"
#include "support/tree.h"

typedef struct fixture {
    char directory[96];
    cairn_clock_manual manual;
    cairn_audit_options options;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    tree_make(f->directory, sizeof f->directory, "audit");
    f->manual.wall_ms = 1700000000000u;
    f->options = cairn_audit_defaults();
    f->options.clock = cairn_clock_of_manual(&f->manual);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    tree_remove(f->directory);
    free(f);
    return 0;
}

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done, failed;
} waiter;

static void on_done(void *context, cairn_err err)
{
    waiter *w = context;
    (void)pthread_mutex_lock(&w->lock);
    w->done++;
    w->failed += err != CAIRN_OK;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

static void waiter_init(waiter *w)
{
    *w = (waiter){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void wait_for(waiter *w, unsigned count)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->done < count)
        (void)pthread_cond_wait(&w->changed, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

static const cairn_principal ann = {.method = CAIRN_AUTH_BASIC,
                                    .subject = "ann.example@mail",
                                    .tenant = "red",
                                    .has_organisation = true,
                                    .organisation = {{7}}};
static const cairn_principal nobody;

static void record(cairn_audit *audit, waiter *w, bool granted, const cairn_principal *who)
{
    const cairn_audit_fact fact = {.granted = granted,
                                   .reason = granted ? "" : "scope_missing",
                                   .operation = "removeThing",
                                   .method = "DELETE",
                                   .principal = who};
    cairn_err err = CAIRN_OK;
    do
        err = cairn_audit_record(audit, &fact, on_done, w);
    while (err == CAIRN_ERR_BUSY);
    assert_int_equal(err, CAIRN_OK);
}

static void record_many(fixture *f, unsigned count)
{
    waiter w;
    cairn_audit *audit = NULL;
    waiter_init(&w);
    assert_int_equal(cairn_audit_open(f->directory, &f->options, &audit), CAIRN_OK);
    for (unsigned i = 0; i < count; i++) {
        record(audit, &w, i % 2 == 0, i % 3 == 0 ? &nobody : &ann);
        if (i % 7 == 0)
            wait_for(&w, i + 1);
    }
    wait_for(&w, count);
    assert_int_equal(w.failed, 0);
    cairn_audit_close(audit);
}

typedef struct seen {
    uint64_t count, first;
    cairn_hash subject;
} seen;

static cairn_err look(void *context, const cairn_audit_row *row)
{
    seen *s = context;
    static const cairn_hash zero;
    if (s->count++ == 0)
        s->first = row->number;
    assert_int_equal(row->number, s->first + s->count - 1);
    assert_int_equal(row->granted, row->number % 2 == 0);
    assert_true(cairn_bytes_equal(row->operation, cairn_bytes_str("removeThing")));
    assert_true(cairn_bytes_equal(row->method, cairn_bytes_str("DELETE")));
    assert_true(
        cairn_bytes_equal(row->reason, cairn_bytes_str(row->granted ? "" : "scope_missing")));
    bool known = row->number % 3 != 0;
    assert_int_equal(row->has_organisation, known);
    assert_int_equal(cairn_hash_equal(&row->subject, &zero), !known);
    if (known) {
        assert_int_equal(row->organisation.b[0], 7);
        assert_true(cairn_bytes_equal(row->tenant, cairn_bytes_str("red")));
        s->subject = row->subject;
    }
    return CAIRN_OK;
}

static void test_rows_are_there_after_a_restart(void **state)
{
    fixture *f = *state;
    seen s = {0};
    cairn_audit_head head = {0};
    record_many(f, 30);
    record_many(f, 30); /* numbers go on, and so does the parity that `look` expects */
    assert_int_equal(cairn_audit_each(f->directory, 0, NULL, NULL), CAIRN_OK);
    assert_int_equal(cairn_audit_check(f->directory, NULL, &head), CAIRN_OK);
    assert_int_equal(head.count, 60);
    assert_int_equal(cairn_audit_each(f->directory, 0, look, &s), CAIRN_OK);
    assert_int_equal(s.count, 60);
    s = (seen){0};
    assert_int_equal(cairn_audit_each(f->directory, 42, look, &s), CAIRN_OK);
    assert_int_equal(s.first, 42);
    assert_int_equal(s.count, 18);
}

/* The pseudonym is the trail's own: the name is not in the files, and another trail has another. */
static void test_subjects_are_pseudonyms(void **state)
{
    fixture *f = *state;
    seen s = {0};
    cairn_hash subject, digest;
    cairn_audit *audit = NULL;
    record_many(f, 3);
    assert_int_equal(cairn_audit_each(f->directory, 0, look, &s), CAIRN_OK);
    assert_int_equal(cairn_audit_open(f->directory, &f->options, &audit), CAIRN_OK);
    assert_int_equal(cairn_audit_subject(audit, &ann, &subject), CAIRN_OK);
    cairn_audit_close(audit);
    assert_true(cairn_hash_equal(&subject, &s.subject));
    cairn_principal_digest(&ann, &digest);
    assert_false(cairn_hash_equal(&subject, &digest));
    char command[256];
    (void)snprintf(command, sizeof command, "grep -rq ann.example %s", f->directory);
    assert_int_not_equal(system(command), 0);
    (void)snprintf(command, sizeof command, "%s/subject.key", f->directory);
    assert_int_equal(unlink(command), 0);
    assert_int_equal(cairn_audit_open(f->directory, &f->options, &audit), CAIRN_OK);
    assert_int_equal(cairn_audit_subject(audit, &ann, &digest), CAIRN_OK);
    cairn_audit_close(audit);
    assert_false(cairn_hash_equal(&subject, &digest));
}

static void test_a_known_head(void **state)
{
    fixture *f = *state;
    cairn_audit_head early = {0};
    cairn_audit_head head = {0};
    record_many(f, 10);
    assert_int_equal(cairn_audit_check(f->directory, NULL, &early), CAIRN_OK);
    record_many(f, 10);
    assert_int_equal(cairn_audit_check(f->directory, &early, &head), CAIRN_OK);
    assert_int_equal(head.count, 20);
    early.hash.b[0] ^= 1;
    assert_int_equal(cairn_audit_check(f->directory, &early, &head), CAIRN_ERR_MISMATCH);
    early.count = 21;
    assert_int_equal(cairn_audit_check(f->directory, &early, &head), CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_audit_check("/tmp/cairn-there-is-none", NULL, &head),
                     CAIRN_ERR_NOT_FOUND);
}

static void test_old_volumes_go(void **state)
{
    fixture *f = *state;
    seen s = {0};
    cairn_audit_head head = {0}, known = {.count = 1};
    f->options.volume_rows_max = 8;
    f->options.volumes_max = 3;
    record_many(f, 100);
    assert_int_equal(cairn_audit_check(f->directory, NULL, &head), CAIRN_OK);
    assert_int_equal(head.count, 100);
    assert_int_equal(cairn_audit_each(f->directory, 0, look, &s), CAIRN_OK);
    assert_true(s.count >= 17 && s.count < 48);
    assert_int_equal(s.first + s.count, 100);
    assert_int_equal(cairn_audit_check(f->directory, &known, &head), CAIRN_ERR_NOT_FOUND);
    record_many(f, 10);
    assert_int_equal(cairn_audit_check(f->directory, NULL, &head), CAIRN_OK);
    assert_int_equal(head.count, 110);
}

/* A rewritten row has a valid frame, so the chain must show it. */
static void write_volume(fixture *f, const cairn_audit_row *rows, size_t count)
{
    char path[192];
    cairn_block_log *log = NULL;
    (void)snprintf(path, sizeof path, "%s/0000000000000000", f->directory);
    assert_int_equal(cairn_block_log_open(path, NULL, &log), CAIRN_OK);
    for (size_t i = 0; i < count; i++) {
        uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX];
        cairn_bytes bytes = cairn_bytes_of(out, cairn_audit_row_encode(&rows[i], out));
        assert_int_equal(cairn_block_log_append(log, &bytes, 1, NULL), CAIRN_OK);
    }
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

static void test_a_broken_chain_shows(void **state)
{
    fixture *f = *state;
    cairn_audit_head head = {0};
    cairn_audit *audit = NULL;
    uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX];
    cairn_audit_row rows[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    for (size_t i = 1; i < 3; i++) {
        size_t size = cairn_audit_row_encode(&rows[i - 1], out);
        cairn_audit_row_hash(cairn_bytes_of(out, size), &rows[i].previous);
    }
    write_volume(f, rows, 3);
    assert_int_equal(cairn_audit_check(f->directory, NULL, &head), CAIRN_OK);
    static const struct {
        size_t count;
        unsigned what;
        const char *detail;
    } cases[] = {
        {3, 0, "audit row 2: does not follow the one before"},
        {3, 1, "audit row 2: out of its place"},
        {3, 2, "audit row 1: out of its place"},
        {1, 3, "audit row 0: does not follow the one before"},
    };
    for (size_t i = 0; i < 4; i++) {
        cairn_audit_row changed[3] = {rows[0], rows[1], rows[2]};
        if (cases[i].what == 0)
            changed[1].granted = true;
        if (cases[i].what == 1)
            changed[2].number = 7;
        if (cases[i].what == 2)
            changed[1] = rows[2];
        if (cases[i].what == 3)
            changed[0].previous.b[5] = 1;
        tree_remove(f->directory);
        assert_int_equal(cairn_dir_make(f->directory, 0700), CAIRN_OK);
        write_volume(f, changed, cases[i].count);
        assert_int_equal(cairn_audit_check(f->directory, NULL, &head), CAIRN_ERR_CORRUPT);
        assert_non_null(strstr(cairn_err_detail(), cases[i].detail));
        assert_int_equal(cairn_audit_open(f->directory, &f->options, &audit), CAIRN_ERR_CORRUPT);
    }
}

static void test_rows_that_are_no_rows(void **state)
{
    (void)state;
    uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX];
    static const uint8_t long_text[CAIRN_AUDIT_TEXT_SIZE_MAX + 1] = "x";
    cairn_audit_row row = {.number = 1}, again;
    size_t size = cairn_audit_row_encode(&row, out);
    assert_int_equal(cairn_audit_row_decode(cairn_bytes_of(out, size), &again), CAIRN_OK);
    for (size_t i = 0; i < size; i++)
        assert_int_not_equal(cairn_audit_row_decode(cairn_bytes_of(out, i), &again), CAIRN_OK);
    out[size] = 0;
    assert_int_equal(cairn_audit_row_decode(cairn_bytes_of(out, size + 1), &again),
                     CAIRN_ERR_TRAILING);
    out[1] ^= 1;
    assert_int_not_equal(cairn_audit_row_decode(cairn_bytes_of(out, size), &again), CAIRN_OK);
    row.reason = cairn_bytes_of(long_text, sizeof long_text);
    size = cairn_audit_row_encode(&row, out);
    assert_int_equal(cairn_audit_row_decode(cairn_bytes_of(out, size), &again),
                     CAIRN_ERR_BAD_VALUE);
}

static void *record_from_thread(void *context)
{
    void *const *both = context;
    for (int i = 0; i < 500; i++)
        record(both[0], both[1], true, &ann);
    return NULL;
}

static void test_many_threads_record(void **state)
{
    fixture *f = *state;
    pthread_t threads[4];
    waiter w;
    cairn_audit *audit = NULL;
    cairn_audit_head head = {0}, running;
    waiter_init(&w);
    assert_int_equal(cairn_audit_open(f->directory, &f->options, &audit), CAIRN_OK);
    void *both[] = {audit, &w};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_from_thread, both), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    wait_for(&w, 2000);
    running = cairn_audit_get_head(audit);
    assert_int_equal(cairn_audit_each(f->directory, 0, NULL, NULL), CAIRN_ERR_LOCKED);
    cairn_audit_close(audit);
    assert_int_equal(cairn_audit_check(f->directory, &running, &head), CAIRN_OK);
    assert_int_equal(head.count, 2000);
}

static void test_log_schema(void **state)
{
    (void)state;
    log_schema_check(&cairn_audit_log_events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_are_there_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_subjects_are_pseudonyms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_known_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_volumes_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_chain_shows, setup, teardown),
        cmocka_unit_test(test_rows_that_are_no_rows),
        cmocka_unit_test_setup_teardown(test_many_threads_record, setup, teardown),
        cmocka_unit_test(test_log_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
