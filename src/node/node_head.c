/* One signature at a time for each kind of head; whoever comes meanwhile waits for the next. */
#include "node/node_head.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cairn/note.h"
#include "cairn/receipt.h"
#include "core/clock.h"

enum { SCRATCH_SIZE_MAX = 64 << 10 };

typedef struct waiter {
    struct waiter *next;
    uint64_t log_size;
    cairn_head_fn done;
    void *context;
} waiter;

struct cairn_heads {
    cairn_heads_setup setup;
    pthread_mutex_t lock; /* guards from here to `signing` */
    cairn_head *current;  /* a reference, NULL before the first */
    waiter *waiters;
    bool signing;
    /* Of whoever signs. */
    cairn_view *view;
    cairn_head_key key;
    cairn_arena arena;
    cairn_bytes text; /* of the checkpoint */
};

/* --- paths --- */

struct cairn_head_paths {
    pthread_mutex_t lock;
    cairn_merkle_prover *prover; /* under the lock; there only while waiters are answered */
};

static cairn_err paths_new(cairn_head_paths **ret_paths)
{
    cairn_head_paths *paths = calloc(1, sizeof *paths);
    if (paths == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "head: paths");
    pthread_mutex_init(&paths->lock, NULL);
    *ret_paths = paths;
    return CAIRN_OK;
}

static void paths_free(cairn_head_paths *paths)
{
    if (paths == NULL)
        return;
    cairn_merkle_prover_free(paths->prover);
    pthread_mutex_destroy(&paths->lock);
    free(paths);
}

static void set_prover(const cairn_head *head, cairn_merkle_prover *prover)
{
    pthread_mutex_lock(&head->paths->lock);
    cairn_merkle_prover *old = head->paths->prover;
    head->paths->prover = prover;
    pthread_mutex_unlock(&head->paths->lock);
    cairn_merkle_prover_free(old);
}

static cairn_err find_path(const cairn_head *head, cairn_engine *engine, uint64_t index,
                           cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX], size_t *ret_count)
{
    const cairn_merkle_source source = cairn_engine_source(engine);
    cairn_err err = CAIRN_OK;
    pthread_mutex_lock(&head->paths->lock);
    bool shared = head->paths->prover != NULL;
    if (shared)
        err = cairn_merkle_prover_inclusion(head->paths->prover, index, ret_path, ret_count);
    pthread_mutex_unlock(&head->paths->lock);
    if (!shared)
        err =
            cairn_merkle_prove_inclusion(&source, index, head->view->log_size, ret_path, ret_count);
    return err;
}

/* --- heads --- */

void cairn_head_free(cairn_head *head)
{
    if (head == NULL || atomic_fetch_sub(&head->references, 1) != 1)
        return;
    paths_free(head->paths);
    cairn_view_free(head->view);
    free(head->others);
    free((void *)(uintptr_t)head->note.data);
    free(head);
}

static cairn_receipt_head receipt_head(const char *origin, const cairn_hash *kid,
                                       const cairn_view *view)
{
    return (cairn_receipt_head){.origin = cairn_bytes_str(origin),
                                .kid = *kid,
                                .height = view->height,
                                .time_ms = view->time_ms,
                                .size = view->log_size};
}

/* The path to the entry, checked. */
static cairn_err prove(const cairn_head *head, cairn_engine *engine, uint64_t index,
                       cairn_bytes entry, cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                       size_t *ret_count)
{
    cairn_hash leaf;
    CAIRN_TRY(find_path(head, engine, index, ret_path, ret_count));
    cairn_merkle_leaf(entry, &leaf);
    if (cairn_merkle_verify_inclusion(&leaf, index, head->view->log_size, ret_path, *ret_count,
                                      &head->view->log_root) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "RFC 6962 section 2.1.1",
                          "log: stored tiles do not lead from entry %llu to the root",
                          (unsigned long long)index);
    return CAIRN_OK;
}

cairn_err cairn_head_receipts(const cairn_head *head, cairn_engine *engine, const char *origin,
                              uint64_t index, cairn_bytes entry, cairn_arena *arena,
                              cairn_receipts *ret_receipts)
{
    cairn_receipt_head signed_head = receipt_head(origin, &head->kid, head->view);
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    size_t path_count = 0;
    void *memory = NULL;
    CAIRN_TRY(prove(head, engine, index, entry, path, &path_count));
    CAIRN_TRY(cairn_arena_array(arena, 1 + head->other_count, sizeof(cairn_bytes), &memory));
    cairn_bytes *list = memory;
    CAIRN_TRY(cairn_receipt_assemble(arena, &signed_head, index, path, path_count,
                                     cairn_bytes_of(head->signature, head->signature_size),
                                     &list[0]));
    for (size_t i = 0; i < head->other_count; i++) {
        const cairn_head_other *other = &head->others[i];
        signed_head.kid = other->kid;
        CAIRN_TRY(cairn_receipt_assemble(arena, &signed_head, index, path, path_count,
                                         cairn_bytes_of(other->signature, other->signature_size),
                                         &list[1 + i]));
    }
    *ret_receipts = (cairn_receipts){.count = 1 + head->other_count, .list = list};
    return CAIRN_OK;
}

/* --- signing --- */

static void on_signed(void *context, cairn_err err, cairn_bytes signature);

/* What is to be signed over the newest view. */
static cairn_err prepare(cairn_heads *heads, cairn_bytes *ret_message)
{
    const cairn_heads_setup *setup = &heads->setup;
    heads->view = cairn_engine_view(setup->engine);
    CAIRN_TRY(setup->find_key(setup->context, setup->kind, &heads->key));
    if (setup->kind == CAIRN_HEAD_RECEIPT) {
        const cairn_receipt_head head =
            receipt_head(setup->origin, cairn_key_id(heads->key.public_key), heads->view);
        return cairn_receipt_to_be_signed(&heads->arena, &head, &heads->view->log_root,
                                          ret_message);
    }
    const cairn_checkpoint checkpoint = {.origin = cairn_bytes_str(setup->origin),
                                         .size = heads->view->log_size,
                                         .root = heads->view->log_root};
    CAIRN_TRY(cairn_checkpoint_format(&heads->arena, &checkpoint, &heads->text));
    return cairn_note_message(&heads->arena, CAIRN_NOTE_ED25519, heads->text, 0, ret_message);
}

/* The whole checkpoint, on the heap. */
static cairn_err make_note(cairn_heads *heads, cairn_bytes signature, cairn_bytes *ret_note)
{
    cairn_vkey vkey;
    cairn_bytes line;
    cairn_bytes note;
    CAIRN_TRY(cairn_vkey_init(cairn_bytes_str(heads->setup.origin), CAIRN_NOTE_ED25519,
                              heads->key.public_key, &vkey));
    cairn_err err = cairn_note_line(&heads->arena, &vkey, 0, signature, &line);
    cairn_vkey_done(&vkey);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_note_join(&heads->arena, heads->text, &line, 1, &note));
    uint8_t *copy = malloc(note.size);
    if (copy == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "checkpoint");
    memcpy(copy, note.data, note.size);
    *ret_note = cairn_bytes_of(copy, note.size);
    return CAIRN_OK;
}

static cairn_err make_head(cairn_heads *heads, cairn_bytes signature, cairn_head **ret_head)
{
    CAIRN_CLEANUP(cairn_head_free_p) cairn_head *head = calloc(1, sizeof *head);
    if (head == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "head");
    atomic_init(&head->references, 1);
    head->fresh_until_ns = UINT64_MAX;
    CAIRN_TRY(paths_new(&head->paths));
    CAIRN_ASSERT(signature.size <= sizeof head->signature);
    head->kid = *cairn_key_id(heads->key.public_key);
    memcpy(head->signature, signature.data, signature.size);
    head->signature_size = signature.size;
    if (heads->setup.kind != CAIRN_HEAD_RECEIPT)
        CAIRN_TRY(make_note(heads, signature, &head->note));
    head->view = CAIRN_STEAL(heads->view);
    *ret_head = CAIRN_STEAL(head);
    return CAIRN_OK;
}

static void forget_signing(cairn_heads *heads)
{
    cairn_view_free(CAIRN_STEAL(heads->view));
    cairn_key_free(CAIRN_STEAL(heads->key.public_key));
    cairn_arena_reset(&heads->arena);
}

/* Under the lock: the waiters whom `head` serves, or all of them after a failure. */
static waiter *take_waiters(cairn_heads *heads, const cairn_head *head)
{
    waiter *taken = NULL;
    waiter **at = &heads->waiters;
    while (*at != NULL) {
        waiter *w = *at;
        if (head != NULL && w->log_size > head->view->log_size) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = taken;
        taken = w;
    }
    return taken;
}

static void answer(waiter *list, cairn_err err, const cairn_head *head)
{
    while (list != NULL) {
        waiter *w = list;
        list = w->next;
        w->done(w->context, err, head);
        free(w);
    }
}

/* The receipts of a block are neighbours in the log. Without memory for what they share each finds
 * its own way. */
static void serve(cairn_engine *engine, waiter *list, const cairn_head *head)
{
    const cairn_merkle_source source = cairn_engine_source(engine);
    cairn_merkle_prover *prover = NULL;
    bool many = list != NULL && list->next != NULL;
    if (many && cairn_merkle_prover_new(&source, head->view->log_size, &prover) == CAIRN_OK)
        set_prover(head, prover);
    answer(list, CAIRN_OK, head);
    set_prover(head, NULL);
}

/* The end of one signature: installs `head`, or NULL after a failure, and hands over those whom it
 * ends. True when others still wait. */
static bool settle(cairn_heads *heads, cairn_head *head, waiter **ret_served)
{
    pthread_mutex_lock(&heads->lock);
    cairn_head *old = head == NULL ? NULL : heads->current;
    if (head != NULL) {
        (void)atomic_fetch_add(&head->references, 1);
        heads->current = head;
    }
    *ret_served = take_waiters(heads, head);
    heads->signing = heads->waiters != NULL;
    bool more = heads->signing;
    pthread_mutex_unlock(&heads->lock);
    cairn_head_free(old);
    return more;
}

/* Called by whoever set `signing`. */
static void sign(cairn_heads *heads)
{
    for (bool more = true; more;) {
        cairn_bytes message;
        waiter *served = NULL;
        cairn_err err = prepare(heads, &message);
        if (err == CAIRN_OK)
            err = cairn_signer_sign_for(heads->setup.signer, CAIRN_SIGNER_FOR_COSIGN,
                                        heads->key.name, message, on_signed, heads);
        if (err == CAIRN_OK)
            return; /* on_signed goes on */
        forget_signing(heads);
        more = settle(heads, NULL, &served);
        answer(served, err, NULL);
    }
}

/* Hands over to those who waited; the signer works meanwhile if others do. */
static void conclude(cairn_heads *heads, cairn_err err, cairn_head *head)
{
    waiter *served = NULL;
    cairn_engine *engine = heads->setup.engine;
    bool more = settle(heads, head, &served);
    if (err != CAIRN_OK)
        answer(served, err, NULL);
    if (more)
        sign(heads);
    if (err == CAIRN_OK)
        serve(engine, served, head);
}

void cairn_heads_gathered(cairn_heads *heads, cairn_head *head)
{
    conclude(heads, CAIRN_OK, head);
    cairn_head_free(head);
}

static void on_signed(void *context, cairn_err err, cairn_bytes signature)
{
    cairn_heads *heads = context;
    CAIRN_CLEANUP(cairn_head_free_p) cairn_head *head = NULL;
    if (err == CAIRN_OK)
        err = make_head(heads, signature, &head);
    forget_signing(heads);
    if (err == CAIRN_OK && heads->setup.gather != NULL)
        heads->setup.gather(heads->setup.gather_context, heads, CAIRN_STEAL(head));
    else
        conclude(heads, err, head);
}

/* Under the lock: the head that there is, if it serves. */
static bool is_good(const cairn_heads *heads, uint64_t log_size)
{
    const cairn_clock clock = cairn_clock_system();
    const cairn_head *head = heads->current;
    return head != NULL && head->view->log_size >= log_size &&
           (head->fresh_until_ns == UINT64_MAX ||
            cairn_clock_monotonic_ns(&clock) < head->fresh_until_ns);
}

void cairn_heads_want(cairn_heads *heads, uint64_t log_size, cairn_head_fn done, void *context)
{
    CAIRN_CLEANUP(cairn_head_free_p) cairn_head *head = NULL;
    waiter *w = malloc(sizeof *w);
    bool begin = false;
    pthread_mutex_lock(&heads->lock);
    if (is_good(heads, log_size)) {
        head = heads->current;
        (void)atomic_fetch_add(&head->references, 1);
    } else if (w != NULL) {
        *w = (waiter){
            .next = heads->waiters, .log_size = log_size, .done = done, .context = context};
        heads->waiters = w;
        begin = !heads->signing;
        heads->signing = true;
        w = NULL;
        done = NULL;
    }
    pthread_mutex_unlock(&heads->lock);
    free(w);
    if (head != NULL)
        done(context, CAIRN_OK, head);
    else if (done != NULL)
        done(context, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "head: waiter"), NULL);
    if (begin)
        sign(heads);
}

cairn_head *cairn_heads_peek(cairn_heads *heads, uint64_t log_size)
{
    cairn_head *head = NULL;
    pthread_mutex_lock(&heads->lock);
    if (heads->current != NULL && heads->current->view->log_size >= log_size) {
        head = heads->current;
        (void)atomic_fetch_add(&head->references, 1);
    }
    pthread_mutex_unlock(&heads->lock);
    return head;
}

/* --- life --- */

cairn_err cairn_heads_new(const cairn_heads_setup *setup, cairn_heads **ret_heads)
{
    cairn_heads *heads = calloc(1, sizeof *heads);
    if (heads == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "heads");
    heads->setup = *setup;
    pthread_mutex_init(&heads->lock, NULL);
    cairn_arena_init(&heads->arena, SCRATCH_SIZE_MAX);
    *ret_heads = heads;
    return CAIRN_OK;
}

void cairn_heads_free(cairn_heads *heads)
{
    if (heads == NULL)
        return;
    CAIRN_ASSERT(heads->waiters == NULL && !heads->signing);
    cairn_head_free(heads->current);
    pthread_mutex_destroy(&heads->lock);
    cairn_arena_done(&heads->arena);
    free(heads);
}
