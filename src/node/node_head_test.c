/* Heads: one signature for whoever waits, the next one for whoever came too late, and what each is
 * told when there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/note.h"
#include "cairn/receipt.h"
#include "cairn/sha256.h"
#include "node/node_head.h"
#include "support/ledger_fixture.h"
#include "support/tree.h"

enum { ENTRIES = 5 };
#define ORIGIN "cairn/test"

/* A log of a few entries, and the engine that shows its first `size`. */
typedef struct log_engine {
    cairn_engine engine; /* first */
    _Atomic uint64_t size;
    cairn_hash leaves[ENTRIES];
} log_engine;

static cairn_bytes entry(uint64_t index)
{
    static const char *const texts[ENTRIES] = {"a", "b", "c", "d", "e"};
    return cairn_bytes_str(texts[index]);
}

/* RFC 6962, section 2.1, as it is written there. */
static void root_of(const cairn_hash *leaves, size_t count, cairn_hash *ret_root)
{
    static const uint8_t node = 1;
    size_t half = 1;
    cairn_hash sides[2];
    if (count == 1) {
        *ret_root = leaves[0];
        return;
    }
    while (2 * half < count)
        half *= 2;
    root_of(leaves, half, &sides[0]);
    root_of(leaves + half, count - half, &sides[1]);
    const cairn_bytes parts[] = {cairn_bytes_of(&node, 1), cairn_bytes_hash(&sides[0]),
                                 cairn_bytes_hash(&sides[1])};
    cairn_sha256_parts(parts, 3, ret_root);
}

static cairn_view *view_of(cairn_engine *engine)
{
    log_engine *e = (log_engine *)(void *)engine;
    cairn_view *view = calloc(1, sizeof *view);
    assert_non_null(view);
    atomic_init(&view->references, 1);
    view->log_size = atomic_load(&e->size);
    view->height = view->log_size;
    view->time_ms = 1700000000000;
    root_of(e->leaves, view->log_size, &view->log_root);
    return view;
}

static cairn_err read_tile(void *context, unsigned level, uint64_t tile, size_t count,
                           cairn_hash *ret_hashes)
{
    const log_engine *e = context;
    assert_true(level == 0 && tile == 0 && count <= ENTRIES);
    memcpy(ret_hashes, e->leaves, count * sizeof *ret_hashes);
    return CAIRN_OK;
}

static const cairn_engine_ops ops = {.view = view_of, .read_tile = read_tile};

typedef struct fixture {
    char directory[128];
    log_engine log;
    cairn_signer *signer;
    cairn_key *keys[CAIRN_HEAD_KIND_COUNT];
    cairn_heads *heads;
    bool no_key;
    _Atomic unsigned signatures; /* that were asked for */
} fixture;

static cairn_err find_key(void *context, cairn_head_kind kind, cairn_head_key *ret_key)
{
    fixture *f = context;
    if (f->no_key)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no key");
    atomic_fetch_add(&f->signatures, 1);
    ret_key->public_key = cairn_key_ref(f->keys[kind]);
    (void)snprintf(ret_key->name, sizeof ret_key->name, "%s",
                   kind == CAIRN_HEAD_NOTE ? "note-1" : "cosign-1");
    return CAIRN_OK;
}

static void open_heads(fixture *f, cairn_head_kind kind)
{
    const cairn_heads_setup setup = {.kind = kind,
                                     .engine = &f->log.engine,
                                     .signer = f->signer,
                                     .origin = ORIGIN,
                                     .find_key = find_key,
                                     .context = f};
    assert_int_equal(cairn_heads_new(&setup, &f->heads), CAIRN_OK);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    tree_make(f->directory, sizeof f->directory, "head");
    f->log.engine.ops = &ops;
    f->log.size = 1;
    for (size_t i = 0; i < ENTRIES; i++)
        cairn_merkle_leaf(entry(i), &f->log.leaves[i]);
    assert_int_equal(cairn_signer_open_files(f->directory, &f->signer), CAIRN_OK);
    assert_int_equal(
        cairn_signer_generate(f->signer, "cosign-1", CAIRN_KEY_P256, &f->keys[CAIRN_HEAD_RECEIPT]),
        CAIRN_OK);
    assert_int_equal(
        cairn_signer_generate(f->signer, "note-1", CAIRN_KEY_ED25519, &f->keys[CAIRN_HEAD_NOTE]),
        CAIRN_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cairn_heads_free(f->heads);
    cairn_signer_free(f->signer);
    for (size_t i = 0; i < CAIRN_HEAD_KIND_COUNT; i++)
        cairn_key_free(f->keys[i]);
    tree_remove(f->directory);
    free(f);
    return 0;
}

/* --- waiting --- */

typedef struct wanted {
    pthread_mutex_t lock;
    pthread_cond_t told;
    unsigned count;
    cairn_err err;
    uint64_t size;
    cairn_head *head; /* a reference */
} wanted;

static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    wanted *w = context;
    (void)pthread_mutex_lock(&w->lock);
    w->count++;
    w->err = err;
    if (head != NULL) {
        w->size = head->view->log_size;
        w->head = (cairn_head *)(uintptr_t)head;
        atomic_fetch_add(&w->head->references, 1);
    }
    (void)pthread_cond_signal(&w->told);
    (void)pthread_mutex_unlock(&w->lock);
}

static void want(fixture *f, uint64_t size, wanted *w)
{
    *w = (wanted){.err = CAIRN_ERR_INTERNAL};
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->told, NULL);
    cairn_heads_want(f->heads, size, on_head, w);
}

static void wait_for(wanted *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->count == 0)
        (void)pthread_cond_wait(&w->told, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

static void end(wanted *w)
{
    assert_int_equal(w->count, 1);
    cairn_head_free(w->head);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->told);
}

static void want_one(fixture *f, uint64_t size, cairn_err err)
{
    wanted w;
    want(f, size, &w);
    wait_for(&w);
    assert_int_equal(w.err, err);
    assert_true(err != CAIRN_OK || w.size >= size);
    end(&w);
}

/* --- tests --- */

static void test_one_signature_for_a_size(void **state)
{
    fixture *f = *state;
    open_heads(f, CAIRN_HEAD_RECEIPT);
    want_one(f, 1, CAIRN_OK);
    want_one(f, 1, CAIRN_OK);
    want_one(f, 0, CAIRN_OK);
    assert_int_equal(f->signatures, 1);
    f->log.size = 3;
    want_one(f, 1, CAIRN_OK); /* the old one covers it */
    assert_int_equal(f->signatures, 1);
    want_one(f, 2, CAIRN_OK);
    want_one(f, 3, CAIRN_OK);
    assert_int_equal(f->signatures, 2);
}

static void test_many_wait(void **state)
{
    enum { COUNT = 200 };
    fixture *f = *state;
    static wanted all[COUNT];
    open_heads(f, CAIRN_HEAD_RECEIPT);
    for (size_t i = 0; i < COUNT; i++) {
        f->log.size = 1 + i * ENTRIES / COUNT;
        want(f, f->log.size, &all[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        wait_for(&all[i]);
        assert_int_equal(all[i].err, CAIRN_OK);
        assert_true(all[i].size >= 1 + i * ENTRIES / COUNT);
        end(&all[i]);
    }
    assert_true(f->signatures <= 2 * ENTRIES);
}

/* The failure is told to all who wait, and does not stick. */
static void test_failures(void **state)
{
    fixture *f = *state;
    open_heads(f, CAIRN_HEAD_RECEIPT);
    f->no_key = true;
    want_one(f, 1, CAIRN_ERR_NOT_FOUND);
    f->no_key = false;
    want_one(f, 1, CAIRN_OK);
    f->log.size = 2;
    f->no_key = true;
    want_one(f, 2, CAIRN_ERR_NOT_FOUND);
    want_one(f, 1, CAIRN_OK); /* who asks for less is served by the old one */
}

static void test_receipts(void **state)
{
    fixture *f = *state;
    cairn_arena arena;
    wanted w;
    cairn_arena_init(&arena, 1 << 20);
    open_heads(f, CAIRN_HEAD_RECEIPT);
    f->log.size = ENTRIES;
    want(f, ENTRIES, &w);
    wait_for(&w);
    assert_int_equal(w.err, CAIRN_OK);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        cairn_receipts receipts;
        assert_int_equal(
            cairn_head_receipts(w.head, &f->log.engine, ORIGIN, i, entry(i), &arena, &receipts),
            CAIRN_OK);
        assert_int_equal(receipts.count, 1);
        cairn_receipt receipt;
        cairn_hash root;
        assert_int_equal(cairn_receipt_decode(&arena, receipts.list[0], &receipt), CAIRN_OK);
        assert_int_equal(
            cairn_receipt_verify(&arena, &receipt, entry(i), f->keys[CAIRN_HEAD_RECEIPT], &root),
            CAIRN_OK);
        assert_true(cairn_hash_equal(&root, &w.head->view->log_root));
        assert_int_equal(cairn_head_receipts(w.head, &f->log.engine, ORIGIN, i,
                                             entry((i + 1) % ENTRIES), &arena, &receipts),
                         CAIRN_ERR_CORRUPT);
    }
    f->log.leaves[3].b[0] ^= 1; /* a stored tile that is wrong leads nowhere */
    cairn_receipts none;
    assert_int_equal(
        cairn_head_receipts(w.head, &f->log.engine, ORIGIN, 0, entry(0), &arena, &none),
        CAIRN_ERR_CORRUPT);
    end(&w);
    cairn_arena_done(&arena);
}

static void test_checkpoint(void **state)
{
    fixture *f = *state;
    wanted w;
    cairn_vkey vkey;
    cairn_checkpoint checkpoint;
    open_heads(f, CAIRN_HEAD_NOTE);
    f->log.size = 3;
    want(f, 3, &w);
    wait_for(&w);
    assert_int_equal(w.err, CAIRN_OK);
    assert_int_equal(cairn_vkey_init(cairn_bytes_str(ORIGIN), CAIRN_NOTE_ED25519,
                                     f->keys[CAIRN_HEAD_NOTE], &vkey),
                     CAIRN_OK);
    assert_int_equal(
        cairn_checkpoint_open(w.head->note, cairn_bytes_str(ORIGIN), &vkey, NULL, &checkpoint),
        CAIRN_OK);
    assert_int_equal(checkpoint.size, 3);
    assert_true(cairn_hash_equal(&checkpoint.root, &w.head->view->log_root));
    cairn_vkey_done(&vkey);
    end(&w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_one_signature_for_a_size), T(test_many_wait),
                                       T(test_failures), T(test_receipts), T(test_checkpoint)};
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
