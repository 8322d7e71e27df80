/* The table of runs: bounds, expiry, and many threads at once. */
#include "onboard/server/session.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static cairn_clock_manual manual;

static int setup(void **state)
{
    cairn_clock clock = cairn_clock_of_manual(&manual);
    cairn_fdo_sessions *sessions = NULL;
    assert_int_equal(cairn_fdo_sessions_new(&clock, 64, 1000, &sessions), CAIRN_OK);
    *state = sessions;
    return 0;
}

static int teardown(void **state)
{
    cairn_fdo_sessions_free(*state);
    return 0;
}

typedef struct token {
    char text[CAIRN_FDO_TOKEN_TEXT_SIZE + 1];
} token;

static token token_of(const cairn_fdo_session *session)
{
    token t;
    cairn_hex_encode(cairn_bytes_of(session->token, sizeof session->token), t.text);
    return t;
}

static cairn_err take(cairn_fdo_sessions *sessions, const token *t, cairn_fdo_session **ret_session)
{
    return cairn_fdo_session_take(sessions, cairn_bytes_str(t->text), ret_session);
}

/* Who has it has it alone; who has ended it has ended it for all. */
static void test_life(void **state)
{
    cairn_fdo_sessions *sessions = *state;
    cairn_fdo_session *session = NULL;
    cairn_fdo_session *again = NULL;
    assert_int_equal(cairn_fdo_session_new(sessions, CAIRN_FDO_TO2, &session), CAIRN_OK);
    token t = token_of(session);
    assert_int_equal(take(sessions, &t, &again), CAIRN_ERR_NOT_FOUND);
    cairn_fdo_session_give(sessions, session);
    assert_int_equal(take(sessions, &t, &again), CAIRN_OK);
    assert_ptr_equal(again, session);
    assert_int_equal(take(sessions, &t, &session), CAIRN_ERR_NOT_FOUND);
    cairn_fdo_session_end(sessions, again);
    assert_int_equal(take(sessions, &t, &session), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_fdo_sessions_sweep(sessions), 0);
}

static unsigned freed;

static void count_free(void *state)
{
    (void)state;
    freed++;
}

/* A run that is being answered does not expire; its time begins when it is given back. */
static void test_expiry(void **state)
{
    cairn_fdo_sessions *sessions = *state;
    cairn_fdo_session *session = NULL;
    freed = 0;
    assert_int_equal(cairn_fdo_session_new(sessions, CAIRN_FDO_DI, &session), CAIRN_OK);
    session->free_state = count_free;
    token t = token_of(session);
    cairn_clock_manual_advance_ms(&manual, 5000);
    assert_int_equal(cairn_fdo_sessions_sweep(sessions), 1);
    cairn_fdo_session_give(sessions, session);
    cairn_clock_manual_advance_ms(&manual, 999);
    assert_int_equal(take(sessions, &t, &session), CAIRN_OK);
    cairn_fdo_session_give(sessions, session);
    cairn_clock_manual_advance_ms(&manual, 1000);
    assert_int_equal(freed, 0);
    assert_int_equal(take(sessions, &t, &session), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(freed, 1);
    assert_int_equal(cairn_fdo_sessions_sweep(sessions), 0);
}

/* [X1353-R39] */
static void test_bound(void **state)
{
    enum { TRIES = 2000 };
    cairn_fdo_sessions *sessions = *state;
    cairn_fdo_session *kept[64];
    size_t count = 0;
    for (size_t i = 0; i < TRIES; i++) {
        cairn_fdo_session *session = NULL;
        cairn_err err = cairn_fdo_session_new(sessions, CAIRN_FDO_TO1, &session);
        assert_true(err == CAIRN_ERR_BUSY || (err == CAIRN_OK && count < 64));
        if (err == CAIRN_OK)
            kept[count++] = session;
    }
    assert_int_equal(count, 64); /* all shards are full in the end */
    for (size_t i = 0; i < count; i++)
        cairn_fdo_session_give(sessions, kept[i]);
    cairn_clock_manual_advance_ms(&manual, 1000);
    cairn_fdo_session *session = NULL; /* the expired ones make room by themselves */
    assert_int_equal(cairn_fdo_session_new(sessions, CAIRN_FDO_TO1, &session), CAIRN_OK);
    cairn_fdo_session_end(sessions, session);
}

/* --- threads --- */

enum { THREADS = 4, ROUNDS = 2000 };

typedef struct counter {
    unsigned holders; /* atomic: of the one run that all want */
} counter;

static cairn_fdo_sessions *shared;
static token wanted;

static void *run(void *context)
{
    counter *c = context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        cairn_fdo_session *own = NULL;
        cairn_fdo_session *common = NULL;
        cairn_err err = cairn_fdo_session_new(shared, CAIRN_FDO_TO2, &own);
        CAIRN_ASSERT(err == CAIRN_OK || err == CAIRN_ERR_BUSY);
        if (take(shared, &wanted, &common) == CAIRN_OK) {
            CAIRN_ASSERT(__atomic_add_fetch(&c->holders, 1, __ATOMIC_SEQ_CST) == 1);
            common->expect[0]++;
            (void)__atomic_sub_fetch(&c->holders, 1, __ATOMIC_SEQ_CST);
            cairn_fdo_session_give(shared, common);
        }
        if (own == NULL)
            continue;
        token t = token_of(own);
        cairn_fdo_session_give(shared, own);
        CAIRN_ASSERT(take(shared, &t, &own) == CAIRN_OK);
        cairn_fdo_session_end(shared, own);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[THREADS];
    counter c = {0};
    cairn_fdo_session *session = NULL;
    shared = *state;
    assert_int_equal(cairn_fdo_session_new(shared, CAIRN_FDO_TO2, &session), CAIRN_OK);
    wanted = token_of(session);
    cairn_fdo_session_give(shared, session);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &c), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(cairn_fdo_sessions_sweep(shared), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_life),
        TEST(test_expiry),
        TEST(test_bound),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
