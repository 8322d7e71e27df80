/* Pending transactions against a model that says in plain lists what the table must know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "node/node_pending.h"
#include "support/prng.h"

enum { SET_SIZE = 8, SETS = CAIRN_PENDING_MAX / SET_SIZE };

/* An id of set `set`; `number` tells those of one set apart. */
static cairn_hash id_of(uint32_t set, uint32_t number)
{
    cairn_hash id = {{0}};
    cairn_put_u32(id.b, set + SETS * (number % 4)); /* the set is what is left of the first bytes */
    cairn_put_u32(id.b + 4, number);
    return id;
}

/* --- the model: what was added last comes first --- */

enum { MODEL_SETS = 3, NUMBERS = 12 };

typedef struct model_entry {
    uint32_t number;
    cairn_err code;
} model_entry;

typedef struct model_set {
    size_t count;
    model_entry entries[SET_SIZE];
} model_set;

static model_entry *model_find(model_set *set, uint32_t number)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->entries[i].number == number)
            return &set->entries[i];
    return NULL;
}

static void model_remove(model_set *set, const model_entry *entry)
{
    size_t at = (size_t)(entry - set->entries);
    set->count--;
    memmove(&set->entries[at], &set->entries[at + 1], (set->count - at) * sizeof *entry);
}

static bool model_add(model_set *set, uint32_t number)
{
    const model_entry *known = model_find(set, number);
    bool fresh = known == NULL || known->code != CAIRN_OK;
    if (known != NULL)
        model_remove(set, known);
    if (set->count == SET_SIZE)
        set->count--;
    memmove(&set->entries[1], &set->entries[0], set->count * sizeof set->entries[0]);
    set->entries[0] = (model_entry){.number = number, .code = CAIRN_OK};
    set->count++;
    return fresh;
}

static void act(cairn_pending *pending, model_set *set, uint32_t place, sim_rng *rng)
{
    const uint32_t number = (uint32_t)sim_rng_below(rng, NUMBERS);
    const cairn_hash id = id_of(place, number);
    model_entry *known = model_find(set, number);
    switch (sim_rng_below(rng, 5)) {
    case 0:
        cairn_pending_refused(pending, &id, CAIRN_ERR_TX_EXPIRED);
        if (known != NULL)
            known->code = CAIRN_ERR_TX_EXPIRED;
        break;
    case 1:
        cairn_pending_decided(pending, &id);
        if (known != NULL)
            model_remove(set, known);
        break;
    default:
        assert_int_equal(cairn_pending_add(pending, &id), model_add(set, number));
    }
}

static void compare(cairn_pending *pending, model_set *sets)
{
    static const uint32_t places[MODEL_SETS] = {0, 1, SETS - 1};
    uint64_t waiting = 0;
    for (size_t s = 0; s < MODEL_SETS; s++)
        for (uint32_t number = 0; number < NUMBERS; number++) {
            const cairn_hash id = id_of(places[s], number);
            const model_entry *known = model_find(&sets[s], number);
            cairn_err code = CAIRN_ERR_INTERNAL;
            assert_int_equal(cairn_pending_find(pending, &id, &code), known != NULL);
            assert_int_equal(code, known == NULL ? CAIRN_ERR_INTERNAL : known->code);
            waiting += known != NULL && known->code == CAIRN_OK;
        }
    assert_int_equal(cairn_pending_count(pending), waiting);
}

static void test_against_the_model(void **state)
{
    (void)state;
    static const uint32_t places[MODEL_SETS] = {0, 1, SETS - 1};
    for (uint64_t seed = 0; seed < 8; seed++) {
        CAIRN_CLEANUP(cairn_pending_free_p) cairn_pending *pending = NULL;
        model_set sets[MODEL_SETS] = {{.count = 0}};
        sim_rng rng = sim_rng_derive(4, seed);
        assert_int_equal(cairn_pending_new(&pending), CAIRN_OK);
        for (unsigned step = 0; step < 2000; step++) {
            size_t s = sim_rng_below(&rng, MODEL_SETS);
            act(pending, &sets[s], places[s], &rng);
            compare(pending, sets);
        }
    }
}

/* The table is full, and takes another: the oldest of its set goes, and the count stays. */
static void test_full(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_pending_free_p) cairn_pending *pending = NULL;
    assert_int_equal(cairn_pending_new(&pending), CAIRN_OK);
    for (uint32_t set = 0; set < SETS; set++)
        for (uint32_t number = 0; number < SET_SIZE; number++) {
            const cairn_hash id = id_of(set, number);
            assert_true(cairn_pending_add(pending, &id));
        }
    assert_int_equal(cairn_pending_count(pending), CAIRN_PENDING_MAX);
    cairn_hash id = id_of(5, SET_SIZE);
    cairn_err code;
    assert_true(cairn_pending_add(pending, &id));
    assert_int_equal(cairn_pending_count(pending), CAIRN_PENDING_MAX);
    id = id_of(5, 0);
    assert_false(cairn_pending_find(pending, &id, &code));
    id = id_of(5, 1);
    assert_true(cairn_pending_find(pending, &id, &code));
}

/* --- threads --- */

static void *add_and_decide(void *context)
{
    cairn_pending *pending = context;
    for (uint32_t i = 0; i < 20000; i++) {
        const cairn_hash id = id_of(i % 64, i % 7);
        cairn_err code;
        (void)cairn_pending_add(pending, &id);
        if (cairn_pending_find(pending, &id, &code) && i % 3 == 0)
            cairn_pending_refused(pending, &id, CAIRN_ERR_BUSY);
        cairn_pending_decided(pending, &id);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_pending_free_p) cairn_pending *pending = NULL;
    pthread_t threads[4];
    assert_int_equal(cairn_pending_new(&pending), CAIRN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_and_decide, pending), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(cairn_pending_count(pending), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_model),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
