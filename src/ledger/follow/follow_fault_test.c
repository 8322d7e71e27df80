/* A follower whose disk is full, whose process ends, whose memory is short: at each call in turn.
 * What is there afterwards is the beginning of the true log, and goes on. */
#include "support/follow_world.h"

#include <sys/wait.h>

#include "support/faults.h"
#include "support/no_memory.h"

enum { TRIES_MAX = 5000 };

static void small_origin(origin_world *origin)
{
    origin_open(origin);
    grow(origin, 4);
}

/* What stands in the directory is true, and the rest is got. */
static void expect_recovery(world *w)
{
    open_world(w);
    if (cairn_follow_engine(w->follow) != NULL)
        (void)expect_prefix(w);
    expect_round(w, CAIRN_OK);
    expect_same(w);
    end(w);
}

/* Opens, follows, closes; the error of the first step that failed. */
static cairn_err live(world *w)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    origin_options(w->origin, &options);
    options.clock = cairn_clock_of_manual(&w->clock);
    CAIRN_TRY(cairn_path_join(w->directory, "store", path));
    CAIRN_TRY(cairn_store_open(path, &options, &w->store));
    cairn_err err = open_follow(w);
    if (err == CAIRN_OK)
        err = cairn_follow_round(w->follow);
    cairn_follow_free(CAIRN_STEAL(w->follow));
    cairn_err closed = cairn_store_close(CAIRN_STEAL(w->store));
    return err == CAIRN_OK ? closed : err;
}

static void test_disk_full(void **state)
{
    (void)state;
    origin_world origin;
    small_origin(&origin);
    for (unsigned n = 1;; n++) {
        world w;
        init(&w, &origin);
        fault_calls = 0;
        fault_errno = ENOSPC;
        fault_at = n;
        cairn_err err = live(&w);
        bool hit = fault_calls >= n;
        fault_at = 0;
        if (hit && err != CAIRN_OK)
            assert_true(err == CAIRN_ERR_NO_SPACE || err == CAIRN_ERR_READ_ONLY);
        expect_recovery(&w);
        if (!hit)
            break;
        assert_true(n < TRIES_MAX);
    }
    origin_close(&origin);
}

static void test_ends_at_each_call(void **state)
{
    (void)state;
    origin_world origin;
    small_origin(&origin);
    for (unsigned n = 1;; n++) {
        world w;
        int status = 0;
        init(&w, &origin);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fault_calls = 0;
            fault_errno = 0;
            fault_after = n % 2 == 0;
            fault_at = (n + 1) / 2;
            _exit(live(&w) == CAIRN_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == FAULT_EXIT || WEXITSTATUS(status) == 0);
        expect_recovery(&w);
        if (WEXITSTATUS(status) == 0)
            break;
        assert_true(n < TRIES_MAX);
    }
    origin_close(&origin);
}

/* The source has memory enough. */
static cairn_err plenty_note(void *context, cairn_arena *arena, bool wait, cairn_bytes *ret_note)
{
    bool here = no_memory_here;
    no_memory_here = false;
    cairn_err err = test_source_note(context, arena, wait, ret_note);
    no_memory_here = here;
    return err;
}

static cairn_err plenty_tile(void *context, cairn_arena *arena, const cairn_tile *tile,
                             cairn_bytes *ret_file)
{
    bool here = no_memory_here;
    no_memory_here = false;
    cairn_err err = test_source_tile(context, arena, tile, ret_file);
    no_memory_here = here;
    return err;
}

static cairn_err plenty_records(void *context, cairn_arena *arena, uint64_t height,
                                cairn_bytes *ret_sequence)
{
    bool here = no_memory_here;
    no_memory_here = false;
    cairn_err err = test_source_records(context, arena, height, ret_sequence);
    no_memory_here = here;
    return err;
}

static void test_short_of_memory(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS)
        skip();
    origin_world origin;
    small_origin(&origin);
    for (unsigned n = 1;; n += 1 + n / 16) { /* many of them */
        world w;
        init(&w, &origin);
        w.sources[0].checkpoint = plenty_note;
        w.sources[0].tile = plenty_tile;
        w.sources[0].records = plenty_records;
        open_world(&w);
        atomic_store(&no_memory_calls, 0);
        atomic_store(&no_memory_at, n);
        no_memory_here = true;
        cairn_err err = cairn_follow_round(w.follow);
        no_memory_here = false;
        bool hit = atomic_load(&no_memory_calls) >= n;
        atomic_store(&no_memory_at, 0);
        if (err != CAIRN_OK && err != CAIRN_ERR_NO_MEMORY && err != CAIRN_ERR_READ_ONLY &&
            err != CAIRN_ERR_CRYPTO) /* what libcrypto says of it */
            fail_msg("call %u: %s: %s", n, cairn_err_name(err), cairn_err_detail());
        crash(&w);
        expect_recovery(&w);
        if (!hit)
            break;
        assert_true(n < TRIES_MAX);
    }
    origin_close(&origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_ends_at_each_call),
        cmocka_unit_test(test_short_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
