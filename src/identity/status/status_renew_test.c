/* When lists are published anew, and which anchors set a timer: those of the node's own
 * organisation alone. The publishing itself, by a live node: tests/integration/jobs.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/identity.h"
#include "identity/status/status_renew.h"
#include "ledger/services.h"
#include "support/jobs_fixture.h"
#include "support/log_schema.h"

static const cairn_hash own = {{0x11}};
static const cairn_hash other = {{0x22}};

static void test_after_two_thirds(void **state)
{
    (void)state;
    assert_int_equal(cairn_status_renew_at(1000, 4000), 3000);
    assert_int_equal(cairn_status_renew_at(0, UINT64_MAX - 1), (UINT64_MAX - 1) / 3 * 2 + 2);
    assert_int_equal(cairn_status_renew_at(1000, 1001), 1001);
    assert_int_equal(cairn_status_renew_at(1000, 1000), 1000); /* has expired: at once */
    assert_int_equal(cairn_status_renew_at(1000, 5), 1000);
}

/* A node of `own` in slot 0, whose ledger has no anchor. */
typedef struct node {
    bool nobodys;
} node;

static cairn_view *no_view(cairn_engine *engine)
{
    (void)engine;
    return NULL;
}

static cairn_err find_own(void *context, cairn_service_ledger *ret_ledger, cairn_hash *ret_org)
{
    static const cairn_engine_ops ops = {.view = no_view};
    static cairn_engine engine = {.ops = &ops};
    const node *n = context;
    if (n->nobodys)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "test: nobody's");
    *ret_ledger = (cairn_service_ledger){.engine = &engine, .slot = 0};
    *ret_org = own;
    return CAIRN_OK;
}

/* What concerns us not is passed over without a look at the state. */
static void test_of_others(void **state)
{
    (void)state;
    node n = {.nobodys = false};
    cairn_services services = {.node = &n, .find_own = find_own};
    uint8_t key[64];
    cairn_job_event event = {
        .height = 1, .type = CAIRN_EVENT_LIST, .key = cairn_bytes_of(key, sizeof key)};
    memcpy(key, other.b, 32);
    memset(key + 32, 7, 32);
    assert_int_equal(cairn_status_reaction.apply(&services, NULL, &event), CAIRN_OK);
    memcpy(key, own.b, 32);
    event.slot = 1; /* another ledger of the node */
    assert_int_equal(cairn_status_reaction.apply(&services, NULL, &event), CAIRN_OK);
    event.slot = 0;
    event.key.size = 63;
    assert_int_equal(cairn_status_reaction.apply(&services, NULL, &event), CAIRN_OK);
    event.key.size = 64;
    n.nobodys = true;
    assert_int_equal(cairn_status_reaction.apply(&services, NULL, &event), CAIRN_OK);
    services.find_own = NULL;
    assert_int_equal(cairn_status_reaction.apply(&services, NULL, &event), CAIRN_OK);
}

static void test_log(void **state)
{
    (void)state;
    log_schema_check(&cairn_status_log_events);
}

/* --- timers that no renewal answers --- */

static cairn_err set_timer(void *context, cairn_jobs_txn *txn)
{
    return cairn_timer_set(txn, "status.renew", *(const cairn_bytes *)context, 1, (cairn_bytes){0});
}

static cairn_err run_not(void *context, void (*act)(void *context), void *act_context)
{
    (void)context;
    (void)act;
    (void)act_context;
    return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "test: busy");
}

static uint64_t timers_after(const cairn_services *services, cairn_bytes id)
{
    static const cairn_timer_owner *const owners[] = {&cairn_status_timer_owner};
    char path[64];
    cairn_jobs *jobs = NULL;
    cairn_jobs_metrics m;
    cairn_clock_manual time = {.wall_ms = 1700000000000, .monotonic_ns = 1};
    const cairn_jobs_options options = {.clock = cairn_clock_of_manual(&time),
                                        .timer_owners = owners,
                                        .timer_owner_count = 1,
                                        .context = (void *)(uintptr_t)services,
                                        .map_size = 16 << 20,
                                        .seed = 1};
    jobs_directory_make(path);
    assert_int_equal(cairn_jobs_open(path, &options, &jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_update(jobs, set_timer, &id), CAIRN_OK);
    for (bool more = true; more;)
        assert_int_equal(cairn_jobs_step(jobs, &more), CAIRN_OK);
    assert_int_equal(cairn_jobs_metrics_read(jobs, &m), CAIRN_OK);
    cairn_jobs_close(jobs);
    jobs_directory_remove(path);
    return m.timers;
}

static void test_timers(void **state)
{
    (void)state;
    node n = {.nobodys = false};
    cairn_services services = {.node = &n, .find_own = find_own, .run = run_not, .directory = "/"};
    const cairn_bytes id = cairn_bytes_hash(&own);
    assert_int_equal(timers_after(&services, id), 1); /* no thread now: again later */
    assert_int_equal(timers_after(&services, cairn_bytes_str("no list")), 0);
    services.directory = NULL;
    assert_int_equal(timers_after(&services, id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_two_thirds),
        cmocka_unit_test(test_of_others),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
