/* Work that is refused, work that cannot be, and turns between the two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "node/node_work.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint pushed_done, items_done, items_before_half;

static void wait_at_gate(void *context)
{
    atomic_store((atomic_bool *)context, true);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
}

static void pushed(void *context)
{
    (void)context;
    if (atomic_fetch_add(&pushed_done, 1) == CAIRN_WORK_QUEUE_MAX / 2)
        atomic_store(&items_before_half, atomic_load(&items_done));
}

static void item_act(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
    atomic_fetch_add(&items_done, 1);
}

/* A full ring refuses; items come in all the same, each runs once, and they and the ring take
 * turns. */
static void test_items_are_never_refused(void **state)
{
    (void)state;
    enum { ITEMS = 3 * CAIRN_WORK_QUEUE_MAX };
    static cairn_work_item items[ITEMS];
    static atomic_uint ran[ITEMS];
    cairn_work *work = NULL;
    atomic_bool held = false;
    assert_int_equal(cairn_work_new(1, &work), CAIRN_OK);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    assert_int_equal(cairn_work_push(work, wait_at_gate, &held), CAIRN_OK);
    while (!atomic_load(&held))
        continue;
    for (size_t i = 0; i < CAIRN_WORK_QUEUE_MAX; i++)
        assert_int_equal(cairn_work_push(work, pushed, NULL), CAIRN_OK);
    assert_int_equal(cairn_work_push(work, pushed, NULL), CAIRN_ERR_BUSY);
    for (size_t i = 0; i < ITEMS; i++) {
        items[i] = (cairn_work_item){.act = item_act, .context = &ran[i]};
        cairn_work_add(work, &items[i]);
    }
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    cairn_work_free(work); /* does what is queued */
    assert_int_equal(atomic_load(&pushed_done), CAIRN_WORK_QUEUE_MAX);
    assert_in_range(atomic_load(&items_before_half), CAIRN_WORK_QUEUE_MAX / 2 - 1,
                    CAIRN_WORK_QUEUE_MAX / 2 + 2);
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(atomic_load(&ran[i]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items_are_never_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
